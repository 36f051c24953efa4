"""Data tables: how they are distinguished from layout tables, and their text and markdown."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from broadsheet.cleaners.html.inline import InlineRun
from broadsheet.cleaners.html.visibility import INVISIBLE_TAGS, is_hidden

_MAX_CELL_CHARS = 120  # on average
_LAYOUT_TAGS = frozenset("table form nav article section h1 h2 blockquote script aside pre".split())


def read_table(table: etree._Element) -> tuple[str, str, int]:
    """Return (text, markdown, link characters) of a data table, one row a line; ("", "", 0) if it has no text."""
    rows = [
        [InlineRun.from_element(cell, INVISIBLE_TAGS, is_hidden).take() for cell in cells] for cells in _rows(table)
    ]
    lines = [" | ".join(text.replace("\n", " ") for text, _, _ in row) for row in rows if any(c[0] for c in row)]
    if not lines:
        return "", "", 0
    return "\n".join(lines), _markdown_table(rows), sum(cell[2] for row in rows for cell in row)


def read_captions(table: etree._Element) -> Iterator[tuple[str, str, int]]:
    """Yield (text, markdown, link characters) of each caption of the table that has text."""
    for caption in table.iterchildren("caption"):
        text, markdown, link_chars = InlineRun.from_element(caption, INVISIBLE_TAGS, is_hidden).take()
        if text:
            yield text, markdown, link_chars


def _rows(table: etree._Element) -> Iterator[list[etree._Element]]:
    """Yield the visible cells of each visible row."""
    for row in table.iter("tr"):
        if not is_hidden(row):
            yield [cell for cell in row if cell.tag in ("td", "th") and not is_hidden(cell)]


def _markdown_table(rows: list[list[tuple[str, str, int]]]) -> str:
    column_count = max(map(len, rows))
    lines = []
    for row in rows:
        cells = [(markdown or text).replace("\n", " ").replace("|", "\\|") for text, markdown, _ in row]
        lines.append("| " + " | ".join(cells + [""] * (column_count - len(cells))) + " |")
    lines.insert(1, "|" + " --- |" * column_count)
    return "\n".join(lines)


def is_data_table(table: etree._Element) -> bool:
    """Whether a table holds data, rather than laying the page out.

    A data table has no table and no section, form or heading inside, at least two rows, two columns in most of them,
    and short cells.
    """
    if table.get("role") in ("presentation", "none"):
        return False
    cell_count = 0
    for element in table.iterdescendants():
        tag = element.tag
        if tag in _LAYOUT_TAGS:
            return False
        cell_count += tag in ("td", "th")
    rows = [row for row in _rows(table) if row]
    if len(rows) < 2 or sum(len(row) >= 2 for row in rows) < len(rows) * 0.6:
        return False
    char_count = sum(len(text) for row in rows for cell in row for text in cell.itertext() if isinstance(text, str))
    return char_count / max(1, cell_count) <= _MAX_CELL_CHARS
