"""So many requests to one address, and no more, over all crawls that share a folder."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import date
from ipaddress import ip_network
from pathlib import Path

import pytest

from broadsheet.crawler.fetch import address_slots as slots
from broadsheet.crawler.fetch.address_slots import AddressSlots, _facts, exempt_network, most_hosts
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


def test_crawls_that_share_a_folder_share_its_slots(tmp_path: Path) -> None:
    crawls = [AddressSlots(tmp_path / "shared", 3) for _ in range(4)]
    assert asyncio.run(most_at_once(crawls, ADDRESS)) == 3
    assert asyncio.run(most_at_once(crawls, "2001:db8::7")) == 3


def test_addresses_do_not_wait_for_one_another(tmp_path: Path) -> None:
    crawl = AddressSlots(tmp_path, 1)

    async def two_at_once() -> None:
        async with crawl.slot(ADDRESS, "a.example"), asyncio.timeout(5), crawl.slot("198.51.100.8", "b.example"):
            pass

    asyncio.run(two_at_once())


@pytest.mark.parametrize("address", ["104.16.3.4", "151.101.1.1", "2606:4700::1"])
def test_a_content_delivery_network_is_exempt(tmp_path: Path, address: str) -> None:
    assert asyncio.run(most_at_once([AddressSlots(tmp_path, 2)], address)) == 10


def test_an_address_with_many_hosts_is_exempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "most_hosts", lambda: 5)
    crawls = [AddressSlots(tmp_path, 2), AddressSlots(tmp_path, 2)]
    assert asyncio.run(most_at_once(crawls, ADDRESS, hosts=5)) == 2
    assert asyncio.run(most_at_once(crawls, ADDRESS, hosts=6)) > 2
    assert most_hosts() == 50


@pytest.mark.slow
def test_a_killed_crawl_holds_no_slot(tmp_path: Path) -> None:
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
    for network in networks:
        assert network["name"]
        assert all(ip_network(text).is_global for text in network["ranges"])
        assert network["source"].startswith("https://")
        assert not network["compared"] or date.fromisoformat(network["compared"])
    is_open = any(not network["compared"] for network in networks)
    page = " ".join((REPOSITORY / "docs/fleet.md").read_text("utf-8").split())
    assert ("have not yet been compared with what the networks publish" in page) is is_open
