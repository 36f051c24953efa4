"""A member of a packed WARC or ARC file, gzip or Zstandard, unpacked piece by piece as far as it can be."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Generator, Iterator
from mmap import mmap

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_CHUNK_BYTES = 64 * 1024  # packed bytes read at a time
_PIECE_BYTES = 1024 * 1024  # unpacked bytes given out at a time
_GZIP_WINDOW_BITS = 31

PieceGenerator = Generator[bytes, None, int | None]
"""Yields unpacked pieces; returns the position behind the member, None if the data ends before it does."""


class MemberError(Exception):
    """A member whose data is damaged; what came before the damage was yielded."""


def packed_magic(data: bytes) -> bytes:
    """The magic bytes that packed data begins with; empty for data that is not packed."""
    return next((magic for magic in (GZIP_MAGIC, ZSTD_MAGIC) if data.startswith(magic)), b"")


def unpack_member(data: bytes | mmap, start: int, end: int) -> PieceGenerator:
    """Unpack the member that begins at `start` and ends at `end` at the latest. MemberError where it is damaged."""
    is_zstd = data[start : start + len(ZSTD_MAGIC)] == ZSTD_MAGIC
    return _unpack_zstd(data, start, end) if is_zstd else _unpack_gzip(data, start, end)


def _unpack_gzip(data: bytes | mmap, start: int, end: int) -> PieceGenerator:
    stream = zlib.decompressobj(_GZIP_WINDOW_BITS)
    for chunk_start in range(start, end, _CHUNK_BYTES):
        chunk = data[chunk_start : min(chunk_start + _CHUNK_BYTES, end)]
        chunk_end = chunk_start + len(chunk)
        is_pending = True
        while is_pending and not stream.eof:
            stream_before = stream.copy()
            try:
                piece = stream.decompress(chunk, _PIECE_BYTES)
            except zlib.error as error:
                yield b"".join(_bytes_before_damage(stream_before, chunk))
                raise MemberError(str(error)) from error
            yield piece
            chunk = stream.unconsumed_tail
            is_pending = bool(chunk) or len(piece) == _PIECE_BYTES
        if stream.eof:
            return chunk_end - len(stream.unused_data)
    return None


def _bytes_before_damage(stream: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    """What a chunk gives, packed byte by packed byte, up to the one at which it cannot be unpacked."""
    for position in range(len(chunk)):
        try:
            yield stream.decompress(chunk[position : position + 1])
        except zlib.error:
            return


def _unpack_zstd(data: bytes | mmap, start: int, end: int) -> PieceGenerator:
    stream = zstd.ZstdDecompressor()
    for chunk_start in range(start, end, _CHUNK_BYTES):
        chunk = data[chunk_start : min(chunk_start + _CHUNK_BYTES, end)]
        chunk_end = chunk_start + len(chunk)
        is_pending = True
        while is_pending and not stream.eof:
            try:
                yield stream.decompress(chunk, _PIECE_BYTES)
            except zstd.ZstdError as error:
                raise MemberError(str(error)) from error
            chunk, is_pending = b"", not stream.needs_input
        if stream.eof:
            return chunk_end - len(stream.unused_data)
    return None
