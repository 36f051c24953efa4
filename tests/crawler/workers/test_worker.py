"""One worker process at the other end of a socket; `test_process.py` has what a crawl makes of several."""

from __future__ import annotations

import asyncio
import operator
import os
import pickle
import sys
from collections.abc import Callable

import pytest

from crawler.workers.worker import Job, Worker, message


async def answered(worker: Worker, *jobs: tuple[Callable[..., object], tuple[object, ...]]) -> list[object]:
    """What comes back of jobs that are all given at once, in order."""
    loop, told = asyncio.get_running_loop(), list[object]()
    done = loop.create_future()

    def came(worker: Worker) -> None:
        try:
            told.extend(pickle.loads(answer) for _, answer in worker.answers())
        except (OSError, EOFError) as error:
            done.set_exception(error)
        if len(told) == len(jobs):
            done.set_result(None)

    worker.attach(loop, came)
    for job in jobs:
        worker.give(Job(message(job), loop.create_future()))
    try:
        await asyncio.wait_for(done, 60)
    finally:
        worker.close()
        worker.stop()
        worker.ended()
    return told


def test_jobs_are_answered_in_order_with_results_or_what_went_wrong() -> None:
    large = b"x" * 3_000_000  # more than a socket takes at once
    jobs = ((operator.add, (1, 2)), (int, ("no number",)), (len, (large,)), (operator.mul, (large, 1)))
    one, fault, size, same = asyncio.run(answered(Worker.started(), *jobs))
    assert one == (True, 3)
    assert fault == (False, "ValueError: invalid literal for int() with base 10: 'no number'")
    assert (size, same) == ((True, len(large)), (True, large))


def test_a_worker_that_is_gone_is_told_by_the_end_of_its_socket() -> None:
    worker = Worker.started()
    worker.stop()
    assert worker.ended() == "exit code -9"
    with pytest.raises((OSError, EOFError)):
        asyncio.run(answered(worker, (operator.add, (1, 2))))


def test_a_worker_lets_the_crawl_go_first() -> None:
    who = (os.PRIO_PROCESS, 0)
    ((good, level),) = asyncio.run(answered(Worker.started(), (os.getpriority, who)))
    assert good
    assert level > os.getpriority(*who)


def loaded(*names: str) -> list[bool]:
    return [name in sys.modules for name in names]


def test_a_worker_has_what_a_page_needs_before_its_first() -> None:
    needed = ("cleaners.clean", "crawler.answers.worker_jobs", "fasttext")
    assert asyncio.run(answered(Worker.started(), (loaded, needed))) == [(True, [True] * 3)]
