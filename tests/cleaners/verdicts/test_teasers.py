"""Sections of teasers: where they open and where they end."""

from __future__ import annotations

import pytest

from cleaners.document import Block, Kind
from cleaners.rules.rule import Place
from cleaners.verdicts.teasers import continues, is_teaser, opens

LONG = "word " * 40
BETWEEN, AFTER = Place(between=True), Place(after_body=True)


def block(text: str, position: int = 0, *, linked: bool = False, kind: Kind = Kind.PARAGRAPH) -> Block:
    return Block(position, kind, text, link_chars=len(text) if linked else 0)


@pytest.mark.parametrize(
    ("given", "teaser"),
    [
        (block("The mill burned down", linked=True), True),
        (block("The mill burned down"), False),
        (block("When the mill burned down, the…"), True),
        (block("When the mill burned down, the [...]"), True),
        (block(LONG, linked=True), False),
        (block("He said nothing...", kind=Kind.QUOTE), False),
        (block("x", linked=True, kind=Kind.TABLE), False),
    ],
)
def test_a_teaser_is_a_short_link_or_a_cut_excerpt(given: Block, teaser: bool) -> None:
    assert is_teaser(given) is teaser


def test_a_heading_opens_a_box_if_a_teaser_follows_it_closely() -> None:
    heading = block("More", 0, kind=Kind.HEADING)
    assert opens([heading, block("a date", 1), block("The mill", 2, linked=True)], 0)
    assert not opens([heading, block(LONG, 1), block(LONG, 2), block("The mill", 3, linked=True)], 0)
    assert not opens([heading], 0)


def test_within_the_article_only_teasers_belong_to_the_box() -> None:
    assert continues(block("The mill", linked=True), frozenset((0,)), BETWEEN)
    assert not continues(block("Short line."), frozenset(), BETWEEN)
    assert not continues(block(LONG), frozenset((0,)), BETWEEN)


def test_after_the_article_all_but_its_long_selected_paragraphs_belong_to_it() -> None:
    assert continues(block(LONG), frozenset(), AFTER)
    assert continues(block("Short line."), frozenset((0,)), AFTER)
    assert not continues(block(LONG), frozenset((0,)), AFTER)
