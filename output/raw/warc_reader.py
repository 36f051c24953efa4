"""Raw responses read back from WARC files by fastwarc, at the offsets in rows of captures, and what is wrong with them.

Wrong are records whose digests do not hold, and rows without their record. A WARC file is checked a capture at a time,
from its offset to the next capture's, so that damage in one hides no other.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import groupby, islice
from pathlib import Path, PurePath

from fastwarc import ArchiveIterator
from sqlite_utils import Database

from ..archive.archive_errors import ArchiveError
from ..archive.archive_file import database_file
from ..archive.row_sample import WHOLE, RowSample
from .imported_records import BODY_KINDS, DIGEST_MISMATCH, ImportedRecordError, read_imported_record
from .raw_exchange import RawExchange, warc_digest
from .warc_folders import newer_folders, open_regular, record_file, shown_name

_MAX_RECORD_BYTES = 64 * 1024 * 1024  # of an imported record
_HEAD_END = re.compile(rb"\n\r?\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)[^\r\n]*\r?\n")
_LOCATIONS = """SELECT c.warc_file, c.warc_offset, c.warc_length, c.final_url, c.fetched_at, c.payload_digest,
        EXISTS (SELECT 1 FROM _warc_files WHERE name = c.warc_file), c.refers_to
    FROM captures c WHERE c.id = ?"""


class RecordError(Exception):
    """A missing or incomplete record; the message is one line with its place."""


class FileGoneError(RecordError):
    """A record whose file or folder is missing."""


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """A record as read from a file: its WARC-Type, its WARC headers by lower-case name, its block undecoded."""

    kind: str
    fields: dict[str, str]
    block: bytes = field(repr=False)

    @property
    def url(self) -> str:
        """Return the WARC-Target-URI; empty without one."""
        return self.fields.get("warc-target-uri", "")

    @property
    def head_and_body(self) -> tuple[bytes, bytes]:
        """Return the HTTP head with its empty line, and the bytes after it; the types of BODY_KINDS have no head."""
        if self.kind in BODY_KINDS:
            return b"", self.block
        match = _HEAD_END.search(self.block)
        body_start = match.end() if match else len(self.block)
        return self.block[:body_start], self.block[body_start:]


def read_record(folder: Path, file: str, offset: int, length: int) -> WarcRecord:
    """Read the record at an offset of a file. RecordError if there is none."""
    return parse_record(read_span(folder, file, offset, length), f"{shown_name(folder, file)} at {offset}")


def read_span(folder: Path, file: str, offset: int, length: int) -> bytes:
    """Read `length` bytes of a file from an offset. Raises RecordError if the file is shorter.

    `folder` is the database whose rows name the file, as for `warc_folders.record_file`. Allocates no more memory than
    the file's size, whatever the length.
    """
    source = f"{file} at {offset}"
    try:
        source = f"{shown_name(folder, file)} at {offset}"
        with open_regular(record_file(folder, file)) as stream:
            size = os.fstat(stream.fileno()).st_size
            is_inside = 0 <= offset <= size and 0 <= length <= size - offset
            stream.seek(offset if is_inside else size)
            data = stream.read(length if is_inside else 0)
    except OSError as error:
        kind = FileGoneError if isinstance(error, FileNotFoundError) else RecordError
        raise kind(f"{source}: {error.strerror}") from error
    except ArchiveError as error:
        raise RecordError(f"{source}: {error}") from error
    except (TypeError, ValueError) as error:  # a name, offset or length of the wrong type
        raise RecordError(f"{source}: {error}") from error
    if not is_inside or len(data) < length:
        raise RecordError(f"{source}: the file ends before the record does")
    return data


def parse_record(data: bytes, source: str) -> WarcRecord:
    """Read the first record in some bytes; `source` says in a RecordError where they are from."""
    try:
        record = next(iter(ArchiveIterator(BytesIO(data), parse_http=False)))
        block = record.reader.read()
        fields = {name.lower(): value for name, value in record.headers.items()}
    except StopIteration:
        raise RecordError(f"{source}: no record there") from None
    except Exception as error:
        raise RecordError(f"{source}: the record cannot be read: {error}") from error
    if len(block) != record.content_length:
        raise RecordError(f"{source}: the record is cut short")
    return WarcRecord(str(record.record_type), fields, block)


def iter_records(data: bytes, source: str, limit: int = 1000) -> Iterator[tuple[int, WarcRecord]]:
    """Yield the first `limit` records in some bytes, each with its offset. Raises RecordError at other bytes."""
    stream = BytesIO(data)
    try:
        for record in islice(ArchiveIterator(stream, parse_http=False), limit):
            fields = {name.lower(): value for name, value in record.headers.items()}
            yield record.stream_pos, WarcRecord(str(record.record_type), fields, record.reader.read())
    except Exception as error:
        raise RecordError(f"{source}: a record cannot be read: {error}") from error


def read_response(db: Database, folder: Path, capture_id: int) -> RawExchange | None:
    """Read a capture's raw response, a revisit's with the payload it refers to; None if no raw response was kept.

    `folder` is the database, as for `warc_folders.record_file`. RecordError if the record is missing, incomplete, or
    not that of the capture.
    """
    if (found := _read_row_record(db, folder, capture_id)) is None:
        return None
    record, refers_to = found
    head, body = record.head_and_body
    if refers_to is not None and not _is_not_modified(record) and (original := _read_row_record(db, folder, refers_to)):
        body = original[0].head_and_body[1]
    address = record.fields.get("warc-ip-address", "")
    return RawExchange(b"", head, body, ip_address=address, truncated=record.fields.get("warc-truncated", ""))


def _read_row_record(db: Database, folder: Path, capture_id: int) -> tuple[WarcRecord, int | None] | None:
    """Read a capture's record, and the id of the capture that it refers to; None if no raw response was kept."""
    row = db.execute(_LOCATIONS, [capture_id]).fetchone()
    if row is None or row[0] is None:
        return None
    file, offset, length, url, fetched_at, digest, is_own, refers_to = row
    record = _read_any_record(folder, file, offset, length)
    location = f"{shown_name(folder, file)} at {offset}"
    if is_own:
        for mismatch in row_mismatch(record, url, fetched_at, digest, location):
            raise RecordError(mismatch)
    elif refers_to is None and record.kind != "revisit" and warc_digest(record.head_and_body[1]) != digest:
        raise RecordError(f"{location}: the payload of {url} does not have the digest of its row")
    return record, refers_to


