"""Only public addresses: no connection goes to loopback, a private network or a cloud's metadata service.

Four gates, the third being the one that counts:

- `crawler.fetch.addresses.check_url` judges what the URL itself says, before a seed is taken;
- `GuardedDownloadHandler` judges it again in the moment of the request, with its port, and refuses proxies, behind
  which nothing could be judged;
- `GuardedResolver` judges every address that a name resolved to. Connections are made to these very addresses, so a
  name that answers differently the second time gains nothing;
- `crawler.fetch.connection.GuardedProtocol` judges the address that was in fact connected to, before it sends a byte.

Settings: `TWISTED_DNS_RESOLVER = "crawler.fetch.guard.GuardedResolver"`, `DOWNLOAD_HANDLERS` with
`"crawler.fetch.guard.GuardedDownloadHandler"` for http and https and nothing else, `HTTPPROXY_ENABLED = False` (else
Scrapy takes proxies from the environment and the handler refuses each request), `BROADSHEET_ALLOW_PRIVATE` (default
False), `BROADSHEET_PORTS`. With others `fault_in` says why no crawl may start.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.exceptions import CannotResolveHostError, DownloadFailedError
from scrapy.resolver import CachingHostnameResolver
from scrapy.utils.misc import load_object
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver

from cleaners.urls.canonical import canonicalise, host_of
from crawler.fetch.addresses import check_url, port_of, refused
from crawler.fetch.connection import GuardedFactory, named
from crawler.fetch.errors import AddressRefusedError
from crawler.fetch.wiretap import TappedPool, tapped

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.internet.base import ReactorBase

__all__ = ["AddressRefusedError", "GuardedDownloadHandler", "GuardedResolver", "fault_in", "fault_in_reactor"]

ALLOW_PRIVATE = "BROADSHEET_ALLOW_PRIVATE"
PORTS = "BROADSHEET_PORTS"
_DOWNLOADER = "scrapy.core.downloader.Downloader"


class _Judge:
    """An `IResolutionReceiver` that hands on the addresses that may be asked, and tells the resolver its verdicts."""

    def __init__(self, receiver: Any, resolver: GuardedResolver, name: str):
        self.receiver, self.resolver, self.name = receiver, resolver, name
        self.verdicts: list[str | None] = []

    def resolutionBegan(self, resolution: IHostResolution) -> None:  # noqa: N802
        self.receiver.resolutionBegan(resolution)

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802
        verdict = refused(address.host, self.resolver.allow_private)
        self.verdicts.append(verdict)
        if verdict is None:
            self.receiver.addressResolved(address)

    def resolutionComplete(self) -> None:  # noqa: N802
        self.resolver.note(self.name, self.verdicts)
        self.receiver.resolutionComplete()


class GuardedResolver(CachingHostnameResolver):
    """Scrapy's caching IPv4 and IPv6 resolver, less the addresses that are refused.

    To Twisted a name with refused addresses alone has no address; `refusal` tells it from one that does not exist.
    A slow name server is bounded by DOWNLOAD_TIMEOUT (DNS_TIMEOUT has no effect here).
    """

    def __init__(self, reactor: ReactorBase, cache_size: int):
        super().__init__(reactor, cache_size)
        self.allow_private = False
        self._refusals: dict[str, str] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: ReactorBase) -> GuardedResolver:
        """Made by Scrapy when it sets the reactor up."""
        resolver = super().from_crawler(crawler, reactor)
        resolver.allow_private = crawler.settings.getbool(ALLOW_PRIVATE)
        return resolver

    def refusal(self, host: str) -> str | None:
        """The verdict if the host's latest resolution gave refused addresses alone."""
        return self._refusals.get(_key(host))

    def note(self, name: str, verdicts: Sequence[str | None]) -> None:
        """Remember how a name's addresses were judged."""
        self._refusals.pop(_key(name), None)
        if verdicts and all(verdicts):
            self._refusals[_key(name)] = str(verdicts[0])

    def resolveHostName(  # noqa: N802
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        """Resolve as Scrapy does, through the judge. The cache holds what the name server said, so hits are judged."""
        judge: Any = _Judge(resolutionReceiver, self, hostName)
        return super().resolveHostName(judge, hostName, portNumber, addressTypes, transportSemantics)


class GuardedDownloadHandler(HTTP11DownloadHandler):
    """Scrapy's HTTP handler; what the guard refuses fails with `AddressRefusedError`.

    An answer that cannot be used fails with `crawler.fetch.errors.AnswerError`.
    """

    def __init__(self, crawler: Crawler):
        super().__init__(crawler)
        self._allow_private = crawler.settings.getbool(ALLOW_PRIVATE)
        self._ports = ports_of(crawler)
        from twisted.internet import reactor

        kept_open = self._pool.maxPersistentPerHost
        self._pool = TappedPool(reactor, persistent=True)  # type: ignore[no-untyped-call]
        self._pool.maxPersistentPerHost = kept_open
        self._pool._factory = partial(GuardedFactory, self._allow_private)  # type: ignore[assignment]

    async def download_request(self, request: Request) -> Response:
        """Fetch, unless the URL, its proxy or the addresses of its name are refused."""
        reason = "proxy" if request.meta.get("proxy") else check_url(request.url, self._allow_private, self._ports)
        if reason:
            raise AddressRefusedError(request.url, reason)
        resolver = _resolver()
        try:
            with tapped(request.meta.get("exchange")):
                return await super().download_request(request)
        except CannotResolveHostError as error:
            reason = resolver.refusal(urlsplit(request.url).hostname or "")
            if reason is None:
                raise
            raise AddressRefusedError(request.url, reason) from error
        except DownloadFailedError as error:
            raise named(error) from error


def ports_of(crawler: Crawler) -> frozenset[int]:
    """The ports that may be asked besides 80 and 443: the seeds' own and those of BROADSHEET_PORTS."""
    seeds = getattr(crawler.spider, "seeds", ())
    return frozenset((*map(port_of, seeds), *map(int, crawler.settings.getlist(PORTS))))


def fault_in(settings: BaseSettings) -> str:
    """Why a crawl with these settings would not be guarded, in one line, or an empty string."""
    handlers = {scheme: path for scheme, path in settings.getwithbase("DOWNLOAD_HANDLERS").items() if path}
    if not _is(settings["TWISTED_DNS_RESOLVER"], GuardedResolver):
        return "TWISTED_DNS_RESOLVER must be crawler.fetch.guard.GuardedResolver: no address would be judged"
    if set(handlers) != {"http", "https"} or not all(_is(each, GuardedDownloadHandler) for each in handlers.values()):
        return "DOWNLOAD_HANDLERS must be crawler.fetch.guard.GuardedDownloadHandler for http and https, else None"
    if not settings.getbool("TWISTED_REACTOR_ENABLED", True):
        return "TWISTED_REACTOR_ENABLED must be on: addresses are judged by the reactor's resolver"
    if settings["DOWNLOADER"] != _DOWNLOADER:
        return "DOWNLOADER must be Scrapy's own: another one may pass by the guard"
    if not all(str(port).isdigit() and 0 < int(port) < 65536 for port in settings.getlist(PORTS)):
        return f"{PORTS} must be port numbers, not {settings[PORTS]}"
    return ""


def fault_in_reactor() -> str:
    """Why a crawl in the running reactor would not be guarded, in one line, or an empty string."""
    try:
        _resolver()
    except RuntimeError as error:
        return str(error)
    return ""


def _is(path: Any, base: type) -> bool:
    try:
        found = load_object(path)
    except (ImportError, NameError, TypeError, ValueError):
        return False
    return isinstance(found, type) and issubclass(found, base)


def _resolver() -> GuardedResolver:
    """The reactor's resolver; RuntimeError if it is not the guard's, for then nothing would be judged."""
    from twisted.internet import reactor

    resolver = getattr(reactor, "nameResolver", None)
    if not isinstance(resolver, GuardedResolver):
        raise RuntimeError("the reactor does not resolve names with crawler.fetch.guard.GuardedResolver")
    return resolver


def _key(host: str) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    return host_of(canonicalise(f"http://{bracketed}/") or "")
