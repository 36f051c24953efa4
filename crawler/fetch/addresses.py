"""Rules for the addresses and URLs that a crawl may connect to, by their text alone. Pure.

Strangers write the links, and the crawling machine can often reach what the public cannot: its own services, its
network, its cloud credentials (server-side request forgery).
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from broadsheet.cleaners.page.canonical_urls import canonicalise

USUAL_PORTS = frozenset((80, 443))
PRIVATE_VERDICTS = frozenset(("loopback", "private", "cgnat", "reserved"))
"""The verdicts that `--allow-private` permits. The others stay refused: no site is published there."""

SPECIAL_NETWORKS = {
    "metadata": "169.254.169.254 169.254.170.2 169.254.170.23 169.254.42.42 169.254.0.23 168.63.129.16 100.100.100.200 "
    "192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd00:42::42 fd20:ce::254",
    "unspecified": "0.0.0.0/8 ::/128",
    "loopback": "127.0.0.0/8 ::1/128",
    "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10 64:ff9b:1::/48",
    "cgnat": "100.64.0.0/10",
    "link_local": "169.254.0.0/16 fe80::/10",
    "multicast": "224.0.0.0/4 ff00::/8",
    "reserved": "192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 "
    "2001::/23 2001:db8::/32 2002::/16 3fff::/20",
}
"""Verdicts and their networks, from the IANA registries of special-purpose addresses; the first match decides.

The metadata addresses are those that cloud machines ask for their own credentials; one of them lies in public space.
"""

_PARSED_NETWORKS = [
    (ip_network(network), verdict) for verdict, networks in SPECIAL_NETWORKS.items() for network in networks.split()
]
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_EQUIVALENT_TO_IPV4 = [IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")]  # mapped; DNS64 (IPv6-only networks)
_IPV4_IN_LAST_BITS = [*_EQUIVALENT_TO_IPV4, IPv6Network("::ffff:0:0:0/96"), IPv6Network("::/96")]
_ISATAP_IDENTIFIERS = (0x00005EFE, 0x02005EFE)


def address_verdict(ip: str) -> str | None:
    """Return None for a public address; for others the reason to refuse it, a key of `SPECIAL_NETWORKS`.

    An IPv6 address with an embedded IPv4 address (mapped, NAT64, translated, compatible, 6to4, Teredo, ISATAP) has that
    address's verdict. If the embedded one is public, mapped, NAT64 and ISATAP addresses are public; tunnels and
    obsolete forms are reserved. ValueError if `ip` is not an IP address.

    >>> address_verdict("127.0.0.1")
    'loopback'
    """
    address = ip_address(ip.partition("%")[0])
    special_verdict = _special_verdict(address)
    if isinstance(address, IPv4Address) or special_verdict not in (None, "reserved"):
        return special_verdict
    for embedded_address in _embedded_ipv4(address):
        if verdict := address_verdict(str(embedded_address)):
            return verdict
    if any(address in network for network in _EQUIVALENT_TO_IPV4):
        return None
    return special_verdict or (None if address in _GLOBAL_IPV6 else "reserved")


def address_refusal(ip: str, allow_private: bool) -> str | None:
    """Return the reason not to connect to an IP address, or None; `allow_private` permits `PRIVATE_VERDICTS`."""
    verdict = address_verdict(ip)
    return None if allow_private and verdict in PRIVATE_VERDICTS else verdict


def check_url(url: str, allow_private: bool = False, ports: Collection[int] = ()) -> str | None:
    """Return the reason not to request a URL, by its text alone, or None.

    `invalid`: not an http(s) URL, or one with a user name; `port`: neither 80, 443 nor one of `ports`; else the
    verdict on a host that is an IP address in any notation (a host name is judged when it is resolved).
    """
    canonical_url = canonicalise(url)
    if canonical_url is None:
        return "invalid"
    parts = urlsplit(canonical_url)
    if parts.port is not None and parts.port not in USUAL_PORTS and parts.port not in ports:
        return "port"
    return _host_verdict(parts.hostname or "", allow_private)


def port_of(url: str) -> int:
    """Return the port of an http(s) URL, by default that of its scheme."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _special_verdict(address: IPv4Address | IPv6Address) -> str | None:
    for network, verdict in _PARSED_NETWORKS:
        if address.version == network.version and address in network:
            return verdict
    return None


@lru_cache(maxsize=1024)
def _host_verdict(host: str, allow_private: bool) -> str | None:
    if host == "localhost" or host.endswith(".localhost"):
        host = "127.0.0.1"
    try:
        return address_refusal(host, allow_private)
    except ValueError:
        return None


def _embedded_ipv4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses embedded in an IPv6 address: none, one, or for Teredo server and client."""
    if address.teredo:
        return address.teredo
    if address.sixtofour:
        return (address.sixtofour,)
    bits = int(address)
    if any(address in network for network in _IPV4_IN_LAST_BITS) or bits >> 32 & 0xFFFFFFFF in _ISATAP_IDENTIFIERS:
        return (IPv4Address(bits & 0xFFFFFFFF),)
    return ()
