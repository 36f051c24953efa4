"""The guard: a crawl connects to public addresses only, not to loopback, a private network or a cloud's metadata
service.

There are four checks, of which the third is the decisive one:

- `broadsheet.crawler.fetch.addresses.check_url` judges a seed's URL by its text, before the crawl starts;
- `GuardedDownloadHandler` judges each URL so when it is requested, with its port, and refuses proxies, behind which
  nothing could be judged;
- `GuardedResolver` judges every address that a host name resolved to. Connections are made to these very addresses,
  so a name that resolves differently the second time (DNS rebinding) gains nothing;
- `connection.GuardedProtocol` judges the address that was in fact connected to, before it sends a byte.

Settings: `TWISTED_DNS_RESOLVER = "broadsheet.crawler.fetch.guard.GuardedResolver"`, `DOWNLOAD_HANDLERS_BASE` with
`"broadsheet.crawler.fetch.guard.GuardedDownloadHandler"` for http and https and nothing else, `HTTPPROXY_ENABLED =
False` (else Scrapy takes proxies from the environment and the handler refuses each request), `BROADSHEET_ALLOW_PRIVATE`
(default False), `BROADSHEET_PORTS`. With others, `broadsheet.crawler.fetch.safe_settings` says why no crawl may start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.exceptions import CannotResolveHostError, DownloadFailedError, ResponseDataLossError
from scrapy.resolver import CachingHostnameResolver, dnscache
from scrapy.settings import BaseSettings
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet._resolver import GAIResolver
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver

from broadsheet.cleaners.page.canonical_urls import canonicalise, host_of
from broadsheet.output.archive.url_words import OutcomeReason

from .address_slots import AddressSlots
from .addresses import address_refusal, check_url, port_of
from .capacity import most_idle_connections
from .connection import GuardedFactory, StrictCertificatePolicy, root_cause
from .exchange_recorder import ByteAllowance, ExchangeRecorder, RecordingPool, recording
from .faults import AddressRefusedError, AnswerError
from .limits import HEAD_BYTES, WIRE_SHARE

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.internet.base import ReactorBase

ALLOW_PRIVATE_SETTING = "BROADSHEET_ALLOW_PRIVATE"
PORTS_SETTING = "BROADSHEET_PORTS"


class _FilteringReceiver:
    """An `IResolutionReceiver` that passes on the allowed addresses only, and reports all verdicts to the resolver."""

    def __init__(self, receiver: Any, resolver: GuardedResolver, host: str):
        self.receiver, self.resolver, self.host = receiver, resolver, host
        self.verdicts: list[str | None] = []

    def resolutionBegan(self, resolution: IHostResolution) -> None:  # noqa: N802
        self.receiver.resolutionBegan(resolution)

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802
        verdict = address_refusal(address.host, self.resolver.allow_private)
        self.verdicts.append(verdict)
        if verdict is None:
            self.receiver.addressResolved(address)

    def resolutionComplete(self) -> None:  # noqa: N802
        self.resolver.remember_verdicts(self.host, self.verdicts)
        self.receiver.resolutionComplete()


class GuardedResolver(CachingHostnameResolver):
    """A wrapper of Scrapy's caching IPv4 and IPv6 resolver that leaves out the addresses that are refused.

    Twisted sees a name with only refused addresses as one without an address; `refusal` tells it from one that does not
    exist. The wait for a slow name server is bounded by DOWNLOAD_TIMEOUT (DNS_TIMEOUT has no effect here).
    """

    def __init__(self, reactor: ReactorBase, cache_size: int):
        super().__init__(reactor, cache_size)
        self.allow_private = False
        self._refusals: dict[str, str] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: ReactorBase) -> GuardedResolver:
        """Make the resolver; called by Scrapy when it installs it in the reactor."""
        resolver = super().from_crawler(crawler, reactor)
        resolver.allow_private = crawler.settings.getbool(ALLOW_PRIVATE_SETTING)
        return resolver

    def refusal(self, host: str) -> str | None:
        """Return the verdict on the host if its latest resolution gave only refused addresses; otherwise None."""
        return self._refusals.get(_canonical_host(host))

    def remember_verdicts(self, host: str, verdicts: Sequence[str | None]) -> None:
        """Remember a host as refused if all the addresses of its latest resolution are; None is the allowed verdict."""
        self._refusals.pop(_canonical_host(host), None)
        if verdicts and all(verdicts):
            self._refusals[_canonical_host(host)] = str(verdicts[0])

    def resolveHostName(  # noqa: N802
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        """Resolve as Scrapy does, and filter the addresses. The cache is unfiltered, so its hits are judged too."""
        receiver: Any = _FilteringReceiver(resolutionReceiver, self, hostName)
        return super().resolveHostName(receiver, hostName, portNumber, addressTypes, transportSemantics)


class GuardedDownloadHandler(HTTP11DownloadHandler):
    """Scrapy's HTTP download handler; a refused request fails with `AddressRefusedError`.

    A response that cannot be used fails with `broadsheet.crawler.fetch.faults.AnswerError`.
    """

    def __init__(self, crawler: Crawler):
        super().__init__(crawler)
        self._allow_private = crawler.settings.getbool(ALLOW_PRIVATE_SETTING)
        self._ports = allowed_ports(getattr(crawler.spider, "seeds", ()), crawler.settings)
        self._turns = AddressTurns.from_settings(crawler.settings)
        if crawler.settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"):
            self._contextFactory = cast(
                Any, StrictCertificatePolicy(self._contextFactory, crawler.settings["BROADSHEET_CA"])
            )
        from twisted.internet import reactor

        self._pool = RecordingPool(reactor, most_idle_connections())
        self._pool._factory = partial(GuardedFactory, self._allow_private)  # type: ignore[assignment]

    async def download_request(self, request: Request) -> Response:
        """Download, unless the URL, a proxy or all addresses of the host name are refused."""
        reason = "proxy" if request.meta.get("proxy") else check_url(request.url, self._allow_private, self._ports)
        if reason:
            raise AddressRefusedError(request.url, reason)
        resolver = _reactor_resolver()
        exchange = request.meta.get("exchange")
        if exchange is not None and (max_bytes := request.meta.get("download_maxsize") or self._default_maxsize):
            exchange.allowances += (ByteAllowance(HEAD_BYTES + WIRE_SHARE * max_bytes),)
        try:
            async with self._turns.turn(request, resolver):
                with recording(exchange):
                    return await super().download_request(request)
        except CannotResolveHostError as error:
            reason = resolver.refusal(urlsplit(request.url).hostname or "")
            if reason is None:
                raise
            raise AddressRefusedError(request.url, reason) from error
        except ResponseDataLossError as error:
            if exchange is not None and exchange.is_over_allowance:
                raise AnswerError(OutcomeReason.TOO_LARGE, "more bytes on the wire than allowed") from error
            raise
        except DownloadFailedError as error:
            raise root_cause(error) from error


class RefusalWords:
    """Downloader middleware of a project's other spiders, whose handler knows no refusal: for it a name that has only
    refused addresses cannot be found. Their request fails as one of ours does, and is not tried again.
    """

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Raise AddressRefusedError in place of the lookup's failure."""
        if isinstance(exception, CannotResolveHostError):
            reason = _reactor_resolver().refusal(urlsplit(request.url).hostname or "")
            if reason is not None:
                raise AddressRefusedError(request.url, reason) from exception


