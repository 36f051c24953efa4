"""Finds the authors of a page: in JSON-LD, metas, marked-up bylines, or the text near the headline."""

from __future__ import annotations

import re
from collections.abc import Iterator

from broadsheet.cleaners.metadata import around_headline
from broadsheet.cleaners.metadata.authors import begins_with_by, clean_names, is_personal
from broadsheet.cleaners.metadata.json_ld import JsonLdNode, resolve_references, string_values, types_of
from broadsheet.cleaners.metadata.page_context import PageContext
from broadsheet.cleaners.metadata.statements import Element, element_text
from broadsheet.cleaners.metadata.word_lists import load_words, meta_names

_BYLINE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:by-?line|author|authors|writer|creator)(?:[\s_-]*(?:names?|links?|title|info|meta|text))?(?:$|[\s_-])",
    re.I,
)
_UNRELATED_CLASS = re.compile(
    r"comment|related|recommend|sidebar|footer|bio\b|avatar|image|photo|teaser|card-list", re.I
)
_NO_BYLINE_TAGS = frozenset(
    {"meta", "link", "img", "script", "style", "input", "svg", "html", "body", "main", "article"}
)
_AUTHOR_PAGE = re.compile(r"/autho?re?s?/[^/]|[?&]author=", re.I)
_LAST_FIRST = re.compile(r"^([^,\s]+(?: [^,\s]+)?), ([^,]+)$")
_MAX_BYLINE_CHARS = 150


def find_authors(page: PageContext) -> tuple[tuple[str, ...], str]:
    """Return the article's authors by the first source that has any, and the source."""
    for source, read in (
        ("json-ld", _names_in_json_ld),
        ("meta", _names_in_metas),
        ("markup", _names_in_markup),
        ("text", _names_in_text),
    ):
        if names := clean_names(read(page), page.site_names):
            return names, source
    return _corporate_author(page)


def _corporate_author(page: PageContext) -> tuple[tuple[str, ...], str]:
    """The organisation that is stated as author, mostly the site itself, where no other author is named."""
    stated_names = [
        name
        for value in page.member_values("author")
        for name in string_values(resolve_references(value, page.nodes_by_id))
    ]
    for source, values in (("json-ld", stated_names), ("meta", page.statements.metas.get("author", ()))):
        if names := clean_names(values):
            return names[:1], source
    return (), ""


def _names_in_json_ld(page: PageContext) -> Iterator[str]:
    for member in ("author", "creator"):
        for value in page.member_values(member):
            names = list(string_values(_only_people(resolve_references(value, page.nodes_by_id))))
            if clean_names(names, page.site_names):
                yield from names
                return


def _only_people(value: object) -> object:
    """Leave organisations out of a list of authors if it has people as well."""
    if not isinstance(value, list):
        return value
    people = [author for author in value if not (isinstance(author, dict) and _is_organisation(author))]
    return people or value


def _is_organisation(node: JsonLdNode) -> bool:
    types = types_of(node)
    return "Person" not in types and any("Organization" in name for name in types)


def _names_in_metas(page: PageContext) -> Iterator[str]:
    metas = page.statements.metas
    for name in meta_names("author"):
        values = [_swap_last_first(value) for value in metas.get(name, ())]
        if clean_names(values, page.site_names):
            yield from values
            return
    for number in ("1", "2"):
        label = "".join(metas.get(f"twitter:label{number}", ())[:1])
        if label and begins_with_by(f"{label}: x"):
            yield from metas.get(f"twitter:data{number}", ())[:1]
    yield from metas.get("twitter:misc:written by", ())


def _swap_last_first(value: str) -> str:
    """Turn `Last, First` into `First Last`; libraries and journals write one author a meta in that form."""
    match = _LAST_FIRST.match(value)
    return f"{match[2]} {match[1]}" if match and len(value.split()) == 2 else value


def _names_in_markup(page: PageContext) -> Iterator[str]:
    ranked_elements = [
        (rank, element)
        for element in page.bylines_and_dates[0][:200]
        if (rank := _byline_rank(page, element)) is not None
    ]
    for best_rank in range(4):
        candidates = [
            (element, text)
            for rank, element in ranked_elements
            if rank == best_rank and (text := _byline_text(element))
        ]
        bylines = [(element, text) for element, text in candidates if clean_names([text], page.site_names)]
        if bylines:
            first_parent = bylines[0][0].getparent()
            yield from [text for element, text in bylines[:6] if best_rank < 2 or element.getparent() is first_parent]
            return


def _byline_text(element: Element) -> str:
    """Return a byline's text, a line a block; only the texts of links to authors' pages if it has any."""
    link_texts = [element_text(link) for link in element.iter("a") if _AUTHOR_PAGE.search(link.get("href", ""))]
    text = "\n".join(filter(None, link_texts or _leaf_names(element)))
    text = text or "\n".join(run.text for run in around_headline.runs_within(element, 6))
    lines = [line for line in text.split("\n") if line.casefold().rstrip(":") not in load_words("by")]
    return "\n".join(lines) if len(text) <= _MAX_BYLINE_CHARS else ""


def _leaf_names(element: Element) -> list[str]:
    """Return the texts of the innermost elements if there are several and each is a full name."""
    leaf_texts = [element_text(leaf) for leaf in element.iter("span", "a", "li", "div") if not len(leaf) and leaf.text]
    return leaf_texts if len(leaf_texts) > 1 and all(is_personal(leaf) for leaf in leaf_texts) else []


def _byline_rank(page: PageContext, element: Element) -> int | None:
    """Return how surely an element is the byline, 0 (surest) to 3; None if it is none or outside of the article."""
    rank = None if element.tag in _NO_BYLINE_TAGS else _markup_rank(element)
    return rank if rank is not None and page.is_part_of_article(element, _UNRELATED_CLASS) else None


def _markup_rank(element: Element) -> int | None:
    if element.get("itemprop") == "author":
        return 0
    if "author" in element.get("rel", "").split():
        return 1
    if _BYLINE_CLASS.search(element.get("class", "")) or element.get("data-testid"):
        return 2
    return 3 if _AUTHOR_PAGE.search(element.get("href", "")) else None


def _names_in_text(page: PageContext) -> Iterator[str]:
    """Yield the first text near the headline that is `by` and names only; `by` may be a block of its own."""
    for runs in (page.runs_after[:25], page.runs_before[:6][::-1]):
        for index, run in enumerate(runs):
            text = run.text
            if text.casefold().rstrip(":") in load_words("by") and index + 1 < len(runs):
                text = f"by {runs[index + 1].text}"
            if len(text) <= _MAX_BYLINE_CHARS and begins_with_by(text) and _has_only_names(text):
                yield text
                return


def _has_only_names(text: str) -> bool:
    """Whether a `by …` text is names only, each of two to five words of which at most one is not capitalised."""
    names = clean_names([text])
    return bool(names) and all(_is_capitalised_name(name) for name in names)


def _is_capitalised_name(name: str) -> bool:
    parts = name.split()
    capitalised_count = sum(not part[0].islower() for part in parts)
    return 2 <= len(parts) <= 5 and capitalised_count >= len(parts) - 1
