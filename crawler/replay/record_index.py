"""What lies in a WARC or WACZ file: every record with its place, also beyond one that is broken.

A broken record costs itself: the next one is found by its first bytes. Nothing is unpacked but records' heads.
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

from crawler.replay.recorded_response import uri_of

BROKEN = "broken"
HELD = frozenset(("response", "revisit", "resource", BROKEN))
"""The types of records that stand for an answer."""

_GZIP, _ZSTD, _ZIP = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_HEAD = 4096  # bytes that show how a record begins
_STEP = 64
_PLAIN = (b"WARC/1.", b"WARC/0.")
_WARC_ENDINGS = (".warc", ".warc.gz")


class ScanError(Exception):
    """A file that holds no records to be read; the text is one line for the person who named it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record: its place in the file, its type, and what it is about. `at` is UTC ISO 8601, empty if not stated.

    `status` and `content_type` are those of the HTTP answer, 0 and empty where there is none. `digest` is of the
    payload as the writer states it; `refers_to` and `refers_at` name the record that holds a revisit's body.
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


def scan(path: Path) -> Iterator[Entry]:
    """The records of a file in its order. ScanError, before the first one, if it is no such file."""
    try:
        parts = _parts(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise ScanError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for start, size in parts:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as held:
            yield from _Part(path, held, start, start + size).entries()


def _parts(path: Path) -> list[tuple[int, int]]:
    """Where the WARC data of a file lies: all of it, or the WARC files in a WACZ, which stores them as they are."""
    with path.open("rb") as stream:
        start = stream.read(len(_ZIP))
    if not start:
        raise ScanError(f"{path} is empty")
    if start != _ZIP:
        return [(0, path.stat().st_size)]
    found = list(_stored(path))
    if not found:
        raise ScanError(f"{path} is a ZIP file without WARC files in it")
    return found


def _stored(path: Path) -> Iterator[tuple[int, int]]:
    with zipfile.ZipFile(path) as packed, path.open("rb") as stream:
        for part in packed.infolist():
            if not part.filename.lower().endswith(_WARC_ENDINGS) or not part.file_size:
                continue
            if part.compress_type != zipfile.ZIP_STORED:
                raise ScanError(f"{path} has packed {part.filename} once more, against the WACZ format: unzip it first")
            stream.seek(part.header_offset + 26)
            lengths = stream.read(4)
            names = sum(int.from_bytes(lengths[at : at + 2], "little") for at in (0, 2))
            yield part.header_offset + 30 + names, part.file_size


class _Part:
    """A stretch of a file that is WARC data from end to end."""

    def __init__(self, path: Path, held: mmap.mmap, start: int, end: int) -> None:
        self._path = path
        self._held = held
        self._start = start
        self._end = end
        self._packed = held[start : start + 3] == _GZIP
        if not self._begins_record(start) and held[start : start + 4] != _ZSTD:
            raise ScanError(f"{path} holds no WARC records")

    def entries(self) -> Iterator[Entry]:
        at, pending = self._start, None
        while at < self._end:
            last = at - 1
            try:
                for entry in self._from(at):
                    if pending:
                        yield self._ended(pending, entry.offset)
                    pending, last = entry, entry.offset
                break
            except (OSError, ValueError):
                following = self._next(last + 1)
                if pending:
                    yield self._ended(pending, stop := self._end_of(pending, following))
                    lost = following > stop and stop > pending.offset
                    pending = None
                    if lost and not self._begins_record(stop):
                        yield Entry(stop, following - stop, BROKEN)
                if last < at:  # the record here is the broken one
                    following = self._next(at + 1)
                    yield self._broken(at, following)
                at = following
        if pending:
            yield self._ended(pending, self._end)

    def _from(self, at: int) -> Iterator[Entry]:
        for record in ArchiveIterator(_Slice(self._held, at, self._end), parse_http=False):
            yield _entry(record, at + record.stream_pos)

    def _ended(self, entry: Entry, end: int) -> Entry:
        if self._packed and self._held[entry.offset : entry.offset + 3] != _GZIP:
            raise ScanError(f"{self._path} is compressed as one piece, not record by record: unpack it first (gunzip)")
        return replace(entry, length=end - entry.offset)

    def _end_of(self, entry: Entry, following: int) -> int:
        """Where a record ends before what could not be read."""
        if not self._packed:
            return following
        member = zlib.decompressobj(31)
        try:
            for at in range(entry.offset, following, 1 << 20):
                member.decompress(self._held[at : min(at + (1 << 20), following)])
                if member.eof:
                    return min(at + (1 << 20), following) - len(member.unused_data)
        except zlib.error:
            return following
        return following

    def _next(self, at: int) -> int:
        """Where the next record begins at or after a place; the end if there is none."""
        marks = (_GZIP,) if self._packed else _PLAIN
        while True:
            places = [place for mark in marks if (place := self._held.find(mark, at, self._end)) >= 0]
            if not places:
                return self._end
            if self._begins_record(min(places)):
                return min(places)
            at = min(places) + 1

    def _begins_record(self, at: int) -> bool:
        if not self._packed and at > self._start and self._held[at - 1 : at] != b"\n":
            return False
        return self._head(at).startswith(b"WARC/")

    def _head(self, at: int) -> bytes:
        data = self._held[at : min(at + _HEAD, self._end)]
        if not self._packed:
            return data
        member, head = zlib.decompressobj(31), b""
        with suppress(zlib.error):  # what came before the fault still tells
            for start in range(0, len(data), _STEP):
                head += member.decompress(data[start : start + _STEP], _HEAD)
        return head

    def _broken(self, at: int, following: int) -> Entry:
        """A record that cannot be read, with what its head still says."""
        head = self._head(at).partition(b"\r\n\r\n")[0]
        try:
            said = next(iter(ArchiveIterator(BytesIO(head + b"\r\nContent-Length: 0\r\n\r\n"), parse_http=False)))
            entry = _entry(said, at)
        except (StopIteration, OSError, ValueError):
            entry = Entry(at, 0, BROKEN)
        if entry.kind not in HELD:
            entry = replace(entry, url="")
        return replace(entry, kind=BROKEN, length=following - at)


def _entry(record: WarcRecord, offset: int) -> Entry:
    said = record.headers
    kind = str(record.record_type)
    entry = Entry(offset, 0, kind, url=uri_of(record), at=_time_of(record))
    if kind not in HELD:
        return entry
    entry = replace(
        entry,
        digest=said.get("WARC-Payload-Digest") or "",
        refers_to=(said.get("WARC-Refers-To-Target-URI") or "").strip("<> "),
        refers_at=_stated_time(said.get("WARC-Refers-To-Date") or ""),
    )
    if kind == "resource":
        return replace(entry, status=200, content_type=said.get("Content-Type") or "")
    return replace(entry, **_http_facts(record))


def _http_facts(record: WarcRecord) -> dict[str, Any]:
    try:
        record.parse_http()
        answer = record.http_headers
        return {"status": answer.status_code or 0, "content_type": answer.get("Content-Type") or ""}
    except (OSError, ValueError, AttributeError):
        return {}


def _time_of(record: WarcRecord) -> str:
    try:
        return record.record_date.astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, AttributeError, OverflowError):
        return ""


def _stated_time(text: str) -> str:
    return f"{text[:19]}+00:00" if len(text) >= 19 else ""


class _Slice(RawIOBase):
    """A stretch of a mapped file as a stream of its own."""

    def __init__(self, held: mmap.mmap, start: int, end: int) -> None:
        super().__init__()
        self._held = held
        self._start = start
        self._size = end - start
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, counted from the start, from here or from the end."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        """Where it stands."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        end = self._size if size < 0 else min(self._at + size, self._size)
        data = self._held[self._start + self._at : self._start + end]
        self._at = max(self._at, end)
        return data
