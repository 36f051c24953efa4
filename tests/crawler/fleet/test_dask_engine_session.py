"""Session with a scheduler that a test scripts: what becomes of results, failures, restarts, stops and lost links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from distributed.comm.core import CommClosedError

from broadsheet.crawler.command_values import CommandError
from broadsheet.crawler.fleet import dask_engine
from broadsheet.crawler.fleet.dask_engine import DaskEngine, run_on_worker, set_task_terms, stop_turn
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.stored_run import CrawlHost, StorePlace

PLACE = StorePlace("/store", "store-1", "/work")
Script = Callable[["ScriptedFuture"], None]


@dataclass
class ScriptedFuture:
    """A task that a scheduler has; `status` says what came of it."""

    key: str
    words: tuple[Any, ...]
    status: str = "finished"
    message: str = ""

    def add_done_callback(self, call: Callable[[ScriptedFuture], None]) -> None:
        call(self)

    def result(self) -> SiteResult:
        task = self.words[0]
        return SiteResult(task.name, SiteEnd.DONE, 0, task.archive)

    def exception(self) -> Exception:
        return RuntimeError(self.message)


@dataclass
class ScriptedClient:
    """A client whose tasks end as `script` says, one after the other; the rest are finished."""

    script: list[Script]
    log: list[str]
    cores: int = 1
    status: str = "running"
    submitted: list[tuple[str, str, bool]] = field(default_factory=list)

    def run_on_scheduler(self, _function: object) -> None:
        self.log.append("terms")

    def ncores(self) -> dict[str, int]:
        return {"a": self.cores, "b": 0}

    def submit(self, function: object, *words: Any, key: str, pure: bool) -> ScriptedFuture:
        task, place, turn = words
        assert (function, place, pure) == (run_on_worker, PLACE, False)
        assert key.startswith(f"{task.name}-{turn}-")
        future = ScriptedFuture(key, words)
        if self.script:
            self.script.pop(0)(future)
        self.log.append(f"{task.name} {future.status}")
        return future

    def run(self, function: object, turn: str) -> None:
        assert function is stop_turn
        self.log.append("stop")

    def close(self, timeout: float) -> None:
        self.log.append(f"close in {timeout}")
        raise OSError("it is closed already")


def ends(status: str, message: str = "") -> Script:
    def script(future: ScriptedFuture) -> None:
        future.status, future.message = status, message

    return script


def breaks(_future: ScriptedFuture) -> None:
    raise CommClosedError("the link is gone")


def tasks(names: str) -> list[SiteTask]:
    return [SiteTask(name, Path(f"{name}.db"), (), hosts=(name,)) for name in names]


@dataclass
class Fleet:
    """An engine, the clients that it gets one after the other, and the results."""

    patch: pytest.MonkeyPatch
    clients: list[ScriptedClient | None]
    names: str = "ab"
    seconds: float = 0.0
    results: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = DaskEngine("tcp://h:1", PLACE)
        self.patch.setattr(dask_engine, "connected", self._connected)
        clock = SimpleNamespace(monotonic=lambda: self.seconds, sleep=self._sleep)
        self.patch.setattr(dask_engine, "time", clock)
        self.patch.setattr(dask_engine, "_LOOK_SECONDS", 0.001)

    def _connected(self, address: str) -> ScriptedClient:
        assert address == "tcp://h:1"
        client = self.clients.pop(0) if self.clients else None
        if client is None:
            raise CommandError("there is no Dask scheduler")
        return client

    def _sleep(self, seconds: float) -> None:
        self.seconds += 50.0

    def run(self) -> list[str]:
        self.engine.run(tasks(self.names), self._note)
        return self.results

    def _note(self, result: SiteResult) -> None:
        self.results.append(f"{result.name}: {result.end} {result.exit_code} {result.message}".strip())


DONE = "{}: done 0"


def test_a_task_that_a_restarted_scheduler_has_forgotten_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    fleet = Fleet(monkeypatch, [ScriptedClient([ends("cancelled"), ends("lost")], log)])
    assert sorted(fleet.run()) == [DONE.format("a"), DONE.format("b")]
    assert log == ["terms", "a cancelled", "b lost", "a finished", "b finished", "close in 2"]


def test_a_task_that_its_worker_did_not_bring_to_an_end_is_tried_four_times(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    script = [ends("error", "the worker died\nand more")] * 4
    fleet = Fleet(monkeypatch, [ScriptedClient(script, log)], names="a")
    assert fleet.run() == ["a: killed 1 RuntimeError: the worker died"]
    assert log == ["terms", *["a error"] * 4, "close in 2"]
    log.clear()
    again = Fleet(monkeypatch, [ScriptedClient(script[:3], log)], names="a")
    assert again.run() == [DONE.format("a")]


def test_a_scheduler_that_is_gone_is_waited_for_and_gets_what_has_no_result(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []
    first, second = ScriptedClient([ends("finished"), breaks], log), ScriptedClient([], log)
    fleet = Fleet(monkeypatch, [first, None, None, second], names="abc")
    assert sorted(fleet.run()) == [DONE.format(name) for name in "abc"]
    assert fleet.seconds == 100.0
    assert log.count("a finished") == 2, "its result was not taken before the link broke"
    assert log.count("close in 2") == 2
    assert caplog.messages == ["the scheduler at tcp://h:1 is gone; waiting for it"]


@pytest.mark.parametrize("status", ["closed", "running"])
def test_a_scheduler_that_does_not_come_back_leaves_its_tasks(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    log: list[str] = []
    fleet = Fleet(monkeypatch, [ScriptedClient([breaks], log, status=status)])
    assert fleet.run() == [f"{name}: not_started 1 the scheduler at tcp://h:1 is gone" for name in "ab"]
    assert fleet.seconds == 600.0
    assert log == ["terms", "close in 2"]


def test_no_scheduler_at_the_beginning_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="there is no Dask scheduler"):
        Fleet(monkeypatch, []).run()


def test_a_stop_is_passed_on_and_what_waits_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []

    def stop_then(status: str) -> Script:
        def script(future: ScriptedFuture) -> None:
            fleet.engine.stop()
            future.status = status

        return script

    fleet = Fleet(monkeypatch, [ScriptedClient([stop_then("cancelled")], log)])
    assert fleet.run() == [f"{name}: not_started 1 stopped before its turn" for name in "ab"]
    assert log == ["terms", "a cancelled", "stop", "close in 2"]


@pytest.mark.parametrize(("cores", "handed_out"), [(0, 8), (1, 10), (2, 12)])
def test_so_many_tasks_are_handed_out_as_workers_can_run_and_some_ahead(
    monkeypatch: pytest.MonkeyPatch, cores: int, handed_out: int
) -> None:
    log: list[str] = []

    class Patient(ScriptedFuture):
        def add_done_callback(self, call: object) -> None:
            return

    monkeypatch.setattr(f"{__name__}.ScriptedFuture", Patient)
    client = ScriptedClient([], log, cores)
    fleet = Fleet(monkeypatch, [client], names="abcdefghijklmnop")
    fleet.seconds = 6.0
    session = dask_engine.SchedulerSession(
        fleet.engine, dask_engine.TaskTurn(dask_engine.HostQueue(tasks(fleet.names)), fleet._note), client
    )
    session._check()
    session._hand_out()
    assert len(log) == handed_out


@pytest.mark.parametrize(
    ("theirs", "ours"), [((3, 50.0), (30, 300.0)), ((90, 900.0), (90, 900.0)), ((3, None), (30, None))]
)
def test_a_scheduler_keeps_tasks_at_least_as_long_as_a_crawl_needs(
    theirs: tuple[int, float | None], ours: tuple[int, float | None]
) -> None:
    scheduler = SimpleNamespace(allowed_failures=theirs[0], worker_ttl=theirs[1])
    set_task_terms(SimpleNamespace(run_on_scheduler=lambda function: function(scheduler)))
    assert (scheduler.allowed_failures, scheduler.worker_ttl) == ours


def test_a_worker_has_one_lifeline_and_stops_the_crawls_of_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[CrawlHost] = []
    task = tasks("a")[0]
    monkeypatch.setattr(dask_engine, "worker_lifeline", lambda: "lifeline")
    monkeypatch.setattr(dask_engine, "worker_slots", lambda place: Path("/slots"))
    monkeypatch.setattr(dask_engine, "_stopped_turns", set())
    monkeypatch.setattr(dask_engine, "run_task", lambda *words: hosts.append(words[2]) or words[:2])
    assert run_on_worker(task, PLACE, "turn-1") == (task, PLACE)
    assert (hosts[0].lifeline, hosts[0].grants, hosts[0].is_stopped()) == ("lifeline", Path("/slots"), False)
    stop_turn("turn-2")
    assert not hosts[0].is_stopped()
    stop_turn("turn-1")
    assert hosts[0].is_stopped()
