"""A response's row, and its record in a WARC file where raw responses are kept: the one never without the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from sqlite_utils import Database

from output.db.ids import content_id
from output.db.text import as_json, storable
from output.raw.capture import Capture
from output.raw.warc_files import WarcFiles
from output.raw.warc_records import Original, RecordMaker, warc_date
from output.raw.wire import Wire, digest

_OURS = "warc_file IN (SELECT name FROM warc_files)"  # an imported file may go away
_OF_PAYLOAD = f"""SELECT id, final_url, fetched_at, payload_digest FROM captures WHERE payload_digest = ?
    AND warc_file IS NOT NULL AND refers_to IS NULL AND truncated IS NULL AND {_OURS} LIMIT 1"""
_OF_URL = f"""SELECT o.id, o.final_url, o.fetched_at, o.payload_digest FROM captures c
        JOIN captures o ON o.id = coalesce(c.refers_to, c.id)
    WHERE c.url = ? AND c.http_status = 200 AND o.{_OURS} AND o.truncated IS NULL
    ORDER BY c.fetched_at DESC LIMIT 1"""
_NOT_MODIFIED = 304

Where = tuple[str | None, int | None, int | None, int | None]
"""File, offset and length of a capture's record, and the capture that it refers to."""


class RawKeeper(WarcFiles):
    """Writes the records of captures into an archive's WARC files."""

    def __init__(
        self, db: Database, database: Path, clock: Callable[[], str], about: Mapping[str, str], size: int
    ) -> None:
        self._maker = RecordMaker()
        super().__init__(db, database, clock, lambda name: self._maker.info(name, warc_date(clock()), about), size)

    def keep(self, capture: Capture, wire: Wire) -> Where:
        """Append a capture's records: file, offset and length of the response's, and the capture that it refers to."""
        row = _original(self._db, capture, wire)
        original = Original(row[1], warc_date(row[2]), capture.http_status == _NOT_MODIFIED) if row else None
        payload = row[3] if row else capture.payload_digest
        made = self._maker.exchange(capture.final_url, warc_date(capture.fetched_at), wire, payload, original)
        place = self.append(made.first, made.others)
        return place.file, place.offset, len(made.first), row[0] if row else None


def where(db: Database, capture_id: int) -> tuple[str, int, int] | None:
    """File, offset and length of a capture's record; None if it has none."""
    query = "SELECT warc_file, warc_offset, warc_length FROM captures WHERE id = ? AND warc_file IS NOT NULL"
    row = db.execute(query, [capture_id]).fetchone()
    return row and (str(row[0]), int(row[1]), int(row[2]))


def save_capture(db: Database, capture: Capture, raw: RawKeeper | None) -> int:
    """Store a capture, with its records if they are kept, and return its id. One that is there already stays."""
    wire = capture.raw
    if wire is not None:
        capture = replace(capture, payload_digest=digest(wire.body), final_url=capture.final_url or capture.url)
    capture_id = content_id(capture.url, capture.fetched_at, capture.payload_digest)
    if db.execute("SELECT 1 FROM captures WHERE id = ?", [capture_id]).fetchone():
        return capture_id
    if raw and wire:
        place = raw.keep(capture, wire)
    else:
        place = (storable(capture.warc_file) or None, capture.warc_offset, capture.warc_length, capture.refers_to)
    db.execute(
        """INSERT INTO captures (id, url, fetched_at, http_status, final_url, content_type, payload_digest,
            payload_length, directives, robots_id, truncated, etag, last_modified, warc_file, warc_offset, warc_length,
            refers_to) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            capture_id,
            storable(capture.url),
            capture.fetched_at,
            capture.http_status,
            storable(capture.final_url),
            storable(capture.content_type),
            capture.payload_digest,
            capture.payload_length,
            as_json(list(capture.directives)),
            capture.robots_id,
            (wire.truncated if wire else capture.truncated) or None,
            storable(capture.etag) or None,
            storable(capture.last_modified) or None,
            *place,
        ],
    )
    return capture_id


def _original(db: Database, capture: Capture, wire: Wire) -> tuple[int, str, str, str] | None:
    """The capture whose record holds this one's payload already: id, URL, time, digest."""
    if capture.http_status == _NOT_MODIFIED:
        row = db.execute(_OF_URL, [storable(capture.url)]).fetchone()
    elif wire.body and not wire.truncated:
        row = db.execute(_OF_PAYLOAD, [capture.payload_digest]).fetchone()
    else:
        return None
    return row and (int(row[0]), str(row[1]), str(row[2]), str(row[3]))
