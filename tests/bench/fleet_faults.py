"""A fleet on a Dask cluster in trouble, and that every site ends as in an undisturbed run.

`python -m tests.bench.fleet_faults [--sites 60] [--real NAME ...] [--most-pages 10] [--seed 18] [--seconds 1500]`
writes tests/bench/results/fleet_faults.json. Generated sites and sites of the corpus are crawled on loopback by
`broadsheet fleet run` on four workers of a Dask cluster, over an S3 server. Two have clocks that are an hour wrong, one
is of a newer version. Workers and the process that runs the list are killed at random, and whoever asks before and
after each act of the store's protocol; the scheduler is killed once. For a while the store is full, read-only, away,
away in the middle of an upload, and strict about clocks. Each site has three turns on the same disks. Then what is left
of them is run without trouble. Ends with 1 if a site differs, or anything else that is counted as a fault.
"""

import argparse
import html
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote, unquote, urljoin, urlsplit

from broadsheet.crawler.fleet.site_head import read_head
from broadsheet.crawler.fleet.site_states import read_manifest, state_prefix
from broadsheet.crawler.fleet.store_address import store_at
from tests.bench.documents.figures import refresh_documents
from tests.bench.figures import write_figures
from tests.bench.load.site import free_port
from tests.bench.sites import Site
from tests.crawler.fleet.faulty_s3 import ACTS, SIDES, FaultyS3, KillAims
from tests.crawler.fleet.s3_server import SECRET, S3Server, running_s3_server
from tests.crawler.fleet.troubled_fleet import (
    ADDRESS,
    RUNNER,
    Event,
    FleetSite,
    Timetable,
    TroubledFleet,
    as_the_newer_version,
    asked_again,
    content_differences,
    home_times,
    make_newer_version,
    served_sites,
    skewed,
    stored_archive,
    usual_events,
)
from tests.crawler.scripted_site import Seen
from tests.crawler.shell import environment
from tests.crawler.warm import PATIENCE

RESULTS = Path(__file__).parent / "results" / "fleet_faults.json"
_PAGES = 8
_TURNS = 3
_LOST_SECONDS = 20.0
_ACT_SECONDS, _KILL_SECONDS = (9.0, 20.0), (40.0, 80.0)
_BY_DESIGN = ("articles.cleaner_version of ", "urls._revisit_seconds of ")
"""What differs where one worker has a later cleaner, and where clocks differ by an hour."""
_FAULTS = (
    "differing_sites", "fetched_after_home", "tracebacks", "secrets", "findings", "not_done",
)  # fmt: skip


