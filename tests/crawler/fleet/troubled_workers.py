"""Workers that share a list and a bucket, in trouble that is drawn by a seed.

Each is a process of `broadsheet fleet work` on a machine of its own, which is a folder. The first has nothing special,
the clocks of the next two are an hour ahead and an hour behind, and the last runs a newer version of Broadsheet, whose
states the others cannot read. A worker that was killed or has ended is started again until every site is done.
"""

from __future__ import annotations

import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from broadsheet.crawler.fleet import site_lease
from broadsheet.crawler.fleet.site_states import fetch_database, parse_manifest
from tests.crawler.fleet.faulty_s3 import FaultyS3, KeptObjects
from tests.crawler.fleet.s3_server import BUCKET
from tests.crawler.fleet.troubled_fleet import FleetSite, Loop
from tests.crawler.shell import environment
from tests.crawler.warm import PATIENCE, REPOSITORY

PREFIX = "fleet"
ADDRESS = f"s3://{BUCKET}/{PREFIX}"
LEASE_SECONDS = 15.0
_FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
_PAUSE = 5.0  # until a worker is started again that ended by itself
_KILLED_PAUSE = 0.5
_LAST_RUNS = 3
_LIST = """
[fleet]
parallel = 2
per-address = 0
[defaults]
allow-private = true
delay = 0
concurrency = 1
"""
PROGRAM = """
from broadsheet.crawler.cli import main
from broadsheet.crawler.fleet import pulled_sites
from broadsheet.crawler.fleet.site_lease import LeaseTerms
from broadsheet.crawler.fleet.stored_run import StoredSite
LeaseTerms.__init__.__defaults__ = ({lease_seconds}, {lease_seconds} / 7.5, *LeaseTerms.__init__.__defaults__[2:])
StoredSite.__init__.__defaults__ = (*StoredSite.__init__.__defaults__[:-1], 2.0)
pulled_sites._LOOK_SECONDS = {lease_seconds} / 5
main()
"""
"""The program, with leases of seconds, states saved every two seconds, and looks at what is due five times a lease."""


