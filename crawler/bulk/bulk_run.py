"""Many WARC and WACZ files cleaned side by side: batches on the cores of a machine or a cluster, and their sum."""

from __future__ import annotations

import multiprocessing
import os
import queue
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import CommandError
from ..fleet.dask_engine import SCHEDULER_SECONDS, connected
from ..fleet.store_address import store_at
from .batch_plan import agreed_plan
from .batch_task import BatchTask, BulkJob, PieceResult, clean_batch, collect_scratch, known_results, read_marker
from .site_parts import SHUFFLED, PartTask, ShuffleTask, judge_sites, known_part, part_tasks, shuffle_batch
from .sources import Source

if TYPE_CHECKING:
    from distributed import Client

Task = BatchTask | PartTask

_TASK_TRIES = 3  # of a batch whose worker dies, by Dask
_MARKERS_AT_ONCE = 16  # read, of earlier runs


@dataclass
class BulkRun:
    """A run over sources: `scheduler` is the address of a Dask cluster, empty for this machine's cores.

    With `limit`, at most that many records are cleaned, batch by batch on this machine. `lines` gets a line for
    a person about each file that could not be read. `is_by_site` has each host judged as a whole.
    """

    sources: Sequence[Source]
    job: BulkJob
    scheduler: str = ""
    limit: int | None = None
    is_by_site: bool = False
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
    _was_connected: bool = field(default=False, init=False)

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
        if self.is_by_site:
            self._run_by_site(tasks)
        elif self.limit is not None:
            self._run_in_turn(tasks)
        else:
            self._run_all(self._without_known(tasks))
        self.seconds = time.monotonic() - self._started

    def stop(self) -> None:
        """Begin no more batches."""
        self.is_stopping = True

    def progress_line(self) -> str:
        """Return the progress of the run in one line."""
        seconds = max(time.monotonic() - self._started, 1e-9)
        done = f"{len(self._states):,} of {count_text(len(self.sources), 'file')}"
        return f"{done}, {count_text(self._records, 'record')}, {self._records / seconds:.1f} a second"

    def summary(self) -> str:
        """Return a summary in lines; the outcomes add up to the records read."""
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
        """Add new sources to the target's plan, and return the tasks of this run."""
        if "://" not in self.job.target:
            Path(self.job.target).mkdir(parents=True, exist_ok=True)
        for source in self.sources:
            if source.problem:
                self._take(None, [PieceResult(source.address, problem=f"{source.address}: {source.problem}")])
        versions = {source.address: f"{source.size}-{source.version}" for source in self.sources if not source.problem}
        store, found = store_at(self.job.target), [one for one in self.sources if not one.problem]
        plan = agreed_plan(store, found, is_by_site=self.is_by_site)
        self.job = replace(self.job, parts=plan.parts)
        others = [piece.source for batch in plan.batches for piece in batch if piece.source not in versions]
        if self.is_by_site and others:
            raise CommandError(f"{store.address} judged sites by {others[0]} too: name it again, or another folder")
        return [
            (ShuffleTask if self.is_by_site else BatchTask)(
                batch, tuple(versions.get(piece.source) for piece in batch), self.job
            )
            for batch in plan.batches if any(piece.source in versions for piece in batch)
        ]  # fmt: skip

    def _without_known(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks that no earlier run has done, and count the results of the others."""
        with ThreadPoolExecutor(_MARKERS_AT_ONCE) as pool:
            results = list(pool.map(known_task, tasks))
        for task, known in zip(tasks, results, strict=True):
            self._take(task, known or (), is_known=True)
        return [task for task, known in zip(tasks, results, strict=True) if known is None]

    def _run_by_site(self, shuffles: Sequence[BatchTask]) -> None:
        """Shuffle the records of all batches, judge the parts that were not judged before, and drop what was shuffled.

        What is known of batches says which parts are; their records are shuffled again only for one that is not.
        """
        store = store_at(self.job.target)
        self._run_all(self._without_known(shuffles))
        markers = [(task, read_marker(self.job.target, task.name)) for task in shuffles]
        if self.is_stopping or not all(marker for _, marker in markers):
            return
        waiting = self._without_known(part_tasks(self.job, markers))
        if waiting:
            there = set(store.keys(f"{SHUFFLED}/"))
            self._run_all([task for task in shuffles if f"{SHUFFLED}/{task.name}" not in there])
            self._run_all(waiting)
        if not self.is_stopping:
            for key in store.keys(f"{SHUFFLED}/"):
                store.delete(key)

    def _run_all(self, tasks: Sequence[Task]) -> None:
        if tasks and not self.is_stopping:
            (self._run_on_cluster if self.scheduler else self._run_here)(tasks)

    def _run_here(self, tasks: Sequence[Task]) -> None:
        pool = ThreadPoolExecutor(os.cpu_count() or 1, "clean")
        try:
            for task, results in zip(tasks, pool.map(self._run_one, tasks), strict=True):
                self._take(task, results)
        except BaseException:
            self.is_stopping = True
            raise
        finally:
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
            self._take(limited, results, is_known=known is not None)
            left -= sum(result.records for result in results)

    def _run_one(self, task: Task) -> list[PieceResult]:
        return [] if self.is_stopping else run_task(task, self._count_record)

    def _count_record(self) -> None:
        self._records += 1

    def _run_on_cluster(self, tasks: Sequence[Task]) -> None:
        """Submit tasks to the scheduler; if it is lost, submit the rest to the next one. CommandError if none comes."""
        left = {task.name: task for task in tasks}
        while left and not self.is_stopping:
            client = self._connected()
            try:
                self._take_ended(client, left)
            finally:
                client.close(timeout=2)  # type: ignore[no-untyped-call]
            if left and not self.is_stopping:
                self.lines.append(f"the scheduler at {self.scheduler} is gone; waiting for it")

    def _take_ended(self, client: Client, left: dict[str, Task]) -> None:
        """Collect results, removing their tasks from `left`, until none is left or the scheduler is gone."""
        ended = queue.SimpleQueue[Any]()
        futures = {
            client.submit(
                run_on_worker, task, key=f"clean-{name}-{token_hex(4)}", pure=False, retries=_TASK_TRIES
            ): task
            for name, task in left.items()
        }
        for future in futures:
            future.add_done_callback(ended.put)  # type: ignore[no-untyped-call]
        while left and not self.is_stopping and client.status == "running":
            with suppress(queue.Empty):
                future = ended.get(timeout=0.5)
                if future.status not in ("finished", "error"):
                    return  # its scheduler knows it no longer
                task = futures[future]
                try:
                    results = _results_of(future, task)
                except (OSError, CancelledError):
                    return  # it was done, and the connection broke before its results were here
                del left[task.name]
                if not isinstance(task, ShuffleTask):
                    self._records += sum(result.records for result in results)
                self._take(task, results)

    def _connected(self) -> Client:
        """Connect to the scheduler; wait for it if this run was connected before. CommandError if none comes."""
        deadline, line = time.monotonic() + SCHEDULER_SECONDS, f"the scheduler at {self.scheduler} is gone"
        while True:
            try:
                client = connected(self.scheduler)
            except CommandError as error:
                if not self._was_connected:
                    raise
                if self.is_stopping or time.monotonic() > deadline:
                    raise CommandError(f"{line}; the same command goes on") from error
                self.lines.append(f"{line}; waiting for it")  # said once, as long as no other line comes
            else:
                self._was_connected = True
                return client
            time.sleep(1)

    def _take(self, task: Task | None, results: Sequence[PieceResult], *, is_known: bool = False) -> None:
        """Add up results. A source of several parts is known if all are, and unread if one is.

        Records that are shuffled have no outcome yet.
        """
        for result in results:
            if result.source not in self._named:
                continue
            if not isinstance(task, ShuffleTask):
                self.counts.update(result.counts)
            self.not_chosen += result.not_chosen
            state = "unread" if result.problem else "known" if is_known else "cleaned"
            before = self._states.get(result.source, "known")
            if result.problem and before != "unread":
                self.lines.append(result.problem)
            self._states[result.source] = max(before, state, key=("known", "cleaned", "unread").index)


def known_task(task: Task) -> list[PieceResult] | None:
    """Return the results of a task that an earlier run has done in the same way; None without."""
    return known_part(task) if isinstance(task, PartTask) else known_results(task)


def run_task(
    task: Task,
    on_record: Callable[[], object] = lambda: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[PieceResult]:
    """Run a task of any kind. StoreError, OSError or BatchStopped."""
    if isinstance(task, PartTask):
        return judge_sites(task, on_record, should_stop)
    return (
        shuffle_batch(task, should_stop) if isinstance(task, ShuffleTask) else clean_batch(task, on_record, should_stop)
    )


def run_on_worker(task: Task) -> list[PieceResult]:
    """Run a task in a thread of a Dask worker, whose nanny started it as a daemon that may have no children.

    When the worker is told to end, the task is given up: another worker begins it again.
    """
    from distributed import get_worker

    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    collect_scratch()
    worker: Any = get_worker()
    return run_task(task, should_stop=lambda: worker.status.name.startswith("clos"))


def _results_of(future: Any, task: Task) -> list[PieceResult]:
    """Return the results of a task that was done, or the worker's error for each piece. OSError or CancelledError if
    results cannot be fetched.
    """
    if future.status == "finished":
        return list(future.result())
    error = future.exception()
    problem = f"{type(error).__name__}: {error}".partition("\n")[0]
    return [PieceResult(piece.source, problem=f"{piece.source}: {problem}") for piece in task.batch]
