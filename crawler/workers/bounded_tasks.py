"""Many jobs through a few hands: as many under way as there is work for, and no more are begun once it is to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def pump(
    jobs: Iterable[T], work: Callable[[T], Awaitable[None]], at_once: int, stopping: Callable[[], bool]
) -> None:
    """Do all jobs, `at_once` at a time, in the order given as far as that goes; the first error ends it all.

    Jobs are taken from `jobs` only when there is room. When `stopping` says so, what is under way is finished.
    """
    under_way: set[asyncio.Future[None]] = set()
    try:
        for job in jobs:
            if stopping():
                break
            under_way.add(asyncio.ensure_future(work(job)))
            if len(under_way) >= at_once:
                under_way = await _some_done(under_way)
            else:
                await asyncio.sleep(0)
        while under_way:
            under_way = await _some_done(under_way)
    finally:
        for task in under_way:
            task.cancel()


async def _some_done(under_way: set[asyncio.Future[None]]) -> set[asyncio.Future[None]]:
    done, rest = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    return rest
