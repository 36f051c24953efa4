"""The worker processes: parsing and cleaning happen off the event loop, bounded in time and memory.

A page that hangs, blows up the parser or kills its worker costs that page only: it comes back as a fault with a
reason, and the worker is replaced.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Future, InvalidStateError
from contextlib import suppress
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

T = TypeVar("T")

PAGE_SECONDS = 60.0
MEMORY_BYTES = 4 * 1024**3


class WorkerError(Exception):
    """A page that could not be worked on; `reason` is worker_timeout, worker_died or worker_error."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Workers:
    """A pool of processes that run pure functions. Close it when done."""

    def __init__(self, count: int, seconds: float = PAGE_SECONDS) -> None:
        self._seconds = seconds
        self._pool = ProcessPool(max_workers=count, initializer=_settle_in, context=_context())
        self._waiting: set[Future[Any]] = set()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function in a worker and return its result; WorkerError if it hangs, dies or fails."""
        future = self._pool.schedule(function, args=list(args), timeout=self._seconds)
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        try:
            result: T = await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise WorkerError("worker_timeout", f"{self._seconds:g} s") from error
        except (ProcessExpired, CancelledError, BrokenExecutor) as error:
            raise WorkerError("worker_died", str(error)) from error
        except MemoryError as error:
            raise WorkerError("worker_error", "out of memory") from error
        except Exception as error:
            raise WorkerError("worker_error", f"{type(error).__name__}: {error}") from error
        return result

    def close(self) -> None:
        """Stop the workers; what they still had to do is given up."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()
        for future in tuple(self._waiting):  # the pool forgets what it had not begun, and its caller would wait forever
            with suppress(InvalidStateError):
                future.set_exception(BrokenExecutor("the workers were stopped"))


def _context() -> Any:
    """Processes that inherit neither our sockets nor our threads."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cleaners.clean", "crawler.discovery"])
    return context


def _settle_in() -> None:
    """A worker leaves Ctrl-C to the crawl, and may not eat the machine's memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
