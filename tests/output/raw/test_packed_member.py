from __future__ import annotations

import gzip
import os
import zlib
from contextlib import suppress

import pytest

from broadsheet.output.raw import packed_member
from broadsheet.output.raw.packed_member import MemberError, packed_magic, unpack_member, zstd

BODY = os.urandom(200_000) + b"words " * 400_000


def unpacked(data: bytes, start: int = 0) -> tuple[bytes, int | None]:
    pieces, out = unpack_member(data, start, len(data)), bytearray()
    while True:
        try:
            out += next(pieces)
        except StopIteration as stop:
            return bytes(out), stop.value


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_a_member_is_unpacked_and_its_end_known(pack):
    member = pack(BODY)
    assert unpacked(b"before" + member + b"behind", 6) == (BODY, 6 + len(member))
    assert packed_magic(member) == member[: len(packed_magic(member))] != b""
    assert packed_magic(b"WARC/1.0") == b""


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_a_member_without_end_gives_what_there_is(pack):
    part, end = unpacked(pack(BODY)[:150_000])
    assert end is None
    assert len(part) > 60_000
    assert BODY.startswith(part)


def test_a_damaged_member_gives_what_came_before_the_damage():
    member = bytearray(gzip.compress(BODY))
    member[-6] ^= 0xFF  # the checksum
    with pytest.raises(MemberError):
        list(unpack_member(bytes(member), 0, len(member)))
    out = bytearray()
    with suppress(MemberError):
        for piece in unpack_member(bytes(member), 0, len(member)):
            out += piece
    assert bytes(out) == BODY


def test_a_piece_is_bounded_whatever_it_was_packed_from(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packed_member, "_PIECE_BYTES", 1000)
    member = gzip.compress(bytes(100_000))
    sizes = [len(piece) for piece in unpack_member(member, 0, len(member))]
    assert (max(sizes), sum(sizes)) == (1000, 100_000)
    assert zlib.decompress(member, 31) == bytes(100_000)
