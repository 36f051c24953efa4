"""Code listings with a gutter of line numbers, set apart in the tree: the numbers, then the code as one `<pre>`.

Highlighters lay a listing out as a table, a line or a column of lines a row, with numbers in cells of their own, or put
a number in front of each line. A reader of the page wants the code. The numbers stay in the page as a `<pre>` of their
own, since they are visible, and the text leaves it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lxml import etree

GUTTER_CLASS = "line-number-gutter"
"""The class of the `<pre>` that holds the numbers of a listing."""

_HINT = re.compile(r"""class=["']?[^"'<>]{0,99}(?:gutter|line[-_]?n(?:o|um)|blob-num|hljs-ln)""")
_NUMBERS = r"line[-_]?nos?|line[-_]?numbers?|linenum|blob-num|hljs-ln-numbers"
_GUTTER = re.compile(rf"(?:^|[\s_-])(?:gutter|{_NUMBERS})(?:$|[\s_-])")
_SURE_GUTTER = re.compile(rf"(?:^|[\s_-])(?:{_NUMBERS})(?:$|[\s_-])")  # without numbers in the text, too
_MOST_LISTINGS, _MOST_GUTTERS = 200, 20_000  # of a page
_CELL_TAGS = ("td", "th")
_PROSE_TAGS = ("p", "h1", "h2", "h3", "ul", "ol", "form", "img", "section", "article", "table")
_LINE_TAGS = frozenset(("div", "li", "p", "tr", "br"))  # each is a line of its cell


def has_gutter_hint(text: str) -> bool:
    """Return whether a page's source may have a gutter: a quick test before its tree is searched."""
    return _HINT.search(text) is not None


def set_gutters_apart(root: etree._Element) -> None:
    r"""Replace each listing with a gutter by its numbers and its code, in the tree itself.

    >>> from lxml import html
    >>> cells = "<tr><td class=lineno>1</td><td>make</td></tr><tr><td class=lineno>2</td><td>make install</td></tr>"
    >>> root = html.document_fromstring(f"<table>{cells}</table>")
    >>> set_gutters_apart(root)
    >>> [(pre.get("class"), pre.text) for pre in root.iter("pre")]
    [('line-number-gutter', '1\n2'), (None, 'make\nmake install')]
    """
    gutters = (part for part in root.iter(*_CELL_TAGS, "span") if _GUTTER.search(part.get("class") or ""))
    holders: dict[etree._Element, list[etree._Element]] = {}
    for gutter in islice(gutters, _MOST_GUTTERS):
        holder = _listing_of(gutter)
        if holder is not None:
            holders.setdefault(holder, []).append(gutter)
    for holder, parts in islice(holders.items(), _MOST_LISTINGS):
        if holder.tag == "table":
            _split_table(holder, frozenset(parts))
        else:
            _split_pre(holder, parts)


def _listing_of(gutter: etree._Element) -> etree._Element | None:
    """Return the table of a gutter's cell, or the `<pre>` around a number in front of a line; None for another."""
    if gutter.tag in _CELL_TAGS:
        return next(gutter.iterancestors("table"), None)
    if gutter.tag == "span":
        listing = next(gutter.iterancestors("pre", "td", "th"), None)
        return listing if listing is not None and listing.tag == "pre" else None
    return None


def _split_table(table: etree._Element, gutters: frozenset[etree._Element]) -> None:
    """Replace the table of a listing; one whose gutter has no line numbers, or that holds prose, stays."""
    cells = [cell for row in table.iter("tr") for cell in row if cell.tag in _CELL_TAGS]
    if any(next(cell.iterdescendants(*_PROSE_TAGS), None) is not None for cell in cells):
        return
    numbers = [line for cell in cells if cell in gutters for line in _lines_of(cell)]
    code = [line for cell in cells if cell not in gutters for line in _lines_of(cell)]
    are_numbered_by_style = not numbers and all(_SURE_GUTTER.search(cell.get("class") or "") for cell in gutters)
    if code and (are_numbered_by_style or _count_lines(numbers)):
        outer = next((pre for pre in table.iterancestors("pre") if _text_of(pre) == _text_of(table)), table)
        _replace(outer, numbers, code)


def _split_pre(pre: etree._Element, gutters: list[etree._Element]) -> None:
    """Move the numbers in front of the lines of a `<pre>` into one of their own before it."""
    numbers = [line for gutter in gutters for line in _lines_of(gutter)]
    if not _count_lines(numbers):
        return
    for gutter in gutters:
        gutter.text, gutter[:] = None, []
        gutter.tail = (gutter.tail or "").removeprefix(" ")
    pre.addprevious(_pre(numbers, GUTTER_CLASS))


def _count_lines(numbers: list[str]) -> bool:
    """Return whether the lines are numbers that count one by one."""
    values = [line.strip() for line in numbers if line.strip()]
    if not values or not all(value.isdecimal() and len(value) < 9 for value in values):
        return False
    return [int(value) - int(values[0]) for value in values] == list(range(len(values)))


def _replace(listing: etree._Element, numbers: list[str], code: list[str]) -> None:
    if numbers:
        listing.addprevious(_pre(numbers, GUTTER_CLASS))
    new = _pre(code, listing.get("class"))
    listing.addprevious(new)
    new.tail, listing.tail = listing.tail, None
    parent = listing.getparent()
    if parent is not None:
        parent.remove(listing)


def _pre(lines: list[str], classes: str | None) -> etree._Element:
    pre = etree.Element("pre", {"class": classes} if classes else {})
    pre.text = "\n".join(lines)
    return pre


def _text_of(element: etree._Element) -> str:
    return "".join("".join(element.itertext()).split())


def _lines_of(element: etree._Element) -> list[str]:
    """Return the lines of text in an element: those of its source, broken where a tag begins a line too."""
    text = "".join(_parts(element)).replace("\r\n", "\n").replace("\n\x0b", "\n").replace("\x0b", "\n")
    return [line.rstrip() for line in text.strip("\n").split("\n")] if text.strip() else []


def _parts(element: etree._Element) -> Iterator[str]:
    for event, part in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            yield part.text or ""
        elif part is not element:
            yield ("\x0b" if part.tag in _LINE_TAGS else "") + (part.tail or "")
