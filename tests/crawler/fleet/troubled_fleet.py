"""A whole fleet on loopback in trouble, drawn by a seed: workers are killed, the scheduler restarts, the store is away.

Sites are crawled in two turns: in the first each crawl is cut after `FIRST_SECONDS` and brought home, in the second it
goes on to its end. What the fleet came to is compared with a run of one turn that nobody disturbed.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.fleet.dask_engine import DaskEngine
from broadsheet.crawler.fleet.object_store import Patience, StoreError
from broadsheet.crawler.fleet.site_copies import LocalCopy, fetch_site, fetch_warc_files
from broadsheet.crawler.fleet.site_lease import LeaseTerms, read_site
from broadsheet.crawler.fleet.site_states import fetch_database, read_manifest
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.store_engine import StoreEngine
from broadsheet.crawler.fleet.stored_run import StorePlace
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.raw.warc_files import read_away_files
from broadsheet.output.read.verify import verify
from tests.bench.archives.differences import comparisons
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page

FIRST_SECONDS = 2
"""Of crawling, after which the first turn of a site is cut; the start of the crawl does not count."""
AWAY_SECONDS = 10
COMPARED = ("articles", "article_clusters", "_article_urls", "_blocks", "duplicates", "removed", "urls")
"""What both runs have to agree on: texts and their dates, the ledger, and what became of each URL."""
_WORDS = ("--allow-private", "--delay", "0", "--concurrency", "1", "-q")
_NOT_COMPARED = ("urls.attempts", "articles.capture_id")
"""How often a URL was tried, and whether its article is of the first or the second answer: robots.txt is asked for by
each crawl, and one that was killed before its archive came home fetched some pages that the next fetched too."""
_LOOK_SECONDS = 0.2
_DONE_URLS = "SELECT url FROM urls WHERE state = 'done'"
_CAPTURES = "SELECT url, fetched_at FROM captures"


@dataclass(frozen=True)
class FleetSite:
    """A site to crawl: its name, where it begins, and what its server was asked for."""

    name: str
    start: str
    log: list[Seen]

    def task(self, turn: int, max_seconds: int = 0) -> SiteTask:
        """Its task of a turn, whose words tell it from that of every other turn."""
        limit = ("--max-time", str(max_seconds)) if max_seconds else ()
        words = (self.start, *_WORDS, *limit)
        return SiteTask(self.name, Path(f"{self.name}.db"), words, words_digest=f"turn {turn}", hosts=(self.start,))


def new_site(number: int, pages: int) -> ScriptedSite:
    """A site of articles in two sections; one is there twice, one has moved, one is gone, and all take a moment."""
    site = ScriptedSite()
    paths = [f"/{'news' if index % 2 else 'essays'}/{number}-{index}" for index in range(pages)]
    extra = '<aside class="related"><p>Subscribe to our newsletter</p></aside><footer>All rights reserved.</footer>'
    site.routes["/"] = page("home", *paths, "/moved", "/gone", "/copy")
    for index, path in enumerate(paths):
        text = page(f"story{number}x{index}", paths[(index + 1) % pages], extra=extra)
        site.routes[path] = Reply(text, wait=0.25)
    site.routes["/copy"] = site.routes[paths[0]]
    site.routes["/moved"] = Reply("", 301, {"Location": paths[1]})
    return site


@contextmanager
def served_sites(count: int, pages: int) -> Iterator[list[FleetSite]]:
    """So many sites of so many articles."""
    with ExitStack() as stack:
        servers = [new_site(number, pages) for number in range(count)]
        for server in servers:
            stack.callback(server.close)
        yield [FleetSite(f"site-{number}", f"{server.url}/", server.log) for number, server in enumerate(servers)]


def place_in(folder: Path, work_folder: str, terms: LeaseTerms) -> StorePlace:
    """A store in a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    address = str(folder / "store")
    return StorePlace(address, make_store(address), work_folder, terms, Patience(300, 0.2, 1.0), wait_seconds=300)


class Loop:
    """Does something again and again beside what a test does, from `running()` on until that ends."""

    def __init__(self, name: str) -> None:
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._has_ended.set()
            self._thread.join()

    def _run(self) -> None:
        raise NotImplementedError


