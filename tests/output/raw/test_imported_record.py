from __future__ import annotations

import gzip
import hashlib

import pytest

from broadsheet.output.raw.imported_record import (
    DIGEST_MISMATCH,
    TRUNCATED,
    WRONG_LENGTH,
    ImportedRecordError,
    has_digest,
    read_imported_record,
)
from tests.crawler.warcs import answer, arc_record, digest, record

URL = "https://a.example/x"
BLOCK = answer("<p>" + "Words of a page. " * 40)


def read(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    got = read_imported_record(data, 100_000)
    return got.block, got.faults


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_a_sound_record_has_no_fault(pack):
    assert read(pack(record(URL, BLOCK))) == (BLOCK, ())
    assert read(pack(arc_record(URL, BLOCK))) == (BLOCK, ())
    assert read(pack(record(URL, BLOCK) + record(URL, b"the next one"))) == (BLOCK, ())


def test_a_wrong_digest_is_said():
    assert read(record(URL, BLOCK, WARC_Block_Digest=digest(b"other"))) == (BLOCK, (DIGEST_MISMATCH,))


def test_a_wrong_checksum_of_a_member_is_said_where_no_digest_speaks_for_the_block():
    def spoilt(data: bytes) -> bytes:
        return data[:-8] + bytes(8)

    assert read(spoilt(gzip.compress(record(URL, BLOCK)))) == (BLOCK, ())
    assert read(spoilt(gzip.compress(record(URL, BLOCK, WARC_Block_Digest="")))) == (BLOCK, (DIGEST_MISMATCH,))


@pytest.mark.parametrize("length", ["", "-3", "10", "x"])
def test_a_block_with_a_wrong_length_is_taken_whole(length: str):
    assert read(record(URL, BLOCK, Content_Length=length)) == (BLOCK, (WRONG_LENGTH,))


def test_a_block_that_is_whole_although_its_length_is_too_large_is_not_called_truncated():
    assert read(record(URL, BLOCK, Content_Length=str(len(BLOCK) + 500))) == (BLOCK, (WRONG_LENGTH,))


def test_a_clipped_block_is_taken_as_far_as_it_goes():
    whole = record(URL, BLOCK)
    assert read(whole[:-100]) == (BLOCK[:-96], (TRUNCATED,))
    block, faults = read(gzip.compress(whole)[:-20])
    assert (BLOCK.startswith(block), len(block) > 50, faults) == (True, True, (TRUNCATED,))


def test_a_segment_of_a_response_is_not_the_whole():
    assert read(record(URL, BLOCK, WARC_Segment_Number="1")) == (BLOCK, (TRUNCATED,))


def test_a_changed_byte_of_a_packed_record_is_never_taken_for_what_was_sent():
    packed = gzip.compress(record(URL, BLOCK))
    for position in range(len(packed)):
        damaged = bytearray(packed)
        damaged[position] ^= 0xFF
        try:
            block, faults = read(bytes(damaged))
        except ImportedRecordError:
            continue
        assert block == BLOCK or faults, position


@pytest.mark.slow
def test_what_cannot_be_read_at_all_is_refused():
    whole = record(URL, BLOCK)
    damaged = bytearray(gzip.compress(whole))
    damaged[10] |= 0b110  # a block of the reserved type, so that nothing can be unpacked
    for data in (b"", b"nothing", whole[: whole.index(b"HTTP/")], bytes(damaged)):
        with pytest.raises(ImportedRecordError) as caught:
            read(data)
        assert not caught.value.is_too_large
    for data in (record(URL, bytes(100_001)), gzip.compress(record(URL, bytes(10**8), Content_Length=""))):
        with pytest.raises(ImportedRecordError) as caught:
            read(data)
        assert caught.value.is_too_large


def test_the_payload_is_what_follows_the_http_head():
    assert read_imported_record(record(URL, answer("<p>x")), 1000).payload == b"<p>x"
    assert read_imported_record(record(URL, b"<p>x", kind="resource"), 1000).payload == b"<p>x"
    assert read_imported_record(arc_record(URL, b"<p>x"), 1000).payload == b"<p>x"


def test_digests_are_told_in_every_notation():
    data, other = b"some bytes", b"other bytes"
    notations = [digest(data), digest(data).lower(), f"sha1:{hashlib.sha1(data).hexdigest()}"]
    notations += [f"{name}:{hashlib.new(name, data).hexdigest()}" for name in ("sha256", "md5", "sha512")]
    for notation in notations:
        assert (has_digest(data, notation), has_digest(other, notation)) == (True, False), notation
    for notation in ("", "sha1:", "sha1:short", "crc32:00000000", "sha1:" + "!" * 32, "sha1:" + "zz" * 20):
        assert has_digest(data, notation) in (None, False)
    assert has_digest(data, "") is None
