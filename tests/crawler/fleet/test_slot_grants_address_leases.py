"""Slots for an address that machines have of one store: no more than there are, each gets one, none is lost."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from datetime import datetime
from inspect import signature
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fleet import slot_grants
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.site_lease import LeaseTerms, LeaseWatch, read_site
from broadsheet.crawler.fleet.slot_grants import AddressLeases, SlotPauses
from tests.crawler.fleet.conftest import S3, empty_store, s3_server  # noqa: F401 - a fixture
from tests.output.conftest import Clock

ADDRESS = "198.51.100.7"
QUICK = SlotPauses(look=0.001, courtesy=0.0)


@pytest.fixture(params=["folder", "memory", S3])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    return empty_store(request.param, request, tmp_path, monkeypatch)


def machine(store: ObjectStore, pauses: SlotPauses = QUICK, clock: Clock | None = None) -> AddressLeases:
    clock = clock or Clock()
    terms = LeaseTerms(180.0, 10.0, clock)
    return AddressLeases(store, ADDRESS, 2, terms, pauses, LeaseWatch(terms, lambda: clock.seconds))


async def take(leases: AddressLeases, count: int) -> list[bool]:
    """Ask so often for one slot more, none of which is waited for."""
    return [await leases.acquire(0.0) for _ in range(count)]


def test_there_are_so_many_slots_over_all_machines(store: ObjectStore) -> None:
    one, other = machine(store), machine(store)
    assert asyncio.run(take(one, 1)) == [True]
    assert asyncio.run(take(other, 2)) == [True, False]
    assert asyncio.run(take(one, 1)) == [False]
    assert asyncio.run(other.release())
    assert asyncio.run(take(one, 2)) == [True, False]
    other_address = AddressLeases(store, "198.51.100.8", 2)
    assert asyncio.run(take(other_address, 3)) == [True, True, False]
    assert read_site(store, ADDRESS).generation == 0  # a slot is no site


def test_of_many_machines_no_more_have_a_slot_at_once_and_each_gets_one(store: ObjectStore) -> None:
    now_and_most = [0, 0]

    async def turn(leases: AddressLeases) -> None:
        assert await leases.acquire(20.0)
        now_and_most[0] += 1
        now_and_most[1] = max(now_and_most)
        await asyncio.sleep(0.002)
        now_and_most[0] -= 1
        await leases.release()

    async def turns() -> None:
        await asyncio.gather(*(turn(machine(store)) for _ in range(8)))

    asyncio.run(turns())
    assert now_and_most in ([0, 2], [0, 1])  # a server takes longer to grant a slot than a turn lasts


def test_who_gave_a_slot_back_leaves_it_to_others_for_a_while(store: ObjectStore) -> None:
    one, other = machine(store, SlotPauses(0.001, 600.0)), machine(store)
    asyncio.run(take(one, 2))
    asyncio.run(one.release())
    assert asyncio.run(take(one, 1)) == [False]
    assert asyncio.run(take(other, 1)) == [True]


def test_what_a_machine_that_was_killed_had_is_free_when_its_lease_is_over(store: ObjectStore) -> None:
    clock = Clock()
    asyncio.run(take(machine(store, clock=clock), 2))
    other = machine(store, clock=clock)
    assert asyncio.run(take(other, 1)) == [False]
    clock.seconds += 191
    assert asyncio.run(take(other, 3)) == [True, True, False]


def test_a_slot_that_was_taken_over_is_not_given_back_twice(store: ObjectStore) -> None:
    clock = Clock()
    late, other = machine(store, clock=clock), machine(store, clock=clock)
    asyncio.run(take(late, 2))
    assert asyncio.run(take(other, 1)) == [False]
    clock.seconds += 191
    asyncio.run(take(other, 2))
    assert not asyncio.run(late.release())
    late.give_all_back()
    assert asyncio.run(take(machine(store, clock=clock), 1)) == [False]


def test_a_store_that_is_away_has_no_slots_and_has_them_again(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    store = FolderStore(tmp_path / "store")
    leases = machine(store)
    asyncio.run(take(leases, 1))
    (tmp_path / "store").rename(tmp_path / "away")
    assert asyncio.run(take(leases, 1)) == [False]
    (tmp_path / "away").rename(tmp_path / "store")
    assert asyncio.run(take(leases, 1)) == [True]
    leases.give_all_back()
    assert asyncio.run(take(machine(store), 2)) == [True, True]


@pytest.mark.parametrize(("seconds", "is_taken"), [(2.9, False), (3.0, True)])
def test_a_slot_that_was_given_back_is_left_to_others_for_three_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, is_taken: bool
) -> None:
    (tmp_path / "store").mkdir()
    now = [0.0]
    monkeypatch.setattr(slot_grants, "time", SimpleNamespace(monotonic=lambda: now[0]))
    leases = AddressLeases(FolderStore(tmp_path / "store"), ADDRESS, 2)
    assert " ".join(signature(AddressLeases).parameters) == "store address per_address terms pauses watch owner"
    assert (leases._take_one(), leases._take_one(), leases._take_one()) == (True, True, False)
    assert leases._give_back()
    now[0] += seconds
    assert leases._take_one() is is_taken
    record = read_site(FolderStore(tmp_path / "store"), ADDRESS)
    assert record.owner == ""
    held = json.loads(leases.store.read_record(f"addresses/{ADDRESS}/1.json").data)
    assert held["owner"].startswith(f"{socket.gethostname()}, process {os.getpid()}, ")
    assert len(held["owner"].rpartition(", ")[2]) == 8
    lasts = datetime.fromisoformat(held["expires_at"]) - datetime.fromisoformat(held["taken_at"])
    assert lasts.total_seconds() in (180, 181)


def test_a_slot_is_waited_for_as_long_as_is_said_and_looked_for_each_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, pauses = [50.0], list[float]()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(slot_grants, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(asyncio, "sleep", sleep)
    leases = AddressLeases(FolderStore(tmp_path / "away"), ADDRESS, 2)
    assert not asyncio.run(leases.acquire(3.0))
    assert pauses == [1.0] * 4
