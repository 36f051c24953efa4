"""Slots for requests to one address, shared by all crawls of a machine, or granted to it.

Slots that are granted to this machine: files that crawls may lock and do not make.

Their owner asks for each at one place for all machines. The folder of an address has the slots that are granted now,
and a file that says that a crawl waits for one more.

Which addresses the bound on requests to one address does not hold for: those of content delivery networks.

Slots for requests to one address, shared by all crawls of this machine that name the same folder.

A slot is a file that is locked while a request is under way. The system frees the locks of a crawl that is killed, so
nothing has to be cleaned up and nothing can be held by the dead.
"""

from __future__ import annotations

import asyncio
import fcntl  # Windows has none, and no crawl
import hashlib
import os
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

_OWNER = "owner"
_SLOTS = "slot-*"
_WANTED = "wanted"


def own_slots(folder: Path) -> int:
    """Own a folder of grants, as long as the descriptor that this returns is open. OSError if it cannot be had."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def is_owned(folder: Path) -> bool:
    """Whether there is somebody who grants slots in a folder; nobody does any more when its process is gone."""
    try:
        descriptor = os.open(folder / _OWNER, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not lock_slots(descriptor)
    finally:
        os.close(descriptor)


def lock_slots(descriptor: int) -> bool:
    """Lock an open file, if nobody has; it is free again when the descriptor is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_granted(address_folder: Path) -> int | None:
    """The descriptor of a granted slot that is locked now. None if all are taken: then one more is said to be
    wanted."""
    for path in address_folder.glob(_SLOTS):
        if (descriptor := _lock_slot(path)) is not None:
            return descriptor
    with suppress(OSError):  # its owner may just be gone
        address_folder.mkdir(exist_ok=True)
        (address_folder / _WANTED).touch()
    return None


def wanted_addresses(folder: Path) -> list[Path]:
    """The folders of addresses for which a crawl waits for one more slot; that is said anew as long as it waits."""
    files = list(folder.glob(f"*/{_WANTED}"))
    for file in files:
        file.unlink(missing_ok=True)
    return [file.parent for file in files]


def _lock_slot(path: Path) -> int | None:
    """Lock a slot and note that it is in use. One that was withdrawn while it was being locked is none."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if lock_slots(descriptor) and os.fstat(descriptor).st_nlink:
        os.utime(descriptor)
        return descriptor
    os.close(descriptor)
    return None


class GrantedSlot:
    """A slot as its owner has it: made, in use, and withdrawn, which ends when no request is under way in it."""

    def __init__(self, address_folder: Path, name: str) -> None:
        address_folder.mkdir(parents=True, exist_ok=True)
        self._path = address_folder / f"{_SLOTS[:-1]}{name}"
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @property
    def used_at(self) -> float:
        """When a crawl locked it last, or when it was made, by the clock of the disk."""
        return os.fstat(self._descriptor).st_mtime

    def withdraw(self) -> None:
        """Have no crawl begin a request in it any more."""
        self._path.unlink(missing_ok=True)

    def is_free(self) -> bool:
        """Whether no request is under way in it. Once it was withdrawn and is free, it stays so."""
        if not lock_slots(self._descriptor):
            return False
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return True

    def close(self) -> None:
        """It is gone."""
        self.withdraw()
        os.close(self._descriptor)


@cache
def exempt_network(address: str) -> str:
    """The name of the exempt network that an address is in; empty if it is in none, or is no address."""
    try:
        parsed_address = ip_address(address)
    except ValueError:
        return ""
    return next((name for name, network in _networks() if parsed_address in network), "")


@cache
def most_hosts() -> int:
    """How many hosts of a fleet an address may answer for before it counts as a large hoster's."""
    return int(_facts()["most_hosts"])


@cache
def _networks() -> tuple[tuple[str, IPv4Network | IPv6Network], ...]:
    return tuple((entry["name"], ip_network(text)) for entry in _facts()["network"] for text in entry["ranges"])


@cache
def _facts() -> dict[str, Any]:
    return tomllib.loads(files("broadsheet.crawler.fetch").joinpath("exempt_networks.toml").read_text("utf-8"))


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
            if lock_slots(descriptor):
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
