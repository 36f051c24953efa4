"""A pool with scripted workers: who gets which job, what is killed when, and what becomes of jobs that had a worker."""

from __future__ import annotations

import asyncio
import pickle
from collections import deque
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest

from broadsheet.crawler.workers import pool as pool_module
from broadsheet.crawler.workers.pool import WorkerError, WorkerPool
from broadsheet.crawler.workers.worker import WorkerJob
from broadsheet.output.archive.url_words import OutcomeReason


class ScriptedWorker:
    """A worker that answers when a test says so."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log
        self.jobs: deque[WorkerJob] = deque()
        self.job_started_at = 0.0
        self.is_gone = self.is_out_of_time = False
        self.junk = b""

    def attach(self, loop: object, on_readable: Callable[[ScriptedWorker], None]) -> None:
        self.on_readable = on_readable

    def send_job(self, job: WorkerJob) -> None:
        self.jobs.append(job)
        self.log.append(f"{self.name} gets {pickle.loads(job.message[8:])[1][0]}")

    def read_answers(self) -> object:
        if self.is_gone:
            raise EOFError
        job = self.jobs.popleft()
        yield job, self.junk or pickle.dumps((True, pickle.loads(job.message[8:])[1][0]))

    def answer(self) -> None:
        self.on_readable(self)

    def die(self) -> None:
        self.is_gone = True
        self.on_readable(self)

    def kill(self) -> None:
        self.log.append(f"{self.name} is killed")

    def wait_for_exit(self) -> str:
        return "exit code -9"

    def close(self) -> None:
        self.log.append(f"{self.name} is closed")


class Bench:
    """A pool of scripted workers that start when a test says so, and a clock."""

    def __init__(self, patch: pytest.MonkeyPatch, count: int, seconds: float = 10.0) -> None:
        self.log: list[str] = []
        self.now = 100.0
        self.pool = WorkerPool(count, seconds)
        self.workers: list[ScriptedWorker] = []
        patch.setattr(pool_module, "time", SimpleNamespace(monotonic=lambda: self.now))
        patch.setattr(self.pool, "_start_missing_workers", self._start)

    def _start(self) -> None:
        while len(self.pool._workers) < self.pool._worker_count:
            self.workers.append(ScriptedWorker(f"w{len(self.workers)}", self.log))
            self.workers[-1].job_started_at = self.now
            self.workers[-1].attach(None, self.pool._on_readable)
            self.pool._workers.append(self.workers[-1])

    def job(self, name: str) -> asyncio.Task[str]:
        return asyncio.ensure_future(self.pool.run(str, name))


async def breathe() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(work())


def test_each_worker_has_two_jobs_at_most_and_the_idle_one_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 2)

    async def work() -> None:
        jobs = [bench.job(name) for name in "abcde"]
        await breathe()
        assert bench.log == ["w0 gets a", "w1 gets b", "w0 gets c", "w1 gets d"]
        bench.workers[1].answer()
        await breathe()
        assert bench.log[4:] == ["w1 gets e"]
        jobs[3].cancel()  # nobody waits for it: it still goes its way
        for worker in (0, 1, 0, 1):
            bench.workers[worker].answer()
        results = await asyncio.gather(*jobs, return_exceptions=True)
        assert [str(result) for result in results] == ["a", "b", "c", "", "e"]

    run(work)


@pytest.mark.parametrize(("seconds", "is_shared"), [(0.5, False), (0.51, True)])
def test_a_job_behind_a_slow_one_is_sent_to_an_idle_worker_too_once(
    monkeypatch: pytest.MonkeyPatch, seconds: float, is_shared: bool
) -> None:
    bench = Bench(monkeypatch, 2)

    async def work() -> None:
        jobs = [bench.job(name) for name in "abc"]
        await breathe()
        bench.now += seconds
        bench.workers[1].answer()
        await breathe()
        assert bench.log[3:] == (["w1 gets c"] if is_shared else [])
        if is_shared:
            bench.workers[1].answer()
            bench.now += 60
            await breathe()
            assert bench.log[4:] == []
            assert await jobs[2] == "c"
        bench.workers[0].answer()
        bench.workers[0].answer()
        assert [await job for job in jobs] == ["a", "b", "c"]

    run(work)


def test_a_job_whose_worker_dies_is_tried_by_three_and_the_others_come_first_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch, 1)

    async def work() -> None:
        jobs = [bench.job(name) for name in "ab"]
        await breathe()
        for number in range(3):
            bench.workers[number].die()
            await breathe()
            if number == 0:
                bench.workers[1].answer()
        with pytest.raises(WorkerError) as caught:
            await jobs[0]
        assert (caught.value.reason, str(caught.value)) == ("worker_died", "worker_died: exit code -9")
        assert await jobs[1] == "b"

    run(work)
    assert bench.log == [
        "w0 gets a", "w0 gets b", "w0 is closed", "w1 gets b", "w1 gets a", "w1 is closed", "w2 gets a", "w2 is closed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("late", "sent"), [(5.0, ["w0 gets a"]), (5.1, ["w0 gets a", "w1 gets a"])], ids=["in time", "far too late"]
)
def test_a_job_is_given_up_at_its_limit_unless_that_is_noticed_far_too_late(
    monkeypatch: pytest.MonkeyPatch, late: float, sent: list[str]
) -> None:
    bench = Bench(monkeypatch, 1)

    async def work() -> None:
        job = bench.job("a")
        await breathe()
        bench.now += 100.0  # ten times its seconds of CPU
        bench.pool._check_timeouts()
        await breathe()
        assert bench.log == ["w0 gets a"], "at its limit itself it goes on"
        bench.now += late
        bench.pool._check_timeouts()
        await breathe()
        assert bench.log == [sent[0], "w0 is killed", "w0 is closed", *sent[1:]]
        if late == 5.0:
            with pytest.raises(WorkerError) as caught:
                await job
            assert str(caught.value) == "worker_timeout: 100 s"
        else:
            bench.workers[1].answer()
            assert await job == "a"

    run(work)


def test_while_a_worker_starts_the_others_have_one_job_each(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 1)

    async def work() -> None:
        jobs = [bench.job("a")]
        await breathe()
        bench.pool._is_starting = True
        jobs.append(bench.job("b"))
        await breathe()
        assert bench.log == ["w0 gets a"]
        bench.pool._on_starts_finished("")
        assert bench.log == ["w0 gets a", "w0 gets b"]
        bench.workers[0].answer()
        bench.workers[0].junk = b"junk"
        bench.workers[0].answer()
        assert await jobs[0] == "a"
        with pytest.raises(WorkerError, match="worker_error: UnpicklingError: "):
            await jobs[1]

    run(work)
    assert str(WorkerError(OutcomeReason.WORKER_DIED)) == "worker_died"


def test_a_closed_pool_takes_no_job_and_kills_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 2)

    async def work() -> None:
        jobs = [bench.job(name) for name in "abcdef"]
        await breathe()
        bench.pool.close()
        bench.pool.close()
        ends = await asyncio.gather(*jobs, bench.job("late"), return_exceptions=True)
        assert {str(end) for end in ends} == {"worker_died: the workers were stopped"}

    run(work)
    assert bench.log[4:] == [*["w0 is killed", "w1 is killed"] * 2, "w1 is closed", "w0 is closed"]


def test_the_time_limit_is_looked_at_four_times_a_second_while_there_is_work(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, pauses = Bench(monkeypatch, 1), []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        later = loop.call_later
        monkeypatch.setattr(loop, "call_later", lambda pause, *words: pauses.append(pause) or later(0, *words))
        job = bench.job("a")
        await breathe()
        assert pauses == [0.25] * len(pauses)
        assert pauses
        bench.workers[0].answer()
        await job
        await breathe()
        count = len(pauses)
        await breathe()
        assert (len(pauses), bench.pool._timer) == (count, None)

    run(work)
    assert WorkerPool(1)._page_seconds == 60.0
