"""Erasing raw records from WARC files in place, without moving the other records.

A record that has to go is overwritten, with its request, by one blank record of the same length: a gzip member of
stored blocks, whose size can be chosen to the byte. A payload that other captures refer to is written again first.
The spans to overwrite are noted in the transaction that deletes the rows, and overwritten after it; what a killed
process left undone is done when the archive is opened next.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from sqlite_utils import Database

from ..archive.archive_file import database_file
from ..archive.atomic_writes import write_transaction
from .raw_exchange import Capture, RawExchange, warc_digest
from .warc_files import read_away_files
from .warc_folders import claimed_folders, open_regular, record_file, shown_name, sync_to_disk, unshare, warc_path
from .warc_reader import RecordError, WarcRecord, iter_records, parse_record, read_response
from .warc_writer import REDACTED_FIELD, RawResponseWriter, record_location

IS_REMOVED = """(url IN (SELECT url FROM reached) OR (rendered_for IN (SELECT url FROM reached)
    AND NOT EXISTS (SELECT 1 FROM _resource_users s
        WHERE s.capture_id = captures.id AND s.url NOT IN (SELECT url FROM reached))))"""
"""SQL: whether a capture goes with the URLs in `temp.reached`. What a browser used for other pages too stays."""
_REMOVED_CAPTURES = f"SELECT id FROM captures WHERE {IS_REMOVED}"
_ERASURE_SPAN = """SELECT f.name, c.warc_offset, coalesce((SELECT min(n.warc_offset) FROM captures n
            WHERE n.warc_file = c.warc_file AND n.warc_offset > c.warc_offset), f.length)
    FROM captures c JOIN _warc_files f ON f.name = c.warc_file WHERE c.id = ?"""
_STAYING_CAPTURES = f"""SELECT id, url, fetched_at, http_status, final_url, content_type, payload_digest
    FROM captures WHERE refers_to IN ({_REMOVED_CAPTURES}) AND id NOT IN ({_REMOVED_CAPTURES})
    ORDER BY refers_to, fetched_at, id"""
_ERASED_CAPTURES = f"SELECT id FROM captures WHERE id IN ({_REMOVED_CAPTURES}) OR refers_to IN ({_REMOVED_CAPTURES})"
_NEEDED_FILES = f"""SELECT DISTINCT warc_file FROM captures WHERE warc_file IS NOT NULL
    AND id IN ({_ERASED_CAPTURES}) ORDER BY 1"""
_PUT_ERASURE = "INSERT OR IGNORE INTO _warc_erasures (file, offset, following) VALUES (?, ?, ?)"
_SET_LOCATION = "warc_file = ?, warc_offset = ?, warc_length = ?, refers_to = ?"
_BLOCK_SIZE = 65535  # bytes that a stored block of deflate holds (RFC 1951, section 3.2.4)
_FRAME_SIZE = 18  # bytes of a gzip member besides its blocks (RFC 1952, section 2.3)


class Rescue(NamedTuple):
    """A capture that stays although its payload is in a record to be erased, with the data for its new record."""

    capture_id: int
    capture: Capture
    exchange: RawExchange


def needed_files(db: Database) -> list[str]:
    """Return the WARC files that erasing the URLs in `temp.reached` reads and changes."""
    return [file for (file,) in db.execute(_NEEDED_FILES)]


def find_rescues(db: Database, folder: Path) -> list[Rescue]:
    """Return the captures that must be rewritten before those of the URLs in `temp.reached` may be erased."""
    rescues = []
    for capture_id, *columns in db.execute(_STAYING_CAPTURES).fetchall():
        try:
            exchange = _read_exchange(db, folder, capture_id)
        except RecordError:
            continue  # its record could not be read before either
        if exchange is not None:
            rescues.append(Rescue(capture_id, Capture(*columns), exchange))
    return rescues


def write_rescues(db: Database, raw_writer: RawResponseWriter, rescues: Sequence[Rescue]) -> None:
    """Rewrite captures: the first of each payload in full, the others as its revisits. Runs inside the
    transaction.
    """
    for rescue in rescues:
        record_columns = raw_writer.write_capture(rescue.capture, rescue.exchange)
        db.execute(f"UPDATE captures SET {_SET_LOCATION} WHERE id = ?", [*record_columns, rescue.capture_id])


def note_erasures(db: Database) -> None:
    """Note the spans to overwrite: the records of the URLs in `temp.reached`, and those that refer to them.

    Runs inside the transaction, before `write_rescues`. Captures that cannot be rescued lose their raw response.
    """
    capture_ids = [capture_id for (capture_id,) in db.execute(_ERASED_CAPTURES)]
    for capture_id in capture_ids:
        for span in db.execute(_ERASURE_SPAN, [capture_id]).fetchall():
            db.execute(_PUT_ERASURE, span)
    for capture_id in capture_ids:
        db.execute(f"UPDATE captures SET {_SET_LOCATION} WHERE id = ?", [None, None, None, None, capture_id])


def note_erasure(db: Database, file: str, offset: int, following: int) -> None:
    """Note a record without a row, for `erase_records` to overwrite. Runs inside the transaction.

    `following` is the offset of the next record that may have a row.
    """
    db.execute(_PUT_ERASURE, [file, offset, following])


def erase_records(db: Database, folder: Path, clock: Callable[[], str]) -> int:
    """Overwrite the noted spans; return their number. Can be repeated after an interruption.

    Spans in files that are away, missing or incomplete stay noted until the whole file is there.
    """
    away_files, folders = read_away_files(database_file(db)), claimed_folders(db)
    rows = db.execute("SELECT file, offset, following FROM _warc_erasures").fetchall()
    spans = [
        row for row in rows if row[0] not in away_files and folders.owns(row[0]) and warc_path(folder, row[0]).is_file()
    ]
    for file, offset, end in spans:
        path = warc_path(folder, file)
        _overwrite(path, offset, end, clock())
        if path.stat().st_size >= end:
            with write_transaction(db):
                db.execute("DELETE FROM _warc_erasures WHERE file = ? AND offset = ?", [file, offset])
    return len(spans)


def waiting_files(db: Database) -> list[str]:
    """Return the WARC files with records that will be overwritten once the whole file is there."""
    files = db.execute("SELECT DISTINCT file FROM _warc_erasures ORDER BY file").fetchall()
    return [shown_name(database_file(db), file) for (file,) in files]


def blank_record(length: int, date: str, record_id: str) -> bytes:
    """Return a gzip member of exactly `length` bytes that holds a blank WARC record. ValueError if they are too few."""
    block_count = -(-(length - _FRAME_SIZE) // (_BLOCK_SIZE + 5))
    size = length - _FRAME_SIZE - 5 * block_count
    head = (
        f"WARC/1.1\r\nWARC-Type: metadata\r\nWARC-Record-ID: <{record_id}>\r\nWARC-Date: {date}\r\n"
        "WARC-Block-Digest: {digest}\r\nContent-Type: application/warc-fields\r\nContent-Length: {filler:010d}\r\n\r\n"
    )
    filler_length = size - len(head.format(digest=warc_digest(b""), filler=0)) - 4
    if filler_length < 0:
        raise ValueError(f"{length} bytes are too few for a record")
    block = b"taken-down: yes\r\n".ljust(filler_length)[:filler_length]
    data = head.format(digest=warc_digest(block), filler=filler_length).encode() + block + b"\r\n\r\n"
    return b"".join(_gzip_stored(data, block_count))


def _gzip_stored(data: bytes, block_count: int) -> Iterator[bytes]:
    """Return the pieces of a gzip member that holds `data` uncompressed, in this number of stored blocks."""
    yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    for number in range(block_count):
        part = data[number * _BLOCK_SIZE : (number + 1) * _BLOCK_SIZE]
        yield struct.pack("<BHH", number == block_count - 1, len(part), len(part) ^ 0xFFFF) + part
    yield struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _overwrite(path: Path, offset: int, end: int, date: str) -> None:
    """Put a blank record in place of the record at `offset` and those made with it; `end` is the next capture's."""
    with path.open("rb") as stream:
        stream.seek(offset)
        data = stream.read(end - offset)
    length = _record_length(data, f"{path.name} at {offset}")
    unshare(path)
    fd = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(fd, _blank(length, date), offset)
        sync_to_disk(fd)
    finally:
        os.close(fd)


