"""Many WARC and WACZ files cleaned side by side: which files, on what, and the sum of what came of them."""

from __future__ import annotations

import glob
import multiprocessing
import os
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import CommandError
from ..fleet.dask_engine import connected
from ..fleet.object_store import StoreError
from ..fleet.store_address import store_at
from .cleaner import Cleaner
from .file_task import FileResult, clean_file, split_address

ENDINGS = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz", ".wacz")
"""Of the files that a folder, a prefix of a bucket or a pattern is searched for."""
_TASK_TRIES = 3  # of a file whose worker dies, by Dask


def found_sources(names: Sequence[str]) -> Iterator[str]:
    """Yield the files that are named: files, patterns, folders, and objects or prefixes of buckets. CommandError."""
    for name in names:
        found = list(_found(name))
        if not found:
            raise CommandError(f"{name} has no WARC or WACZ file")
        yield from found


def _found(name: str) -> Iterator[str]:
    if "://" in name:
        bucket, key = split_address(name)
        try:
            keys = [key] if key.lower().endswith(ENDINGS) else store_at(bucket).keys(f"{key.rstrip('/')}/")
        except StoreError as error:
            raise CommandError(str(error)) from error
        yield from (f"{bucket}/{each}" for each in keys if each.lower().endswith(ENDINGS))
        return
    paths = [Path(name)] if os.path.lexists(name) else sorted(map(Path, glob.glob(name, recursive=True)))
    for path in paths:
        inner = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inner:
            if file == path or (file.is_file() and file.name.lower().endswith(ENDINGS)):
                yield str(file.absolute())


@dataclass
class BulkRun:
    """A run over sources into a target: `scheduler` is the address of a Dask cluster, empty for this machine's cores.

    `lines` gets a line for a person about each file that could not be read.
    """

    sources: Sequence[str]
    target: str
    cleaner: Cleaner
    scheduler: str = ""
    lines: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter, init=False)
    """Records by outcome, those of earlier runs too."""
    files: Counter[str] = field(default_factory=Counter, init=False)
    """Files by `cleaned`, `known` and `unread`."""
    seconds: float = field(default=0.0, init=False)
    is_stopping: bool = field(default=False, init=False)
    _records: int = field(default=0, init=False)
    _started: float = field(default=0.0, init=False)

    def run(self) -> None:
        """Clean all sources, or those that were begun when it is told to stop. CommandError, StoreError, OSError."""
        self._started = time.monotonic()
        (self._run_on_cluster if self.scheduler else self._run_here)()
        self.seconds = time.monotonic() - self._started

    def stop(self) -> None:
        """Begin no more files."""
        self.is_stopping = True

    def progress_line(self) -> str:
        """Say in one line how far the run is."""
        seconds = max(time.monotonic() - self._started, 1e-9)
        done = f"{self.files.total():,} of {count_text(len(self.sources), 'file')}"
        return f"{done}, {count_text(self._records, 'record')}, {self._records / seconds:.1f} a second"

    def summary(self) -> str:
        """Say in lines what came of all; records read are the sum of their outcomes."""
        total, states = self.counts.total(), Counter[str]()
        for outcome, count in self.counts.items():
            states[outcome.partition("/")[0]] += count
        named = ", ".join(f"{count:,} {outcome.partition('/')[2]}" for outcome, count in self.counts.most_common())
        known = f", {self.files['known']:,} of them by an earlier run" if self.files["known"] else ""
        unread = f", {self.files['unread']:,} could not be read" if self.files["unread"] else ""
        return (
            f"{count_text(self.files.total(), 'file')}{known}{unread}; {count_text(total, 'record')} = "
            f"{states['done']:,} pages + {states['skipped']:,} skipped + {states['failed']:,} failed"
            + (f"\n{named}" if named else "")
            + f"\n{self._records / max(self.seconds, 1e-9):.1f} records a second"
        )

    def _run_here(self) -> None:
        pool = ThreadPoolExecutor(os.cpu_count() or 1, "clean")
        try:
            for result in pool.map(self._clean_one, self.sources):
                if result:
                    self._take(result)
        finally:
            self.is_stopping = True
            pool.shutdown(cancel_futures=True)

    def _clean_one(self, source: str) -> FileResult | None:
        return None if self.is_stopping else clean_file(source, self.target, self.cleaner, self._count_record)

    def _count_record(self) -> None:
        self._records += 1

    def _run_on_cluster(self) -> None:
        client, ended = connected(self.scheduler), queue.SimpleQueue[Any]()
        try:
            futures = {
                client.submit(
                    clean_on_worker, source, self.target, self.cleaner, key=f"clean-{number}-{id(self)}",
                    pure=False, retries=_TASK_TRIES,
                ): source
                for number, source in enumerate(self.sources)
            }  # fmt: skip
            for future in futures:
                future.add_done_callback(ended.put)  # type: ignore[no-untyped-call]
            while futures and not self.is_stopping:
                with suppress(queue.Empty):
                    future = ended.get(timeout=0.5)
                    source = futures.pop(future)
                    result = _result_of(future, source)
                    self._records += 0 if result.is_known else sum(result.counts.values())
                    self._take(result)
        finally:
            client.close(timeout=2)  # type: ignore[no-untyped-call]

    def _take(self, result: FileResult) -> None:
        self.counts.update(result.counts)
        self.files["unread" if result.problem else "known" if result.is_known else "cleaned"] += 1
        if result.problem:
            self.lines.append(f"{result.source}: {result.problem}")


def clean_on_worker(source: str, target: str, cleaner: Cleaner) -> FileResult:
    """Clean a file in a thread of a Dask worker. Its nanny started it as a process that may have no children."""
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    return clean_file(source, target, cleaner)


def _result_of(future: Any, source: str) -> FileResult:
    try:
        result: FileResult = future.result()
    except Exception as error:  # noqa: BLE001 - the worker's, of this file alone
        return FileResult(source, problem=f"{type(error).__name__}: {error}".partition("\n")[0])
    return result


def bulk_names(names: Sequence[str], say: Callable[[str], object]) -> list[str]:
    """Return the sources that are named; a line says what a folder has besides."""
    for name in names:
        if "://" not in name and Path(name).is_dir():
            pages = sum(path.suffix.lower() in (".html", ".htm", ".xhtml", ".txt") for path in Path(name).rglob("*"))
            if pages:
                say(f"{name}: {count_text(pages, 'saved page')} left out: -o takes WARC and WACZ files")
    return list(dict.fromkeys(found_sources(names)))
