"""The judgements that were made in review, on blocks or on pages, and how often the verdicts were right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from broadsheet.output.verdicts.reviews import Reliability, Review, list_reviews, reliability, reliability_by
from broadsheet.output.verdicts.ruling_journal import WaitingReview
from broadsheet.output.verdicts.rulings import block_text

LATEST = 10
"""How many of the judgements a page of review lists."""


@dataclass(frozen=True, slots=True)
class ReviewFigures:
    """How often judged verdicts were right: all of them, those for each reason, and those on each host."""

    overall: Reliability
    by_reason: Mapping[str, Reliability]
    by_host: Mapping[str, Reliability]


def all_reviews(db: Database, waiting: Sequence[WaitingReview] = ()) -> list[Review]:
    """The judgements as they will stand when those that wait are stored, the earliest first."""
    reviews = {review.id: review for review in list_reviews(db)}
    for entry in waiting:
        reviews.pop(entry.review.id, None)
        if not entry.is_undo:
            text = "" if entry.review.block_id is None else block_text(db, entry.review.block_id) or ""
            reviews[entry.review.id] = replace(entry.review, text=text)
    return list(reviews.values())


def review_figures(reviews: Sequence[Review]) -> ReviewFigures:
    """What these judgements show."""
    return ReviewFigures(
        reliability(sum(review.is_right for review in reviews), len(reviews)),
        reliability_by((review.reason, review.is_right) for review in reviews),
        reliability_by((review.host, review.is_right) for review in reviews),
    )
