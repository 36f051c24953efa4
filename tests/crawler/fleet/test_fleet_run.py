"""`broadsheet fleet run` over sites on loopback, with kills of crawls and of the runner, and who runs a list."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.fleet import fleet_folder as disk
from broadsheet.crawler.fleet import fleet_run, list_runs, site_records
from broadsheet.crawler.fleet.fleet_run import FleetRun, StartAddresses, StoredRecords
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.list_runs import RUN_KEY, ListRun, RunRefused, is_current_run, overlap, read_runs
from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.site_head import read_head
from broadsheet.crawler.fleet.site_records import indexed_states
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask, WorkerLost
from broadsheet.crawler.fleet.sites_file import Site, SiteList
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.output.archive.archive_lock import is_owned
from broadsheet.output.archive.stored_values import utc_text
from tests.crawler.crawls import QUICK, kill_group, until
from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import environment, rows, start, verb_here
from tests.crawler.warm import PATIENCE

Serve = Callable[..., ScriptedSite]
PAGES = 8


def sites_of(serve: Serve, count: int) -> list[ScriptedSite]:
    names = [f"/p{number}" for number in range(PAGES)]
    return [serve({"/": page("home", *names), **{name: page(name.strip("/")) for name in names}}) for _ in range(count)]


def write_list(folder: Path, sites: list[ScriptedSite], head: str = "") -> Path:
    tables = [f'[sites.s{number}]\nurls = ["{site.url}/"]\n' for number, site in enumerate(sites)]
    file = folder / "sites.toml"
    file.write_text(f"{head}\n[defaults]\nallow-private = true\ndelay = 0\n" + "".join(tables), "utf-8")
    return file


def run_fleet(*arguments: object) -> tuple[int, str, str]:
    process = start("fleet", "run", *arguments)
    out, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, out, errors


def started_by(process: int) -> list[int]:
    """The processes below another one: of a runner the server that forks, its crawls, and their workers."""
    with suppress(OSError):
        text = "".join(file.read_text() for file in Path(f"/proc/{process}/task").glob("*/children"))
        children = [int(word) for word in text.split()]
        return children + [below for child in children for below in started_by(child)]
    return []


def test_a_list_with_a_mistake_does_nothing(tmp_path, capsys):
    from broadsheet.crawler.cli import run

    file = tmp_path / "sites.toml"
    file.write_text('[sites.a]\nurls = "https://a.example/"\n[sites.b]\nurls = "https://b.example/"\n')
    for arguments in (["--site", "c"], ["--group", "g"], ["--shard", "3/2"], ["--shard", "x"]):
        assert run(["fleet", "run", str(file), *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert run(["fleet", "run", str(file), "--dry-run"]) == 0
    assert capsys.readouterr().out == "a  crawl  due now\nb  crawl  due now\n"
    assert [path.name for path in tmp_path.iterdir()] == ["sites.toml"]


def test_a_network_file_system_is_refused(tmp_path, monkeypatch, capsys):
    from broadsheet.crawler.cli import run

    (tmp_path / "mounts").write_text(f"server:/x {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(disk, "_MOUNTS", tmp_path / "mounts")
    (tmp_path / "sites.toml").write_text('[sites.a]\nurls = ["https://a.example/"]\n')
    assert run(["fleet", "run", str(tmp_path / "sites.toml")]) == 1
    assert "network file system (NFS)" in capsys.readouterr().err
    assert not (tmp_path / "archives").exists()


@pytest.mark.slow
def test_sites_are_crawled_then_nothing_is_due_then_they_are_updated(serve, tmp_path):
    sites = sites_of(serve, 2)
    sites[1].routes.clear()
    file = write_list(tmp_path, sites)
    code, out, errors = run_fleet(file)
    assert code == 1, errors
    assert [line.split()[0] for line in out.splitlines()[:3]] == ["site", "s1", "s0"]
    assert out.splitlines()[-1].startswith(f"2 sites: 1 done, 1 failed; {PAGES} new, 0 changed")
    assert rows(tmp_path / "archives/s0.db", "SELECT count(*) FROM articles") == [(PAGES,)]
    assert list((tmp_path / "archives/s0.db.warc").glob("*.warc.gz"))
    asked = sites[0].paths()
    assert run_fleet(file)[0] == 0
    assert sites[0].paths() == asked
    code, out, errors = run_fleet(file, "--all", "--site", "s0")
    assert code == 0, errors
    assert "Looking again" in (tmp_path / "archives/.fleet/s0.log").read_text()


@pytest.mark.slow
def test_a_run_that_waits_for_a_store_crawls_a_site_at_each_turn(serve, tmp_path, monkeypatch):
    """Also where the worker's word of when the turn ended is some seconds from that of the run."""
    (site,) = sites = sites_of(serve, 1)
    file, ticks = write_list(tmp_path, sites), itertools.count(0, 2)
    file.write_text(file.read_text().replace("delay = 0", 'delay = 0\nevery = "2s"'))
    monkeypatch.setattr(site_records, "utc_now", lambda: utc_text(datetime.now(UTC) + timedelta(seconds=next(ticks))))

    def stop() -> None:
        with suppress(AssertionError):  # the count of the looks says it below
            until(lambda: site.paths().count("/") > 2, PATIENCE / 2)  # a first crawl asks twice
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop).start()
    code, _, errors = verb_here("fleet", "run", file, "--wait", "--store", tmp_path / "s", "--work", tmp_path / "work")
    assert (code, site.paths().count("/") > 2) == (128 + signal.SIGTERM, True), errors


