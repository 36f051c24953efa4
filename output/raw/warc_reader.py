"""Raw responses read back from WARC files, by the place that a capture's row names. fastwarc reads the records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path

from fastwarc import ArchiveIterator
from sqlite_utils import Database

from output.raw.wire import Wire

_HEAD_END = re.compile(rb"\n\r?\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)[^\r\n]*\r?\n")
_PLACE = """SELECT c.warc_file, c.warc_offset, c.warc_length, o.warc_file, o.warc_offset, o.warc_length
    FROM captures c LEFT JOIN captures o ON o.id = c.refers_to WHERE c.id = ?"""


class RecordError(Exception):
    """There is no whole record where one should be; the message says where, in one line."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in a file. `fields` are its WARC headers by lower-case name."""

    kind: str
    fields: dict[str, str]
    block: bytes = field(repr=False)

    @property
    def url(self) -> str:
        """What it is about."""
        return self.fields.get("warc-target-uri", "")

    @property
    def parts(self) -> tuple[bytes, bytes]:
        """The HTTP head with its empty line, and what follows it."""
        end = _HEAD_END.search(self.block)
        at = end.end() if end else len(self.block)
        return self.block[:at], self.block[at:]


def read_record(folder: Path, file: str, offset: int, length: int) -> Record:
    """The record at a place in a file, whose name is relative to `folder`. RecordError if there is none."""
    return parse_record(read_span(folder, file, offset, length), f"{file} at {offset}")


def read_span(folder: Path, file: str, offset: int, length: int) -> bytes:
    """Bytes of a file. RecordError if it has not so many."""
    where = f"{file} at {offset}"
    try:
        with (folder / file).open("rb") as stream:
            stream.seek(offset)
            data = stream.read(length)
    except OSError as error:
        raise RecordError(f"{where}: {error.strerror}") from error
    if len(data) < length:
        raise RecordError(f"{where}: the file ends before the record does")
    return data


def parse_record(data: bytes, where: str) -> Record:
    """The first record of some bytes; `where` names them in an error."""
    try:
        record = next(iter(ArchiveIterator(BytesIO(data), parse_http=False)))
        block = record.reader.read()
        fields = {name.lower(): value for name, value in record.headers.items()}
    except StopIteration:
        raise RecordError(f"{where}: no record there") from None
    except Exception as error:
        raise RecordError(f"{where}: the record cannot be read: {error}") from error
    if len(block) != record.content_length:
        raise RecordError(f"{where}: the record is cut short")
    return Record(str(record.record_type), fields, block)


def records_in(data: bytes, where: str, most: int = 1000) -> Iterator[tuple[int, Record]]:
    """The records of some bytes, each with its offset. RecordError, named `where`, at what is none."""
    stream = BytesIO(data)
    try:
        for record in islice(ArchiveIterator(stream, parse_http=False), most):
            fields = {name.lower(): value for name, value in record.headers.items()}
            yield record.stream_pos, Record(str(record.record_type), fields, record.reader.read())
    except Exception as error:
        raise RecordError(f"{where}: a record cannot be read: {error}") from error


def response_of(db: Database, folder: Path, capture_id: int) -> Wire | None:
    """A capture's response as it came, a revisit's with the payload it refers to; None if no raw response was kept.

    `folder` is the database's. RecordError if the record is not there, or not whole.
    """
    row = db.execute(_PLACE, [capture_id]).fetchone()
    if row is None or row[0] is None:
        return None
    record = read_record(folder, *row[:3])
    head, body = record.parts
    if row[3] is not None and not record.fields.get("warc-profile", "").endswith("server-not-modified"):
        body = read_record(folder, *row[3:]).parts[1]
    address = record.fields.get("warc-ip-address", "")
    return Wire(b"", head, body, address=address, truncated=record.fields.get("warc-truncated", ""))


def without_chunks(wire: Wire) -> bytes:
    """The body without its transfer coding; of one that breaks off, what came."""
    if "chunked" not in wire.header("transfer-encoding").lower():
        return wire.body
    out, at = bytearray(), 0
    while (size := _CHUNK.match(wire.body, at)) and (length := int(size[1], 16)):
        out += wire.body[size.end() : size.end() + length]
        at = size.end() + length + 2
    return bytes(out)
