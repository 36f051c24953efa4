"""A store that is away for a while is waited for, and no longer than agreed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.store.folder_store import FolderStore
from broadsheet.crawler.fleet.store.object_store import (
    NotInStore,
    ObjectStore,
    StoreFull,
    StoreUnreachable,
    digest_of,
    file_digest,
    put_verified,
)
from broadsheet.crawler.fleet.store.patient_store import Patience, PatientStore
from broadsheet.crawler.fleet.store.site_lease import LeaseTerms, acquire, record_key
from broadsheet.crawler.fleet.store.stored_run import run_stored
from tests.crawler.fleet.store.sites import crawl_of, site_in, stored_names


class TroubledStore(FolderStore):
    """A folder of which every so many-th act fails."""

    def __init__(self, folder: Path, every: int, error: Exception) -> None:
        super().__init__(folder)
        self.acts = 0
        self.every = every
        self.error = error

    def check(self) -> None:
        self.acts += 1
        if self.every and self.acts % self.every:
            raise self.error

    def put_file(self, key: str, path: Path) -> None:
        self.check()
        super().put_file(key, path)

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        for chunk in super().chunks(key, start):
            self.check()
            yield chunk


class Pauses(list[float]):
    """Sleeps that take no time, and the clock that they move."""

    def sleep(self, seconds: float) -> None:
        self.append(seconds)

    def clock(self) -> float:
        return sum(self)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.mark.parametrize("error", [StoreUnreachable("away"), StoreFull("full")])
def test_a_store_that_fails_twice_of_three_times_holds_all_at_the_end(
    folder: Path, tmp_path: Path, error: Exception
) -> None:
    pauses = Pauses()
    store: ObjectStore = PatientStore(TroubledStore(folder, 3, error), Patience(60, 1, 8), pauses.sleep, pauses.clock)
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 20_000)
    put_verified(store, "key", file, file_digest(file))
    assert digest_of(store.chunks("key")) == file_digest(file)
    assert pauses


def test_a_whole_run_goes_through_a_store_that_is_away_now_and_then(folder: Path, tmp_path: Path) -> None:
    pauses = Pauses()
    store = PatientStore(
        TroubledStore(folder, 3, StoreUnreachable("away")), Patience(60, 1, 8), pauses.sleep, pauses.clock
    )
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert stored_names(store, tmp_path) == {"one"}


def test_patience_has_an_end_and_pauses_grow(folder: Path, tmp_path: Path) -> None:
    pauses = Pauses()
    troubled = TroubledStore(folder, 10**9, StoreUnreachable("away"))
    store = PatientStore(troubled, Patience(100, 1, 30), pauses.sleep, pauses.clock)
    with pytest.raises(StoreUnreachable, match="away"):
        store.put_file("key", tmp_path)
    assert list(pauses) == [1, 2, 4, 8, 16, 30, 30]


class AwayUntil(FolderStore):
    """A folder that is away until some second of a clock."""

    def __init__(self, folder: Path, back_at: float, clock: Pauses) -> None:
        super().__init__(folder)
        self._back_at = back_at
        self._clock = clock

    def replace_record(self, key: str, data: bytes, version: str) -> str:
        if self._clock.clock() < self._back_at:
            raise StoreUnreachable("away")
        return super().replace_record(key, data, version)


@pytest.mark.parametrize("back_at", [50, 75, 105])
def test_a_store_that_is_back_before_a_lease_expires_is_found_in_time_to_renew_it(folder: Path, back_at: int) -> None:
    terms, pauses = LeaseTerms(), Pauses([0.0])
    acquire(FolderStore(folder), "lamp", "first", terms)
    record = FolderStore(folder).read_record(record_key("lamp"))
    assert record
    pauses.append(terms.seconds / 3)  # when the heartbeat comes, the store being away by now
    store = PatientStore(AwayUntil(folder, back_at, pauses), Patience(), pauses.sleep, pauses.clock)
    store.replace_record(record_key("lamp"), b"{}", record.version)
    assert back_at <= pauses.clock() < terms.seconds + terms.skew_seconds


def test_what_waiting_does_not_mend_is_not_waited_for(folder: Path) -> None:
    pauses = Pauses()
    store = PatientStore(FolderStore(folder), Patience(), pauses.sleep, pauses.clock)
    with pytest.raises(NotInStore):
        list(store.chunks("none"))
    assert not pauses
