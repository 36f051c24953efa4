"""Where a page names its authors: JSON-LD, metas, marked-up bylines, and the text under the headline."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cleaners.metadata import around_headline
from cleaners.metadata.authors import begins_with_by, clean_names, is_personal
from cleaners.metadata.json_ld import Node, resolve, strings, types_of
from cleaners.metadata.page_context import Context
from cleaners.metadata.statements import Element, text_of
from cleaners.metadata.word_lists import meta_names, words

_BYLINE = re.compile(
    r"(?:^|[\s_-])(?:by-?line|author|authors|writer|creator)(?:[\s_-]*(?:names?|links?|title|info|meta|text))?(?:$|[\s_-])",
    re.I,
)
_UNRELATED = re.compile(r"comment|related|recommend|sidebar|footer|bio\b|avatar|image|photo|teaser|card-list", re.I)
_NO_BYLINE = frozenset({"meta", "link", "img", "script", "style", "input", "svg", "html", "body", "main", "article"})
_AUTHOR_PAGE = re.compile(r"/autho?re?s?/[^/]|[?&]author=", re.I)
_LAST_FIRST = re.compile(r"^([^,\s]+(?: [^,\s]+)?), ([^,]+)$")
_MAX_BYLINE = 150  # characters


def find_authors(page: Context) -> tuple[tuple[str, ...], str]:
    """Return the article's authors, as named in the first place that names any, and the source."""
    for source, read in (
        ("json-ld", _from_nodes),
        ("meta", _from_metas),
        ("markup", _from_markup),
        ("text", _from_text),
    ):
        if names := clean_names(read(page), page.site_names):
            return names, source
    return _corporate(page)


def _corporate(page: Context) -> tuple[tuple[str, ...], str]:
    """The body that signs the article, mostly its site, where the page states it as the author and names nobody."""
    stated = [name for value in page.members("author") for name in strings(resolve(value, page.by_id))]
    for source, values in (("json-ld", stated), ("meta", page.clues.metas.get("author", ()))):
        if names := clean_names(values):
            return names[:1], source
    return (), ""


def _from_nodes(page: Context) -> Iterator[str]:
    for member in ("author", "creator"):
        for value in page.members(member):
            names = list(strings(_people(resolve(value, page.by_id))))
            if clean_names(names, page.site_names):
                yield from names
                return


def _people(value: object) -> object:
    """Leave organisations out where people are named too."""
    if not isinstance(value, list):
        return value
    people = [each for each in value if not (isinstance(each, dict) and _is_organisation(each))]
    return people or value


def _is_organisation(node: Node) -> bool:
    types = types_of(node)
    return "Person" not in types and any("Organization" in name for name in types)


def _from_metas(page: Context) -> Iterator[str]:
    metas = page.clues.metas
    for name in meta_names("author"):
        values = [_first_last(value) for value in metas.get(name, ())]
        if clean_names(values, page.site_names):
            yield from values
            return
    for number in ("1", "2"):
        label = "".join(metas.get(f"twitter:label{number}", ())[:1])
        if label and begins_with_by(f"{label}: x"):
            yield from metas.get(f"twitter:data{number}", ())[:1]
    yield from metas.get("twitter:misc:written by", ())


def _first_last(value: str) -> str:
    """Turn `Last, First` round, as libraries and journals write one author a meta."""
    match = _LAST_FIRST.match(value)
    return f"{match[2]} {match[1]}" if match and len(value.split()) == 2 else value


def _from_markup(page: Context) -> Iterator[str]:
    ranked = [(rank, element) for element in page.named[0][:200] if (rank := _rank(page, element)) is not None]
    for wanted in range(4):
        found = [(element, text) for rank, element in ranked if rank == wanted and (text := _byline_text(element))]
        named = [(element, text) for element, text in found if clean_names([text], page.site_names)]
        if named:
            first = named[0][0].getparent()
            yield from [text for element, text in named[:6] if wanted < 2 or element.getparent() is first]
            return


def _byline_text(element: Element) -> str:
    """Return a byline's text, its blocks on lines of their own; only its links to authors' pages if it has such."""
    links = [text_of(link) for link in element.iter("a") if _AUTHOR_PAGE.search(link.get("href", ""))]
    text = "\n".join(filter(None, links or _name_leaves(element)))
    text = text or "\n".join(piece.text for piece in around_headline.within(element, 6))
    lines = [line for line in text.split("\n") if line.casefold().rstrip(":") not in words("by")]
    return "\n".join(lines) if len(text) <= _MAX_BYLINE else ""


def _name_leaves(element: Element) -> list[str]:
    """Return the texts of the inner elements if each of several is a full name."""
    leaves = [text_of(leaf) for leaf in element.iter("span", "a", "li", "div") if not len(leaf) and leaf.text]
    return leaves if len(leaves) > 1 and all(is_personal(leaf) for leaf in leaves) else []


def _rank(page: Context, element: Element) -> int | None:
    """Say how surely an element is the byline: 0 most; None if it stands where bylines of other texts stand."""
    rank = None if element.tag in _NO_BYLINE else _mark(element)
    return rank if rank is not None and page.is_own(element, _UNRELATED) else None


def _mark(element: Element) -> int | None:
    if element.get("itemprop") == "author":
        return 0
    if "author" in element.get("rel", "").split():
        return 1
    if _BYLINE.search(element.get("class", "")) or element.get("data-testid"):
        return 2
    return 3 if _AUTHOR_PAGE.search(element.get("href", "")) else None


def _from_text(page: Context) -> Iterator[str]:
    """Yield the first `by …` of names only near the headline, also where `by` stands in a block of its own."""
    for pieces in (page.after[:25], page.before[:6][::-1]):
        for place, piece in enumerate(pieces):
            text = piece.text
            if text.casefold().rstrip(":") in words("by") and place + 1 < len(pieces):
                text = f"by {pieces[place + 1].text}"
            if len(text) <= _MAX_BYLINE and begins_with_by(text) and _is_names(text):
                yield text
                return


def _is_names(text: str) -> bool:
    """Say whether a `by …` text is names only: each of two to five words, at most one not capitalised."""
    names = clean_names([text])
    return bool(names) and all(_is_capitalised(name) for name in names)


def _is_capitalised(name: str) -> bool:
    parts = name.split()
    upper = sum(not part[0].islower() for part in parts)
    return 2 <= len(parts) <= 5 and upper >= len(parts) - 1
