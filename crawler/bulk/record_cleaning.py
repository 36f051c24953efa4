"""Cleaning of WARC records to values, one by one: a step of the bulk verb, and for other pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.raw.raw_exchange import RecordLocation

from ..replay.record_index import ANSWER_TYPES, BROKEN, IndexedRecord, ScanError, record_time, scan_records
from ..replay.recorded_response import RecordedResponse, ReplayError, read_record, read_response
from .cleaner import Cleaned, Cleaner

SAME_BYTES = "same_bytes"
"""The reason of a revisit whose page is that of another record, byte for byte."""
_HTML_TYPES = ("text/html", "application/xhtml+xml")
_NOT_MODIFIED = 304
_CONVERSION = "conversion"  # the type of a record with a text in place of a page


class FileRecord(NamedTuple):
    """Record of a file, as found by this package's scanner."""

    file: str
    record: IndexedRecord


class FastwarcRecord(Protocol):
    """Record as fastwarc's `ArchiveIterator` gives it."""

    headers: Any
    stream_pos: int

    def write(self, stream: Any) -> Any:
        """Write the record as it stands in its file, unpacked."""


@dataclass(frozen=True, slots=True)
class CleanedRecord:
    """Record that stands for an answer, with its outcome. `at` is its time, UTC ISO 8601.

    `state` is `done`, `skipped` or `failed`. `reason` is a page's type, or why there is none: `media_type`, `http_404`,
    `broken_record`, `language` … `page` is there for each page that was read, also for one that the options leave out.
    """

    url: str
    at: str
    offset: int
    length: int
    state: str
    reason: str
    page: Cleaned | None = field(default=None, repr=False)


def clean_records(
    records: str | Path | Iterable[FileRecord | FastwarcRecord], cleaner: Cleaner | None = None, **options: Any
) -> Iterator[CleanedRecord]:
    """Yield the outcome of each record that stands for an answer: a response, revisit, resource or damaged record.

    `records` is a WARC, ARC or WACZ file, or an iterable of fastwarc's records. The options are those of a `Cleaner`,
    unless one is given. A record that cannot be read is a value too; a file without any, or with texts in place of
    pages (WET), raises ValueError.

        for record in broadsheet.clean_records("crawl.warc.gz", rules="site-rules"):
            if record.page and record.page.is_article: …
    """
    cleaner = cleaner or Cleaner(**options)
    if isinstance(records, str | Path):
        records = _records_of(str(records))
    for each in records:
        record = each.record if isinstance(each, FileRecord) else _indexed(each)
        if record.kind in ANSWER_TYPES:
            yield _cleaned(record, each, cleaner)


def answers(file: Path) -> Iterator[IndexedRecord]:
    """Yield the records of a file that stand for an answer. ScanError if it cannot be read, or has only texts."""
    kinds = set[str]()
    for record in scan_records(file):
        kinds.add(record.kind)
        if record.kind in ANSWER_TYPES:
            yield record
    if _CONVERSION in kinds and not kinds & ANSWER_TYPES:
        raise ScanError(f"{file} holds texts that another tool extracted (WET), and no pages: name its WARC file")


def _records_of(file: str) -> Iterator[FileRecord]:
    return (FileRecord(file, record) for record in answers(Path(file)))


def _indexed(record: FastwarcRecord) -> IndexedRecord:
    headers = {str(name).lower(): str(value) for name, value in record.headers.items()}
    at, url = record_time(headers.get("warc-date", "")), headers.get("warc-target-uri", "").strip("<> ")
    return IndexedRecord(record.stream_pos, 0, headers.get("warc-type", BROKEN), url, at)


def _response(source: FileRecord | FastwarcRecord) -> RecordedResponse:
    if isinstance(source, FileRecord):
        location = RecordLocation(source.file, source.record.offset, source.record.length)
        return read_response(location, Path(source.file).parent)
    stream = BytesIO()
    source.write(stream)
    return read_record(stream.getvalue())


def _cleaned(record: IndexedRecord, source: FileRecord | FastwarcRecord, cleaner: Cleaner) -> CleanedRecord:
    def outcome(state: str, reason: str, page: Cleaned | None = None) -> CleanedRecord:
        return CleanedRecord(record.url, record.at, record.offset, record.length, state, str(reason), page)

    if record.kind == BROKEN:
        return outcome("failed", OutcomeReason.BROKEN_RECORD)
    try:
        response = _response(source)
    except ReplayError as error:
        return outcome("failed", error.reason)
    if not response.has_own_answer:
        is_unchanged = response.status == _NOT_MODIFIED
        return outcome("skipped", OutcomeReason.NOT_MODIFIED if is_unchanged else SAME_BYTES)
    if response.status != 200:
        return outcome("failed", f"http_{response.status}")
    if response.header("content-type").partition(";")[0].strip().lower() not in _HTML_TYPES:
        return outcome("skipped", OutcomeReason.MEDIA_TYPE)
    page = cleaner.clean_page(replace(response.page(record.at), url=record.url or response.url))
    return outcome("skipped" if page.left_out else "done", page.left_out or page.page_type, page)
