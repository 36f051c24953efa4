"""A fleet on a Dask cluster in trouble that is drawn by a seed, as a user starts it, over a bucket behind a proxy.

Four workers are machines of their own, which are folders. The first has nothing special, the clocks of the next two
are an hour ahead and an hour behind, and the last runs a newer version of Broadsheet, whose states the others cannot
read. Workers, the process that runs the list, and the scheduler are killed; whoever was killed is started again.
"""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock
from urllib.parse import urljoin

from broadsheet.crawler.fleet import site_head
from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.site_copies import LocalCopy, fetch_copy, fetch_warc_files
from broadsheet.crawler.fleet.site_head import read_head
from broadsheet.crawler.fleet.site_states import fetch_database, parse_manifest
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_files import read_away_files
from broadsheet.output.read.verify import verify
from tests.bench.archives.differences import comparisons
from tests.bench.load.site import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.fleet.faulty_s3 import FaultyS3, KeptObjects
from tests.crawler.fleet.s3_server import BUCKET
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page
from tests.crawler.shell import environment
from tests.crawler.warm import REPOSITORY

PREFIX = "fleet"
ADDRESS = f"s3://{BUCKET}/{PREFIX}"
RUNNER = "runner"
_FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
_PAUSE = 1.0  # until the run is started again
COMPARED = ("articles", "article_urls", "blocks", "removed", "urls")
"""What both runs have to agree on: texts and their dates, the ledger, and what became of each URL."""
_NOT_COMPARED = ("urls.attempts", "articles.capture_id")
"""How often a URL was tried, and whether its article is of the first or the second answer: robots.txt is asked for by
each crawl, and one that was killed before its archive came home fetched some pages that the next fetched too."""
_LIST = """
[fleet]
per-address = 0
[defaults]
allow-private = true
delay = 0
concurrency = 1
"""
_PROGRAM = """
from broadsheet.crawler.cli import main
from broadsheet.crawler.fleet import list_runs
from broadsheet.crawler.fleet.stored_run import StorePlace
StorePlace.__init__.__defaults__ = (*StorePlace.__init__.__defaults__[:-2], 2.0, {lost_seconds})
list_runs._RENEW_SECONDS = 2.0
main()
"""
"""The program, with states saved every two seconds."""
_DONE_URLS = "SELECT url FROM urls WHERE state = 'done'"
_CAPTURES = "SELECT url, fetched_at FROM captures"


@dataclass(frozen=True)
class FleetSite:
    """A site to crawl: its name, where it begins, and what its server was asked for."""

    name: str
    start: str
    log: list[Seen]


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


