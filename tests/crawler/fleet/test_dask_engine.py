"""Tasks on a real cluster on loopback: a lost worker's runs again once that has stopped, and never twice at once."""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.fleet.dask_engine import DaskEngine, set_terms
from broadsheet.crawler.fleet.object_store import Patience
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask, WorkerLost
from broadsheet.crawler.fleet.store_address import make_store
from broadsheet.crawler.fleet.stored_run import StorePlace
from tests.crawler.crawls import until
from tests.crawler.fleet.conftest import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster
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


def test_no_scheduler_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadsheet.crawler.fleet.dask_engine._CONNECT_SECONDS", 0.05)
    with pytest.raises(CommandError, match="there is no Dask scheduler at tcp:"):
        DaskEngine(f"tcp://127.0.0.1:{free_port()}", place_in(tmp_path))


class FirmClient:
    """A client of a scheduler that takes no functions."""

    def run_on_scheduler(self, _function: object) -> None:
        raise ValueError("Cannot run function as the scheduler has been explicitly disallowed from deserializing")


def test_a_scheduler_that_takes_no_settings_is_refused_in_a_line() -> None:
    with pytest.raises(CommandError, match="the scheduler at tcp://x takes no settings") as caught:
        set_terms(FirmClient(), "tcp://x")  # type: ignore[arg-type]
    assert "\n" not in caught.value.message


def hang_or_die(task: SiteTask, place: StorePlace, slots_after: float) -> SiteResult:
    """In place of a crawl: kills its worker the first time, as a machine that is taken away does."""
    deaths = Path(place.address) / "deaths"
    with deaths.open("a") as stream:
        stream.write("x")
    if deaths.stat().st_size == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return SiteResult(task.name, SiteEnd.DONE, 0, task.archive)


@pytest.mark.slow
def test_dask_runs_no_lost_worker_s_task_again(tmp_path: Path, cluster: DaskCluster) -> None:
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
