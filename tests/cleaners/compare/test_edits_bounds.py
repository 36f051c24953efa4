"""Bounds of edits: a pair of values around each, as numbers."""

from __future__ import annotations

from collections import Counter

import pytest

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.compare.edits import _word_overlap, notice_kind


@pytest.mark.parametrize(("length", "kind"), [(1_200, EditKind.CORRECTION), (1_201, None)])
def test_a_notice(length: int, kind: EditKind | None) -> None:
    text = "Correction: An earlier version of this article misspelled the mayor's name. "
    assert notice_kind(text.ljust(length, "x")) is kind


def bag(common: int, own: int, name: str) -> Counter[str]:
    return Counter([*(f"word{n}" for n in range(common)), *(f"{name}{n}" for n in range(own))])


@pytest.mark.parametrize(
    ("common", "old_words", "new_words", "overlap"),
    [
        (4, 10, 10, 0.4),
        (3, 10, 10, 0.3),
        (0, 10, 10, 0.0),
        (8, 10, 100, 0.4),  # most of the shorter one
        (7, 10, 100, 14 / 110),
        (8, 100, 8, 0.4),
        (7, 100, 7, 14 / 107),  # too short to be told by that
        (10, 10, 10, 1.0),
    ],
)
def test_words_in_common(common: int, old_words: int, new_words: int, overlap: float) -> None:
    old, new = bag(common, old_words - common, "old"), bag(common, new_words - common, "new")
    assert _word_overlap(old, new) == pytest.approx(overlap)
