"""A batch of sources as a task: their records cleaned in one worker process, and written to one Parquet file a table.

A page that kills or stalls its parser costs that page, a damaged record is a row. A file is replaced whole. The marker
that comes last names what was cleaned and by what: a second run does what has none, and two at once write the same.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.metadata_columns import stated_values
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.archive.row_sample import WHOLE, RowSample
from broadsheet.output.archive.stored_text import storable_text
from broadsheet.output.archive.stored_values import content_id, text_digest
from broadsheet.output.collections.parquet_files import Row, RowWriter, parquet_tables

from ..discovery.scope import Scope
from ..fleet.object_store import StoreError
from ..fleet.store_address import store_at
from ..replay.record_index import IndexedRecord, ScanError
from ..replay.record_order import canonical_record_url
from ..workers.pool import WorkerError, WorkerPool, run_bounded
from .batch_plan import Batch, Piece, batch_name
from .cleaner import Cleaner
from .record_cleaning import FileRecord, answers, clean_records
from .sources import source_store

TABLES = ("pages", "removed", "records")
MARKERS = "completed"
_UNDER_WAY = 4  # records, for the one worker of a batch
_SCRATCH, _SCRATCH_LOCK = "broadsheet-bulk-", "lock"


@dataclass(frozen=True)
class RecordSelection:
    """The records to clean: those of some hosts, by patterns on URLs, and a sample of them by digest."""

    hosts: frozenset[str] = frozenset()
    include: tuple[str, ...] = ()
    sample: RowSample = WHOLE

    @cached_property
    def _scope(self) -> Scope:
        return Scope.from_hosts((), self.include)

    def check(self) -> None:
        """Raise OptionError if a pattern is not a regular expression."""
        self._scope.fits_patterns("")

    def takes(self, record: IndexedRecord) -> bool:
        """Return whether a record is selected. One without a URL is, unless the selection is by URL."""
        if not (self.hosts or self.include or self.sample != WHOLE):
            return True
        url = canonical_record_url(record.url)
        return (
            url is not None
            and (not self.hosts or host_of(url).removeprefix("www.") in self.hosts)
            and self._scope.fits_patterns(url)
            and self.sample.holds(content_id(url))
        )

    def as_values(self) -> dict[str, object]:
        """Return it as JSON-like values."""
        sample = f"{self.sample.number}/{self.sample.count}"
        return {"hosts": sorted(self.hosts), "include": list(self.include), "sample": sample}


@dataclass(frozen=True, slots=True)
class BulkJob:
    """Orders for all batches: where their files go, by which cleaner, and of which records.

    `is_articles_only` leaves out the text of pages that are judged as something else. `parts` is the number of parts
    in which sites are judged, 0 where each page is judged alone.
    """

    target: str
    cleaner: Cleaner
    selection: RecordSelection = RecordSelection()
    is_articles_only: bool = False
    parts: int = 0

    @property
    def means(self) -> dict[str, object]:
        """Return what rows depend on besides their sources, for the marker."""
        only = "articles" if self.is_articles_only else ""
        return {"lineage": self.cleaner.lineage, "selection": self.selection.as_values(), "only": only}


@dataclass(frozen=True, slots=True)
class BatchTask:
    """A batch to clean, with the version of each of its sources, and how many of its records at most.

    A version is None for a source that the run is not about, but that was planned in one batch with others.
    """

    batch: Batch
    versions: tuple[str | None, ...]
    job: BulkJob
    limit: int | None = None

    @property
    def name(self) -> str:
        """Return the name of its files."""
        return batch_name(self.batch)

    @property
    def made_by(self) -> dict[str, object]:
        """Return what its files depend on, for the marker."""
        return {**self.named_sources, **self.job.means, "limit": self.limit}

    @property
    def named_sources(self) -> dict[str, object]:
        """Return its sources with their versions, for the marker."""
        return {"sources": [[*piece, version] for piece, version in zip(self.batch, self.versions, strict=True)]}


class Course(NamedTuple):
    """Callbacks of a task: one is called for each record, the other says whether to give up."""

    on_record: Callable[[], object]
    should_stop: Callable[[], bool]


class RecordRows(NamedTuple):
    """The outcome of a record, and its page's row with those of what was removed, if it is an article."""

    state: str
    reason: str
    page_type: str = ""
    page: Row | None = None
    removed: tuple[Row, ...] = ()

    @property
    def outcome(self) -> str:
        """Return state and reason as one word, the key of the counts."""
        return f"{self.state}/{self.reason}"


@dataclass(frozen=True, slots=True)
class PieceResult:
    """The result of a source or a part of it: records by outcome, or why it could not be read.

    `not_chosen` counts the records that the selection leaves out. `is_lost`: another try may read it.
    """

    source: str
    counts: Mapping[str, int] = field(default_factory=dict)
    not_chosen: int = 0
    problem: str = ""
    is_lost: bool = False

    @property
    def records(self) -> int:
        """Count its records."""
        return sum(self.counts.values())


