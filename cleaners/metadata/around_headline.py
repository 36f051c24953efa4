"""The visible text around a headline, where bylines and dates stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import lxml.html
from lxml import etree

from cleaners.metadata.statements import fold

Element = lxml.html.HtmlElement

_UNSEEN = frozenset({"script", "style", "template", "noscript", "svg", "select", "option", "iframe", "form"})
_INLINE = frozenset(
    {"a", "b", "i", "em", "strong", "span", "time", "abbr", "small", "font", "u", "address", "cite", "bdi"}
)
AFTER = 30  # pieces of text that are looked at after the headline, and before it
BEFORE = 20
_LEVELS = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of visible text: inline markup joined, broken at blocks. `times` are the time elements in it."""

    text: str
    times: tuple[Element, ...] = ()


def after(headline: Element, limit: int = AFTER) -> list[Piece]:
    """Return the first pieces of text that follow the headline in the document."""
    return list(_pieces(_events_after(headline), limit))


def before(headline: Element, limit: int = BEFORE) -> list[Piece]:
    """Return the last pieces of text before the headline, the nearest first."""
    found: list[Piece] = []
    for sibling in _preceding(headline):
        pieces = list(_pieces(_events_within(sibling), limit))
        found.extend(reversed(pieces))
        if len(found) >= limit:
            break
    return found[:limit]


def within(element: Element, limit: int = AFTER) -> list[Piece]:
    """Return the pieces of text inside an element."""
    return list(_pieces(_events_within(element), limit))


def _preceding(headline: Element) -> Iterator[Element]:
    """Yield the subtrees before the element, nearest first, only a few levels up."""
    element: Element | None = headline
    for _ in range(_LEVELS):
        if element is None or element.tag == "body":
            return
        for sibling in element.itersiblings(preceding=True):
            if sibling.tag not in ("head", "nav", "header", "aside"):
                yield sibling
        element = element.getparent()


Event = tuple[str, Element | None]


def _events_within(element: Element) -> Iterator[Event]:
    """Yield texts and the elements that begin and end around them, in document order."""
    skipped = not isinstance(element.tag, str)
    if skipped:
        return
    walker = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, each in walker:
        if event == "start":
            if each.tag in _UNSEEN:
                walker.skip_subtree()
                skipped = True
                continue
            yield ("", each)
            if each.text:
                yield (each.text, None)
            continue
        if event == "end" and not skipped:
            yield ("", each)
        skipped = False
        if each.tail and each is not element:
            yield (each.tail, None)


def _events_after(headline: Element) -> Iterator[Event]:
    element: Element | None = headline
    while element is not None and element.tag != "body":
        if element.tail:
            yield (element.tail, None)
        for sibling in element.itersiblings():
            yield from _events_within(sibling)
            if sibling.tail:
                yield (sibling.tail, None)
        yield ("", element)
        element = element.getparent()


def _pieces(events: Iterator[Event], limit: int) -> Iterator[Piece]:
    """Join the texts between block boundaries into pieces."""
    parts: list[str] = []
    times: list[Element] = []
    for text, element in events:
        if element is None:
            parts.append(text)
        elif element.tag == "time" and element not in times:
            times.append(element)
        elif element.tag not in _INLINE and parts:
            if (joined := fold("".join(parts))) or times:
                yield Piece(joined, tuple(times))
                limit -= 1
            parts, times = [], []
        if limit <= 0:
            return
    if joined := fold("".join(parts)):
        yield Piece(joined, tuple(times))
