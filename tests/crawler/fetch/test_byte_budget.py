"""Who would fetch more waits while too many bytes are held."""

from __future__ import annotations

import asyncio

import pytest

from crawler.fetch.byte_budget import Held


@pytest.mark.parametrize(("most", "closer"), [(10, None), (10, 20), (20, 10)])
def test_there_is_room_until_more_than_the_bound_is_held(most: int, closer: int | None) -> None:
    async def steps() -> list[str]:
        held, told = Held(most), []

        async def fetch_more() -> None:
            await held.room(closer)
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
