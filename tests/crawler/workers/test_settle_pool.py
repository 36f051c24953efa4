"""Work is shared out to processes, and done here by nobody else's leave where they are missing."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from typing import ClassVar

import pytest

from broadsheet.crawler.workers.settle_pool import SettlePool
from broadsheet.crawler.workers.worker import WorkerProcess


def double(number: int) -> tuple[int, int]:
    return 2 * number, os.getpid()


def doubles(results: Iterator[tuple[int, int]]) -> tuple[list[int], set[int]]:
    pairs = list(results)
    return [number for number, _ in pairs], {pid for _, pid in pairs}


def test_the_processes_serve_until_the_end_and_then_are_gone() -> None:
    with SettlePool(1) as share:
        _, first = doubles(share(double, range(9)))
        _, second = doubles(share(double, range(9)))
    assert first == second
    [worker_pid] = first - {os.getpid()}
    with pytest.raises(ProcessLookupError):
        os.kill(worker_pid, 0)


def test_where_no_process_can_be_started_all_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> WorkerProcess:
        raise OSError("no more processes")

    monkeypatch.setattr(WorkerProcess, "start", none)
    with SettlePool(2) as share:
        assert doubles(share(double, range(9))) == ([2 * number for number in range(9)], {os.getpid()})


class ScriptedWorker:
    """A process of this one: runs a job when its answer is asked for. It may be gone before or after it has a job."""

    started: ClassVar[list[ScriptedWorker]] = []

    def __init__(self) -> None:
        self.log: list[str] = []
        self.dies_at = 99
        self.started.append(self)

    def send_blocking(self, packed_job: bytes) -> None:
        if self.dies_at == 2 * len(self.log):
            raise BrokenPipeError
        self.log.append("job")
        self.packed_job = packed_job

    def receive_blocking(self) -> bytes:
        if self.dies_at == 2 * len(self.log) - 1:
            raise EOFError
        function, (job,) = pickle.loads(self.packed_job[8:])
        return pickle.dumps((True, (id(self), function(job))))

    def kill(self) -> None:
        self.log.append("killed")

    def wait_for_exit(self) -> None:
        self.log.append("awaited")

    def close(self) -> None:
        self.log.append("closed")


@pytest.mark.parametrize(
    ("jobs", "dies_at", "by", "first_log"),
    [
        (3, 99, "hhh", None),
        (4, 99, "0101", "job job killed awaited closed"),
        (7, 99, "0101010", "job job job job killed awaited closed"),
        (7, 2, "01h1h1h", "job killed awaited closed"),
        (7, 3, "01h1h1h", "job job killed awaited closed"),
    ],
    ids=["too few", "just enough", "many", "gone before a job", "gone with a job"],
)
def test_jobs_go_round_and_those_of_a_process_that_is_gone_are_done_here(
    monkeypatch: pytest.MonkeyPatch, jobs: int, dies_at: int, by: str, first_log: str | None
) -> None:
    started: list[ScriptedWorker] = []
    monkeypatch.setattr(ScriptedWorker, "started", started)
    monkeypatch.setattr(WorkerProcess, "start", ScriptedWorker)
    with SettlePool(2) as share:
        list(share(str, range(4)))
        for worker in started:
            worker.log.clear()
        if first_log:
            started[0].dies_at = dies_at
        results = list(share(str, range(jobs)))
    assert [result[1] if isinstance(result, tuple) else result for result in results] == [str(n) for n in range(jobs)]
    names = {id(worker): str(number) for number, worker in enumerate(started)}
    assert "".join(names[result[0]] if isinstance(result, tuple) else "h" for result in results) == by
    assert len(started) == 2
    if first_log:
        assert " ".join(started[0].log) == first_log
