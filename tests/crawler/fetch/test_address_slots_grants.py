"""Slots that are granted: locked by crawls, withdrawn by their owner."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from broadsheet.crawler.fetch import address_slots as slots
from broadsheet.crawler.fetch.address_slots import (
    AddressSlots,
    GrantedSlot,
    is_owned,
    lock_granted,
    own_slots,
    wanted_addresses,
)

ADDRESS = "198.51.100.7"


def test_a_slot_is_locked_once_and_more_are_said_to_be_wanted(tmp_path: Path) -> None:
    own_slots(tmp_path)
    assert lock_granted(tmp_path / ADDRESS) is None
    assert wanted_addresses(tmp_path) == [tmp_path / ADDRESS]
    assert wanted_addresses(tmp_path) == []
    slot = GrantedSlot(tmp_path / ADDRESS, "one")
    descriptor = lock_granted(tmp_path / ADDRESS)
    assert descriptor is not None
    assert not slot.is_free()
    assert lock_granted(tmp_path / ADDRESS) is None
    os.close(descriptor)
    assert slot.is_free()


def test_a_slot_that_is_withdrawn_is_over_with_its_request_and_nobody_gets_it(tmp_path: Path) -> None:
    slot = GrantedSlot(tmp_path / ADDRESS, "one")
    descriptor = lock_granted(tmp_path / ADDRESS)
    assert descriptor is not None
    slot.withdraw()
    assert lock_granted(tmp_path / ADDRESS) is None
    assert not slot.is_free()
    os.close(descriptor)
    assert slot.is_free()
    slot.close()


def test_a_slot_that_is_withdrawn_between_two_steps_of_a_crawl_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = GrantedSlot(tmp_path / ADDRESS, "one")
    really_open = os.open

    def slow_open(path: Path, flags: int, mode: int = 0o600) -> int:
        descriptor = really_open(path, flags, mode)
        slot.withdraw()
        return descriptor

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", slow_open)
        assert lock_granted(tmp_path / ADDRESS) is None
    assert slot.is_free()


def test_a_folder_is_owned_as_long_as_its_owner_lives(tmp_path: Path) -> None:
    folder = tmp_path / "grants"
    assert not is_owned(folder)
    descriptor = own_slots(folder)
    assert is_owned(folder)
    with pytest.raises(OSError, match="temporarily unavailable"):
        own_slots(folder)
    os.close(descriptor)
    assert not is_owned(folder)


def test_a_crawl_waits_for_a_grant_and_falls_back_to_its_machine_when_nobody_grants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "_PAUSE", 0.001)
    grants = tmp_path / "grants"
    owner = own_slots(grants)
    crawl = AddressSlots(tmp_path / "shared", 2, grants)

    async def request() -> None:
        async with crawl.slot(ADDRESS, "a.example"), asyncio.timeout(5):
            pass

    async def wait_for_grant() -> None:
        task = asyncio.ensure_future(request())
        while not wanted_addresses(grants):
            assert not task.done()
            await asyncio.sleep(0.001)
        assert not task.done()
        GrantedSlot(grants / ADDRESS, "one")
        await task

    asyncio.run(wait_for_grant())
    assert list((tmp_path / "shared").glob(f"{ADDRESS}-*")) == []
    os.close(owner)
    asyncio.run(request())
    assert len(list((tmp_path / "shared").glob(f"{ADDRESS}-*"))) == 1
