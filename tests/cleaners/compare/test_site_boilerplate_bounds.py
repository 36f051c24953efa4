"""Bounds of what a site repeats: a pair of values around each, as numbers."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.compare.site_boilerplate import KeyedBlock, SiteMemory, _is_closing_line

BLOCK = KeyedBlock(position=9, template_key=7, container="body>main", word_count=4)


@pytest.mark.parametrize(
    ("pages", "of_pages", "is_outer", "is_closing"),
    [
        (6, 10, True, True),
        (6, 10, False, False),
        (5, 10, True, False),
        (12, 20, True, True),
        (11, 20, True, False),
        (24, 80, True, False),  # three in ten are enough from 25 pages on
        (25, 83, True, True),
        (25, 84, True, False),
        (2, 2, True, True),
        (2, 3, True, False),
        (3, 5, True, True),
    ],
)
def test_a_line_that_closes_articles(pages: int, of_pages: int, is_outer: bool, is_closing: bool) -> None:
    memory = SiteMemory(of_pages, {7: pages}, {}, frozenset({7} if is_outer else ()))
    assert _is_closing_line(BLOCK, memory) is is_closing
    assert not _is_closing_line(BLOCK._replace(template_key=8), memory)
