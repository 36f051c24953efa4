"""Bulk cleaning by site: records are shuffled by host, and each host becomes a temporary archive.

A batch of sources becomes one object of records, in order of the parts that their hosts belong to. A part takes its
records from all of these, imports those of each host, settles, and writes the tables that cleaning alone writes.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import ARTICLE_TYPES
from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.stored_values import content_id, text_digest
from broadsheet.output.archive.url_words import OutcomeReason, UrlState
from broadsheet.output.collections.parquet_files import parquet_tables
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive

from ..fleet.object_store import ObjectStore
from ..fleet.store_address import store_at
from ..replay.importing import Importer
from ..replay.record_index import BROKEN, IndexedRecord
from ..replay.record_order import RecordOrder, canonical_record_url
from ..replay.recorded_response import MAX_BYTES
from ..workers.pool import WorkerError, WorkerPool
from .batch_plan import Batch, Piece
from .batch_task import (
    BatchStopped,
    BatchTask,
    BulkJob,
    Course,
    PieceResult,
    RecordRows,
    add_rows,
    known_results,
    marked_results,
    put_marker,
    read_marker,
    record_rows,
    scratch_folder,
    take_all,
    written_tables,
)
from .record_cleaning import SAME_BYTES, FileRecord

SHUFFLED = "shuffled"
OLDER = "older"
"""The reason of a record whose URL has a later one."""
NO_URL = "no_url"
_HEAD_BYTES = 8  # of the length of a part's index, before it
_LOOK_SECONDS = 0.5  # between two looks whether to stop

_TAKEN = ("certainty", "evidence", "text_digest", "fetched_at", "source", "record_offset")  # not from `articles`
_OUTCOMES = """SELECT c.warc_file, c.warc_offset, c.fetched_at, u.state, u.reason, u.fetched_at = c.fetched_at,
    p.id, p.capture_id = c.id, p.page_type, p.evidence, p.certainty
    FROM captures c JOIN urls u ON u.url = c.url LEFT JOIN pages p ON p.id = u.id WHERE c.warc_file IS NOT NULL"""
_URL = "SELECT state, reason FROM urls WHERE url = ? AND state IN ('skipped', 'failed')"
_ARTICLE = "SELECT {0} FROM articles WHERE page_id = ?1 UNION ALL SELECT {0} FROM shelved WHERE page_id = ?1"
_REMOVED = "SELECT {} FROM removed WHERE article_id = (SELECT id FROM articles WHERE page_id = ?) ORDER BY position"


@dataclass(frozen=True, slots=True)
class ShuffleTask(BatchTask):
    """A batch whose records are to be sorted by the part that their host belongs to."""

    @property
    def made_by(self) -> dict[str, object]:
        """Return what its object depends on, for the marker."""
        return {**self.named_sources, "selection": self.job.selection.as_values(), "parts": self.job.parts}


class Span(NamedTuple):
    """Bytes of an object that are records of one part."""

    key: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class PartTask:
    """A part of the hosts to judge. `shuffle` is a digest of the shuffled batches; faults are reported for `batch`."""

    part: int
    spans: tuple[Span, ...]
    shuffle: str
    job: BulkJob
    batch: Batch

    @property
    def name(self) -> str:
        """Return the name of its files."""
        return f"sites-{self.part:05}"

    @property
    def made_by(self) -> dict[str, object]:
        """Return what its files depend on, for the marker."""
        return {"shuffle": self.shuffle, "parts": self.job.parts, **self.job.means}


class _Outcome(NamedTuple):
    """Outcome of a capture: the state of its URL, and the URL's page; both may come from another capture."""

    fetched_at: str
    state: str
    reason: str
    is_latest: bool
    page_id: int | None
    is_page: bool
    page_type: str
    evidence: str
    certainty: float | None


class _MovedRecord(NamedTuple):
    """Record of a part: its original and its present place."""

    source: str
    offset: int
    length: int
    file: Path
    record: IndexedRecord

    @property
    def host(self) -> str:
        """Return the host whose site it belongs to; empty without a URL."""
        url = canonical_record_url(self.record.url)
        return host_of(url).removeprefix("www.") if url else ""


def shuffle_batch(task: ShuffleTask, should_stop: Callable[[], bool] = lambda: False) -> list[PieceResult]:
    """Write the records of a batch to one object, unless it exists; return a result for each source.

    Raises what `clean_batch` does.
    """
    store, key = store_at(task.job.target), f"{SHUFFLED}/{task.name}"
    if (known := known_results(task)) and store.length(key) is not None:
        return known
    records_by_part: dict[int, list[_MovedRecord]] = defaultdict(list)
    with scratch_folder() as scratch:
        spilled = scratch / "spilled"

        async def take(piece: Piece, file: Path, record: IndexedRecord) -> str:
            with file.open("rb") as stream:
                stream.seek(record.offset)
                place, length = _append(spill, stream.read(min(record.length, 2 * MAX_BYTES)))
            spilled_record = replace(record, offset=place, length=length)
            moved = _MovedRecord(piece.source, record.offset, record.length, spilled, spilled_record)
            records_by_part[content_id(moved.host) % task.job.parts].append(moved)
            return record.kind

        with spilled.open("wb") as spill:
            results = asyncio.run(take_all(task, scratch, Course(lambda: None, should_stop), take))
        with (scratch / "sorted").open("wb") as out:
            spans = {part: _write_part(out, spilled, records_by_part[part]) for part in sorted(records_by_part)}
        store.put_file(key, scratch / "sorted")
    put_marker(task.job.target, task.name, task.made_by, results, spans=spans)
    return results


