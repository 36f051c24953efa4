"""Tables of data: told from tables that lay a page out, and read as text and markdown."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from cleaners.html.inline import Run
from cleaners.html.visibility import INVISIBLE, is_hidden

_CELL_CHARS = 120
_NO_DATA = frozenset("table form nav article section h1 h2 blockquote script aside pre".split())


def read_table(table: etree._Element) -> tuple[str, str, int]:
    """Return (text, markdown, link characters) of a data table: one row a line; all empty if nothing is in it."""
    rows = [[Run.of(cell, INVISIBLE, is_hidden).take() for cell in cells] for cells in _rows(table)]
    lines = [" | ".join(text.replace("\n", " ") for text, _, _ in row) for row in rows if any(c[0] for c in row)]
    if not lines:
        return "", "", 0
    return "\n".join(lines), _markdown_table(rows), sum(cell[2] for row in rows for cell in row)


def read_captions(table: etree._Element) -> Iterator[tuple[str, str, int]]:
    """Yield (text, markdown, link characters) of the table's captions that say something."""
    for caption in table.iterchildren("caption"):
        taken = Run.of(caption, INVISIBLE, is_hidden).take()
        if taken[0]:
            yield taken


def _rows(table: etree._Element) -> Iterator[list[etree._Element]]:
    for row in table.iter("tr"):
        if not is_hidden(row):
            yield [cell for cell in row if cell.tag in ("td", "th") and not is_hidden(cell)]


def _markdown_table(rows: list[list[tuple[str, str, int]]]) -> str:
    width = max(map(len, rows))
    lines = []
    for row in rows:
        cells = [(markdown or text).replace("\n", " ").replace("|", "\\|") for text, markdown, _ in row]
        lines.append("| " + " | ".join(cells + [""] * (width - len(cells))) + " |")
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)


def is_data_table(table: etree._Element) -> bool:
    """Whether a table holds data rather than laying the page out.

    A data table has no table inside, no block that a cell of data would not have, and short cells in at
    least two rows and two columns.
    """
    if table.get("role") in ("presentation", "none"):
        return False
    cells = 0
    for element in table.iterdescendants():
        tag = element.tag
        if tag in _NO_DATA:
            return False
        cells += tag in ("td", "th")
    rows = [row for row in _rows(table) if row]
    if len(rows) < 2 or sum(len(row) >= 2 for row in rows) < len(rows) * 0.6:
        return False
    chars = sum(len(text) for row in rows for cell in row for text in cell.itertext() if isinstance(text, str))
    return chars / max(1, cells) <= _CELL_CHARS
