"""Workers bound what a page can do to the crawl."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.crawler.workers.pool import WorkerError, WorkerPool, run_bounded
from broadsheet.crawler.workers.worker import WorkerProcess
from tests.crawler.crawls import REPOSITORY


def run(jobs, work, at_once=3, stopping=lambda: False):
    asyncio.run(run_bounded(jobs, work, at_once, stopping))


def test_all_jobs_are_done_and_never_more_at_once_than_allowed():
    now, most, done = [0], [0], []

    async def work(job: int) -> None:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.001)
        now[0] -= 1
        done.append(job)

    run(range(20), work)
    assert sorted(done) == list(range(20))
    assert most == [3]


def test_jobs_are_taken_only_when_there_is_room():
    taken, done = [], []

    def jobs():
        for job in range(10):
            taken.append(len(done))
            yield job

    async def work(job: int) -> None:
        await asyncio.sleep(0.001)
        done.append(job)

    run(jobs(), work, at_once=2)
    assert all(number - finished <= 2 for number, finished in enumerate(taken))


def test_what_is_under_way_is_finished_when_it_is_to_stop():
    done: list[int] = []

    async def work(job: int) -> None:
        await asyncio.sleep(0.001)
        done.append(job)

    run(range(100), work, stopping=lambda: len(done) >= 5)
    assert 5 <= len(done) <= 8
    assert sorted(done) == list(range(len(done)))


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


T = TypeVar("T")


@pytest.fixture(scope="module")
def workers() -> Iterator[WorkerPool]:
    pool = WorkerPool(1, page_seconds=2)  # a bound for the page that hangs; the others need far less
    yield pool
    pool.close()


def reason_of(workers: WorkerPool, function: object, *args: object) -> str:
    with pytest.raises(WorkerError) as caught:
        asyncio.run(workers.run(function, *args))  # type: ignore[arg-type]
    return caught.value.reason


def test_work_is_done_in_another_process(workers: WorkerPool) -> None:
    assert asyncio.run(workers.run(os.getpid)) != os.getpid()


def test_a_page_is_cleaned_in_a_worker_as_it_is_here(workers: WorkerPool) -> None:
    page = Page("https://a.example/x", b"<html><body><article><p>" + b"some words of it " * 40)
    assert asyncio.run(workers.run(clean, page)) == clean(page)


def test_a_fault_comes_back_and_the_next_page_goes_on(workers: WorkerPool) -> None:
    assert reason_of(workers, int, "x") == "worker_error"
    assert asyncio.run(workers.run(int, "7")) == 7


@pytest.mark.slow
def test_a_page_that_hangs_is_given_up_by_its_cpu_time_and_one_that_waits_by_the_clock(workers: WorkerPool) -> None:
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
def test_what_only_workers_need_is_not_imported_before_a_crawl_begins() -> None:
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
def test_a_page_that_kills_three_workers_costs_itself_only(workers: WorkerPool, tmp_path: Path) -> None:
    first, *results = killed(workers, tmp_path, 3)
    assert isinstance(first, WorkerError)
    assert first.reason == "worker_died"
    assert results == [1, 2]


def test_a_killed_idle_worker_does_not_end_the_pool(workers: WorkerPool) -> None:
    async def kill_and_run() -> list[int]:
        os.kill(await workers.run(os.getpid), signal.SIGKILL)
        await asyncio.sleep(0.2)  # time for the pool to find out
        return await asyncio.gather(*(workers.run(int, str(number)) for number in range(6)))

    assert asyncio.run(kill_and_run()) == list(range(6))


def test_what_cannot_be_sent_or_sent_back_is_a_fault(workers: WorkerPool) -> None:
    assert reason_of(workers, len, (x for x in "ab")) == "worker_error"
    assert reason_of(workers, iter_of, "ab") == "worker_error"
    assert asyncio.run(workers.run(int, "3")) == 3


def iter_of(text: str) -> object:
    return (letter for letter in text)


def test_a_worker_leaves_ctrl_c_to_the_crawl(workers: WorkerPool) -> None:
    pid = asyncio.run(workers.run(os.getpid))
    os.kill(pid, signal.SIGINT)
    assert asyncio.run(workers.run(os.getpid)) == pid


def test_a_page_cannot_eat_the_machine_s_memory(workers: WorkerPool) -> None:
    assert reason_of(workers, bytes, 6 * 1024**3) == "worker_error"
    assert asyncio.run(workers.run(int, "9")) == 9


@pytest.mark.parametrize("times", [2, 1000])
def test_a_process_that_does_not_start_is_tried_again(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
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


def test_closing_gives_up_what_is_under_way(tmp_path: Path) -> None:
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


def test_closing_gives_up_what_is_not_yet_begun() -> None:
    pool = WorkerPool(1, page_seconds=60)

    async def begin() -> list[object]:
        tasks = [asyncio.create_task(pool.run(time.sleep, 50)) for _ in range(4)]
        await asyncio.sleep(0)
        await asyncio.to_thread(pool.close)
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)

    assert [getattr(error, "reason", error) for error in asyncio.run(begin())] == ["worker_died"] * 4
