"""Workers bound what a page can do to the crawl."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest

from cleaners.clean import clean
from cleaners.record import Page
from crawler.process import WorkerError, Workers


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    pool = Workers(1, seconds=10)  # a bound for the page that hangs; the others need far less
    yield pool
    pool.close()


def reason_of(workers: Workers, function: object, *args: object) -> str:
    with pytest.raises(WorkerError) as caught:
        asyncio.run(workers.run(function, *args))  # type: ignore[arg-type]
    return caught.value.reason


def test_work_is_done_in_another_process(workers: Workers) -> None:
    assert asyncio.run(workers.run(os.getpid)) != os.getpid()


def test_a_page_is_cleaned_in_a_worker_as_it_is_here(workers: Workers) -> None:
    page = Page("https://a.example/x", b"<html><body><article><p>" + b"some words of it " * 40)
    assert asyncio.run(workers.run(clean, page)) == clean(page)


def test_a_fault_comes_back_and_the_next_page_goes_on(workers: Workers) -> None:
    assert reason_of(workers, int, "x") == "worker_error"
    assert asyncio.run(workers.run(int, "7")) == 7


def test_a_page_that_hangs_is_given_up_in_time(workers: Workers) -> None:
    started = time.monotonic()
    assert reason_of(workers, time.sleep, 60) == "worker_timeout"
    assert time.monotonic() - started < 20
    assert asyncio.run(workers.run(int, "8")) == 8


def test_a_worker_that_is_killed_costs_its_own_page_only(workers: Workers) -> None:
    pid = asyncio.run(workers.run(os.getpid))

    async def three() -> list[object]:
        hanging = asyncio.create_task(workers.run(time.sleep, 1.5))
        later = [asyncio.create_task(workers.run(int, str(number))) for number in (1, 2)]
        await asyncio.sleep(0.5)
        os.kill(pid, signal.SIGKILL)
        return await asyncio.gather(hanging, *later, return_exceptions=True)

    first, *others = asyncio.run(three())
    assert isinstance(first, WorkerError)
    assert first.reason == "worker_died"
    assert others == [1, 2]


def test_a_worker_leaves_ctrl_c_to_the_crawl(workers: Workers) -> None:
    pid = asyncio.run(workers.run(os.getpid))
    os.kill(pid, signal.SIGINT)
    assert asyncio.run(workers.run(os.getpid)) == pid


def test_a_page_cannot_eat_the_machine_s_memory(workers: Workers) -> None:
    assert reason_of(workers, bytes, 6 * 1024**3) == "worker_error"
    assert asyncio.run(workers.run(int, "9")) == 9


def test_closing_gives_up_what_is_under_way() -> None:
    pool = Workers(1, seconds=60)
    started = time.monotonic()

    async def begin() -> None:
        task = asyncio.create_task(pool.run(time.sleep, 50))
        await asyncio.sleep(1)
        await asyncio.to_thread(pool.close)
        with pytest.raises(WorkerError, match="worker_died"):
            await task

    asyncio.run(begin())
    assert time.monotonic() - started < 20


def test_closing_gives_up_what_is_not_yet_begun() -> None:
    pool = Workers(1, seconds=60)

    async def begin() -> list[object]:
        tasks = [asyncio.create_task(pool.run(time.sleep, 50)) for _ in range(4)]
        await asyncio.sleep(0)
        await asyncio.to_thread(pool.close)
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)

    assert [getattr(error, "reason", error) for error in asyncio.run(begin())] == ["worker_died"] * 4
