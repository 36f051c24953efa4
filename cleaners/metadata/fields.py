"""What a page says about its article: title, people, dates, language, licence, address; each with its source.

One walk over the parsed tree collects the statements (`clues`); each field is then the first or the most agreed of
them. The slower looks (bylines by class name, the text around the headline) happen only for what is still missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from cleaners.document import Metadata
from cleaners.html.tag_index import Walked, walked
from cleaners.metadata.bylines import find_authors
from cleaners.metadata.datelines import find_modified, find_published
from cleaners.metadata.json_ld import strings
from cleaners.metadata.language import find_language
from cleaners.metadata.page_context import Context
from cleaners.metadata.statements import Element, collect, fold, text_of
from cleaners.metadata.titles import Statement, choose_title, fold_title
from cleaners.metadata.word_lists import meta_names
from cleaners.urls.canonical import canonicalise

_CC = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z+-]+)(?:/(\d\.\d))?", re.IGNORECASE
)
_H1, _OG, _TWITTER, _NODE, _HEAD = 1.5, 1.0, 0.5, 1.3, 0.6  # how far a title from there is trusted
_BLOCK_TAG = re.compile(r"</?(?:p|br|div|li|ul|ol|h\d)\b[^<>]{0,200}>", re.IGNORECASE)
_INLINE_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_MAX_TAGS = 50
_MAX_TAG = 80  # characters


def read_metadata(tree: Element | Walked, url: str, not_after: str = "", text: str = "") -> Metadata:
    """Read a page's statements about its article.

    `url` is the address that answered. `not_after` is an ISO 8601 time (that of the fetch) that no date may exceed.
    `text`, if given, is the article's text, from which the language is guessed when the page states none. The tree is
    not changed. Any tree can be read.
    """
    page = Context(walked(tree), url, collect(tree), not_after)
    found = {name: read(page) for name, read in _FIELDS.items()}
    found["language"] = find_language(page, text)
    values: dict[str, Any] = {name: _stripped(value) for name, (value, _) in found.items() if value}
    return Metadata(**values, sources={name: found[name][1] for name in values})


def _title(page: Context) -> tuple[str, str]:
    return choose_title(list(_titles(page)), page.site_names)


def _titles(page: Context) -> Iterator[Statement]:
    for place, (text, _) in enumerate(page.headings):
        yield Statement(text, "markup", _H1 if place == 0 else _H1 - 0.5)
    for node in page.articles[:1]:
        for value in [*strings(node.get("headline")), *strings(node.get("name"))][:1]:
            yield Statement(fold(value), "json-ld", _NODE)
    for name in meta_names("title"):
        for content in page.clues.metas.get(name, ())[:1]:
            yield Statement(content, "meta", _OG if name == "og:title" else _TWITTER)
    for text in page.clues.titles[:1]:
        yield Statement(text, "meta", _HEAD)


def _first_meta(what: str, member: str) -> Callable[[Context], tuple[str, str]]:
    """Return a reader of a plain text field: JSON-LD's member of that name, else the first meta."""

    def read(page: Context) -> tuple[str, str]:
        for value in page.members(member):
            for text in strings(value):
                if folded := fold(_untagged(text)):
                    return folded, "json-ld"
        return next(((content, "meta") for content in page.clues.meta(meta_names(what))), ("", ""))

    return read


def _untagged(text: str) -> str:
    """Drop tags that a plain text field carries; a block's tag leaves a space."""
    return _INLINE_TAG.sub("", _BLOCK_TAG.sub(" ", text)) if "<" in text else text


def _description(page: Context) -> tuple[str, str]:
    for content in page.clues.meta(meta_names("description")):
        return fold(_untagged(content)), "meta"
    return _first_meta("description", "description")(page)


