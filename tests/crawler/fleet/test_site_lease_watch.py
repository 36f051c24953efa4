"""Leases of others, watched by one's own clock, and heartbeats: none is taken from a living runner."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fleet import site_lease
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import StoreUnreachable, VersionMoved
from broadsheet.crawler.fleet.site_lease import LeasedThing as Thing
from broadsheet.crawler.fleet.site_lease import (
    LeaseSeeker,
    LeaseTerms,
    LeaseWatch,
    SiteIsLeased,
    acquire,
    acquire_thing,
    beating,
    read_site,
    record_key,
)
from broadsheet.output.archive.stored_values import utc_now

SITE = Thing("a", record_key("a"))


@dataclass
class TwoClocks:
    """The time of one machine, and the clock of another that is wrong by some hours."""

    seconds: float = 0.0
    wrong_hours: float = 0.0

    def terms(self, hours: float = 0.0) -> LeaseTerms:
        return LeaseTerms(clock=lambda: self._text(hours))

    def _text(self, hours: float) -> str:
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds, hours=hours)).isoformat()

    def watch(self) -> LeaseWatch:
        return LeaseWatch(self.terms(self.wrong_hours), lambda: self.seconds)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")


@pytest.mark.parametrize("hours", [-1.0, 0.0, 1.0])
def test_a_living_runner_keeps_its_site_from_a_machine_with_a_wrong_clock(store: FolderStore, hours: float) -> None:
    clocks = TwoClocks(wrong_hours=hours)
    lease, watch = acquire(store, "a", "alive", clocks.terms()), clocks.watch()
    for _ in range(60):
        with pytest.raises(SiteIsLeased):
            acquire_thing(store, SITE, "other", clocks.terms(hours), watch)
        clocks.seconds += 20
        if clocks.seconds % 40 == 0:
            lease.renew()
    assert watch.is_alive(SITE.key)


@pytest.mark.parametrize(("hours", "at_most"), [(-1.0, 160), (0.0, 160), (1.0, 60)])
def test_a_dead_runners_site_is_taken_whatever_the_clock_says(store: FolderStore, hours: float, at_most: float) -> None:
    clocks = TwoClocks(wrong_hours=hours)
    acquire(store, "a", "dead", clocks.terms())
    watch = clocks.watch()
    while not watch.is_free(SITE.key, read_site(store, "a")):
        assert not watch.is_alive(SITE.key)
        clocks.seconds += 10
    assert 50 < clocks.seconds <= at_most
    assert acquire_thing(store, SITE, "other", clocks.terms(hours), watch).record.owner == "other"


def test_a_site_that_nobody_has_is_free_at_once(store: FolderStore) -> None:
    """And who takes it then has shown no sign of life yet, whatever the one before has."""
    clocks = TwoClocks()
    watch, lease = clocks.watch(), acquire(store, "a", "first", clocks.terms())
    assert not watch.is_free(SITE.key, read_site(store, "a"))
    lease.renew()
    assert (watch.is_free(SITE.key, read_site(store, "a")), watch.is_alive(SITE.key)) == (False, True)
    lease.release()
    assert (watch.is_free(SITE.key, read_site(store, "a")), watch.is_alive(SITE.key)) == (True, False)
    acquire(store, "a", "second", clocks.terms())
    assert (watch.is_free(SITE.key, read_site(store, "a")), watch.is_alive(SITE.key)) == (False, False)


def test_who_waits_takes_what_a_dead_runner_held(store: FolderStore) -> None:
    """With the machine's own clocks, and leases of a moment; the runner's clock was an hour ahead."""
    ahead = LeaseTerms(0.05, 0.01, lambda: (datetime.now(UTC) + timedelta(hours=1)).isoformat())
    acquire(store, "a", "dead", ahead)
    seeker = LeaseSeeker(store, "other", LeaseTerms(0.05, 0.01), 20.0)
    assert seeker.site("a").record.generation == 2
    with pytest.raises(SiteIsLeased, match="a is run by other"):
        LeaseSeeker(store, "third").site("a")


@pytest.mark.parametrize(
    ("hours", "seconds", "is_free"),
    [(0, 130, False), (0, 131, True), (1, 50, False), (1, 51, True), (-1, 143, False), (-1, 144, True)],
    ids=["not expired", "expired", "missed no beat", "missed a beat", "silent for a lease", "silent for longer"],
)
def test_the_times_after_which_a_site_is_taken(store: FolderStore, hours: float, seconds: float, is_free: bool) -> None:
    """By the record's time 10 s after its end, and by what was watched 50 s or 143 s after the last sign of life."""
    clocks = TwoClocks(wrong_hours=hours)
    acquire(store, "a", "first", clocks.terms())
    record, watch = read_site(store, "a"), clocks.watch()
    assert not watch.is_free(SITE.key, record)
    clocks.seconds += seconds
    assert watch.is_free(SITE.key, record) is is_free
    assert record.is_free(clocks.terms(hours)) is (seconds + 3600 * hours > 130)