@pytest.mark.slow
def test_a_stop_ends_all_crawls_and_the_same_command_goes_on(serve, tmp_path):
    sites = sites_of(serve, 2)
    file = write_list(tmp_path, sites, "[fleet]\nparallel = 2\n")
    file.write_text(file.read_text().replace("delay = 0", "delay = 20"))
    runner = start("fleet", "run", file)
    until(lambda: all("/" in site.paths() for site in sites), PATIENCE)
    second = run_fleet(file)
    assert second[0] == 75
    assert "another fleet run is at work" in second[2]
    runner.send_signal(signal.SIGINT)
    out, _ = runner.communicate(timeout=PATIENCE)
    assert runner.returncode == 130
    assert "2 stopped" in out
    assert not any(is_owned(tmp_path / f"archives/s{number}.db") for number in range(2))
    file.write_text(file.read_text().replace("delay = 20", "delay = 0"))
    assert run_fleet(file)[0] == 0
    assert_whole(tmp_path, sites)


@pytest.mark.slow
def test_kills_of_crawls_and_of_the_runner_cost_nothing(serve, tmp_path):
    """Whoever is killed, the same command goes on, at once too, while the crawls of a killed runner are still
    stopping: every site is whole in the end, and no page is stored twice."""
    sites, chance = sites_of(serve, 3), random.Random(18)
    file = write_list(tmp_path, sites, "[fleet]\nparallel = 3\n")
    file.write_text(file.read_text().replace("delay = 0", "delay = 0.1"))
    for victim in ("runner", "crawl", "server", "runner"):
        kill_one(start("fleet", "run", file, start_new_session=True), victim, sites, chance)
    code, out, errors = run_fleet(file)
    assert code == 0, out + errors
    assert_whole(tmp_path, sites)


@pytest.mark.slow
def test_forty_sites_on_four_addresses_get_two_requests_each_at_once(tmp_path):
    """Ten sites a crawl, four crawls side by side, each of them at all four addresses; the servers count."""
    with counting_servers(40, addresses=4) as servers:
        urls = [f"http://{server.server_address[0]}:{server.server_port}/" for server in servers]
        tables = [f"[sites.s{part}]\nurls = {urls[part::4][:5] + urls[part + 1 :: 4][5:]}\n" for part in range(3)]
        tables.append(f"[sites.s3]\nurls = {urls[3::4][:5] + urls[0::4][5:]}\n")
        options = "allow-private = true\ndelay = 0\nno-sitemaps = true\nno-feeds = true\n"
        file = tmp_path / "sites.toml"
        file.write_text(f"[fleet]\nparallel = 4\nper-address = 2\n[defaults]\n{options}" + "".join(tables))
        code, out, errors = run_fleet(file)
    assert code == 0, out + errors + logs(tmp_path)
    assert CountedRequest.most == {f"127.0.0.{n}": 2 for n in range(2, 6)}
    assert CountedRequest.count >= 40 * 4


