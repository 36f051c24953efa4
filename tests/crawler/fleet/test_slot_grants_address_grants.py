"""Slots for addresses over all machines: no more than a bound that they share has, and each gets its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fetch import address_slots as slots
from broadsheet.crawler.fetch.address_slots import AddressSlots
from broadsheet.crawler.fleet import slot_grants as address_grants
from broadsheet.crawler.fleet.dask_engine import DaskEngine
from broadsheet.crawler.fleet.site_lease import LeaseTerms
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.slot_grants import AddressGranter, GrantTimes
from broadsheet.crawler.fleet.store_address import make_store
from broadsheet.crawler.fleet.stored_run import StorePlace
from tests.crawler.fleet.conftest import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.fleet.test_fleet_run import CountedRequest, CountingServer, RequestCounts, counting_servers

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


def test_machines_share_the_slots_of_an_address_and_each_has_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    monkeypatch.setattr(address_grants, "GrantedSlot", ScriptedSlot)
    now = [50.0]
    clock = SimpleNamespace(monotonic=lambda: now[0] + held, time=lambda: 1_000.0 + unused)
    monkeypatch.setattr(address_grants, "time", clock)
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


def test_a_disk_that_is_full_is_told_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
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

    monkeypatch.setattr(address_grants, "wanted_addresses", full)
    asyncio.run(granter.run(lambda: next(ends)))
    assert caplog.messages == [f"slots for addresses in {tmp_path / 'grants'}: [Errno 28] No space left on device"] * 2
    caplog.clear()
    monkeypatch.setattr(address_grants, "GrantedSlot", full)
    granter._asked[tmp_path / ADDRESS] = 1
    asyncio.run(granter._ask(tmp_path / ADDRESS))
    assert caplog.messages == [f"no slot of {ADDRESS}: [Errno 28] No space left on device"]
    assert (semaphore._semaphore.locked(), semaphore.lease_count, granter._asked[tmp_path / ADDRESS]) == (False, 1, 0)
    assert seconds == [0.1, 0.1, 10.0]
    assert slots.is_owned(tmp_path / "grants")
    granter.close()
    assert not slots.is_owned(tmp_path / "grants")


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


def test_a_slot_that_nobody_uses_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_PAUSE", 0.001)

    async def ask_twice() -> int:
        semaphore = OneSemaphore(1)
        for number in range(2):
            one = machine(tmp_path / f"machine-{number}", semaphore)
            task = asyncio.ensure_future(one.granter.run())
            async with asyncio.timeout(20), one.crawls[0].slot(ADDRESS, "a.example"):
                pass
            if number == 0:
                async with asyncio.timeout(20):
                    while semaphore._semaphore.locked():
                        await asyncio.sleep(0.005)
            task.cancel()
        return semaphore.lease_count

    assert asyncio.run(ask_twice()) >= 2  # on a busy machine one may be given back before its crawl sees it


class LateBound(OneSemaphore):
    """It is away at first, and the disk takes no slot with the first lease."""

    def __init__(self, address_folder: Path) -> None:
        super().__init__(1)
        self.asked = 0
        self._address_folder = address_folder

    async def acquire(self, timeout: float | None = None) -> bool:
        self.asked += 1
        if self.asked == 1:
            raise OSError("the bound is away")
        if self.asked == 2:
            for file in self._address_folder.iterdir():
                file.unlink()
            self._address_folder.rmdir()
            self._address_folder.write_text("in the way")
        return await super().acquire(timeout)


def test_a_bound_that_is_away_and_a_disk_that_takes_no_slot_cost_no_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slots, "_PAUSE", 0.001)
    grants = tmp_path / "grants"
    scheduler = LateBound(grants / ADDRESS)
    granter = AddressGranter(grants, 2, lambda _address: scheduler, QUICK)
    crawl = AddressSlots(tmp_path / "shared", 2, grants)

    async def ask() -> None:
        task = asyncio.ensure_future(granter.run())
        async with asyncio.timeout(20):
            waiting = asyncio.ensure_future(wait_for_slot())
            while not waiting.done():
                if (grants / ADDRESS).is_file() and scheduler.asked == 2 and not scheduler._semaphore.locked():
                    (grants / ADDRESS).unlink()
                await asyncio.sleep(0.002)
        task.cancel()

    async def wait_for_slot() -> None:
        async with crawl.slot(ADDRESS, "a.example"):
            pass

    asyncio.run(ask())
    lines = [record.getMessage() for record in caplog.records if record.name == address_grants.__name__]
    assert [line.partition(":")[0] for line in lines] == [f"no slot of {ADDRESS}"] * 2


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    made = DaskCluster(free_port(), tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[CountingServer]]:
    """Forty sites on four addresses, which count requests that are under way."""
    monkeypatch.setattr(CountedRequest, "counts", RequestCounts())
    with counting_servers(40, addresses=4) as servers:
        yield servers


@pytest.mark.slow
def test_forty_sites_on_four_addresses_get_two_requests_each_at_once_from_two_machines(
    tmp_path: Path, cluster: DaskCluster, servers: list[CountingServer]
) -> None:
    """Eight crawls at a time on four workers, two on each machine, and each crawl at all four addresses."""
    urls = [f"http://{server.server_address[0]}:{server.server_port}/" for server in servers]
    words = ("--allow-private", "--delay", "0", "--no-sitemaps", "--no-feeds", "-q")
    tasks = [
        SiteTask(f"site-{part}", Path(f"site-{part}.db"), (*urls[5 * part : 5 * part + 5], *words), hosts=(str(part),))
        for part in range(8)
    ]
    cluster.start_scheduler()
    for number in range(4):
        cluster.start_worker(f"machine-{number % 2}")
    while len(cluster.worker_pids()) < 4:
        continue
    address = str(tmp_path / "store")
    place = StorePlace(address, make_store(address), "$MACHINE", LeaseTerms(30.0), wait_seconds=60, per_address=2)
    results: list[SiteResult] = []
    DaskEngine(cluster.address, place).run(tasks, results.append)
    assert [result for result in results if result.end is not SiteEnd.DONE] == []
    counts = CountedRequest.counts
    assert dict(counts.most) == {f"127.0.0.{number}": 2 for number in range(2, 6)}
    assert counts.paths["/"] >= 40
    assert counts.paths["/a"] >= 40
