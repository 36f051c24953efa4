"""What a second worker brings: pages and sites an hour by the clock, and CPU time, with one worker and with two.

`python -m tests.bench.fleet_workers [SITES]`, by default eight, writes tests/bench/results/fleet_workers.json. Sites on
loopback, of a dozen small pages each, are crawled at one request a second by real crawls on a real cluster, with a
store; a worker runs two crawls at once. Both workers are on this machine and share its cores, so what is shown is what
the way of the tasks costs, not what a second machine would bring. CPU time is that of the workers with their crawls.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from broadsheet.crawler.fleet.dask_engine import DaskEngine
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.store_address import make_store
from broadsheet.crawler.fleet.stored_run import StorePlace
from tests.bench.documents.figures import refresh_documents
from tests.bench.load.watch import process_seconds
from tests.crawler.fleet.conftest import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.scripted_site import ScriptedSite, page

RESULTS = Path(__file__).parent / "results" / "fleet_workers.json"
PAGES = 12
_DELAY = 1
_HOUR = 3_600


@contextmanager
def served_sites(count: int) -> Iterator[list[ScriptedSite]]:
    """Sites of a front page and so many articles."""
    sites = [new_site(number) for number in range(count)]
    try:
        yield sites
    finally:
        for site in sites:
            site.close()


def new_site(number: int) -> ScriptedSite:
    """A site whose front page links to all of its articles."""
    site = ScriptedSite()
    paths = [f"/story/{number}/{index}" for index in range(PAGES)]
    site.routes["/"] = page("home", *paths)
    site.routes |= {path: page(f"Story {path}") for path in paths}
    return site


def site_tasks(sites: Sequence[ScriptedSite]) -> list[SiteTask]:
    """A crawl of each site, at one request a second."""
    words = ("--allow-private", "--delay", str(_DELAY), "--no-sitemaps", "--no-feeds", "-q")
    return [
        SiteTask(f"site-{number}", Path(f"site-{number}.db"), (site.url, *words), hosts=(site.url,))
        for number, site in enumerate(sites)
    ]


def measure(worker_count: int, site_count: int, folder: Path) -> dict[str, float]:
    """Crawl so many sites by so many workers; the clock starts when all workers are there."""
    cluster = DaskCluster(free_port(), folder)
    with served_sites(site_count) as sites:
        try:
            pids = started_workers(cluster, worker_count)
            before, started_at = tree_seconds(pids), time.monotonic()
            results = crawl(cluster, sites, folder)
            seconds, cpu_seconds = time.monotonic() - started_at, tree_seconds(pids) - before
        finally:
            cluster.close()
    page_count = sum(result.counts.pages for result in results)
    return {
        "workers": worker_count, "sites": site_count, "pages": page_count, "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1), "cpu_seconds_a_site": round(cpu_seconds / site_count, 2),
        "sites_an_hour": round(site_count * _HOUR / seconds), "pages_an_hour": round(page_count * _HOUR / seconds),
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def started_workers(cluster: DaskCluster, count: int) -> list[int]:
    """Start a scheduler and so many workers; their processes, when all are there."""
    cluster.start_scheduler()
    for _ in range(count):
        cluster.start_worker()
    while len(pids := cluster.worker_pids()) < count:
        time.sleep(0.5)
    return pids


def crawl(cluster: DaskCluster, sites: Sequence[ScriptedSite], folder: Path) -> list[SiteResult]:
    """Run the crawls of all sites, each of which has to end well."""
    address = str(folder / "store")
    place = StorePlace(address, make_store(address), "$MACHINE", wait_seconds=60, per_address=0)
    results: list[SiteResult] = []
    DaskEngine(cluster.address, place).run(site_tasks(sites), results.append)
    assert [result.end for result in results] == [SiteEnd.DONE] * len(sites), results
    return results


def tree_seconds(pids: Sequence[int]) -> float:
    """CPU seconds of processes and of all that they started and that has ended."""
    return sum(process_seconds(pid, with_ended=True) for pid in pids)


def main(site_count: int) -> None:
    """Measure with one worker and with two, print it and write both, and what the second one brought."""
    figures: dict[str, object] = {}
    speeds: list[float] = []
    for worker_count, name in ((1, "one"), (2, "two")):
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = values = measure(worker_count, site_count, Path(folder))
        speeds.append(values["pages_an_hour"])
        print(values)
    figures["efficiency"] = round(speeds[1] / (2 * speeds[0]), 2)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    refresh_documents(RESULTS)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
