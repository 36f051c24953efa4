"""Tasks on a real cluster on loopback: whatever is killed, every site ends as in an undisturbed run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.fleet.dask_engine import ALLOWED_FAILURES, WORKER_SECONDS, DaskEngine, connected, set_task_terms
from broadsheet.crawler.fleet.object_store import Patience
from broadsheet.crawler.fleet.site_copies import LocalCopy, fetch_site, fetch_warc_files
from broadsheet.crawler.fleet.site_lease import LeaseTerms, read_site
from broadsheet.crawler.fleet.site_states import read_manifest
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.store_engine import StoreEngine
from broadsheet.crawler.fleet.stored_run import StorePlace
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_files import read_away_files
from broadsheet.output.read.verify import verify
from tests.crawler.crawls import until
from tests.crawler.fleet.conftest import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.fleet.troubled_fleet import (
    content_differences,
    run_troubled,
    run_undisturbed,
    served_sites,
    stored_archive,
)
from tests.crawler.fleet.troubled_fleet import place_in as troubled_place
from tests.crawler.scripted_site import Reply, ScriptedSite, page

SITES = 4
PAGES = 12
TROUBLED_SITES = 8


def new_site(number: int) -> ScriptedSite:
    """A site whose pages take a while, so that there is something to disturb."""
    site = ScriptedSite()
    paths = [f"/story/{number}/{index}" for index in range(PAGES)]
    links = "".join(f'<a href="{path}">{path}</a> ' for path in paths)
    site.routes["/"] = f"<html><body><main>{links}</main></body></html>"
    for path in paths:
        site.routes[path] = Reply(page(f"Story {path}", site.url), wait=0.15)
    return site


@pytest.fixture
def sites() -> Iterator[list[ScriptedSite]]:
    servers = [new_site(number) for number in range(SITES)]
    yield servers
    for server in servers:
        server.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    """A cluster whose scheduler was started with terms of its own."""
    made = DaskCluster(free_port(), tmp_path, variables={"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "50s"})
    try:
        yield made
    finally:
        made.close()


def tasks_of(sites: list[ScriptedSite]) -> list[SiteTask]:
    words = ("--allow-private", "--delay", "0", "--concurrency", "1", "--no-sitemaps", "--no-feeds", "-q")
    return [
        SiteTask(f"site-{number}", Path(f"site-{number}.db"), (site.url, *words), hosts=(site.url,))
        for number, site in enumerate(sites)
    ]


def place_in(tmp_path: Path, work_folder: str) -> StorePlace:
    address = str(tmp_path / "store")
    return StorePlace(
        address, make_store(address), work_folder, LeaseTerms(3.0, 1.0), Patience(60, 0.2, 1.0), wait_seconds=60
    )


def stored_pages(place: StorePlace, tmp_path: Path, name: str) -> tuple[list[str], list[str]]:
    """The paths of a site's captures in the store, and what verify finds in its archive and WARC files."""
    store = store_at(place.address)
    key = read_site(store, name).manifest
    copy = LocalCopy(tmp_path / "looked-at" / name, name, place.identity)
    fetch_site(store, read_manifest(store, key), key, copy)
    fetch_warc_files(store, copy.archive, list(read_away_files(copy.archive)))
    with closing(open_database(copy.archive, read_only=True)) as db:
        urls = [url for (url,) in db.execute("SELECT url FROM captures WHERE url LIKE '%/story/%' ORDER BY url")]
        findings = [problem.detail for problem in verify(db)]
    return ["/" + url.split("/", 3)[3] for url in urls], findings


def run_engine(engine: DaskEngine | StoreEngine, tasks: list[SiteTask]) -> dict[str, tuple[SiteResult, float]]:
    """The result of each task, and when it came; a second one of a task is a fault."""
    results: dict[str, tuple[SiteResult, float]] = {}

    def note(result: SiteResult) -> None:
        assert result.name not in results
        results[result.name] = (result, time.monotonic())

    engine.run(tasks, note)
    return results


def no_crawl_is_left(folder: Path) -> bool:
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                return False
    return True


