"""Bounds the bytes of response bodies that are in memory until their outcomes are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class ByteBudget:
    """Counts reserved bytes; whoever would fetch more waits while they are more than `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._reserved_bytes = 0
        self._bytes_released = asyncio.Event()

    @contextmanager
    def reserve(self, byte_count: int) -> Iterator[None]:
        """Reserve bytes for the duration of the `with` block."""
        self._reserved_bytes += byte_count
        try:
            yield
        finally:
            self._reserved_bytes -= byte_count
            self._bytes_released.set()

    async def wait_for_room(self, tighter_limit: int | None = None) -> None:
        """Return once no more than `max_bytes` are reserved, or no more than `tighter_limit` if that is smaller."""
        limit = self._max_bytes if tighter_limit is None else min(tighter_limit, self._max_bytes)
        while self._reserved_bytes > limit:
            self._bytes_released.clear()
            await self._bytes_released.wait()
