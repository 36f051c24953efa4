from __future__ import annotations

import asyncio

import pytest

from broadsheet.crawler.workers.bounded_tasks import run_bounded


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


def test_the_first_error_ends_it():
    async def work(job: int) -> None:
        await asyncio.sleep(0.001)
        if job == 4:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(range(100), work)
