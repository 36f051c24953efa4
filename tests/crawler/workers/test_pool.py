"""Workers bound what a page can do to the crawl.

With scripted ones: who gets which job, what is killed when, and what becomes of jobs that had a worker.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.crawler.workers import pool as pool_module
from broadsheet.crawler.workers.pool import WorkerError, WorkerPool, run_bounded
from broadsheet.crawler.workers.worker import WorkerJob, WorkerProcess
from broadsheet.output.archive.url_words import OutcomeReason
from tests.crawler.crawls import REPOSITORY


def iter_of(text: str) -> object:
    return (letter for letter in text)


def run_jobs(jobs, work, at_once=3, stopping=lambda: False):
    asyncio.run(run_bounded(jobs, work, at_once, stopping))


def test_all_jobs_are_done_and_never_more_at_once_than_allowed():
    """They are taken only when there is room, and what is under way is finished when it is to stop."""
    now, most, done, taken = [0], [0], [], []

    def jobs():
        for job in range(100):
            taken.append(len(done))
            yield job

    async def work(job: int) -> None:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.001)
        now[0] -= 1
        done.append(job)

    run_jobs(range(20), work)
    assert (sorted(done), most) == (list(range(20)), [3])
    done.clear()
    run_jobs(jobs(), work, at_once=2, stopping=lambda: len(done) >= 5)
    assert 5 <= len(done) <= 7
    assert sorted(done) == list(range(len(done)))
    assert all(number - finished <= 2 for number, finished in enumerate(taken))


@pytest.mark.parametrize(
    ("function", "argument"), [(int, "x"), (bytes, 6 * 1024**3), (len, (x for x in "ab")), (iter_of, "ab")],
    ids=["an error", "all memory", "cannot be sent", "cannot be sent back"],
)  # fmt: skip
def test_a_fault_comes_back_and_the_next_page_goes_on(workers, function, argument):
    assert reason_of(workers, function, argument) == "worker_error"
    assert asyncio.run(workers.run(int, "7")) == 7


def test_the_first_error_ends_it_and_what_is_under_way():
    async def work(job: int) -> None:
        await asyncio.sleep(0.001 if job == 4 else 60)
        raise ValueError("no")

    async def run_all() -> None:
        with pytest.raises(ValueError, match="no"):
            await run_bounded(range(100), work, 5, lambda: False)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run_all())


@pytest.fixture(scope="module")
def workers() -> Iterator[WorkerPool]:
    pool = WorkerPool(1, page_seconds=2)  # a bound for the page that hangs; the others need far less
    yield pool
    pool.close()


def reason_of(workers: WorkerPool, function: object, *args: object) -> str:
    with pytest.raises(WorkerError) as caught:
        asyncio.run(workers.run(function, *args))  # type: ignore[arg-type]
    return caught.value.reason


def test_a_page_is_cleaned_in_a_worker_as_it_is_here(workers):
    page = Page("https://a.example/x", b"<html><body><article><p>" + b"some words of it " * 40)
    assert asyncio.run(workers.run(clean, page)) == clean(page)


@pytest.mark.slow
def test_a_page_that_hangs_is_given_up_by_its_cpu_time_and_one_that_waits_by_the_clock(workers):
    assert asyncio.run(workers.run(pause, 5)) == 5, "others may have had the processor"
    assert reason_of(workers, re.match, r"(a|aa)+$", "a" * 60 + "b") == "worker_timeout"
    assert asyncio.run(workers.run(int, "8")) == 8
    assert reason_of(workers, time.sleep, 120) == "worker_timeout"
    assert asyncio.run(workers.run(int, "8")) == 8


def pause(seconds: int) -> int:
    time.sleep(seconds)
    return seconds


def pause_in(folder: str, seconds: float = 1.5) -> int:
    """Leave the worker's process id in a file, and take a while."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(seconds)
    return 5


@pytest.mark.slow
def test_what_only_workers_need_is_not_imported_before_a_crawl_begins():
    expression = "{'trafilatura', 'broadsheet.cleaners.clean', 'feedparser'} & set(sys.modules)"
    code = f"import sys, broadsheet.crawler.commands.spider_run as _; print({expression})"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def killed(workers: WorkerPool, folder: Path, times: int) -> list[object]:
    """The results of a page whose worker is killed so often, and of two that wait behind it."""

    async def three() -> list[object]:
        first = asyncio.create_task(workers.run(pause_in, str(folder)))
        later = [asyncio.create_task(workers.run(int, str(number))) for number in (1, 2)]
        for number in range(times):
            while len(pids := list(folder.iterdir())) <= number:
                await asyncio.sleep(0.01)
            os.kill(int(max(pids, key=lambda path: path.stat().st_mtime_ns).name), signal.SIGKILL)
        return await asyncio.gather(first, *later, return_exceptions=True)

    return asyncio.run(three())


