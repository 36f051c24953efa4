"""Turns of requests at an address: a host's address is looked up as the connection will do it, then a slot
there taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.settings import BaseSettings
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred

from .address_slots import AddressSlots
from .exchange_recorder import ExchangeRecorder


class _AddressCollector:
    """An `IResolutionReceiver` that keeps the addresses of a name, and tells when they are all there."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.is_complete: Deferred[None] = Deferred()

    def resolutionBegan(self, resolution: Any) -> None:  # noqa: N802
        """Ignore what could stop the resolution; called first."""

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        """Keep an address; called for each."""
        self.addresses.append(str(address.host))

    def resolutionComplete(self) -> None:  # noqa: N802
        """Fire `is_complete`; called last."""
        if not self.is_complete.called:
            self.is_complete.callback(None)


async def first_address(resolver: Any, host: str, patience: float) -> str:
    """Look up the first address of a host by a reactor's resolver, which keeps its findings for the connection.

    Empty if the host has no address, or none within `patience` seconds.
    """
    collector = _AddressCollector()
    resolver.resolveHostName(collector, host)
    try:
        await asyncio.wait_for(maybe_deferred_to_future(collector.is_complete), patience)
    except TimeoutError:
        return ""
    return collector.addresses[0] if collector.addresses else ""


class AddressTurns:
    """A bound on the requests of a crawl to one address, together with other crawls; without slots there is none."""

    def __init__(self, slots: AddressSlots | None, patience: float) -> None:
        self._slots = slots
        self._patience = patience
        self._peers: dict[str, str] = {}
        """By host the address that its last request went to: of a name with several addresses the one that answers."""

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> AddressTurns:
        """Make the bound that the settings ask for. OSError if their folder cannot be made."""
        per_address, folder = settings.getint("BROADSHEET_PER_ADDRESS"), settings["BROADSHEET_ADDRESS_FOLDER"]
        granted = Path(settings["BROADSHEET_ADDRESS_GRANTS"]) if settings["BROADSHEET_ADDRESS_GRANTS"] else None
        slots = AddressSlots(Path(folder), per_address, granted) if per_address and folder else None
        return cls(slots, settings.getfloat("DOWNLOAD_TIMEOUT"))

    @asynccontextmanager
    async def turn(self, request: Request, resolver: Any) -> AsyncIterator[None]:
        """Hold the request's slot within the `with` block, waiting before Scrapy's clocks for time-outs and latency."""
        host = urlsplit(request.url).hostname or ""
        address = await self._address(host, resolver) if self._slots else ""
        if self._slots is None or not address:
            yield
            return
        async with self._slots.slot(address, host):
            yield
        exchange = request.meta.get("exchange")
        if isinstance(exchange, ExchangeRecorder) and exchange.address:
            self._peers[host] = exchange.address

    async def _address(self, host: str, resolver: Any) -> str:
        return self._peers.get(host) or await first_address(resolver, host, self._patience)