def record_rows(file: FileRecord, source: str, packed_job: bytes) -> RecordRows:
    """Clean a record of a file in a worker process, to the rows to write."""
    job = _unpacked(packed_job)
    (cleaned,) = clean_records([file], job.cleaner)
    page = cleaned.page
    if page is None:
        return RecordRows(cleaned.state, cleaned.reason)
    page_type = str(page.page_type)
    if page.left_out or (job.is_articles_only and not page.is_article):
        return RecordRows(cleaned.state, cleaned.reason, page_type)
    url, text = storable_text(page.url), storable_text(page.text)
    values: dict[str, Any] = {
        **stated_values(page), "id": article_id(url), "url": url, "host": host_of(url), "text": text,
        "markdown": storable_text(page.markdown), "word_count": page.word_count, "page_type": page_type,
        "cleaner_version": job.cleaner.lineage["version"], "certainty": page.certainty,
        "evidence": json.dumps(page.evidence), "fetched_at": cleaned.at, "source": source,
        "record_offset": cleaned.offset, "text_digest": text_digest(text) if text else "",
    }  # fmt: skip
    row = tuple(values.get(name) for name in parquet_tables()["pages"].column_names)
    removed = tuple(
        (values["id"], url, block.position, None, storable_text(block.text), block.reason, block.rule)
        for block in page.removed
    )
    return RecordRows(cleaned.state, cleaned.reason, page_type, row, removed if page.is_article else ())


@lru_cache(maxsize=4)
def _unpacked(packed_job: bytes) -> BulkJob:
    """Unpack a job once a process: the rules of two thousand hosts take a while."""
    job: BulkJob = pickle.loads(packed_job)
    return job


def known_results(task: BatchTask) -> list[PieceResult] | None:
    """Return the results of a batch that was already cleaned in the same way; None if it is to be cleaned."""
    marker = read_marker(task.job.target, task.name)
    try:
        results = marked_results(marker)
        sources, means = _parted(marker["made_by"])
        wanted_sources, wanted_means = _parted(json.loads(json.dumps(task.made_by)))
        pairs = list(zip(sources, wanted_sources, results, strict=True))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    named = [(source, wanted, result) for source, wanted, result in pairs if wanted[-1] is not None]
    is_same = means == wanted_means and all(source == wanted for source, wanted, _ in named)
    return results if is_same and not any(result.is_lost for *_, result in named) else None


