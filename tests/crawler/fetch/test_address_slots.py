"""Slots of addresses: so many requests to one, and no more, over all crawls that share a folder."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from ipaddress import ip_network
from typing import Any

import pytest
from scrapy import Request
from scrapy.settings import Settings
from twisted.internet.address import IPv4Address

from broadsheet.crawler.fetch import address_slots as slots
from broadsheet.crawler.fetch import guard
from broadsheet.crawler.fetch.address_slots import (
    AddressSlots,
    _facts,
    exempt_network,
    most_hosts,
)
from broadsheet.crawler.fetch.exchange_recorder import ExchangeRecorder
from broadsheet.crawler.fetch.guard import AddressTurns
from tests.crawler.warm import REPOSITORY

ADDRESS = "198.51.100.7"


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_PAUSE", 0.001)


async def most_at_once(crawls: list[AddressSlots], address: str, hosts: int = 1) -> int:
    """The most requests that are under way at once when ten crawls ask an address at the same time."""
    under_way, most = 0, 0

    async def request(number: int) -> None:
        nonlocal under_way, most
        async with crawls[number % len(crawls)].slot(address, f"h{number % hosts}.example"):
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.005)
            under_way -= 1

    await asyncio.gather(*(request(number) for number in range(10)))
    assert under_way == 0
    return most


def test_crawls_that_share_a_folder_share_its_slots(tmp_path):
    crawls = [AddressSlots(tmp_path / "shared", 3) for _ in range(4)]
    assert asyncio.run(most_at_once(crawls, ADDRESS)) == 3
    assert asyncio.run(most_at_once(crawls, "2001:db8::7")) == 3


def test_addresses_do_not_wait_for_one_another(tmp_path):
    crawl = AddressSlots(tmp_path, 1)

    async def two_at_once() -> None:
        async with crawl.slot(ADDRESS, "a.example"), asyncio.timeout(5), crawl.slot("198.51.100.8", "b.example"):
            pass

    asyncio.run(two_at_once())


@pytest.mark.parametrize("address", ["104.16.3.4", "151.101.1.1", "2606:4700::1"])
def test_a_content_delivery_network_is_exempt(tmp_path, address):
    assert asyncio.run(most_at_once([AddressSlots(tmp_path, 2)], address)) == 10


def test_an_address_with_many_hosts_is_exempt(tmp_path, monkeypatch):
    monkeypatch.setattr(slots, "most_hosts", lambda: 5)
    crawls = [AddressSlots(tmp_path, 2), AddressSlots(tmp_path, 2)]
    assert asyncio.run(most_at_once(crawls, ADDRESS, hosts=5)) == 2
    assert asyncio.run(most_at_once(crawls, ADDRESS, hosts=6)) > 2
    assert most_hosts() == 50


@pytest.mark.slow
def test_a_killed_crawl_holds_no_slot(tmp_path):
    code = f"""if True:
        import asyncio, os
        from pathlib import Path
        from broadsheet.crawler.fetch.address_slots import AddressSlots
        async def die():
            async with AddressSlots(Path({str(tmp_path)!r}), 1).slot({ADDRESS!r}, "a.example"):
                os.kill(os.getpid(), 9)
        asyncio.run(die())"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert asyncio.run(most_at_once([AddressSlots(tmp_path, 1)], ADDRESS)) == 1


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("104.16.0.1", "cloudflare"), ("104.15.255.255", ""), ("2606:4700::6810:1", "cloudflare"),
        ("151.101.1.69", "fastly"), ("13.32.0.9", "cloudfront"), ("13.34.0.9", ""), ("127.0.0.1", ""),
        ("no address", ""),
    ],
)  # fmt: skip
def test_an_address_is_in_the_network_that_has_its_range(address, name):
    assert exempt_network(address) == name


def test_each_network_says_where_its_ranges_are_published_and_when_they_were_compared():
    networks = _facts()["network"]
    for network in networks:
        assert network["name"]
        assert all(ip_network(text).is_global for text in network["ranges"])
        assert network["source"].startswith("https://")
        assert not network["compared"] or date.fromisoformat(network["compared"])
    is_open = any(not network["compared"] for network in networks)
    page = " ".join((REPOSITORY / "docs/fleet.md").read_text("utf-8").split())
    assert ("have not yet been compared with what the networks publish" in page) is is_open


def ask(address_turns: AddressTurns, peer: str = "", host: str = "a.example") -> None:
    """One request to a host; `peer` is the address that the connection was made to in the end."""
    exchange = ExchangeRecorder()
    request = Request(f"http://{host}:8080/x", meta={"exchange": exchange})

    async def request_in_turn() -> None:
        async with address_turns.turn(request, None):
            exchange.begin(peer)

    asyncio.run(request_in_turn())


@pytest.fixture
def slots_taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The address and host of each slot that is taken; hosts are looked up in `ADDRESSES`."""
    taken: list[tuple[str, str]] = []

    @asynccontextmanager
    async def slot(slots: AddressSlots, address: str, host: str) -> AsyncIterator[None]:
        taken.append((address, host))
        yield

    async def first_address(resolver: Any, host: str, patience: float) -> str:
        return ADDRESSES[host]

    monkeypatch.setattr(AddressSlots, "slot", slot)
    monkeypatch.setattr(guard, "first_address", first_address)
    return taken


ADDRESSES = {"a.example": "2001:db8::1", "none.example": ""}


def test_the_address_that_answered_goes_before_the_one_that_is_looked_up(tmp_path, slots_taken):
    address_turns = AddressTurns(AddressSlots(tmp_path, 2), 1.0)
    ask(address_turns, peer="192.0.2.1")
    ask(address_turns, host="none.example")
    ask(address_turns)
    assert slots_taken == [("2001:db8::1", "a.example"), ("192.0.2.1", "a.example")]


@pytest.mark.parametrize("values", [{}, {"BROADSHEET_PER_ADDRESS": 4}, {"BROADSHEET_ADDRESS_FOLDER": "addresses"}])
def test_without_both_settings_nothing_is_bounded(values, tmp_path, monkeypatch, slots_taken):
    monkeypatch.chdir(tmp_path)
    ask(AddressTurns.from_settings(Settings({"BROADSHEET_PER_ADDRESS": 0, "BROADSHEET_ADDRESS_FOLDER": "", **values})))
    assert slots_taken == []
    assert list(tmp_path.iterdir()) == []
    settings = Settings({"BROADSHEET_PER_ADDRESS": 4, "BROADSHEET_ADDRESS_FOLDER": str(tmp_path / "shared")})
    ask(AddressTurns.from_settings(settings))
    assert slots_taken == [("2001:db8::1", "a.example")]


class Resolver:
    """A resolver that finds these addresses, and is done with that once or never."""

    def __init__(self, *addresses: str, is_complete: bool = True) -> None:
        self.addresses, self.is_complete = addresses, is_complete

    def resolveHostName(self, receiver: Any, host: str) -> None:  # noqa: N802
        receiver.resolutionBegan(None)
        for address in self.addresses:
            receiver.addressResolved(IPv4Address("TCP", address, 0))
        if self.is_complete:
            receiver.resolutionComplete()
            receiver.resolutionComplete()


@pytest.mark.parametrize(
    ("resolver", "address"),
    [
        (Resolver("192.0.2.1", "192.0.2.2"), "192.0.2.1"),
        (Resolver(), ""),
        (Resolver("192.0.2.1", is_complete=False), ""),
    ],
)
def test_the_first_address_of_a_host_is_looked_up(resolver, address):
    assert asyncio.run(guard.first_address(resolver, "a.example", 0.01)) == address
