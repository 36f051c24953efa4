"""Files of a bucket, brought to this disk: an archive names the WARC files that it was made of, which have to stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from broadsheet.crawler.fleet.store.object_store import NotInStore, ObjectStore
from broadsheet.crawler.fleet.store.store_address import store_at
from broadsheet.output.raw.whole_file import whole_file


def bring_file(address: str, folder: Path, open_store: Callable[[str], ObjectStore] = store_at) -> Path:
    """The copy of `s3://bucket/key` below a folder, fetched unless one of its length is there.

    StoreError if the bucket does not give it, OSError if the disk does not take it.
    """
    bucket, _, key = address.removeprefix("s3://").partition("/")
    parent, name = str(PurePosixPath(key).parent), PurePosixPath(key).name
    store = open_store(f"s3://{bucket}" if parent == "." else f"s3://{bucket}/{parent}")
    path = folder.joinpath(bucket, *PurePosixPath(key).parts)
    length = store.length(name)
    if length is None or not name or ".." in path.parts:
        raise NotInStore(f"there is no {address}")
    if not (path.is_file() and path.stat().st_size == length):
        _fetch(store, name, length, path)
    return path


def _fetch(store: ObjectStore, key: str, length: int, path: Path) -> None:
    """Fetch an object to a path, which then has the whole of it or is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        for chunk in store.chunks(key):
            stream.write(chunk)
        if stream.tell() != length:
            raise NotInStore(f"{path.name} came with {stream.tell():,} of {length:,} bytes")
