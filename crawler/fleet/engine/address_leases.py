"""Slots for requests to one address, over all machines that have a store in common: a lease in it for each slot.

A slot is free when its lease was given back, or has expired. A lease lasts longer than its holder keeps it and the last
request in it takes, so it is not renewed, and what a machine that was killed had is free by itself in some minutes.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex

from broadsheet.crawler.fleet.store.object_store import ObjectStore, StoreError
from broadsheet.crawler.fleet.store.site_lease import LeasedThing, LeaseTerms, SiteIsLeased, SiteLease, acquire_thing

SLOT_TERMS = LeaseTerms(180.0)
"""A holder keeps a slot for seconds, and a request ends half a minute after that."""


@dataclass(frozen=True, slots=True)
class SlotPauses:
    """Seconds: between two looks for a free slot, and in which who had one leaves it to others."""

    look: float = 1.0
    courtesy: float = 3.0


@dataclass
class AddressLeases:
    """The slots of one address as one machine has them, with the methods of a semaphore."""

    store: ObjectStore
    address: str
    per_address: int
    terms: LeaseTerms = SLOT_TERMS
    pauses: SlotPauses = SlotPauses()
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}, process {os.getpid()}, {token_hex(4)}")
    _held: dict[int, SiteLease] = field(default_factory=dict, init=False)
    _freed_at: dict[int, float] = field(default_factory=dict, init=False)

    async def acquire(self, timeout: float | None = None) -> bool:
        """Wait for a slot, so many seconds at most; whether there is one. A store that is away has none."""
        deadline = time.monotonic() + (timeout or 0.0)
        while not await asyncio.to_thread(self._take_one):
            if timeout is not None and time.monotonic() > deadline:
                return False
            await asyncio.sleep(self.pauses.look)
        return True

    async def release(self) -> bool:
        """Give the slot back that this machine has had for longest; whether the store knows."""
        return await asyncio.to_thread(self._give_back)

    def give_all_back(self) -> None:
        """Give back every slot that is left; a store that is away finds them expired."""
        while self._held and self._give_back():
            continue

    def _take_one(self) -> bool:
        with suppress(StoreError):
            for number in self._open_numbers():
                slot = LeasedThing(f"slot {number} of {self.address}", f"addresses/{self.address}/{number}.json")
                with suppress(SiteIsLeased):
                    self._held[number] = acquire_thing(self.store, slot, self.owner, self.terms)
                    return True
        return False

    def _open_numbers(self) -> Iterator[int]:
        """The slots to ask for: none that this machine has, or has just given back, as others may wait for it."""
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
