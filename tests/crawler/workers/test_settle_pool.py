"""Work is shared out to processes, and done here by nobody else's leave where they are missing."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from typing import ClassVar

import pytest

from broadsheet.crawler.workers.settle_pool import SettlePool
from broadsheet.crawler.workers.worker import WorkerProcess
from broadsheet.output.settle.settle_steps import serial_map


def double(number: int) -> tuple[int, int]:
    return 2 * number, os.getpid()


def long_answer(number: int) -> bytes:
    return bytes([number]) * 3_000_000  # more than a socket takes at once


def fail_elsewhere(parent_pid: int) -> int:
    if os.getpid() != parent_pid:
        raise ValueError("not at home")
    return parent_pid


def die_elsewhere(parent_pid: int) -> int:
    if os.getpid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)
    return parent_pid


def doubles(results: Iterator[tuple[int, int]]) -> tuple[list[int], set[int]]:
    pairs = list(results)
    return [number for number, _ in pairs], {pid for _, pid in pairs}


@pytest.mark.slow
def test_results_come_in_the_order_of_the_jobs_and_few_jobs_are_done_here():
    with SettlePool(2) as share:
        for jobs, workers in {0: 0, 1: 0, 3: 0, 4: 2, 5: 2, 40: 2}.items():
            numbers, pids = doubles(share(double, range(jobs)))
            assert numbers == doubles(serial_map(double, range(jobs)))[0] == [2 * number for number in range(jobs)]
            assert len(pids - {os.getpid()}) == workers


@pytest.mark.slow
def test_the_processes_serve_until_the_end_and_then_are_gone():
    with SettlePool(1) as share:
        _, first = doubles(share(double, range(9)))
        _, second = doubles(share(double, range(9)))
    assert first == second
    [worker_pid] = first - {os.getpid()}
    with pytest.raises(ProcessLookupError):
        os.kill(worker_pid, 0)


@pytest.mark.slow
def test_neither_side_waits_for_the_other_with_long_jobs_and_answers():
    with SettlePool(2) as share:
        assert list(share(len, [b"x" * 3_000_000] * 12)) == [3_000_000] * 12
        assert [len(each) for each in share(long_answer, range(12))] == [3_000_000] * 12


@pytest.mark.slow
def test_jobs_are_taken_one_ahead_on_the_callers_thread():
    taken_jobs = list[int]()

    def jobs() -> Iterator[int]:
        for number in range(20):
            taken_jobs.append(number)
            yield number

    with SettlePool(2) as share:
        for result_count, _ in enumerate(share(double, jobs())):
            assert len(taken_jobs) <= result_count + 4


@pytest.mark.slow
@pytest.mark.parametrize("work", [fail_elsewhere, die_elsewhere])
def test_what_a_process_cannot_do_is_done_here(work):
    with SettlePool(2) as share:
        assert list(share(work, [os.getpid()] * 20)) == [os.getpid()] * 20  # type: ignore[arg-type]


def test_where_no_process_can_be_started_all_is_done_here(monkeypatch):
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
def test_jobs_go_round_and_those_of_a_process_that_is_gone_are_done_here(monkeypatch, jobs, dies_at, by, first_log):
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
