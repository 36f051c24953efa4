"""Metadata of an article: title, authors, dates, language, licence, URL and others, each with its source.

One walk over the parsed tree collects the page's statements; each field is then the first of them, or for the title the
one that most sources agree on. The slower readers (bylines by class name, the text around the headline) run only for
fields that are still missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..document import AUTHORS, BYLINE, TITLE, FieldStatement, Metadata
from .authors import find_authors, find_byline, find_credit, stated_authors
from .canonical_urls import canonicalise, split_url
from .datelines import CARD_CLASS, TITLE_SPACES, date_statements, find_modified, find_published
from .elements import TagIndex, index_tags
from .language import find_language
from .page_context import PageContext
from .statements import Element, collect_statements, element_text, normalise_text, string_values
from .titles import TitleCandidate, choose_title, fold_title
from .word_lists import meta_names

_CREATIVE_COMMONS = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z+-]+)(?:/(\d\.\d))?", re.IGNORECASE
)
_H1_WEIGHT, _OG_WEIGHT, _TWITTER_WEIGHT, _JSON_LD_WEIGHT = 1.5, 1.0, 0.5, 1.3  # weights of titles by their source
_HEAD_WEIGHT = 0.6  # of the `title` element
_BLOCK_TAG = re.compile(r"</?(?:p|br|div|li|ul|ol|h\d)\b[^<>]{0,200}>", re.IGNORECASE)
_INLINE_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_MAX_TAGS = 50
_CARD_HEADINGS, _MAX_CARD_CHARS = ("h2", "h3", "h4", "h5"), 600
_CARD_TITLES = 2  # maximum text of a card: a title and the line above it
_MAX_TAG_CHARS = 80


def read_metadata(tree: Element | TagIndex, url: str, not_after: str = "", text: str = "") -> Metadata:
    """Read the metadata that a page states about its article.

    `url` is the URL that answered. `not_after` is an ISO 8601 time (that of the fetch) that no date may exceed. `text`,
    if given, is the article's text, from which the language is detected if the page states none. The tree is not
    changed. No tree makes it fail.
    """
    return read_fields(metadata_context(tree, url, not_after), text)


def metadata_context(tree: Element | TagIndex, url: str, not_after: str = "") -> PageContext:
    """Collect a page's statements, from which `read_fields` and `read_statements` read."""
    return PageContext(index_tags(tree), url, collect_statements(tree), not_after)


def read_fields(page: PageContext, text: str = "") -> Metadata:
    """Read the metadata of a page whose statements are collected; `text` is as for `read_metadata`."""
    values_and_sources = {name: read(page) for name, read in FIELD_READERS.items()}
    values_and_sources["language"] = find_language(page, text)
    values: dict[str, Any] = {name: value for name, (value, _) in values_and_sources.items() if value}
    return Metadata(**values, sources={name: values_and_sources[name][1] for name in values})


def read_statements(page: PageContext, metadata: Metadata) -> tuple[FieldStatement, ...]:
    """Return what each source of a page states of its authors, titles and dates, whether `metadata` has it or not."""
    authors = (
        FieldStatement(AUTHORS, source, json.dumps(names, ensure_ascii=False)) for source, names in stated_authors(page)
    )
    line, source = find_byline(page)
    bylines = (FieldStatement(BYLINE, source, line),) if line else ()
    return (*authors, *bylines, *_other_titles(page, metadata.title), *date_statements(page, metadata.published))


def _other_titles(page: PageContext, title: str) -> Iterator[FieldStatement]:
    """Yield the headline and the title element if they differ from the chosen title."""
    known = {fold_title(title)}
    headings = [(text, "markup") for text, _ in page.heading_candidates[:1]]
    for text, source in (*headings, *((text, "meta") for text in page.statements.titles[:1])):
        other, _ = choose_title([TitleCandidate(text, source, 1)], page.site_names)
        if (folded := fold_title(other)) and folded not in known:
            known.add(folded)
            yield FieldStatement(TITLE, source, other)