def _append(stream: BinaryIO, data: bytes) -> tuple[int, int]:
    place = stream.tell()
    return place, stream.write(data)


def _write_part(out: BinaryIO, spilled: Path, records: Sequence[_MovedRecord]) -> tuple[int, int]:
    """Write the index of a part, and its records; return where they begin, and their length."""
    start, place, rows = out.tell(), 0, list[tuple[object, ...]]()
    for moved in records:
        rows.append((moved.source, moved.offset, moved.length, *astuple(replace(moved.record, offset=place))))
        place += moved.record.length
    index = json.dumps(rows).encode()
    out.write(len(index).to_bytes(_HEAD_BYTES) + index)
    with spilled.open("rb") as stream:
        for moved in records:
            stream.seek(moved.record.offset)
            out.write(stream.read(moved.record.length))
    return start, out.tell() - start


def part_tasks(job: BulkJob, markers: Sequence[tuple[BatchTask, Mapping[str, Any]]]) -> list[PartTask]:
    """Return the tasks of all parts that have or had records in the shuffled batches."""
    spans: dict[int, list[Span]] = defaultdict(list)
    shuffled = []
    for task, marker in markers:
        shuffled.append([task.name, marker["made_by"], marker["results"]])
        for part, (start, length) in marker["spans"].items():
            spans[int(part)].append(Span(f"{SHUFFLED}/{task.name}", start, length))
    digest = text_digest(json.dumps(shuffled))
    tasks = [PartTask(part, tuple(spans[part]), digest, job, markers[0][0].batch) for part in range(job.parts)]
    return [task for task in tasks if task.spans or read_marker(job.target, task.name)]


def known_part(task: PartTask) -> list[PieceResult] | None:
    """Return the results of a part that was already judged in the same way; None if it is to be judged."""
    marker = read_marker(task.job.target, task.name)
    try:
        return marked_results(marker) if marker["made_by"] == json.loads(json.dumps(task.made_by)) else None
    except (TypeError, KeyError):
        return None


