"""Slots that limit the requests to one address over all crawls of a machine: files, each locked during a request.

The system frees the locks of a killed crawl, so no dead process holds a slot and nothing has to be cleaned up. On a
cluster, the run of a list starts no two sites of one address at once (`broadsheet.crawler.fleet.fleet_run`).

Addresses of content delivery networks and of large hosters need no slot.
"""

from __future__ import annotations

import asyncio
import fcntl  # missing on Windows, where no crawl runs
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from broadsheet.cleaners.package_data import read_toml


def _lock_slot(path: Path) -> int | None:
    """Lock a slot and return its descriptor, which frees it when it is closed; None if it is taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@cache
def exempt_network(address: str) -> str:
    """Return the name of the exempt network that contains an address; empty for other and invalid addresses."""
    try:
        parsed_address = ip_address(address)
    except ValueError:
        return ""
    return next((name for name, network in _networks() if parsed_address in network), "")


@cache
def most_hosts() -> int:
    """Return the number of hosts above which an address counts as that of a large hoster."""
    return int(_facts()["most_hosts"])


@cache
def _networks() -> tuple[tuple[str, IPv4Network | IPv6Network], ...]:
    return tuple((entry["name"], ip_network(text)) for entry in _facts()["network"] for text in entry["ranges"])


@cache
def _facts() -> dict[str, Any]:
    return read_toml(__package__, "exempt_networks.toml")


_PAUSE = 0.05  # seconds between two looks for a free slot


class AddressSlots:
    """The slots of all addresses in a folder, `per_address` for each. OSError if the folder cannot be made."""

    def __init__(self, folder: Path, per_address: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._per_address = per_address
        self._noted_hosts: set[tuple[str, str]] = set()

    @asynccontextmanager
    async def slot(self, address: str, host: str) -> AsyncIterator[None]:
        """Hold a slot at the address within the `with` block; wait for it while `per_address` requests are under way.

        Addresses of large hosters and content delivery networks need no slot.

            async with slots.slot("198.51.100.7", "news.example"):
                ...  # the request
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
        """Lock a slot and return its descriptor; None if all slots are taken."""
        for number in range(self._per_address):
            if (descriptor := _lock_slot(self._folder / f"{_file_name(address)}-{number}")) is not None:
                return descriptor
        return None

    def _note_host(self, address: str, host: str) -> None:
        """Record once per crawl that the address serves the host."""
        if (address, host) in self._noted_hosts:
            return
        self._noted_hosts.add((address, host))
        line = hashlib.sha256(host.encode()).hexdigest()[:16] + "\n"
        with (self._folder / f"{_file_name(address)}.hosts").open("a+") as stream:
            stream.seek(0)
            if line not in stream:
                stream.write(line)

    def _host_count(self, address: str) -> int:
        """Count the hosts that crawls have recorded for the address."""
        with (self._folder / f"{_file_name(address)}.hosts").open("rb") as stream:
            return len(set(stream))


def _file_name(address: str) -> str:
    """Return an address as the name of a file: an IPv6 address has colons, which not every disk takes."""
    return address.replace(":", "_").replace("%", "_")
