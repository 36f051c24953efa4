"""Rulings that mend what a review finds wrong, in the same step.

A block that was judged wrong is ruled the other way round in its article, with a note by which taking the judgement
back finds the ruling.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from sqlite_utils import Database

from ..write.person_verdicts import Ruling, drop_ruling, store_ruling

NOTE = "judged wrong in review"

_BLOCKS = """SELECT b.kept, r.reason, r.rule
    FROM articles a JOIN _page_blocks b ON b.page_id = a.page_id
            OR b.page_id IN (SELECT page_id FROM _page_parts WHERE head_id = a.page_id AND place > 0)
        JOIN _reasons r ON r.id = b.reason_id
    WHERE a.id = ?1 AND b.block_id = ?2 ORDER BY b.page_id, b.position"""
_MADE = "SELECT kept FROM rulings WHERE article_id = ?1 AND note = ?2 AND block_id = ?3 ORDER BY id"


class ReviewAnswer(StrEnum):
    """Answer of a person who reviews: `none` says of a page that it is no article."""

    RIGHT = "right"
    WRONG = "wrong"
    NO_ARTICLE = "none"
    UNSURE = "unsure"

    @property
    def is_right(self) -> bool | None:
        """Return whether the verdict was right; None where the person cannot tell."""
        return None if self is ReviewAnswer.UNSURE else self is ReviewAnswer.RIGHT


def mending_rulings(db: Database, article_id: int, block_id: int, ruled_at: str) -> Iterator[Ruling]:
    """Yield the ruling that turns the verdict on a block round in its article."""
    for is_kept, reason, rule in db.execute(_BLOCKS, [article_id, block_id]).fetchall()[-1:]:
        yield Ruling(block_id, not is_kept, article_id, None, ruled_at, NOTE, reason, rule)


def made_rulings(db: Database, article_id: int, block_id: int, undone_at: str) -> Iterator[Ruling]:
    """Yield the ruling on a block in an article that a review made, to be taken back."""
    for (is_kept,) in db.execute(_MADE, [article_id, NOTE, block_id]).fetchall():
        yield Ruling(block_id, bool(is_kept), article_id, ruled_at=undone_at)


def put_rulings(db: Database, rulings: Sequence[Ruling], *, undo: bool) -> None:
    """Store rulings, or take them back. Runs in the caller's transaction; they are still to be applied."""
    for ruling in rulings:
        (drop_ruling if undo else store_ruling)(db, ruling)
