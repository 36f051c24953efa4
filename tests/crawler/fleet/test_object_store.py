"""What every store does alike: a folder, a bucket, a real server.

What every store does alike: a folder, a bucket, a real server.

A store that is away for a while is waited for, and no longer than agreed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import (
    NotInStore,
    ObjectStore,
    Patience,
    PatientStore,
    StoreFull,
    StoreUnreachable,
    VersionedRecord,
    VersionMoved,
    digest_of,
    file_digest,
)
from broadsheet.crawler.fleet.stored_run import run_stored
from tests.crawler.fleet.sites import crawl_of, site_in, stored_names


def test_an_object_is_given_back_as_it_was_put(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 9_000)
    store.put_bytes("sites/a/warc/x.gz", file.read_bytes())
    assert digest_of(store.chunks("sites/a/warc/x.gz")) == file_digest(file)
    assert store.length("sites/a/warc/x.gz") == file.stat().st_size
    for start in (1, 1_500_000, file.stat().st_size):
        assert b"".join(store.chunks("sites/a/warc/x.gz", start)) == file.read_bytes()[start:]


def test_what_is_not_there_is_said_not_to_be(store: ObjectStore) -> None:
    assert store.length("sites/a/none") is None
    assert store.keys("sites/a/") == []
    assert store.read_record("sites/a/site.json") is None
    store.delete("sites/a/none")
    with pytest.raises(NotInStore):
        list(store.chunks("sites/a/none"))


def test_keys_are_those_below_a_prefix_and_no_others(store: ObjectStore) -> None:
    for key in ("sites/a/beside/2", "sites/a/beside/1", "sites/ab/beside/3", "sites/a/other"):
        store.put_bytes(key, b"x")
    assert store.keys("sites/a/beside/") == ["sites/a/beside/1", "sites/a/beside/2"]
    store.delete("sites/a/beside/1")
    assert store.keys("sites/a/beside/") == ["sites/a/beside/2"]


def test_a_record_is_made_once_and_replaced_only_by_who_knows_its_version(store: ObjectStore) -> None:
    first = store.replace_record("site.json", b"one", "")
    with pytest.raises(VersionMoved):
        store.replace_record("site.json", b"one more", "")
    second = store.replace_record("site.json", b"two", first)
    with pytest.raises(VersionMoved):
        store.replace_record("site.json", b"late", first)
    record = store.read_record("site.json")
    assert record is not None
    assert (record.data, record.version) == (b"two", second)


def test_one_of_many_that_replace_a_version_at_once_succeeds(store: ObjectStore) -> None:
    version = store.replace_record("site.json", b"-", "")
    for _ in range(5):
        winners = _race(store, version)
        record = store.read_record("site.json")
        assert record is not None
        assert [data for data, _ in winners] == [record.data]
        version = record.version


def test_a_version_that_was_pruned_long_ago_cannot_be_taken_again(store: ObjectStore) -> None:
    versions = [store.replace_record("site.json", b"0", "")]
    for number in range(20):
        versions.append(store.replace_record("site.json", f"{number}".encode(), versions[-1]))
    for version in ("", versions[0], versions[5], versions[-2]):
        with pytest.raises(VersionMoved):
            store.replace_record("site.json", b"late", version)
    record = store.read_record("site.json")
    assert record is not None
    assert record.data == b"19"


def _race(store: ObjectStore, version: str) -> list[tuple[bytes, str]]:
    """What six threads at once replaced a version by, of those that were let."""
    winners: list[tuple[bytes, str]] = []
    barrier = threading.Barrier(6)

    def replace(number: int) -> None:
        barrier.wait()
        with suppress(VersionMoved):
            data = f"{number} after {version}".encode()  # S3 names a version by its content
            winners.append((data, store.replace_record("site.json", data, version)))

    threads = [threading.Thread(target=replace, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return winners


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

    def put_bytes(self, key: str, data: bytes) -> None:
        self.check()
        super().put_bytes(key, data)

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
    store.put_bytes("key", file.read_bytes())
    assert digest_of(store.chunks("key")) == file_digest(file)
    assert pauses


def test_a_whole_run_goes_through_a_store_that_is_away_now_and_then(folder: Path, tmp_path: Path) -> None:
    pauses = Pauses()
    store = PatientStore(
        TroubledStore(folder, 3, StoreUnreachable("away")), Patience(60, 1, 8), pauses.sleep, pauses.clock
    )
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert stored_names(store, tmp_path) == {"one"}


@dataclass
class BreakingStore:
    """A store that breaks off after each other chunk, and notes where it was asked to begin."""

    address: str = "breaking"
    starts: list[int] = field(default_factory=list)

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        self.starts.append(start)
        for place in range(start, min(start + 4, 10), 2):
            yield b"0123456789"[place : place + 2]
        if start + 4 < 10:
            raise StoreUnreachable("away")


def test_an_object_is_read_on_from_where_it_broke_off_and_not_asked_for_again_before() -> None:
    breaking, pauses = BreakingStore(), Pauses()
    store = PatientStore(breaking, Patience(60, 1, 8), pauses.sleep, pauses.clock)
    assert (store.address, list(store.chunks("key", 1))) == ("breaking", [b"12", b"34", b"56", b"78", b"9"])
    assert (breaking.starts, pauses) == ([1, 5, 9], [1, 1])


def test_all_is_passed_on_to_the_store_behind(folder: Path) -> None:
    store = PatientStore(FolderStore(folder), Patience())
    store.put_bytes("a/x", b"0123")
    assert (store.length("a/x"), store.keys("a/"), list(store.chunks("a/x", 2))) == (4, ["a/x"], [b"23"])
    version = store.replace_record("r", b"1", "")
    assert store.read_record("r") == VersionedRecord(b"1", version)
    store.delete("a/x")
    assert store.length("a/x") is None


@pytest.mark.parametrize(
    ("patience", "expected"),
    [(Patience(100, 1, 30), [1, 2, 4, 8, 16, 30, 30]), (Patience(31, 1, 30), [1, 2, 4, 8, 16]),
     (Patience(30, 1, 30), [1, 2, 4, 8]), (Patience(), [1, 2, 4, 8, 16, *[20] * 178])],
)  # fmt: skip
def test_patience_has_an_end_and_pauses_grow(folder: Path, patience: Patience, expected: list[float]) -> None:
    pauses = Pauses()
    troubled = TroubledStore(folder, 10**9, StoreUnreachable("away"))
    store = PatientStore(troubled, patience, pauses.sleep, pauses.clock)
    with pytest.raises(StoreUnreachable, match="away"):
        store.put_bytes("key", b"")
    assert list(pauses) == expected


def test_what_waiting_does_not_mend_is_not_waited_for(folder: Path) -> None:
    pauses = Pauses()
    store = PatientStore(FolderStore(folder), Patience(), pauses.sleep, pauses.clock)
    with pytest.raises(NotInStore):
        list(store.chunks("none"))
    assert not pauses
