"""Settling's work shared out to worker processes, from the thread that settles.

Each process has one job at a time, so neither side ever waits to send. A process that dies, or cannot be started,
costs time alone: its job is done here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from types import TracebackType
from typing import Self, TypeVar, cast

from sqlite_utils import Database

from crawler.workers.worker import Worker, message, processes, unpacked
from output.settle.judge_again import Settled, settle

J = TypeVar("J")
R = TypeVar("R")

_FEW = 3  # jobs that are done sooner than a process is started


class Sharing:
    """As many processes as asked for, one a processor if 0, started when there is enough to do. Use it in a `with`.

    It is a `Share`.
    """

    def __init__(self, count: int = 0) -> None:
        self._count = processes(count)
        self._workers: list[Worker] = []

    def __call__(self, function: Callable[[J], R], jobs: Iterable[J], /) -> Iterator[R]:
        """The function's result for each job, in order."""
        coming = iter(jobs)
        first = list(islice(coming, _FEW + 1))
        if len(first) <= _FEW:
            yield from map(function, first)
        else:
            yield from self._spread(function, chain(first, coming))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            _let_go(worker)
        self._workers.clear()

    def _spread(self, function: Callable[[J], R], jobs: Iterable[J]) -> Iterator[R]:
        """Whoever has answered gets the next job before we look at the answer."""
        self._hire()
        idle, under_way = deque(self._workers), deque[tuple[J, Worker | None]]()
        for job in jobs:
            oldest = self._answered(*under_way.popleft(), idle) if under_way and not idle else None
            under_way.append((job, self._given(message((function, (job,))), idle)))
            if oldest:
                yield _result(function, *oldest)
        while under_way:
            yield _result(function, *self._answered(*under_way.popleft(), idle))

    def _hire(self) -> None:
        with suppress(OSError, EOFError):
            while len(self._workers) < self._count:
                self._workers.append(Worker.started())

    def _given(self, packed: bytes, idle: deque[Worker]) -> Worker | None:
        """Hand a job to a process that has none; None if there is no such process."""
        while idle:
            worker = idle.popleft()
            try:
                worker.hand(packed)
            except OSError:
                self._lost(worker)
            else:
                return worker
        return None

    def _answered(self, job: J, worker: Worker | None, idle: deque[Worker]) -> tuple[J, bytes]:
        """A job and what came back of it: nothing if its process is gone."""
        if worker is None:
            return job, b""
        try:
            answer = worker.wait()
        except (OSError, EOFError):
            self._lost(worker)
            return job, b""
        idle.append(worker)
        return job, answer

    def _lost(self, worker: Worker) -> None:
        self._workers.remove(worker)
        _let_go(worker)


def settle_shared(db: Database) -> Settled:
    """Settle an archive with all processors. See `output.settle.judge_again.settle`."""
    with Sharing() as share:
        return settle(db, share=share)


def _result(function: Callable[[J], R], job: J, answer: bytes) -> R:
    """What a process made of a job; if nothing, what we make of it."""
    good, made = unpacked(answer) if answer else (False, None)
    return cast(R, made) if good else function(job)


def _let_go(worker: Worker) -> None:
    worker.stop()
    worker.ended()
    worker.close()