def _read_title(page: PageContext) -> tuple[str, str]:
    candidates = list(_title_candidates(page))
    if not any("<" in text for text, _ in page.heading_candidates):  # a heading about tags shows them
        candidates = [
            one._replace(text=normalise_text(_strip_tags(one.text))) if "<" in one.text else one for one in candidates
        ]
    return choose_title(candidates, page.site_names)


def _title_candidates(page: PageContext) -> Iterator[TitleCandidate]:
    for index, (text, _) in enumerate(page.heading_candidates):
        yield TitleCandidate(text, "markup", _H1_WEIGHT if index == 0 else _H1_WEIGHT - 0.5)
    for node in page.article_nodes[:1]:
        for value in [*string_values(node.get("headline")), *string_values(node.get("name"))][:1]:
            yield TitleCandidate(normalise_text(value), "json-ld", _JSON_LD_WEIGHT)
    for name in meta_names("title"):
        for content in page.statements.metas.get(name, ())[:1]:
            yield TitleCandidate(content, "meta", _OG_WEIGHT if name == "og:title" else _TWITTER_WEIGHT)
    for text in page.statements.titles[:1]:
        yield TitleCandidate(text, "meta", _HEAD_WEIGHT)


def _text_field_reader(meta_list: str, member: str) -> Callable[[PageContext], tuple[str, str]]:
    """Return a reader of a text field: the first value of a JSON-LD member, or of the metas of a word list."""

    def read_field(page: PageContext) -> tuple[str, str]:
        for value in page.member_values(member):
            for text in string_values(value):
                if folded_text := normalise_text(_strip_tags(text)):
                    return folded_text, "json-ld"
        return next(((content, "meta") for content in page.statements.meta_contents(meta_names(meta_list))), ("", ""))

    return read_field


def _strip_tags(text: str) -> str:
    """Remove HTML tags from a plain text field; the tag of a block leaves a space."""
    return _INLINE_TAG.sub("", _BLOCK_TAG.sub(" ", text)) if "<" in text else text


def _read_description(page: PageContext) -> tuple[str, str]:
    for content in page.statements.meta_contents(meta_names("description")):
        return normalise_text(_strip_tags(content)), "meta"
    return _text_field_reader("description", "description")(page)


def _read_tags(page: PageContext) -> tuple[tuple[str, ...], str]:
    tags, source = _stated_keywords(page, "tags")
    if tags:
        return tags, source
    own_links = (link for link in page.statements.tag_links if not _is_anothers(page, link))
    return _distinct_tags(map(element_text, own_links)), "markup"


def _is_anothers(page: PageContext, link: Element) -> bool:
    """Return whether a link is in another article's card: a box with such a class, or with a linked title as its
    heading.
    """
    for box in link.iterancestors():
        if box in page.headline_ancestors or len(element_text(box, _MAX_CARD_CHARS)) >= _MAX_CARD_CHARS:
            return False
        if titles := sum(_is_linked_title(heading) for heading in box.iter(*_CARD_HEADINGS)):
            return titles <= _CARD_TITLES
        if CARD_CLASS.search(f"{box.get('class', '')} {box.get('id', '')}") and any(
            "tag" not in (other.get("rel") or "") and element_text(other).count(" ") >= TITLE_SPACES
            for other in box.iter("a")
        ):
            return True
    return False


def _is_linked_title(heading: Element) -> bool:
    """Return whether a heading is a link of some words, and not the name of an author or a line with a link in it."""
    text = element_text(heading)
    return text.count(" ") >= TITLE_SPACES and (
        next(heading.iterancestors("a"), None) is not None or any(element_text(a) == text for a in heading.iter("a"))
    )


def _read_keywords(page: PageContext) -> tuple[tuple[str, ...], str]:
    return _stated_keywords(page, "keywords")


def _stated_keywords(page: PageContext, meta_list: str) -> tuple[tuple[str, ...], str]:
    """Return the keywords and their source: JSON-LD, or the first meta of a word list that has any."""
    keywords = [text for value in page.member_values("keywords") for text in string_values(value)]
    if tags := _distinct_tags(keywords):
        return tags, "json-ld"
    for name in meta_names(meta_list):
        if tags := _distinct_tags(page.statements.metas.get(name, ())):
            return tags, "meta"
    return (), ""


