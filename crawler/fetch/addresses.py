"""Which addresses a crawl may ask, by the text of a URL or an IP address alone. Pure.

Links are written by strangers, and a machine that crawls often stands where more can be reached than from outside:
its own services, its network, its cloud's credentials.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from cleaners.urls.canonical import canonicalise

USUAL_PORTS = frozenset((80, 443))
OPENED = frozenset(("loopback", "private", "cgnat", "reserved"))
"""What `--allow-private` opens. The others stay refused: no site is published there."""

SPECIAL = {
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

_SPECIAL = [(ip_network(network), reason) for reason, networks in SPECIAL.items() for network in networks.split()]
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_SAME_AS_IPV4 = [IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")]  # mapped, and DNS64 on IPv6-only networks
_IPV4_IN_LAST_BITS = [*_SAME_AS_IPV4, IPv6Network("::ffff:0:0:0/96"), IPv6Network("::/96")]
_ISATAP = (0x00005EFE, 0x02005EFE)


def address_verdict(ip: str) -> str | None:
    """None for a public address, else the reason to refuse it, a key of `SPECIAL`.

    An IPv6 address that carries an IPv4 address (mapped, NAT64, translated, compatible, 6to4, Teredo, ISATAP) has the
    verdict on that; with a public one inside, mapped, NAT64 and ISATAP are public, the tunnels and obsolete forms
    reserved. ValueError if `ip` is no address.
    """
    address = ip_address(ip.partition("%")[0])
    special = _special(address)
    if isinstance(address, IPv4Address) or special not in (None, "reserved"):
        return special
    for inner in _carried(address):
        if verdict := address_verdict(str(inner)):
            return verdict
    if any(address in network for network in _SAME_AS_IPV4):
        return None
    return special or (None if address in _GLOBAL_IPV6 else "reserved")


def refused(ip: str, allow_private: bool) -> str | None:
    """The verdict that counts under the setting; see `OPENED`."""
    verdict = address_verdict(ip)
    return None if allow_private and verdict in OPENED else verdict


def check_url(url: str, allow_private: bool = False, ports: Collection[int] = ()) -> str | None:
    """Why a URL must not be asked for, by its text alone, or None.

    `invalid` is no http(s) URL or one with a user name; `port` is neither 80, 443 nor one of `ports`; else the
    verdict on a host that is an address in whatever notation (a name is judged when it is resolved).
    """
    plain = canonicalise(url)
    if plain is None:
        return "invalid"
    parts = urlsplit(plain)
    if parts.port is not None and parts.port not in USUAL_PORTS and parts.port not in ports:
        return "port"
    return _host_verdict(parts.hostname or "", allow_private)


def port_of(url: str) -> int:
    """The port that an http(s) URL asks, its scheme's own if it names none."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _special(address: IPv4Address | IPv6Address) -> str | None:
    return next((why for network, why in _SPECIAL if address.version == network.version and address in network), None)


@lru_cache(maxsize=1024)
def _host_verdict(host: str, allow_private: bool) -> str | None:
    if host == "localhost" or host.endswith(".localhost"):
        host = "127.0.0.1"
    try:
        return refused(host, allow_private)
    except ValueError:
        return None


def _carried(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses to which an IPv6 address leads."""
    if address.teredo:
        return address.teredo
    if address.sixtofour:
        return (address.sixtofour,)
    bits = int(address)
    if any(address in network for network in _IPV4_IN_LAST_BITS) or bits >> 32 & 0xFFFFFFFF in _ISATAP:
        return (IPv4Address(bits & 0xFFFFFFFF),)
    return ()
