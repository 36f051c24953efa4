"""Sampled quality control: the block to judge next, and the figures of the judgements so far.

One block of each rule and host is proposed at a time, so that no rule is judged often while another is never looked at.
The rules judged least go first, then verdicts without a named rule behind them, which are the doubtful ones, then texts
that stand for many pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import KeepReason, RemovalReason

from ..write.person_verdicts import Reliability, Review, list_reviews, reliability, reliability_by

LATEST = 10
"""How many of the judgements a page of review lists."""


class ReviewFigures(NamedTuple):
    """The reliability of judged verdicts: of all, for each reason, and on each host.

    `unsure` counts the answers "cannot tell", which are in no figure.
    """

    overall: Reliability
    by_reason: Mapping[str, Reliability]
    by_host: Mapping[str, Reliability]
    unsure: int


def review_figures(reviews: Sequence[Review]) -> ReviewFigures:
    """Compute the figures that these judgements give."""
    judged = [(review, review.is_right) for review in reviews if review.is_right is not None]
    return ReviewFigures(
        reliability(sum(is_right for _, is_right in judged), len(judged)),
        reliability_by((review.reason, is_right) for review, is_right in judged),
        reliability_by((review.host, is_right) for review, is_right in judged),
        len(reviews) - len(judged),
    )


SAMPLE_ARTICLES = 150
_NEIGHBOURS = 2  # blocks that are shown before and after the one to judge

_DOUBTFUL = frozenset({
    KeepReason.RESCUED, KeepReason.SITE_BODY, RemovalReason.BOILERPLATE, RemovalReason.NOT_SELECTED,
    RemovalReason.ELSEWHERE, RemovalReason.REPEATED, RemovalReason.CLOSING, RemovalReason.HEADER,
})  # fmt: skip
_CANDIDATES = f"""SELECT a.host, r.reason, r.rule, b.kept, b.block_id, count(*), min(b.page_id), min(b.position)
    FROM (SELECT page_id, host FROM articles ORDER BY id LIMIT {SAMPLE_ARTICLES}) a
        CROSS JOIN _page_blocks b ON b.page_id = a.page_id JOIN _reasons r ON r.id = b.reason_id
    WHERE r.rule <> 'person' GROUP BY a.host, b.reason_id, b.kept, b.block_id"""
_OPENING = 300  # characters of the article that are shown above its block
_BLOCK = f"""SELECT a.id, a.title, a.url, a.host, substr(a.text, 1, {_OPENING}), b.position
    FROM articles a JOIN _page_blocks b ON b.page_id = a.page_id WHERE a.page_id = ? AND b.block_id = ?
    ORDER BY b.position LIMIT 1"""
_AROUND = """SELECT b.position, b.kept, t.text FROM _page_blocks b JOIN _block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? AND b.position BETWEEN ? AND ? ORDER BY b.position"""


class NearbyBlock(NamedTuple):
    """A block beside the one to judge, or that one."""

    position: int
    is_kept: bool
    text: str


class Proposal(NamedTuple):
    """A block to judge, with its verdict and the blocks around it.

    `pages` of the sample carry its text. The article's text begins with `opening`.
    """

    block_id: int
    article_id: int
    title: str
    url: str
    host: str
    position: int
    is_kept: bool
    reason: str
    rule: str
    pages: int
    blocks: tuple[NearbyBlock, ...]
    opening: str


class ReviewView(NamedTuple):
    """The block to judge next (None: nothing is left), the figures of the judgements, and the latest of them."""

    proposal: Proposal | None
    figures: ReviewFigures
    latest: tuple[Review, ...]


def read_review(db: Database) -> ReviewView:
    """Read the review of blocks."""
    reviews = [review for review in list_reviews(db) if not review.is_of_page]
    return ReviewView(
        proposal=_propose(db, reviews),
        figures=review_figures(reviews),
        latest=tuple(reversed(reviews[-LATEST:])),
    )


def find_judged_block(db: Database, article_id: int, block_id: int) -> Review | None:
    """Find the verdict on a block of an article as a judgement still to be made; None if it does not stand there."""
    row = db.execute(
        """SELECT a.url, a.host, b.kept, r.reason, r.rule, a.cleaner_version FROM articles a
        JOIN _page_blocks b ON b.page_id = a.page_id JOIN _reasons r ON r.id = b.reason_id
        WHERE a.id = ? AND b.block_id = ? ORDER BY b.position LIMIT 1""",
        [article_id, block_id],
    ).fetchone()
    if row is None:
        return None
    url, host, is_kept, reason, rule, version = row
    return Review(url, host, block_id, bool(is_kept), reason, rule, None, "", version)


def _propose(db: Database, reviews: Sequence[Review]) -> Proposal | None:
    """Return the block to judge next."""
    judged_blocks = {(review.block_id, review.rule) for review in reviews}
    judged_rules = Counter((review.host, review.reason, review.rule) for review in reviews)
    candidates = [row for row in db.execute(_CANDIDATES) if (row[4], row[2]) not in judged_blocks]
    if not candidates:
        return None
    _, reason, rule, is_kept, block_id, pages, page_id, _ = min(candidates, key=lambda row: _rank(row, judged_rules))
    article_id, title, url, host, opening, position = db.execute(_BLOCK, [page_id, block_id]).fetchone()
    return Proposal(
        block_id, article_id, title, url, host, position, bool(is_kept), reason, rule, pages,
        tuple(_blocks_around(db, page_id, position)), opening,
    )  # fmt: skip


def _rank(row: Sequence[Any], judged_rules: Mapping[tuple[str, str, str], int]) -> tuple[Any, ...]:
    """Return the place of a candidate: smaller goes first."""
    host, reason, rule, _, block_id, pages, _, _ = row
    return judged_rules.get((host, reason, rule), 0), reason not in _DOUBTFUL, -pages, reason, rule, block_id


def _blocks_around(db: Database, page_id: int, position: int) -> Iterator[NearbyBlock]:
    rows: Iterable[tuple[int, int, str]] = db.execute(
        _AROUND, [page_id, position - _NEIGHBOURS, position + _NEIGHBOURS]
    )
    for block_position, is_kept, text in rows:
        yield NearbyBlock(block_position, bool(is_kept), text)
