"""The worker processes: parsing and cleaning happen off the event loop, bounded in time and memory.

A page that hangs, blows up the parser or kills its worker costs that page only: it comes back as a fault with a
reason, and the worker is replaced.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from crawler.workers.worker import Job, Worker, message, unpacked

T = TypeVar("T")

PAGE_SECONDS = 60.0
_SLACK = 5.0  # seconds that a time limit may be noticed late
_LOOK = 0.25  # seconds after which workers that owe a result are looked at
_AHEAD = 2  # jobs that a worker has at most: one under way, and the next, so that it never waits for us
_TRIES = 5  # times that no process could be started after which the pages that wait for one are given up
_CHANCES = 3  # workers that a page may have: the machine may end two that only happened to hold it
_LONG = 0.5  # seconds under way after which a job no longer holds up the one behind it


class WorkerError(Exception):
    """A page that could not be worked on; `reason` is worker_timeout, worker_died or worker_error.

    `innocent`: what ended it may be no fault of its own.
    """

    def __init__(self, reason: str, detail: str = "", *, innocent: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.innocent = innocent


class Workers:
    """A number of processes that run pure functions. Close it when done."""

    def __init__(self, count: int, seconds: float = PAGE_SECONDS) -> None:
        self._seconds = seconds
        self._count = count
        self._workers: list[Worker] = []
        self._waiting: deque[Job] = deque()
        self._loop: AbstractEventLoop | None = None
        self._timer: TimerHandle | None = None
        self._starting = False
        self._failed = 0  # times in a row that no process could be started
        self._closed = False

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function in a worker and return its result; WorkerError if it hangs, dies or fails.

        What another cause may have ended, such as the machine's want of memory, is tried again, by three workers at
        most.
        """
        try:
            packed = message((function, args))
        except Exception as error:
            raise WorkerError("worker_error", f"{type(error).__name__}: {error}") from error
        for chance in range(1, _CHANCES + 1):
            try:
                answer = await self._answer_to(packed, again=chance > 1)
                break
            except WorkerError as error:
                if self._closed or not error.innocent or chance == _CHANCES:
                    raise
        result: T = _result_in(answer)
        return result

    def start(self) -> None:
        """Start the processes now, on the running loop, before there is anything to do."""
        self._use(asyncio.get_running_loop())
        self._hire()

    def close(self) -> None:
        """Stop the workers; what they still had to do is given up. Any thread may call it, also twice."""
        self._closed = True
        workers = tuple(self._workers)
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.ended()
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._give_up)

    async def _answer_to(self, packed: bytes, *, again: bool = False) -> bytes:
        self._use(loop := asyncio.get_running_loop())
        if self._closed:
            raise WorkerError("worker_died", "the workers were stopped")
        job = Job(packed, loop.create_future())
        (self._waiting.appendleft if again else self._waiting.append)(job)
        self._hand_out()
        return await job.answer

    def _use(self, loop: AbstractEventLoop) -> None:
        """Read the workers' answers on this loop."""
        if loop is self._loop:
            return
        self._loop, self._timer, self._starting = loop, None, False
        for worker in self._workers:
            worker.attach(loop, self._came)

    def _hand_out(self) -> None:
        """Give the workers what they can take, those that have nothing first."""
        if self._waiting:
            self._hire()
        while self._waiting and (worker := self._freest()):
            job = self._waiting.popleft()
            if not job.answer.done():
                worker.give(job)
        if not self._waiting:
            self._share()
        self._watch()

    def _freest(self) -> Worker | None:
        worker = min(self._workers, key=lambda worker: len(worker.jobs), default=None)
        most = 1 if self._starting else _AHEAD  # another worker comes soon
        return worker if worker is not None and len(worker.jobs) < most else None

    def _share(self) -> None:
        """Give what waits behind a job that takes long to a worker that has nothing, too; the first answer counts."""
        since = time.monotonic() - _LONG
        idle = [worker for worker in self._workers if not worker.jobs]
        for worker in self._workers if idle else ():
            if len(worker.jobs) > 1 and worker.began < since and idle and not worker.jobs[1].shared:
                worker.jobs[1].shared = True
                idle.pop().give(worker.jobs[1])

    def _came(self, worker: Worker) -> None:
        """Take a worker's answers; one that is gone is replaced when there is work."""
        try:
            for job, answer in worker.answers():
                if not job.answer.done():
                    job.answer.set_result(answer)
        except (OSError, EOFError):
            self._lost(worker, WorkerError("worker_died", worker.ended(), innocent=True))
        if not self._closed:
            self._hand_out()

    def _lost(self, worker: Worker, error: WorkerError) -> None:
        """A worker is gone: the job under way ends with the error, and those that wait go to another one."""
        self._workers.remove(worker)
        worker.close()
        if worker.jobs:
            _fail(worker.jobs.popleft(), error)
        self._waiting.extendleft(reversed(worker.jobs))

    def _watch(self) -> None:
        """Look at the workers again in a while, as long as they owe anything."""
        if self._timer is None and self._loop is not None and any(worker.jobs for worker in self._workers):
            self._timer = self._loop.call_later(_LOOK, self._look)

    def _look(self) -> None:
        self._timer = None
        now = time.monotonic()
        for worker in tuple(self._workers):
            if worker.jobs and now - worker.began > self._seconds:
                innocent = _overran(now - worker.began, self._seconds)
                worker.stop()
                self._lost(worker, WorkerError("worker_timeout", f"{self._seconds:g} s", innocent=innocent))
        self._hand_out()

    def _hire(self) -> None:
        """Have missing processes started in a thread: the first waits until all that they inherit is imported."""
        if self._starting or self._closed or len(self._workers) >= self._count:
            return
        assert self._loop is not None
        self._starting = True
        self._loop.run_in_executor(None, self._start_missing, self._loop, self._count - len(self._workers))

    def _start_missing(self, loop: AbstractEventLoop, missing: int) -> None:
        trouble = ""
        try:
            for _ in range(missing):
                if not self._closed:
                    loop.call_soon_threadsafe(self._hired, Worker.started())
        except Exception as error:  # noqa: BLE001 - who waits for a worker is to hear of it
            trouble = f"{type(error).__name__}: {error}"
        finally:
            loop.call_soon_threadsafe(self._all_hired, trouble)

    def _hired(self, worker: Worker) -> None:
        self._workers.append(worker)
        if self._closed:
            worker.stop()
            self._give_up()
            return
        assert self._loop is not None
        worker.attach(self._loop, self._came)
        self._hand_out()

    def _all_hired(self, trouble: str) -> None:
        self._starting = False
        self._failed = self._failed + 1 if trouble else 0
        if self._failed >= _TRIES and not self._workers:
            self._failed = 0
            self._give_up(trouble)
        else:
            self._hand_out()

    def _give_up(self, why: str = "the workers were stopped") -> None:
        """End the wait for results that will not come."""
        while self._closed and self._workers:
            worker = self._workers.pop()
            self._waiting.extend(worker.jobs)
            worker.close()
        while self._waiting:
            _fail(self._waiting.popleft(), WorkerError("worker_died", why))


def _fail(job: Job, error: WorkerError) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)


def _overran(took: float, limit: float) -> bool:
    """Whether a time limit was noticed far too late, as by a process that was stopped meanwhile."""
    return took - limit > _SLACK


def _result_in(answer: bytes) -> Any:
    try:
        good, result = unpacked(answer)
    except Exception as error:
        raise WorkerError("worker_error", f"{type(error).__name__}: {error}") from error
    if not good:
        raise WorkerError("worker_error", result)
    return result
