"""Capacity of this machine, by its memory and its limit of open files: concurrent requests, and bytes waiting to be
stored.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOST_REQUESTS = 256
"""Maximum number of simultaneous requests on any machine."""

LEAST_REQUESTS = 16
"""Minimum number of requests, unless open files are short: any machine has memory for their responses."""

_OWN_FILES = 64  # open files besides connections: the archive, WARC files, the workers' sockets
_MEMORY_SHARE = 2  # half of the memory is for responses, if all have the maximum size
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def default_requests(answer_bytes: int) -> int:
    """Return the default number of concurrent requests; `answer_bytes` is the maximum size of a response."""
    by_memory = memory_bytes() // (_MEMORY_SHARE * max(answer_bytes, 1))
    return min(MOST_REQUESTS, max(LEAST_REQUESTS, by_memory), requests_by_files())


def requests_by_files() -> int:
    """Return the number of requests that the limit of open files allows, with an idle connection for each; at least
    one.
    """
    import resource  # missing on Windows, where no crawl runs

    soft_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, ((2**20 if soft_limit == resource.RLIM_INFINITY else soft_limit) - _OWN_FILES) // 2)


def most_idle_connections() -> int:
    """Return the number of idle connections to keep open, over all hosts."""
    return min(2 * MOST_REQUESTS, requests_by_files())


def memory_bytes() -> int:
    """Return the memory of the machine, or of the container, in bytes; 0 if unknown."""
    amounts: list[int] = []
    with suppress(ValueError, OSError, AttributeError):
        amounts.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(ValueError, OSError):  # the text may be "max", and only Linux has the file
        amounts.append(int(_CGROUP_LIMIT.read_text("ascii")))
    return max(0, min(amounts, default=0))


class ByteBudget:
    """A count of reserved bytes. New fetches wait while it is above `max_bytes`."""

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
        """Wait until no more than `max_bytes` (or the smaller `tighter_limit`) are reserved."""
        limit = self._max_bytes if tighter_limit is None else min(tighter_limit, self._max_bytes)
        while self._reserved_bytes > limit:
            self._bytes_released.clear()
            await self._bytes_released.wait()
