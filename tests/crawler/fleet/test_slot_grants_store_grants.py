"""Runs with one store and no scheduler: no more requests to an address than the list says, over all of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.crawler.fetch.address_slots import AddressSlots, is_owned
from broadsheet.crawler.fleet import slot_grants
from broadsheet.crawler.fleet.site_lease import LeaseTerms
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.slot_grants import GrantTimes, granted_slots
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.store_engine import StoreEngine
from broadsheet.crawler.fleet.stored_run import StorePlace
from tests.crawler.fleet.test_fleet_run import CountedRequest, CountingServer, RequestCounts, counting_servers

ADDRESS = "198.51.100.7"
QUICK = GrantTimes(look=0.002, idle=5.0, turn=5.0, wait=0.5)


def place_of(tmp_path: Path, machine: str, per_address: int = 1) -> StorePlace:
    address = str(tmp_path / "store")
    return StorePlace(address, make_store(address), str(tmp_path / machine), LeaseTerms(), per_address=per_address)


async def ask(slots: AddressSlots, seconds: float = 20.0) -> bool:
    """Whether a crawl gets a slot in that time."""
    try:
        async with asyncio.timeout(seconds), slots.slot(ADDRESS, "a.example"):
            return True
    except TimeoutError:
        return False


def granters() -> list[bool]:
    return [thread.daemon for thread in threading.enumerate() if thread.name == "address-slots"]


def test_a_run_has_its_slots_from_the_store_and_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of slots goes after its granter has ended, and may have gone before."""
    at_end, remove = list[list[bool]](), shutil.rmtree
    one, other = place_of(tmp_path, "one"), place_of(tmp_path, "other")
    with granted_slots(one, QUICK) as folder:
        assert folder is not None
        assert is_owned(folder)
        assert (granters(), len(folder.name)) == ([True], 16)
        assert asyncio.run(ask(AddressSlots(tmp_path / "shared-1", 1, folder)))
        with granted_slots(other, QUICK) as other_folder:
            assert not asyncio.run(ask(AddressSlots(tmp_path / "shared-2", 1, other_folder), 0.1))
            assert other_folder
            remove(other_folder)
        monkeypatch.setattr(shutil, "rmtree", lambda *w, **o: at_end.append(granters()) or remove(*w, **o))
    assert (folder.exists(), at_end) == (False, [[]])
    assert b'"owner": ""' in _record(one)
    with granted_slots(other, QUICK) as folder:
        assert asyncio.run(ask(AddressSlots(tmp_path / "shared-2", 1, folder)))


def _record(place: StorePlace) -> bytes:
    record = store_at(place.address).read_record(f"addresses/{ADDRESS}/0.json")
    assert record is not None
    return record.data


def test_slots_of_killed_runs_are_removed_at_the_next_start(tmp_path: Path) -> None:
    place = place_of(tmp_path, "one")
    old, new = place.local_folder / ".slots/old", place.local_folder / ".slots/new"
    for folder, age in ((old, 3_600.5), (new, 3_590)):
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - age, time.time() - age))
    with granted_slots(place, QUICK) as owned:
        assert owned
        os.utime(owned, (1, 1))
        with granted_slots(place, QUICK):
            assert (old.exists(), new.exists(), owned.exists()) == (False, True, True)


def test_without_a_bound_or_a_disk_there_are_no_slots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with granted_slots(place_of(tmp_path, "one", 0)) as folder:
        assert folder is None
    (tmp_path / "file").touch()
    with granted_slots(place_of(tmp_path, "file")) as folder:
        assert folder is None
    assert [record.name for record in caplog.records if "bounded on this machine alone" in record.getMessage()] == [
        "broadsheet.crawler.fleet.slot_grants"
    ]
    monkeypatch.setattr(slot_grants, "disk_problem", lambda folder: "it is far away")
    with granted_slots(place_of(tmp_path, "one")) as folder:
        assert folder is None


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[CountingServer]]:
    """Twenty sites on two addresses, which count requests that are under way."""
    monkeypatch.setattr(CountedRequest, "counts", RequestCounts())
    with counting_servers(20, addresses=2) as servers:
        yield servers


@pytest.mark.slow
def test_two_machines_with_one_store_ask_an_address_no_more_than_one_would(
    tmp_path: Path, servers: list[CountingServer]
) -> None:
    """Two crawls side by side on each machine, each at both addresses, where two requests at once are allowed."""
    urls = [f"http://{server.server_address[0]}:{server.server_port}/" for server in servers]
    words = ("--allow-private", "--delay", "0", "--no-sitemaps", "--no-feeds", "-q")
    tasks = [
        SiteTask(f"site-{part}", Path(f"site-{part}.db"), (*urls[5 * part : 5 * part + 5], *words), hosts=(str(part),))
        for part in range(4)
    ]
    results: list[SiteResult] = []
    runs = [
        threading.Thread(
            target=StoreEngine(place_of(tmp_path, f"machine-{number}", 2), 2).run,
            args=(tasks[2 * number : 2 * number + 2], results.append),
        )
        for number in range(2)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [result for result in results if result.end is not SiteEnd.DONE] == []
    assert len(results) == 4
    counts = CountedRequest.counts
    assert dict(counts.most) == {"127.0.0.2": 2, "127.0.0.3": 2}
    assert (counts.paths["/"], counts.paths["/a"]) == (20, 20)
