"""What every store does alike: a folder, a bucket, a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.store.folder_store import FolderStore
from broadsheet.crawler.fleet.store.object_store import (
    DamagedObject,
    NotInStore,
    ObjectStore,
    VersionMoved,
    digest_of,
    file_digest,
    put_verified,
)


def test_an_object_is_given_back_as_it_was_put(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 9_000)
    put_verified(store, "sites/a/warc/x.gz", file, file_digest(file))
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


def test_bytes_that_come_back_otherwise_are_noticed(tmp_path: Path) -> None:
    class Forgetful(FolderStore):
        def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
            yield b"something else"

    (tmp_path / "store").mkdir()
    file = tmp_path / "file"
    file.write_bytes(b"what was put")
    with pytest.raises(DamagedObject, match="does not give back"):
        put_verified(Forgetful(tmp_path / "store"), "key", file, file_digest(file))


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