def skewed(hours: int) -> dict[str, str]:
    """Variables that set a process's clock so many hours ahead. FileNotFoundError without libfaketime."""
    libraries = sorted(Path("/").glob(_FAKETIME.lstrip("/")))
    if not libraries:
        raise FileNotFoundError("libfaketime is not installed: apt-get install libfaketime")
    return {"LD_PRELOAD": str(libraries[0]), "FAKETIME": f"{hours:+d}h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def make_newer_version(folder: Path) -> dict[str, str]:
    """Make a copy of the package whose states have a format one higher; return variables that let a process run it."""
    package = folder / "broadsheet"
    shutil.copytree(REPOSITORY / "broadsheet", package)
    for part in ("crawler", "cleaners", "output"):
        shutil.copytree(REPOSITORY / part, package / part, ignore=shutil.ignore_patterns("training", "__pycache__"))
    _raise_number(package / "crawler/fleet/site_lease.py", r"^FORMAT = (\d+)$")
    _raise_number(package / "cleaners/lineage.py", r'^CLEANER_VERSION = "(\d+)"$')
    return {"PYTHONPATH": str(folder)}


def _raise_number(file: Path, pattern: str) -> None:
    text = file.read_text("utf-8")
    (match,) = re.finditer(pattern, text, re.MULTILINE)
    file.write_text(f"{text[: match.start(1)]}{int(match[1]) + 1}{text[match.end(1) :]}", "utf-8")


@contextmanager
def as_the_newer_version() -> Iterator[None]:
    """Read, in this process, what the newer version has stored."""
    with mock.patch.object(site_lease, "FORMAT", site_lease.FORMAT + 1):
        yield


@dataclass
class Machine:
    """A machine of one worker: its folder, and what is special of its environment."""

    name: str
    folder: Path
    special: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    start_at: float = 0.0
    codes: Counter[int] = field(default_factory=Counter)

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    @property
    def copies(self) -> list[Path]:
        """Archives that are left here."""
        return sorted(self.folder.glob("work/*/*.db"))

    @property
    def lines(self) -> list[str]:
        """What its workers have said."""
        return self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []


class Workers:
    """The machines of a fleet, whose workers share a list."""

    def __init__(self, sites: Sequence[FleetSite], folder: Path, lease_seconds: float = LEASE_SECONDS) -> None:
        tables = "".join(f'[sites.{site.name}]\nurls = ["{site.start}"]\n' for site in sites)
        folder.mkdir(parents=True)
        self.list = folder / "sites.toml"
        self.list.write_text(_LIST + tables, "utf-8")
        self.machines: dict[str, Machine] = {}
        self.faulty: FaultyS3 | None = None
        self.kills: Counter[str] = Counter()
        self._folder = folder
        self._program = PROGRAM.format(lease_seconds=lease_seconds)
        self._lock = threading.Lock()

    def add(self, name: str, special: Mapping[str, str] = {}) -> None:
        """Add a machine."""
        folder = self._folder / name
        folder.mkdir()
        self.machines[name] = Machine(name, folder, special)

    def command(self, machine: Machine, *words: str, errors: int | None = None) -> subprocess.Popen[bytes]:
        """Start a command on a machine, whose errors go to its log."""
        assert self.faulty
        variables = environment() | self.faulty.environment(machine.name) | dict(machine.special)
        with machine.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", self._program, *words],
                env=variables,
                cwd=machine.folder,
                stdout=subprocess.PIPE,
                stderr=errors or log,
            )

    def work(self, machine: Machine) -> subprocess.Popen[bytes]:
        """Start its worker."""
        words = ("fleet", "work", str(self.list), "--store", ADDRESS, "--work", str(machine.folder / "work"))
        return self.command(machine, *words)

    def kill(self, name: str) -> None:
        """Kill a machine's worker, if it is running."""
        with self._lock:
            machine = self.machines.get(name)
            if machine and machine.process and machine.process.poll() is None:
                machine.process.kill()
                self.kills[name] += 1

    def tend(self) -> None:
        """Start workers that are not running."""
        with self._lock:
            for machine in self.machines.values():
                code = machine.process.poll() if machine.process else None
                if machine.process and code is not None:
                    machine.codes[code] += 1
                    machine.process.communicate()
                    machine.process = None
                    machine.start_at = time.monotonic() + (_KILLED_PAUSE if code == -signal.SIGKILL else _PAUSE)
                if machine.process is None and time.monotonic() >= machine.start_at:
                    machine.process = self.work(machine)

    def close(self) -> None:
        """Kill what is still running."""
        for machine in self.machines.values():
            if machine.process and machine.process.poll() is None:
                machine.process.kill()
                machine.process.communicate()

    def undone(self, sites: Sequence[FleetSite]) -> list[str]:
        """The sites of which the store has no turn that ended well, each with how its last one ended."""
        assert self.faulty
        results = {
            site.name: self.faulty.records.get(site.name, {}).get("turn", {}).get("result", {}) for site in sites
        }
        return [
            f"{name}: {result.get('end')} {result.get('message')}"
            for name, result in results.items() if result.get("end") != "done"
        ]  # fmt: skip

    def finish(self, updated: Mapping[str, str]) -> Counter[int]:
        """Let running workers end, update each machine, and let it work until nothing is left there."""
        for machine in self.machines.values():
            self._wait(machine)
            machine.special = updated
        codes: Counter[int] = Counter()
        waiting = list(self.machines.values())
        for _ in range(_LAST_RUNS):
            for machine in waiting:
                machine.process = self.work(machine)
            codes.update(filter(None, [self._wait(machine) for machine in waiting]))
            waiting = [machine for machine in waiting if machine.copies]
        return codes

    def _wait(self, machine: Machine) -> int:
        if not machine.process:
            return 0
        machine.process.communicate(timeout=5 * PATIENCE)
        code, machine.process = machine.process.returncode, None
        return code


@dataclass(frozen=True, slots=True)
class Event:
    """Trouble that comes so many seconds after the start and lasts so many."""

    after: float
    seconds: float
    begin: Callable[[], object]
    end: Callable[[], object]


class Timetable(Loop):
    """Events in their order, and kills of a worker drawn at random between them."""

    def __init__(
        self, workers: Workers, draw: random.Random, events: Sequence[Event], kill_seconds: tuple[float, float]
    ):
        super().__init__("timetable")
        self._workers = workers
        self._draw = draw
        self._events = list(events)
        self._kill_seconds = kill_seconds
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
                self._workers.kill(self._draw.choice(sorted(self._workers.machines)))
                self.random_kills += 1
                kill_at = now + self._draw.uniform(*self._kill_seconds)

    @property
    def events_left(self) -> int:
        """How many events the run was too short for."""
        return len(self._events)


def usual_events(faulty: FaultyS3, unit: float) -> list[Event]:
    """A store that refuses puts, one that is away, one that goes away inside an upload, one strict about clocks."""

    def read_only(is_so: bool) -> Callable[[], None]:
        return lambda: setattr(faulty, "is_read_only", is_so)

    def strict(is_so: bool) -> Callable[[], None]:
        return lambda: setattr(faulty, "is_strict_about_clocks", is_so)

    def cut_next_upload() -> None:
        faulty.upload_cut = faulty.go_away

    def come_back() -> None:
        faulty.upload_cut = None
        if faulty.is_away:
            faulty.come_back()

    return [
        Event(unit, 12.0, read_only(True), read_only(False)),
        Event(2 * unit, 15.0, faulty.go_away, faulty.come_back),
        Event(3 * unit, 15.0, cut_next_upload, come_back),
        Event(4 * unit, 10.0, strict(True), strict(False)),
    ]


_DONE_URLS = "SELECT url FROM urls WHERE state = 'done'"


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
