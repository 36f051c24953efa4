"""Crawls on the workers of a cluster: one of a site at a time, also where a worker has lost its scheduler."""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.crawler.fleet import dask_worker, stored_run
from broadsheet.crawler.fleet.dask_engine import DaskEngine
from broadsheet.crawler.fleet.site_head import read_head
from broadsheet.crawler.fleet.site_task import SiteTask, WorkerLost
from broadsheet.crawler.fleet.store_address import store_at
from tests.crawler.crawls import until
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.fleet.test_dask_engine import LOST_SECONDS, Ends, cluster, place_in
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.crawler.warm import PATIENCE

__all__ = ["cluster"]


def test_runs_that_were_taken_over_stop_and_those_of_others_do_not(tmp_path: Path) -> None:
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
            state.under_way[run, other.identity] = 1
        assert dask_worker.stop_earlier_runs(place) == 1
        assert {run for run, _ in state.stopped_runs} == {"1/2 old"}
        assert state.is_stopped(replace(place, run="1/2 old"))
        assert not state.is_stopped(place)
    finally:
        state.under_way.clear()
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
def test_a_worker_that_has_lost_its_scheduler_stops_its_crawl_and_no_other_begins_before(
    tmp_path: Path, cluster: DaskCluster, trouble: str
) -> None:
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


def test_the_task_of_a_site_that_is_crawled_elsewhere_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Taken:
        def acquire(self, timeout: float) -> bool:
            return False

    monkeypatch.setattr(dask_worker, "_semaphore", lambda *_words: Taken())
    monkeypatch.setattr(stored_run, "run_task", lambda *_words: 1 / 0)
    place = replace(place_in(tmp_path), work_folder=str(tmp_path / "work"))
    assert dask_worker.run_on_worker(SiteTask("lamp", Path("lamp.db"), ()), place, 0.0) is None