def _tags(page: Context) -> tuple[tuple[str, ...], str]:
    stated = [text for value in page.members("keywords") for text in strings(value)]
    if tags := _distinct(stated):
        return tags, "json-ld"
    for name in meta_names("tags"):
        if tags := _distinct(page.clues.metas.get(name, ())):
            return tags, "meta"
    return _distinct(text_of(link) for link in page.clues.tags), "markup"


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Return the tags in lists parted by commas, each once."""
    split = (fold(tag).strip("#\"' ") for value in values for tag in re.split(r"[,;،、]", value))
    tags: dict[str, str] = {}
    for tag in split:
        if 0 < len(tag) <= _MAX_TAG and "://" not in tag:
            tags.setdefault(fold_title(tag), tag)
    return tuple(tags.values())[:_MAX_TAGS]


def _licence(page: Context) -> tuple[str, str]:
    for value in page.members("license"):
        for text in strings(value):
            return _licence_name(text), "json-ld"
    for href in [*page.clues.links.get("license", ()), *page.clues.licences]:
        return _licence_name(urljoin(page.url, href)), "markup"
    stated = (text for text in page.clues.meta(meta_names("licence")) if _CC.search(text))
    return next(((_licence_name(text), "meta") for text in stated), ("", ""))


def _licence_name(text: str) -> str:
    """Return a Creative Commons address in its one form, without language and jurisdiction; other texts as they are."""
    match = _CC.search(text)
    if not match:
        return fold(text)
    version = f"{match[3]}/" if match[3] else ""
    return f"https://creativecommons.org/{match[1].lower()}/{match[2].lower()}/{version}"


def _sitename(page: Context) -> tuple[str, str]:
    for content in page.clues.meta(meta_names("sitename")):
        return content, "meta"
    for value in page.members("publisher"):
        for text in strings(value):
            return ("", "") if text.startswith("http") else (fold(text), "json-ld")
    return "", ""


def _image(page: Context) -> tuple[str, str]:
    for content in page.clues.meta(meta_names("image")):
        if absolute := _absolute(content, page.url):
            return absolute, "meta"
    for value in page.members("image"):
        for text in _image_urls(value):
            if absolute := _absolute(text, page.url):
                return absolute, "json-ld"
    return next(((_absolute(href, page.url), "markup") for href in page.clues.links.get("image_src", ())), ("", ""))


def _image_urls(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _image_urls(value.get("url") or value.get("contentUrl") or value.get("@id"))
    elif isinstance(value, list):
        for each in value[:5]:
            yield from _image_urls(each)
    elif isinstance(value, str):
        yield value


def _absolute(href: str, url: str) -> str:
    """Return an http(s) address made absolute, its spelling otherwise kept (image addresses may be signed)."""
    try:
        joined = urljoin(url, href.strip())
        return joined if urlsplit(joined).scheme in ("http", "https") and " " not in joined else ""
    except ValueError:  # a host in broken brackets
        return ""


def _canonical(page: Context) -> tuple[str, str]:
    stated = [(href, "markup") for href in page.clues.links.get("canonical", ())]
    stated += [(content, "meta") for content in page.clues.metas.get("og:url", ())]
    for href, source in stated:
        address = canonicalise(href, page.url)
        if address and not _is_only_home(address, page.url):
            return address, source
    return "", ""


def _is_only_home(address: str, url: str) -> bool:
    """Say whether a canonical address is a site's home page although the page is another: a common template's fault."""
    told, own = urlsplit(address), urlsplit(url)
    return told.path in ("", "/") and not told.query and bool(own.path.strip("/") or own.query)


_FIELDS: dict[str, Callable[[Context], tuple[Any, str]]] = {
    "title": _title,
    "authors": find_authors,
    "published": find_published,
    "modified": find_modified,
    "description": _description,
    "section": _first_meta("section", "articleSection"),
    "tags": _tags,
    "licence": _licence,
    "sitename": _sitename,
    "image": _image,
    "canonical_url": _canonical,
}


def _stripped(value: object) -> object:
    """A text without white space around it; other values as they are."""
    return value.strip() if isinstance(value, str) else value
