"""Slots for addresses over all machines: no more than a bound that they share has, and each gets its turn."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fetch import address_slots as slots
from broadsheet.crawler.fetch.address_slots import AddressSlots
from broadsheet.crawler.fleet import slot_grants
from broadsheet.crawler.fleet.slot_grants import AddressGranter, GrantTimes, granted_slots
from broadsheet.crawler.fleet.stored_run import StorePlace

ADDRESS = "198.51.100.7"
QUICK = GrantTimes(look=0.002, idle=0.02, turn=0.05, wait=0.5)


class OneSemaphore:
    """A bound that machines of this process share."""

    def __init__(self, count: int) -> None:
        self._semaphore = asyncio.Semaphore(count)
        self.lease_count = 0

    async def acquire(self, timeout: float | None = None) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._semaphore.acquire(), timeout)
            self.lease_count += 1
            return True
        return False

    async def release(self) -> bool:
        self._semaphore.release()
        return True


@dataclass
class Machine:
    """A machine of two crawls, which ask one address as often as they can."""

    folder: Path
    granter: AddressGranter
    request_count: int = 0
    crawls: list[AddressSlots] = field(default_factory=list)

    async def ask(self, under_way: list[int], crawl: AddressSlots) -> None:
        while True:
            async with crawl.slot(ADDRESS, "a.example"):
                self.request_count += 1
                under_way[0] += 1
                under_way[1] = max(under_way)
                await asyncio.sleep(0.003)
                under_way[0] -= 1


def machine(folder: Path, semaphore: OneSemaphore) -> Machine:
    grants = folder / "grants"
    granter = AddressGranter(grants, 2, lambda _address: semaphore, QUICK)
    return Machine(folder, granter, crawls=[AddressSlots(folder / "shared", 2, grants) for _ in range(2)])


def test_machines_share_the_slots_of_an_address_and_each_has_its_turn(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(slots, "_PAUSE", 0.001)

    async def crawl_until_all_had_turns() -> int:
        semaphore, under_way = OneSemaphore(2), [0, 0]
        machines = [machine(tmp_path / f"machine-{number}", semaphore) for number in range(4)]
        tasks = [asyncio.ensure_future(each.granter.run()) for each in machines]
        tasks += [asyncio.ensure_future(each.ask(under_way, crawl)) for each in machines for crawl in each.crawls]
        async with asyncio.timeout(20):
            while min(each.request_count for each in machines) < 3:
                await asyncio.sleep(0.005)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return under_way[1]

    assert asyncio.run(crawl_until_all_had_turns()) == 2


class ScriptedSlot:
    """A slot that is free, or not, and used, as a test says."""

    def __init__(self, *_words: object) -> None:
        self.free, self.used_at, self.log = True, 1_000.0, list[str]()

    def is_free(self) -> bool:
        return self.free

    def withdraw(self) -> None:
        self.log.append("withdrawn")

    def close(self) -> None:
        self.log.append("closed")


@pytest.mark.parametrize(
    ("held", "unused", "is_free", "log"),
    [
        (20.0, 0.0, True, []),
        (20.1, 0.0, False, ["withdrawn"]),
        (20.1, 0.0, True, ["withdrawn", "closed"]),
        (0.0, 5.0, True, []),
        (0.0, 5.1, True, ["withdrawn", "closed"]),
        (0.0, 5.1, False, []),
    ],
    ids=["its turn", "over, with a request", "over", "used a moment ago", "unused", "in use for long"],
)
def test_a_slot_has_a_turn_of_twenty_seconds_and_goes_after_five_unused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: float, unused: float, is_free: bool, log: list[str]
) -> None:
    monkeypatch.setattr(slot_grants, "GrantedSlot", ScriptedSlot)
    now = [50.0]
    clock = SimpleNamespace(monotonic=lambda: now[0] + held, time=lambda: 1_000.0 + unused)
    monkeypatch.setattr(slot_grants, "time", clock)
    semaphore = OneSemaphore(0)
    granter = AddressGranter(tmp_path / "grants", 2, lambda _name: semaphore, GrantTimes())

    async def look() -> None:
        now[0] -= held
        await granter._grant(tmp_path / "grants" / ADDRESS, semaphore)
        now[0] += held
        (grant,) = granter._grants
        grant.slot.free = is_free
        for _ in range(2):
            await granter.look()
        assert grant.slot.log == log
        assert len(granter._grants) == ("closed" not in log)
        assert semaphore._semaphore._value == ("closed" in log)
        granter.close()
        assert grant.slot.log[-1] == "closed"

    asyncio.run(look())


def test_a_disk_that_is_full_is_told_and_asked_again(tmp_path, monkeypatch, caplog) -> None:
    """A lease for which the disk takes no slot goes back. Looks come ten times a second, a lease is awaited for ten."""
    semaphore, seconds = OneSemaphore(1), list[object]()
    granter = AddressGranter(tmp_path / "grants", 2, lambda _name: semaphore, GrantTimes())
    ends, acquire = iter([False, False, True]), semaphore.acquire

    async def sleep(pause: float) -> None:
        seconds.append(pause)

    async def note(timeout: float) -> bool:
        seconds.append(timeout)
        return await acquire(timeout)

    monkeypatch.setattr(semaphore, "acquire", note)
    monkeypatch.setattr(asyncio, "sleep", sleep)

    def full(*_words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(slot_grants, "wanted_addresses", full)
    asyncio.run(granter.run(lambda: next(ends)))
    assert caplog.messages == [f"slots for addresses in {tmp_path / 'grants'}: [Errno 28] No space left on device"] * 2
    caplog.clear()
    monkeypatch.setattr(slot_grants, "GrantedSlot", full)
    granter._asked[tmp_path / ADDRESS] = 1
    asyncio.run(granter._ask(tmp_path / ADDRESS))
    assert caplog.messages == [f"no slot of {ADDRESS}: [Errno 28] No space left on device"]
    assert (semaphore._semaphore.locked(), semaphore.lease_count, granter._asked[tmp_path / ADDRESS]) == (False, 1, 0)
    assert seconds == [0.1, 0.1, 10.0]
    assert slots.is_owned(tmp_path / "grants")
    granter.close()
    assert not slots.is_owned(tmp_path / "grants")


def test_a_bound_is_kept_until_the_last_slot_of_it_is_given_back(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(slot_grants, "GrantedSlot", ScriptedSlot)
    bounds = {tmp_path / name: OneSemaphore(0) for name in ("a", "a2")}
    granter = AddressGranter(tmp_path / "grants", 2, lambda _name: OneSemaphore(0), QUICK)
    granter._bounds.update(bounds)

    async def give_back_in_turn() -> list[int]:
        for folder in (tmp_path / "a", tmp_path / "a", tmp_path / "a2"):
            await granter._grant(folder, bounds[folder])
        return [await granter._give_back(grant) or len(granter._bounds) for grant in list(granter._grants)]

    assert asyncio.run(give_back_in_turn()) == [2, 1, 0]
    granter.close()


def test_an_address_has_one_bound_as_long_as_it_has_a_slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two slots of an address are of one bound; after the last one is back, it is made anew. None is lost."""
    monkeypatch.setattr(slots, "_PAUSE", 0.001)
    made: list[str] = []
    semaphore = OneSemaphore(2)
    granter = AddressGranter(tmp_path / "grants", 2, lambda name: made.append(name) or semaphore, QUICK)
    crawls = [AddressSlots(tmp_path / "shared", 2, tmp_path / "grants") for _ in range(2)]

    async def use_twice() -> None:
        task = asyncio.ensure_future(granter.run())
        for _ in range(2):
            async with asyncio.timeout(20), crawls[0].slot(ADDRESS, "a.example"), crawls[1].slot(ADDRESS, "b.example"):
                assert len(granter._grants) == 2
                assert granter._asking == set()
            async with asyncio.timeout(20):
                while granter._grants:
                    await asyncio.sleep(0.005)
        task.cancel()

    asyncio.run(use_twice())
    assert (len(made), len(set(made))) == (2, 1)
    assert not semaphore._semaphore.locked()
    granter.close()


