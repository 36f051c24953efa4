"""A worker that is started again as long as it is wanted."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator

import pytest

from broadsheet.crawler.fleet import worker_loop
from broadsheet.crawler.fleet.worker_loop import is_reachable, run_worker, worker_command
from tests.crawler.fleet.conftest import free_port


@pytest.fixture(autouse=True)
def own_signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(worker_loop, "_PAUSE", 0.01)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_a_worker_of_a_scheduler_on_loopback_listens_there_too() -> None:
    assert "--host" in worker_command("tcp://127.0.0.1:8786", 3, "/tmp/x")
    assert "--host" not in worker_command("tls://10.1.0.4:8786", 3, "/tmp/x")


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
    assert [command[0] for command in runs] == [sys.executable] * 3
