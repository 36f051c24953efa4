"""Reasons in words: every reason that the code gives has some, and none is explained that it does not give.

Text from the web on a terminal.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import tomllib
from pathlib import Path

import pytest
from rich.cells import cell_len

import broadsheet.output.read
from broadsheet.cleaners.document import PageType
from broadsheet.crawler.cli.terminal import (
    UNBOUNDED,
    cut_line,
    fit,
    format_blocks,
    format_table,
    one_line,
    print_text,
    terminal_width,
)
from broadsheet.output.archive.url_words import OutcomeReason, ReasonFamily, compound_reason, http_reason
from broadsheet.output.read.plain_words import reason_text
from tests.crawler.crawls import REPOSITORY
from tests.crawler.shell import ACTIVE, HOSTILE

WORDS = tomllib.loads(Path(broadsheet.output.read.__file__).with_name("url_reasons.toml").read_text("utf-8"))
MEMBERS: set[str] = {*OutcomeReason, *PageType, *ReasonFamily}


def test_every_reason_has_its_words_and_no_words_are_left_over():
    assert set(WORDS) == MEMBERS


@pytest.mark.parametrize("family", [family for family in ReasonFamily if family is not ReasonFamily.ERROR])
def test_a_reason_with_a_part_of_its_own_is_said_by_its_family(family):
    assert reason_text(compound_reason(family, "some_new_part")) == WORDS[family]


def test_an_unknown_exception_is_named_as_it_is():
    assert reason_text(compound_reason(ReasonFamily.ERROR, "KeyError")) == "error:KeyError"
    assert reason_text(http_reason(404)) == "HTTP 404 Not Found"


def test_one_line_is_inert():
    assert one_line(HOSTILE) == "Evil [2Jtxt title"
    assert one_line("a\r\nb\u2028c\td\x9b31m") == "a b c d31m"
    assert not set(one_line("".join(map(chr, range(32))) + "\x7f\u2066\u2069\u202a")) - {" "}


def test_say_keeps_lines_and_nothing_that_acts(capsys):
    print_text(f"one\ntwo {HOSTILE}")
    out = capsys.readouterr().out
    assert out.count("\n") == 2
    assert not set(out) & ACTIVE


@pytest.mark.parametrize("text", ["short", "a line longer than fits", "東京の港に新しい橋がかかった", "e\u0301" * 30])
@pytest.mark.parametrize("columns", [1, 2, 9, 10])
def test_a_cut_line_fits_whatever_its_characters(text, columns):
    shown = cut_line(text, columns)
    assert cell_len(shown) <= columns
    assert shown == text or shown.endswith("…")


def test_what_fits_is_not_cut():
    assert fit("a  b", 4) == "a  b"
    assert fit("a  bc", 4) == "a…"


def test_a_table_is_aligned_and_no_wider_than_asked():
    rows = [("n", "name", "text"), ("1", "東京", "x" * 90), ("200", HOSTILE, "short")]
    lines = format_table(rows, 50, right_aligned=frozenset({0})).splitlines()
    assert [line[:5] for line in lines] == ["  n  ", "  1  ", "200  "]
    marks = zip(lines, ("text", "xxx", "short"), strict=True)
    assert len({cell_len(line[: line.index(mark)]) for line, mark in marks}) == 1
    assert max(map(cell_len, lines)) == 50
    assert not set("".join(lines)) & ACTIVE


def test_a_long_cell_before_the_last_leaves_room_for_the_last():
    (line,) = format_table([("a" * 200, "the end")], 80).splitlines()
    assert line.endswith("the end")


def test_without_a_terminal_no_width_is_assumed(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal_width() == UNBOUNDED
    (line,) = format_table([("a" * 200, "b" * 200)], terminal_width()).splitlines()
    assert line == "a" * 200 + "  " + "b" * 200
    monkeypatch.setenv("COLUMNS", "72")
    assert terminal_width() == 72


@pytest.mark.parametrize(("lines", "is_paged"), [(40, True), (5, False)])
def test_what_is_longer_than_the_terminal_is_shown_page_by_page(lines, is_paged):
    script = f"from broadsheet.crawler.cli.terminal import print_pages; print_pages(chr(10).join(['a line'] * {lines}))"
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = os.environ | {"PAGER": "sed s/^/paged:/", "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=REPOSITORY, env=environment, stdin=terminal, stdout=terminal
    )
    os.close(terminal)
    output = b""
    with os.fdopen(reader, "rb", buffering=0) as stream:
        try:
            while chunk := stream.read(4096):
                output += chunk
        except OSError:  # how Linux tells that the other side has closed
            pass
    assert process.wait(timeout=60) == 0
    assert output.count(b"a line") == lines
    assert (b"paged:a line" in output) == is_paged


def test_blocks_show_no_empty_column():
    """`explain` had a column `on` without a word in it wherever a site repeats nothing."""
    heads, cells, texts = ("#", "why", "on", "text"), [["0", "share", ""], ["1", "", ""]], ["a", "b"]
    assert format_blocks(heads, cells, texts, 120).splitlines() == ["#  why    text", "0  share  a", "1         b"]
    assert format_blocks(heads, cells, texts, 80).splitlines()[0] == "0  share"
