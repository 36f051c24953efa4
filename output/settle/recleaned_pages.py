"""Pages cleaned again: the pages that can be, and results stored in place of the current texts.

A page that a run changes keeps its earlier reading, packed, in `reclean_before`, so that the run can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlite_utils import Database

from ..archive.article_storage import changes_made_now
from ..archive.atomic_writes import write_transaction
from ..archive.page_rows import (
    PageRows,
    Sighting,
    note_same_reading,
    put_images,
    put_signature,
    put_statements,
)
from ..raw.raw_exchange import LOCATION_COLUMNS, RecordLocation, record_locations
from ..write.assembled_text import put_chances, update_certainty
from ..write.page_writer import save_page
from .own_reading import OwnReading

_PAGES_PER_BATCH = 500
# An imported revisit may have come before the record with its body: that one has the same payload digest. Pages that a
# person's options left out are not cleaned again.
_RAW_PAGES = f"""SELECT p.id, u.url, u.host, p.capture_id, c.fetched_at, coalesce(nullif(c.final_url, ''), c.url),
        p.cleaner_id, c.record_faults,
        {LOCATION_COLUMNS}
    FROM pages p JOIN urls u ON u.id = p.id LEFT JOIN captures c ON c.id = p.capture_id
        LEFT JOIN captures o ON o.id = coalesce(c.refers_to, (
            SELECT x.id FROM captures x WHERE x.payload_digest = c.payload_digest AND x.id <> c.id
                AND x.warc_file IS NOT NULL AND x.refers_to IS NULL AND x.truncated IS NULL LIMIT 1))
    WHERE p.id > ? AND p.evidence NOT LIKE '%"left_out=%' ORDER BY p.id LIMIT ?"""
_INSERT_BEFORE = "INSERT OR IGNORE INTO _reclean_before (page_id, reclean_id, before) VALUES (?, ?, ?)"
_UPDATE_SEEN = "UPDATE {} SET last_seen = ?1, first_seen = min(first_seen, ?2) WHERE page_id = ?3"
# Where the latest response is not the one that is cleaned again, `urls.reason` stays as it is.
_UPDATE_REASON = """UPDATE urls SET held_reason = ?1,
        reason = CASE WHEN state = 'done' AND held_at IS fetched_at THEN ?1 ELSE reason END
    WHERE id = ?2 AND held_at IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page of the archive: its capture, the URL that it ended at after redirects, the cleaner that read it, and where
    its raw response is.

    `fetched_at` is UTC ISO 8601; `record_location` is None where no raw response was kept; `record_faults` are what
    was wrong with the record when it was imported.
    """

    id: int
    url: str
    host: str
    capture_id: int | None
    fetched_at: str
    final_url: str
    cleaner_id: int | None
    record_location: RecordLocation | None
    body_location: RecordLocation | None = None  # of the body, if the record is a revisit
    record_faults: tuple[str, ...] = ()

    @property
    def sighting(self) -> Sighting:
        """Return the page with the capture that it has."""
        return Sighting(self.id, self.url, self.host, self.capture_id, self.fetched_at)


def pages_with_raw(db: Database, first_id: int = 1) -> Iterator[RawPage]:
    """Yield all pages from an id on that may be cleaned again, those without a raw response too, by page id."""
    last_id = first_id - 1
    while rows := db.execute(_RAW_PAGES, [last_id, _PAGES_PER_BATCH]).fetchall():
        last_id = rows[-1][0]
        yield from map(_raw_page, rows)


def page_with_raw(db: Database, url: str) -> RawPage | None:
    """Return the page at a URL, if it may be cleaned again."""
    row = db.execute("SELECT id FROM urls WHERE url = ?", [url]).fetchone()
    page = next(pages_with_raw(db, row[0]), None) if row else None
    return page if page and page.url == url else None


def _raw_page(row: tuple[Any, ...]) -> RawPage:
    """Return a row of `_RAW_PAGES`; it ends with the places of the record and of the body's record."""
    page_id, url, host, capture_id, fetched_at, final_url, cleaner_id, faults, *locations = row
    record, body = record_locations(locations) if locations[0] else (None, None)
    columns = (page_id, url, host, capture_id, fetched_at or "", final_url or url, cleaner_id)
    return RawPage(*columns, record, body, tuple((faults or "").split()))


class RecleanedPage(NamedTuple):
    """A page that was cleaned again: its old reading, and its new rows."""

    page: RawPage
    old_reading: OwnReading
    new_rows: PageRows


# A reclean that was cut off goes on under its number, so that one undo puts all of it back.
_LAST_RECLEAN = """SELECT _reclean, outcome IS 'finished' FROM runs WHERE _reclean IS NOT NULL
    ORDER BY _reclean DESC, started_at DESC, rowid DESC LIMIT 1"""
_UNNUMBER_UNCHANGED = """UPDATE runs SET _reclean = NULL
    WHERE _reclean = ?1 AND NOT EXISTS (SELECT 1 FROM _reclean_before WHERE reclean_id = ?1)"""


def begin_reclean(db: Database, run_id: int) -> int:
    """Give a run the number of its reclean, a new one or that of one which was cut off; returns it."""
    with write_transaction(db):
        number, is_complete = db.execute(_LAST_RECLEAN).fetchone() or (0, True)
        db.execute("UPDATE runs SET _reclean = ? WHERE id = ?", [number + is_complete, run_id])
    return int(number + is_complete)


def end_reclean(db: Database, number: int) -> None:
    """Take the number back from a reclean that changed nothing."""
    with write_transaction(db):
        db.execute(_UNNUMBER_UNCHANGED, [number])


def store_batch(db: Database, reclean_id: int, batch: Sequence[RecleanedPage], clock: Callable[[], str]) -> None:
    """Store the new rows of pages in one transaction.

    Rows of `changes` have the present time; all else keeps the time of its capture.
    """
    with write_transaction(db), changes_made_now(db, clock):
        for recleaned in batch:
            _store_page(db, reclean_id, recleaned)


def _store_page(db: Database, reclean_id: int, recleaned: RecleanedPage) -> None:
    page, old_reading, new_rows = recleaned.page, recleaned.old_reading, recleaned.new_rows
    if old_reading.equals(new_rows) and new_rows.lineage:
        note_same_reading(db, page.id, new_rows.lineage)
        put_signature(db, page.id, new_rows.layout_signature)
        put_images(db, page.id, new_rows.images)
        put_statements(db, page.id, new_rows.statements)
        put_chances(db, page.id, new_rows.ledger.chances)
        update_certainty(db, page.id)
        return
    db.execute(_INSERT_BEFORE, [page.id, reclean_id, old_reading.pack()])
    replace_page(db, page, new_rows, old_reading.first_seen, old_reading.last_seen)


def replace_page(db: Database, page: RawPage, rows: PageRows, first_seen: str, last_seen: str) -> None:
    """Store new rows of a page for the capture that it has.

    `first_seen` and `last_seen` of its article stay; where they are empty, the time of the capture counts.
    """
    save_page(db, page.sighting, rows)
    db.execute(_UPDATE_REASON, [str(rows.verdict.page_type), page.id])
    parameters = [last_seen or page.fetched_at, first_seen or page.fetched_at, page.id]
    for table in ("articles", "_shelf"):
        db.execute(_UPDATE_SEEN.format(table), parameters)