class Trouble(Loop):
    """Kills a worker every few seconds until it is told to end; in place of one kill the scheduler is restarted, in
    place of a later one the store goes away for a while."""

    def __init__(self, cluster: DaskCluster, store: Path, seed: int) -> None:
        super().__init__("trouble")
        self._cluster = cluster
        self._store = store
        self._draw = random.Random(seed)
        self.kill_seconds = (5.0, 15.0)
        self.most_kills = 12
        self.restart_at = 2
        self.away_at = 4
        self.kills = 0
        self.restarts = 0
        self.seconds_away = 0.0

    def _run(self) -> None:
        while not self._has_ended.wait(self._draw.uniform(*self.kill_seconds)):
            self._disturb()

    def _disturb(self) -> None:
        if not self.restarts and self.kills >= self.restart_at:
            self._cluster.restart_scheduler()
            self.restarts += 1
        elif not self.seconds_away and self.kills >= self.away_at:
            self._take_store_away()
        elif self.kills < self.most_kills:
            self._kill_one()

    def _kill_one(self) -> None:
        with suppress(CommandError, ProcessLookupError, OSError):
            if pids := self._cluster.worker_pids():
                os.kill(self._draw.choice(pids), signal.SIGKILL)
                self.kills += 1

    def _take_store_away(self) -> None:
        away, started = self._store.with_name("away"), time.monotonic()
        self._store.rename(away)
        self._has_ended.wait(AWAY_SECONDS)
        away.rename(self._store)
        self.seconds_away = time.monotonic() - started


class HomeWatch(Loop):
    """Notes when a URL was first in an archive that the store states: from then on nobody has to fetch it again."""

    def __init__(self, store: Path, sites: Sequence[FleetSite]) -> None:
        super().__init__("watch")
        self._store = store_at(str(store))
        self._names = [site.name for site in sites]
        self._manifests: dict[str, str] = {}
        self.home_at: dict[str, tuple[float, str]] = {}
        """By URL, by the monotonic clock and by that of the archives."""
        self.states = 0

    def _run(self) -> None:
        while not self._has_ended.wait(_LOOK_SECONDS):
            for name in self._names:
                with suppress(StoreError, OSError, sqlite3.Error):
                    self._look(name)

    def _look(self, name: str) -> None:
        key = read_site(self._store, name).manifest
        if not key or self._manifests.get(name) == key:
            return
        with tempfile.TemporaryDirectory() as folder:
            database = Path(folder) / f"{name}.db"
            fetch_database(self._store, read_manifest(self._store, key).database, database)
            with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
                urls = [url for (url,) in db.execute(_DONE_URLS).fetchall()]
        now = (time.monotonic(), utc_now())
        for url in urls:
            self.home_at.setdefault(url, now)
        self._manifests[name] = key
        self.states += 1


@dataclass
class FleetRun:
    """What a troubled run came to."""

    results: dict[str, list[SiteResult]] = field(default_factory=dict)
    seconds: float = 0.0
    kills: int = 0
    restarts: int = 0
    seconds_away: float = 0.0
    states_brought_home: int = 0
    urls_brought_home: int = 0
    requests: int = 0
    repeated_requests: int = 0
    """Requests for a page that some crawl had asked for before, but had not brought home when its worker was killed."""
    fetched_after_home: list[str] = field(default_factory=list)
    """URLs that were fetched once more although they were committed and brought home. Has to stay empty."""
    home_at: Mapping[str, tuple[float, str]] = field(default_factory=dict)

    def note(self, result: SiteResult) -> None:
        """Take a result."""
        self.results.setdefault(result.name, []).append(result)

    @property
    def bad_ends(self) -> list[str]:
        """Sites whose last task did not end well. The first one may have been cut before there was an article."""
        last = [results[-1] for results in self.results.values()]
        return [f"{result.name}: {result.end} {result.message}" for result in last if result.end is not SiteEnd.DONE]


