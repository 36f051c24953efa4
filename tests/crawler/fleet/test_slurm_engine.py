"""`fleet run --cluster` with an `sbatch` that starts the job script here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.fleet import slurm_engine
from broadsheet.crawler.fleet.site_task import SiteResult, SiteTask
from broadsheet.crawler.fleet.slurm_engine import SlurmEngine
from broadsheet.crawler.fleet.stored_run import StorePlace
from tests.crawler.crawls import QUICK
from tests.crawler.fleet.fake_slurm import install_fake_slurm, job_pids
from tests.crawler.fleet.test_slurm_engine_slurm_job import CLUSTER
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.crawler.shell import environment, start
from tests.crawler.warm import PATIENCE

TASK = SiteTask("lamp", Path("lamp.db"), ())
PLACE = StorePlace("/nowhere", "none", "/nowhere")


class PretendEngine:
    """In place of Dask's: every task stays unstarted, or a fault."""

    def __init__(self, address: str, store_place: StorePlace, worker_seconds: float) -> None:
        self.address, self.worker_seconds, self.is_stopped = address, worker_seconds, False

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        assert (self.address, self.worker_seconds) == ("tcp://h:1", CLUSTER.patience)
        if not self.is_stopped:
            raise CommandError("the engine has a fault")
        on_result(SiteResult.without_run(tasks[0], "stopped"))

    def stop(self) -> None:
        self.is_stopped = True


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of Slurm; a scheduler is pretended."""

    @contextmanager
    def pretended_scheduler(_cluster: object) -> Iterator[str]:
        yield "tcp://h:1"

    calls: list[str] = []
    monkeypatch.setattr(slurm_engine, "running_scheduler", pretended_scheduler)
    monkeypatch.setattr(slurm_engine, "DaskEngine", PretendEngine)
    monkeypatch.setattr(slurm_engine, "submit_jobs", lambda script: calls.append(script.read_text()) or "77")
    monkeypatch.setattr(slurm_engine, "cancel_jobs", calls.append)
    return calls


def test_jobs_end_with_the_command_however_it_ends(tmp_path: Path, calls: list[str]) -> None:
    results: list[SiteResult] = []
    engine = SlurmEngine(CLUSTER, PLACE, tmp_path / "cluster")
    with pytest.raises(CommandError, match="has a fault"):
        engine.run([TASK], results.append)
    assert "worker_loop tcp://h:1 8" in calls[0]
    assert calls[1:] == ["77"]
    engine.stop()
    engine.run([TASK], results.append)
    assert [result.message for result in results] == ["stopped"]
    assert calls[3:] == ["77"]


def test_jobs_that_cannot_be_ended_are_named(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_job: str) -> None:
        raise CommandError("scancel failed: away")

    monkeypatch.setattr(slurm_engine, "cancel_jobs", refuse)
    engine = SlurmEngine(CLUSTER, PLACE, tmp_path / "cluster")
    engine.stop()
    engine.run([TASK], lambda result: None)
    assert "scancel failed: away; end the workers with: scancel 77" in caplog.text
    assert calls


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = install_fake_slurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    yield folder
    for pid in job_pids(folder):
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def command(tmp_path: Path, sites: list[ScriptedSite], cluster: str) -> list[object]:
    tables = [f'[sites.s{number}]\nurls = ["{site.url}/"]\n' for number, site in enumerate(sites)]
    (tmp_path / "sites.toml").write_text("[defaults]\nallow-private = true\ndelay = 0\n" + "".join(tables))
    (tmp_path / "slurm.toml").write_text(cluster)
    words = ("--store", tmp_path / "store", "--work", "$MACHINE", "--cluster", tmp_path / "slurm.toml")
    return ["fleet", "run", tmp_path / "sites.toml", *words]


def group_is_gone(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


def until_workers_are_gone(slurm: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not all(map(group_is_gone, job_pids(slurm))):
        assert time.monotonic() < end, "workers stay"
        time.sleep(0.1)


@pytest.mark.slow
def test_sites_are_crawled_by_workers_that_sbatch_starts_and_that_end_with_the_command(
    tmp_path: Path, slurm: Path, serve: Callable[..., ScriptedSite]
) -> None:
    sites = [serve({"/": page("home", "/a", "/b"), "/a": page("a"), "/b": page("b")}) for _ in range(3)]
    process = start(*command(tmp_path, sites, '[cluster]\nhost = "127.0.0.1"\nworkers = 2\ncrawls = 2\n'))
    out, errors = process.communicate(timeout=PATIENCE)
    logs = "\n".join(log.read_text() for log in (tmp_path / "archives/.fleet/cluster").glob("*.log"))
    assert process.returncode == 0, out + errors + logs
    assert out.splitlines()[-1].startswith("3 sites: 3 done; 6 new")
    assert (slurm / "cancelled-77").exists()
    assert len(job_pids(slurm)) == 2
    until_workers_are_gone(slurm)
    for number in range(3):
        archive = next((tmp_path / "store/sites" / f"s{number}" / "archive").iterdir())
        assert archive.stat().st_size


@pytest.mark.slow
def test_what_slurm_refuses_is_one_line(tmp_path: Path, slurm: Path, serve: Callable[..., ScriptedSite]) -> None:
    site = serve({"/": page("home")})
    file = '[cluster]\nhost = "127.0.0.1"\n[sbatch]\npartition = "none"\n'
    process = start(*command(tmp_path, [site], file))
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    lines = [line for line in errors.splitlines() if "sbatch" in line]
    assert lines == ["broadsheet: sbatch failed: sbatch: error: invalid partition specified: none"]
    assert "Traceback" not in errors
    assert site.paths() == []


_IMPATIENT = """
import sys
from broadsheet.crawler.cli import run
from broadsheet.crawler.fleet import slurm_engine
slurm_engine._IDLE_TIMEOUT, slurm_engine._LOST_SECONDS = "8s", 1
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.slow
def test_workers_of_a_command_that_was_killed_go_too(
    tmp_path: Path, slurm: Path, serve: Callable[..., ScriptedSite]
) -> None:
    site = serve({"/": page("home", "/a"), "/a": Reply(page("a"), wait=12)})
    words = map(str, command(tmp_path, [site], '[cluster]\nhost = "127.0.0.1"\n'))
    process = subprocess.Popen([sys.executable, "-c", _IMPATIENT, *words], env=environment())
    end = time.monotonic() + PATIENCE
    while "/a" not in site.paths():
        assert process.poll() is None, "the command ended"
        assert time.monotonic() < end, "no crawl began"
        time.sleep(0.1)
    process.kill()
    process.wait()
    until_workers_are_gone(slurm)
    assert not (slurm / "cancelled-77").exists()
