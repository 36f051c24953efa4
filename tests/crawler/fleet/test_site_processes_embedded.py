"""Crawls side by side: as many as there is room for, and never two of one host."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest

from broadsheet.crawler.crawl.processes import Lifeline
from broadsheet.crawler.fleet import site_processes as embedded
from broadsheet.crawler.fleet import site_processes as run_site
from broadsheet.crawler.fleet.fleet_folder import RecordFolder
from broadsheet.crawler.fleet.site_processes import EmbeddedEngine, default_parallel, end_of
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask

STARTED: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def quick_commands(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In place of a crawl: the shell command that stands in place of its URL."""

    def start(
        lifeline: Lifeline, words: Sequence[str], output: IO[bytes], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        STARTED.append(subprocess.Popen(["sh", "-c", words[-1]], stdout=output, stderr=output))
        return STARTED[-1]

    monkeypatch.setattr(Lifeline, "start", start)
    monkeypatch.setattr(embedded, "_PAUSE", 0.005)
    monkeypatch.setattr(run_site, "_PAUSE", 0.005)
    yield
    for process in STARTED:
        process.kill()
        process.wait()
    STARTED.clear()


def task(name: str, command: str, *hosts: str) -> SiteTask:
    return SiteTask(name, Path(f"{name}.db"), (command,), hosts=hosts)


def results_of(tmp_path: Path, tasks: list[SiteTask], parallel: int = 4) -> dict[str, SiteResult]:
    results: list[SiteResult] = []
    EmbeddedEngine(RecordFolder(tmp_path), parallel).run(tasks, results.append)
    assert len(results) == len({result.name for result in results}) == len(tasks)
    return {result.name: result for result in results}


def test_each_end_has_its_reason(tmp_path: Path) -> None:
    results = results_of(tmp_path, [
        task("well", "exit 0"), task("nothing", "echo 'broadsheet: no article found'; echo bye; exit 1"),
        task("wrong", "exit 2"), task("busy", "exit 75"), task("dead", "kill -9 $$"), task("ended", "kill -15 $$"),
        task("other", "echo last words; exit 7"),
    ])  # fmt: skip
    assert {name: (result.end, result.message) for name, result in results.items()} == {
        "well": (SiteEnd.DONE, ""),
        "nothing": (SiteEnd.FAILED, "no article found"),
        "wrong": (SiteEnd.BAD_OPTIONS, ""),
        "busy": (SiteEnd.IN_USE, ""),
        "dead": (SiteEnd.KILLED, "killed by signal 9; the same command goes on from there"),
        "ended": (SiteEnd.STOPPED, ""),
        "other": (SiteEnd.FAILED, "last words"),
    }


def test_no_more_than_there_is_room_for_and_no_host_twice(tmp_path: Path) -> None:
    """Each command looks for others of its host, and counts those that run."""
    command = (
        f"cd {tmp_path}; mkdir host-{{host}} || exit 1; touch run-$$; ls run-* | wc -l >> counts; sleep 0.02;"
        " rm run-$$; rmdir host-{host}"
    )
    hosts = ["a", "a", "b", "c", "d", "a", "b"]
    tasks = [task(f"s{number}", command.format(host=host), host) for number, host in enumerate(hosts)]
    results = results_of(tmp_path, tasks, parallel=2)
    assert {result.end for result in results.values()} == {SiteEnd.DONE}
    assert max(map(int, (tmp_path / "counts").read_text().split())) <= 2


def test_what_the_system_kills_is_tried_again_some_times(tmp_path: Path) -> None:
    count = f"echo >> {tmp_path}/$NAME; test $(wc -l < {tmp_path}/$NAME) -ge $ENOUGH || kill -9 $$"
    tasks = [
        task("recovers", f"NAME=first ENOUGH=3; {count}"), task("dies", f"NAME=second ENOUGH=9; {count}"),
    ]  # fmt: skip
    results = results_of(tmp_path, tasks)
    assert {name: result.end for name, result in results.items()} == {
        "recovers": SiteEnd.DONE, "dies": SiteEnd.KILLED,
    }  # fmt: skip
    assert [len((tmp_path / name).read_text().splitlines()) for name in ("first", "second")] == [3, 3]


def test_a_stop_reaches_what_runs_and_nothing_more_starts(tmp_path: Path) -> None:
    engine, results = EmbeddedEngine(RecordFolder(tmp_path), 1), []
    tasks = [task("runs", "exec sleep 60"), task("waits", "exit 0")]

    def stop_soon() -> None:
        while not engine.running():
            pass
        engine.stop()

    thread = threading.Thread(target=stop_soon)
    thread.start()
    engine.run(tasks, results.append)
    thread.join()
    assert {result.name: result.end for result in results} == {
        "waits": SiteEnd.NOT_STARTED, "runs": SiteEnd.STOPPED,
    }  # fmt: skip


def test_what_cannot_be_started_has_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(Lifeline, "start", refuse)
    result = results_of(tmp_path, [task("a", "exit 0")])["a"]
    assert (result.end, result.message) == (
        SiteEnd.NOT_STARTED, "cannot be started: Resource temporarily unavailable",
    )  # fmt: skip


def test_a_machine_has_room_for_one_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded.os, "cpu_count", lambda: 2)
    for memory, parallel in ((0, 8), (1_000_000, 1), (3_000_000_000, 5), (10**12, 8)):
        monkeypatch.setattr(embedded, "memory_bytes", lambda memory=memory: memory)
        assert default_parallel() == parallel


def test_a_code_of_two_signals_is_a_stop() -> None:
    assert {end_of(code) for code in (130, 143, -15, -2)} == {SiteEnd.STOPPED}
    assert end_of(-11) is SiteEnd.KILLED
