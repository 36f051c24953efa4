"""Runs an asynchronous function over many jobs with a bounded number of tasks at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def run_bounded(
    jobs: Iterable[T], work: Callable[[T], Awaitable[None]], max_running: int, should_stop: Callable[[], bool]
) -> None:
    """Run `work` on each job, begun in order, `max_running` at a time. The first exception cancels the rest.

    Jobs are taken from `jobs` only when there is room. Once `should_stop` is true, running jobs finish, no more begin.
    """
    running_tasks: set[asyncio.Future[None]] = set()
    try:
        for job in jobs:
            if should_stop():
                break
            running_tasks.add(asyncio.ensure_future(work(job)))
            if len(running_tasks) >= max_running:
                running_tasks = await _wait_for_first(running_tasks)
            else:
                await asyncio.sleep(0)
        while running_tasks:
            running_tasks = await _wait_for_first(running_tasks)
    finally:
        for task in running_tasks:
            task.cancel()


async def _wait_for_first(running_tasks: set[asyncio.Future[None]]) -> set[asyncio.Future[None]]:
    """Wait until a task is done; the others are returned. Raises what the task raised."""
    finished_tasks, unfinished_tasks = await asyncio.wait(running_tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in finished_tasks:
        task.result()
    return unfinished_tasks