@pytest.mark.nightly
def test_every_site_ends_as_undisturbed_whatever_is_killed(tmp_path: Path, cluster: DaskCluster) -> None:
    """In small what `tests/bench/fleet_faults.py` does with sixty sites, and real ones."""
    with served_sites(TROUBLED_SITES, PAGES) as sites:
        quiet_place = troubled_place(tmp_path / "quiet", str(tmp_path / "quiet-work"), LeaseTerms())
        run_undisturbed(sites, quiet_place, 4)
        place = troubled_place(tmp_path / "troubled", "$MACHINE", LeaseTerms(5.0, 1.0))
        cluster.start_scheduler()
        for _ in range(4):
            cluster.start_worker()
        run = run_troubled(cluster, sites, place, seed=18)
        assert (run.bad_ends, run.fetched_after_home) == ([], [])
        assert run.kills >= 4
        assert run.restarts == 1
        assert run.seconds_away > 0
        for site in sites:
            quiet = stored_archive(quiet_place, site.name, tmp_path / "a")
            troubled = stored_archive(place, site.name, tmp_path / "b")
            assert troubled.findings == ()
            assert content_differences(quiet.path, troubled.path) == []
            assert troubled.captured_after(run.home_at) == []
        run_engine(DaskEngine(cluster.address, place, 60.0), [site.task(2) for site in sites])
        assert sum(len(site.log) for site in sites) == run.requests
    cluster.close()
    until(lambda: no_crawl_is_left(tmp_path / "machine"), 240)


@pytest.mark.slow
def test_two_machines_on_one_store_share_the_sites(tmp_path: Path, sites: list[ScriptedSite]) -> None:
    tasks = tasks_of(sites)
    places = [place_in(tmp_path, str(tmp_path / f"machine-{number}")) for number in range(2)]
    ends: list[dict[str, tuple[SiteResult, float]]] = []
    threads = [
        threading.Thread(target=lambda place=place: ends.append(run_engine(StoreEngine(place, 2), tasks)))
        for place in places
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {result.end for results in ends for result, _ in results.values()} == {SiteEnd.DONE}
    for number, site in enumerate(sites):
        paths, findings = stored_pages(places[0], tmp_path, f"site-{number}")
        assert findings == []
        assert sorted(path for path in site.paths() if "story" in path) == sorted(paths)
        assert len(paths) == PAGES


def test_no_scheduler_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadsheet.crawler.fleet.dask_engine._CONNECT_SECONDS", 0.05)
    engine = DaskEngine(f"tcp://127.0.0.1:{free_port()}", place_in(tmp_path, str(tmp_path)))
    with pytest.raises(CommandError, match="there is no Dask scheduler at tcp:"):
        engine.run([SiteTask("a", Path("a.db"), ())], print)


DEATHS = 5
"""One more than Dask allows a task by itself."""


def deadly(task: SiteTask, store_place: StorePlace, turn: str) -> SiteResult:
    """In place of a crawl: kills its worker some times, as a machine that is taken away does."""
    deaths = Path(store_place.address)
    with deaths.open("a") as stream:
        if stream.tell() < DEATHS:
            stream.write("x")
            stream.close()
            os.kill(os.getpid(), signal.SIGKILL)
    return SiteResult(task.name, SiteEnd.DONE, 0, task.archive)


def terms_of(cluster: DaskCluster) -> tuple[int, float]:
    def terms(dask_scheduler: Any) -> tuple[int, float]:
        return dask_scheduler.allowed_failures, dask_scheduler.worker_ttl

    with connected(cluster.address) as client:
        return tuple(client.run_on_scheduler(terms))


@pytest.mark.slow
def test_a_task_outlives_more_workers_than_dask_allows_it(tmp_path: Path, cluster: DaskCluster) -> None:
    cluster.start_scheduler()
    assert terms_of(cluster) == (3, 50.0)
    cluster.start_worker()
    results: list[SiteResult] = []
    engine = DaskEngine(cluster.address, StorePlace(str(tmp_path / "deaths"), "none", "/nowhere"), function=deadly)
    engine.run([SiteTask("lamp", Path("lamp.db"), ())], results.append)
    assert [result.end for result in results] == [SiteEnd.DONE]
    assert engine._turn.attempts == Counter()  # Dask itself has not given up once
    assert terms_of(cluster) == (ALLOWED_FAILURES, WORKER_SECONDS)


class FirmClient:
    """A client of a scheduler that takes no functions."""

    def run_on_scheduler(self, _function: object) -> None:
        raise ValueError("Cannot run function as the scheduler has been explicitly disallowed from deserializing")


def test_a_scheduler_that_takes_no_functions_keeps_its_terms(caplog: pytest.LogCaptureFixture) -> None:
    set_task_terms(FirmClient())  # type: ignore[arg-type]
    assert "the scheduler keeps its own terms for tasks: Cannot run function" in caplog.text