LONG = GrantTimes(look=0.002, idle=5.0, turn=5.0, wait=0.5)


def place_of(tmp_path: Path, machine: str, per_address: int = 1) -> StorePlace:
    return StorePlace(str(tmp_path / "store"), "store-1", str(tmp_path / machine), per_address=per_address)


async def ask(slots: AddressSlots, seconds: float = 20.0) -> bool:
    """Whether a crawl gets a slot in that time."""
    try:
        async with asyncio.timeout(seconds), slots.slot(ADDRESS, "a.example"):
            return True
    except TimeoutError:
        return False


def granters() -> list[bool]:
    return [thread.daemon for thread in threading.enumerate() if thread.name == "address-slots"]


def test_a_worker_has_its_slots_from_the_bound_and_leaves_none_behind(tmp_path: Path) -> None:
    place, semaphore = place_of(tmp_path, "one"), OneSemaphore(1)
    with granted_slots(place, lambda _name: semaphore, LONG) as folder:
        assert folder
        assert asyncio.run(ask(AddressSlots(tmp_path / "shared", 1, folder)))
        assert (granters(), semaphore.lease_count) == ([True], 1)
    assert not folder.exists()
    assert granters() == []


def test_folders_of_killed_runs_go(tmp_path: Path) -> None:
    place = place_of(tmp_path, "one")
    old, new = (place.local_folder / ".slots" / name for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    with granted_slots(place, lambda _name: OneSemaphore(1), LONG):
        assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("reason", ["no bound", "no disk", "no folder"])
def test_without_a_bound_or_a_disk_there_are_no_slots(tmp_path, monkeypatch, reason) -> None:
    place = place_of(tmp_path, "one", 0 if reason == "no bound" else 1)
    if reason == "no disk":
        monkeypatch.setattr(slot_grants, "disk_problem", lambda folder: "far away")
    elif reason == "no folder":
        (tmp_path / "one").write_text("a file")
    with granted_slots(place, lambda _name: OneSemaphore(1), LONG) as folder:
        assert folder is None
