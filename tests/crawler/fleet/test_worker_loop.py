"""A worker that is started again as long as it is wanted, and ends when it is asked to, or is killed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fleet import worker_loop
from broadsheet.crawler.fleet.worker_loop import is_reachable, run_worker, stop_process, worker_command
from tests.crawler.fleet.conftest import free_port


@pytest.fixture(autouse=True)
def own_signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(worker_loop, "_PAUSE", 0.01)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("address", "more"), [("tcp://127.0.0.1:8786", "--host 127.0.0.1 "), ("tls://10.1.0.4:8786", "")]
)
def test_a_worker_of_a_scheduler_on_loopback_listens_there_too(address: str, more: str) -> None:
    program, *words = worker_command(address, 3, "/tmp/x")
    assert program == sys.executable
    assert " ".join(words) == (
        f"-m distributed.cli.dask_worker {address} --nthreads 3 --nworkers 1 --no-dashboard --local-directory /tmp/x "
        f"--death-timeout 60 {more}--memory-limit 0"
    )


def test_a_worker_is_awaited_and_ended_when_it_is_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[tuple[int | None, float]] = []
    monkeypatch.setattr(
        worker_loop, "stop_process",
        lambda process, patience: (ended.append((process.poll(), patience)), stop_process(process, 0.0)),
    )  # fmt: skip
    waits: list[float | None] = []

    class Noted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            return super().wait(0.01)

    stopped = Noted()
    worker_loop._run_once(["sh", "-c", "sleep 0.03; exit 3"], stopped)
    assert (ended, set(waits)) == ([], {0.5})
    threading.Timer(0.05, stopped.set).start()
    worker_loop._run_once(["sleep", "60"], stopped)
    assert ended == [(None, 60.0)]


@pytest.mark.parametrize(("words", "crawls"), [(["tcp://h:1"], 4), (["tcp://h:1", "7"], 7)])
def test_a_worker_runs_four_crawls_or_as_many_as_are_said(
    monkeypatch: pytest.MonkeyPatch, words: list[str], crawls: int
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(worker_loop, "run_worker", lambda *words: asked.append(words))
    monkeypatch.setattr(sys, "argv", ["worker_loop", *words])
    worker_loop.main()
    assert asked == [("tcp://h:1", crawls)]


def test_a_scheduler_that_is_away_is_not_reached() -> None:
    assert not is_reachable(f"tcp://127.0.0.1:{free_port()}")


def test_with_its_scheduler_it_is_started_again_until_it_is_told_to_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        runs: list[list[str]] = []

        def run_once(command: list[str], _stopped: object) -> None:
            runs.append(command)
            if len(runs) == 3:
                signal.raise_signal(signal.SIGTERM)

        monkeypatch.setattr(worker_loop, "_run_once", run_once)
        run_worker(address, 2)
    assert [(command[3], command[5]) for command in runs] == [(address, "2")] * 3


def test_a_connection_has_five_seconds_and_a_worker_comes_two_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class Ending(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            asked.append(timeout)
            self.set()
            return True

    def refuse(*words: object) -> None:
        asked.extend(words)
        raise TimeoutError

    monkeypatch.undo()
    monkeypatch.setattr(worker_loop, "threading", SimpleNamespace(Event=Ending))
    monkeypatch.setattr(worker_loop.socket, "create_connection", refuse)
    run_worker("tcp://h.example:8786", 2)
    assert asked == [("h.example", 8786), 5.0, 2.0]
    assert not is_reachable("scheduler.json")
    assert asked[3:] == [("", 0), 5.0]


@pytest.mark.parametrize(
    ("trap", "patience", "ending"),
    [("trap 'exit 3' TERM", 60.0, 3), ("trap '' TERM", 0.05, -signal.SIGKILL)],
    ids=["in good order", "deaf"],
)
def test_a_process_is_gone_once_it_is_stopped(trap: str, patience: float, ending: int) -> None:
    process = subprocess.Popen(["sh", "-c", f"{trap}; echo ready; while :; do sleep .02; done"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    stop_process(process, patience)
    process.stdout.close()
    assert process.returncode == ending