@pytest.mark.slow
def test_a_page_that_kills_three_workers_costs_itself_only(workers, tmp_path):
    first, *results = killed(workers, tmp_path, 3)
    assert isinstance(first, WorkerError)
    assert first.reason == "worker_died"
    assert results == [1, 2]


def test_a_killed_idle_worker_does_not_end_the_pool(workers):
    async def kill_and_run() -> list[int]:
        os.kill(await workers.run(os.getpid), signal.SIGKILL)
        await asyncio.sleep(0.2)  # time for the pool to find out
        return await asyncio.gather(*(workers.run(int, str(number)) for number in range(6)))

    assert asyncio.run(kill_and_run()) == list(range(6))


def test_a_worker_leaves_ctrl_c_to_the_crawl(workers):
    pid = asyncio.run(workers.run(os.getpid))
    os.kill(pid, signal.SIGINT)
    assert asyncio.run(workers.run(os.getpid)) == pid


@pytest.mark.parametrize("times", [2, 1000])
def test_a_process_that_does_not_start_is_tried_again(monkeypatch, times):
    pool, started, calls = WorkerPool(1, page_seconds=60), WorkerProcess.start, []

    def start(cpu_seconds: float) -> WorkerProcess:
        calls.append(1)
        if len(calls) <= times:
            raise BrokenPipeError("it was killed")
        return started(cpu_seconds)

    monkeypatch.setattr(WorkerProcess, "start", start)
    try:
        if times == 2:
            assert asyncio.run(pool.run(int, "4")) == 4
        else:
            assert reason_of(pool, int, "4") == "worker_died"
            assert len(calls) == 5
    finally:
        pool.close()


def test_closing_gives_up_what_is_under_way(tmp_path):
    pool = WorkerPool(1, page_seconds=60)
    started = time.monotonic()

    async def begin() -> None:
        task = asyncio.create_task(pool.run(pause_in, str(tmp_path), 50.0))
        while not list(tmp_path.iterdir()):
            assert not task.done()
            await asyncio.sleep(0.01)
        await asyncio.to_thread(pool.close)
        with pytest.raises(WorkerError, match="worker_died"):
            await task

    asyncio.run(begin())
    assert time.monotonic() - started < 20


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
        while len(self.pool._workers) < self.pool.worker_count:
            self.workers.append(ScriptedWorker(f"w{len(self.workers)}", self.log))
            self.workers[-1].job_started_at = self.now
            self.workers[-1].attach(None, self.pool._on_readable)
            self.pool._workers.append(self.workers[-1])

    def job(self, name: str) -> asyncio.Task[str]:
        return asyncio.ensure_future(self.pool.run(str, name))


async def breathe() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


def test_each_worker_has_two_jobs_at_most_and_the_idle_one_comes_first(monkeypatch):
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

    asyncio.run(work())


@pytest.mark.parametrize(("seconds", "is_shared"), [(0.5, False), (0.51, True)])
def test_a_job_behind_a_slow_one_is_sent_to_an_idle_worker_too_once(monkeypatch, seconds, is_shared):
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

    asyncio.run(work())


def test_a_job_whose_worker_dies_is_tried_by_three_and_the_others_come_first_again(monkeypatch):
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

    asyncio.run(work())
    assert bench.log == [
        "w0 gets a", "w0 gets b", "w0 is closed", "w1 gets b", "w1 gets a", "w1 is closed", "w2 gets a", "w2 is closed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("late", "sent"), [(5.0, ["w0 gets a"]), (5.1, ["w0 gets a", "w1 gets a"])], ids=["in time", "far too late"]
)
def test_a_job_is_given_up_at_its_limit_unless_that_is_noticed_far_too_late(monkeypatch, late, sent):
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

    asyncio.run(work())


def test_while_a_worker_starts_the_others_have_one_job_each(monkeypatch):
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

    asyncio.run(work())
    assert str(WorkerError(OutcomeReason.WORKER_DIED)) == "worker_died"


def test_a_closed_pool_takes_no_job_and_kills_its_workers(monkeypatch):
    bench = Bench(monkeypatch, 2)

    async def work() -> None:
        jobs = [bench.job(name) for name in "abcdef"]
        await breathe()
        bench.pool.close()
        bench.pool.close()
        ends = await asyncio.gather(*jobs, bench.job("late"), return_exceptions=True)
        assert {str(end) for end in ends} == {"worker_died: the workers were stopped"}

    asyncio.run(work())
    assert bench.log[4:] == [*["w0 is killed", "w1 is killed"] * 2, "w1 is closed", "w0 is closed"]
