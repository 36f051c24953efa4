from __future__ import annotations

import pytest

from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.visible_blocks import read_blocks

LATE = '<div hidden id="S:0"><p>The late part.</p></div>'
FALLBACK = '<!--$?--><template id="B:0"></template><p>Loading …</p><!--/$-->'


def lines(body: str) -> list[str]:
    tree = parse(f"<html><body>{body}</body></html>")
    assert tree is not None
    return [block.text for block in read_blocks(tree)]


def test_a_late_piece_stands_over_its_fallback() -> None:
    assert lines(f"<h1>Title</h1>{FALLBACK}<p>End.</p>{LATE}") == ["Title", "The late part.", "End."]


def test_a_late_segment_stands_at_its_place() -> None:
    piece = '<div hidden id="S:1"><p>Second.</p></div>'
    assert lines(f'<p>First.</p><template id="P:1"></template><p>Third.</p>{piece}') == ["First.", "Second.", "Third."]


def test_pieces_inside_late_pieces_are_put_in_place() -> None:
    outer = '<div hidden id="S:0"><p>One.</p><!--$?--><template id="B:1"></template>wait<!--/$--><p>Three.</p></div>'
    inner = '<div hidden id="S:1"><p>Two.</p></div>'
    for late in (outer + inner, inner + outer):
        assert lines(f"{FALLBACK}<p>Four.</p>{late}") == ["One.", "Two.", "Three.", "Four."]


def test_a_fallback_with_boundaries_of_its_own_goes_whole() -> None:
    nested = '<!--$?--><template id="B:0"></template><!--$--><p>Wait.</p><!--/$--><p>Still.</p><!--/$--><p>End.</p>'
    assert lines(nested + LATE) == ["The late part.", "End."]


@pytest.mark.parametrize(
    "body",
    [
        f"<p>Begin.</p>{LATE}<p>End.</p>",  # no place
        '<p>Begin.</p><div hidden id="S:0"><template id="P:0"></template><p>The late part.</p></div><p>End.</p>',
    ],
)
def test_a_piece_without_a_place_is_shown_where_it_stands(body: str) -> None:
    assert lines(body) == ["Begin.", "The late part.", "End."]


def test_a_boundary_without_an_end_loses_nothing() -> None:
    texts = lines(f'<template id="B:0"></template><p>Begin.</p><p>End.</p>{LATE}')
    assert texts == ["The late part.", "Begin.", "End."]


def test_text_around_a_moved_piece_stays() -> None:
    assert lines(f"<div>{FALLBACK}</div><div>before {LATE} after</div>") == ["The late part.", "before after"]


@pytest.mark.parametrize(("parts", "is_replaced"), [(150, True), (250, False)])
def test_a_boundary_whose_end_is_far_keeps_what_stands_in_it(parts: int, is_replaced: bool) -> None:
    waiting = "".join(f"<p>Part {number}.</p>" for number in range(parts))
    texts = lines(f'<!--$?--><template id="B:0"></template>{waiting}<!--/$--><p>End.</p>{LATE}')
    assert texts[0] == "The late part."
    assert len(texts) == (2 if is_replaced else parts + 2)