def _read_any_record(folder: Path, file: str, offset: int, length: int) -> WarcRecord:
    """Read the record at an offset of a file, also one that only an import reads, such as that of an ARC file."""
    try:
        return read_record(folder, file, offset, length)
    except RecordError:
        with suppress(ImportedRecordError):
            imported = read_imported_record(read_span(folder, file, offset, length), _MAX_RECORD_BYTES)
            return WarcRecord(imported.head.kind, dict(imported.head.fields), imported.block)
        raise


def dechunked_body(exchange: RawExchange) -> bytes:
    """Return the response's body without chunked transfer coding; of one that is cut short, the chunks that came."""
    if "chunked" not in exchange.header("transfer-encoding").lower():
        return exchange.body
    body, position = bytearray(), 0
    while (size_line := _CHUNK.match(exchange.body, position)) and (length := int(size_line[1], 16)):
        body += exchange.body[size_line.end() : size_line.end() + length]
        position = size_line.end() + length + 2
    return bytes(body)


_CAPTURE_ROWS = """SELECT c.warc_file, c.warc_offset, c.warc_length, c.final_url, c.fetched_at, c.payload_digest,
        (SELECT length FROM _warc_files WHERE name = c.warc_file), coalesce(c.record_faults, ''), c.refers_to IS NULL,
        c.http_status, {}
    FROM captures c WHERE c.warc_file IS NOT NULL ORDER BY c.warc_file, c.warc_offset"""