def _distinct_tags(values: Iterable[str]) -> tuple[str, ...]:
    """Split lists of tags at commas and the like, and return each tag once."""
    candidates = (normalise_text(tag).strip("#\"' ") for value in values for tag in re.split(r"[,;،、]", value))
    tags: dict[str, str] = {}
    for tag in candidates:
        if 0 < len(tag) <= _MAX_TAG_CHARS and "://" not in tag:
            tags.setdefault(fold_title(tag), tag)
    return tuple(tags.values())[:_MAX_TAGS]


def _read_licence(page: PageContext) -> tuple[str, str]:
    for value in page.member_values("license"):
        for text in string_values(value):
            return _licence_name(text), "json-ld"
    for href in [*page.statements.links.get("license", ()), *page.statements.licence_urls]:
        return _licence_name(_absolute_url(href, page.url) or href), "markup"
    cc_texts = (text for text in page.statements.meta_contents(meta_names("licence")) if _CREATIVE_COMMONS.search(text))
    return next(((_licence_name(text), "meta") for text in cc_texts), ("", ""))


def _licence_name(text: str) -> str:
    """Return a Creative Commons URL in its normal form, without language and jurisdiction; other texts as they are."""
    match = _CREATIVE_COMMONS.search(text)
    if not match:
        return normalise_text(text)
    version = f"{match[3]}/" if match[3] else ""
    return f"https://creativecommons.org/{match[1].lower()}/{match[2].lower()}/{version}"


def _read_sitename(page: PageContext) -> tuple[str, str]:
    for content in page.statements.meta_contents(meta_names("sitename")):
        return content, "meta"
    for value in page.member_values("publisher"):
        for text in string_values(value):
            return ("", "") if text.startswith("http") else (normalise_text(text), "json-ld")
    return "", ""


def _read_image(page: PageContext) -> tuple[str, str]:
    for content in page.statements.meta_contents(meta_names("image")):
        if image_url := _absolute_url(content, page.url):
            return image_url, "meta"
    for value in page.member_values("image"):
        for text in _image_urls(value):
            if image_url := _absolute_url(text, page.url):
                return image_url, "json-ld"
    return next(
        ((_absolute_url(href, page.url), "markup") for href in page.statements.links.get("image_src", ())), ("", "")
    )


def _image_urls(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _image_urls(value.get("url") or value.get("contentUrl") or value.get("@id"))
    elif isinstance(value, list):
        for image in value[:5]:
            yield from _image_urls(image)
    elif isinstance(value, str):
        yield value


def _absolute_url(href: str, url: str) -> str:
    """Return an absolute http(s) URL, otherwise unchanged, since image URLs may be signed; empty for other links."""
    try:
        absolute_url = urljoin(url, href.strip())
        return absolute_url if urlsplit(absolute_url).scheme in ("http", "https") and " " not in absolute_url else ""
    except ValueError:  # a host in broken brackets
        return ""


def _read_canonical(page: PageContext) -> tuple[str, str]:
    hrefs_and_sources = [(href, "markup") for href in page.statements.links.get("canonical", ())]
    hrefs_and_sources += [(content, "meta") for content in page.statements.metas.get("og:url", ())]
    for href, source in hrefs_and_sources:
        address = canonicalise(href, page.url)
        if address and not _is_other_home_page(address, page.url):
            return address, source
    return "", ""


def _is_other_home_page(address: str, url: str) -> bool:
    """Return whether a canonical URL is a home page although the page is not: a common fault of templates."""
    address_parts, page_parts = split_url(address), split_url(url)
    return (
        address_parts.path in ("", "/")
        and not address_parts.query
        and bool(page_parts.path.strip("/") or page_parts.query)
    )


FIELD_READERS: dict[str, Callable[[PageContext], tuple[Any, str]]] = {
    "title": _read_title,
    "authors": find_authors,
    "published": find_published,
    "modified": find_modified,
    "description": _read_description,
    "section": _text_field_reader("section", "articleSection"),
    "tags": _read_tags,
    "keywords": _read_keywords,
    "licence": _read_licence,
    "sitename": _read_sitename,
    "image": _read_image,
    "canonical_url": _read_canonical,
    "credit": find_credit,
}
