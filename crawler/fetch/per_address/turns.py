"""When a request may go to its address: finds the address of its host, and waits there for a slot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.settings import BaseSettings

from broadsheet.crawler.fetch.per_address.lookup import first_address
from broadsheet.crawler.fetch.per_address.slots import AddressSlots
from broadsheet.crawler.fetch.transport.wiretap import ExchangeRecorder


class AddressTurns:
    """Bounds the requests of a crawl to one address, together with other crawls; without slots it bounds nothing."""

    def __init__(self, slots: AddressSlots | None, patience: float) -> None:
        self._slots = slots
        self._patience = patience
        self._peers: dict[str, str] = {}
        """By host the address that its last request went to: of a name with several addresses the one that answers."""

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> AddressTurns:
        """The bound that the settings ask for. OSError if their folder cannot be made."""
        per_address, folder = settings.getint("BROADSHEET_PER_ADDRESS"), settings["BROADSHEET_ADDRESS_FOLDER"]
        granted = Path(settings["BROADSHEET_ADDRESS_GRANTS"]) if settings["BROADSHEET_ADDRESS_GRANTS"] else None
        slots = AddressSlots(Path(folder), per_address, granted) if per_address and folder else None
        return cls(slots, settings.getfloat("DOWNLOAD_TIMEOUT"))

    @asynccontextmanager
    async def turn(self, request: Request, resolver: Any) -> AsyncIterator[None]:
        """Within it the request may be under way. The wait is before Scrapy's clocks for time-outs and latency."""
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
