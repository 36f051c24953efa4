"""A resolver that is the guard's by name and refuses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scrapy.resolver import CachingHostnameResolver

from broadsheet.crawler.fetch.guard import GuardedResolver


class LaxResolver(GuardedResolver):
    """As if the judgement of a name's addresses had a hole."""

    def resolveHostName(  # noqa: N802
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[Any] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Any:
        arguments = (resolutionReceiver, hostName, portNumber, addressTypes, transportSemantics)
        return CachingHostnameResolver.resolveHostName(self, *arguments)
