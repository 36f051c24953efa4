"""Decisions on the pages of a layout by what a browser gained on some of them."""

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.archive.rendered_layouts import (
    RenderDecision,
    RenderedLayout,
    put_rendered_layout,
    shows_more,
    stored_rendered_layouts,
)

NEW = RenderedLayout("a.test", b"\1\2\3\4")


def rendered(layout: RenderedLayout, *words: tuple[int, int]) -> RenderedLayout:
    """The layout after pages of so many words before and after, of which those gained that have more."""
    for before, after in words:
        layout = layout.with_rendered((before, after), (2, 500), has_gained=after > before)
    return layout


@pytest.mark.parametrize(
    ("words", "decision"),
    [
        ([(10, 200), (10, 10)], RenderDecision.TRYING),
        ([(0, 200), (0, 150), (0, 0)], RenderDecision.ALL),
        ([(50, 64), (50, 65), (50, 50)], RenderDecision.FEW),  # 19 % more
        ([(50, 66), (50, 66), (50, 66)], RenderDecision.ALL),  # 32 % more
        ([(0, 0), (0, 0), (0, 0)], RenderDecision.FEW),
    ],
)
def test_three_pages_decide_by_a_gain_of_thirty_per_cent_of_words(words, decision):
    assert rendered(NEW, *words).decision is decision


def test_one_page_in_fifty_checks_a_layout_that_gained_nothing():
    layout = rendered(NEW, *[(40, 40)] * 3)
    for _ in range(49):
        assert not layout.is_next_rendered
        layout = layout.with_passed()
    assert layout.is_next_rendered
    again = rendered(layout, (40, 40))
    assert (again.decision, again.passed) == (RenderDecision.FEW, 0)
    assert rendered(layout, (40, 400)).decision is RenderDecision.ALL


def test_three_pages_in_a_row_without_a_gain_end_the_rendering_of_all():
    layout = rendered(NEW, *[(0, 300)] * 5)
    assert rendered(layout, (40, 40), (40, 40), (40, 400), (40, 40), (40, 40)).decision is RenderDecision.ALL
    assert rendered(layout, *[(40, 40)] * 3).decision is RenderDecision.FEW


def test_layouts_are_stored_with_their_sums(archive):
    layout = rendered(NEW, (0, 300), (0, 0), (10, 20))
    other = RenderedLayout("b.test", b"")
    for state in (NEW, other, layout, rendered(NEW, (7, 7)), layout.with_passed()):
        put_rendered_layout(archive.db, state)
    assert list(stored_rendered_layouts(archive.db)) == [layout.with_passed(), other]
    assert (layout.rendered, layout.gained, layout.words_before, layout.words_after) == (3, 2, 10, 320)
    assert (layout.requests, layout.milliseconds) == (6, 1500)


@pytest.mark.parametrize(
    ("rendered_page", "received", "is_more"),
    [
        (("article", 130), ("article", 100), True), (("article", 129), ("article", 100), False),  # 30 % of words
        (("article", 70), ("article", 50), True), (("article", 69), ("article", 50), False),  # 20 words at least
        (("article", 1), ("article", 0), True), (("article", 0), ("article", 0), False),
        (("list", 300), ("article", 10), False), (("list", 300), ("teaser", 10), False),
        (("teaser", 300), ("article", 10), True), (("list", 0), ("empty", 0), True),
        (("list", 0), ("needs_javascript", 50), True), (("empty", 5), ("needs_javascript", 50), False),
        (("empty", 80), ("needs_javascript", 50), True),
    ],
)  # fmt: skip
def test_a_rendered_page_shows_more_by_its_type_or_its_words(rendered_page, received, is_more):
    pages = ((PageType(page_type), words) for page_type, words in (rendered_page, received))
    assert shows_more(*pages) is is_more