def allowed_ports(seeds: Iterable[str], settings: BaseSettings) -> frozenset[int]:
    """Return the ports that may be requested besides 80 and 443: those of the seeds and of BROADSHEET_PORTS."""
    return frozenset((*map(port_of, seeds), *map(int, settings.getlist(PORTS_SETTING))))


def guard_reactor(crawler: Crawler) -> None:
    """Install the guarded resolver in a reactor that was started without our settings.

    A script's `CrawlerProcess()` sets the reactor up before it knows of the spider. From here on, all spiders of the
    process resolve names by it.
    """
    from twisted.internet import reactor

    running_reactor: Any = reactor
    if isinstance(running_reactor.nameResolver, GuardedResolver):
        return
    # Scrapy's default resolver knows only IPv4, and fills the shared cache with entries that ours cannot read.
    running_reactor.installNameResolver(GAIResolver(running_reactor, running_reactor.getThreadPool))
    dnscache.clear()
    GuardedResolver.from_crawler(crawler, running_reactor).install_on_reactor()


def _reactor_resolver() -> GuardedResolver:
    """Return the reactor's resolver; RuntimeError if it is not the guarded one, as addresses would not be
    judged then.
    """
    from twisted.internet import reactor

    resolver = getattr(reactor, "nameResolver", None)
    if not isinstance(resolver, GuardedResolver):
        raise RuntimeError("the reactor does not resolve names with broadsheet.crawler.fetch.guard.GuardedResolver")
    return resolver


def _canonical_host(host: str) -> str:
    """Return a host name or IP address in one notation, as the key of `_refusals`."""
    bracketed = f"[{host}]" if ":" in host else host
    return host_of(canonicalise(f"http://{bracketed}/") or "")


class _AddressCollector:
    """An `IResolutionReceiver` that collects the addresses of a name and signals when it has all of them."""

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
    """Look up the first address of a host with a reactor's resolver, which caches it for the connection. Empty after
    `patience` seconds without an answer.
    """
    collector = _AddressCollector()
    resolver.resolveHostName(collector, host)
    try:
        await asyncio.wait_for(maybe_deferred_to_future(collector.is_complete), patience)
    except TimeoutError:
        return ""
    return collector.addresses[0] if collector.addresses else ""


class AddressTurns:
    """A limit on requests to one address, shared with other crawls; no limit without slots."""

    def __init__(self, slots: AddressSlots | None, patience: float) -> None:
        self._slots = slots
        self._patience = patience
        self._peers: dict[str, str] = {}
        """By host the address that its last request went to: of a name with several addresses the one that answers."""

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> AddressTurns:
        """Make the limit that the settings ask for. OSError if their folder cannot be created."""
        per_address, folder = settings.getint("BROADSHEET_PER_ADDRESS"), settings["BROADSHEET_ADDRESS_FOLDER"]
        slots = AddressSlots(Path(folder), per_address) if per_address and folder else None
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
