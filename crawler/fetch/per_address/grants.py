"""Slots that are granted to this machine: files that crawls may lock and do not make.

Their owner asks for each at one place for all machines. The folder of an address has the slots that are granted now,
and a file that says that a crawl waits for one more.
"""

from __future__ import annotations

import fcntl  # Windows has none, and no crawl
import os
from contextlib import suppress
from pathlib import Path

_OWNER = "owner"
_SLOTS = "slot-*"
_WANTED = "wanted"


def own(folder: Path) -> int:
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
        return not lock(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> bool:
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
    if lock(descriptor) and os.fstat(descriptor).st_nlink:
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
        if not lock(self._descriptor):
            return False
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return True

    def close(self) -> None:
        """It is gone."""
        self.withdraw()
        os.close(self._descriptor)
