"""Deltas of SQLite files: the pages in which a state differs from an earlier one, packed against what these pages were.

A delta holds a group of pages. Their earlier contents are the prefix that zstd refers to (`zstd --patch-from` does the
same), so what a page keeps costs next to nothing, also where rows moved to a page beside it. A delta against no file is
a part of the file itself.
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_HEAD = struct.Struct("<4sIIII")  # magic, bytes of a page, pages of the earlier and of this state, bytes of the numbers
_MAGIC = b"BSD1"
_GROUP_PAGES = 4096  # of a delta: 16 MB, and as much of their earlier contents, are in memory
_LEVEL = 9  # a third of the bytes of level 3 where little changed
_WINDOW_LOG = 26  # 64 MB: a group and its prefix
_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: _LEVEL,
    zstd.CompressionParameter.window_log: _WINDOW_LOG,
    # Without these it finds nothing that lies more than 4 MB back: 9.9 in place of 5.8 MB for 12,377 changed pages.
    zstd.CompressionParameter.enable_long_distance_matching: 1,
    zstd.CompressionParameter.ldm_min_match: 32,
    zstd.CompressionParameter.ldm_hash_rate_log: 3,
}
_BLOCK_BYTES = 1 << 20  # compared at once; a multiple of every page size of SQLite
_PAGE_SIZE_AT = 16  # in the header of a database, two bytes; 1 stands for 65,536


class DamagedDelta(Exception):  # noqa: N818 - named by what it is
    """Bytes that are no delta, or none of this version."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """The difference between two states of a database: their digests (empty: no such file) and the changed pages.

    Lengths are in bytes, pages are numbered from 0.
    """

    old_sha256: str
    sha256: str
    old_length: int
    length: int
    page_bytes: int
    pages: Sequence[int]


def compare_files(old: Path | None, new: Path) -> FileChange:
    """Find the pages of a database that another state of it, or no file, does not have."""
    page_bytes, pages = _page_bytes(new), array("I")
    old_digest, digest, position = hashlib.sha256(), hashlib.sha256(), 0
    with (old or Path(os.devnull)).open("rb") as old_stream, new.open("rb") as stream:
        while (block := stream.read(_BLOCK_BYTES)) or position < _size(old):
            old_block = old_stream.read(_BLOCK_BYTES)
            old_digest.update(old_block)
            digest.update(block)
            if block != old_block:
                pages.extend(_unequal_pages(old_block, block, page_bytes, position // page_bytes))
            position += _BLOCK_BYTES
    old_sha256 = old_digest.hexdigest() if old else ""
    return FileChange(old_sha256, digest.hexdigest(), _size(old), new.stat().st_size, page_bytes, pages)


def _unequal_pages(old: bytes, new: bytes, page_bytes: int, first: int) -> Iterator[int]:
    for start in range(0, len(new), page_bytes):
        if old[start : start + page_bytes] != new[start : start + page_bytes]:
            yield first + start // page_bytes


def pack_change(change: FileChange, old: Path | None, new: Path) -> Iterator[bytes]:
    """Yield the deltas that turn the earlier state into the new one; at least one, each of so many pages at most."""
    old_count = change.old_length // change.page_bytes
    with (old or Path(os.devnull)).open("rb") as old_stream, new.open("rb") as stream:
        for numbers in batched_pages(change.pages):
            prefix = _read_pages(old_stream, change.page_bytes, [number for number in numbers if number < old_count])
            packed_numbers = zstd.compress(array("I", numbers).tobytes())
            head = (change.page_bytes, old_count, change.length // change.page_bytes, len(packed_numbers))
            pages = _read_pages(stream, change.page_bytes, numbers)
            yield _HEAD.pack(_MAGIC, *head) + packed_numbers + _compress(pages, prefix)


def batched_pages(pages: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield groups of pages; one without any where none changed, as the file may be shorter.

    >>> [list(group) for group in batched_pages([3, 5])]
    [[3, 5]]
    """
    for start in range(0, max(1, len(pages)), _GROUP_PAGES):
        yield pages[start : start + _GROUP_PAGES]


def apply_delta(file: BinaryIO, delta: bytes) -> None:
    """Apply a delta to an open file that is in the earlier state. DamagedDelta if it is none."""
    try:
        magic, page_bytes, old_count, count, numbers_length = _HEAD.unpack_from(delta)
        if magic != _MAGIC:
            raise DamagedDelta("it is not a delta of this version")
        numbers_end = _HEAD.size + numbers_length
        numbers = array("I", zstd.decompress(delta[_HEAD.size : numbers_end]))
        prefix = _read_pages(file, page_bytes, [number for number in numbers if number < old_count])
        pages = _decompress(delta[numbers_end:], prefix)
    except (struct.error, ValueError, EOFError, zstd.ZstdError) as error:
        raise DamagedDelta(f"it cannot be unpacked: {error}") from error
    for place, number in enumerate(numbers):
        file.seek(number * page_bytes)
        file.write(pages[place * page_bytes : (place + 1) * page_bytes])
    file.truncate(count * page_bytes)


def _compress(data: bytes, prefix: bytes) -> bytes:
    compressor = zstd.ZstdCompressor(options=_OPTIONS, zstd_dict=_prefix_dict(prefix))
    return compressor.compress(data, compressor.FLUSH_FRAME)


def _decompress(data: bytes, prefix: bytes) -> bytes:
    decompressor = zstd.ZstdDecompressor(zstd_dict=_prefix_dict(prefix))
    pages = decompressor.decompress(data)
    if not decompressor.eof:
        raise DamagedDelta("it is cut short")
    return pages


def _prefix_dict(prefix: bytes) -> tuple[zstd.ZstdDict, int] | None:
    return zstd.ZstdDict(prefix, is_raw=True).as_prefix if prefix else None


def _read_pages(stream: BinaryIO, page_bytes: int, numbers: Sequence[int]) -> bytes:
    """Read pages of an open file one after the other."""
    pages = []
    for number in numbers:
        stream.seek(number * page_bytes)
        pages.append(stream.read(page_bytes))
    return b"".join(pages)


def _page_bytes(file: Path) -> int:
    with file.open("rb") as stream:
        stream.seek(_PAGE_SIZE_AT)
        size = int.from_bytes(stream.read(2), "big")
    return 65_536 if size == 1 else size


def _size(file: Path | None) -> int:
    return file.stat().st_size if file else 0
