"""Grants the crawls of a worker their slots for requests to one address: as many as Dask's scheduler leaves it.

A slot is a lease of a semaphore at the scheduler, which all workers share, or in a store (`store_grants.py`). It is
held as long as crawls use it, and given back after a while in any case, so that no worker keeps an address from the
others. What a worker that was killed had is free when the lease is over.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Protocol

from broadsheet.crawler.fetch.per_address.grants import GrantedSlot, own, wanted_addresses

if TYPE_CHECKING:
    from distributed import Worker

_LOG = logging.getLogger(__name__)


class SharedBound(Protocol):
    """A semaphore that other machines have too, as Dask's is."""

    async def acquire(self, timeout: float | None = None) -> bool:
        """Wait for a lease, so many seconds at most; whether there is one."""
        ...

    async def release(self) -> bool:
        """Give a lease back."""
        ...


@dataclass(frozen=True, slots=True)
class GrantTimes:
    """Seconds: between two looks, until a slot that is not used is given back, until any is, and for the scheduler to
    say that there is one."""

    look: float = 0.1
    idle: float = 2.0
    turn: float = 5.0
    wait: float = 10.0


@dataclass
class _Grant:
    """A slot, the semaphore that it is a lease of, and when it was granted; whether it is to be given back."""

    slot: GrantedSlot
    address_folder: Path
    bound: SharedBound
    granted_at: float
    is_ending: bool = False


class AddressGranter:
    """Grants slots in a folder, by a semaphore for each address that `make_bound` makes of its name in the folder."""

    def __init__(
        self, folder: Path, per_address: int, make_bound: Callable[[str], Any], times: GrantTimes | None = None
    ) -> None:
        self._folder = folder
        self._per_address = per_address
        self._make_bound = make_bound
        self._times = times or GrantTimes()
        self._grants: list[_Grant] = []
        self._bounds: dict[Path, SharedBound] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._asked: Counter[Path] = Counter()
        self._owner = own(folder)

    async def run(self) -> None:
        """Grant what is wanted, and give back what was used for long enough, for ever."""
        while True:
            try:
                await self.look()
            except OSError as error:  # a disk that is full may have room again, and crawls wait for this
                _LOG.warning("slots for addresses in %s: %s", self._folder, error)
            await asyncio.sleep(self._times.look)

    def close(self) -> None:
        """Grant nothing any more. What the semaphores are leased is given back by whoever has them."""
        for grant in self._grants:
            grant.slot.close()
        self._grants.clear()
        os.close(self._owner)

    async def look(self) -> None:
        """Ask for what is wanted, and give back what is to be."""
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
        """Have one more slot of an address, if the scheduler has one; that it has none is said again by who waits."""
        try:
            bound = self._bounds.get(address_folder) or self._make_bound(address_folder.name)
            self._bounds[address_folder] = bound
            if await bound.acquire(self._times.wait):
                await self._grant(address_folder, bound)
        except (OSError, RuntimeError) as error:  # the scheduler is gone, and with it soon this worker
            _LOG.warning("no slot of %s: %s", address_folder.name, error)
        finally:
            self._asked[address_folder] -= 1

    async def _grant(self, address_folder: Path, bound: SharedBound) -> None:
        """Make a slot of a lease, which goes back if the disk takes none."""
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


def granted_folder(worker: Worker, per_address: int) -> Path:
    """Start to grant the crawls of a worker their slots; the folder that they find them in."""
    from distributed import Semaphore

    folder = Path(worker.local_directory) / f"addresses-{per_address}"

    def make_bound(address: str) -> Semaphore:
        name = f"broadsheet, address {address}, {per_address} at once"
        return Semaphore(per_address, name, worker.scheduler, worker.loop)  # type: ignore[no-untyped-call]

    granter = AddressGranter(folder, per_address, make_bound)
    worker.loop.add_callback(granter.run)
    return folder
