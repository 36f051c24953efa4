"""A WARC or WACZ file as a task: its records cleaned in a worker process, and written as Parquet files.

A page that kills or stalls its parser costs that page, a damaged record is a row. The files of a source are named by a
digest of its address, and each is replaced whole. A marker comes last, which names version, options and the source's
digest: a second run does what has none, and two runs at once write the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pickle
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.metadata_columns import stated_values
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.archive.stored_text import storable_text
from broadsheet.output.collections.parquet_files import Row, RowWriter, parquet_tables

from ..fleet.bucket_store import BucketStore
from ..fleet.object_store import ObjectStore, StoreError
from ..fleet.store_address import store_at
from ..replay.record_index import ANSWER_TYPES, IndexedRecord, ScanError, scan_records
from ..workers.pool import WorkerError, WorkerPool, run_bounded
from .cleaner import Cleaner
from .record_cleaning import FileRecord, clean_records

TABLES = ("articles", "removed", "records")
_MARKERS = "completed"
_UNDER_WAY = 4  # records, for the one worker of a file
_DIGITS = 20  # of a digest of an address: 80 bits


class RecordRows(NamedTuple):
    """The outcome of a record, and for an article its row and those of what was removed from it."""

    state: str
    reason: str
    page_type: str = ""
    article: Row | None = None
    removed: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result of a file: records by outcome, or why it could not be read. `is_known`: an earlier run cleaned it."""

    source: str
    counts: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""
    is_known: bool = False


def record_rows(file: str, record: IndexedRecord, packed_cleaner: bytes) -> RecordRows:
    """Clean the record of a file, in a worker process, to the rows to write."""
    cleaner = _unpacked(packed_cleaner)
    (cleaned,) = clean_records([FileRecord(file, record)], cleaner)
    page = cleaned.page
    if page is None:
        return RecordRows(cleaned.state, cleaned.reason)
    page_type = str(page.page_type)
    if not page.is_article or page.left_out:
        return RecordRows(cleaned.state, cleaned.reason, page_type)
    url = storable_text(page.url)
    values: dict[str, Any] = {
        **stated_values(page), "id": article_id(url), "url": url, "host": host_of(url),
        "text": storable_text(page.text), "markdown": storable_text(page.markdown),
        "word_count": page.word_count, "page_type": page_type, "first_seen": record.at,
        "last_seen": record.at, "cleaner_version": cleaner.lineage["version"],
    }  # fmt: skip
    article = tuple(values.get(name) for name in parquet_tables()["articles"].column_names)
    removed = tuple(
        (values["id"], url, block.position, None, storable_text(block.text), block.reason, block.rule)
        for block in page.removed
    )
    return RecordRows(cleaned.state, cleaned.reason, page_type, article, removed)


@lru_cache(maxsize=4)
def _unpacked(packed_cleaner: bytes) -> Cleaner:
    """Unpack a cleaner once a process: the rules of two thousand hosts take a while."""
    cleaner: Cleaner = pickle.loads(packed_cleaner)
    return cleaner


def clean_file(
    source: str, target: str, cleaner: Cleaner, on_record: Callable[[], object] = lambda: None
) -> FileResult:
    """Clean a source into a target, each a path or an address `s3://…`, unless an earlier run did so.

    A source that cannot be read is a result. StoreError or OSError if the target takes nothing.
    """
    name = hashlib.sha256(source.encode()).hexdigest()[:_DIGITS]
    with tempfile.TemporaryDirectory(prefix="broadsheet-bulk-") as scratch:
        try:
            file = _fetched(source, Path(scratch))
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except (StoreError, OSError) as error:
            return FileResult(source, problem=str(getattr(error, "strerror", None) or error))
        made_by = {"source": source, "digest": digest, "lineage": cleaner.lineage}
        marker = _read_marker(target, name)
        if marker.get("made_by") == made_by:
            return FileResult(source, marker["counts"], marker["problem"], is_known=True)
        result = _cleaned(source, file, Path(scratch), cleaner, on_record)
        for table in TABLES:
            _bring(target, f"{table}/{name}.parquet", Path(scratch) / f"{table}.parquet")
        marker_file = Path(scratch) / "marker.json"
        marker_file.write_text(json.dumps({"made_by": made_by, **asdict(result)}, default=dict))
        _bring(target, f"{_MARKERS}/{name}.json", marker_file)
    return result


