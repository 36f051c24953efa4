"""Tasks on a real cluster on loopback: a lost worker's runs again once that has stopped, and never twice at once.

Also over TLS with a certificate authority of one's own, and a bucket whose key stands nowhere.
"""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import dask.config
import distributed.config  # noqa: F401 - its defaults have to be there before one of its keys is set
import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.fleet import dask_worker, stored_run
from broadsheet.crawler.fleet.dask_engine import DaskEngine, connected, set_terms
from broadsheet.crawler.fleet.object_store import Patience
from broadsheet.crawler.fleet.site_head import read_head
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask, WorkerLost
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.stored_run import StorePlace
from tests.crawler.crawls import QUICK, until
from tests.crawler.fleet.certificates import Certificates, make_certificates
from tests.crawler.fleet.conftest import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.fleet.s3_server import BUCKET, SECRET, S3Server, running_s3_server
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.crawler.shell import environment, start, verb_here
from tests.crawler.warm import PATIENCE

LOST_SECONDS = 15.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    made = DaskCluster(free_port(), tmp_path)
    try:
        made.start_scheduler()
        yield made
    finally:
        made.close()


def place_in(tmp_path: Path, run: str = "1/1 ours") -> StorePlace:
    address = str(tmp_path / "store")
    return StorePlace(
        address, make_store(address), "$MACHINE", Patience(60, 0.2, 1.0), 0, run, lost_seconds=LOST_SECONDS
    )


class Ends:
    """The ends of tasks, as they come."""

    def __init__(self, engine: DaskEngine) -> None:
        self.engine = engine
        self._ends: queue.SimpleQueue[SiteResult | WorkerLost] = queue.SimpleQueue()

    def start(self, task: SiteTask) -> None:
        until(lambda: self.engine.room() > 0, PATIENCE)
        self.engine.start(task, self._ends.put)

    def next(self, seconds: float = PATIENCE) -> Any:
        return self._ends.get(timeout=seconds)


def test_no_scheduler_is_said_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr("broadsheet.crawler.fleet.dask_engine._CONNECT_SECONDS", 0.05)
    with pytest.raises(CommandError, match="there is no Dask scheduler at tcp:"):
        DaskEngine(f"tcp://127.0.0.1:{free_port()}", place_in(tmp_path))


def test_a_scheduler_that_takes_no_settings_is_refused_in_a_line():
    client = Mock()
    client.run_on_scheduler.side_effect = ValueError("Cannot run function as the scheduler has been disallowed")
    with pytest.raises(CommandError, match="the scheduler at tcp://x takes no settings") as caught:
        set_terms(client, "tcp://x")
    assert "\n" not in caught.value.message


def hang_or_die(task: SiteTask, place: StorePlace) -> SiteResult:
    """In place of a crawl: kills its worker the first time, as a machine that is taken away does."""
    deaths = Path(place.address) / "deaths"
    with deaths.open("a") as stream:
        stream.write("x")
    if deaths.stat().st_size == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return SiteResult(task.name, SiteEnd.DONE, 0, task.archive)


@pytest.mark.slow
def test_dask_runs_no_lost_worker_s_task_again(tmp_path, cluster):
    place = place_in(tmp_path)
    for _ in range(2):
        cluster.start_worker()
    ends = Ends(DaskEngine(cluster.address, place, function=hang_or_die))
    assert ends.engine.lost_seconds == 2 * LOST_SECONDS
    task = SiteTask("lamp", Path("lamp.db"), ())
    ends.start(task)
    lost = ends.next()
    assert isinstance(lost, WorkerLost)
    assert "KilledWorker" in str(lost)
    time.sleep(1)
    assert (tmp_path / "store/deaths").stat().st_size == 1
    ends.start(task)
    assert ends.next().end is SiteEnd.DONE
    ends.engine.close()


def test_runs_that_were_taken_over_stop_and_those_of_others_do_not(tmp_path):
    place = place_in(tmp_path, "1/2 new")
    state = dask_worker._STATE
    others = {
        "1/2 old": place,
        "1/2 new": place,
        "2/2 beside": place,
        "1/2 elsewhere": replace(place, identity="another"),
    }
    try:
        for run, other in others.items():
            state.crawls.add(dask_worker.Crawl(run, other.identity, run, tmp_path))
        assert dask_worker.stop_earlier_runs(place) == 1
        assert {run for run, _ in state.stopped_runs} == {"1/2 old"}
        assert state.is_stopped(replace(place, run="1/2 old"))
        assert not state.is_stopped(place)
    finally:
        state.crawls.clear()
        state.stopped_runs.clear()


