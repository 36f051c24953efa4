"""What a person judged of a sample of blocks and pages: whether the cleaner was right, and what that shows.

A judgement is evidence about the cleaner; it changes no text. To change one is a ruling
(`broadsheet.output.verdicts.rulings`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from sqlite_utils import Database

from broadsheet.output.db.ids import content_id
from broadsheet.output.db.text import storable_text
from broadsheet.output.verdicts.rulings import block_text

_Z = 1.959964  # standard deviations around the mean within which 95 % lie

_STORE = """INSERT INTO reviews (id, url, host, block_id, kept, reason, rule, is_right, at, cleaner_version)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kept = excluded.kept, reason = excluded.reason, rule = excluded.rule,
        is_right = excluded.is_right, at = excluded.at, cleaner_version = excluded.cleaner_version"""
_STANDS = "SELECT 1 FROM urls u JOIN pages p ON p.id = u.id WHERE u.url = ?"
_LIST = """SELECT r.url, r.host, r.block_id, r.kept, r.reason, r.rule, r.is_right, r.at, r.cleaner_version,
        coalesce(t.text, '')
    FROM reviews r LEFT JOIN block_texts t ON t.id = r.block_id ORDER BY r.at, r.id"""


@dataclass(frozen=True, slots=True)
class Review:
    """A judgement on the verdict of a block of a page, or (`block_id` None) on a whole page: whether its text is the
    article and all of it, or that it is none; then `is_kept` says that it is an article, and `reason` is its type.

    `text` is the block's, empty where the archive no longer has it.
    """

    url: str
    host: str
    block_id: int | None
    is_kept: bool
    reason: str
    rule: str
    is_right: bool
    judged_at: str
    cleaner_version: str
    text: str = ""

    @property
    def id(self) -> int:
        """One for each page and block, so that a later judgement replaces an earlier one."""
        return content_id("review", storable_text(self.url), "page" if self.block_id is None else str(self.block_id))

    @property
    def is_of_page(self) -> bool:
        """Whether a whole page was judged."""
        return self.block_id is None


@dataclass(frozen=True, slots=True)
class Reliability:
    """How many of so many judged blocks were right, and between which shares (0 to 1) that of all such blocks lies with
    95 % certainty."""

    right: int
    judged: int
    low: float
    high: float


def can_be_stored(db: Database, review: Review) -> bool:
    """Whether the archive still has what was judged."""
    if review.block_id is not None and block_text(db, review.block_id) is None:
        return False
    return db.execute(_STANDS, [review.url]).fetchone() is not None


def store_review(db: Database, review: Review) -> None:
    """Store a judgement, in place of an earlier one. Runs in the caller's transaction."""
    verdict = (review.is_kept, review.reason, review.rule, review.is_right, review.judged_at, review.cleaner_version)
    db.execute(_STORE, [review.id, review.url, review.host, review.block_id, *verdict])


def drop_review(db: Database, review: Review) -> None:
    """Take a judgement back."""
    db.execute("DELETE FROM reviews WHERE id = ?", [review.id])


def list_reviews(db: Database) -> list[Review]:
    """All judgements, on blocks and on pages, the earliest first."""
    rows = db.execute(_LIST).fetchall()
    return [
        Review(url, host, block_id, bool(is_kept), reason, rule, bool(is_right), *values)
        for url, host, block_id, is_kept, reason, rule, is_right, *values in rows
    ]


def reliability(right: int, judged: int) -> Reliability:
    """The share of right ones with its interval by Wilson, which holds for few judgements and near 0 and 1 too."""
    if not judged:
        return Reliability(0, 0, 0.0, 1.0)
    share, spread = right / judged, _Z**2 / judged
    middle = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return Reliability(right, judged, max(0.0, middle - half), min(1.0, middle + half))


def reliability_by(pairs: Iterable[tuple[str, bool]]) -> dict[str, Reliability]:
    """The reliability of each key among pairs of key and judgement, the most judged first."""
    judgements: dict[str, list[bool]] = defaultdict(list)
    for key, is_right in pairs:
        judgements[key].append(is_right)
    keys = sorted(judgements, key=lambda key: (-len(judgements[key]), key))
    return {key: reliability(sum(judgements[key]), len(judgements[key])) for key in keys}
