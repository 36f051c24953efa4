"""Where the CPU of a page goes: the stages of cleaning and storing, timed one page after the other in one process."""

from __future__ import annotations

import pathlib
import pickle
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import broadsheet.cleaners.clean
from broadsheet.cleaners.document import Page
from broadsheet.crawler.crawl.worker_jobs import CrawlPolicy, PageJob, process_page
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.options import CrawlOptions
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import QueuedUrl

BATCH = 16
_WARM_UP = 15  # pages that are worked on before any is timed
_STAGES = {
    "decode": "parse", "parse": "parse", "read_blocks": "blocks",
    "take_first_look": "look", "copy_without_stripped": "trafilatura", "selected_blocks": "trafilatura",
    "read_metadata": "metadata", "read_outlinks": "links", "read_robots_directives": "links",
    "judge": "judge", "assemble": "judge", "page_features": "judge", "page_verdict": "judge",
}  # fmt: skip


def budget(files: list[pathlib.Path], base: str, db: pathlib.Path) -> dict[str, float]:
    """CPU ms a page by stage. `links` and `rows` include what a worker does besides cleaning; `store` is the writer."""
    spent: defaultdict[str, float] = defaultdict(float)
    seed = f"{base}/index.html"
    rules = CrawlPolicy(Scope.from_seeds((seed,)), CrawlOptions((seed,)), "broadsheet").packed()
    for file in files[:: max(1, len(files) // _WARM_UP)]:  # what is loaded once a process is no page's
        _outcome(0, f"{base}/a/{file.name}", file.read_bytes(), rules, spent)
    spent.clear()
    undo = [_timed(name, stage, spent) for name, stage in _STAGES.items() if hasattr(broadsheet.cleaners.clean, name)]
    outcomes = []
    try:
        for number, file in enumerate(files):
            outcomes.append(_outcome(number, f"{base}/a/{file.name}", file.read_bytes(), rules, spent))
    finally:
        for name, function in undo:
            setattr(broadsheet.cleaners.clean, name, function)
    spent["rows"] = spent.pop("work") - sum(spent[stage] for stage in set(_STAGES.values()))
    _store(db, outcomes, spent)
    return {stage: round(1000 * seconds / len(files), 2) for stage, seconds in spent.items()}


def _timed(name: str, stage: str, spent: dict[str, float]) -> tuple[str, Callable[..., Any]]:
    function: Callable[..., Any] = getattr(broadsheet.cleaners.clean, name)

    def timed(*args: Any) -> Any:
        started = time.thread_time()
        try:
            return function(*args)
        finally:
            spent[stage] += time.thread_time() - started

    setattr(broadsheet.cleaners.clean, name, timed)
    return name, function


def _outcome(number: int, url: str, body: bytes, rules: bytes, spent: dict[str, float]) -> Outcome:
    """The outcome of a page, by way of the bytes that cross between processes."""
    now = utc_now()
    queued_url = QueuedUrl(number, url, "127.0.0.1", "page", 1, 0, 0, "link", "", "")
    started = time.thread_time()
    job = PageJob(Page(url, body, "text/html", 200, now), queued_url, _instant(now))
    result = process_page(job, rules)
    spent["work"] += time.thread_time() - started
    started = time.thread_time()
    result = pickle.loads(pickle.dumps(result))
    spent["pipe"] += time.thread_time() - started
    capture = Capture(url, now, 200, url, "text/html", f"sha1:{number}", len(body))
    discovered = result.discovered
    return Outcome(
        url, result.state, result.reason, 200, now, capture, result.page,
        discovered_urls=discovered.rows, outside_links=discovered.outside_hosts,
    )  # fmt: skip


def _instant(text: str) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(text)


def _store(db: pathlib.Path, outcomes: list[Outcome], spent: dict[str, float]) -> None:
    with Archive.open(db) as archive:
        started = time.thread_time()
        for first in range(0, len(outcomes), BATCH):
            archive.save(outcomes[first : first + BATCH])
        spent["store"] = time.thread_time() - started
