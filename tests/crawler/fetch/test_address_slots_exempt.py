"""The networks that the bound on requests to one address does not hold for."""

from __future__ import annotations

from datetime import date

import pytest

from broadsheet.crawler.fetch.address_slots import _facts, exempt_network, most_hosts
from tests.crawler.warm import REPOSITORY


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("104.16.0.1", "cloudflare"),
        ("104.15.255.255", ""),
        ("2606:4700::6810:1", "cloudflare"),
        ("151.101.1.69", "fastly"),
        ("13.32.0.9", "cloudfront"),
        ("13.34.0.9", ""),
        ("127.0.0.1", ""),
        ("no address", ""),
    ],
)
def test_an_address_is_in_the_network_that_has_its_range(address: str, name: str) -> None:
    assert exempt_network(address) == name


def test_each_network_says_where_its_ranges_are_published_and_when_they_were_compared() -> None:
    networks = _facts()["network"]
    assert most_hosts() > 1
    for network in networks:
        assert network["source"].startswith("https://")
        assert not network["compared"] or date.fromisoformat(network["compared"])
    is_open = any(not network["compared"] for network in networks)
    page = " ".join((REPOSITORY / "docs/scale.md").read_text("utf-8").split())
    assert ("have not yet been compared with what the networks publish" in page) is is_open
