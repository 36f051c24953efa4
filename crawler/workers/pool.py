"""Pool of worker processes that parse and clean pages off the event loop, with limits on time and memory.

A page that hangs, breaks the parser or kills its worker fails alone, with a `WorkerError`, and the worker is replaced.
`run_bounded` runs an asynchronous function over many jobs with a bounded number of tasks at once.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from broadsheet.output.archive.url_words import OutcomeReason

from .worker import WorkerJob, WorkerProcess, pack_message, unpack_answer

T = TypeVar("T")

PAGE_SECONDS = 60.0
_CLOCK_SHARE = 10  # wall-clock seconds allowed per second of CPU: a job may wait, and the machine may be busy
_LATE_SECONDS = 5.0  # seconds; a time limit noticed later than this was not the page's fault
_CHECK_SECONDS = 0.25  # seconds between two checks of the time limit
_JOBS_PER_WORKER = 2  # sent to a worker at most: the running one and the next, so that it never idles
_MAX_FAILED_STARTS = 5  # in a row; then the queued jobs fail
_WORKERS_PER_PAGE = 3  # tried in turn: the machine may end two that only happened to have the page
_SLOW_JOB_SECONDS = 0.5  # seconds that a job runs before the one queued behind it is sent to another worker too


class WorkerError(Exception):
    """A job that failed; `reason` is worker_timeout, worker_died or worker_error.

    `is_retryable`: the page may not be the cause.
    """

    def __init__(self, reason: OutcomeReason, detail: str = "", *, is_retryable: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.is_retryable = is_retryable


class WorkerPool:
    """Up to `worker_count` processes that run pure functions, each call `page_seconds` of CPU at most.

    Close it when done.
    """

    def __init__(self, worker_count: int, page_seconds: float = PAGE_SECONDS) -> None:
        self._page_seconds = page_seconds
        self.worker_count = worker_count
        self._workers: list[WorkerProcess] = []
        self._queued_jobs: deque[WorkerJob] = deque()
        self._loop: AbstractEventLoop | None = None
        self._timer: TimerHandle | None = None
        self._is_starting = False
        self._failed_starts = 0  # times in a row that no process could be started
        self._is_closed = False

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function in a worker and return its result; WorkerError if it hangs, dies or fails.

        If the page may not be the cause, for instance because memory is short, up to three workers try.
        """
        try:
            packed_job = pack_message((function, args))
        except Exception as error:
            raise WorkerError(OutcomeReason.WORKER_ERROR, f"{type(error).__name__}: {error}") from error
        for attempt in range(1, _WORKERS_PER_PAGE + 1):
            try:
                answer = await self._submit(packed_job, is_retry=attempt > 1)
                break
            except WorkerError as error:
                if self._is_closed or not error.is_retryable or attempt == _WORKERS_PER_PAGE:
                    raise
        result: T = _unpack_result(answer)
        return result

    def start(self) -> None:
        """Start the processes now, on the running event loop, before there are jobs."""
        self._use_loop(asyncio.get_running_loop())
        self._start_missing_workers()

    def close(self) -> None:
        """Kill the workers; unfinished jobs fail. Safe to call from any thread, and more than once."""
        self._is_closed = True
        workers = tuple(self._workers)
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.wait_for_exit()
        with suppress(RuntimeError):  # the loop is closed: no task waits for results
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._fail_queued_jobs)

    async def _submit(self, packed_job: bytes, *, is_retry: bool = False) -> bytes:
        self._use_loop(loop := asyncio.get_running_loop())
        if self._is_closed:
            raise WorkerError(OutcomeReason.WORKER_DIED, "the workers were stopped")
        job = WorkerJob(packed_job, loop.create_future())
        (self._queued_jobs.appendleft if is_retry else self._queued_jobs.append)(job)
        self._dispatch_jobs()
        return await job.answer

    def _use_loop(self, loop: AbstractEventLoop) -> None:
        """Read the workers' answers on this loop from now on."""
        if loop is self._loop:
            return
        self._loop, self._timer, self._is_starting = loop, None, False
        for worker in self._workers:
            worker.attach(loop, self._on_readable)

    def _dispatch_jobs(self) -> None:
        """Send queued jobs to the workers that can take more, idle ones first."""
        if self._queued_jobs:
            self._start_missing_workers()
        while self._queued_jobs and (worker := self._least_busy_worker()):
            job = self._queued_jobs.popleft()
            if not job.answer.done():
                worker.send_job(job)
        if not self._queued_jobs:
            self._duplicate_blocked_jobs()
        if self._timer is None and self._loop is not None and any(worker.jobs for worker in self._workers):
            self._timer = self._loop.call_later(_CHECK_SECONDS, self._check_timeouts)

    def _least_busy_worker(self) -> WorkerProcess | None:
        worker = min(self._workers, key=lambda worker: len(worker.jobs), default=None)
        max_jobs = 1 if self._is_starting else _JOBS_PER_WORKER  # another worker is starting
        return worker if worker is not None and len(worker.jobs) < max_jobs else None

    def _duplicate_blocked_jobs(self) -> None:
        """Send a job that waits behind a slow one to an idle worker too; the first answer counts."""
        slow_since = time.monotonic() - _SLOW_JOB_SECONDS
        idle_workers = [worker for worker in self._workers if not worker.jobs]
        for worker in self._workers if idle_workers else ():
            if (
                len(worker.jobs) > 1
                and worker.job_started_at < slow_since
                and idle_workers
                and not worker.jobs[1].has_two_workers
            ):
                worker.jobs[1].has_two_workers = True
                idle_workers.pop().send_job(worker.jobs[1])

    def _on_readable(self, worker: WorkerProcess) -> None:
        """Read a worker's answers. A worker that is gone is removed, and replaced when there are jobs."""
        try:
            for job, answer in worker.read_answers():
                if not job.answer.done():
                    job.answer.set_result(answer)
        except (OSError, EOFError):
            self._remove_worker(worker, self._error_of(worker))
        if not self._is_closed:
            self._dispatch_jobs()

    def _error_of(self, worker: WorkerProcess) -> WorkerError:
        """Return the error for a worker that has exited."""
        exit_text = worker.wait_for_exit()
        if worker.is_out_of_time:
            return WorkerError(OutcomeReason.WORKER_TIMEOUT, f"{self._page_seconds:g} s of CPU")
        return WorkerError(OutcomeReason.WORKER_DIED, exit_text, is_retryable=True)

    def _remove_worker(self, worker: WorkerProcess, error: WorkerError) -> None:
        """Remove a worker that has exited. Its running job fails with the error; its other jobs go back to the front of
        the queue.
        """
        self._workers.remove(worker)
        worker.close()
        if worker.jobs:
            _fail_job(worker.jobs.popleft(), error)
        self._queued_jobs.extendleft(reversed(worker.jobs))

    def _check_timeouts(self) -> None:
        """Kill workers whose running job exceeds the wall-clock limit. Workers enforce the CPU limit themselves."""
        self._timer = None
        now, limit = time.monotonic(), _CLOCK_SHARE * self._page_seconds
        for worker in tuple(self._workers):
            if worker.jobs and now - worker.job_started_at > limit:
                noticed_late = (now - worker.job_started_at) - limit > _LATE_SECONDS
                worker.kill()
                self._remove_worker(
                    worker, WorkerError(OutcomeReason.WORKER_TIMEOUT, f"{limit:g} s", is_retryable=noticed_late)
                )
        self._dispatch_jobs()

    def _start_missing_workers(self) -> None:
        """Start missing processes, in a thread: the first one waits until the fork server has imported its modules."""
        if self._is_starting or self._is_closed or len(self._workers) >= self.worker_count:
            return
        assert self._loop is not None
        self._is_starting = True
        self._loop.run_in_executor(None, self._start_processes, self._loop, self.worker_count - len(self._workers))

    def _start_processes(self, loop: AbstractEventLoop, count: int) -> None:
        error_text = ""
        try:
            for _ in range(count):
                if not self._is_closed:
                    loop.call_soon_threadsafe(self._on_worker_started, WorkerProcess.start(self._page_seconds))
        except Exception as error:  # noqa: BLE001 - reported to those who wait for a worker
            error_text = f"{type(error).__name__}: {error}"
        finally:
            loop.call_soon_threadsafe(self._on_starts_finished, error_text)

    def _on_worker_started(self, worker: WorkerProcess) -> None:
        self._workers.append(worker)
        if self._is_closed:
            worker.kill()
            self._fail_queued_jobs()
            return
        assert self._loop is not None
        worker.attach(self._loop, self._on_readable)
        self._dispatch_jobs()

    def _on_starts_finished(self, error_text: str) -> None:
        self._is_starting = False
        self._failed_starts = self._failed_starts + 1 if error_text else 0
        if self._failed_starts >= _MAX_FAILED_STARTS and not self._workers:
            self._failed_starts = 0
            self._fail_queued_jobs(error_text)
        else:
            self._dispatch_jobs()

    def _fail_queued_jobs(self, detail: str = "the workers were stopped") -> None:
        """Fail the queued jobs; in a closed pool also those of its workers."""
        while self._is_closed and self._workers:
            worker = self._workers.pop()
            self._queued_jobs.extend(worker.jobs)
            worker.close()
        while self._queued_jobs:
            _fail_job(self._queued_jobs.popleft(), WorkerError(OutcomeReason.WORKER_DIED, detail))


