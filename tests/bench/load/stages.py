"""Where the CPU of a page goes: the stages of cleaning and storing, timed one page after the other in one process."""

from __future__ import annotations

import functools
import gc
import pathlib
import pickle
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from broadsheet.cleaners.document import Page
from broadsheet.crawler.crawl.worker_jobs import CrawlPolicy, PageJob, process_page
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.workers.worker import GC_THRESHOLD
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import QueuedUrl
from tests.call_budget import stage_functions

BATCH = 16
_WARM_UP = 15  # pages that are worked on before any is timed
WORKER, PIPE, STORE, SETTLE = "the rest of a worker", "pipe", "store", "settle"


class _Clock:
    """CPU time of a thread by stage. What a stage calls of another counts for that other alone."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._last = time.thread_time()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._count()
        self._open.append(name)
        try:
            yield
        finally:
            self._count()
            self._open.pop()

    def _count(self) -> None:
        now = time.thread_time()
        if self._open:
            self.spent[self._open[-1]] += now - self._last
        self._last = now


def budget(files: list[pathlib.Path], base: str, db: pathlib.Path) -> dict[str, float]:
    """CPU ms a page by stage of `tests.call_budget`, and for what a worker does besides, the writer and settling."""
    clock = _Clock()
    seed = f"{base}/index.html"
    rules = CrawlPolicy(Scope.from_seeds((seed,)), CrawlOptions((seed,)), "broadsheet").packed()
    for file in files[:: max(1, len(files) // _WARM_UP)]:  # what is loaded once a process is no page's
        _outcome(0, f"{base}/a/{file.name}", file.read_bytes(), rules, clock)
    clock.spent.clear()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
    outcomes = []
    with ExitStack() as undone:
        for stage, function in stage_functions():
            _time_everywhere(function, stage, clock, undone)
        for number, file in enumerate(files):
            outcomes.append(_outcome(number, f"{base}/a/{file.name}", file.read_bytes(), rules, clock))
    _store(db, outcomes, clock)
    return {stage: round(1000 * seconds / len(files), 2) for stage, seconds in clock.spent.items()}


def _time_everywhere(function: Callable[..., Any], stage: str, clock: _Clock, undone: ExitStack) -> None:
    """Put a timed function in place of another, under each name that a module has for it."""

    @functools.wraps(function)
    def timed(*args: Any, **named: Any) -> Any:
        with clock.stage(stage):
            return function(*args, **named)

    for module in [module for name, module in sys.modules.items() if name.startswith("broadsheet.")]:
        for name in [name for name, value in vars(module).items() if value is function]:
            undone.enter_context(mock.patch.object(module, name, timed))


def _outcome(number: int, url: str, body: bytes, rules: bytes, clock: _Clock) -> Outcome:
    """The outcome of a page, by way of the bytes that cross between processes."""
    now = utc_now()
    queued_url = QueuedUrl(number, url, "127.0.0.1", "page", 1, 0, 0, "link", "", "")
    job = PageJob(Page(url, body, "text/html", 200, now), queued_url, _instant(now))
    with clock.stage(WORKER):
        result = process_page(job, rules)
    with clock.stage(PIPE):
        result = pickle.loads(pickle.dumps(result))
    capture = Capture(url, now, 200, url, "text/html", f"sha1:{number}", len(body))
    discovered = result.discovered
    return Outcome(
        url, result.state, result.reason, 200, now, capture, result.page,
        discovered_urls=discovered.rows, outside_links=discovered.outside_hosts,
    )  # fmt: skip


def _instant(text: str) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(text)


def _store(db: pathlib.Path, outcomes: list[Outcome], clock: _Clock) -> None:
    with Archive.open(db) as archive:
        with clock.stage(STORE):
            for first in range(0, len(outcomes), BATCH):
                archive.save(outcomes[first : first + BATCH])
        with clock.stage(SETTLE):
            settle(archive.db)
