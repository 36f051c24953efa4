"""Sections of teasers: where they open and where they end."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.cleaners.judge.page_boilerplate import continues_section, is_no_excerpt, is_teaser, opens_teaser_box
from broadsheet.cleaners.rules.rule import BodyPosition

LONG = "word " * 40
BETWEEN, AFTER = BodyPosition(between=True), BodyPosition(after_body=True)


def block(text: str, position: int = 0, *, linked: bool = False, kind: BlockKind = BlockKind.PARAGRAPH) -> Block:
    return Block(position, kind, text, link_chars=len(text) if linked else 0)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (block("The mill burned down", linked=True), True),
        (block("The mill burned down"), False),
        (block("When the mill burned down, the…"), True),
        (block("When the mill burned down, the [...]"), True),
        (block(LONG, linked=True), False),
        (block("He said nothing...", kind=BlockKind.QUOTE), False),
        (block("x", linked=True, kind=BlockKind.TABLE), False),
    ],
)
def test_a_teaser_is_a_short_link_or_a_cut_excerpt(candidate: Block, expected: bool) -> None:
    assert is_teaser(candidate) is expected


def test_a_heading_opens_a_box_if_a_teaser_follows_it_closely() -> None:
    heading = block("More", 0, kind=BlockKind.HEADING)
    assert opens_teaser_box([heading, block("a date", 1), block("The mill", 2, linked=True)], 0)
    assert not opens_teaser_box([heading, block(LONG, 1), block(LONG, 2), block("The mill", 3, linked=True)], 0)
    assert not opens_teaser_box([heading], 0)


def test_within_the_article_only_teasers_belong_to_the_box() -> None:
    assert continues_section(block("The mill", linked=True), frozenset((0,)), BETWEEN)
    assert not continues_section(block("Short line."), frozenset(), BETWEEN)
    assert not continues_section(block(LONG), frozenset((0,)), BETWEEN)


def test_after_the_article_all_but_its_long_selected_paragraphs_belong_to_it() -> None:
    assert continues_section(block(LONG), frozenset(), AFTER)
    assert continues_section(block("Short line."), frozenset((0,)), AFTER)
    assert not continues_section(block(LONG), frozenset((0,)), AFTER)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (block("word " * 50), True),
        (block("word " * 49), False),
        (block("word " * 60 + "…"), False),
        (block("word " * 60, linked=True), False),
    ],
    ids=["long", "shorter", "cut", "link"],
)
def test_a_long_text_that_is_neither_cut_nor_a_link_is_no_excerpt(candidate: Block, expected: bool) -> None:
    assert is_no_excerpt(candidate) is expected