def _fail_job(job: WorkerJob, error: WorkerError) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)


def _unpack_result(answer: bytes) -> Any:
    try:
        succeeded, result = unpack_answer(answer)
    except Exception as error:
        raise WorkerError(OutcomeReason.WORKER_ERROR, f"{type(error).__name__}: {error}") from error
    if not succeeded:
        raise WorkerError(OutcomeReason.WORKER_ERROR, result)
    return result


async def run_bounded(
    jobs: Iterable[T], work: Callable[[T], Awaitable[None]], max_running: int, should_stop: Callable[[], bool]
) -> None:
    """Run `work` on each job in order, up to `max_running` at a time.

    The first exception cancels the rest. A job is taken from `jobs` only when a place is free. Once `should_stop` is
    true, running jobs finish and no new one starts.
    """
    running_tasks: set[asyncio.Future[None]] = set()
    try:
        for job in jobs:
            if should_stop():
                break
            running_tasks.add(asyncio.ensure_future(work(job)))
            if len(running_tasks) >= max_running:
                running_tasks = await _wait_for_first(running_tasks)
            else:
                await asyncio.sleep(0)
        while running_tasks:
            running_tasks = await _wait_for_first(running_tasks)
    finally:
        for task in running_tasks:
            task.cancel()


async def _wait_for_first(running_tasks: set[asyncio.Future[None]]) -> set[asyncio.Future[None]]:
    """Wait until a task is done, and return the others. Raises what the task raised."""
    finished_tasks, unfinished_tasks = await asyncio.wait(running_tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in finished_tasks:
        task.result()
    return unfinished_tasks