def _cleaned(source: str, file: Path, scratch: Path, cleaner: Cleaner, on_record: Callable[[], object]) -> FileResult:
    counts: Counter[str] = Counter()
    problem = ""
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(RowWriter(parquet_tables()[name], scratch / f"{name}.parquet")) for name in TABLES
        }

        def take(record: IndexedRecord, cleaned: RecordRows) -> None:
            counts[f"{cleaned.state}/{cleaned.reason}"] += 1
            row = (source, storable_text(record.url), record.offset, record.length, record.at)
            writers["records"].add((*row, cleaned.state, cleaned.reason, cleaned.page_type))
            if cleaned.article:
                writers["articles"].add(cleaned.article)
            for removed in cleaned.removed:
                writers["removed"].add(removed)
            on_record()

        try:
            asyncio.run(_clean_all(file, cleaner, take))
        except ScanError as error:
            problem = str(error).replace(str(file), source)
        except (OSError, ValueError) as error:  # a file that is cut short while it is read
            problem = f"{source} cannot be read: {getattr(error, 'strerror', None) or error}"
    return FileResult(source, dict(counts), problem)


async def _clean_all(file: Path, cleaner: Cleaner, take: Callable[[IndexedRecord, RecordRows], None]) -> None:
    """Clean all answers of a file in a worker process, a few at a time."""
    pool, packed_cleaner = WorkerPool(1), pickle.dumps(cleaner)

    async def work(record: IndexedRecord) -> None:
        try:
            cleaned = await pool.run(record_rows, str(file), record, packed_cleaner)
        except WorkerError as error:
            cleaned = RecordRows("failed", str(error.reason))
        take(record, cleaned)

    try:
        answers = (record for record in scan_records(file) if record.kind in ANSWER_TYPES)
        await run_bounded(answers, work, _UNDER_WAY, lambda: False)
    finally:
        pool.close()


def split_address(address: str) -> tuple[str, str]:
    """Split the address of an object into that of its bucket, and its key.

    >>> split_address("s3://crawls/march/a.warc.gz")
    ('s3://crawls', 'march/a.warc.gz')
    """
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/")


def _fetched(source: str, scratch: Path) -> Path:
    """Return the file of a source; one in a bucket is fetched."""
    if "://" not in source:
        return Path(source)
    bucket, key = split_address(source)
    file = scratch / Path(key).name
    with file.open("wb") as stream:
        for chunk in store_at(bucket).chunks(key):
            stream.write(chunk)
    return file


def _read_marker(target: str, name: str) -> dict[str, Any]:
    """Read what an earlier run says of a source; nothing where there is none, or none that makes sense."""
    try:
        with _opened(target) as (store, prefix):
            values = json.loads(b"".join(store.chunks(f"{prefix}{_MARKERS}/{name}.json")))
        return values if isinstance(values, dict) and {"counts", "problem"} <= values.keys() else {}
    except (StoreError, ValueError):
        return {}


def _bring(target: str, key: str, file: Path) -> None:
    """Bring a file to the target, whole or not at all."""
    if "://" in target:
        with _opened(target) as (store, prefix):
            assert isinstance(store, BucketStore)
            store.put_file(f"{prefix}{key}", file)
        return
    path = Path(target) / key
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}-{token_hex(4)}")
    try:
        shutil.copyfile(file, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _opened(target: str) -> Iterator[tuple[ObjectStore, str]]:
    """Give the store of a target, and the prefix of its keys."""
    if "://" not in target:
        yield store_at(target), ""
        return
    bucket, prefix = split_address(target)
    yield store_at(bucket), f"{prefix.rstrip('/')}/" if prefix else ""