def read_marker(target: str, name: str) -> dict[str, Any]:
    """Read the marker of a task; empty if there is none that can be read."""
    try:
        values = json.loads(b"".join(store_at(target).chunks(f"{MARKERS}/{name}.json")))
    except (StoreError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def marked_results(marker: Mapping[str, Any]) -> list[PieceResult]:
    """Return the results that a marker states. KeyError or TypeError if the marker is malformed."""
    return [PieceResult(**each) for each in marker["results"]]


def put_marker(
    target: str, name: str, made_by: Mapping[str, object], results: Sequence[PieceResult], **facts: object
) -> None:
    """Write the marker of a task, after all its files."""
    marker = {"made_by": made_by, "results": list(map(asdict, results)), **facts}
    store_at(target).put_bytes(f"{MARKERS}/{name}.json", json.dumps(marker).encode())


def _parted(made_by: dict[str, Any]) -> tuple[list[list[object]], dict[str, Any]]:
    return made_by.pop("sources"), made_by


class BatchStopped(Exception):  # noqa: N818 - no fault
    """A batch that was given up because its process is to end. Nothing of it is in the target."""


def clean_batch(
    task: BatchTask,
    on_record: Callable[[], object] = lambda: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[PieceResult]:
    """Clean a batch into its target, unless it was cleaned meanwhile; return a result for each source.

    A source that cannot be read is a result. StoreError or OSError if the target takes nothing, BatchStopped if it
    should stop.
    """
    if known := known_results(task):
        return known
    with scratch_folder() as scratch, written_tables(task.job.target, task.name, scratch) as writers:
        results = asyncio.run(_clean_all(task, scratch, writers, Course(on_record, should_stop)))
    put_marker(task.job.target, task.name, task.made_by, results)
    return results


@contextmanager
def written_tables(target: str, name: str, scratch: Path) -> Iterator[Mapping[str, RowWriter]]:
    """Yield a writer for each table; at the end, unless there was an error, put their files into the target."""
    store = store_at(target)
    with ExitStack() as stack:
        yield {
            table: stack.enter_context(RowWriter(parquet_tables()[table], scratch / f"{table}.parquet"))
            for table in TABLES
        }
    for table in TABLES:
        store.put_file(f"{table}/{name}.parquet", scratch / f"{table}.parquet")


async def _clean_all(
    task: BatchTask, scratch: Path, writers: Mapping[str, RowWriter], course: Course
) -> list[PieceResult]:
    """Clean the answers of all sources of a batch in one worker process."""
    pool, packed_job = WorkerPool(1), pickle.dumps(task.job)

    async def clean_record(piece: Piece, file: Path, record: IndexedRecord) -> str:
        try:
            rows = await pool.run(record_rows, FileRecord(str(file), record), piece.source, packed_job)
        except WorkerError as error:
            rows = RecordRows("failed", str(error.reason))
        add_rows(writers, piece.source, record, rows)
        return rows.outcome

    try:
        return await take_all(task, scratch, course, clean_record)
    finally:
        pool.close()


def add_rows(writers: Mapping[str, RowWriter], source: str, record: IndexedRecord, rows: RecordRows) -> None:
    """Write the rows of a record of a source: its own, its page's, and those of what was removed."""
    place = (source, storable_text(record.url), record.offset, record.length, record.at)
    writers["records"].add((*place, rows.state, rows.reason, rows.page_type))
    if rows.page:
        writers["pages"].add(rows.page)
    for removed in rows.removed:
        writers["removed"].add(removed)


async def take_all(
    task: BatchTask,
    scratch: Path,
    course: Course,
    take: Callable[[Piece, Path, IndexedRecord], Awaitable[str]],
) -> list[PieceResult]:
    """Process the chosen answers of all sources of a batch, a few at a time; `take` returns the outcome of one.

    A source that cannot be read is a result; BatchStopped if the task is to stop.
    """
    results, left = list[PieceResult](), task.limit

    async def take_piece(piece: Piece, file: Path) -> PieceResult:
        counts, chosen = Counter[str](), _ChosenRecords(file, piece, task.job.selection)

        async def take_record(record: IndexedRecord) -> None:
            counts[await take(piece, file, record)] += 1
            course.on_record()

        problem = ""
        try:
            await run_bounded(islice(chosen, left), take_record, _UNDER_WAY, course.should_stop)
        except ScanError as error:
            problem = str(error).replace(str(file), piece.source)
        except (OSError, ValueError) as error:  # a file that is cut short while it is read
            problem = f"{piece.source} cannot be read: {getattr(error, 'strerror', None) or error}"
        return PieceResult(piece.source, dict(counts), chosen.passed_over, problem)

    for piece in task.batch:
        if left == 0:  # the limit is reached: nothing more is fetched
            results.append(PieceResult(piece.source))
            continue
        try:
            with _fetched(piece.source, scratch) as file:
                result = await take_piece(piece, file)
        except (StoreError, OSError) as error:
            problem = f"{piece.source}: {getattr(error, 'strerror', None) or error}"
            result = PieceResult(piece.source, problem=problem, is_lost=True)
        if course.should_stop():
            raise BatchStopped
        results.append(result)
        left = None if left is None else left - result.records
    return results


class _ChosenRecords:
    """The answers of a piece that a selection takes; `passed_over` counts the others met so far."""

    def __init__(self, file: Path, piece: Piece, selection: RecordSelection) -> None:
        self._file = file
        self._piece = piece
        self._selection = selection
        self.passed_over = 0

    def __iter__(self) -> Iterator[IndexedRecord]:
        _, start, end = self._piece
        for record in answers(self._file):
            if end is not None and record.offset >= end:
                return
            if record.offset < start:  # read all the same: a record may have the time of the one before it
                continue
            if self._selection.takes(record):
                yield record
            else:
                self.passed_over += 1


@contextmanager
def _fetched(source: str, scratch: Path) -> Iterator[Path]:
    """Yield the file of a source; one in a bucket or on a server is fetched, and removed at the end."""
    if "://" not in source:
        Path(source).stat()
        yield Path(source)
        return
    store, key = source_store(source)
    file = scratch / "source"
    try:
        with file.open("wb") as stream:
            for chunk in store.chunks(key):
                stream.write(chunk)
        yield file
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a folder that is removed at the end; if the process is killed, the next run there removes it."""
    with tempfile.TemporaryDirectory(prefix=_SCRATCH) as name, FileLock(f"{name}/{_SCRATCH_LOCK}"):
        yield Path(name)


def collect_scratch() -> int:
    """Remove the scratch folders of killed processes, whose locks are free; return how many."""
    count = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        if not (folder / _SCRATCH_LOCK).exists():  # one that is being made or removed
            continue
        try:
            with FileLock(folder / _SCRATCH_LOCK, blocking=False):
                shutil.rmtree(folder, ignore_errors=True)
        except (Timeout, OSError):
            continue
        count += 1
    return count
