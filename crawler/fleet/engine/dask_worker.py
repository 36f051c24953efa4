"""What a Dask worker runs: a task of a fleet, whose crawl stops when the worker's process is gone."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

from broadsheet.crawler.fleet.engine.address_grants import granted_folder
from broadsheet.crawler.fleet.site_task import SiteResult, SiteTask
from broadsheet.crawler.fleet.store.task_in_store import StorePlace, run_task
from broadsheet.crawler.session.lifeline import Lifeline

_stopped_turns: set[str] = set()
_lock = threading.Lock()


def run_on_worker(task: SiteTask, store_place: StorePlace, turn: str) -> SiteResult:
    """Run one task of a turn, in a thread of the worker."""
    with _lock:
        lifeline = worker_lifeline()
        grants = address_grants(store_place.per_address)
    return run_task(task, store_place, lifeline, lambda: turn in _stopped_turns, grants)


@cache
def worker_lifeline() -> Lifeline:
    """The lifeline of this process. Nobody closes it: the system does, however the process ends."""
    return Lifeline()


@cache
def address_grants(per_address: int) -> Path | None:
    """Where the crawls of this process find the slots that the scheduler grants it; None without a bound."""
    from distributed import get_worker

    return granted_folder(get_worker(), per_address) if per_address else None


def stop_turn(turn: str) -> None:
    """Have the crawls of a turn on this worker stop in good order; run on every worker."""
    _stopped_turns.add(turn)
