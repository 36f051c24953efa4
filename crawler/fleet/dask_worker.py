"""Crawls on a worker of a Dask cluster: a site by one of them, slots of addresses, and the end of what is lost.

A crawl is a process that stops when its worker is gone. A worker that does not hear of its scheduler for a stated time
stops its crawls in good order; what they hold on the scheduler expires later than that.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import dask
from distributed import Semaphore, WorkerPlugin, get_worker

from ..crawl.processes import Lifeline
from .list_runs import overlap
from .site_task import SiteResult, SiteTask
from .slot_grants import SharedBound, granted_slots
from .stored_run import CrawlHost, StorePlace, run_task

_LEASE_FACTOR = 2.5  # times the stated time without a scheduler, until its semaphores are granted to others
_LOOKS = 6  # at the scheduler, in that time


class _WorkerState:
    """The crawls of this worker process, as its threads share it: runs that are stopped, and crawls under way."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stopped_runs: set[tuple[str, str]] = set()
        self.under_way: Counter[tuple[str, str]] = Counter()
        self.is_lost = False
        self.no_slot_before = 0.0

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


def run_on_worker(task: SiteTask, place: StorePlace, slots_after: float) -> SiteResult | None:
    """Run one task in a thread of the worker; None while a crawl of the site goes on somewhere.

    Slots for addresses are granted so many seconds from now at the earliest.
    """
    with _STATE.lock:
        _STATE.no_slot_before = max(_STATE.no_slot_before, time.monotonic() + slots_after)
        lifeline, slots = worker_lifeline(), worker_slots(replace(place, run=""))
    site = _semaphore(place, f"site {task.name}", 1)
    if not site.acquire(timeout=1):
        return None
    try:
        with _STATE.running(place):
            return run_task(task, place, CrawlHost(lifeline, lambda: _STATE.is_stopped(place), slots))
    finally:
        with suppress(Exception):  # without a scheduler it expires
            site.release()


def _semaphore(place: StorePlace, name: str, leases: int, worker: Any = None) -> Any:
    """Return a semaphore of the cluster, whose leases outlast a worker that is not heard of.

    It is the worker's that is given, else that of the thread's task: other threads know none.
    """
    known = {"scheduler_rpc": worker.scheduler, "loop": worker.loop} if worker else {}
    with dask.config.set({"distributed.scheduler.locks.lease-timeout": f"{_LEASE_FACTOR * place.lost_seconds}s"}):
        return Semaphore(leases, f"broadsheet {place.identity} {name}", **known)  # type: ignore[no-untyped-call]


@cache
def worker_lifeline() -> Lifeline:
    """Return the lifeline of this process. The system closes it, however the process ends."""
    return Lifeline()


@cache
def worker_slots(place: StorePlace) -> Path | None:
    """Grant this process's crawls slots of addresses as long as it lives; return their folder; None without a bound."""
    stack, worker = ExitStack(), _this_worker()
    atexit.register(stack.close)
    return stack.enter_context(granted_slots(place, lambda address: _AddressBound(place, address, worker)))


def _this_worker() -> Any:
    """Return the worker whose task this thread runs; None in any other thread."""
    try:
        return get_worker()
    except ValueError:
        return None


class _AddressBound(SharedBound):
    """The leases that one worker has of an address."""

    def __init__(self, place: StorePlace, address: str, worker: Any) -> None:
        self._semaphore = _semaphore(place, f"address {address}", place.per_address, worker)

    async def acquire(self, timeout: float | None = None) -> bool:
        """Wait for a lease. There is none soon after a restart of the scheduler, which has forgotten those it gave."""
        if _STATE.is_lost or time.monotonic() < _STATE.no_slot_before:
            await asyncio.sleep(1.0)
            return False
        return bool(await asyncio.to_thread(self._semaphore.acquire, timeout))

    async def release(self) -> bool:
        """Give a lease back; tell whether the scheduler knows."""
        try:
            return bool(await asyncio.to_thread(self._semaphore.release))
        except Exception:  # noqa: BLE001 - without a scheduler it expires
            return False


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
