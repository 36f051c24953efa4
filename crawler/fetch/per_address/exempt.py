"""Which addresses the bound on requests to one address does not hold for: those of content delivery networks."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any


@cache
def exempt_network(address: str) -> str:
    """The name of the exempt network that an address is in; empty if it is in none, or is no address."""
    try:
        parsed_address = ip_address(address)
    except ValueError:
        return ""
    return next((name for name, network in _networks() if parsed_address in network), "")


@cache
def most_hosts() -> int:
    """How many hosts of a fleet an address may answer for before it counts as a large hoster's."""
    return int(_facts()["most_hosts"])


@cache
def _networks() -> tuple[tuple[str, IPv4Network | IPv6Network], ...]:
    return tuple((entry["name"], ip_network(text)) for entry in _facts()["network"] for text in entry["ranges"])


@cache
def _facts() -> dict[str, Any]:
    return tomllib.loads(files("broadsheet.crawler.fetch.per_address").joinpath("exempt.toml").read_text("utf-8"))
