"""Crawls on a worker of a Dask cluster: a site by one of them, and the end of what is lost.

A crawl is a process that stops when its worker is gone. A worker that does not hear of its scheduler for a stated time
stops its crawls in good order; what they hold on the scheduler expires later than that.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import dask
from distributed import Semaphore, WorkerPlugin

from ..crawl.processes import Lifeline
from .list_runs import overlap
from .site_task import SiteResult, SiteTask
from .stored_run import CrawlHost, StorePlace, run_task

_LEASE_FACTOR = 2.5  # times the stated time without a scheduler, until its semaphores are given to others
_LOOKS = 6  # at the scheduler, in that time


class _WorkerState:
    """The crawls of this worker process, as its threads share it: runs that are stopped, and crawls under way."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stopped_runs: set[tuple[str, str]] = set()
        self.under_way: Counter[tuple[str, str]] = Counter()
        self.is_lost = False

    def is_stopped(self, place: StorePlace) -> bool:
        """Tell whether the crawls of a run are to stop."""
        return self.is_lost or (place.run, place.identity) in self.stopped_runs

    @contextmanager
    def running(self, place: StorePlace) -> Iterator[None]:
        """Count a crawl for the `with` block."""
        with self.lock:
            self.under_way[place.run, place.identity] += 1
        try:
            yield
        finally:
            with self.lock:
                self.under_way[place.run, place.identity] -= 1


_STATE = _WorkerState()


def run_on_worker(task: SiteTask, place: StorePlace) -> SiteResult | None:
    """Run one task in a thread of the worker; None while a crawl of the site goes on somewhere."""
    with _STATE.lock:
        lifeline = worker_lifeline()
    site = _site_semaphore(place, task.name)
    if not site.acquire(timeout=1):
        return None
    try:
        with _STATE.running(place):
            return run_task(task, place, CrawlHost(lifeline, lambda: _STATE.is_stopped(place)))
    finally:
        with suppress(Exception):  # without a scheduler it expires
            site.release()


def _site_semaphore(place: StorePlace, name: str) -> Any:
    """Return a site's semaphore in the cluster, whose lease outlasts a worker that is not heard of."""
    with dask.config.set({"distributed.scheduler.locks.lease-timeout": f"{_LEASE_FACTOR * place.lost_seconds}s"}):
        return Semaphore(1, f"broadsheet {place.identity} site {name}")  # type: ignore[no-untyped-call]


@cache
def worker_lifeline() -> Lifeline:
    """Return the lifeline of this process. The system closes it, however the process ends."""
    return Lifeline()


def stop_run(place: StorePlace) -> None:
    """Stop the crawls of a run on this worker in good order; run on every worker."""
    _STATE.stopped_runs.add((place.run, place.identity))


def stop_earlier_runs(place: StorePlace) -> int:
    """Stop the crawls of runs that this one took over from, likewise; return how many are still under way."""
    part, store = place.run.partition(" ")[0], place.identity
    with _STATE.lock:
        earlier = {
            (run, identity): count for (run, identity), count in _STATE.under_way.items()
            if count and run != place.run and identity == store and overlap(run.partition(" ")[0], part)
        }  # fmt: skip
    _STATE.stopped_runs.update(earlier)
    return sum(earlier.values())


class CrawlGuard(WorkerPlugin):
    """A plugin of a worker that stops its crawls in good order when it has not heard of its scheduler for a while."""

    name = "broadsheet-crawls"

    def __init__(self, lost_seconds: float) -> None:
        self._lost_seconds = lost_seconds
        self._watching: asyncio.Task[None] | None = None

    async def setup(self, worker: Any) -> None:
        """Begin to watch."""
        _STATE.is_lost = False
        self._watching = asyncio.ensure_future(self._watch(worker))

    async def teardown(self, worker: Any) -> None:
        """Stop the crawls of a worker that ends, as when its scheduler is gone, and wait until they are home."""
        if self._watching:
            self._watching.cancel()
        if not worker.status.name.startswith("clos"):  # another run brings its own guard
            return
        _STATE.is_lost = True
        deadline = time.monotonic() + self._lost_seconds
        while _STATE.under_way.total() and time.monotonic() < deadline:
            await asyncio.sleep(0.2)

    async def _watch(self, worker: Any) -> None:
        pause, heard_at = self._lost_seconds / _LOOKS, time.monotonic()
        while True:
            with suppress(OSError, TimeoutError):  # CommClosedError is an OSError
                await asyncio.wait_for(worker.scheduler.ncores(workers=[]), pause)
                heard_at = time.monotonic()
            _STATE.is_lost = time.monotonic() - heard_at > self._lost_seconds - 2 * pause
            await asyncio.sleep(pause)
