"""Output to a terminal: text from the web made inert and cut to the window, tables, JSON, reasons in words.

Lines are cut only on a terminal, or where COLUMNS is set. `docs/cli.md` describes what verbs print with `--json`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass

import click

from broadsheet.output.archive.stored_text import escaped_json, inert_text

UNBOUNDED = 1_000_000
"""The width of lines that are not cut."""

_MIN_WIDTH = 40
_MAX_CELL_WIDTH = 40  # columns; the last cell may be wider
_GAP = "  "


def terminal_width() -> int:
    """Return the terminal's width in columns, at least 40; `UNBOUNDED` if there is none and COLUMNS is not set."""
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS"):
        return UNBOUNDED
    return max(_MIN_WIDTH, shutil.get_terminal_size().columns)


def is_coloured() -> bool:
    """Return whether colours may be used: on a terminal that is not dumb, unless NO_COLOR is set."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")


def print_pages(text: str) -> None:
    """Print text, through the reader's pager (PAGER, else less) if it is longer than the terminal is high.

    The text must be inert; our own colour codes are passed on.
    """
    if sys.stdout.isatty() and sys.stdin.isatty() and text.count("\n") >= shutil.get_terminal_size().lines - 1:
        os.environ.setdefault("LESS", "-FRX")  # quit if it fits, pass colours, leave the text on the screen
        click.echo_via_pager(text + "\n", color=True)
    else:
        click.echo(text)


def one_line(text: str) -> str:
    """Join text into one line, without control and bidirectional formatting characters."""
    return " ".join(inert_text(text).split())


def fit(text: str, columns: int) -> str:
    """Cut text to a width in columns; a wide character takes two."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= columns else set_cell_size(text, max(0, columns - 1)).rstrip() + "…"


def cut_line(text: str, columns: int) -> str:
    """Cut text to one line of a width in columns."""
    return fit(one_line(text), columns)


def print_text(text: str = "") -> None:
    """Print text of one or several lines, with control characters made harmless."""
    click.echo(inert_text(text))


def format_table(rows: Sequence[Sequence[str]], columns: int, *, right_aligned: frozenset[int] = frozenset()) -> str:
    """Format rows as aligned lines within a width; the last cell is cut first.

    `right_aligned` has the positions of cells with numbers.
    """
    from rich.cells import cell_len

    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    if columns < UNBOUNDED:
        widths[:-1] = [min(size, _MAX_CELL_WIDTH) for size in widths[:-1]]
    return "\n".join(fit(_format_row(row, widths, right_aligned), columns) for row in cells)


def format_blocks(
    heads: Sequence[str], cells: Sequence[Sequence[str]], texts: Sequence[str], columns: int, *, wide_columns: int = 100
) -> str:
    """Format blocks as a table, each with its text; below `wide_columns` the text is on a line of its own.

    Empty columns are left out.
    """
    full = [column for column in range(len(heads) - 1) if any(row[column] for row in cells)]
    cells = [[row[column] for column in full] for row in cells]
    if columns >= wide_columns:
        rows = [[*row, text] for row, text in zip(cells, texts, strict=True)]
        return format_table(
            [[*(heads[column] for column in full), heads[-1]], *rows], columns, right_aligned=frozenset({0})
        )
    lines = format_table(cells, columns, right_aligned=frozenset({0})).splitlines()
    return "\n".join(f"{line}\n      {cut_line(text, columns - 6)}" for line, text in zip(lines, texts, strict=True))


def _format_row(row: Sequence[str], widths: Sequence[int], right_aligned: frozenset[int]) -> str:
    padded = (_pad_cell(cell, widths[position], position in right_aligned) for position, cell in enumerate(row))
    return _GAP.join(padded).rstrip()


def _pad_cell(cell: str, size: int, is_right_aligned: bool) -> str:
    from rich.cells import cell_len

    shown_text = fit(cell, size)
    space = " " * (size - cell_len(shown_text))
    return space + shown_text if is_right_aligned else shown_text + space


def print_json(values: Mapping[str, object]) -> None:
    """Print one object on several lines."""
    print_text(escaped_json(json.dumps(_plain(values), ensure_ascii=False, indent=2)))


def print_json_lines(rows: Iterable[Mapping[str, object]]) -> None:
    """Print objects, one a line."""
    for row in rows:
        print_text(escaped_json(json.dumps(_plain(row), ensure_ascii=False)))


def _plain(value: object) -> object:
    """Convert a value for JSON: dataclasses and named tuples in it become mappings."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    elif is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
