"""The worker processes: parsing and cleaning happen off the event loop, bounded in time and memory.

A page that hangs, blows up the parser or kills its worker costs that page only: it comes back as a fault with a
reason, and the worker is replaced.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import resource
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

T = TypeVar("T")

PAGE_SECONDS = 60.0
MEMORY_BYTES = 4 * 1024**3
_GC_THRESHOLD = (20_000, 20, 20)  # a page makes many objects and few cycles: look for those less often
_SLACK = 5.0  # seconds that a time limit may be noticed late
_LOOK = 1.0  # seconds after which a pool that owes a result is looked at
_REPLACED = 5  # pools that may be replaced under one page before it is given up
_SILENCE = 30.0  # seconds beyond the time limit of a page after which a pool without any result is replaced


class WorkerError(Exception):
    """A page that could not be worked on; `reason` is worker_timeout, worker_died or worker_error."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class _ReplacedError(Exception):
    """A pool of workers was replaced by another: its work is to be given to that one."""


class Workers:
    """A pool of processes that run pure functions. Close it when done."""

    def __init__(self, count: int, seconds: float = PAGE_SECONDS) -> None:
        self._seconds = seconds
        self._count = count
        self._closed = False
        self._started = False
        self._pool = self._new_pool()
        self._replaced: list[ProcessPool] = []  # held on to: a worker that is just starting looks for their semaphores
        self._waiting: set[Future[Any]] = set()
        self._answered = time.monotonic()  # when the pool last gave a result, or had nothing to do

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function in a worker and return its result; WorkerError if it hangs, dies or fails.

        What another cause may have ended, such as the machine's want of memory, is tried once more.
        """
        tries = replaced = 0
        while True:
            started = time.monotonic()
            try:
                return await self._once(function, args)
            except _ReplacedError as error:
                replaced += 1
                if self._closed or replaced > _REPLACED:
                    raise WorkerError("worker_died", str(error)) from error
            except WorkerError as error:
                tries += 1
                innocent = _may_be_innocent(error.reason, time.monotonic() - started, self._seconds)
                if self._closed or tries > 1 or not innocent:
                    raise

    async def _once(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        if not self._started:  # the first process imports what all others inherit, and the loop is not to wait for that
            self._started = await asyncio.to_thread(_is_active, self._pool)
        pool = self._working_pool()
        waiting = asyncio.wrap_future(self._begin(pool, function, args))
        while not (await asyncio.wait({waiting}, timeout=_LOOK))[0]:
            self._working_pool()
        self._answered = time.monotonic()
        try:
            result: T = waiting.result()
        except TimeoutError as error:
            raise WorkerError("worker_timeout", f"{self._seconds:g} s") from error
        except ProcessExpired as error:  # it may have died with the lock of the pool's pipe in its hand
            self._replace(pool)
            raise WorkerError("worker_died", str(error)) from error
        except (CancelledError, BrokenProcessPool) as error:
            raise _ReplacedError(str(error)) from error
        except MemoryError as error:
            raise WorkerError("worker_error", "out of memory") from error
        except _ReplacedError:
            raise
        except Exception as error:
            raise WorkerError("worker_error", f"{type(error).__name__}: {error}") from error
        return result

    def close(self) -> None:
        """Stop the workers; what they still had to do is given up."""
        self._closed = True
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()
        self._give_up()

    def _begin(self, pool: ProcessPool, function: Callable[..., T], args: tuple[Any, ...]) -> Future[T]:
        """Give the pool its work. The future is ours: the pool may no longer touch it when it is given up."""
        try:
            theirs = pool.schedule(function, args=list(args), timeout=self._seconds)
        except RuntimeError as error:
            raise _ReplacedError(str(error)) from error
        ours: Future[T] = Future()
        theirs.add_done_callback(partial(_pass_on, ours))
        self._answered = self._answered if self._waiting else time.monotonic()
        self._waiting.add(ours)
        ours.add_done_callback(self._waiting.discard)
        return ours

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(max_workers=self._count, initializer=_settle_in, context=_context())

    def _working_pool(self) -> ProcessPool:
        """The pool, in place of one that gave up, as it does when an idle worker is killed, or has long been silent."""
        silent = bool(self._waiting) and time.monotonic() - self._answered > self._seconds + _SILENCE
        if silent or not self._pool.active:
            self._replace(self._pool)
        return self._pool

    def _replace(self, broken: ProcessPool) -> None:
        if self._closed or broken is not self._pool:
            return
        self._pool = self._new_pool()
        self._replaced.append(broken)
        broken.stop()  # type: ignore[no-untyped-call]
        threading.Thread(target=broken.join, daemon=True).start()
        self._answered = time.monotonic()
        self._give_up()

    def _give_up(self) -> None:
        """End the wait for results that will not come."""
        for future in tuple(self._waiting):
            with suppress(InvalidStateError):
                future.set_exception(_ReplacedError("the workers were stopped"))


def _is_active(pool: ProcessPool) -> bool:
    """Whether a pool works; one that has not begun begins."""
    return bool(pool.active)


def _may_be_innocent(reason: str, took: float, limit: float) -> bool:
    """Whether the machine may be at fault: a killed worker, or a time limit that a stop or the clock overran."""
    if reason == "worker_timeout":
        return not -_SLACK <= took - limit <= _SLACK
    return reason == "worker_died"


def _pass_on(ours: Future[Any], theirs: Future[Any]) -> None:
    with suppress(InvalidStateError):
        if theirs.cancelled():
            ours.set_exception(_ReplacedError("cancelled"))
        elif (error := theirs.exception()) is not None:
            ours.set_exception(error)
        else:
            ours.set_result(theirs.result())


def _context() -> Any:
    """Processes that inherit neither our sockets nor our threads."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crawler.work"])
    return context


def _settle_in() -> None:
    """A worker leaves Ctrl-C to the crawl, and may not eat the machine's memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)
