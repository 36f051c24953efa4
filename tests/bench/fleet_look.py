"""Requests and CPU time of a worker that looks for what is due, and requests of a site's turn in a store.

`python -m tests.bench.fleet_look [SITES...]`, by default 1,000 and 5,000, writes tests/bench/results/fleet_look.json.
The store is a folder; each site has a record of a turn that was just finished, so that nothing is due. A turn is one of
a site that has been crawled before, with a crawl that stores a page at once, and without a heartbeat.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from broadsheet.crawler.crawl.processes import Lifeline
from broadsheet.crawler.fleet import stored_run
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.pulled_sites import DueSites
from broadsheet.crawler.fleet.site_lease import LeaseTerms, LeaseWatch, acquire
from broadsheet.crawler.fleet.site_records import next_record, record_values
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.sites_file import Site, SiteList
from broadsheet.crawler.fleet.store_address import make_store
from broadsheet.crawler.fleet.stored_run import CrawlHost, StorePlace, run_task
from tests.bench.documents.figures import refresh_documents
from tests.crawler.fleet.sites import store_pages

RESULTS = Path(__file__).parent / "results" / "fleet_look.json"
_DAY = 86_400.0
_KINDS = {
    "reads": ("read_record", "chunks", "length"), "puts": ("put_file", "put_bytes"),
    "conditional_puts": ("replace_record",), "lists": ("keys",), "deletes": ("delete",),
}  # fmt: skip


class CountingStore:
    """A store that counts what it is asked, by method."""

    def __init__(self, folder: Path) -> None:
        self._store = FolderStore(folder)
        self.address = self._store.address
        self.counts: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        self.counts[name] += 1
        return getattr(self._store, name)  # type: ignore[no-any-return]


def measure_look(count: int, folder: Path) -> dict[str, float]:
    """A worker's looks at so many sites: the first one, and one a while later."""
    make_store(str(folder))
    store = CountingStore(folder)
    sites = tuple(
        Site(f"site-{number}", (), (f"{number}.example",), (), _DAY, (), (), (), "words") for number in range(count)
    )
    for site in sites:
        write_record(store, site.name)
    store.counts.clear()
    source = DueSites(SiteList(Path("sites.toml"), folder, 0, 4, sites), sites, store, LeaseWatch(LeaseTerms()))  # type: ignore[arg-type]
    figures: dict[str, float] = {"sites": count}
    for name in ("first", "later"):
        started, before, source._next_look = time.process_time(), store.counts.total(), 0.0
        assert source.take() == ()
        figures |= {
            f"{name}_requests": store.counts.total() - before,
            f"{name}_seconds": round(time.process_time() - started, 2),
        }
    assert source.is_over()
    return figures


def write_record(store: CountingStore, name: str) -> None:
    """Have a site's turn end now."""
    lease = acquire(store, name, "somebody")  # type: ignore[arg-type]
    task = SiteTask(name, Path("a.db"), (), every=_DAY, words_digest="words", turn_at=datetime.now(UTC).isoformat())
    record = next_record(task, SiteResult(name, SiteEnd.DONE, 0, Path("a.db")), None, "somebody", 1)
    lease.note(turn=record_values(record))
    lease.release()


def measure_turn(folder: Path) -> dict[str, int]:
    """Requests of one turn of a site that was crawled before."""
    store = CountingStore(folder / "store")
    place = StorePlace(str(folder / "store"), make_store(str(folder / "store")), str(folder / "work"), per_address=0)
    task = SiteTask("lamp", Path("lamp.db"), (), every=_DAY, words_digest="words")
    pages = iter(("one", "two"))

    def crawl(task: SiteTask, *_words: object) -> SiteResult:
        store_pages(task.archive, [next(pages)])
        return SiteResult(task.name, SiteEnd.DONE, 0, task.archive)

    lifeline = Lifeline()
    with (
        mock.patch.object(stored_run, "run_site", crawl),
        mock.patch.object(stored_run, "store_at", return_value=store),
    ):
        for after in (0, 1):
            store.counts.clear()
            result = run_task(replace(task, after=after), place, CrawlHost(lifeline, lambda: False))
            assert result.end is SiteEnd.DONE, result
    lifeline.close()
    return {kind: sum(store.counts[name] for name in names) for kind, names in _KINDS.items()}


def main(counts: list[int]) -> None:
    """Measure, print and write."""
    looks = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            looks.append(measure_look(count, Path(folder) / "store"))
        print(looks[-1])
    with tempfile.TemporaryDirectory() as folder:
        turn = measure_turn(Path(folder))
    print(turn)
    RESULTS.write_text(json.dumps({"looks": looks, "turn": turn}, indent=1) + "\n", "utf-8")
    refresh_documents(RESULTS)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000, 5_000])