def skewed(hours: int) -> dict[str, str]:
    """Variables that set a process's clock so many hours ahead. FileNotFoundError without libfaketime."""
    libraries = sorted(Path("/").glob(_FAKETIME.lstrip("/")))
    if not libraries:
        raise FileNotFoundError("libfaketime is not installed: apt-get install libfaketime")
    return {"LD_PRELOAD": str(libraries[0]), "FAKETIME": f"{hours:+d}h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def make_newer_version(folder: Path) -> dict[str, str]:
    """Make a copy of the package whose states have a format one higher; return variables that let a process run it."""
    package = folder / "broadsheet"
    shutil.copytree(REPOSITORY / "broadsheet", package, ignore=shutil.ignore_patterns("__pycache__"))
    _raise_number(package / "crawler/fleet/site_head.py", r"^FORMAT = (\d+)$")
    _raise_number(package / "cleaners/lineage.py", r'^CLEANER_VERSION = "(\d+)"$')
    return {"PYTHONPATH": str(folder)}


def _raise_number(file: Path, pattern: str) -> None:
    text = file.read_text("utf-8")
    (match,) = re.finditer(pattern, text, re.MULTILINE)
    file.write_text(f"{text[: match.start(1)]}{int(match[1]) + 1}{text[match.end(1) :]}", "utf-8")


@contextmanager
def as_the_newer_version() -> Iterator[None]:
    """Read, in this process, what the newer version has stored."""
    with mock.patch.object(site_head, "FORMAT", site_head.FORMAT + 1):
        yield


@dataclass(frozen=True, slots=True)
class Event:
    """Trouble that comes so many seconds after the start and lasts so many."""

    after: float
    seconds: float
    begin: Callable[[], object]
    end: Callable[[], object]


class TroubledFleet:
    """The machines of a fleet, and the process that runs its list."""

    def __init__(self, sites: Sequence[FleetSite], folder: Path, lost_seconds: float) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.list = folder / "sites.toml"
        self.list.write_text(_LIST + "".join(f'[sites.{site.name}]\nurls = ["{site.start}"]\n' for site in sites))
        self.cluster = DaskCluster(free_port(), folder)
        self.faulty: FaultyS3 | None = None
        self.kills: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()
        self._program = _PROGRAM.format(lost_seconds=lost_seconds)
        self._runner: subprocess.Popen[bytes] | None = None
        self._start_at = 0.0
        self._had_turns: dict[str, object] = {}
        self._lock = threading.Lock()

    def start(self, machines: Mapping[str, Mapping[str, str]]) -> None:
        """Start the scheduler, and a worker on each machine with what is special of it."""
        assert self.faulty
        self.cluster.start_scheduler()
        for machine, special in machines.items():
            self.cluster.start_worker(machine, special={**self.faulty.environment(machine), **special})

    def command(self, *words: str, special: Mapping[str, str] = {}) -> subprocess.Popen[bytes]:
        """Start a command on the machine that runs the list; its errors go to a log."""
        assert self.faulty
        with (self.folder / "runner.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", self._program, "fleet", *words],
                env=environment() | self.faulty.environment(RUNNER) | dict(special),
                cwd=self.folder, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        """Kill the run, or the worker of a machine, if it is running."""
        with self._lock:
            if name == RUNNER and self._runner and self._runner.poll() is None:
                self._runner.kill()
                self.kills[name] += 1
            elif name != RUNNER:
                self.kills[name] += self.cluster.kill_worker(name)

    def tend(self, special: Mapping[str, str] = {}, names: Sequence[str] = ()) -> None:
        """Run the list again if it is not being run; or only the named sites, due or not."""
        with self._lock:
            if self._runner and (code := self._runner.poll()) is not None:
                self.codes[code] += 1
                self._runner.communicate()
                self._runner, self._start_at = None, time.monotonic() + _PAUSE
            if self._runner is None and time.monotonic() >= self._start_at:
                words = ["run", str(self.list), "--store", ADDRESS, "--scheduler", self.cluster.address]
                words += [word for name in names for word in ("--site", name, "--all")]
                self._runner = self.command(*words, "--work", "$MACHINE", "-q", special=special)

    def close(self) -> None:
        """Kill what is still running."""
        if self._runner:
            self._runner.kill()
            self._runner.communicate()
            self._runner = None
        self.cluster.close()

    def begin_turn(self) -> None:
        """Have all sites wait for another turn."""
        assert self.faulty
        self._had_turns = {name: head.get("turn", {}).get("finished_at") for name, head in self.faulty.records.items()}

    def undone(self, sites: Sequence[FleetSite]) -> list[str]:
        """The sites of which the store has no turn that ended well, each with how its last one ended."""
        assert self.faulty
        turns = {site.name: self.faulty.records.get(site.name, {}).get("turn", {}) for site in sites}
        results = {name: (turn.get("finished_at"), turn.get("result", {})) for name, turn in turns.items()}
        return [f"{name}: {one.get('end')} {one.get('message')}" for name, (at, one) in results.items()
                if one.get("end") != "done" or self._had_turns.get(name) == at]  # fmt: skip


class Timetable(Loop):
    """Events in their order, and kills drawn at random between them: of a worker, of the run, once of the scheduler."""

    def __init__(
        self, fleet: TroubledFleet, draw: random.Random, events: Sequence[Event], kill_seconds: tuple[float, float],
        names: Sequence[str],
    ) -> None:  # fmt: skip
        super().__init__("timetable")
        self._fleet = fleet
        self._draw = draw
        self._events = list(events)
        self._kill_seconds = kill_seconds
        self._names = names
        self.random_kills = 0

    def _run(self) -> None:
        started = time.monotonic()
        kill_at = started + self._draw.uniform(*self._kill_seconds)
        while not self._has_ended.wait(0.1):
            now = time.monotonic()
            if self._events and now >= started + self._events[0].after:
                event = self._events.pop(0)
                event.begin()
                self._has_ended.wait(event.seconds)
                event.end()
            elif now >= kill_at:
                self._fleet.kill(self._draw.choice(self._names))
                self.random_kills += 1
                kill_at = now + self._draw.uniform(*self._kill_seconds)

    @property
    def events_left(self) -> int:
        """How many events the run was too short for."""
        return len(self._events)


def usual_events(faulty: FaultyS3, unit: float) -> list[Event]:
    """A store that is full, refuses puts, is away, goes away inside an upload, and is strict about clocks."""

    def read_only(is_so: bool) -> Callable[[], None]:
        return lambda: setattr(faulty, "is_read_only", is_so)

    def full(is_so: bool) -> Callable[[], None]:
        return lambda: setattr(faulty, "is_full", is_so)

    def strict(is_so: bool) -> Callable[[], None]:
        return lambda: setattr(faulty, "is_strict_about_clocks", is_so)

    def cut_next_upload() -> None:
        faulty.upload_cut = faulty.go_away

    def come_back() -> None:
        faulty.upload_cut = None
        if faulty.is_away:
            faulty.come_back()

    return [
        Event(unit / 2, 12.0, full(True), full(False)),
        Event(unit, 12.0, read_only(True), read_only(False)),
        Event(2 * unit, 15.0, faulty.go_away, faulty.come_back),
        Event(3 * unit, 15.0, cut_next_upload, come_back),
        Event(4 * unit, 10.0, strict(True), strict(False)),
    ]


def home_times(faulty: FaultyS3) -> dict[str, tuple[float, str]]:
    """When each URL was first in an archive that the store stated, in the form that `asked_again` takes."""
    home_at: dict[str, tuple[float, str]] = {}
    store = KeptObjects(faulty.objects, PREFIX)
    with tempfile.TemporaryDirectory() as folder:
        for state in faulty.stated:
            file = Path(folder) / f"{state.site}.db"
            file.unlink(missing_ok=True)
            manifest = parse_manifest(b"".join(store.chunks(state.manifest)), state.manifest)
            fetch_database(store, manifest.database, file)
            with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
                urls = [url for (url,) in db.execute(_DONE_URLS).fetchall()]
            for url in urls:
                home_at.setdefault(url, (state.at, ""))
    return home_at


def asked_again(sites: Sequence[FleetSite], home_at: Mapping[str, tuple[float, str]], end: float) -> Iterator[str]:
    """URLs that a server was asked for after they were home, before the end of the first turn."""
    for site in sites:
        for seen in site.log:
            url = urljoin(site.start, seen.path)
            if seen.path != "/robots.txt" and url in home_at and home_at[url][0] < seen.at < end:
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


def stored_archive(store: ObjectStore, name: str, folder: Path) -> StoredArchive:
    """Fetch what a store says that a site is."""
    key = read_head(store, name).manifest
    copy = LocalCopy(folder / name, name, "")
    fetch_copy(store, key, copy)
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
