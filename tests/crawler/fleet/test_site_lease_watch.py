"""Leases of others, watched by one's own clock: none is taken from a living runner, a dead one's soon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.site_lease import LeasedThing as Thing
from broadsheet.crawler.fleet.site_lease import (
    LeaseSeeker,
    LeaseTerms,
    LeaseWatch,
    SiteIsLeased,
    acquire,
    acquire_thing,
    read_site,
    record_key,
)

SITE = Thing("a", record_key("a"))


@dataclass
class TwoClocks:
    """The time of one machine, and the clock of another that is wrong by some hours."""

    seconds: float = 0.0
    wrong_hours: float = 0.0

    def terms(self, hours: float = 0.0) -> LeaseTerms:
        return LeaseTerms(120.0, 10.0, lambda: self._text(hours))

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
    watch = TwoClocks().watch()
    acquire(store, "a", "first").release()
    assert watch.is_free(SITE.key, read_site(store, "a"))
    assert not watch.is_alive(SITE.key)


def test_who_waits_takes_what_a_dead_runner_held(store: FolderStore) -> None:
    """With the machine's own clocks, and leases of a moment; the runner's clock was an hour ahead."""
    ahead = LeaseTerms(0.05, 0.01, lambda: (datetime.now(UTC) + timedelta(hours=1)).isoformat())
    acquire(store, "a", "dead", ahead)
    seeker = LeaseSeeker(store, "other", LeaseTerms(0.05, 0.01), 20.0)
    assert seeker.site("a").record.generation == 2
    with pytest.raises(SiteIsLeased, match="a is run by other"):
        LeaseSeeker(store, "third").site("a")
