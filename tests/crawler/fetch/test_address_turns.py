"""A request waits for a slot of the address that its host answers at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from scrapy import Request
from scrapy.settings import Settings
from twisted.internet.address import IPv4Address

from broadsheet.crawler.fetch import guard
from broadsheet.crawler.fetch.address_slots import AddressSlots
from broadsheet.crawler.fetch.exchange_recorder import ExchangeRecorder
from broadsheet.crawler.fetch.guard import AddressTurns


def ask(address_turns: AddressTurns, peer: str = "") -> None:
    """One request to a host; `peer` is the address that the connection was made to in the end."""
    exchange = ExchangeRecorder()
    request = Request("http://a.example:8080/x", meta={"exchange": exchange})

    async def request_in_turn() -> None:
        async with address_turns.turn(request, None):
            exchange.begin(peer)

    asyncio.run(request_in_turn())


@pytest.fixture
def slots_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    taken: list[tuple[str, str]] = []

    @asynccontextmanager
    async def slot(slots: AddressSlots, address: str, host: str) -> AsyncIterator[None]:
        taken.append((address, host))
        yield

    monkeypatch.setattr(AddressSlots, "slot", slot)
    return taken


def looked_up(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    async def first_address(resolver: Any, host: str, patience: float) -> str:
        return address

    monkeypatch.setattr(guard, "first_address", first_address)


def test_the_address_that_answered_goes_before_the_one_that_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slots_taken: list[tuple[str, str]]
) -> None:
    looked_up(monkeypatch, "2001:db8::1")
    address_turns = AddressTurns(AddressSlots(tmp_path, 2), 1.0)
    ask(address_turns, peer="192.0.2.1")
    ask(address_turns)
    assert slots_taken == [("2001:db8::1", "a.example"), ("192.0.2.1", "a.example")]


def test_a_host_without_an_address_takes_no_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slots_taken: list[tuple[str, str]]
) -> None:
    looked_up(monkeypatch, "")
    ask(AddressTurns(AddressSlots(tmp_path, 2), 1.0))
    assert slots_taken == []


@pytest.mark.parametrize("values", [{}, {"BROADSHEET_PER_ADDRESS": 4}, {"BROADSHEET_ADDRESS_FOLDER": "addresses"}])
def test_without_both_settings_nothing_is_bounded(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slots_taken: list[tuple[str, str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    looked_up(monkeypatch, "192.0.2.1")
    ask(AddressTurns.from_settings(Settings({"BROADSHEET_PER_ADDRESS": 0, "BROADSHEET_ADDRESS_FOLDER": "", **values})))
    assert slots_taken == []
    assert list(tmp_path.iterdir()) == []
    settings = Settings({"BROADSHEET_PER_ADDRESS": 4, "BROADSHEET_ADDRESS_FOLDER": str(tmp_path / "shared")})
    ask(AddressTurns.from_settings(settings))
    assert slots_taken == [("192.0.2.1", "a.example")]


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
def test_the_first_address_of_a_host_is_looked_up(resolver: Resolver, address: str) -> None:
    assert asyncio.run(guard.first_address(resolver, "a.example", 0.01)) == address
