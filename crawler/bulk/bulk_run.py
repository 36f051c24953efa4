"""Many WARC and WACZ files cleaned side by side: batches on the cores of a machine or a cluster, and their sum."""

from __future__ import annotations

import multiprocessing
import os
import queue
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from broadsheet.output.read.plain_words import count_text

from ..fleet.dask_engine import connected
from ..fleet.store_address import store_at
from .batch_plan import agreed_plan
from .batch_task import BatchTask, BulkJob, PieceResult, clean_batch, collect_scratch, known_results
from .sources import Source

_TASK_TRIES = 3  # of a batch whose worker dies, by Dask
_MARKERS_AT_ONCE = 16  # read, of earlier runs


@dataclass
class BulkRun:
    """A run over sources: `scheduler` is the address of a Dask cluster, empty for this machine's cores.

    With `limit`, so many records are cleaned at most, a batch after the other on this machine. `lines` gets a line for
    a person about each file that could not be read.
    """

    sources: Sequence[Source]
    job: BulkJob
    scheduler: str = ""
    limit: int | None = None
    lines: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter, init=False)
    """Records by outcome, those of earlier runs too."""
    not_chosen: int = field(default=0, init=False)
    """Records that the selection leaves out."""
    seconds: float = field(default=0.0, init=False)
    is_stopping: bool = field(default=False, init=False)
    _states: dict[str, str] = field(default_factory=dict, init=False)  # of sources: cleaned, known or unread
    _records: int = field(default=0, init=False)
    _started: float = field(default=0.0, init=False)

    @cached_property
    def _named(self) -> frozenset[str]:
        return frozenset(source.address for source in self.sources)

    @property
    def files(self) -> Counter[str]:
        """Count the sources by `cleaned`, `known` from an earlier run, and `unread`."""
        return Counter(self._states.values())

    def run(self) -> None:
        """Clean all sources, or those that were begun when it is told to stop. CommandError, StoreError, OSError."""
        self._started = time.monotonic()
        collect_scratch()
        tasks = self._planned()
        if self.limit is not None:
            self._run_in_turn(tasks)
        else:
            waiting = self._without_known(tasks)
            (self._run_on_cluster if self.scheduler else self._run_here)(waiting)
        self.seconds = time.monotonic() - self._started

    def stop(self) -> None:
        """Begin no more batches."""
        self.is_stopping = True

    def progress_line(self) -> str:
        """Say in one line how far the run is."""
        seconds = max(time.monotonic() - self._started, 1e-9)
        done = f"{len(self._states):,} of {count_text(len(self.sources), 'file')}"
        return f"{done}, {count_text(self._records, 'record')}, {self._records / seconds:.1f} a second"

    def summary(self) -> str:
        """Say in lines what came of all; records read are the sum of their outcomes."""
        total, states, files = self.counts.total(), Counter[str](), self.files
        for outcome, count in self.counts.items():
            states[outcome.partition("/")[0]] += count
        named = ", ".join(f"{count:,} {outcome.partition('/')[2]}" for outcome, count in self.counts.most_common())
        known = f", {files['known']:,} of them by an earlier run" if files["known"] else ""
        unread = f", {files['unread']:,} could not be read" if files["unread"] else ""
        others = f"\n{count_text(self.not_chosen, 'other record')} not chosen" if self.not_chosen else ""
        return (
            f"{count_text(files.total(), 'file')}{known}{unread}; {count_text(total, 'record')} = "
            f"{states['done']:,} pages + {states['skipped']:,} skipped + {states['failed']:,} failed"
            + (f"\n{named}" if named else "")
            + f"{others}\n{self._records / max(self.seconds, 1e-9):.1f} records a second"
        )

    def _planned(self) -> list[BatchTask]:
        """Plan what the target has not planned yet, and return the tasks that this run is about."""
        if "://" not in self.job.target:
            Path(self.job.target).mkdir(parents=True, exist_ok=True)
        for source in self.sources:
            if source.problem:
                self._take([PieceResult(source.address, problem=f"{source.address}: {source.problem}")])
        versions = {source.address: f"{source.size}-{source.version}" for source in self.sources if not source.problem}
        batches = agreed_plan(store_at(self.job.target), [one for one in self.sources if not one.problem])
        return [
            BatchTask(batch, tuple(versions.get(piece.source) for piece in batch), self.job)
            for batch in batches if any(piece.source in versions for piece in batch)
        ]  # fmt: skip

    def _without_known(self, tasks: Sequence[BatchTask]) -> list[BatchTask]:
        """Return the tasks that no earlier run has done, and take the results of the others."""
        with ThreadPoolExecutor(_MARKERS_AT_ONCE) as pool:
            results = list(pool.map(known_results, tasks))
        for known in results:
            self._take(known or (), is_known=True)
        return [task for task, known in zip(tasks, results, strict=True) if known is None]

    def _run_here(self, tasks: Sequence[BatchTask]) -> None:
        pool = ThreadPoolExecutor(os.cpu_count() or 1, "clean")
        try:
            for results in pool.map(self._clean_one, tasks):
                self._take(results)
        finally:
            self.is_stopping = True
            pool.shutdown(cancel_futures=True)

    def _run_in_turn(self, tasks: Sequence[BatchTask]) -> None:
        """Clean one batch after the other until there are enough records, the same ones each time."""
        left = self.limit or 0
        for task in tasks:
            if left <= 0 or self.is_stopping:
                return
            limited = BatchTask(task.batch, task.versions, task.job, left)
            known = known_results(limited)
            results = known or clean_batch(limited, self._count_record)
            self._take(results, is_known=known is not None)
            left -= sum(result.records for result in results)

    def _clean_one(self, task: BatchTask) -> list[PieceResult]:
        return [] if self.is_stopping else clean_batch(task, self._count_record)

    def _count_record(self) -> None:
        self._records += 1

    def _run_on_cluster(self, tasks: Sequence[BatchTask]) -> None:
        client, ended = connected(self.scheduler), queue.SimpleQueue[Any]()
        try:
            futures = {
                client.submit(
                    clean_on_worker, task, key=f"clean-{task.name}-{id(self)}", pure=False, retries=_TASK_TRIES
                ): task
                for task in tasks
            }
            for future in futures:
                future.add_done_callback(ended.put)  # type: ignore[no-untyped-call]
            while futures and not self.is_stopping:
                with suppress(queue.Empty):
                    future = ended.get(timeout=0.5)
                    results = list(_results_of(future, futures.pop(future)))
                    self._records += sum(result.records for result in results)
                    self._take(results)
        finally:
            client.close(timeout=2)  # type: ignore[no-untyped-call]

    def _take(self, results: Sequence[PieceResult], *, is_known: bool = False) -> None:
        """Add up results. A source of several parts is known if all are, and unread if one is."""
        for result in results:
            if result.source not in self._named:
                continue
            self.counts.update(result.counts)
            self.not_chosen += result.not_chosen
            state = "unread" if result.problem else "known" if is_known else "cleaned"
            before = self._states.get(result.source, "known")
            if result.problem and before != "unread":
                self.lines.append(result.problem)
            self._states[result.source] = max(before, state, key=("known", "cleaned", "unread").index)


def clean_on_worker(task: BatchTask) -> list[PieceResult]:
    """Clean a batch in a thread of a Dask worker. Its nanny started it as a process that may have no children.

    When the worker is told to end, the batch is given up: another worker begins it again.
    """
    from distributed import get_worker

    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    collect_scratch()
    worker: Any = get_worker()
    return clean_batch(task, should_stop=lambda: worker.status.name.startswith("clos"))


def _results_of(future: Any, task: BatchTask) -> Iterator[PieceResult]:
    try:
        yield from future.result()
    except Exception as error:  # noqa: BLE001 - the worker's, of this batch alone
        problem = f"{type(error).__name__}: {error}".partition("\n")[0]
        for piece in task.batch:
            yield PieceResult(piece.source, problem=f"{piece.source}: {problem}")
