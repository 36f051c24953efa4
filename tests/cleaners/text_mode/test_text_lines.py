"""Lines of extracted text: where one ends, and its shape."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.rules.rule_files import load_rules
from broadsheet.cleaners.text_mode.text_lines import _is_wrapped, _unruled_shape, blocks_of_text, read_lines

VERSE = """It ticks for no one,
and the gulls agree,
two hands of water
pointing at the sea."""


def test_hard_wrapped_paragraphs_are_joined_and_verse_is_not() -> None:
    wrapped = "The ferry that once linked the four outer islands with the\nmainland will sail again from the first"
    wrapped += " of October, as\nthe council decided on Tuesday."
    assert [block.text for block in blocks_of_text(wrapped)] == [" ".join(wrapped.split())]
    assert len(blocks_of_text(VERSE)) == 4


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("The harbour bridge reopened to traffic on Monday.", "P"),
        ("“The bridge is open again, at last,” she said.", "P"),
        ("The harbour bridge, which closed in May, has been…", "C"),
        ("Harbour bridge reopens", "S"),
        ("Why did it take so long?", "S"),
        ("6 May 2022", "D"),
        ("HARBOUR / 26 APR 2019", "D"),
        ("Share this article", "R"),
        ("Related Content", "H"),
        ("Puente reabierto: así quedó tras la obra.", "P"),
        ("昨日、港の橋が九週間の工事を終えて再び開通したと市が発表しました。", "P"),
        ("「橋が九週間ぶりに開通して、港の人々はみな本当に喜んでいます。」", "P"),
        ("Veranstaltungsübersicht des Bürgervereins.", "S"),
    ],
)
def test_shape(line: str, shape: str) -> None:
    assert read_lines(blocks_of_text(line), load_rules()).shapes == shape


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("One\n \t\nTwo", ["One", "Two"]),
        ("One\n\u00a0\nTwo", ["One", "Two"]),
        ("\u2028One\u2028 \u2028Two", ["One", "Two"]),
        (" \n\n ", []),
        ("One\r\n\r\nTwo  words\n", ["One", "Two words"]),
    ],
)
def test_lines_of_spaces_are_none(text: str, lines: list[str]) -> None:
    assert [block.text for block in blocks_of_text(text)] == lines


@pytest.mark.parametrize(
    ("ending", "words", "shape"),
    [
        (".", 6, "S"), (".", 7, "P"), ("", 7, "S"), ("…", 7, "S"), ("…", 8, "C"), ("[...]", 8, "C"),
        ("?", 18, "S"), ("?", 19, "P"), ("?”", 18, "S"), ("!", 7, "P"), ("。", 7, "P"),
    ],
)  # fmt: skip
def test_words_of_a_line(ending: str, words: int, shape: str) -> None:
    assert _unruled_shape(" ".join(["word"] * words) + ending, words) == shape


@pytest.mark.parametrize(("letters", "shape"), [(10, "S"), (60, "P")])
def test_a_line_without_spaces(letters: int, shape: str) -> None:
    assert _unruled_shape("河" * letters + "。", 1) == shape


@pytest.mark.parametrize(
    ("widths", "is_wrapped"),
    [
        ((50, 30), True), ((49, 30), False), ((100, 30), True), ((101, 30), False), ((75, 100, 30), True),
        ((74, 100, 30), False), ((60, 70), True), ((60, 71), False), ((60,), False), ((), False),
    ],
)  # fmt: skip
def test_a_wrapped_paragraph(widths: tuple[int, ...], is_wrapped: bool) -> None:
    assert _is_wrapped(["x" * width for width in widths]) is is_wrapped
    assert not _is_wrapped(["X" * width for width in widths])
