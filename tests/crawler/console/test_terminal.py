"""Text from the web on a terminal."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from crawler.console.terminal import cut_line, fit, format_table, one_line, print_text
from tests.crawler.shell import ACTIVE, HOSTILE


def test_one_line_is_inert() -> None:
    assert one_line(HOSTILE) == "Evil [2Jtxt title"
    assert one_line("a\r\nb\u2028c\td\x9b31m") == "a b c d31m"
    assert not set(one_line("".join(map(chr, range(32))) + "\x7f\u2066\u2069\u202a")) - {" "}


def test_say_keeps_lines_and_nothing_that_acts(capsys: pytest.CaptureFixture[str]) -> None:
    print_text(f"one\ntwo {HOSTILE}")
    out = capsys.readouterr().out
    assert out.count("\n") == 2
    assert not set(out) & ACTIVE


@pytest.mark.parametrize("text", ["short", "a line longer than fits", "東京の港に新しい橋がかかった", "e\u0301" * 30])
@pytest.mark.parametrize("columns", [1, 2, 9, 10])
def test_a_cut_line_fits_whatever_its_characters(text: str, columns: int) -> None:
    shown = cut_line(text, columns)
    assert cell_len(shown) <= columns
    assert shown == text or shown.endswith("…")


def test_what_fits_is_not_cut() -> None:
    assert fit("a  b", 4) == "a  b"
    assert fit("a  bc", 4) == "a…"


def test_a_table_is_aligned_and_no_wider_than_asked() -> None:
    rows = [("n", "name", "text"), ("1", "東京", "x" * 90), ("200", HOSTILE, "short")]
    lines = format_table(rows, 50, right_aligned=frozenset({0})).splitlines()
    assert [line[:5] for line in lines] == ["  n  ", "  1  ", "200  "]
    marks = zip(lines, ("text", "xxx", "short"), strict=True)
    assert len({cell_len(line[: line.index(mark)]) for line, mark in marks}) == 1
    assert max(map(cell_len, lines)) == 50
    assert not set("".join(lines)) & ACTIVE


def test_a_long_cell_before_the_last_leaves_room_for_the_last() -> None:
    (line,) = format_table([("a" * 200, "the end")], 80).splitlines()
    assert line.endswith("the end")
