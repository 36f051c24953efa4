"""Who would fetch more waits while too many bytes are held."""

from __future__ import annotations

import asyncio

from crawler.held import Held


def test_there_is_room_until_more_than_the_bound_is_held() -> None:
    async def steps() -> list[str]:
        held, told = Held(10), []

        async def fetch_more() -> None:
            await held.room()
            told.append("room")

        with held.holding(10):
            await fetch_more()
            with held.holding(1):
                waiting = asyncio.create_task(fetch_more())
                await asyncio.sleep(0)
                told.append("full")
            await waiting
        return told

    assert asyncio.run(steps()) == ["room", "full", "room"]


def test_what_fails_holds_nothing_any_more() -> None:
    async def fails() -> None:
        held = Held(0)
        try:
            with held.holding(5):
                raise ValueError
        except ValueError:
            await asyncio.wait_for(held.room(), 5)

    asyncio.run(fails())
