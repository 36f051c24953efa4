"""Worker processes for the jobs of settling.

Each process has one job at a time, so that sending never blocks. A process that dies, or cannot be started, costs time
only: its job is run in this process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast

from sqlite_utils import Database

from .worker import WorkerProcess, pack_message, process_count, unpack_answer

if TYPE_CHECKING:
    from broadsheet.output.settle.settling import SettleResult

J = TypeVar("J")
R = TypeVar("R")

_TOO_FEW_JOBS = 3  # this many are done sooner than a process is started


class SettlePool:
    """A `ParallelMap` over `count` processes, or one per processor if 0, started once there are enough jobs.

    A context manager.
    """

    def __init__(self, count: int = 0) -> None:
        self._process_count = process_count(count)
        self._workers: list[WorkerProcess] = []

    def __call__(self, function: Callable[[J], R], jobs: Iterable[J], /) -> Iterator[R]:
        """Yield the function's result for each job, in order."""
        remaining_jobs = iter(jobs)
        first_jobs = list(islice(remaining_jobs, _TOO_FEW_JOBS + 1))
        if len(first_jobs) <= _TOO_FEW_JOBS:
            yield from map(function, first_jobs)
        else:
            yield from self._map_in_processes(function, chain(first_jobs, remaining_jobs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            _end_worker(worker)
        self._workers.clear()

    def _map_in_processes(self, function: Callable[[J], R], jobs: Iterable[J]) -> Iterator[R]:
        """Map in the processes. A process gets its next job before its last answer is unpacked."""
        self._start_missing_workers()
        idle_workers, running_jobs = deque(self._workers), deque[tuple[J, WorkerProcess | None]]()
        for job in jobs:
            oldest_answer = (
                self._receive_answer(*running_jobs.popleft(), idle_workers)
                if running_jobs and not idle_workers
                else None
            )
            running_jobs.append((job, self._send_to_idle(pack_message((function, (job,))), idle_workers)))
            if oldest_answer:
                yield _result_of(function, *oldest_answer)
        while running_jobs:
            yield _result_of(function, *self._receive_answer(*running_jobs.popleft(), idle_workers))

    def _start_missing_workers(self) -> None:
        with suppress(OSError, EOFError):
            while len(self._workers) < self._process_count:
                self._workers.append(WorkerProcess.start())

    def _send_to_idle(self, packed_job: bytes, idle_workers: deque[WorkerProcess]) -> WorkerProcess | None:
        """Send a job to an idle process and return the process; None if all are busy."""
        while idle_workers:
            worker = idle_workers.popleft()
            try:
                worker.send_blocking(packed_job)
            except OSError:
                self._remove_worker(worker)
            else:
                return worker
        return None

    def _receive_answer(
        self, job: J, worker: WorkerProcess | None, idle_workers: deque[WorkerProcess]
    ) -> tuple[J, bytes]:
        """Wait for a job's answer; empty if it has no process, or the process has exited."""
        if worker is None:
            return job, b""
        try:
            answer = worker.receive_blocking()
        except (OSError, EOFError):
            self._remove_worker(worker)
            return job, b""
        idle_workers.append(worker)
        return job, answer

    def _remove_worker(self, worker: WorkerProcess) -> None:
        self._workers.remove(worker)
        _end_worker(worker)


def settle_in_processes(db: Database) -> SettleResult:
    """Settle an archive with all processors. See `broadsheet.output.settle.settling.settle`."""
    from broadsheet.output.settle.settling import settle

    with SettlePool() as share:
        return settle(db, parallel_map=share)


def _result_of(function: Callable[[J], R], job: J, answer: bytes) -> R:
    """Return the result from a process's answer. Without one, or if the job failed there, run it in this process."""
    succeeded, result = unpack_answer(answer) if answer else (False, None)
    return cast(R, result) if succeeded else function(job)


def _end_worker(worker: WorkerProcess) -> None:
    worker.kill()
    worker.wait_for_exit()
    worker.close()
