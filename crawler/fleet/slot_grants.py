"""Slots for requests to one address, shared by machines.

All machines share a bound. A granter on each machine makes a file for each lease that it gets, and the machine's crawls
lock these files (`broadsheet.crawler.fetch.address_slots`). `SharedBound` is the interface of bounds, which Dask's
semaphores have. A granter holds a lease as long as crawls use it, and gives it back after a while in any case, so that
no machine keeps an address from the others.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from ..fetch.address_slots import GrantedSlot, is_owned, own_slots, wanted_addresses
from .fleet_folder import disk_problem
from .stored_run import StorePlace

_LOG = logging.getLogger(__name__)


class SharedBound(Protocol):
    """A semaphore that other machines have too."""

    async def acquire(self, timeout: float | None = None) -> bool:
        """Wait for a lease, so many seconds at most; tell whether there is one."""
        ...

    async def release(self) -> bool:
        """Give a lease back."""
        ...


@dataclass(frozen=True, slots=True)
class GrantTimes:
    """Seconds between two looks, until an unused slot and until any slot is given back, and to wait for the bound."""

    look: float = 0.1
    idle: float = 5.0
    turn: float = 20.0
    wait: float = 10.0


@dataclass
class _Grant:
    """A granted slot, the bound that it is a lease of, the time of the grant, and whether it is to be given back."""

    slot: GrantedSlot
    address_folder: Path
    bound: SharedBound
    granted_at: float
    is_ending: bool = False


class AddressGranter:
    """An owner of granted slots in a folder; `make_bound` makes an address's shared bound of its name in the folder."""

    def __init__(
        self, folder: Path, per_address: int, make_bound: Callable[[str], SharedBound], times: GrantTimes
    ) -> None:
        self._folder = folder
        self._per_address = per_address
        self._make_bound = make_bound
        self._times = times
        self._grants: list[_Grant] = []
        self._bounds: dict[Path, SharedBound] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._asked: Counter[Path] = Counter()
        self._owner = own_slots(folder)

    async def run(self, has_ended: Callable[[], bool] = lambda: False) -> None:
        """Grant what is wanted and give back what was used for long enough, until `has_ended`, by default for ever."""
        while not has_ended():
            try:
                await self.look()
            except OSError as error:  # a disk that is full may have room again, and crawls wait for this
                _LOG.warning("slots for addresses in %s: %s", self._folder, error)
            await asyncio.sleep(self._times.look)

    def close(self) -> None:
        """Grant nothing any more. Whoever has the bounds gives their leases back."""
        for grant in self._grants:
            grant.slot.close()
        self._grants.clear()
        os.close(self._owner)

    async def look(self) -> None:
        """Ask for what is wanted, and give back what is due."""
        for address_folder in wanted_addresses(self._folder):
            held_count = sum(grant.address_folder == address_folder for grant in self._grants)
            if not self._asked[address_folder] and held_count < self._per_address:
                self._asked[address_folder] += 1
                task = asyncio.ensure_future(self._ask(address_folder))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
        for grant in list(self._grants):
            await self._give_back(grant)

    async def _ask(self, address_folder: Path) -> None:
        """Ask for one more slot of an address. If there is none, the waiting crawl asks again."""
        try:
            bound = self._bounds.get(address_folder) or self._make_bound(address_folder.name)
            self._bounds[address_folder] = bound
            if await bound.acquire(self._times.wait):
                await self._grant(address_folder, bound)
        except (OSError, RuntimeError) as error:  # no thread is to be had, as at the end of a process
            _LOG.warning("no slot of %s: %s", address_folder.name, error)
        finally:
            self._asked[address_folder] -= 1

    async def _grant(self, address_folder: Path, bound: SharedBound) -> None:
        """Make a slot of a lease, which goes back if the disk takes no slot."""
        try:
            slot = GrantedSlot(address_folder, token_hex(4))
        except OSError:
            await bound.release()
            raise
        self._grants.append(_Grant(slot, address_folder, bound, time.monotonic()))

    async def _give_back(self, grant: _Grant) -> None:
        """Give a slot back whose turn is over, or that nobody uses; not before the last request in it has ended."""
        is_over = time.monotonic() - grant.granted_at > self._times.turn
        if not grant.is_ending and (is_over or (self._is_idle(grant) and grant.slot.is_free())):
            grant.is_ending = True
            grant.slot.withdraw()
        if grant.is_ending and grant.slot.is_free():
            grant.slot.close()
            self._grants.remove(grant)
            if not any(other.bound is grant.bound for other in self._grants):
                self._bounds.pop(grant.address_folder, None)
            await grant.bound.release()

    def _is_idle(self, grant: _Grant) -> bool:
        return time.time() - grant.slot.used_at > self._times.idle


_SLOT_FOLDER = ".slots"
_STALE_SECONDS = 3600.0  # a folder of slots without an owner is a killed run's; a new one has none for a moment


@contextmanager
def granted_slots(
    place: StorePlace, make_bound: Callable[[str], SharedBound], times: GrantTimes = GrantTimes()
) -> Iterator[Path | None]:
    """Grant the crawls of this process slots by bounds that machines share, and yield the folder where they find them.

    None if addresses are not bounded, or if the disk is such that no task can run, each of which says why.
    """
    folder = place.local_folder / _SLOT_FOLDER / token_hex(8)
    _remove_stale_folders(folder.parent)
    if not place.per_address or disk_problem(place.local_folder):
        yield None
        return
    try:
        granter = AddressGranter(folder, place.per_address, make_bound, times)
    except OSError as error:
        _LOG.warning("requests to one address are bounded on this machine alone: %s", error)
        yield None
        return
    has_ended = threading.Event()

    def serve() -> None:
        asyncio.run(granter.run(has_ended.is_set))
        granter.close()

    thread = threading.Thread(target=serve, name="address-slots", daemon=True)
    thread.start()
    try:
        yield folder
    finally:
        has_ended.set()
        thread.join()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale_folders(parent: Path) -> None:
    """Remove the folders of slots that killed runs have left."""
    oldest = time.time() - _STALE_SECONDS
    with suppress(OSError):
        for folder in parent.iterdir():
            if folder.stat().st_mtime < oldest and not is_owned(folder):
                shutil.rmtree(folder, ignore_errors=True)
