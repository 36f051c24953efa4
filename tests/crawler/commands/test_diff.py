"""`broadsheet diff`: which revisions are compared, and what is shown of them, a row a clause."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands.diff import (
    RevisionChoice,
    _choose_revisions,
    _render_words,
)
from broadsheet.output.archive.revisions import RevisionChange, RevisionMark
from broadsheet.output.read.edit_history import Revision


def revision(number: int, change: RevisionChange = EditKind.BODY, *kinds: RevisionChange, note: str = "") -> Revision:
    return Revision(number, f"2026-01-0{number}T12:00:00+00:00", f"T{number}", change, kinds, 0, 0, 0, note, number)


REVISIONS = (
    revision(1, RevisionMark.FIRST), revision(2), revision(3, EditKind.WITHDRAWN), revision(4),
    revision(5, EditKind.RETURNED),
)  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        (RevisionChoice(), (2, 4)),
        (RevisionChoice(first=1), (1, 4)),
        (RevisionChoice(first=3), (3, 4)),
        (RevisionChoice(last=2), (1, 2)),
        (RevisionChoice(last=3), (2, 3)),
        (RevisionChoice(last=1), (1, 1)),
        (RevisionChoice(first=4, last=1), (4, 1)),
        (RevisionChoice(at="2026-01-01T12:00:00+00:00"), (1, 4)),
        (RevisionChoice(at="2026-01-02T11:59:59+00:00"), (1, 4)),
        (RevisionChoice(at="2026-01-02T12:00:00+00:00"), (2, 4)),
        (RevisionChoice(at="2026-01-02T13:30:00+02:00"), (1, 4)),
        (RevisionChoice(at="2026-01-03T23:00:00+00:00"), (2, 4)),
        (RevisionChoice(at="2026-01-09T00:00:00+00:00", last=2), (4, 2)),
    ],
)
def test_revisions_are_chosen_by_number_or_time_and_else_the_last_two_texts(choice, numbers):
    first, last = _choose_revisions(REVISIONS, choice)
    assert (first.number, last.number) == numbers


@pytest.mark.parametrize(
    ("choice", "refusal"),
    [
        (RevisionChoice(first=6), "there is no revision 6: they go from 1 to 5"),
        (RevisionChoice(last=6), "there is no revision 6: they go from 1 to 5"),
        (
            RevisionChoice(at="2026-01-01T11:59:59+00:00"),
            "first seen at 2026-01-01T12:00:00.00:00, after 2026-01-01T11",
        ),
        (RevisionChoice(at="soon"), "--at 'soon' is no time: write 2026-01-31"),
        (RevisionChoice(at="0001-01-01T00:00+23:59"), "is no time"),
    ],
)
def test_what_cannot_be_chosen_is_said(choice: RevisionChoice, refusal: str) -> None:
    with pytest.raises(CommandError, match=refusal):
        _choose_revisions(REVISIONS, choice)


def drawn(words: tuple[tuple[str, str], ...], *, on_terminal: bool = False, in_colour: bool = True) -> str:
    console = Console(
        file=io.StringIO(), force_terminal=on_terminal, no_color=not in_colour, color_system="standard", width=200
    )
    console.print(_render_words(words, console, bold=True))
    return str(console.file.getvalue()).rstrip("\n")  # type: ignore[attr-defined]


def test_words_have_marks_where_there_are_no_colours() -> None:
    words = (("=", "The "), ("-", "mill "), ("+", "barn\x1b "), ("=", "burned."))
    assert drawn(words) == "The [-mill-] {+barn+} burned."
    assert drawn(words, on_terminal=True, in_colour=False).count("[-mill-]") == 1
    coloured = drawn(words, on_terminal=True)
    assert "[-" not in coloured
    assert "{+" not in coloured
    assert "\x1b[1;31" in coloured or "\x1b[1;9;31m" in coloured
    assert "\x1b[1;32m" in coloured
