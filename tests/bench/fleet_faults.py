"""What trouble costs a whole fleet, and that every site ends as in an undisturbed run.

`python -m tests.bench.fleet_faults [--sites 60] [--real NAME ...] [--most-pages 120] [--seed 18]` writes
tests/bench/results/fleet_faults.json. Generated sites, and then sites of the corpus that are named, are crawled on
loopback by a Dask cluster of a scheduler and four workers in processes of their own, with a store in a folder. Workers
are killed with `kill -9` throughout, the scheduler is restarted once, the store is away for ten seconds. Each site is
compared with a run of its own that nobody disturbed. Of a larger real site so many HTML files are served in both runs,
those nearest to the start page. Ends with 1 if anything differs, or if a page was fetched again that was committed and
brought home. With --sites 0, or without --real, the result keeps what it says of the others.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from broadsheet.crawler.fleet.site_lease import LeaseTerms
from broadsheet.crawler.fleet.stored_run import StorePlace
from tests.bench.documents.figures import refresh_documents
from tests.bench.merged_sites import trim
from tests.bench.sites import Site
from tests.crawler.fleet.conftest import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.fleet.troubled_fleet import (
    FleetRun,
    FleetSite,
    Trouble,
    content_differences,
    place_in,
    run_troubled,
    run_undisturbed,
    served_sites,
    stored_archive,
)
from tests.crawler.scripted_site import Seen

RESULTS = Path(__file__).parent / "results" / "fleet_faults.json"
_PAGES = 12
_WORKERS = 4
_TERMS = LeaseTerms(10.0, 2.0)
"""Shorter than a fleet's own, since each kill costs the rest of a lease."""
_KILL_SECONDS = (15.0, 45.0)
_FAULTS = ("requests_after_home", "captures_after_home", "differing_sites", "other_ends")


@contextmanager
def real_sites(names: Sequence[str], most_pages: int) -> Iterator[list[FleetSite]]:
    """Sites of the corpus, of each at most so many HTML files."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield [_real_site(stack.enter_context(Site(name, Path(folder))), most_pages) for name in names]


def _real_site(site: Site, most_pages: int) -> FleetSite:
    trim(site.home / "www", urlsplit(site.start).path, most_pages)
    return logged_site(site)


def logged_site(site: Site) -> FleetSite:
    """A site of the corpus as one of a fleet, which notes its requests."""
    log: list[Seen] = []
    site.server.RequestHandlerClass = _with_log(site.server.RequestHandlerClass, log)
    return FleetSite(site.name, site.start, log)


def _with_log(answers: type[BaseHTTPRequestHandler], log: list[Seen]) -> type[BaseHTTPRequestHandler]:
    """The same answers, each request noted first."""

    class Logged(answers):
        def parse_request(self) -> bool:
            is_request = super().parse_request()
            if is_request:
                log.append(Seen(time.monotonic(), self.path, self.headers))
            return is_request

    return Logged


def measure(sites: Sequence[FleetSite], folder: Path, seed: int) -> dict[str, Any]:
    """Crawl all sites without trouble, then with it; what came of it."""
    quiet_place = place_in(folder / "quiet", str(folder / "quiet-work"), LeaseTerms())
    run_undisturbed(sites, quiet_place, _WORKERS)
    print("undisturbed run is done", flush=True)
    troubled_place = place_in(folder / "troubled", "$MACHINE", _TERMS)
    cluster = DaskCluster(free_port(), folder)

    def set_times(trouble: Trouble) -> None:
        trouble.kill_seconds, trouble.most_kills = _KILL_SECONDS, sys.maxsize
        trouble.restart_at, trouble.away_at = max(2, len(sites) // 6), max(4, len(sites) // 4)

    try:
        cluster.start_scheduler()
        for _ in range(_WORKERS):
            cluster.start_worker()
        run = run_troubled(cluster, sites, troubled_place, seed, set_times)
    finally:
        cluster.close()
    return _compared(sites, (quiet_place, troubled_place), run, folder) | _figures(run, sites)


def _figures(run: FleetRun, sites: Sequence[FleetSite]) -> dict[str, Any]:
    return {
        "sites": len(sites), "workers": _WORKERS, "kills": run.kills, "scheduler_restarts": run.restarts,
        "store_seconds_away": round(run.seconds_away, 1), "seconds": round(run.seconds),
        "states_brought_home": run.states_brought_home, "urls_brought_home": run.urls_brought_home,
        "requests": run.requests, "requests_repeated": run.repeated_requests,
        "requests_after_home": len(run.fetched_after_home), "other_ends": len(run.bad_ends),
        "load": round(os.getloadavg()[0], 1),
        "faults": {"ends": run.bad_ends, "requests_after_home": run.fetched_after_home[:20]},
    }  # fmt: skip


def _compared(
    sites: Sequence[FleetSite], places: tuple[StorePlace, StorePlace], run: FleetRun, folder: Path
) -> dict[str, Any]:
    """Each site of both stores, compared."""
    differing: dict[str, list[str]] = {}
    captured_again: list[str] = []
    articles = 0
    for site in sites:
        quiet, troubled = (
            stored_archive(place, site.name, folder / side) for place, side in zip(places, ("a", "b"), strict=True)
        )
        if lines := [*content_differences(quiet.path, troubled.path), *troubled.findings]:
            differing[site.name] = lines[:5]
        captured_again += troubled.captured_after(run.home_at)
        articles += troubled.article_count
    counts = {"articles": articles, "captures_after_home": len(captured_again), "differing_sites": len(differing)}
    return counts | {"differences": differing}


def main(arguments: argparse.Namespace) -> int:
    """Measure, print and write, the generated sites first."""
    figures: dict[str, Any] = json.loads(arguments.out.read_text("utf-8")) if arguments.out.exists() else {}
    figures["seed"] = arguments.seed
    groups = {"generated": served_sites(arguments.sites, _PAGES)} if arguments.sites else {}
    if arguments.real:
        figures |= {"names": arguments.real, "most_pages": arguments.most_pages}
        groups["real"] = real_sites(arguments.real, arguments.most_pages)
    for group, opened_sites in groups.items():
        with tempfile.TemporaryDirectory() as folder, opened_sites as sites:
            figures[group] = measure(sites, Path(folder), arguments.seed)
        print(json.dumps(figures, indent=1), flush=True)
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if arguments.out == RESULTS:
        refresh_documents(RESULTS)
    return int(any(figures[group][name] for group in groups for name in _FAULTS))


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=60)
    parser.add_argument("--real", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--most-pages", type=int, default=120)
    parser.add_argument("--seed", type=int, default=18)
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(parsed(sys.argv[1:])))