def site(name: str, *hosts: str) -> Site:
    return Site(name, (), hosts or (name,), (), 86_400.0, (), ("u",), (), "words")


class ScriptedEngine:
    """Gives each task the next of its ends: a result, or none; `room` tasks at once, which wait to be let go."""

    lost_seconds = 0.05

    def __init__(self, ends: Mapping[str, list[SiteEnd | None]], room: int = 9) -> None:
        self.ends = {name: list(each) for name, each in ends.items()}
        self.started: list[str] = []
        self.is_stopped = self.is_closed = False
        self._room = room

    def room(self) -> int:
        if self._room < 0:
            raise CommandError("there was no worker for too long")
        return self._room

    def start(self, task: SiteTask, on_end: Callable[[SiteResult | WorkerLost], object]) -> None:
        self.started.append(task.name)
        if end := self.ends[task.name].pop(0):
            on_end(SiteResult(task.name, end, 0, task.archive, SiteCounts(withdrawn=end is SiteEnd.DONE)))
        else:
            on_end(WorkerLost("its worker was lost"))

    def pages(self, task: SiteTask) -> int:
        return 7

    def stop(self) -> None:
        self.is_stopped = True

    def close(self) -> None:
        self.is_closed = True


def run_of(
    tmp_path: Path, engine: ScriptedEngine, records: Any = None, sites: Sequence[Site] = (), **options: bool
) -> FleetRun:
    """A run that has been run, of sites that are due."""
    sites = sites or tuple(map(site, engine.ends))
    fleet = SiteList(tmp_path / "sites.toml", tmp_path, 0, 4, tuple(sites))
    return FleetRun(fleet, sites, records or disk.RecordFolder(tmp_path), lambda: engine, **options)


def test_a_site_whose_worker_was_lost_waits_and_does_not_run(tmp_path):
    engine = ScriptedEngine({"lost": [None, SiteEnd.DONE], "well": [SiteEnd.DONE]}, room=1)
    run, seen = run_of(tmp_path, engine), set[tuple[tuple[str, ...], tuple[str, ...]]]()
    end = engine.start

    def look(task: SiteTask, on_end: Callable[[SiteResult | WorkerLost], object]) -> None:
        names = [tuple(one.name for one in each) for each in (run.running(), run.waiting())]
        seen.add((names[0], names[1]))
        if run.waiting():
            assert run.progress_line().endswith("; running: well 7 pages; 1 waiting after a loss")
        end(task, on_end)

    engine.start = look  # type: ignore[method-assign]
    run.run()
    assert seen == {(("lost",), ()), (("well",), ("lost",))}
    assert run.ends == {SiteEnd.DONE: 2}


def test_each_end_has_its_record_but_those_that_say_nothing_new(tmp_path):
    ends: dict[str, list[SiteEnd | None]] = {end.value: [end] * 4 for end in SiteEnd}
    engine = ScriptedEngine(ends)
    run = run_of(tmp_path, engine)
    run.run()
    recorded = {path.stem for path in (tmp_path / ".fleet").glob("*.json")}
    assert recorded == {*SiteEnd} - {SiteEnd.IN_USE, SiteEnd.OVERTAKEN, SiteEnd.NOT_STARTED}
    assert run.progress_line() == "9 of 9 sites, 4 of them not well, 2 in use elsewhere; running: none"
    assert (len(run.results), engine.is_closed, run.lines) == (9, True, [])
    assert engine.started.count("overtaken") == 4, "somebody else's state is gone on from"
    assert engine.started.count("stopped") == 4, "by nobody here: its worker had lost the scheduler"
    again = ScriptedEngine({"done": []})
    run_of(tmp_path, again).run()
    assert again.started == []


def test_a_lost_worker_s_task_runs_again_after_a_while_and_keeps_its_host(tmp_path):
    engine = ScriptedEngine({"a": [None, SiteEnd.DONE], "b": [SiteEnd.DONE], "c": [SiteEnd.DONE]})
    run = run_of(tmp_path, engine, sites=(site("a", "x"), site("b", "y", "x"), site("c", "z")))
    run.run()
    assert engine.started == ["a", "c", "a", "b"]
    assert {result.end for result in run.results} == {SiteEnd.DONE}
    run = run_of(tmp_path, ScriptedEngine({"a": [None] * 4}), everything=True)
    run.run()
    assert [(result.end, result.message) for result in run.results] == [(SiteEnd.KILLED, "its worker was lost")]


