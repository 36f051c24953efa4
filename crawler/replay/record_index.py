"""The records of a WARC or WACZ file with their locations, also those after a broken record.

A broken record costs only itself: the next one is found by its first bytes. Only the heads of records are unpacked.
"""

from __future__ import annotations

import mmap
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any

from fastwarc.warc import ArchiveIterator, WarcRecord

from crawler.replay.recorded_response import target_uri

BROKEN = "broken"
ANSWER_TYPES = frozenset(("response", "revisit", "resource", BROKEN))
"""The types of records that stand for an answer."""

_GZIP, _ZSTD, _ZIP = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_HEAD_BYTES = 4096  # bytes that show how a record begins
_UNPACK_STEP = 64
_WARC_MAGIC = (b"WARC/1.", b"WARC/0.")
_WARC_ENDINGS = (".warc", ".warc.gz")


class ScanError(Exception):
    """A file without readable WARC records; the text is one line for the person who named the file."""


@dataclass(frozen=True, slots=True)
class IndexedRecord:
    """A record: where it lies in the file, its type, and what it is about. `at` is UTC ISO 8601, empty if not stated.

    `status` and `content_type` are those of the HTTP response, 0 and empty where there is none. `digest` is the
    payload's as the writer states it; `refers_to` and `refers_at` name the record that has a revisit's body.
    """

    offset: int
    length: int
    kind: str
    url: str = ""
    at: str = ""
    status: int = 0
    content_type: str = ""
    digest: str = ""
    refers_to: str = ""
    refers_at: str = ""


