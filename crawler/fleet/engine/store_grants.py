"""Grants the crawls of a run that has a store and no scheduler their slots for addresses, by leases in the store."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from broadsheet.crawler.fleet.disk import disk_problem
from broadsheet.crawler.fleet.engine.address_grants import AddressGranter, GrantTimes
from broadsheet.crawler.fleet.engine.address_leases import AddressLeases
from broadsheet.crawler.fleet.store.object_store import StoreError
from broadsheet.crawler.fleet.store.store_address import store_at
from broadsheet.crawler.fleet.store.task_in_store import StorePlace

_LOG = logging.getLogger(__name__)
_TIMES = GrantTimes(idle=5.0, turn=20.0)
"""Longer than by way of a scheduler, as each turn is three requests to the store."""
_FOLDER = ".slots"
_LOOK_SECONDS = 0.05


@contextmanager
def granted_slots(store_place: StorePlace, times: GrantTimes = _TIMES) -> Iterator[Path | None]:
    """Within it, the folder in which crawls find the slots of this run; None if addresses are not bounded, or if store
    or disk are such that no task can run, each of which says why."""
    folder = store_place.local_folder / _FOLDER / token_hex(8)
    granter = _granter(store_place, folder, times) if store_place.per_address else None
    if granter is None:
        yield None
        return
    has_ended = threading.Event()
    thread = threading.Thread(target=granter.serve, args=(has_ended,), name="address-slots", daemon=True)
    thread.start()
    try:
        yield folder
    finally:
        has_ended.set()
        thread.join()
        shutil.rmtree(folder, ignore_errors=True)


def _granter(store_place: StorePlace, folder: Path, times: GrantTimes) -> _StoreGranter | None:
    if disk_problem(store_place.local_folder):
        return None
    try:
        return _StoreGranter(store_place, folder, times)
    except (StoreError, OSError) as error:
        _LOG.warning("requests to one address are bounded on this machine alone: %s", error)
        return None


class _StoreGranter:
    """A granter whose slots are leases in a store, in a thread of its own."""

    def __init__(self, store_place: StorePlace, folder: Path, times: GrantTimes) -> None:
        self._store = store_at(store_place.address)
        self._per_address = store_place.per_address
        self._leases: dict[str, AddressLeases] = {}
        self._granter = AddressGranter(folder, store_place.per_address, self._leases_of, times)

    def serve(self, has_ended: threading.Event) -> None:
        """Grant slots until that is told to end; then no slot is left in the store."""
        asyncio.run(self._serve(has_ended))
        for leases in self._leases.values():
            leases.give_all_back()

    async def _serve(self, has_ended: threading.Event) -> None:
        granting = asyncio.ensure_future(self._granter.run())
        while not has_ended.is_set():
            await asyncio.sleep(_LOOK_SECONDS)
        granting.cancel()
        with suppress(asyncio.CancelledError):
            await granting
        self._granter.close()

    def _leases_of(self, address: str) -> AddressLeases:
        """The leases of an address: the same as before, since they know which slots are left to others."""
        return self._leases.setdefault(address, AddressLeases(self._store, address, self._per_address))
