"""Raw responses read back from WARC files, at the offset that a capture's row holds. fastwarc reads the records."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path

from fastwarc import ArchiveIterator
from sqlite_utils import Database

from broadsheet.output.raw.imported_record import ImportedRecordError, read_imported_record
from broadsheet.output.raw.wire import RawExchange

_MAX_RECORD_BYTES = 64 * 1024 * 1024  # of an imported record
_HEAD_END = re.compile(rb"\n\r?\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)[^\r\n]*\r?\n")
_LOCATIONS = """SELECT c.warc_file, c.warc_offset, c.warc_length, o.warc_file, o.warc_offset, o.warc_length
    FROM captures c LEFT JOIN captures o ON o.id = c.refers_to WHERE c.id = ?"""


class RecordError(Exception):
    """There is no complete record where one should be; the message says where, in one line."""


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """A record as read from a file: its WARC-Type, its WARC headers by lower-case name, its block undecoded."""

    kind: str
    fields: dict[str, str]
    block: bytes = field(repr=False)

    @property
    def url(self) -> str:
        """The WARC-Target-URI; empty without one."""
        return self.fields.get("warc-target-uri", "")

    @property
    def head_and_body(self) -> tuple[bytes, bytes]:
        """The HTTP head with its empty line, and the bytes after it."""
        match = _HEAD_END.search(self.block)
        body_start = match.end() if match else len(self.block)
        return self.block[:body_start], self.block[body_start:]


def read_record(folder: Path, file: str, offset: int, length: int) -> WarcRecord:
    """The record at an offset of a file, whose name is relative to `folder`. RecordError if there is none."""
    return parse_record(read_span(folder, file, offset, length), f"{file} at {offset}")


def read_span(folder: Path, file: str, offset: int, length: int) -> bytes:
    """`length` bytes of a file from an offset on. RecordError if it has not so many; no more memory is asked for than
    the file is long, whatever the length."""
    source = f"{file} at {offset}"
    try:
        with (folder / file).open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            is_inside = 0 <= offset <= size and 0 <= length <= size - offset
            stream.seek(offset if is_inside else size)
            data = stream.read(length if is_inside else 0)
    except OSError as error:
        raise RecordError(f"{source}: {error.strerror}") from error
    except (TypeError, ValueError) as error:  # a name, offset or length that is none
        raise RecordError(f"{source}: {error}") from error
    if not is_inside or len(data) < length:
        raise RecordError(f"{source}: the file ends before the record does")
    return data


def parse_record(data: bytes, source: str) -> WarcRecord:
    """The first record in some bytes; `source` says in a RecordError where they are from."""
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
    """The first `limit` records in some bytes, each with its offset. RecordError at bytes that are none."""
    stream = BytesIO(data)
    try:
        for record in islice(ArchiveIterator(stream, parse_http=False), limit):
            fields = {name.lower(): value for name, value in record.headers.items()}
            yield record.stream_pos, WarcRecord(str(record.record_type), fields, record.reader.read())
    except Exception as error:
        raise RecordError(f"{source}: a record cannot be read: {error}") from error


def read_response(db: Database, folder: Path, capture_id: int) -> RawExchange | None:
    """A capture's raw response, a revisit's with the payload it refers to; None if no raw response was kept.

    `folder` is the database's. RecordError if the record is missing or incomplete.
    """
    row = db.execute(_LOCATIONS, [capture_id]).fetchone()
    if row is None or row[0] is None:
        return None
    record = _read_any_record(folder, *row[:3])
    head, body = record.head_and_body
    if row[3] is not None and not record.fields.get("warc-profile", "").endswith("server-not-modified"):
        body = _read_any_record(folder, *row[3:]).head_and_body[1]
    address = record.fields.get("warc-ip-address", "")
    return RawExchange(b"", head, body, ip_address=address, truncated=record.fields.get("warc-truncated", ""))


def _read_any_record(folder: Path, file: str, offset: int, length: int) -> WarcRecord:
    """The record at an offset of a file, also one that only an import reads, such as that of an ARC file."""
    try:
        return read_record(folder, file, offset, length)
    except RecordError:
        with suppress(ImportedRecordError):
            imported = read_imported_record(read_span(folder, file, offset, length), _MAX_RECORD_BYTES)
            return WarcRecord(imported.head.kind, dict(imported.head.fields), imported.block)
        raise


def dechunked_body(exchange: RawExchange) -> bytes:
    """The response's body without chunked transfer coding; of one that is cut short, the chunks that came."""
    if "chunked" not in exchange.header("transfer-encoding").lower():
        return exchange.body
    body, position = bytearray(), 0
    while (size_line := _CHUNK.match(exchange.body, position)) and (length := int(size_line[1], 16)):
        body += exchange.body[size_line.end() : size_line.end() + length]
        position = size_line.end() + length + 2
    return bytes(body)