def judge_sites(
    task: PartTask,
    on_record: Callable[[], object] = lambda: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[PieceResult]:
    """Judge the sites of a part, host by host, unless that was done meanwhile; return a result for each source.

    Raises what `clean_batch` does.
    """
    if known := known_part(task):
        return known
    store, by_host = store_at(task.job.target), defaultdict[str, list[_MovedRecord]](list)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    with scratch_folder() as scratch:
        for number, span in enumerate(task.spans):
            for moved in _fetched_records(store, span, scratch / f"records-{number}"):
                by_host[moved.host].append(moved)
        empty = scratch / "empty.db"
        Archive.open(empty).close()
        with written_tables(task.job.target, task.name, scratch) as writers, closing(WorkerPool(1)) as pool:
            for _, records in sorted(by_host.items()):
                site = _Site(task.job, records, Course(on_record, should_stop), pool)
                for moved, rows in asyncio.run(site.judged(empty, scratch / "site")):
                    original = replace(moved.record, offset=moved.offset, length=moved.length)
                    add_rows(writers, moved.source, original, rows)
                    counts[moved.source][rows.outcome] += 1
    results = [PieceResult(source, dict(each)) for source, each in sorted(counts.items())]
    put_marker(task.job.target, task.name, task.made_by, results)
    return results


def _fetched_records(store: ObjectStore, span: Span, file: Path) -> Iterator[_MovedRecord]:
    """Fetch the bytes of a part to a file, and yield its records."""
    left = span.length
    with file.open("wb") as out:
        for chunk in store.chunks(span.key, span.start):
            out.write(chunk[:left])
            left -= len(chunk)
            if left <= 0:
                break
    with file.open("rb") as stream:
        size = int.from_bytes(stream.read(_HEAD_BYTES))
        rows = json.loads(stream.read(size))
    for source, offset, length, place, *fields in rows:
        record = IndexedRecord(_HEAD_BYTES + size + place, *fields)
        yield _MovedRecord(source, offset, length, file, record)


class _Site:
    """The records of a host, judged as a site."""

    def __init__(self, job: BulkJob, records: Sequence[_MovedRecord], course: Course, pool: WorkerPool) -> None:
        self._pool = pool
        self._job = job
        self._records = records
        self._course = course
        self._packed_job = pickle.dumps(job)

    async def judged(self, empty: Path, folder: Path) -> list[tuple[_MovedRecord, RecordRows]]:
        """Import the records into a copy of an empty archive, settle it, and return the rows of each."""
        if not self._records[0].host:
            return [(moved, _without_url(moved.record)) for moved in self._records]
        folder.mkdir()
        path = Path(shutil.copy(empty, folder / "site.db"))
        try:
            with Archive.open(path) as archive:
                await self._import(archive, path)
                settle(archive.db)
                outcomes = {(file, offset): _Outcome(*rest) for file, offset, *rest in archive.db.execute(_OUTCOMES)}
                return [
                    (moved, await self._rows(archive.db, moved, outcomes.get((str(moved.file), moved.record.offset))))
                    for moved in self._records
                ]
        finally:
            shutil.rmtree(folder)

    async def _import(self, archive: Archive, path: Path) -> None:
        by_file: dict[Path, list[IndexedRecord]] = defaultdict(list)
        for moved in self._records:
            by_file[moved.file].append(moved.record)
        with closing(RecordOrder()) as order, closing(open_database(path, read_only=True)) as read_db:
            for file, records in by_file.items():
                order.add_records(str(file), records)
            order.sort()
            importer = Importer(archive, read_db, order, self._job.cleaner.crawl_options, lambda _: None)
            watch = asyncio.create_task(self._stop(importer))
            try:
                await importer.run(path, self._pool)
            finally:
                watch.cancel()
        if self._course.should_stop():
            raise BatchStopped

    async def _stop(self, importer: Importer) -> None:
        while not self._course.should_stop():
            await asyncio.sleep(_LOOK_SECONDS)
        importer.is_stopping = True

    async def _rows(self, db: Database, moved: _MovedRecord, outcome: _Outcome | None) -> RecordRows:
        """Return the rows of a record by its outcome in the archive."""
        self._course.on_record()
        if outcome is None:
            return _without_capture(db, moved.record)
        is_left_out = outcome.is_latest and outcome.state != UrlState.DONE
        if outcome.is_page and not is_left_out:
            return await self._page_rows(db, moved, outcome)
        if is_left_out or (outcome.is_latest and outcome.page_id is None):
            state = UrlState.SKIPPED if outcome.state == UrlState.DONE else outcome.state
            return RecordRows(state, outcome.reason, outcome.page_type if outcome.is_page else "")
        return RecordRows(UrlState.SKIPPED, OLDER)

    async def _page_rows(self, db: Database, moved: _MovedRecord, outcome: _Outcome) -> RecordRows:
        """Return the rows of a page: with the settled text of its article, or the page's own text."""
        names, page_type = parquet_tables()["pages"].column_names, outcome.page_type
        is_article = page_type in ARTICLE_TYPES
        nothing = RecordRows(UrlState.DONE, page_type, page_type)
        if self._job.is_articles_only and not is_article:
            return nothing
        columns = [name for name in names if name not in _TAKEN]
        row = db.execute(_ARTICLE.format(", ".join(columns)), [outcome.page_id]).fetchone()
        values: dict[str, Any] = dict(zip(columns, row, strict=True)) if row else {}
        if row:
            values |= {"certainty": outcome.certainty, "text_digest": text_digest(values["text"])}
        else:
            file = FileRecord(str(moved.file), moved.record)
            try:
                own = await self._pool.run(record_rows, file, moved.source, self._packed_job)
            except WorkerError as error:
                return RecordRows(UrlState.FAILED, str(error.reason))
            if own.page is None:
                return nothing
            values = dict(zip(names, own.page, strict=True))
        values |= {
            "page_type": page_type, "evidence": outcome.evidence, "fetched_at": outcome.fetched_at,
            "source": moved.source, "record_offset": moved.offset,
        }  # fmt: skip
        columns = parquet_tables()["removed"].column_names
        removed = db.execute(_REMOVED.format(", ".join(columns)), [outcome.page_id]) if is_article else ()
        return nothing._replace(page=tuple(map(values.get, names)), removed=tuple(removed))


def _without_capture(db: Database, record: IndexedRecord) -> RecordRows:
    """Return the outcome of a record without a capture: unreadable, or a duplicate of another."""
    if row := db.execute(_URL, [canonical_record_url(record.url)]).fetchone():
        return RecordRows(*row)
    is_revisit = record.kind == "revisit"
    return RecordRows("skipped", SAME_BYTES) if is_revisit else RecordRows("failed", OutcomeReason.BROKEN_RECORD)


def _without_url(record: IndexedRecord) -> RecordRows:
    if record.kind == BROKEN:
        return RecordRows(UrlState.FAILED, OutcomeReason.BROKEN_RECORD)
    return RecordRows(UrlState.SKIPPED, NO_URL)