ADDRESSES = {
    "x.example": "198.51.100.7", "y.example": "198.51.100.7", "z.example": "198.51.100.8",
    "cdn.example": "104.16.0.1", "on-cdn.example": "104.16.0.1",
}  # fmt: skip


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts have the addresses of `ADDRESSES`, others none."""

    def look_up(host: str, _port: None) -> list[tuple[Any, ...]]:
        if host not in ADDRESSES:
            raise OSError("no such host")
        return [(0, 0, 0, "", (ADDRESSES[host], 0))]

    monkeypatch.setattr(fleet_run.socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    ("hosts", "started"),
    [
        (("x.example", "y.example:8080", "z.example"), ["a", "c", "a", "b"]),
        (("cdn.example", "on-cdn.example", "z.example"), ["a", "b", "c", "a"]),
        (("gone.example", "lost.example", "[::1"), ["a", "b", "c", "a"]),
    ],
)
def test_on_several_machines_sites_of_one_address_take_turns(hosts, started, tmp_path, looked_up):
    """Not those of a content delivery network, nor those without an address."""
    engine = ScriptedEngine({"a": [None, SiteEnd.DONE], "b": [SiteEnd.DONE], "c": [SiteEnd.DONE]})
    run = run_of(tmp_path, engine, sites=tuple(map(site, "abc", hosts)))
    run.addresses = StartAddresses()
    run.run()
    assert engine.started == started


def test_an_address_of_many_hosts_is_that_of_a_large_hoster(looked_up, monkeypatch):
    tasks = [SiteTask(name, Path(name), (), hosts=(f"{name}.example",)) for name in "xyz"]
    assert [task.hosts[1:] for task in StartAddresses().added_to(tasks)] == [
        ("198.51.100.7",), ("198.51.100.7",), ("198.51.100.8",),
    ]  # fmt: skip
    monkeypatch.setattr(fleet_run, "most_hosts", lambda: 1)
    assert [task.hosts[1:] for task in StartAddresses().added_to(tasks)] == [(), (), ("198.51.100.8",)]


def test_without_anything_to_run_tasks_each_has_a_result(tmp_path):
    run = run_of(tmp_path, ScriptedEngine({"a": [], "b": []}, room=-1))
    run.run()
    message = "there was no worker for too long"
    assert {(result.end, result.message) for result in run.results} == {(SiteEnd.NOT_STARTED, message)}


def test_a_stop_starts_nothing_more_and_a_second_one_ends_at_once(tmp_path):
    engine = ScriptedEngine({"a": [SiteEnd.STOPPED], "b": [SiteEnd.DONE], "c": [SiteEnd.DONE]}, room=1)
    run = run_of(tmp_path, engine)
    engine.room = lambda: 1 if run.stops else run.stop() or 1  # type: ignore[method-assign]
    run.run()
    assert engine.started == []
    assert engine.is_stopped
    assert [result.message for result in run.results] == ["stopped before its turn"] * 3
    run = run_of(tmp_path, engine)
    engine.room = lambda: run.stop() or run.stop() or 1  # type: ignore[method-assign]
    run.run()
    assert [result.message.partition(";")[0] for result in run.results] == ["ended at once"] * 3


def test_a_run_that_waits_takes_what_becomes_due_and_says_each_result(tmp_path, monkeypatch):
    """A site that failed is tried again after some minutes, one that is done when it is due."""
    engine, pushed = ScriptedEngine({"a": [SiteEnd.DONE], "b": [SiteEnd.FAILED]}), list[tuple[datetime, int]]()
    run = run_of(tmp_path, engine, is_waiting=True)
    push = fleet_run.heapq.heappush

    def note(heap: list[tuple[datetime, int]], item: tuple[datetime, int]) -> None:
        push(heap, item)
        pushed.append(item)
        if len(pushed) == 2:
            run.stop()

    monkeypatch.setattr(fleet_run.heapq, "heappush", note)
    run.run()
    hours = [round((due - datetime.now(UTC)).total_seconds() / 3600) for due, _ in pushed]
    assert (hours, len(run.lines), run.results) == ([23, 1], 2, [])


def test_a_store_or_disk_that_takes_nothing_stops_the_run_or_costs_an_early_turn(tmp_path):
    class Refusing(disk.RecordFolder):
        def refused(self) -> str:
            return "the store is read-only"

    class Full(disk.RecordFolder):
        def note(self, task: SiteTask, result: SiteResult) -> None:
            raise OSError(28, "No space left on device")

    engine = ScriptedEngine({"a": [SiteEnd.FAILED], "b": [SiteEnd.DONE]}, room=1)
    run = run_of(tmp_path, engine, Refusing(tmp_path))
    run.run()
    assert (run.refusal, engine.started) == ("the store is read-only", ["a"])
    run = run_of(tmp_path, ScriptedEngine({"a": [SiteEnd.DONE]}), Full(tmp_path), everything=True)
    run.run()
    assert run.lines == ["a: the record cannot be written, so its next turn comes early: No space left on device"]


def test_a_turn_that_published_nothing_gets_its_outcome_from_the_run(tmp_path):
    """Choosing costs one read a site."""
    (tmp_path / "store").mkdir()
    store, reads = FolderStore(tmp_path / "store"), list[str]()
    read = store.read_record
    store.read_record = lambda key: reads.append(key) or read(key)  # type: ignore[method-assign]
    names = [f"s{number}" for number in range(9)]
    records = StoredRecords(store, names)
    assert sorted(reads) == [f"sites/{name}/head.json" for name in names]
    tasks = {name: SiteTask(name, Path("x.db"), (), every=3_600.0, words_digest="words") for name in names}
    failed = SiteResult("s0", SiteEnd.FAILED, 1, Path("x.db"), message="the disk is full")
    records.note(tasks["s0"], failed)
    records.note(tasks["s1"], replace(failed, name="s1", is_published=True))
    records.note(tasks["s2"], replace(failed, name="s2", end=SiteEnd.OVERTAKEN))
    head = read_head(store, "s0")
    assert (head.generation, head.manifest) == (1, "")
    assert [records.read(name) and records.read(name).failures for name in names[:3]] == [1, 1, None]
    assert [read_head(store, name).generation for name in names[1:3]] == [0, 0]
    assert records.refused() == ""


def test_many_sites_are_told_by_one_index_and_those_that_run_by_their_heads(tmp_path):
    store, reads = FolderStore(tmp_path), list[str]()
    names = [f"s{number}" for number in range(60)]
    records, ended = StoredRecords(store, names), Event()
    ended.set()

    def fail(name: str) -> None:
        task = SiteTask(name, Path("x.db"), (), every=3_600.0, words_digest="words")
        records.note(task, SiteResult(name, SiteEnd.FAILED, 1, Path("x.db"), message="the disk is full"))

    fail("s0")
    records.keep_index(store, "1/2", ended)
    StoredRecords(store, ["s59"]).keep_index(store, "1/2", ended)  # a run of one site leaves the others
    for name in ("s1", "s2"):
        fail(name)
    read = store.read_record
    store.read_record = lambda key: reads.append(key) or read(key)  # type: ignore[method-assign]
    states = indexed_states(store, [*names, "new"], {"s1"})
    assert {name for name, state in states.items() if state.record} == {"s0", "s1"}
    assert sorted(reads) == ["sites/new/head.json", "sites/s1/head.json"]
    assert {name for name, state in indexed_states(store, names[:9], ()).items() if state.record} == {"s0", "s1", "s2"}
    for file in (tmp_path / "index").iterdir():
        file.write_bytes(b"no index")
    assert sum(state.record is not None for state in indexed_states(store, names, ()).values()) == 3


class CountedRequest(BaseHTTPRequestHandler):
    """Answers after a moment, and counts itself from its request to just before its answer's last bytes."""

    lock = threading.Lock()
    count = 0
    now: ClassVar[Counter[str]] = Counter()
    most: ClassVar[Counter[str]] = Counter()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address, kind = str(self.connection.getsockname()[0]), type(self)
        with self.lock:
            kind.count += 1
            self.now[address] += 1
            self.most[address] = max(self.most[address], self.now[address])
        links = ["/a", "/b"] if self.path == "/" else []
        is_page = self.path in ("/", "/a", "/b")
        body = page(self.path.strip("/") or "home", *links).encode() if is_page else b""
        time.sleep(0.1)
        self.send_response(200 if is_page else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        with self.lock:
            self.now[address] -= 1
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        return


class CountingServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextmanager
def counting_servers(count: int, addresses: int) -> Iterator[list[CountingServer]]:
    """So many sites, on as many addresses from 127.0.0.2 on, which count the requests that are under way."""
    servers = [CountingServer((f"127.0.0.{2 + number % addresses}", 0), CountedRequest) for number in range(count)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield servers
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def kill_one(runner: subprocess.Popen[str], victim: str, sites: list[ScriptedSite], chance: random.Random) -> None:
    """Kill a runner, what it started or what forks that, after some more requests; the runner ends either way."""
    goal = sum(len(site.paths()) for site in sites) + chance.randint(1, 12)
    until(lambda: runner.poll() is not None or sum(len(site.paths()) for site in sites) >= goal, PATIENCE)
    below = started_by(runner.pid)
    forks = [one for one in below if b"forkserver import main" in Path(f"/proc/{one}/cmdline").read_bytes()]
    victims = forks[1:] if victim == "crawl" else forks[:1]  # the server itself comes first
    if victim != "runner" and victims:
        os.kill(chance.choice(victims), signal.SIGKILL)
        runner.send_signal(signal.SIGTERM)
    else:
        runner.kill()
    runner.communicate(timeout=PATIENCE)


def logs(folder: Path) -> str:
    """What the crawls of a fleet printed last, and their records, for a test that fails."""
    return "\n".join(f"{file.name}: {file.read_text()}" for file in sorted((folder / "archives/.fleet").glob("*.*")))


def assert_whole(folder: Path, sites: list[ScriptedSite]) -> None:
    """Each archive has each page of its site once, and no other site's."""
    for number, site in enumerate(sites):
        archive = folder / f"archives/s{number}.db"
        urls = Counter(url for (url,) in rows(archive, "SELECT url FROM articles"))
        assert urls == Counter(f"{site.url}/p{page_number}" for page_number in range(PAGES)), logs(folder)
        assert rows(archive, "PRAGMA integrity_check") == [("ok",)]


@pytest.fixture(autouse=True)
def quick_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_run, "_LOOK_SECONDS", 0.01)
    for name, value in QUICK.items():
        if name != "BROADSHEET_DELAY":
            monkeypatch.setenv(name, value)
    assert environment()["BROADSHEET_WORKERS"] == "1"


def list_run(
    store: ObjectStore, name: str, at: str = "12:00", part: str = "1/1", take_over: float | None = None
) -> ListRun:
    return ListRun(store, part, name, f"{name}'s place", take_over, lambda: f"2026-01-01T{at}:00Z")


@contextmanager
def held(run: ListRun) -> Iterator[None]:
    with run.held(dict, lambda: None):
        yield


def abandoned(run: ListRun) -> ListRun:
    """A run whose process was killed: its record stays."""
    run._change(run._taken)
    return run


def test_a_second_run_is_refused_and_the_line_says_since_when_the_first_was_not_heard_of(store):
    with held(list_run(store, "first")):
        with pytest.raises(RunRefused) as caught, held(list_run(store, "second")):
            pass
        assert str(caught.value) == (
            f"first runs the list for {store.address}, last renewed 2026-01-01T12:00:00Z; if it is gone, --take-over "
            "30m takes over one of that age"
        )
    assert read_runs(store) == {}
    with held(list_run(store, "second")):
        assert [run.owner for run in read_runs(store).values()] == ["second"]


def test_a_command_beside_another_run_for_the_store_ends_with_the_code_of_what_is_in_use(tmp_path: Path):
    (tmp_path / "sites.toml").write_text("[sites.a]\nurls = ['https://a.example/']\n")
    make_store(str(tmp_path / "store"))
    with held(list_run(store_at(str(tmp_path / "store")), "first")):
        code, out, errors = verb_here("fleet", "run", tmp_path / "sites.toml", "--store", tmp_path / "store")
    assert (code, out, errors.partition(" runs the list")[0]) == (75, "", "broadsheet: first")


def test_an_old_run_is_taken_over_and_learns_of_it(store):
    first = abandoned(list_run(store, "first"))
    for at, take_over in (("12:31", None), ("12:29", 1_800.0), ("11:00", 1_800.0)):
        with pytest.raises(RunRefused), held(list_run(store, "second", at, take_over=take_over)):
            pass
    assert is_current_run(store, first.id)
    with held(list_run(store, "second", "12:31", take_over=1_800.0)):
        assert not is_current_run(store, first.id)
        with pytest.raises(RunRefused, match="second has taken the list over; what runs here stops"):
            first._change(lambda runs: first._renewed(runs, {}, ()))
    assert is_current_run(store, "")


def test_who_holds_the_lock_of_a_run_that_was_killed_goes_on_at_once(store):
    abandoned(list_run(store, "first"))
    with held(list_run(store, "first", "12:01")):
        assert [run.renewed_at for run in read_runs(store).values()] == ["2026-01-01T12:01:00Z"]


def test_a_run_says_again_and_again_that_it_goes_on_and_stops_when_it_is_taken_over(store, monkeypatch):
    monkeypatch.setattr(list_runs, "_RENEW_SECONDS", 0.02)
    first, is_lost = list_run(store, "first"), Event()
    with first.held(lambda: {"lamp": 7}, is_lost.set):
        until(lambda: [run.running for run in read_runs(store).values()] == [{"lamp": 7}], PATIENCE)
        with held(list_run(store, "second", "13:00", take_over=1_800.0)):
            assert is_lost.wait(PATIENCE)
    assert first.is_lost


def test_parts_of_one_count_run_side_by_side_and_others_do_not(store):
    assert [overlap("1/3", other) for other in ("1/3", "2/3", "1/1", "2/4")] == [True, False, True, True]
    with held(list_run(store, "first", part="1/3")), held(list_run(store, "second", part="2/3")):
        assert sorted(read_runs(store)) == ["1/3", "2/3"]
        for part in ("1/1", "2/3", "1/2"):
            with pytest.raises(RunRefused), held(list_run(store, "third", part=part)):
                pass


def test_a_record_that_makes_no_sense_counts_for_none(store):
    store.replace_record(RUN_KEY, b"{", "")
    with held(list_run(store, "first")):
        assert sorted(read_runs(store)) == ["1/1"]


def test_a_run_of_a_version_without_waiting_sites_and_pages_is_seen_and_sees_ours(store):
    """While the machines of a fleet are upgraded: a run that is not in the record stops its crawls."""
    earlier = {"id": "i", "owner": "other", "place": "p", "renewed_at": "2026-01-01T12:00:00Z", "running": ["lamp"]}
    store.replace_record(RUN_KEY, json.dumps({"runs": {"2/3": earlier}, "write_id": "w"}).encode(), "")
    assert is_current_run(store, "i")
    assert read_runs(store)["2/3"].running == {"lamp": 0}
    with held(list_run(store, "first", part="1/3")):
        stored = json.loads(store.read_record(RUN_KEY).data)["runs"]
        assert stored["2/3"] == earlier
        assert stored["1/3"].keys() == earlier.keys()


@pytest.mark.slow
def test_machines_take_turns_on_disks_on_which_everything_was_killed(serve, tmp_path):
    """The process that runs the list goes with its crawl, before anything of that was published."""
    (tmp_path / "store").mkdir()
    list_file = write_list(tmp_path, sites_of(serve, 1)).rename(tmp_path / "list.toml")
    list_file.write_text(list_file.read_text().replace("sites.s0", "sites.site"))

    def words(machine: str) -> list[object]:
        return [list_file, "--store", tmp_path / "store", "--work", tmp_path / machine, "--all", "--take-over", "1s"]

    command = [sys.executable, "-m", "broadsheet.crawler.cli", "fleet", "run", *map(str, words("first"))]
    killed = subprocess.Popen(command, env=environment(), start_new_session=True)
    until(lambda: bool(list((tmp_path / "first/site/site.db.warc").glob("*.gz"))), PATIENCE)
    kill_group(killed)
    for machine in ("second", "first", "second"):
        until(lambda: not is_owned(tmp_path / "first/site/site.db"), PATIENCE)
        code, _, errors = run_fleet(*words(machine))
        assert code == 0, errors
