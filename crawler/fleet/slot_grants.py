"""Slots for requests to one address, shared by machines as leases in their store.

A granter on each machine makes the files that its crawls lock (`broadsheet.crawler.fetch.address_slots`), one for each
lease that it gets of a bound that all machines share. `SharedBound` is the interface of bounds; `AddressLeases` has it
for a store. A granter holds a lease as long as crawls use it, and gives it back after a while in any case, so that no
machine keeps an address from the others.

A lease in a store lasts longer than its holder keeps it and the last request in it takes, so it is not renewed. The
leases of a machine that was killed expire in some minutes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from ..fetch.address_slots import GrantedSlot, is_owned, own_slots, wanted_addresses
from .fleet_folder import disk_problem
from .object_store import ObjectStore, StoreError
from .site_lease import (
    LeasedThing,
    LeaseTerms,
    LeaseWatch,
    SiteIsLeased,
    SiteLease,
    acquire_thing,
)
from .store_address import store_at
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
    """Seconds between two looks, until an unused slot and until any slot is given back, and to wait for the bound.

    A turn is three requests to the store.
    """

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


SLOT_TERMS = LeaseTerms(180.0)
"""A holder keeps a slot for seconds, and a request ends half a minute after that."""


@dataclass(frozen=True, slots=True)
class SlotPauses:
    """Seconds between two looks for a free slot, and for which a holder leaves a slot that it gave back to others."""

    look: float = 1.0
    courtesy: float = 3.0


@dataclass
class AddressLeases:
    """The leases that one machine has of an address in a store, as a `SharedBound`."""

    store: ObjectStore
    address: str
    per_address: int
    terms: LeaseTerms = SLOT_TERMS
    pauses: SlotPauses = SlotPauses()
    watch: LeaseWatch = field(default_factory=lambda: LeaseWatch(SLOT_TERMS))
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}, process {os.getpid()}, {token_hex(4)}")
    _held: dict[int, SiteLease] = field(default_factory=dict, init=False)
    _freed_at: dict[int, float] = field(default_factory=dict, init=False)

    async def acquire(self, timeout: float | None = None) -> bool:
        """Wait for a slot, so many seconds at most; tell whether there is one. A store that is away has none."""
        deadline = time.monotonic() + (timeout or 0.0)
        while not await asyncio.to_thread(self._take_one):
            if timeout is not None and time.monotonic() > deadline:
                return False
            await asyncio.sleep(self.pauses.look)
        return True

    async def release(self) -> bool:
        """Give the slot back that this machine has had for longest; tell whether the store knows."""
        return await asyncio.to_thread(self._give_back)

    def give_all_back(self) -> None:
        """Give back every slot that is left; in a store that is away they expire."""
        while self._held and self._give_back():
            continue

    def _take_one(self) -> bool:
        with suppress(StoreError):
            for number in self._open_numbers():
                slot = LeasedThing(f"slot {number} of {self.address}", f"addresses/{self.address}/{number}.json")
                with suppress(SiteIsLeased):
                    self._held[number] = acquire_thing(self.store, slot, self.owner, self.terms, self.watch)
                    return True
        return False

    def _open_numbers(self) -> Iterator[int]:
        """Yield the slots to ask for: none that this machine has, or has just given back, as others may wait for it."""
        for number in range(self.per_address):
            is_left_to_others = time.monotonic() < self._freed_at.get(number, 0.0) + self.pauses.courtesy
            if number not in self._held and not (number in self._freed_at and is_left_to_others):
                yield number

    def _give_back(self) -> bool:
        number = next(iter(self._held))
        lease = self._held.pop(number)
        self._freed_at[number] = time.monotonic()
        try:
            lease.release()
        except StoreError:  # it expires
            return False
        return True


_SLOT_FOLDER = ".slots"
_STALE_SECONDS = 3600.0  # a folder of slots without an owner is a killed run's; a new one has none for a moment


@contextmanager
def granted_slots(store_place: StorePlace, times: GrantTimes = GrantTimes()) -> Iterator[Path | None]:
    """Grant the crawls of a run slots by leases in its store, and yield the folder in which they find them.

    None if addresses are not bounded, or if store or disk are such that no task can run, each of which says why.
    """
    folder = store_place.local_folder / _SLOT_FOLDER / token_hex(8)
    _remove_stale_folders(folder.parent)
    leases: dict[str, AddressLeases] = {}
    granter = _store_granter(store_place, folder, leases, times) if store_place.per_address else None
    if granter is None:
        yield None
        return
    has_ended = threading.Event()

    def serve() -> None:
        asyncio.run(granter.run(has_ended.is_set))
        granter.close()
        for address_leases in leases.values():
            address_leases.give_all_back()

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


def _store_granter(
    store_place: StorePlace, folder: Path, leases: dict[str, AddressLeases], times: GrantTimes
) -> AddressGranter | None:
    """Make a granter of leases in a store, which `leases` keeps by address: they know which slots others may want."""
    if disk_problem(store_place.local_folder):
        return None
    per_address = store_place.per_address
    try:
        store = store_at(store_place.address)
        return AddressGranter(
            folder,
            per_address,
            lambda address: leases.setdefault(address, AddressLeases(store, address, per_address)),
            times,
        )
    except (StoreError, OSError) as error:
        _LOG.warning("requests to one address are bounded on this machine alone: %s", error)
        return None
