"""The address of a host, looked up as the connection will look it up, before the request is made."""

from __future__ import annotations

import asyncio
from typing import Any

from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred


class _AddressCollector:
    """An `IResolutionReceiver` that keeps the addresses of a name, and tells when they are all there."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.is_complete: Deferred[None] = Deferred()

    def resolutionBegan(self, resolution: Any) -> None:  # noqa: N802
        """Called first, with what could stop the resolution."""

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        """Called for each address."""
        self.addresses.append(str(address.host))

    def resolutionComplete(self) -> None:  # noqa: N802
        """Called last."""
        if not self.is_complete.called:
            self.is_complete.callback(None)


async def first_address(resolver: Any, host: str, patience: float) -> str:
    """The first address of a host by a reactor's resolver, which keeps what it finds for the connection; empty if it
    has none, or none within `patience` seconds."""
    collector = _AddressCollector()
    resolver.resolveHostName(collector, host)
    try:
        await asyncio.wait_for(maybe_deferred_to_future(collector.is_complete), patience)
    except TimeoutError:
        return ""
    return collector.addresses[0] if collector.addresses else ""
