"""The undoing of a reclean: texts and verdicts as they were before pages were cleaned again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlite_utils import Database

from ..archive.article_storage import changes_made_now, put_user_values, stored_article
from ..archive.atomic_writes import write_transaction
from ..archive.page_rows import article_id
from ..archive.stored_values import LARGEST_INTEGER, decoding
from .own_reading import OwnReading, unpack_reading
from .recleaned_pages import RawPage, replace_page
from .settling import settle

_PAGES_PER_BATCH = 64
_RECLEANS = "SELECT DISTINCT _reclean FROM runs WHERE _reclean IS NOT NULL ORDER BY _reclean"
# Of several runs to be undone, the reading from before the first counts.
_PAGES_BEFORE = """SELECT b.page_id, b.before, u.url, u.host, p.capture_id, coalesce(c.fetched_at, '')
    FROM (SELECT page_id, min(reclean_id) AS first FROM _reclean_before WHERE reclean_id > ? GROUP BY page_id) f
        JOIN _reclean_before b ON b.page_id = f.page_id AND b.reclean_id = f.first
        JOIN pages p ON p.id = b.page_id JOIN urls u ON u.id = p.id LEFT JOIN captures c ON c.id = p.capture_id
    ORDER BY b.page_id LIMIT ?"""


class UndoResult(NamedTuple):
    """Counts of runs undone, of pages put back, and of pages left as they are because they were fetched again since."""

    undone_runs: int
    restored_pages: int
    newer_pages: int


def list_recleans(db: Database) -> list[int]:
    """List the numbers of the recleans that can be undone, the earliest first."""
    return [number for (number,) in db.execute(_RECLEANS)]


def undo_after(db: Database, run_id: int, clock: Callable[[], str]) -> UndoResult:
    """Put back the readings from when a run was finished; run 0 is before the first. If it is cut off, the same call
    goes on.

    Each batch is one transaction; at the end the archive is settled, with a person's rulings in force.
    """
    run_id = min(run_id, LARGEST_INTEGER)
    restored_pages = newer_pages = 0
    while batch := db.execute(_PAGES_BEFORE, [run_id, _PAGES_PER_BATCH]).fetchall():
        with write_transaction(db), changes_made_now(db, clock):
            for page_id, packed, url, host, capture_id, fetched_at in batch:
                with decoding("_reclean_before", "before", page_id):
                    old_reading = unpack_reading(db, url, packed)
                page = RawPage(page_id, url, host, capture_id, fetched_at, url, None, None)
                is_same_capture = old_reading.capture_id == capture_id
                restored_pages, newer_pages = restored_pages + is_same_capture, newer_pages + (not is_same_capture)
                if is_same_capture:
                    _restore_page(db, page, old_reading)
                db.execute("DELETE FROM _reclean_before WHERE page_id = ? AND reclean_id > ?", [page_id, run_id])
    settle(db, clock)
    with write_transaction(db):  # the last step: an undo that is cut off before it is taken up by the same command
        undone_runs = db.execute("UPDATE runs SET _reclean = NULL WHERE _reclean > ?", [run_id]).rowcount
    return UndoResult(undone_runs, restored_pages, newer_pages)


def _restore_page(db: Database, page: RawPage, old_reading: OwnReading) -> None:
    last_rowid = db.execute("SELECT coalesce(max(rowid), 0) FROM revisions").fetchone()[0]
    article_before = stored_article(db, page.url)
    replace_page(db, page, old_reading.rows, old_reading.first_seen, old_reading.last_seen)
    if article_before is None:  # an article that was there all the time has what its user wrote since
        put_user_values(db, page.id, old_reading.user_values)
    if not old_reading.rows.is_article:  # the revision that cleaning again gave it
        delete = "DELETE FROM revisions WHERE article_id = ? AND capture_id IS ?"
        db.execute(delete, [article_id(page.url), page.capture_id])
    # An article that comes back still has its old revision: the one that was just added is too many.
    db.execute(
        """DELETE FROM revisions WHERE rowid > ?1 AND EXISTS (SELECT 1 FROM revisions o WHERE o.rowid <= ?1
            AND o.article_id = revisions.article_id AND o.capture_id IS revisions.capture_id)""",
        [last_rowid],
    )
