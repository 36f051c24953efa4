"""Slots for requests to one address, shared by all crawls of this machine that name the same folder.

A slot is a file that is locked while a request is under way. The system frees the locks of a crawl that is killed, so
nothing has to be cleaned up and nothing can be held by the dead.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from broadsheet.crawler.fetch.per_address.exempt import exempt_network, most_hosts
from broadsheet.crawler.fetch.per_address.grants import is_owned, lock, lock_granted

_PAUSE = 0.05  # seconds between two looks for a free slot


class AddressSlots:
    """The slots of all addresses in a folder, `per_address` for each. OSError if the folder cannot be made.

    Where slots are granted in another folder, there are those, as long as there is somebody who grants them.
    """

    def __init__(self, folder: Path, per_address: int, granted: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._granted = granted
        self._per_address = per_address
        self._noted_hosts: set[tuple[str, str]] = set()

    @asynccontextmanager
    async def slot(self, address: str, host: str) -> AsyncIterator[None]:
        """Within it a request to the address may be under way; waits until fewer than `per_address` are.

        A large hoster's address and a content delivery network's need no slot.
        """
        self._note_host(address, host)
        if exempt_network(address) or self._host_count(address) > most_hosts():
            yield
            return
        while (lock_file := self._lock_one(address)) is None:
            await asyncio.sleep(_PAUSE)
        try:
            yield
        finally:
            os.close(lock_file)

    def _lock_one(self, address: str) -> int | None:
        """The descriptor of a slot's file that is locked now; None if all slots are taken."""
        if self._granted and is_owned(self._granted):
            return lock_granted(self._granted / _file_name(address))
        for number in range(self._per_address):
            path = self._folder / f"{_file_name(address)}-{number}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if lock(descriptor):
                return descriptor
            os.close(descriptor)
        return None

    def _note_host(self, address: str, host: str) -> None:
        """Note that the address answers for the host, once for each crawl."""
        if (address, host) in self._noted_hosts:
            return
        self._noted_hosts.add((address, host))
        line = hashlib.sha256(host.encode()).hexdigest()[:16] + "\n"
        with (self._folder / f"{_file_name(address)}.hosts").open("a+") as stream:
            stream.seek(0)
            if line not in stream:
                stream.write(line)

    def _host_count(self, address: str) -> int:
        """How many hosts the address answers for, as far as the crawls know."""
        with (self._folder / f"{_file_name(address)}.hosts").open("rb") as stream:
            return len(set(stream))


def _file_name(address: str) -> str:
    """An address as the name of a file: an IPv6 address has colons, which not every disk takes."""
    return address.replace(":", "_").replace("%", "_")
