"""Slots for addresses over all machines: no more than a bound that they share has, and each gets its turn."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
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


def test_machines_share_the_slots_of_an_address_and_each_has_its_turn(tmp_path, monkeypatch):
    """Four machines of two crawls, which ask one address as often as they can."""
    monkeypatch.setattr(slots, "_PAUSE", 0.001)
    counts, under_way = [0] * 4, [0, 0]

    async def ask_again(number: int, crawl: AddressSlots) -> None:
        while True:
            async with crawl.slot(ADDRESS, "a.example"):
                counts[number] += 1
                under_way[0] += 1
                under_way[1] = max(under_way)
                await asyncio.sleep(0.003)
                under_way[0] -= 1

    async def crawl_until_all_had_turns() -> None:
        semaphore, folders = OneSemaphore(2), [tmp_path / f"machine-{number}" for number in range(4)]
        granters = [AddressGranter(folder / "grants", 2, lambda _address: semaphore, QUICK) for folder in folders]
        crawls = [(number, crawl) for number, folder in enumerate(folders) for crawl in crawls_of(folder)]
        tasks = [asyncio.ensure_future(granter.run()) for granter in granters]
        tasks += [asyncio.ensure_future(ask_again(*words)) for words in crawls]
        async with asyncio.timeout(20):
            while min(counts) < 3:
                await asyncio.sleep(0.005)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(crawl_until_all_had_turns())
    assert under_way[1] == 2


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
    tmp_path, monkeypatch, held, unused, is_free, log
):
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


def test_a_disk_that_is_full_is_told_and_asked_again(tmp_path, monkeypatch, caplog):
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
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == [f"slots for addresses in {tmp_path / 'grants'}: [Errno 28] No space left on device"] * 2
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


def test_an_address_has_one_bound_as_long_as_it_has_a_slot(tmp_path, monkeypatch):
    """Two slots of an address are of one bound; after the last one is back, it is made anew. None is lost."""
    monkeypatch.setattr(slots, "_PAUSE", 0.001)
    made: list[str] = []
    semaphore, crawls = OneSemaphore(2), crawls_of(tmp_path)
    granter = AddressGranter(tmp_path / "grants", 2, lambda name: made.append(name) or semaphore, QUICK)

    async def use_twice() -> None:
        task = asyncio.ensure_future(granter.run())
        for _ in range(2):
            async with asyncio.timeout(20), crawls[0].slot(ADDRESS, "a.example"):
                async with crawls[1].slot(ADDRESS, "b.example"):
                    assert (len(granter._grants), granter._asking) == (2, set())
                while len(granter._grants) > 1:
                    await asyncio.sleep(0.005)
                assert len(granter._bounds) == 1, "one slot is of it still"
            async with asyncio.timeout(20):
                while granter._grants:
                    await asyncio.sleep(0.005)
            assert not granter._bounds
        task.cancel()

    asyncio.run(use_twice())
    assert (len(made), len(set(made))) == (2, 1)
    assert not semaphore._semaphore.locked()
    granter.close()


async def is_granted(slots: AddressSlots) -> bool:
    """Whether a crawl gets a slot."""
    async with asyncio.timeout(20), slots.slot(ADDRESS, "a.example"):
        return True


LONG = GrantTimes(look=0.002, idle=5.0, turn=5.0, wait=0.5)


def test_a_worker_has_its_slots_from_the_bound_and_leaves_none_behind(tmp_path):
    """Folders of killed runs go."""
    place, semaphore = (
        StorePlace(str(tmp_path / "store"), "store-1", str(tmp_path / "one"), per_address=1),
        OneSemaphore(1),
    )
    old, new = (place.local_folder / ".slots" / name for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))

    def granters() -> list[bool]:
        return [thread.daemon for thread in threading.enumerate() if thread.name == "address-slots"]

    with granted_slots(place, lambda _name: semaphore, LONG) as folder:
        assert folder
        assert (old.exists(), new.exists()) == (False, True)
        assert asyncio.run(is_granted(AddressSlots(tmp_path / "shared", 1, folder)))
        assert (granters(), semaphore.lease_count) == ([True], 1)
    assert not folder.exists()
    assert granters() == []


@pytest.mark.parametrize("reason", ["no bound", "no disk", "no folder"])
def test_without_a_bound_or_a_disk_there_are_no_slots(tmp_path, monkeypatch, reason):
    per_address = 0 if reason == "no bound" else 1
    place = StorePlace(str(tmp_path / "store"), "store-1", str(tmp_path / "one"), per_address=per_address)
    if reason == "no disk":
        monkeypatch.setattr(slot_grants, "disk_problem", lambda folder: "far away")
    elif reason == "no folder":
        (tmp_path / "one").write_text("a file")
    with granted_slots(place, lambda _name: OneSemaphore(1), LONG) as folder:
        assert folder is None


def crawls_of(folder: Path, count: int = 2) -> list[AddressSlots]:
    """Crawls of a machine, whose slots are granted in a folder of it."""
    return [AddressSlots(folder / "shared", 2, folder / "grants") for _ in range(count)]
