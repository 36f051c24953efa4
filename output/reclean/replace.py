"""Cleaning again: which pages, and storing what comes of them in place of the current texts, so that it can be undone.

A page's first reading before a run is kept, packed, beside the new one (`reclean_before`), only where they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from output.db.text import as_json
from output.db.transaction import writing
from output.raw.capture import Place
from output.reclean.own_reading import OwnReading
from output.store.lineage import note_same
from output.store.page_rows import PreparedPage
from output.write.pages import PageRef, save_page

_CHUNK = 500
# An imported revisit may have come before the record that holds its body: that one has the same payload.
# What a person's options left out is theirs to decide, not the cleaner's.
_PAGES = """SELECT p.id, u.url, u.host, p.capture_id, c.fetched_at, coalesce(nullif(c.final_url, ''), c.url),
        p.cleaner_id, c.warc_file, c.warc_offset, c.warc_length, o.warc_file, o.warc_offset, o.warc_length
    FROM pages p JOIN urls u ON u.id = p.id LEFT JOIN captures c ON c.id = p.capture_id
        LEFT JOIN captures o ON o.id = coalesce(c.refers_to, (
            SELECT x.id FROM captures x WHERE x.payload_digest = c.payload_digest AND x.id <> c.id
                AND x.warc_file IS NOT NULL AND x.refers_to IS NULL AND x.truncated IS NULL LIMIT 1))
    WHERE p.id > ? AND p.evidence NOT LIKE '%"left_out=%' ORDER BY p.id LIMIT ?"""
_PUT_BEFORE = "INSERT OR IGNORE INTO reclean_before (page_id, reclean_id, before) VALUES (?, ?, ?)"
_SEEN = "UPDATE {} SET last_seen = ?1, first_seen = min(first_seen, ?2) WHERE page_id = ?3"
# What came last may be another thing than what is held, and is cleaned again.
_REASON = """UPDATE urls SET held_reason = ?1,
        reason = CASE WHEN state = 'done' AND held_at IS fetched_at THEN ?1 ELSE reason END
    WHERE id = ?2 AND held_at IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page of the archive: its capture, the address that answered, who cleaned it, and where its raw response lies.

    `fetched_at` is UTC ISO 8601; `place` is None where no raw response was kept.
    """

    id: int
    url: str
    host: str
    capture_id: int | None
    fetched_at: str
    answered: str
    cleaner_id: int | None
    place: Place | None
    body: Place | None = None  # where the body of a revisit lies

    @property
    def ref(self) -> PageRef:
        """The page as it is stored: everything is as of its capture."""
        return PageRef(self.id, self.url, self.host, self.capture_id, self.fetched_at)


def pages_with_raw(db: Database) -> Iterator[RawPage]:
    """The pages that can be cleaned again, and those without a raw response, in the order of their numbers."""
    last = 0
    while rows := db.execute(_PAGES, [last, _CHUNK]).fetchall():
        last = rows[-1][0]
        yield from map(_raw_page, rows)


def _raw_page(row: tuple[Any, ...]) -> RawPage:
    number, url, host, capture, at, answered, cleaner = row[:7]
    place, body = (Place(*each) if each[0] else None for each in (row[7:10], row[10:]))
    return RawPage(number, url, host, capture, at or "", answered or url, cleaner, place, body)


@dataclass(frozen=True, slots=True)
class Again:
    """A page that was cleaned again: how it was read, and how it is."""

    page: RawPage
    old: OwnReading
    new: PreparedPage


def begin(db: Database, at: str, options: Mapping[str, object]) -> int:
    """The number of a run: a new one, or that of a run that was cut off, which goes on."""
    with writing(db):
        row = db.execute("SELECT id FROM recleans WHERE state = 'running' ORDER BY id DESC LIMIT 1").fetchone()
        if row:
            return int(row[0])
        insert = "INSERT INTO recleans (started_at, state, options) VALUES (?, 'running', ?)"
        return int(db.execute(insert, [at, as_json(dict(options))]).lastrowid or 0)


def finish(db: Database, run: int, at: str, counts: Mapping[str, int]) -> None:
    """Note that a run is through; one that changed nothing leaves no row."""
    with writing(db):
        changed = db.execute("SELECT 1 FROM reclean_before WHERE reclean_id = ? LIMIT 1", [run]).fetchone()
        if changed is None:
            db.execute("DELETE FROM recleans WHERE id = ?", [run])
            return
        update = "UPDATE recleans SET state = 'done', finished_at = ?, counts = ? WHERE id = ?"
        db.execute(update, [at, as_json(dict(counts)), run])


def store(db: Database, run: int, batch: Sequence[Again], clock: Callable[[], str]) -> None:
    """Store pages as they are read now, all or nothing. `changes` says that it was now; all else is as it was seen."""
    with writing(db):
        last = _last_change(db)
        for again in batch:
            _store_one(db, run, again)
        db.execute("UPDATE changes SET at = ? WHERE seq > ?", [clock(), last])


def _store_one(db: Database, run: int, again: Again) -> None:
    page, old, new = again.page, again.old, again.new
    if old.is_read_as(new) and new.lineage:
        note_same(db, page.id, new.lineage)
        return
    db.execute(_PUT_BEFORE, [page.id, run, old.packed()])
    put_back_in_place(db, page, new, old.first_seen, old.last_seen)


def put_back_in_place(db: Database, page: RawPage, rows: PreparedPage, first_seen: str, last_seen: str) -> None:
    """Store a page's rows for the capture that it has, and when its article was seen first and last."""
    save_page(db, page.ref, rows)
    db.execute(_REASON, [str(rows.verdict.page_type), page.id])
    seen = [last_seen or page.fetched_at, first_seen or page.fetched_at, page.id]
    for table in ("articles", "shelved"):
        db.execute(_SEEN.format(table), seen)


def _last_change(db: Database) -> int:
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()[0])
