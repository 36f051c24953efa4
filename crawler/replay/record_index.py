"""The records of a WARC, ARC or WACZ file with their locations, also those after a broken record.

A broken record costs only itself: in a packed file each record is a member of its own, and in another one a record
whose length does not lead to the next one ends where that begins.
"""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from broadsheet.crawler.fetch.errors import AnswerError
from broadsheet.crawler.replay.record_segment import RecordSegment, RecordSpan
from broadsheet.crawler.replay.record_time import record_time
from broadsheet.crawler.replay.recorded_response import HeaderFields, parse_http
from broadsheet.output.raw.record_head import RecordHead, parse_record_head

BROKEN = "broken"
ANSWER_TYPES = frozenset(("response", "revisit", "resource", BROKEN))
"""The types of records that stand for an answer."""

_ZIP_MAGIC = b"PK\x03\x04"
_ARCHIVE_ENDINGS = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz")


class ScanError(Exception):
    """A file without readable records; the text is one line for the person who named the file."""


@dataclass(frozen=True, slots=True)
class IndexedRecord:
    """A record: where it lies in the file, its type, and what it is about. `at` is UTC ISO 8601.

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
    """The records of a file in file order. ScanError, before the first one, if the file has none that can be read.

    A record that has no time of its own has that of the record before it, the first ones that of the file.
    """
    try:
        segments = _archive_segments(path)
        time = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except (OSError, zipfile.BadZipFile) as error:
        raise ScanError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for start, size in segments:
        for record in _scan_segment(path, start, start + size):
            time = record.at or time
            yield replace(record, at=time)


def _scan_segment(path: Path, start: int, end: int) -> Iterator[IndexedRecord]:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        segment = RecordSegment(data, start, end)
        if not segment.has_records():
            raise ScanError(f"{path} holds no WARC or ARC records")
        if segment.is_one_member():
            raise ScanError(f"{path} is compressed as one piece, not record by record: unpack it first (gunzip)")
        for span in segment.spans():
            yield _indexed_record(span)


def _archive_segments(path: Path) -> list[tuple[int, int]]:
    """The (start, size) of the records in a file: all of it, or the WARC files in a WACZ, which stores them
    unpacked."""
    with path.open("rb") as stream:
        magic = stream.read(len(_ZIP_MAGIC))
    if not magic:
        raise ScanError(f"{path} is empty")
    if magic != _ZIP_MAGIC:
        return [(0, path.stat().st_size)]
    segments = list(_zipped_segments(path))
    if not segments:
        raise ScanError(f"{path} is a ZIP file without WARC files in it")
    return segments


def _zipped_segments(path: Path) -> Iterator[tuple[int, int]]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
        for member in archive.infolist():
            if not member.filename.lower().endswith(_ARCHIVE_ENDINGS) or not member.file_size:
                continue
            if member.compress_type != zipfile.ZIP_STORED:
                raise ScanError(
                    f"{path} has packed {member.filename} once more, against the WACZ format: unzip it first"
                )
            stream.seek(member.header_offset + 26)
            length_fields = stream.read(4)
            name_bytes = sum(int.from_bytes(length_fields[start : start + 2], "little") for start in (0, 2))
            yield member.header_offset + 30 + name_bytes, member.file_size


def _indexed_record(span: RecordSpan) -> IndexedRecord:
    head = parse_record_head(span.beginning)
    if head is None:
        return IndexedRecord(span.offset, span.length, BROKEN)
    status, http_headers = _http_fields(head, span.beginning[head.size :])
    headers = dict(reversed(http_headers))
    record = IndexedRecord(
        span.offset,
        span.length,
        head.kind,
        url=head.url,
        at=record_time(head.fields.get("warc-date", ""), headers.get("date", "")),
        status=status,
        content_type=headers.get("content-type", ""),
        digest=head.fields.get("warc-payload-digest", ""),
        refers_to=head.fields.get("warc-refers-to-target-uri", "").strip("<> "),
        refers_at=record_time(head.fields.get("warc-refers-to-date", "")),
    )
    return replace(record, kind=BROKEN) if span.is_unaddressable and head.kind in ANSWER_TYPES else record


def _http_fields(head: RecordHead, block: bytes) -> tuple[int, HeaderFields]:
    """Status and headers of the response in a block, as far as it is there; of a body alone its type."""
    with suppress(AnswerError):
        if head.kind in ("response", "revisit"):
            status, headers, _ = parse_http(block)
            return status, headers
    if head.kind == "resource" or (head.is_arc and head.kind == "response"):
        return 200, (("content-type", head.fields.get("content-type", "")),)
    return 0, ()
