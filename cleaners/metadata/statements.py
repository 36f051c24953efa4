"""What a page states about itself, collected in one walk: metas, links, JSON-LD, headings, times.

Nothing is judged here; `metadata` chooses among the clues.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import lxml.html

from cleaners.html.tag_index import Walked
from cleaners.metadata.json_ld import Node, read_nodes

Element = lxml.html.HtmlElement

_UNSEEN = frozenset({"script", "style", "template", "svg", "noscript"})
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BYLINE, _DATED, _NOTHING = "byline", "dated", frozenset[str]()
_MARKS = {"uthor": _BYLINE, "yline": _BYLINE, "writer": _BYLINE, "creator": _BYLINE, "date": _DATED, "Date": _DATED}
_NAMING = frozenset(("itemprop", "data-testid", "rel", "href"))  # beside the class, what may call an element a byline
MAX_TEXT = 1000  # characters of one clue; more is no title, name or date


@dataclass(frozen=True, slots=True)
class Clues:
    """The collected statements, in document order. `metas` and `links` are by lower-case name."""

    metas: dict[str, list[str]] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    headings: list[Element] = field(default_factory=list)
    times: list[Element] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    tags: list[Element] = field(default_factory=list)  # links with `rel=tag`
    licences: list[str] = field(default_factory=list)  # where links to a licence lead
    html_lang: list[str] = field(default_factory=list)

    def meta(self, names: tuple[str, ...]) -> Iterator[str]:
        """Yield the contents of the metas with these names, the first name first."""
        for name in names:
            yield from self.metas.get(name, ())


def collect(tree: Element | Walked) -> Clues:
    """Walk the tree once and collect its clues; the tree is not changed."""
    clues = Clues()
    for element in tree.iter(*_READERS):
        _READERS[str(element.tag)](clues, element)
    return clues


def named_elements(elements: Iterable[Element]) -> tuple[list[Element], list[Element]]:
    """Return the elements whose class or another attribute calls them a byline, and those whose class says `date`."""
    bylines: list[Element] = []
    dated: list[Element] = []
    for element in elements:
        given = element.keys()
        called = _called(element.get("class", "")) if "class" in given else _NOTHING
        if _DATED in called and element.tag not in ("body", "html"):
            dated.append(element)
        if _BYLINE in called or (not _NAMING.isdisjoint(given) and _is_byline(element)):
            bylines.append(element)
    return bylines, dated


@lru_cache(maxsize=4096)
def _called(names: str) -> frozenset[str]:
    """What a class attribute calls its element."""
    return frozenset(kind for mark, kind in _MARKS.items() if mark in names)


def fold(text: str | None) -> str:
    """Return `text` with white space folded and character references that were escaped twice resolved."""
    if not text:
        return ""
    if "&" in text:
        text = html.unescape(text)
    return " ".join(text.replace("\xad", "").replace("\u200b", "").split())


def text_of(element: Element, limit: int = MAX_TEXT) -> str:
    """Return the element's visible text with white space folded, at most about `limit` characters."""
    if not len(element):
        return fold(element.text)
    parts: list[str] = []
    _gather(element, parts, limit)
    return fold("".join(parts))


def _gather(element: Element, parts: list[str], limit: int) -> None:
    size = 0
    for part in element.xpath("descendant::text()"):
        parent = part.getparent() if part.is_text else part.getparent().getparent()
        if parent is not None and parent.tag not in _UNSEEN:
            parts.append(" " if part.is_tail and part.getparent().tag == "br" else "")
            parts.append(str(part))
            size += len(part)
        if size > limit:
            return


def is_hidden(element: Element) -> bool:
    """Say whether the element itself is marked as not shown."""
    return "hidden" in element.attrib or bool(_HIDDEN.search(element.get("style", "")))


def _read_meta(clues: Clues, element: Element) -> None:
    content = fold(element.get("content") or element.get("value"))
    if not content:
        return
    for attribute in ("property", "name", "itemprop", "http-equiv"):
        if name := element.get(attribute):
            clues.metas.setdefault(name.strip().lower(), []).append(content)


def _read_link(clues: Clues, element: Element) -> None:
    href = (element.get("href") or "").strip()
    for rel in (element.get("rel") or "").lower().split() if href else ():
        clues.links.setdefault(rel, []).append(href)


def _read_script(clues: Clues, element: Element) -> None:
    if "ld+json" in (element.get("type") or "") and element.text:
        clues.nodes.extend(read_nodes(element.text))


def _read_title(clues: Clues, element: Element) -> None:
    parent: Any = element.getparent()
    if parent is None or parent.tag != "svg":
        clues.titles.append(fold(element.text))


def _read_heading(clues: Clues, element: Element) -> None:
    if not is_hidden(element):
        clues.headings.append(element)


def _read_html(clues: Clues, element: Element) -> None:
    clues.html_lang.extend(
        filter(None, (element.get("lang"), element.get("{http://www.w3.org/XML/1998/namespace}lang")))
    )
    clues.html_lang.extend(filter(None, (element.get("xml:lang"),)))


def _read_link_in_text(clues: Clues, element: Element) -> None:
    href, rel = element.get("href"), element.get("rel")
    if rel and "tag" in rel.split():
        clues.tags.append(element)
    if href and ("creativecommons.org/" in href or (rel and "license" in rel)):
        clues.licences.append(href)


def _is_byline(element: Element) -> bool:
    if element.get("itemprop") == "author":
        return True
    identity, rel = element.get("data-testid"), element.get("rel")
    if identity and ("author" in identity or "byline" in identity):
        return True
    if rel and "author" in rel:
        return True
    href = element.get("href") or "" if element.tag == "a" else ""
    return "/author" in href or "/autor" in href or "author=" in href


_READERS: dict[str, Callable[[Clues, Element], None]] = {
    "html": _read_html,
    "meta": _read_meta,
    "link": _read_link,
    "a": _read_link_in_text,
    "script": _read_script,
    "title": _read_title,
    "h1": _read_heading,
    "time": lambda clues, element: clues.times.append(element),
}