def test_who_waits_looks_every_two_seconds_and_for_as_long_as_was_said(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, pauses = [50.0], list[float]()

    def sleep(pause: float) -> None:
        pauses.append(pause)
        now[0] += pause

    monkeypatch.setattr(site_lease, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    acquire(store, "a", "first")
    with pytest.raises(SiteIsLeased):
        LeaseSeeker(store, "second", wait_seconds=6.0).site("a")
    assert pauses == [2.0] * 4
    pauses.clear()
    with pytest.raises(SiteIsLeased):
        LeaseSeeker(store, "second", LeaseTerms(4.0), 2.0).site("a")
    assert pauses == [1.0] * 3
    pauses.clear()
    with pytest.raises(SiteIsLeased):
        LeaseSeeker(store, "second").site("a")
    assert pauses == [2.0], "without a wait there is one look more"
    pauses.clear()
    acquire(store, "b", "dead", LeaseTerms(clock=lambda: "2020-01-01T00:00:00+00:00"))
    assert (LeaseSeeker(store, "second").site("b").record.generation, pauses) == (2, [])


def test_hosts_are_held_in_one_order_and_given_back_also_where_one_is_another_s(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease is given back after its last heartbeat; one that is lost by then costs nothing."""
    beating, release = list[list[tuple[str, bool]]](), site_lease._release_quietly

    def note(lease: site_lease.SiteLease) -> None:
        beating.append([(one.name, one.daemon) for one in threading.enumerate() if one.name.startswith("lease-")])
        release(lease)

    monkeypatch.setattr(site_lease, "_release_quietly", note)
    seeker = LeaseSeeker(store, "first")
    keys = {host: f"hosts/{host.replace(':', '_')}.json" for host in ("a.example", "b.example:80", "c.example")}

    def owners() -> list[str]:
        records = [store.read_record(key) for key in keys.values()]
        return [json.loads(record.data)["owner"] if record else "" for record in records]

    with seeker.held_hosts(["b.example:80", "a.example"]):
        assert owners() == ["first", "first", ""]
        with (
            pytest.raises(SiteIsLeased, match=r"the host b\.example:80 is run by first"),
            LeaseSeeker(store, "second").held_hosts(["c.example", "b.example:80"]),
        ):
            pass
        assert owners() == ["first", "first", ""]
    assert owners() == ["", "", ""]
    assert beating == [[("lease-the host a.example", True)], []]
    with seeker.held_hosts(["a.example"]):
        late = LeaseTerms(clock=lambda: "2999-01-01T00:00:00+00:00")
        acquire_thing(store, Thing("the host a.example", keys["a.example"]), "thief", late)
    assert owners() == ["thief", "", ""]
    assert seeker.site("a").record == read_site(store, "a")


def test_a_site_that_others_always_take_first_is_given_up(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def move(*_words: object) -> str:
        tries.append(1)
        raise VersionMoved("quicker")

    monkeypatch.setattr(FolderStore, "replace_record", move)
    with pytest.raises(SiteIsLeased, match="a is run by another runner, until  at least"):
        acquire(store, "a", "first")
    assert len(tries) == 5


_WAIT_SECONDS = 20


def test_a_lease_is_renewed_also_after_the_store_was_away(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lease = acquire(store, "a", "first", LeaseTerms(0.03))
    renewals, renewed = [0], Event()
    renew = lease.renew

    def trouble() -> None:
        renewals[0] += 1
        if renewals[0] == 1:
            raise StoreUnreachable("away")
        renew()
        renewed.set()

    monkeypatch.setattr(lease, "renew", trouble)
    with beating(lease, lambda: None):
        assert renewed.wait(_WAIT_SECONDS)
    assert caplog.messages == ["no heartbeat for a: away"]


def test_a_lease_that_another_took_is_told_of_once(store: FolderStore, caplog: pytest.LogCaptureFixture) -> None:
    lease = acquire(store, "a", "first", LeaseTerms(0.03))
    losses: list[list[str]] = []
    lost = Event()

    def on_loss() -> None:
        losses.append(caplog.messages)
        lost.set()

    acquire(store, "a", "second", LeaseTerms(0.03, -3600.0, utc_now))
    with beating(lease, on_loss):
        assert lost.wait(_WAIT_SECONDS)
    assert losses == [["another runner took a: its lease had expired"]]


def test_a_heartbeat_comes_thrice_in_the_time_of_a_lease(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Ending(Event):
        def wait(self, timeout: float | None = None) -> bool:
            if timeout is not None:
                waits.append(timeout)
            return len(waits) > 2

    lease = acquire(store, "a", "first", LeaseTerms(90.0))
    monkeypatch.setattr(site_lease, "threading", SimpleNamespace(Event=Ending, Thread=Thread))
    with beating(lease, lambda: None, lambda: 7):
        pass
    assert waits == [30.0] * 3
    assert read_site(store, "a") == lease.record
    assert (lease.record.pages, lease.record.generation, lease.record.owner) == (7, 1, "first")
