"""A lease: one runner a site, a time to live, and nothing stated by who has lost it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread

import pytest

from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import DamagedObject, NewerState, ObjectStore
from broadsheet.crawler.fleet.site_lease import (
    FORMAT,
    LeasedThing,
    LeaseLost,
    LeaseRecord,
    LeaseTerms,
    SiteIsLeased,
    acquire,
    acquire_thing,
    read_site,
    record_key,
)
from broadsheet.output.archive.migrations import SCHEMA_VERSION
from tests.windows import WindowedStore, Windows


@dataclass
class StillClock:
    """A clock that stands until it is moved."""

    minute: int = 0

    def __call__(self) -> str:
        return f"2026-01-01T00:{self.minute:02}:00+00:00"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def terms(clock: StillClock) -> LeaseTerms:
    return LeaseTerms(120.0, 10.0, clock)


def test_a_site_has_one_runner(store: ObjectStore, terms: LeaseTerms) -> None:
    lease = acquire(store, "a", "first", terms)
    with pytest.raises(SiteIsLeased, match=r"a is run by first, until 2026-01-01T00:02:00"):
        acquire(store, "a", "second", terms)
    acquire(store, "b", "second", terms)
    lease.note(pages=7)
    lease.release()
    record = acquire(store, "a", "second", terms).record
    expiry = "2026-01-01T00:02:00+00:00"
    assert record == LeaseRecord(2, "second", expiry, "", record.write_id, "2026-01-01T00:00:00+00:00", 0, {}, 0)
    assert len(record.write_id) == len(lease.record.write_id) == 16


def test_a_stalled_runner_that_wakes_after_its_lease_states_nothing(
    store: ObjectStore, terms: LeaseTerms, clock: StillClock
) -> None:
    stalled = acquire(store, "a", "first", terms)
    clock.minute = 3
    lease = acquire(store, "a", "second", terms)
    for late_act in (stalled.renew, stalled.release, lambda: stalled.state_manifest("late")):
        with pytest.raises(LeaseLost):
            late_act()
    lease.state_manifest("manifest-2")
    with pytest.raises(LeaseLost):
        stalled.state_manifest("late")
    assert read_site(store, "a").manifest == "manifest-2"


def test_who_comes_late_and_finds_nobody_there_has_still_the_lease(
    store: ObjectStore, terms: LeaseTerms, clock: StillClock
) -> None:
    lease = acquire(store, "a", "first", terms)
    clock.minute = 30
    lease.state_manifest("manifest-1")
    lease.release()
    assert acquire(store, "a", "second", terms).manifest == "manifest-1"


def test_an_answer_that_was_lost_loses_no_lease(store: ObjectStore, terms: LeaseTerms) -> None:
    @dataclass
    class LostAnswers:
        """Does what it is asked, and then behaves as a client does that asks again after a broken connection."""

        store: ObjectStore
        address: str = ""
        tries: list[str] = field(default_factory=list)

        def read_record(self, key: str):
            return self.store.read_record(key)

        def replace_record(self, key: str, data: bytes, version: str) -> str:
            self.store.replace_record(key, data, version)
            self.tries.append(key)
            return self.store.replace_record(key, data, version)  # VersionMoved, by our own first try

    lossy = LostAnswers(store)
    lease = acquire(lossy, "a", "first", terms)
    lease.renew()
    lease.state_manifest("manifest-1")
    assert read_site(store, "a").manifest == "manifest-1"
    assert len(lossy.tries) == 3


def test_a_record_that_makes_no_sense_is_said_to_be_damaged(store: ObjectStore, terms: LeaseTerms) -> None:
    store.replace_record(record_key("a"), b"{}", "")
    with pytest.raises(DamagedObject, match="what the store says of a makes no sense"):
        acquire(store, "a", "first", terms)


@pytest.mark.parametrize(
    ("change", "found"),
    [({"format": FORMAT + 1, "generation": "of the future"}, "format 3, this one reads 2"),
     ({"schema": SCHEMA_VERSION + 1}, f"schema {SCHEMA_VERSION + 1}, this one reads {SCHEMA_VERSION}")],
)  # fmt: skip
def test_a_site_that_a_newer_version_stored_is_left_alone(
    store: ObjectStore, terms: LeaseTerms, change: dict[str, object], found: str
) -> None:
    lease = acquire(store, "a", "first", terms)
    lease.state_manifest("manifest-1")
    lease.release()
    stored = store.read_record(record_key("a"))
    assert stored is not None
    values = json.loads(stored.data)
    assert stored.data.startswith(b'{\n "format": 2,\n "generation": 1')
    assert (values["format"], values["schema"]) == (FORMAT, SCHEMA_VERSION)
    newer = json.dumps(values | change).encode()
    store.replace_record(record_key("a"), newer, stored.version)
    with pytest.raises(NewerState, match=rf"^a was stored by a newer version of Broadsheet \({found}\) and is left"):
        acquire(store, "a", "second", terms)
    left = store.read_record(record_key("a"))
    assert left is not None
    assert left.data == newer


def test_what_is_noted_while_the_record_is_written_is_not_lost(terms: LeaseTerms, tmp_path: Path) -> None:
    """A heartbeat and a saver use one lease: a note and a heartbeat that come inside a write wait until it is done."""
    (tmp_path / "store").mkdir()
    threads: list[Thread] = []

    def others() -> None:
        for act in (lambda: lease.note(pages=7), lease.renew):
            threads.append(Thread(target=act, daemon=True))
            threads[-1].start()
            threads[-1].join(0.05)

    store = FolderStore(tmp_path / "store")
    windowed = WindowedStore(tmp_path / "store", Windows(others, "before naming"))
    acquire(store, "a", "first", terms).release()
    lease = acquire_thing(store, LeasedThing("a", record_key("a")), "first", terms)
    lease._store = windowed
    lease.state_manifest("manifest-1")
    for thread in threads:
        thread.join()
    assert (lease.record.pages, lease.record.manifest) == (7, "manifest-1")
    lease.release()
    record = read_site(store, "a")
    assert record == replace(lease.record, write_id=record.write_id)
    assert (record.pages, record.manifest, record.owner, record.generation) == (7, "manifest-1", "", 2)