def run_undisturbed(sites: Sequence[FleetSite], place: StorePlace, parallel: int) -> None:
    """Crawl all sites in one turn on this machine, which nobody disturbs."""
    results: list[SiteResult] = []
    StoreEngine(place, parallel).run([site.task(0) for site in sites], results.append)
    assert [result for result in results if result.end is not SiteEnd.DONE] == []
    for site in sites:
        site.log.clear()


def run_troubled(
    cluster: DaskCluster, sites: Sequence[FleetSite], place: StorePlace, seed: int,
    set_times: Callable[[Trouble], None] = lambda trouble: None,
) -> FleetRun:  # fmt: skip
    """Crawl all sites in two turns on a cluster in trouble; `set_times` may change when there is some."""
    run, store = FleetRun(), Path(place.address)
    trouble = Trouble(cluster, store, seed)
    set_times(trouble)
    watch, started = HomeWatch(store, sites), time.monotonic()
    with watch.running(), trouble.running():
        for turn, max_seconds in ((1, FIRST_SECONDS), (2, 0)):
            tasks = [site.task(turn, max_seconds) for site in sites]
            DaskEngine(cluster.address, place, 120.0).run(tasks, run.note)
    run.seconds = time.monotonic() - started
    run.kills, run.restarts, run.seconds_away = trouble.kills, trouble.restarts, trouble.seconds_away
    run.states_brought_home, run.urls_brought_home = watch.states, len(watch.home_at)
    run.requests, run.repeated_requests = _request_count(sites), _repeated_count(sites)
    run.home_at = watch.home_at
    run.fetched_after_home = sorted(asked_again(sites, watch.home_at))
    return run


def _request_count(sites: Sequence[FleetSite]) -> int:
    return sum(len(site.log) for site in sites)


def _repeated_count(sites: Sequence[FleetSite]) -> int:
    counts = Counter((site.name, seen.path) for site in sites for seen in site.log)
    return sum(count - 1 for count in counts.values())


def asked_again(sites: Sequence[FleetSite], home_at: Mapping[str, tuple[float, str]]) -> Iterator[str]:
    """URLs that a server was asked for after they were home."""
    for site in sites:
        for seen in site.log:
            url = urljoin(site.start, seen.path)
            if seen.path != "/robots.txt" and url in home_at and seen.at > home_at[url][0]:
                yield url


@dataclass(frozen=True)
class StoredArchive:
    """A site's archive of a store, on this disk with all of its WARC files, and what `verify` finds in it."""

    path: Path
    findings: tuple[str, ...]

    @property
    def article_count(self) -> int:
        with closing(open_database(self.path, read_only=True)) as db:
            return int(db.execute("SELECT count(*) FROM articles").fetchone()[0])

    def captured_after(self, home_at: Mapping[str, tuple[float, str]]) -> list[str]:
        """URLs of which there is a capture of a time at which they were home already."""
        with closing(open_database(self.path, read_only=True)) as db:
            captures = db.execute(_CAPTURES).fetchall()
        return [
            url for url, fetched_at in captures
            if not url.endswith("/robots.txt") and url in home_at and fetched_at > home_at[url][1]
        ]  # fmt: skip


def stored_archive(place: StorePlace, name: str, folder: Path) -> StoredArchive:
    """Fetch what a store says that a site is."""
    store = store_at(place.address)
    key = read_site(store, name).manifest
    copy = LocalCopy(folder / name, name, place.identity)
    fetch_site(store, read_manifest(store, key), key, copy)
    fetch_warc_files(store, copy.archive, list(read_away_files(copy.archive)))
    with closing(open_database(copy.archive, read_only=True)) as db:
        findings = tuple(problem.detail for problem in verify(db))
    return StoredArchive(copy.archive, findings)


def content_differences(undisturbed: Path, troubled: Path) -> list[str]:
    """What two archives of a site do not agree on, a line each. On which way a URL was found is chance."""
    return [
        f"{compared.relation}.{difference.column} of {difference.row}: {difference.old!r} became {difference.new!r}"
        for compared in comparisons(undisturbed, troubled)
        if compared.relation in COMPARED
        for difference in compared.differences
        if not difference.is_timing and f"{difference.relation}.{difference.column}" not in _NOT_COMPARED
    ]
