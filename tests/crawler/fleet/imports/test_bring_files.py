from __future__ import annotations

import os
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from broadsheet.crawler.fleet.imports.bring_files import bring_file
from broadsheet.crawler.fleet.store.bucket_store import BucketStore
from broadsheet.crawler.fleet.store.folder_store import FolderStore
from broadsheet.crawler.fleet.store.object_store import NotInStore, ObjectStore, StoreError, StoreRefused

ADDRESS = "s3://news/2024/01/a.warc.gz"


@pytest.fixture
def buckets(tmp_path: Path) -> Path:
    (tmp_path / "buckets/news/2024/01").mkdir(parents=True)
    (tmp_path / "buckets/news/2024/01/a.warc.gz").write_bytes(b"records" * 999)
    return tmp_path / "buckets"


def bring(address: str, buckets: Path, folder: Path) -> Path:
    def open_store(prefix: str) -> ObjectStore:
        return FolderStore(buckets / prefix.removeprefix("s3://"))

    return bring_file(address, folder, open_store)


def test_a_file_comes_whole_and_once(tmp_path: Path, buckets: Path) -> None:
    path = bring(ADDRESS, buckets, tmp_path / "here")
    assert path == tmp_path / "here/news/2024/01/a.warc.gz"
    assert path.read_bytes() == b"records" * 999
    os.utime(path, ns=(1, 1))
    assert bring(ADDRESS, buckets, tmp_path / "here").stat().st_mtime_ns == 1


def test_half_a_file_is_fetched_anew(tmp_path: Path, buckets: Path) -> None:
    path = bring(ADDRESS, buckets, tmp_path / "here")
    path.write_bytes(b"half")
    path.with_name("a.warc.gz.part").write_bytes(b"less")
    assert bring(ADDRESS, buckets, tmp_path / "here").read_bytes() == b"records" * 999
    assert [file.name for file in path.parent.iterdir()] == ["a.warc.gz"]


@pytest.mark.parametrize("address", ["s3://news/2024/01/b.warc.gz", "s3://news", "s3://news/../news/2024/01/a.warc.gz"])
def test_what_is_not_there_leaves_nothing(tmp_path: Path, buckets: Path, address: str) -> None:
    with pytest.raises(StoreError):
        bring(address, buckets, tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_an_address_without_a_bucket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused):
        bring_file("s3:///a.warc.gz", tmp_path)


def test_a_file_comes_from_a_bucket(tmp_path: Path) -> None:
    bucket = BucketStore(MemoryStore(), "s3://news")
    bucket.put_bytes("a.warc.gz", b"records")
    addresses: list[str] = []

    def open_store(address: str) -> ObjectStore:
        addresses.append(address)
        return bucket

    assert bring_file("s3://news/a.warc.gz", tmp_path, open_store).read_bytes() == b"records"
    with pytest.raises(NotInStore, match="there is no s3://"):
        bring_file("s3://news/b.warc.gz", tmp_path, open_store)
    assert addresses == ["s3://news"] * 2