def scan_records(path: Path) -> Iterator[IndexedRecord]:
    """The records of a file in file order. ScanError, before the first one, if the file has no WARC records."""
    try:
        segments = _warc_segments(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise ScanError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for start, size in segments:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield from _WarcSegment(path, data, start, start + size).records()


def _warc_segments(path: Path) -> list[tuple[int, int]]:
    """The (start, size) of the WARC data in a file: all of it, or the WARC files in a WACZ, which stores them
    unpacked."""
    with path.open("rb") as stream:
        magic = stream.read(len(_ZIP))
    if not magic:
        raise ScanError(f"{path} is empty")
    if magic != _ZIP:
        return [(0, path.stat().st_size)]
    segments = list(_zipped_segments(path))
    if not segments:
        raise ScanError(f"{path} is a ZIP file without WARC files in it")
    return segments


def _zipped_segments(path: Path) -> Iterator[tuple[int, int]]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
        for member in archive.infolist():
            if not member.filename.lower().endswith(_WARC_ENDINGS) or not member.file_size:
                continue
            if member.compress_type != zipfile.ZIP_STORED:
                raise ScanError(
                    f"{path} has packed {member.filename} once more, against the WACZ format: unzip it first"
                )
            stream.seek(member.header_offset + 26)
            length_fields = stream.read(4)
            name_bytes = sum(int.from_bytes(length_fields[start : start + 2], "little") for start in (0, 2))
            yield member.header_offset + 30 + name_bytes, member.file_size


class _WarcSegment:
    """A segment of a file that is WARC data from end to end."""

    def __init__(self, path: Path, data: mmap.mmap, start: int, end: int) -> None:
        self._path = path
        self._data = data
        self._start = start
        self._end = end
        self._is_packed = data[start : start + 3] == _GZIP
        if not self._begins_record(start) and data[start : start + 4] != _ZSTD:
            raise ScanError(f"{path} holds no WARC records")

    def records(self) -> Iterator[IndexedRecord]:
        """The records in order. A record gets its length once the next one is found; what cannot be read is a broken
        record."""
        position, pending = self._start, None
        while position < self._end:
            last_offset = position - 1
            try:
                for record in self._records_from(position):
                    if pending:
                        yield self._with_length(pending, record.offset)
                    pending, last_offset = record, record.offset
                break
            except (OSError, ValueError):
                next_offset = self._next_record(last_offset + 1)
                if pending:
                    yield self._with_length(pending, pending_end := self._record_end(pending, next_offset))
                    has_gap = next_offset > pending_end and pending_end > pending.offset
                    pending = None
                    if has_gap and not self._begins_record(pending_end):
                        yield IndexedRecord(pending_end, next_offset - pending_end, BROKEN)
                if last_offset < position:  # the record here is the broken one
                    next_offset = self._next_record(position + 1)
                    yield self._broken_record(position, next_offset)
                position = next_offset
        if pending:
            yield self._with_length(pending, self._end)

    def _records_from(self, position: int) -> Iterator[IndexedRecord]:
        for record in ArchiveIterator(_MappedSlice(self._data, position, self._end), parse_http=False):
            yield _indexed_record(record, position + record.stream_pos)

    def _with_length(self, record: IndexedRecord, end: int) -> IndexedRecord:
        if self._is_packed and self._data[record.offset : record.offset + 3] != _GZIP:
            raise ScanError(f"{self._path} is compressed as one piece, not record by record: unpack it first (gunzip)")
        return replace(record, length=end - record.offset)

    def _record_end(self, record: IndexedRecord, next_offset: int) -> int:
        """Where a record ends that comes before unreadable bytes: at the end of its gzip member, else at the next
        record."""
        if not self._is_packed:
            return next_offset
        member = zlib.decompressobj(31)
        try:
            for start in range(record.offset, next_offset, 1 << 20):
                member.decompress(self._data[start : min(start + (1 << 20), next_offset)])
                if member.eof:
                    return min(start + (1 << 20), next_offset) - len(member.unused_data)
        except zlib.error:
            return next_offset
        return next_offset

    def _next_record(self, position: int) -> int:
        """The offset of the next record at or after a position; the segment's end if there is none."""
        magics = (_GZIP,) if self._is_packed else _WARC_MAGIC
        while True:
            candidates = [
                candidate for magic in magics if (candidate := self._data.find(magic, position, self._end)) >= 0
            ]
            if not candidates:
                return self._end
            if self._begins_record(min(candidates)):
                return min(candidates)
            position = min(candidates) + 1

    def _begins_record(self, position: int) -> bool:
        if not self._is_packed and position > self._start and self._data[position - 1 : position] != b"\n":
            return False
        return self._record_head(position).startswith(b"WARC/")

    def _record_head(self, position: int) -> bytes:
        data = self._data[position : min(position + _HEAD_BYTES, self._end)]
        if not self._is_packed:
            return data
        member, head = zlib.decompressobj(31), b""
        with suppress(zlib.error):  # what came before the fault still tells
            for start in range(0, len(data), _UNPACK_STEP):
                head += member.decompress(data[start : start + _UNPACK_STEP], _HEAD_BYTES)
        return head

    def _broken_record(self, position: int, next_offset: int) -> IndexedRecord:
        """A record that cannot be read, with what its head still says."""
        head = self._record_head(position).partition(b"\r\n\r\n")[0]
        try:
            head_record = next(
                iter(ArchiveIterator(BytesIO(head + b"\r\nContent-Length: 0\r\n\r\n"), parse_http=False))
            )
            record = _indexed_record(head_record, position)
        except (StopIteration, OSError, ValueError):
            record = IndexedRecord(position, 0, BROKEN)
        if record.kind not in ANSWER_TYPES:
            record = replace(record, url="")
        return replace(record, kind=BROKEN, length=next_offset - position)


def _indexed_record(record: WarcRecord, offset: int) -> IndexedRecord:
    headers = record.headers
    kind = str(record.record_type)
    indexed = IndexedRecord(offset, 0, kind, url=target_uri(record), at=_record_time(record))
    if kind not in ANSWER_TYPES:
        return indexed
    indexed = replace(
        indexed,
        digest=headers.get("WARC-Payload-Digest") or "",
        refers_to=(headers.get("WARC-Refers-To-Target-URI") or "").strip("<> "),
        refers_at=_parse_warc_date(headers.get("WARC-Refers-To-Date") or ""),
    )
    if kind == "resource":
        return replace(indexed, status=200, content_type=headers.get("Content-Type") or "")
    return replace(indexed, **_http_fields(record))


def _http_fields(record: WarcRecord) -> dict[str, Any]:
    try:
        record.parse_http()
        headers = record.http_headers
        return {"status": headers.status_code or 0, "content_type": headers.get("Content-Type") or ""}
    except (OSError, ValueError, AttributeError):
        return {}


def _record_time(record: WarcRecord) -> str:
    try:
        return record.record_date.astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, AttributeError, OverflowError):
        return ""


def _parse_warc_date(text: str) -> str:
    return f"{text[:19]}+00:00" if len(text) >= 19 else ""


class _MappedSlice(RawIOBase):
    """A slice of a memory-mapped file as a stream of its own."""

    def __init__(self, data: mmap.mmap, start: int, end: int) -> None:
        super().__init__()
        self._data = data
        self._start = start
        self._size = end - start
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position, counted from the start, the current position or the end."""
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def tell(self) -> int:
        """The current position."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, or all that are left."""
        end = self._size if size < 0 else min(self._position + size, self._size)
        data = self._data[self._start + self._position : self._start + end]
        self._position = max(self._position, end)
        return data
