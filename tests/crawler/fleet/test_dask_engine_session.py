"""Session with a scheduler that a test scripts: what becomes of results, failures, restarts, stops and lost links."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from contextlib import contextmanager
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
        assert re.fullmatch(rf"{task.name}-{turn}-[0-9a-f]{{8}}", key)
        assert len(turn) == 16
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
    stops_asleep: bool = False
    results: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = DaskEngine("tcp://h:1", PLACE)
        self.turn = dask_engine.TaskTurn(dask_engine.HostQueue(tasks(self.names)), self._note)
        self.patch.setattr(dask_engine, "connected", self._connected)
        clock = SimpleNamespace(monotonic=lambda: self.seconds, sleep=self._sleep)
        self.patch.setattr(dask_engine, "time", clock)

    def session(self, client: ScriptedClient) -> dask_engine.SchedulerSession:
        self.engine._turn = self.turn
        return dask_engine.SchedulerSession(self.engine, self.turn, client)  # type: ignore[arg-type]

    def _connected(self, address: str) -> ScriptedClient:
        assert address == "tcp://h:1"
        client = self.clients.pop(0) if self.clients else None
        if client is None:
            raise CommandError("there is no Dask scheduler")
        return client

    def _sleep(self, seconds: float) -> None:
        assert seconds == 0.5
        self.seconds += 50.0
        self.engine._turn.stops += self.stops_asleep

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


UNSTARTED = "{}: not_started 1 stopped before its turn"


@pytest.mark.parametrize(
    ("statuses", "results"),
    [
        (["cancelled"], [UNSTARTED.format("a"), UNSTARTED.format("b"), UNSTARTED.format("c")]),
        (["error"], ["a: killed 1 RuntimeError:", UNSTARTED.format("b"), UNSTARTED.format("c")]),
        (["finished", "finished", "finished"], [DONE.format(name) for name in "abc"]),
    ],
    ids=["forgotten", "failed", "all have begun"],
)
def test_a_stop_is_passed_on_once_and_what_waits_does_not_begin(
    monkeypatch: pytest.MonkeyPatch, statuses: list[str], results: list[str]
) -> None:
    log: list[str] = []

    def stop_then(status: str) -> Script:
        def script(future: ScriptedFuture) -> None:
            fleet.engine.stop()
            future.status = status

        return script

    script = [*map(ends, statuses[:-1]), stop_then(statuses[-1])]
    fleet = Fleet(monkeypatch, [ScriptedClient(script, log)], names="abc")
    assert sorted(fleet.run()) == results
    assert (log[0], log.count("stop"), log[-1]) == ("terms", 1, "close in 2")


def test_after_a_stop_before_it_runs_or_while_it_waits_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    early = Fleet(monkeypatch, [], names="a")
    early.clients.append(ScriptedClient([], early.results))
    early.engine.stop()
    assert early.run() == ["terms", UNSTARTED.format("a"), "stop", "close in 2"]
    waiting = Fleet(monkeypatch, [ScriptedClient([breaks], log)], names="a", stops_asleep=True)
    assert waiting.run() == ["a: not_started 1 the scheduler at tcp://h:1 is gone"]
    assert waiting.seconds == 50.0


def test_a_second_stop_leaves_the_tasks_to_their_workers_and_none_has_two_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log: list[str] = []
    fleet = Fleet(monkeypatch, [])
    session = fleet.session(ScriptedClient([], log))
    session._hand_out()
    fleet.engine.stop()
    fleet.engine.stop()
    session.run()
    assert fleet.results == [f"{name}: not_started 1 ended at once; its worker stops it and brings it home"
                             for name in "ab"]  # fmt: skip
    assert log == ["a finished", "b finished", "terms", "stop"]


def test_workers_are_waited_for_from_when_there_were_any_and_missed_in_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = Fleet(monkeypatch, [])
    client = ScriptedClient([], [])
    session = fleet.session(client)
    assert fleet.engine.worker_seconds == 600.0
    fleet.engine.worker_seconds = 6000.0
    for seconds, cores, lines in ((6, 0, 1), (12, 0, 1), (50, 3, 1), (56, 0, 2), (6050, 0, 2), (6056, 0, 2)):
        fleet.seconds, client.cores = seconds, cores
        session._check()
        assert (len(caplog.messages), bool(fleet.results)) == (lines, seconds == 6056), seconds
        client.cores = 9
        session._check()
        assert session._room == 2 * cores + 8, "workers are counted each five seconds"
    assert "waiting 100 minutes for it" in caplog.text


@pytest.mark.parametrize(
    ("cores", "seconds", "handed_out"), [(0, 6.0, 8), (1, 6.0, 10), (2, 6.0, 12), (2, 5.0, 8), (2, 5.1, 12)]
)
def test_so_many_tasks_are_handed_out_as_workers_can_run_and_some_ahead(
    monkeypatch: pytest.MonkeyPatch, cores: int, seconds: float, handed_out: int
) -> None:
    log: list[str] = []

    class Patient(ScriptedFuture):
        def add_done_callback(self, call: object) -> None:
            return

    monkeypatch.setattr(f"{__name__}.ScriptedFuture", Patient)
    client = ScriptedClient([], log, cores)
    fleet = Fleet(monkeypatch, [client], names="abcdefghijklmnop")
    fleet.seconds = seconds
    session = fleet.session(client)
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
    monkeypatch.setattr(dask_engine, "worker_lifeline", lambda: dask_engine._stopped_lock.locked() and "lifeline")
    monkeypatch.setattr(dask_engine, "worker_slots", lambda place: Path("/slots"))
    monkeypatch.setattr(dask_engine, "_stopped_turns", set())
    monkeypatch.setattr(dask_engine, "run_task", lambda *words: hosts.append(words[2]) or words[:2])
    assert run_on_worker(task, PLACE, "turn-1") == (task, PLACE)
    assert (hosts[0].lifeline, hosts[0].grants, hosts[0].is_stopped()) == ("lifeline", Path("/slots"), False)
    stop_turn("turn-2")
    assert not hosts[0].is_stopped()
    stop_turn("turn-1")
    assert hosts[0].is_stopped()


def test_a_worker_has_slots_until_its_process_ends_and_sees_to_what_killed_ones_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log, at_exit = list[object](), list[Callable[[], object]]()

    @contextmanager
    def granted(place: StorePlace) -> Any:
        yield log.append(place) or Path("/slots")
        log.append("given back")

    monkeypatch.setattr(dask_engine, "bring_left_copies", lambda place: [f"from {place.address}"])
    monkeypatch.setattr(dask_engine, "granted_slots", granted)
    monkeypatch.setattr(dask_engine.atexit, "register", at_exit.append)
    assert dask_engine.worker_slots.__wrapped__(PLACE) == Path("/slots")
    assert (log, caplog.messages) == ([PLACE], ["from /store"])
    at_exit[0]()
    assert log == [PLACE, "given back"]


def test_a_client_waits_ten_seconds_and_dask_says_nothing_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    monkeypatch.setattr("distributed.Client", lambda *words, **options: made.append((words, options)))
    monkeypatch.setattr(logging.getLogger("distributed.test"), "level", logging.INFO)
    monkeypatch.setattr(logging.getLogger("distributor"), "level", logging.INFO)
    dask_engine.connected("tcp://h:1")
    assert made == [(("tcp://h:1",), {"timeout": 10, "set_as_default": False})]
    names = ("distributed.test", "distributor")
    assert [logging.getLogger(name).level for name in names] == [logging.CRITICAL, logging.INFO]
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CommandError, match=r"^a scheduler needs Dask: .*(fleet|'distributed)"):
        dask_engine.connected("tcp://h:1")
