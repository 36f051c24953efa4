"""Going back: the texts and verdicts as they were before pages were cleaned again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlite_utils import Database

from output.db.transaction import writing
from output.reclean.own_reading import OwnReading, unpacked
from output.reclean.replace import RawPage, put_back_in_place
from output.settle.judge_again import settle
from output.store.articles import article_id, stored_article
from output.store.user_values import put_user_values

_AT_ONCE = 64
_RUNS = """SELECT id, started_at, coalesce(finished_at, ''), state, counts FROM recleans ORDER BY id"""
# Of several runs to be undone, what stood before the first counts.
_BEFORE = """SELECT b.page_id, b.before, u.url, u.host, p.capture_id, coalesce(c.fetched_at, '')
    FROM (SELECT page_id, min(reclean_id) AS first FROM reclean_before WHERE reclean_id > ? GROUP BY page_id) f
        JOIN reclean_before b ON b.page_id = f.page_id AND b.reclean_id = f.first
        JOIN pages p ON p.id = b.page_id JOIN urls u ON u.id = p.id LEFT JOIN captures c ON c.id = p.capture_id
    ORDER BY b.page_id LIMIT ?"""


@dataclass(frozen=True, slots=True)
class RecleanRun:
    """A run as it is kept; `counts` is JSON."""

    id: int
    started_at: str
    finished_at: str
    state: str
    counts: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What going back came to: runs undone, pages put back, and pages left since they were fetched again meanwhile."""

    runs: int
    pages: int
    newer: int


def recleans(db: Database) -> list[RecleanRun]:
    """All runs, the earliest first."""
    return [RecleanRun(*row) for row in db.execute(_RUNS).fetchall()]


def undo_after(db: Database, run: int, clock: Callable[[], str]) -> Undone:
    """Put back what stood when a run was through; 0 is before the first. Cut off, the same call goes on.

    Each batch is one transaction; at the end the archive is settled, with a person's rulings in force.
    """
    pages = newer = 0
    while batch := db.execute(_BEFORE, [run, _AT_ONCE]).fetchall():
        with writing(db):
            last = db.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()[0]
            for page_id, packed, url, host, capture_id, fetched_at in batch:
                old = unpacked(db, url, packed)
                page = RawPage(page_id, url, host, capture_id, fetched_at, url, None, None)
                put = old.capture_id == capture_id
                pages, newer = pages + put, newer + (not put)
                if put:
                    _put_back(db, page, old)
                db.execute("DELETE FROM reclean_before WHERE page_id = ? AND reclean_id > ?", [page_id, run])
            db.execute("UPDATE changes SET at = ? WHERE seq > ?", [clock(), last])
    with writing(db):
        runs = db.execute("UPDATE recleans SET state = 'undone' WHERE id > ? AND state <> 'undone'", [run]).rowcount
    settle(db, clock)
    return Undone(runs, pages, newer)


def _put_back(db: Database, page: RawPage, old: OwnReading) -> None:
    first = db.execute("SELECT coalesce(max(rowid), 0) FROM revisions").fetchone()[0]
    before = stored_article(db, page.url)
    put_back_in_place(db, page, old.rows, old.first_seen, old.last_seen)
    if before is None:  # an article that stayed has what a user has written beside it since
        put_user_values(db, page.id, old.user_values)
    if not old.rows.is_article:  # the revision that cleaning again gave it
        forget = "DELETE FROM revisions WHERE article_id = ? AND capture_id IS ?"
        db.execute(forget, [article_id(page.url), page.capture_id])
    # An article that comes back has its revision still.
    db.execute(
        """DELETE FROM revisions WHERE rowid > ?1 AND EXISTS (SELECT 1 FROM revisions o WHERE o.rowid <= ?1
            AND o.article_id = revisions.article_id AND o.capture_id IS revisions.capture_id)""",
        [first],
    )
