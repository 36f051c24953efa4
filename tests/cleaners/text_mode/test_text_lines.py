"""Lines of extracted text: where one ends, and its shape."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.document import BlockKind
from broadsheet.cleaners.rules.rule_files import load_rules
from broadsheet.cleaners.text_mode.text_lines import blocks_of_text, read_lines

VERSE = """It ticks for no one,
and the gulls agree,
two hands of water
pointing at the sea."""


def test_hard_wrapped_paragraphs_are_joined_and_verse_is_not() -> None:
    wrapped = "The ferry that once linked the four outer islands with the\nmainland will sail again from the first"
    wrapped += " of October, as\nthe council decided on Tuesday."
    assert [block.text for block in blocks_of_text(wrapped)] == [" ".join(wrapped.split())]
    assert len(blocks_of_text(VERSE)) == 4


def test_blocks_are_lines_in_order() -> None:
    blocks = blocks_of_text("One\r\n\r\nTwo  words\n")
    assert [(block.position, block.kind, block.text) for block in blocks] == [
        (0, BlockKind.LINE, "One"),
        (1, BlockKind.LINE, "Two words"),
    ]


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
    ],
)
def test_lines_of_spaces_are_none(text: str, lines: list[str]) -> None:
    assert [block.text for block in blocks_of_text(text)] == lines
