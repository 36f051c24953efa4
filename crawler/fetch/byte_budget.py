"""How many bytes of answers are held in memory until they are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Held:
    """Counts the bytes held, and lets who would fetch more wait while they are more than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._less = asyncio.Event()

    @contextmanager
    def holding(self, count: int) -> Iterator[None]:
        """Hold so many bytes meanwhile."""
        self._bytes += count
        try:
            yield
        finally:
            self._bytes -= count
            self._less.set()

    async def room(self, most: int | None = None) -> None:
        """Return once there is room; `most` is a closer bound, where there is one."""
        bound = self._most if most is None else min(most, self._most)
        while self._bytes > bound:
            self._less.clear()
            await self._less.wait()
