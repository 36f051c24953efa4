"""Storing a capture: its row in `captures` and, where raw responses are kept, its WARC record, never one alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.db.ids import content_id
from broadsheet.output.db.text import as_json, storable_text
from broadsheet.output.raw.capture import Capture
from broadsheet.output.raw.warc_files import WarcFiles
from broadsheet.output.raw.warc_records import OriginalRecord, RecordMaker, warc_date
from broadsheet.output.raw.wire import RawExchange, warc_digest

_IS_OURS = "warc_file IN (SELECT name FROM warc_files)"  # an imported file may go away
_ORIGINAL_BY_PAYLOAD = f"""SELECT id, final_url, fetched_at, payload_digest, warc_file, warc_offset + warc_length
    FROM captures WHERE payload_digest = ?
    AND warc_file IS NOT NULL AND refers_to IS NULL AND truncated IS NULL AND {_IS_OURS} LIMIT 1"""
_ORIGINAL_BY_URL = f"""SELECT o.id, o.final_url, o.fetched_at, o.payload_digest, o.warc_file,
        o.warc_offset + o.warc_length FROM captures c
        JOIN captures o ON o.id = coalesce(c.refers_to, c.id)
    WHERE c.url = ? AND c.http_status = 200 AND o.{_IS_OURS} AND o.truncated IS NULL
    ORDER BY c.fetched_at DESC LIMIT 1"""
_NOT_MODIFIED = 304

RecordColumns = tuple[str | None, int | None, int | None, int | None]
"""The columns `warc_file`, `warc_offset`, `warc_length` and `refers_to` of a capture."""


_OriginalRow = tuple[int, str, str, str, str, int]
"""Id, URL, time and payload digest of a capture; the file of its record, and the byte at which that ends."""


class RawResponseWriter(WarcFiles):
    """Writes the records of captures into an archive's WARC files."""

    def __init__(
        self, db: Database, database: Path, clock: Callable[[], str], warcinfo: Mapping[str, str], size_limit: int
    ) -> None:
        self._record_maker = RecordMaker()
        super().__init__(
            db,
            database,
            clock,
            lambda name: self._record_maker.warcinfo_record(name, warc_date(clock()), warcinfo),
            size_limit,
        )

    def write_capture(self, capture: Capture, exchange: RawExchange) -> RecordColumns:
        """Append a capture's records; a payload that an earlier record holds is not written again, but referred to."""
        row = _find_original(self._db, capture, exchange)
        if row and not self.holds(*row[4:]):  # its file was deleted, and the payload with it
            row = None
        original = OriginalRecord(row[1], warc_date(row[2]), capture.http_status == _NOT_MODIFIED) if row else None
        payload_digest = row[3] if row else capture.payload_digest
        records = self._record_maker.exchange_records(
            capture.final_url, warc_date(capture.fetched_at), exchange, payload_digest, original
        )
        span = self.append(records.response, records.companions)
        return span.file, span.offset, len(records.response), row[0] if row else None


def record_location(db: Database, capture_id: int) -> tuple[str, int, int] | None:
    """File, offset and length of a capture's record; None if it has none."""
    query = "SELECT warc_file, warc_offset, warc_length FROM captures WHERE id = ? AND warc_file IS NOT NULL"
    row = db.execute(query, [capture_id]).fetchone()
    return row and (str(row[0]), int(row[1]), int(row[2]))


def save_capture(db: Database, capture: Capture, raw_writer: RawResponseWriter | None) -> int:
    """Store a capture, with its WARC records if there is a writer, and return its id. One that is stored stays."""
    exchange = capture.raw
    if exchange is not None:
        capture = replace(
            capture, payload_digest=warc_digest(exchange.body), final_url=capture.final_url or capture.url
        )
    capture_id = content_id(capture.url, capture.fetched_at, capture.payload_digest)
    if db.execute("SELECT 1 FROM captures WHERE id = ?", [capture_id]).fetchone():
        return capture_id
    if raw_writer and exchange:
        record_columns = raw_writer.write_capture(capture, exchange)
    else:
        record_columns = (
            storable_text(capture.warc_file) or None,
            capture.warc_offset,
            capture.warc_length,
            capture.refers_to,
        )
    db.execute(
        """INSERT INTO captures (id, url, fetched_at, http_status, final_url, content_type, payload_digest,
            payload_length, directives, robots_id, truncated, etag, last_modified, warc_file, warc_offset, warc_length,
            refers_to, record_faults) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            capture_id,
            storable_text(capture.url),
            capture.fetched_at,
            capture.http_status,
            storable_text(capture.final_url),
            storable_text(capture.content_type),
            capture.payload_digest,
            capture.payload_length,
            as_json(list(capture.directives)),
            capture.robots_id,
            (exchange.truncated if exchange else capture.truncated) or None,
            storable_text(capture.etag) or None,
            storable_text(capture.last_modified) or None,
            *record_columns,
            " ".join(capture.record_faults) or None,
        ],
    )
    return capture_id


def _find_original(db: Database, capture: Capture, exchange: RawExchange) -> _OriginalRow | None:
    """The capture whose record already holds this one's payload; None if none does."""
    if capture.http_status == _NOT_MODIFIED:
        row = db.execute(_ORIGINAL_BY_URL, [storable_text(capture.url)]).fetchone()
    elif exchange.body and not exchange.truncated:
        row = db.execute(_ORIGINAL_BY_PAYLOAD, [capture.payload_digest]).fetchone()
    else:
        return None
    return row and (int(row[0]), str(row[1]), str(row[2]), str(row[3]), str(row[4]), int(row[5]))
