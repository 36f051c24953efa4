"""Text from the web on a terminal: nothing in it acts, and a line is no wider than the window."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import click
from rich.cells import cell_len, set_cell_size

from output.db.text import inert

_NARROWEST = 40
_WIDEST = 40  # columns that a cell before the last one takes at most
_GAP = "  "


def width() -> int:
    """The terminal's width in columns; 80 where there is none, and never absurdly narrow."""
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def one_line(text: str) -> str:
    """The text in one line, without control characters and characters that turn the direction of what follows."""
    return " ".join(inert(text).split())


def fit(text: str, columns: int) -> str:
    """The text cut to so many columns, if it is longer; a wide character takes two."""
    return text if cell_len(text) <= columns else set_cell_size(text, max(0, columns - 1)).rstrip() + "…"


def cut(text: str, columns: int) -> str:
    """The text in one line of at most so many columns."""
    return fit(one_line(text), columns)


def say(text: str = "") -> None:
    """Print text of several lines with everything in it inert."""
    click.echo(inert(text))


def table(rows: Sequence[Sequence[str]], columns: int, *, right: frozenset[int] = frozenset()) -> str:
    """Rows as aligned lines of at most so many columns; what is too wide is cut, in the last cell before others.

    `right` are the places of the cells that are numbers.
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    widths[:-1] = [min(size, _WIDEST) for size in widths[:-1]]
    return "\n".join(fit(_row(row, widths, right), columns) for row in cells)


def say_blocks(
    heads: Sequence[str], cells: Sequence[Sequence[str]], texts: Sequence[str], columns: int, *, roomy: int = 100
) -> None:
    """Print blocks as a table, each with its text; below `roomy` columns the text stands on a line of its own."""
    if columns >= roomy:
        rows = [[*row, text] for row, text in zip(cells, texts, strict=True)]
        say(table([heads, *rows], columns, right=frozenset({0})))
        return
    for line, text in zip(table(cells, columns, right=frozenset({0})).splitlines(), texts, strict=True):
        say(f"{line}\n      {cut(text, columns - 6)}")


def _row(row: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    padded = (_padded(cell, widths[place], place in right) for place, cell in enumerate(row))
    return _GAP.join(padded).rstrip()


def _padded(cell: str, size: int, right: bool) -> str:
    shown = fit(cell, size)
    space = " " * (size - cell_len(shown))
    return space + shown if right else shown + space