_FILES_WITHOUT_CAPTURES = """SELECT name, length FROM _warc_files f WHERE length > 0
    AND NOT EXISTS (SELECT 1 FROM captures WHERE warc_file = f.name)"""
_DIGEST_PREFIX = "sha1:"

_STATUS_LINE = re.compile(rb"HTTP/\S+ (\d{3})\b")
_ROW_KINDS = ("response", "revisit", "resource")  # records that have a row in `captures`

CaptureRow = tuple[str, int, int, str, str, str, int | None, str, bool, int | None, bool]
"""WARC file, offset, length, URL, time, payload digest; committed length of the file, None for an imported one; for
that what was wrong with the record when it was imported; whether it holds its payload itself; HTTP status; whether
it is in the sample."""


def raw_faults(db: Database, folder: Path, sample: RowSample = WHOLE) -> Iterator[str]:
    """Yield each fault in the captures of the sample as a one-line message. `folder` is the database's.

    A missing WARC folder or file gives one line, with the number of its responses.
    """
    gone: Counter[str] = Counter()
    for file, rows in groupby(db.execute(_CAPTURE_ROWS.format(sample.condition("c.id"))), key=lambda row: row[0]):
        if place := _gone_place(folder, file):
            gone[place] += len(list(rows))
        else:
            yield from _file_faults(folder, list(rows))
    for name, length in db.execute(_FILES_WITHOUT_CAPTURES).fetchall():
        if place := _gone_place(folder, name):
            gone[place] += 0
        else:
            yield from _start_faults(folder, name, length)
    for place, count in gone.items():
        yield f"{place} is not there: put it back beside the database; raw responses in it: {count:,}"
    try:
        yield from newer_folders(db, database_file(db))
    except ArchiveError as error:
        yield str(error)


def _gone_place(folder: Path, file: str) -> str:
    """Return the missing folder, or the missing file in an existing folder, of some records; empty if both exist.

    Unsafe paths are reported with their records.
    """
    with suppress(OSError, ArchiveError, ValueError):
        if not (path := record_file(folder, file)).exists() and not path.is_symlink():
            shown = shown_name(folder, file)
            return shown if path.parent.is_dir() else str(PurePath(shown).parent)
    return ""


def _file_faults(folder: Path, rows: Sequence[CaptureRow]) -> Iterator[str]:
    """Yield the faults of one WARC file, whose captures are `rows` by offset."""
    file, first_offset, committed_length = rows[0][0], rows[0][1], rows[0][6]
    if committed_length is None:  # imported, so not ours: only the records that our rows name are checked
        for row in rows:
            if row[10]:
                yield from _imported_record_faults(folder, row)
        return
    if first_offset:
        yield from _start_faults(folder, file, first_offset)
    for row, end in zip(rows, [*(next_row[1] for next_row in rows[1:]), committed_length], strict=True):
        if row[10]:
            yield from _capture_faults(folder, row, end - row[1])


def _capture_faults(folder: Path, row: CaptureRow, span_length: int) -> Iterator[str]:
    """Yield the faults of a capture's record, and of what follows it up to the next capture's, `span_length` bytes in
    all.
    """
    file, offset, record_length, url = row[:4]
    shown = shown_name(folder, file)
    location = f"{shown} at {offset}"
    try:
        data = read_span(folder, file, offset, span_length)
        record = parse_record(data[:record_length], location)
    except RecordError as error:
        yield f"{url}: {error}"
        return
    yield from _digest_faults(record, location)
    yield from _record_mismatches(record, row, location)
    yield from _unnamed_record_faults(data[record_length:], f"{shown} after {offset}")


