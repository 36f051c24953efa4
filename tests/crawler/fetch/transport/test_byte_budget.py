"""Who would fetch more waits while too many bytes are held."""

from __future__ import annotations

import asyncio

import pytest

from broadsheet.crawler.fetch.transport.byte_budget import ByteBudget


@pytest.mark.parametrize(("max_bytes", "tighter_limit"), [(10, None), (10, 20), (20, 10)])
def test_there_is_room_until_more_than_the_bound_is_held(max_bytes: int, tighter_limit: int | None) -> None:
    async def steps() -> list[str]:
        budget, events = ByteBudget(max_bytes), []

        async def fetch_more() -> None:
            await budget.wait_for_room(tighter_limit)
            events.append("room")

        with budget.reserve(10):
            await fetch_more()
            with budget.reserve(1):
                fetching = asyncio.create_task(fetch_more())
                await asyncio.sleep(0)
                events.append("full")
            await fetching
        return events

    assert asyncio.run(steps()) == ["room", "full", "room"]


def test_what_fails_holds_nothing_any_more() -> None:
    async def fails() -> None:
        budget = ByteBudget(0)
        try:
            with budget.reserve(5):
                raise ValueError
        except ValueError:
            await asyncio.wait_for(budget.wait_for_room(), 5)

    asyncio.run(fails())