@contextmanager
def small_real_sites(site_names: Sequence[str], most_pages: int) -> Iterator[list[FleetSite]]:
    """Real sites, of each the start page and at most so many pages that have an article."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sites = [stack.enter_context(Site(name, Path(folder))) for name in site_names]
        for site in sites:
            make_small(site, most_pages)
        yield [logged_site(site) for site in sites]


def make_small(site: Site, most_pages: int) -> None:
    """Remove all other pages and feeds, and links to them; the start page gets a link to each page that stays."""
    www, start = site.home / "www", urlsplit(site.start).path
    paths = [row["path"] for row in site.truth if _page_file(www, row["path"]).is_file()][:most_pages]
    kept = {_page_file(www, path) for path in (start, *paths)}
    for file in list(www.rglob("*")):
        if file.is_file() and file not in kept and file.suffix not in _PAGE_PARTS:
            file.unlink()
    for file in kept:
        base = f"/{file.relative_to(www).as_posix()}"

        def link(match: re.Match[bytes], base: str = base) -> bytes:
            path = urlsplit(urljoin(base, match[2].decode("utf-8", "replace"))).path
            return match[0] if _page_file(www, path).is_file() else b"href=" + match[1] + b"#"

        file.write_bytes(_LINK.sub(link, file.read_bytes()))
    links = "".join(f'<p><a href="{quote(path)}">{html.escape(path)}</a></p>' for path in paths)
    start_file = _page_file(www, start)
    head, end, tail = start_file.read_bytes().rpartition(b"</body>")
    start_file.write_bytes(head + links.encode() + end + tail if end else tail + links.encode())


_LINK = re.compile(rb"""href=(["']?)([^"'\s>]+)""", re.IGNORECASE)
_PAGE_PARTS = {".css", ".js", ".png", ".jpg", ".svg", ".gif"}


def _page_file(www: Path, path: str) -> Path:
    file = www / unquote(path).strip("/")
    return file / "index.html" if file.is_dir() else file


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


def crawl_undisturbed(sites: Sequence[FleetSite], folder: Path) -> Path:
    """Crawl all sites beside the list, and look at them again; return the folder of the archives."""
    fleet = TroubledFleet(sites, folder, _LOST_SECONDS)
    words = [sys.executable, "-m", "broadsheet.crawler.cli", "fleet", "run", str(fleet.list), "--parallel", "3", "-q"]
    for _ in range(_TURNS):
        subprocess.run([*words, "--all"], env=environment(), cwd=folder, check=True)
    for site in sites:
        site.log.clear()
    return folder / "archives"


class Proof:
    """A troubled run of sites over a bucket, and what it came to."""

    def __init__(self, sites: Sequence[FleetSite], folder: Path, options: argparse.Namespace) -> None:
        self._sites = sites
        self._folder = folder
        self._options = options
        self._fleet = TroubledFleet(sites, folder / "troubled", _LOST_SECONDS)
        self._aims = KillAims(random.Random(options.seed), _ACT_SECONDS)
        self._newer = make_newer_version(folder / "newer")
        self._first_turn_end = math.inf
        self._machines = {"plain": {}, "ahead": skewed(1), "behind": skewed(-1), "newer": self._newer}

    def run(self, server: S3Server, quiet: Path) -> dict[str, Any]:
        """Crawl the sites in trouble, without it to the end, and look at what is left."""
        faulty = FaultyS3(server, self._fleet.kill, self._aims)
        self._fleet.faulty = faulty
        try:
            with faulty.running():
                figures = self._crawl(faulty)
                with as_the_newer_version():
                    return figures | self._checked(faulty, quiet)
        finally:
            self._fleet.close()

    def _crawl(self, faulty: FaultyS3) -> dict[str, Any]:
        seed, most_seconds = self._options.seed, self._options.seconds
        cluster = self._fleet.cluster
        unit = most_seconds / 8
        kill_scheduler = Event(5 * unit, 0.0, cluster.restart_scheduler, lambda: None)
        names = (RUNNER, *self._machines)
        events = [*usual_events(faulty, unit), kill_scheduler]
        timetable = Timetable(self._fleet, random.Random(seed + 1), events, _KILL_SECONDS, names)
        self._fleet.start(self._machines)
        started = time.monotonic()
        with timetable.running():
            turns = self._take_turns(started + most_seconds, {})
        seconds, undone = time.monotonic() - started, self._fleet.undone(self._sites)
        self._aims.left.clear()
        print(f"{turns} troubled turns are done after {seconds:.0f} s, but for {undone}", flush=True)
        if undone:
            self._fleet.close()
            self._fleet.start(dict.fromkeys(self._machines, self._newer))
            turns = self._take_turns(started + 3 * most_seconds, self._newer, turns)
        return {
            "seconds": round(seconds), "turns": turns, "done_in_trouble": len(self._sites) - len(undone),
            "not_done": len(self._fleet.undone(self._sites)), "undone": self._fleet.undone(self._sites),
            "kills_at_acts": self._aims.met.total(), "random_kills": timetable.random_kills,
            "kills": dict(self._fleet.kills), "scheduler_kills": int(timetable.events_left == 0),
            "events_left": timetable.events_left, "codes": dict(self._fleet.codes),
        }  # fmt: skip

    def _take_turns(self, deadline: float, special: Mapping[str, str], turns: int = 0) -> int:
        """Run the list until each site has had its turns, or the time is up; return how many turns all have had."""
        while left := self._fleet.undone(self._sites):
            if time.monotonic() > deadline:
                return turns
            self._fleet.tend(special, [line.partition(":")[0] for line in left])
            time.sleep(0.2)
        self._first_turn_end = min(self._first_turn_end, time.monotonic())
        if turns + 1 == _TURNS:
            return _TURNS
        self._fleet.begin_turn()
        return self._take_turns(deadline, special, turns + 1)

    def _checked(self, faulty: FaultyS3, quiet: Path) -> dict[str, Any]:
        """What the store, the machines and the sites' servers say once it is over, read as the newer version does."""
        home_at, store = home_times(faulty), store_at(ADDRESS)
        again = sorted(set(asked_again(self._sites, home_at, self._first_turn_end)))
        command = self._fleet.command("verify", str(self._fleet.list), "--store", ADDRESS, special=self._newer)
        findings = (command.communicate(timeout=5 * PATIENCE)[0] or b"").decode()
        differing: dict[str, list[str]] = {}
        strays, articles = 0, 0
        for site in self._sites:
            head = read_head(store, site.name)
            named = {head.manifest, *read_manifest(store, head.manifest).keys}
            strays += len(set(store.keys(state_prefix(site.name))) - named)
            stored = stored_archive(store, site.name, self._folder / "read")
            articles += stored.article_count
            lines = [*content_differences(quiet / f"{site.name}.db", stored.path), *stored.findings]
            if lines := [line for line in lines if not line.startswith(_BY_DESIGN)]:
                differing[site.name] = lines[:5]
        acts = {name: [self._aims.met[name, side] for side in SIDES] for name in ACTS}
        counts = Counter((site.name, seen.path) for site in self._sites for seen in site.log)
        logs = [path.read_text("utf-8", "replace") for path in self._fleet.folder.glob("*.log")]
        return {
            "acts": acts, "articles": articles, "states": len(faulty.stated), "urls_home": len(home_at),
            "requests": counts.total(), "requests_repeated": sum(count - 1 for count in counts.values()),
            "fetched_after_home": len(again), "strays": strays, "findings": int(bool(findings.strip())),
            "tracebacks": sum(text.count("broadsheet/crawler") for text in logs if "Traceback" in text),
            "secrets": self._secrets(), "differing_sites": len(differing), "refusals": dict(faulty.refusals),
            "details": {"again": again[:20], "findings": findings[:2000], "differing": differing},
        }  # fmt: skip

    def _secrets(self) -> int:
        files = [path for path in self._fleet.folder.rglob("*") if path.is_file()]
        return sum(SECRET.encode() in path.read_bytes() for path in files)


def main(options: argparse.Namespace) -> int:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        sites = stack.enter_context(served_sites(options.sites, _PAGES))
        sites += stack.enter_context(small_real_sites(options.real, options.most_pages))
        quiet = crawl_undisturbed(sites, folder / "quiet")
        print("undisturbed run is done", flush=True)
        server = stack.enter_context(running_s3_server(free_port()))
        stack.enter_context(mock.patch.dict(os.environ, server.environment))
        figures = Proof(sites, folder, options).run(server, quiet)
    figures |= {"generated": options.sites, "real": len(options.real), "seed": options.seed}
    figures |= {"load": round(os.getloadavg()[0], 1)}
    write_figures(options.out, figures)
    print(json.dumps(figures, indent=1), flush=True)
    if options.out == RESULTS:
        refresh_documents(RESULTS)
    return int(any(figures[name] for name in _FAULTS))


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=60)
    parser.add_argument("--real", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--most-pages", type=int, default=10)
    parser.add_argument("--seed", type=int, default=18)
    parser.add_argument("--seconds", type=float, default=1500.0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(parsed(sys.argv[1:])))