def _imported_record_faults(folder: Path, row: CaptureRow) -> Iterator[str]:
    """Yield the faults of an imported capture's record that it had not when it was imported."""
    file, offset, record_length, url, _, payload_digest, _, known_faults, has_payload, *_ = row
    location = f"{shown_name(folder, file)} at {offset}"
    try:
        record = read_imported_record(read_span(folder, file, offset, record_length), _MAX_RECORD_BYTES)
    except (RecordError, ImportedRecordError) as error:
        yield f"{url}: {error}" if isinstance(error, RecordError) else f"{url}: {location}: {error}"
        return
    if DIGEST_MISMATCH in record.faults and DIGEST_MISMATCH not in known_faults.split():
        yield f"{location}: the {record.head.kind} record has not the digest that it states"
    elif has_payload and record.head.kind != "revisit" and warc_digest(record.payload) != payload_digest:
        yield f"{location}: the payload of {url} does not have the digest of its row"


def row_mismatch(record: WarcRecord, url: str, fetched_at: str, payload_digest: str, location: str) -> Iterator[str]:
    """Yield a message if the record does not match its row in `captures`."""
    stated_digest = record.fields.get("warc-payload-digest", payload_digest)
    actual_digest = stated_digest if record.kind == "revisit" else warc_digest(record.head_and_body[1])
    if record.kind not in _ROW_KINDS:
        yield f"{location}: a {record.kind} record in place of the response of {url}"
    elif (record.url, record.fields.get("warc-date")) != (url, fetched_at):
        record_date = record.fields.get("warc-date")
        yield f"{location}: the record is of {record.url}, {record_date}, its row of {url}, {fetched_at}"
    elif actual_digest != payload_digest and not _is_not_modified(record):
        yield f"{location}: the payload of {url} does not have the digest of its row"


def _record_mismatches(record: WarcRecord, row: CaptureRow, location: str) -> Iterator[str]:
    """Yield a message if the record differs from its row, or states another status."""
    mismatches = list(row_mismatch(record, *row[3:6], location))
    yield from mismatches
    match = None if mismatches or record.kind == "resource" else _STATUS_LINE.match(record.block)
    if match and int(match[1]) != row[9]:
        yield f"{location}: the record's status is {int(match[1])}, that of its row {row[9]}"


def _start_faults(folder: Path, file: str, length: int) -> Iterator[str]:
    """Yield the faults of the first bytes of a file, whose records no row names."""
    try:
        yield from _unnamed_record_faults(read_span(folder, file, 0, length), f"{shown_name(folder, file)} at 0")
    except RecordError as error:
        yield str(error)


def _unnamed_record_faults(data: bytes, location: str) -> Iterator[str]:
    """Yield the faults of all records in some bytes; `location` says in messages where they are from."""
    try:
        for _, record in iter_records(data, location):
            yield from _digest_faults(record, location)
            if record.kind in _ROW_KINDS:
                yield f"{location}: the {record.kind} of {record.url} has no row in captures"
    except RecordError as error:
        yield str(error)


def _digest_faults(record: WarcRecord, location: str) -> Iterator[str]:
    """Yield a message for each SHA-1 digest in the record's headers that its bytes do not have."""
    stated_digest = record.fields.get("warc-block-digest", "")
    if stated_digest.startswith(_DIGEST_PREFIX) and stated_digest != warc_digest(record.block):
        yield f"{location}: the {record.kind} record has not the digest that it states"
    stated_digest = record.fields.get("warc-payload-digest", "")
    if (
        record.kind in ("response", "resource")
        and stated_digest.startswith(_DIGEST_PREFIX)
        and stated_digest not in _payload_digests(record)
    ):
        yield f"{location}: the payload of {record.url} has not the digest that it states"


def _payload_digests(record: WarcRecord) -> tuple[str, str]:
    """Return the digest of the payload with its transfer coding, and of the dechunked one, which some tools write."""
    head, body = record.head_and_body
    return warc_digest(body), warc_digest(dechunked_body(RawExchange(b"", head, body)))


def _is_not_modified(record: WarcRecord) -> bool:
    return record.fields.get("warc-profile", "").endswith("server-not-modified")
