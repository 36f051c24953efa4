"""Index of the records of a WARC, ARC or WACZ file: location and time, also after a broken record.

A broken record costs only itself: in a packed file each record is a member of its own, and in another one a record
whose length does not lead to the next one ends where that begins.

The time of a record is that of its WARC-Date or ARC date, or of the HTTP Date header. WARC/1.1 allows dates as short as
`2016`: the time is then the latest that the date allows, so that nothing on the page seems to be of after its capture,
or that of the Date header, if it lies within. An impossible date counts as none.
"""

from __future__ import annotations

import calendar
import mmap
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

from broadsheet.output.archive.stored_values import utc_text
from broadsheet.output.raw.imported_records import BODY_KINDS, RecordHead, parse_record_head
from broadsheet.output.raw.record_segments import RecordSegment, RecordSpan
from broadsheet.output.raw.warc_folders import open_regular
from broadsheet.output.raw.warc_writer import RENDERED_FIELD

from ..fetch.faults import AnswerError
from .recorded_response import HeaderFields, parse_http

_RECORD_DATE = re.compile(
    r"(\d{4})(?:-?(\d\d)(?:-?(\d\d)(?:[T ]?(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?)?)?)?)?"
    r"[ ]?(?:Z|([+-])(\d\d):?(\d\d))?",
    re.IGNORECASE | re.ASCII,
)
_FIRST_YEAR, _LAST_YEAR = 1990, 2099  # of a response over HTTP; what lies outside comes from a clock or writer at fault
_LONGEST_DATE = 64


def record_time(stated_date: str, http_date: str = "") -> str:
    """Return a record's time, UTC ISO 8601 to the second, from its own date and the Date header; empty if it has
    neither.
    """
    period = _stated_period(stated_date.strip())
    answered_at = _parse_http_date(http_date)
    if period is None:
        return utc_text(answered_at) if answered_at else ""
    earliest, latest = period
    is_within = answered_at is not None and earliest <= answered_at <= latest
    return utc_text(answered_at if answered_at and is_within else latest)


def _stated_period(text: str) -> tuple[datetime, datetime] | None:
    """Return the first and last second that a date allows; None if it is invalid, or before the Web existed."""
    match = _RECORD_DATE.fullmatch(text) if len(text) <= _LONGEST_DATE else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups()[:6])
    try:
        offset = timedelta(hours=int(match[8] or 0), minutes=int(match[9] or 0))
        zone = timezone(-offset if match[7] == "-" else offset)
        earliest = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, min(second or 0, 59), tzinfo=zone)
        last_day = calendar.monthrange(earliest.year, month or 12)[1]
        latest = earliest.replace(
            month=month or 12,
            day=last_day if day is None else day,
            hour=23 if hour is None else hour,
            minute=59 if minute is None else minute,
            second=59 if second is None else earliest.second,
        )
        period = earliest.astimezone(UTC), latest.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return period if _is_plausible(period[0]) and _is_plausible(period[1]) else None


def _parse_http_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text[:_LONGEST_DATE])
        time = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return time if _is_plausible(time) else None


def _is_plausible(time: datetime) -> bool:
    return _FIRST_YEAR <= time.year <= _LAST_YEAR


BROKEN = "broken"
LOADED = "loaded"
"""The kind of a record that is not a page: a page loaded it in a browser."""
RENDERED = "rendered"
"""The kind of a record that has a page as a browser rendered it, by us or by another crawler."""

ANSWER_TYPES = frozenset(("response", "revisit", "resource", RENDERED, BROKEN))
"""The types of records that stand for an answer."""

_PAGE_SNAPSHOT = "file:///dom-snapshot.html"  # by Scoop, which captures one page in a file
_ZIP_MAGIC = b"PK\x03\x04"
_ARCHIVE_ENDINGS = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz")


class ScanError(ValueError):
    """A file without readable records; the text is one line for the user."""


@dataclass(frozen=True, slots=True)
class IndexedRecord:
    """A record: its place in the file, its type, and its URL. `at` is UTC ISO 8601.

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
    """Yield the records of a file in order. Raises ScanError, before the first one, if none can be read.

    A record without a time gets that of the previous record; the first one gets the file's.
    """
    try:
        segments = _archive_segments(path)
        time = utc_text(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    except (OSError, zipfile.BadZipFile) as error:
        raise ScanError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for start, size in segments:
        page_url = ""
        for record in _scan_segment(path, start, start + size):
            time = record.at or time
            page_url = page_url or (record.url if _is_page(record) else "")
            if record.url == _PAGE_SNAPSHOT and page_url:
                record = replace(record, kind=RENDERED, url=page_url)
            yield replace(record, at=time)


def _is_page(record: IndexedRecord) -> bool:
    is_html = record.content_type.lower().startswith("text/html")
    return record.kind == "response" and record.status == 200 and is_html and record.url.startswith("http")


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
    """Return the (start, size) of a file's WARC files: the file itself, or those in a WACZ, which stores them
    unpacked.
    """
    with open_regular(path) as stream:
        magic = stream.read(len(_ZIP_MAGIC))
    if not magic:
        raise ScanError(f"{path} is empty")
    if magic != _ZIP_MAGIC:
        return [(0, path.stat().st_size)]
    segments = sorted(_zipped_segments(path))
    if not segments:
        raise ScanError(f"{path} is a ZIP file without WARC files in it")
    return segments


def _zipped_segments(path: Path) -> Iterator[tuple[int, int]]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
        for member in archive.infolist():
            if not member.filename.lower().endswith(_ARCHIVE_ENDINGS) or not member.file_size:
                continue
            if member.compress_type != zipfile.ZIP_STORED:
                raise ScanError(f"{path} stores {member.filename} compressed, against the WACZ format: unzip it first")
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
        _record_kind(head),
        url=head.rendered_url or head.url,
        at=record_time(head.fields.get("warc-date", ""), headers.get("date", "")),
        status=status,
        content_type=headers.get("content-type", ""),
        digest=head.fields.get("warc-payload-digest", ""),
        refers_to=head.fields.get("warc-refers-to-target-uri", "").strip("<> "),
        refers_at=record_time(head.fields.get("warc-refers-to-date", "")),
    )
    return replace(record, kind=BROKEN) if span.is_unaddressable and head.kind in ANSWER_TYPES else record


def _record_kind(head: RecordHead) -> str:
    if RENDERED_FIELD.lower() in head.fields:
        return LOADED
    return RENDERED if head.rendered_url else head.kind


def _http_fields(head: RecordHead, block: bytes) -> tuple[int, HeaderFields]:
    """Return status and headers of the response in a block, as far as it is there; of a body alone its type."""
    with suppress(AnswerError):
        if head.kind in ("response", "revisit"):
            status, headers, _ = parse_http(block)
            return status, headers
    if head.kind in BODY_KINDS or (head.is_arc and head.kind == "response"):
        return 200, (("content-type", head.fields.get("content-type", "")),)
    return 0, ()
