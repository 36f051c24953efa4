"""Only public addresses: no connection goes to loopback, a private network or a cloud's metadata service.

Three gates, the last being the one that counts:

- `check_url` judges what the URL itself says, before it enters the queue;
- `GuardedDownloadHandler` judges it again in the moment of the request, and refuses proxies, behind which nothing
  could be judged;
- `GuardedResolver` judges every address that a name resolved to. Connections are made to these very addresses, so a
  name that answers differently the second time gains nothing.

Settings: `TWISTED_DNS_RESOLVER = "crawler.guard.GuardedResolver"`, `DOWNLOAD_HANDLERS` with
`"crawler.guard.GuardedDownloadHandler"` for http and https, `HTTPPROXY_ENABLED = False` (else Scrapy takes proxies
from the environment and the handler refuses each request), `BROADSHEET_ALLOW_PRIVATE` (default False). Metadata
services stay refused when private addresses are allowed: no site is published there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.exceptions import CannotResolveHostError
from scrapy.resolver import CachingHostnameResolver
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver

from cleaners.urls import canonicalise, host_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.internet.base import ReactorBase

ALLOW_PRIVATE = "BROADSHEET_ALLOW_PRIVATE"

# From the IANA registries of special-purpose IPv4 and IPv6 addresses. The first match decides. The metadata
# addresses are those that cloud machines ask for their own credentials; one of them lies in public space.
_SPECIAL = [
    (ip_network(network), reason)
    for reason, networks in {
        "metadata": "169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 192.0.0.192 fd00:ec2::254",
        "unspecified": "0.0.0.0/8 ::/128",
        "loopback": "127.0.0.0/8 ::1/128",
        "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10 64:ff9b:1::/48",
        "cgnat": "100.64.0.0/10",
        "link_local": "169.254.0.0/16 fe80::/10",
        "multicast": "224.0.0.0/4 ff00::/8",
        "reserved": "192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 "
        "2001::/23 2001:db8::/32 3fff::/20",
    }.items()
    for network in networks.split()
]
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_IPV4_IN_LAST_BITS = [IPv6Network(network) for network in ("::ffff:0:0/96", "64:ff9b::/96", "::ffff:0:0:0/96", "::/96")]


class AddressRefusedError(Exception):
    """A request that the guard did not let through. `reason` is an address verdict, `proxy` or a URL's fault."""

    def __init__(self, url: str, reason: str):
        super().__init__(f"{url}: refused, {reason} address" if reason != "proxy" else f"{url}: refused, via a proxy")
        self.reason = reason


def address_verdict(ip: str) -> str | None:
    """None for a public address, else the reason to refuse it.

    Reasons: metadata, unspecified, loopback, private, cgnat, link_local, multicast, reserved. IPv6 forms that
    carry an IPv4 address (mapped, translated, NAT64, compatible, 6to4, Teredo) are judged by that address.
    ValueError if `ip` is no address.
    """
    address = ip_address(ip.partition("%")[0])
    for network, reason in _SPECIAL:
        if address.version == network.version and address in network and not _teredo(address):
            return reason
    if isinstance(address, IPv4Address):
        return None
    inner = _carried(address)
    if inner:
        return next((verdict for each in inner if (verdict := address_verdict(str(each)))), None)
    return None if address in _GLOBAL_IPV6 else "reserved"


def check_url(url: str, allow_private: bool = False, seed_ports: Collection[int] = ()) -> str | None:
    """Why a URL must not be asked for, by its text alone, or None.

    `invalid` is no http(s) URL or one with a user name; `port` is neither the scheme's own nor a seed's; else the
    verdict on a host that is an address in whatever notation (a name is judged when it is resolved).
    """
    plain = canonicalise(url)
    if plain is None:
        return "invalid"
    parts = urlsplit(plain)
    if parts.port is not None and parts.port not in seed_ports:
        return "port"
    return _host_verdict(parts.hostname or "", allow_private)


def refused(ip: str, allow_private: bool) -> str | None:
    """The verdict that counts under the setting: with `allow_private` only metadata services are refused."""
    verdict = address_verdict(ip)
    return verdict if verdict == "metadata" or not allow_private else None


def _host_verdict(host: str, allow_private: bool) -> str | None:
    if host == "localhost" or host.endswith(".localhost"):
        host = "127.0.0.1"
    try:
        return refused(host, allow_private)
    except ValueError:
        return None


def _teredo(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv6Address) and address.teredo is not None


def _carried(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses to which an IPv6 address leads."""
    if address.teredo:
        return address.teredo
    if address.sixtofour:
        return (address.sixtofour,)
    if any(address in network for network in _IPV4_IN_LAST_BITS):
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


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
    """Scrapy's HTTP handler; what the guard refuses fails with `AddressRefusedError`."""

    def __init__(self, crawler: Crawler):
        super().__init__(crawler)
        self._allow_private = crawler.settings.getbool(ALLOW_PRIVATE)

    async def download_request(self, request: Request) -> Response:
        """Fetch, unless the URL, its proxy or the addresses of its name are refused."""
        reason = "proxy" if request.meta.get("proxy") else self._verdict(request.url)
        if reason:
            raise AddressRefusedError(request.url, reason)
        resolver = _resolver()
        try:
            return await super().download_request(request)
        except CannotResolveHostError as error:
            reason = resolver.refusal(urlsplit(request.url).hostname or "")
            if reason is None:
                raise
            raise AddressRefusedError(request.url, reason) from error

    def _verdict(self, url: str) -> str | None:
        port = urlsplit(url).port
        return check_url(url, self._allow_private, () if port is None else (port,))


def _resolver() -> GuardedResolver:
    """The reactor's resolver; RuntimeError if it is not the guard's, for then nothing would be judged."""
    from twisted.internet import reactor

    resolver = getattr(reactor, "nameResolver", None)
    if not isinstance(resolver, GuardedResolver):
        raise RuntimeError('the guard needs TWISTED_DNS_RESOLVER = "crawler.guard.GuardedResolver"')
    return resolver


def _key(host: str) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    return host_of(canonicalise(f"http://{bracketed}/") or "")
