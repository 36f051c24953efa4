"""What a scheduler that somebody started by hand keeps to once a fleet has run on it."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.fleet.dask_engine import ALLOWED_FAILURES, WORKER_SECONDS, DaskEngine, connected, set_task_terms
from broadsheet.crawler.fleet.site_lease import LeaseTerms
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.stored_run import StorePlace
from tests.crawler.fleet.conftest import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster

DEATHS = 5
"""One more than Dask allows a task by itself."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    made = DaskCluster(free_port(), tmp_path, variables={"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "50s"})
    try:
        yield made
    finally:
        made.close()


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


def test_a_worker_is_not_given_up_before_its_leases_are() -> None:
    terms = LeaseTerms()
    assert terms.seconds + terms.skew_seconds < WORKER_SECONDS
