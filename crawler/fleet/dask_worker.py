"""Crawls on a worker of a Dask cluster: a site by one of them, and the end of what is lost.

A crawl is a process that stops when its worker is gone. A worker that does not hear of its scheduler for a stated time
stops its crawls in good order; what they hold on the scheduler expires later than that.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dask
from distributed import Semaphore, WorkerPlugin

from ..crawl.processes import Lifeline
from .list_runs import overlap
from .site_processes import PageCounter
from .site_task import SiteResult, SiteTask
from .stored_run import CrawlHost, StorePlace, run_task

_LEASE_FACTOR = 2.5  # times the stated time without a scheduler, until its semaphores are given to others
_LOOKS = 6  # at the scheduler, in that time
_TELL_SECONDS = 5.0  # between two messages of how many pages the crawls have


@dataclass(frozen=True, slots=True)
class Crawl:
    """A crawl on this worker: the run and the store that it is of, the site, and the file that it writes."""

    run: str
    store: str
    site: str
    archive: Path


class _WorkerState:
    """The crawls of this worker process, as its threads share it: runs that are stopped, and crawls under way."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stopped_runs: set[tuple[str, str]] = set()
        self.crawls: set[Crawl] = set()
        self.is_lost = False
        self.counter = PageCounter()

    def is_stopped(self, place: StorePlace) -> bool:
        """Tell whether the crawls of a run are to stop."""
        return self.is_lost or (place.run, place.identity) in self.stopped_runs

    @contextmanager
    def running(self, task: SiteTask, place: StorePlace) -> Iterator[None]:
        """Count a crawl among those under way for the `with` block."""
        crawl = Crawl(place.run, place.identity, task.name, place.copy(task.name).archive)
        with self.lock:
            self.crawls.add(crawl)
        try:
            yield
        finally:
            with self.lock:
                self.crawls.discard(crawl)

    def pages(self) -> Mapping[str, Mapping[str, int]]:
        """Return the pages that the crawls have by now, by store and site."""
        pages: dict[str, dict[str, int]] = {}
        for crawl in self.crawls.copy():
            pages.setdefault(crawl.store, {})[crawl.site] = self.counter.count(crawl.archive)
        return pages


_STATE = _WorkerState()


def run_on_worker(task: SiteTask, place: StorePlace) -> SiteResult | None:
    """Run one task in a thread of the worker; None while a crawl of the site goes on somewhere."""
    with _STATE.lock:
        lifeline = worker_lifeline()
    site = _site_semaphore(place, task.name)
    if not site.acquire(timeout=1):
        return None
    try:
        with _STATE.running(task, place):
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
    part = place.run.partition(" ")[0]
    earlier = [
        (crawl.run, crawl.store) for crawl in _STATE.crawls.copy()
        if crawl.run != place.run and crawl.store == place.identity and overlap(crawl.run.partition(" ")[0], part)
    ]  # fmt: skip
    _STATE.stopped_runs.update(earlier)
    return len(earlier)


def pages_topic(store: str) -> str:
    """Return the topic under which workers tell the pages of the crawls for a store."""
    return f"broadsheet-pages-{store}"


class CrawlGuard(WorkerPlugin):
    """A plugin of a worker that tells how many pages its crawls have.

    It stops them in good order when it has not heard of its scheduler for a while.
    """

    name = "broadsheet-crawls"

    def __init__(self, lost_seconds: float) -> None:
        self._lost_seconds = lost_seconds
        self._beside: list[asyncio.Task[None]] = []

    async def setup(self, worker: Any) -> None:
        """Begin to watch."""
        _STATE.is_lost = False
        self._beside = [asyncio.ensure_future(work(worker)) for work in (self._watch, self._tell_pages)]

    async def teardown(self, worker: Any) -> None:
        """Stop the crawls of a worker that ends, as when its scheduler is gone, and wait until they are home."""
        for each in self._beside:
            each.cancel()
        if not worker.status.name.startswith("clos"):  # another run brings its own guard
            return
        _STATE.is_lost = True
        deadline = time.monotonic() + self._lost_seconds
        while _STATE.crawls and time.monotonic() < deadline:
            await asyncio.sleep(0.2)

    async def _tell_pages(self, worker: Any) -> None:
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            for store, pages in (await asyncio.to_thread(_STATE.pages)).items():
                with suppress(OSError):
                    worker.log_event(pages_topic(store), dict(pages))

    async def _watch(self, worker: Any) -> None:
        pause, heard_at = self._lost_seconds / _LOOKS, time.monotonic()
        while True:
            with suppress(OSError, TimeoutError):  # CommClosedError is an OSError
                await asyncio.wait_for(worker.scheduler.ncores(workers=[]), pause)
                heard_at = time.monotonic()
            _STATE.is_lost = time.monotonic() - heard_at > self._lost_seconds - 2 * pause
            await asyncio.sleep(pause)