class Wire:
    """A proxy before a scheduler, whose connections can be closed, or swallow what they are given."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.is_swallowing = False
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close_all(self) -> None:
        """Close each connection, and take no more."""
        self._server.close()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                inner, _ = self._server.accept()
                outer = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [inner, outer]
                threading.Thread(target=self._carry, args=(inner, outer), daemon=True).start()

    def _carry(self, *pair: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while True:
                for source in select.select(pair, [], [])[0]:
                    data = source.recv(65_536)
                    if not data:
                        return [each.close() for each in pair] and None
                    if not self.is_swallowing:
                        pair[source is pair[0]].sendall(data)


def slow_site() -> ScriptedSite:
    site = ScriptedSite()
    paths = [f"/story/{number}" for number in range(60)]
    site.routes["/"] = page("home", *paths)
    site.routes |= {path: Reply(page(path.strip("/").replace("/", "")), wait=0.3) for path in paths}
    return site


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["closed", "swallowed"])
def test_a_worker_that_has_lost_its_scheduler_stops_its_crawl_and_no_other_begins_before(tmp_path, cluster, trouble):
    """What it had is home: it stopped in good order."""
    wire, site, place = Wire(cluster.port), slow_site(), place_in(tmp_path)
    cluster.start_worker(address=f"tcp://127.0.0.1:{wire.port}")
    ends = Ends(DaskEngine(cluster.address, place))
    words = (f"{site.url}/", "--allow-private", "--delay", "0", "--concurrency", "1", "--no-sitemaps", "-q")
    ends.start(SiteTask("lamp", Path("lamp.db"), words, words_digest="w", hosts=("lamp",)))
    until(lambda: len(site.paths()) > 8, PATIENCE)
    if trouble == "closed":
        wire.close_all()
    else:
        wire.is_swallowing = True
    lost_at = time.monotonic()
    until(lambda: len(site.paths()) == (time.sleep(1.5) or len(site.paths())), PATIENCE)
    assert time.monotonic() - lost_at < 4 * LOST_SECONDS
    count = len(site.paths())
    until(lambda: read_head(store_at(place.address), "lamp").manifest != "", PATIENCE)
    assert read_head(store_at(place.address), "lamp").turn["result"]["end"] == "stopped"
    if trouble == "closed":
        assert isinstance(ends.next(), WorkerLost)
    time.sleep(1)
    assert len(site.paths()) == count < 60
    ends.engine.close()
    site.close()


def test_the_task_of_a_site_that_is_crawled_elsewhere_does_not_run(tmp_path, monkeypatch):
    class Taken:
        def acquire(self, timeout: float) -> bool:
            return False

    monkeypatch.setattr(dask_worker, "_site_semaphore", lambda *_words: Taken())
    monkeypatch.setattr(stored_run, "run_task", lambda *_words: 1 / 0)
    place = replace(place_in(tmp_path), work_folder=str(tmp_path / "work"))
    assert dask_worker.run_on_worker(SiteTask("lamp", Path("lamp.db"), ()), place) is None


PROGRAM = """
from broadsheet.crawler.cli import main
from broadsheet.crawler.fleet import list_runs
from broadsheet.crawler.fleet.stored_run import StorePlace
StorePlace.__init__.__defaults__ = (*StorePlace.__init__.__defaults__[:-1], 6.0)
list_runs._RENEW_SECONDS = 0.5
main()
"""
"""The program, with which the site of a lost worker waits for 12 seconds in place of two minutes."""


@pytest.mark.slow
def test_an_operator_sees_the_pages_of_a_running_site_and_that_it_waits_after_its_worker_was_ended(tmp_path, cluster):
    """A worker that gets SIGTERM brings its crawl home before it ends, and the site goes on on the next one."""
    cluster.start_worker("machine", "", {}, "--no-nanny")
    site, store = slow_site(), tmp_path / "store"
    sites = tmp_path / "sites.toml"
    sites.write_text(
        f'[defaults]\nallow-private = true\ndelay = 0\nconcurrency = 1\n[sites.lamp]\nurls = ["{site.url}/"]\n'
    )
    words = ["fleet", "run", str(sites), "--store", str(store), "--scheduler", cluster.address, "--work", "$MACHINE"]
    run = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], env=environment(), cwd=tmp_path)
    seen: list[tuple[str, int]] = []

    def status() -> tuple[str, int]:
        code, out, errors = verb_here("fleet", "status", sites, "--store", store, "--json")
        assert code == 0, errors
        (one,) = json.loads(out)["sites"]
        is_waiting = one["is_waiting_after_loss"]
        seen.append(("waiting" if is_waiting else "running" if one["is_running"] else one["end"], one["running_pages"]))
        return seen[-1]

    until(lambda: (store / "store.json").exists(), PATIENCE)
    until(lambda: status()[1] > 3, PATIENCE)
    until(lambda: status()[1] > seen[0][1] + 8, PATIENCE)
    (pid,) = cluster.worker_pids()
    os.kill(pid, signal.SIGTERM)
    until(lambda: not Path(f"/proc/{pid}").exists(), 30)
    assert read_head(store_at(str(store)), "lamp").turn["result"]["end"] == "stopped"
    until(lambda: status()[0] == "waiting", PATIENCE)
    assert run.wait(PATIENCE) == 0
    assert status()[0] == "done"
    pages = [count for _, count in seen if count]
    assert pages == sorted(pages)
    assert all(count == 1 for path, count in Counter(site.paths()).items() if path != "/robots.txt")
    site.close()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with running_s3_server(free_port()) as server:
        for name, value in {**server.environment, **QUICK}.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def tls_cluster(tmp_path: Path) -> Iterator[tuple[DaskCluster, Certificates]]:
    """A cluster that speaks TLS; this process knows no certificate."""
    (tmp_path / "cluster").mkdir()
    certificates = make_certificates(tmp_path / "ours")
    made = DaskCluster(free_port(), tmp_path / "cluster", protocol="tls", variables=certificates.variables)
    try:
        with dask.config.set(certificates.settings):
            made.start_scheduler()
        made.start_worker()
        yield made, certificates
    finally:
        made.close()


@pytest.mark.slow
def test_sites_are_crawled_over_tls_and_no_stranger_is_let_in(
    tmp_path, bucket, tls_cluster,
    serve, monkeypatch
):  # fmt: skip
    cluster, certificates = tls_cluster
    site = serve({"/": page("home", "/a", "/b"), "/a": page("a"), "/b": page("b")})
    sites = tmp_path / "fleet" / "sites.toml"
    sites.parent.mkdir()
    sites.write_text(f'[defaults]\nallow-private = true\ndelay = 0\n[sites.lamp]\nurls = ["{site.url}/"]\n')
    words = ("fleet", "run", sites, "--store", f"s3://{BUCKET}/tls", "--work", "$MACHINE")

    strangers = make_certificates(tmp_path / "strangers")
    with dask.config.set(strangers.settings), pytest.raises(CommandError, match="no Dask scheduler at tls:"):
        connected(cluster.address)
    with pytest.raises(CommandError, match="no Dask scheduler at tcp:"):
        connected(cluster.address.replace("tls:", "tcp:"))

    for name, value in certificates.variables.items():
        monkeypatch.setenv(name, value)
    process = start(*words, "--scheduler", cluster.address)
    out, errors = process.communicate(timeout=PATIENCE)
    log = (tmp_path / "cluster/machine-0.log").read_text()
    assert process.returncode == 0, out + errors + log
    assert out.splitlines()[-1].startswith("1 site: 1 done; 2 new")
    assert "tls://127.0.0.1" in log
    assert "tcp://127.0.0.1" not in log

    store = store_at(f"s3://{BUCKET}/tls")
    stored = {key: b"".join(store.chunks(key)) for key in store.keys("sites/")}
    local = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    key_text = (tmp_path / "ours/node.key").read_bytes().splitlines()[1]
    assert any("/states/" in name for name in stored)
    assert any(path.name == "lamp.db.base" for path in local)  # what the pieces say, not packed
    assert b'"end": "done"' in stored["sites/lamp/head.json"]
    assert not any(path.suffix == ".db" for path in local)
    for place, data in {**stored, **local, "out": out.encode(), "errors": errors.encode()}.items():
        assert SECRET.encode() not in data, place
        assert key_text not in data or place == tmp_path / "ours/node.key", place
