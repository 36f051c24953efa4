"""Slots for requests to one address, shared by the crawls of a machine: files that are locked during a request.

The system frees the locks of a crawl that is killed, so nothing has to be cleaned up and no dead process holds a slot.
All machines of a fleet share an address by granted slots. Crawls may lock a granted slot; only its owner creates it:
on each machine `broadsheet.crawler.fleet.slot_grants`, as a scheduler or a store allows. The folder of an address has
its granted slots, and a file while a crawl waits for one more.

Addresses of content delivery networks and of large hosters need no slot.
"""

from __future__ import annotations

import asyncio
import fcntl  # Windows has none, and no crawl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from broadsheet.cleaners.package_data import read_toml

_OWNER = "owner"
_SLOTS = "slot-*"
_WANTED = "wanted"


def own_slots(folder: Path) -> int:
    """Own a folder of grants, as long as the returned descriptor is open. OSError if that cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = _open_file(folder / _OWNER)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def is_owned(folder: Path) -> bool:
    """Tell whether a living process grants slots in a folder."""
    try:
        descriptor = _open_file(folder / _OWNER, flags=0)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def lock_granted(address_folder: Path) -> int | None:
    """Lock a granted slot and return its descriptor; None, and a file that asks for one more, if all are taken."""
    for path in address_folder.glob(_SLOTS):
        if (descriptor := _lock_slot(path, flags=0)) is not None:
            return descriptor
    with suppress(OSError):  # its owner may just be gone
        address_folder.mkdir(exist_ok=True)
        (address_folder / _WANTED).touch()
    return None


def wanted_addresses(folder: Path) -> list[Path]:
    """Take the requests for one more slot, and return their addresses' folders; a waiting crawl repeats its own."""
    files = list(folder.glob(f"*/{_WANTED}"))
    for file in files:
        file.unlink(missing_ok=True)
    return [file.parent for file in files]


def _open_file(path: Path, flags: int = os.O_CREAT) -> int:
    return os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)


def _lock(descriptor: int) -> bool:
    """Lock an open file, if nobody has; it is free again when the descriptor is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_slot(path: Path, flags: int = os.O_CREAT) -> int | None:
    """Lock a slot and note the time of use. A slot that was withdrawn while it was being locked counts as taken."""
    try:
        descriptor = _open_file(path, flags)
    except FileNotFoundError:
        return None
    if _lock(descriptor) and os.fstat(descriptor).st_nlink:
        os.utime(descriptor)
        return descriptor
    os.close(descriptor)
    return None


class GrantedSlot:
    """A slot as its owner has it: made, in use, and withdrawn, which ends when no request is under way in it."""

    def __init__(self, address_folder: Path, name: str) -> None:
        address_folder.mkdir(parents=True, exist_ok=True)
        self._path = address_folder / f"{_SLOTS[:-1]}{name}"
        self._descriptor = _open_file(self._path)

    @property
    def used_at(self) -> float:
        """Return the time at which a crawl locked it last, or at which it was made, by the clock of the disk."""
        return os.fstat(self._descriptor).st_mtime

    def withdraw(self) -> None:
        """Let no crawl begin a request in it any more."""
        self._path.unlink(missing_ok=True)

    def is_free(self) -> bool:
        """Tell whether no request is under way in it. A withdrawn slot that is free stays so."""
        if not _lock(self._descriptor):
            return False
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return True

    def close(self) -> None:
        """Remove the slot."""
        self.withdraw()
        os.close(self._descriptor)


@cache
def exempt_network(address: str) -> str:
    """Return the name of the exempt network that an address is in; empty if it is in none, or is no address."""
    try:
        parsed_address = ip_address(address)
    except ValueError:
        return ""
    return next((name for name, network in _networks() if parsed_address in network), "")


@cache
def most_hosts() -> int:
    """Return the number of a fleet's hosts above which an address counts as a large hoster's."""
    return int(_facts()["most_hosts"])


@cache
def _networks() -> tuple[tuple[str, IPv4Network | IPv6Network], ...]:
    return tuple((entry["name"], ip_network(text)) for entry in _facts()["network"] for text in entry["ranges"])


@cache
def _facts() -> dict[str, Any]:
    return read_toml(__package__, "exempt_networks.toml")


_PAUSE = 0.05  # seconds between two looks for a free slot


class AddressSlots:
    """The slots of all addresses in a folder, `per_address` for each. OSError if the folder cannot be made.

    While somebody grants slots in the folder `granted`, these are used in their place.
    """

    def __init__(self, folder: Path, per_address: int, granted: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._granted = granted
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
        if self._granted and is_owned(self._granted):
            return lock_granted(self._granted / _file_name(address))
        for number in range(self._per_address):
            if (descriptor := _lock_slot(self._folder / f"{_file_name(address)}-{number}")) is not None:
                return descriptor
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
        """Count the hosts that the address answers for, as far as the crawls know."""
        with (self._folder / f"{_file_name(address)}.hosts").open("rb") as stream:
            return len(set(stream))


def _file_name(address: str) -> str:
    """Return an address as the name of a file: an IPv6 address has colons, which not every disk takes."""
    return address.replace(":", "_").replace("%", "_")
