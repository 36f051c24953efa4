"""Judgements stay in the archive, one a page and block; the interval is Wilson's."""

from __future__ import annotations

import pytest

from broadsheet.output.verdicts.reviews import (
    Review,
    drop_review,
    list_reviews,
    reliability,
    reliability_by,
    store_review,
)


def review(block_id=1, **changes):
    fields = {"is_kept": False, "reason": "share", "rule": "en/share", "is_right": True, "judged_at": "2026-01-01"}
    return Review("https://a.example/1", "a.example", block_id, **{**fields, **changes}, cleaner_version="8")


def test_a_later_judgement_replaces_an_earlier_one_and_can_be_taken_back(archive):
    store_review(archive.db, review())
    store_review(archive.db, review(is_right=False, judged_at="2026-01-02"))
    store_review(archive.db, review(2**62))
    stored = list_reviews(archive.db)
    assert [(line.block_id, line.is_right) for line in stored] == [(2**62, True), (1, False)]
    drop_review(archive.db, stored[0])
    assert [line.block_id for line in list_reviews(archive.db)] == [1]


@pytest.mark.parametrize(
    ("right", "judged", "low", "high"),
    [(58, 60, 0.886, 0.991), (0, 0, 0.0, 1.0), (5, 5, 0.566, 1.0), (0, 5, 0.0, 0.434), (50, 100, 0.404, 0.596)],
)
def test_the_interval_is_that_of_wilson(right, judged, low, high):
    """Against the values of R's `binom.confint(x, n, methods = "wilson")`."""
    interval = reliability(right, judged)
    assert (round(interval.low, 3), round(interval.high, 3)) == (low, high)


def test_it_is_told_by_key_the_most_judged_first():
    lines = reliability_by([("a", True), ("b", False), ("b", True)])
    assert [(key, line.right, line.judged) for key, line in lines.items()] == [("b", 1, 2), ("a", 1, 1)]
