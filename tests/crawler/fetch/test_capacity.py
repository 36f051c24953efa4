"""How many requests a machine has room for.

Who would fetch more waits while too many bytes are held.
"""

from __future__ import annotations

import asyncio
import resource

import pytest

from broadsheet.crawler.fetch import capacity
from broadsheet.crawler.fetch.capacity import (
    ByteBudget,
    default_requests,
    memory_bytes,
    most_idle_connections,
    requests_by_files,
)

MIB = 1024**2


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Set what the machine has: `machine(memory, files)`."""

    def have(memory: int = 64 * 1024 * MIB, files: int = 20_000) -> None:
        monkeypatch.setattr(capacity, "memory_bytes", lambda: memory)
        monkeypatch.setattr(resource, "getrlimit", lambda kind: (files, resource.RLIM_INFINITY))

    return have


@pytest.mark.parametrize(
    ("memory", "files", "expected"),
    [
        (64 * 1024 * MIB, 20_000, 256),
        (8 * 1024 * MIB, 20_000, 128),  # a half of it, 32 MiB each
        (512 * MIB, 20_000, 16),
        (0, 20_000, 16),
        (64 * 1024 * MIB, 256, 96),  # as many idle connections, and 64 files of the crawl's own
        (64 * 1024 * MIB, 24, 1),
        (64 * 1024 * MIB, resource.RLIM_INFINITY, 256),
    ],
)
def test_memory_and_files_bound_the_requests(machine, memory, files, expected):
    machine(memory, files)
    assert default_requests(32 * MIB) == expected


def test_idle_connections_leave_files_for_requests(machine):
    for files in (128, 256, 1024, 65_536):
        machine(files=files)
        assert most_idle_connections() + requests_by_files() <= files - 64
    assert most_idle_connections() == 2 * 256


def test_a_container_s_limit_counts(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(capacity, "_CGROUP_LIMIT", limit)
    everything = memory_bytes()
    assert everything > 256 * MIB
    limit.write_text("max\n")
    assert memory_bytes() == everything
    limit.write_text(f"{256 * MIB}\n")
    assert memory_bytes() == 256 * MIB


@pytest.mark.parametrize(("max_bytes", "tighter_limit"), [(10, None), (10, 20), (20, 10)])
def test_there_is_room_until_more_than_the_bound_is_held(max_bytes, tighter_limit):
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


def test_what_fails_holds_nothing_any_more():
    async def fails() -> None:
        budget = ByteBudget(0)
        try:
            with budget.reserve(5):
                raise ValueError
        except ValueError:
            await asyncio.wait_for(budget.wait_for_room(), 5)

    asyncio.run(fails())
