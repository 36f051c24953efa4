"""Text from the web on a terminal: nothing in it acts, and a line is no wider than the window."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from output.text import inert

_NARROWEST = 40


def width() -> int:
    """The terminal's width in columns; 80 where there is none, and never absurdly narrow."""
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def one_line(text: str) -> str:
    """The text in one line, without control characters and characters that turn the direction of what follows."""
    return " ".join(inert(text).split())


def cut(text: str, columns: int) -> str:
    """The text in one line of at most so many columns; a wide character takes two."""
    line = one_line(text)
    return line if cell_len(line) <= columns else set_cell_size(line, columns - 1).rstrip() + "…"


def say(text: str = "") -> None:
    """Print text of several lines with everything in it inert."""
    click.echo(inert(text))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], wide: int, *, numbers: Sequence[str] = ()) -> None:
    """Print rows under their heads; the last column takes what room is left, and is cut. `numbers` align right."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        right = head in numbers
        shown.add_column(head, justify="right" if right else "left", no_wrap=True, overflow="ellipsis",
                         ratio=1 if head == heads[-1] and not right else None)  # fmt: skip
    for row in rows:
        shown.add_row(*(Text(one_line(cell)) for cell in row))
    console = Console(width=wide, highlight=False)
    with console.capture() as printed:
        console.print(shown)
    click.echo("\n".join(line.rstrip() for line in printed.get().splitlines()))