def _blank(length: int, date: str) -> bytes:
    """Return the bytes that replace an erased record of this length: a blank record, or zeros at a torn file's end.

    Zeros are what gzip pads with.
    """
    try:
        return blank_record(length, date, uuid4().urn)
    except ValueError:
        return bytes(length)


def _record_length(data: bytes, source: str) -> int:
    """Return the bytes of the first record and of those concurrent to it; of all `data` if it cannot be read."""
    try:
        first_record = parse_record(data, source)
        first_id = first_record.fields.get("warc-record-id")
        for offset, record in iter_records(data, source):
            if offset and record.fields.get("warc-concurrent-to") != str(first_id):
                return offset
    except RecordError:
        pass
    return len(data)


def _committed_length(db: Database, file: str) -> int:
    return int(db.execute("SELECT length FROM _warc_files WHERE name = ?", [file]).fetchone()[0])


def _read_exchange(db: Database, folder: Path, capture_id: int) -> RawExchange | None:
    """Read a capture's exchange with its request, which the record after the response holds; None without a raw
    response.
    """
    response = read_response(db, folder, capture_id)
    location = record_location(db, capture_id)
    if response is None or location is None:
        return None
    file, offset, _ = location
    with open_regular(record_file(folder, file)) as stream:
        stream.seek(offset)
        records = iter_records(stream.read(_committed_length(db, file) - offset), file, limit=3)
        requests = [record for _, record in records if record.kind == "request"]
    return RawExchange(
        requests[0].block if requests else b"",
        response.head,
        response.body,
        b"",
        response.ip_address,
        response.truncated,
        _redacted_headers(requests[0]) if requests else (),
    )


def _redacted_headers(request: WarcRecord) -> tuple[str, ...]:
    """Return the headers whose values the record of a request says are replaced."""
    return tuple(filter(None, request.fields.get(REDACTED_FIELD.lower(), "").split(", ")))
