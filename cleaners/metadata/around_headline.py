"""The visible text around a headline, where bylines and datelines usually are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import lxml.html
from lxml import etree

from broadsheet.cleaners.metadata.statements import normalise_text

Element = lxml.html.HtmlElement

_INVISIBLE_TAGS = frozenset({"script", "style", "template", "noscript", "svg", "select", "option", "iframe", "form"})
_INLINE_TAGS = frozenset(
    {"a", "b", "i", "em", "strong", "span", "time", "abbr", "small", "font", "u", "address", "cite", "bdi"}
)
MAX_RUNS_AFTER = 30  # text runs that are read after the headline
MAX_RUNS_BEFORE = 20  # and before it
_MAX_LEVELS = 5  # ancestors of the headline whose preceding siblings are read


@dataclass(frozen=True, slots=True)
class TextRun:
    """Visible text between two block boundaries, across inline markup, and the `time` elements in it."""

    text: str
    time_elements: tuple[Element, ...] = ()


def runs_after(headline: Element, limit: int = MAX_RUNS_AFTER) -> list[TextRun]:
    """Return the first text runs that follow the headline in the document."""
    return list(_text_runs(_events_after(headline), limit))


def runs_before(headline: Element, limit: int = MAX_RUNS_BEFORE) -> list[TextRun]:
    """Return the last text runs before the headline, the nearest first."""
    preceding_runs: list[TextRun] = []
    for sibling in _preceding_elements(headline):
        sibling_runs = list(_text_runs(_events_within(sibling), limit))
        preceding_runs.extend(reversed(sibling_runs))
        if len(preceding_runs) >= limit:
            break
    return preceding_runs[:limit]


def runs_within(element: Element, limit: int = MAX_RUNS_AFTER) -> list[TextRun]:
    """Return the first text runs inside an element."""
    return list(_text_runs(_events_within(element), limit))


def _preceding_elements(headline: Element) -> Iterator[Element]:
    """Yield the siblings before the headline and its nearest ancestors, the nearest first."""
    element: Element | None = headline
    for _ in range(_MAX_LEVELS):
        if element is None or element.tag == "body":
            return
        for sibling in element.itersiblings(preceding=True):
            if sibling.tag not in ("head", "nav", "header", "aside"):
                yield sibling
        element = element.getparent()


TextEvent = tuple[str, Element | None]
"""A text, or an element that begins or ends (with an empty text)."""


def _events_within(element: Element) -> Iterator[TextEvent]:
    """Yield the visible texts in an element, and the elements that begin and end around them, in document order."""
    is_skipped = not isinstance(element.tag, str)
    if is_skipped:
        return
    walker = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, event_element in walker:
        if event == "start":
            if event_element.tag in _INVISIBLE_TAGS:
                walker.skip_subtree()
                is_skipped = True
                continue
            yield ("", event_element)
            if event_element.text:
                yield (event_element.text, None)
            continue
        if event == "end" and not is_skipped:
            yield ("", event_element)
        is_skipped = False
        if event_element.tail and event_element is not element:
            yield (event_element.tail, None)


def _events_after(headline: Element) -> Iterator[TextEvent]:
    """Yield the events from the end of the headline to the end of the body."""
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


def _text_runs(events: Iterator[TextEvent], limit: int) -> Iterator[TextRun]:
    """Join the texts between block boundaries, up to `limit` runs."""
    parts: list[str] = []
    time_elements: list[Element] = []
    for text, element in events:
        if element is None:
            parts.append(text)
        elif element.tag == "time" and element not in time_elements:
            time_elements.append(element)
        elif element.tag not in _INLINE_TAGS and parts:
            if (run_text := normalise_text("".join(parts))) or time_elements:
                yield TextRun(run_text, tuple(time_elements))
                limit -= 1
            parts, time_elements = [], []
        if limit <= 0:
            return
    if run_text := normalise_text("".join(parts)):
        yield TextRun(run_text, tuple(time_elements))
