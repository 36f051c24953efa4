"""Sources of a bulk run: WARC and WACZ files on disks, in buckets, on web servers; their sizes and versions.

What is asked of a source before a run is its size and its version: the time of its last change on a disk, its ETag
elsewhere. Nothing is fetched for that.
"""

from __future__ import annotations

import glob
import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import CommandError
from ..fleet.bucket_store import BucketStore
from ..fleet.object_store import StoreError
from ..fleet.store_address import store_at, web_store

ENDINGS = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz", ".wacz")
"""Of the files that a folder, a prefix of a bucket or a pattern is searched for."""
_PAGE_ENDINGS = (".html", ".htm", ".xhtml", ".txt")
_WEB = ("http", "https")
_ASKED_AT_ONCE = 16  # of addresses whose size is asked for
_GZIP_MAGIC = b"\x1f\x8b"


class Source(NamedTuple):
    """File to clean: its path or address, its size in bytes (0 if a server does not say), and its version.

    `problem` says in a line why there is no such file.
    """

    address: str
    size: int = 0
    version: str = ""
    problem: str = ""

    @property
    def is_local(self) -> bool:
        """Return whether it is on a disk, where parts of it can be read."""
        return "://" not in self.address


def split_address(address: str) -> tuple[str, str]:
    """Split the address of an object into that of its bucket or server, and its key.

    >>> split_address("s3://crawls/march/a.warc.gz")
    ('s3://crawls', 'march/a.warc.gz')
    """
    parts = urlsplit(address)
    key = parts.path.lstrip("/")
    return f"{parts.scheme}://{parts.netloc}", unquote(key) if parts.scheme in _WEB else key


def source_store(address: str) -> tuple[BucketStore, str]:
    """Return the bucket or server of an address, and the object's key there. StoreRefused, also of a folder."""
    place, key = split_address(address)
    store = web_store(address, place) if urlsplit(address).scheme in _WEB else store_at(place)
    assert isinstance(store, BucketStore)
    return store, key


def found_sources(names: Sequence[str], say: Callable[[str], object]) -> list[Source]:
    """Return the sources that are named: files, patterns, folders, objects, prefixes of buckets. CommandError.

    A line says what a folder has besides.
    """
    found: dict[str, Source] = {}
    for name in names:
        sources = list(_objects(name) if "://" in name else _files(name))
        if not sources:
            raise CommandError(f"{name} has no WARC or WACZ file")
        found.update((source.address, source) for source in sources)
        if "://" not in name and Path(name).is_dir():
            pages = sum(path.suffix.lower() in _PAGE_ENDINGS for path in Path(name).rglob("*"))
            if pages:
                say(f"{name}: {count_text(pages, 'saved page')} left out: -o takes WARC and WACZ files")
    return list(found.values())


def listed_sources(list_file: str, base: str) -> list[Source]:
    """Return the sources that a list names, a line each, packed or not; relative ones are below `base`. CommandError.

    A line that names nothing is a source with a problem: a list of ten thousand is not refused for one.
    """
    try:
        data = _read_list(list_file)
        data = gzip.decompress(data) if data.startswith(_GZIP_MAGIC) else data
        lines = [line.strip() for line in data.decode().splitlines()]
    except (OSError, EOFError, zlib.error, ValueError, StoreError) as error:
        raise CommandError(
            f"the list {list_file} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    base = base or ("" if "://" in list_file else str(Path(list_file).absolute().parent))
    addresses = dict.fromkeys(_below(base, line) for line in lines if line and not line.startswith("#"))
    if any("://" not in address and not os.path.isabs(address) for address in addresses):
        raise CommandError(f"{list_file} has relative paths: say with --base what they are below")
    return _asked(addresses)


def _read_list(list_file: str) -> bytes:
    if "://" not in list_file:
        return Path(list_file).read_bytes()
    store, key = source_store(list_file)
    return b"".join(store.chunks(key))


def _below(base: str, line: str) -> str:
    """Return the address of a line.

    >>> _below("https://data.example/", "crawl/a.warc.gz"), _below("/disk", "/other/a.warc")
    ('https://data.example/crawl/a.warc.gz', '/other/a.warc')
    """
    is_whole = "://" in line or os.path.isabs(line) or not base
    return line if is_whole else f"{base.rstrip('/')}/{line}"


def _asked(addresses: Iterable[str]) -> list[Source]:
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        return list(pool.map(_asked_one, addresses))


def _asked_one(address: str) -> Source:
    try:
        if "://" not in address:
            return _file(Path(address))
        store, key = source_store(address)
        meta = store.meta(key)
    except (StoreError, OSError) as error:
        return Source(address, problem=str(getattr(error, "strerror", None) or error))
    if meta is None:
        return Source(address, problem="there is no such file")
    return _object(address, meta)


def _object(address: str, meta: Mapping[str, Any]) -> Source:
    return Source(address, int(meta["size"]), str(meta["e_tag"] or meta["last_modified"]))


def _file(path: Path) -> Source:
    status = path.stat()
    return Source(str(path.absolute()), status.st_size, f"{status.st_mtime_ns}")


def _files(name: str) -> Iterator[Source]:
    paths = [Path(name)] if os.path.lexists(name) else sorted(map(Path, glob.glob(name, recursive=True)))
    for path in paths:
        inner = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inner:
            if file == path and not path.is_dir():
                yield _asked_one(str(file.absolute()))
            elif file.is_file() and file.name.lower().endswith(ENDINGS):
                yield _file(file)


def _objects(name: str) -> Iterator[Source]:
    """Yield an object, or those below a prefix of a bucket, as its list has them."""
    if urlsplit(name).scheme in _WEB:
        yield _asked_one(name)
        return
    try:
        store, key = source_store(name)
        if key.lower().endswith(ENDINGS):
            yield _asked_one(name)
            return
        place, _ = split_address(name)
        metas = sorted(store.metas(f"{key.rstrip('/')}/"), key=lambda meta: meta["path"])
    except StoreError as error:
        raise CommandError(str(error)) from error
    for meta in metas:
        if meta["path"].lower().endswith(ENDINGS):
            yield _object(f"{place}/{meta['path']}", meta)
