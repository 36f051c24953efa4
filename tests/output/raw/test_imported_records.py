"""Records of other programs: what can be read of them, and which faults are said."""

import base64
import gzip
import hashlib
import os
from collections import deque

import pytest

from broadsheet.output.raw.imported_records import (
    DIGEST_MISMATCH,
    TRUNCATED,
    WRONG_LENGTH,
    ImportedRecordError,
    MemberError,
    RecordHead,
    ends_record,
    has_digest,
    packed_magic,
    parse_record_head,
    read_imported_record,
    split_http,
    unpack_member,
    zstd,
)
from tests.crawler.warcs import answer, arc_file_head, arc_record, digest, record

URL = "https://a.example/x"
BLOCK = answer("<p>" + "Words of a page. " * 40)
UNREADABLE = b"\x1f\x8b\x08" + bytes(7) + b"\x07" + bytes(99)  # a block of the reserved type
WHOLE, UNSIGNED = record(URL, BLOCK), record(URL, BLOCK, WARC_Block_Digest="")


def read(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    got = read_imported_record(data, 100_000)
    return got.block, got.faults


@pytest.mark.parametrize(
    ("data", "block", "faults"),
    [
        *((pack(data), BLOCK, ()) for pack in (bytes, gzip.compress)
          for data in (WHOLE, arc_record(URL, BLOCK), WHOLE + record(URL, b"the next one"))),
        (record(URL, BLOCK, WARC_Block_Digest=digest(b"other")), BLOCK, (DIGEST_MISMATCH,)),
        # a wrong checksum of a member, where a digest speaks for the block or none does
        (gzip.compress(WHOLE)[:-8] + bytes(8), BLOCK, ()),
        (gzip.compress(UNSIGNED)[:-8] + bytes(8), BLOCK, (DIGEST_MISMATCH,)),
        *((record(URL, BLOCK, Content_Length=length), BLOCK, (WRONG_LENGTH,))
          for length in ("", "-3", "10", "x", str(len(BLOCK) + 500))),
        (record(URL, BLOCK, WARC_Segment_Number="1"), BLOCK, (TRUNCATED,)),
        (WHOLE[:-100], BLOCK[:-96], (TRUNCATED,)),
    ],
)  # fmt: skip
def test_a_record_is_taken_as_far_as_it_goes_and_its_faults_are_said(data, block, faults):
    assert read(data) == (block, faults)


def test_of_a_packed_record_that_breaks_off_the_beginning_is_taken():
    block, faults = read(gzip.compress(WHOLE)[:-20])
    assert (BLOCK.startswith(block), len(block) > 50, faults) == (True, True, (TRUNCATED,))


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


@pytest.mark.parametrize(("length", "fits"), [(1000, True), (1001, False)])
def test_a_block_of_more_bytes_than_are_allowed_is_refused(length, fits):
    for data in (record(URL, bytes(length)), record(URL, b"short", Content_Length=str(length))):
        if fits:
            assert read_imported_record(data, 1000).head.length == length
        else:
            with pytest.raises(ImportedRecordError, match=r"^1,001 bytes$") as caught:
                read_imported_record(data, 1000)
            assert caught.value.is_too_large


@pytest.mark.parametrize(("most", "pieces"), [(917_503, 1), (917_504, 2)])
def test_no_more_is_unpacked_than_shows_that_a_block_is_too_large(most, pieces):
    """A piece has 1,048,576 bytes; 131,072 more than a block may have are left for its head and what follows."""
    whole = record(URL, bytes(3_000_000), Content_Length="")
    with pytest.raises(ImportedRecordError) as caught:
        read_imported_record(gzip.compress(whole, 1), most)
    assert str(caught.value) == f"{pieces * 1_048_576 - whole.index(bytes(9)):,} bytes"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"nothing", "no record begins here"),
        (b"", "no record begins here"),
        (UNREADABLE, "no record begins here"),
        (record(URL, BLOCK).partition(b"HTTP/")[0], "it breaks off before its block"),
    ],
)
def test_what_cannot_be_read_says_why(data, message):
    with pytest.raises(ImportedRecordError) as caught:
        read(data)
    assert (str(caught.value), caught.value.is_too_large) == (message, False)


def test_an_http_head_of_more_than_256_kib_has_no_body():
    head = b"HTTP/1.1 200 OK\r\nX: "
    fitting = head + b"x" * (256 * 1024 - len(head) - 4)
    assert split_http(fitting + b"\r\n\r\nbody") == (fitting, b"body")
    assert split_http(fitting + b"x\r\n\r\nbody") == (fitting + b"x\r\n\r", b"")


def test_the_payload_is_what_follows_the_http_head():
    assert read_imported_record(record(URL, answer("<p>x")), 1000).payload == b"<p>x"
    assert read_imported_record(record(URL, b"<p>x", kind="resource"), 1000).payload == b"<p>x"
    assert read_imported_record(arc_record(URL, b"<p>x"), 1000).payload == b"<p>x"


def test_digests_are_told_in_every_notation():
    data, other = b"some bytes", b"other bytes"
    notations = [digest(data), digest(data).lower(), f"sha1:{hashlib.sha1(data).hexdigest()}"]
    for name in ("sha256", "md5", "sha512", "SHA-256"):
        made = hashlib.new(name.lower().replace("-", ""), data)
        notations += [f"{name}:{made.hexdigest()}", f" {name}: {base64.b32encode(made.digest()).decode()} "]
        notations += [notations[-1].strip().rstrip("=")]
    for notation in notations:
        assert (has_digest(data, notation), has_digest(other, notation)) == (True, False), notation
    for notation in ("", "sha1:", "sha1:short", "crc32:00000000", "sha1:" + "!" * 32, "sha1:" + "zz" * 20):
        assert has_digest(data, notation) in (None, False)
    assert has_digest(data, "") is None


BODY = os.urandom(200_000) + b"words " * 400_000


def unpacked(data: bytes, start: int = 0, end: int | None = None) -> tuple[bytes, int | None]:
    pieces, out = unpack_member(data, start, end or len(data)), bytearray()
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
    for member, stop in ((pack(BODY)[:150_000], None), (pack(BODY), 150_000)):
        part, end = unpacked(member, 0, stop)
        assert end is None
        assert len(part) > 60_000
        assert BODY.startswith(part)
    small = pack(b"a small one")
    assert unpacked(small + small, 0, len(small) - 1)[1] is None


def test_a_damaged_member_gives_what_came_before_the_damage():
    member, out = bytearray(gzip.compress(BODY)), bytearray()
    member[-6] ^= 0xFF  # the checksum
    with pytest.raises(MemberError):
        deque(map(out.extend, unpack_member(bytes(member), 0, len(member))), 0)
    assert bytes(out) == BODY


class Noted(bytes):
    """Bytes that note how many were read at a time."""

    def __getitem__(self, place):
        read = super().__getitem__(place)
        self.__dict__.setdefault("sizes", []).append(len(read) if isinstance(read, bytes) else 1)
        return read


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_a_member_is_read_and_given_out_in_pieces(pack):
    member = Noted(pack(bytes(3_000_000)))
    sizes = [len(piece) for piece in unpack_member(member, 0, len(member))]
    assert (max(sizes), sum(sizes)) == (1_048_576, 3_000_000)
    member = Noted(pack(BODY))
    list(unpack_member(member, 0, len(member)))
    assert max(member.sizes) == 65_536


THE_BLOCK = record(URL, b"the block")


@pytest.mark.parametrize(
    ("data", "kind", "url"),
    [
        (THE_BLOCK, "response", URL),
        (THE_BLOCK.replace(b"\r\n", b"\n"), "response", URL),
        (THE_BLOCK.replace(b"WARC/1.0", b"warc/2.17 "), "response", URL),
        (THE_BLOCK.replace(b"WARC-Type: response", b"garbage\r\nwarc-type:Response"), "response", URL),
        (THE_BLOCK.replace(b"WARC-Type: response\r\n", b""), "unknown", URL),
        (THE_BLOCK.replace(b"WARC-Type: response", b"WARC-Type \t:  response \t"), "response", URL),
        (THE_BLOCK.replace(b"example/x", b"example/\xe4"), "response", "https://a.example/ä"),
        (THE_BLOCK.replace(b"example/x", "example/ä".encode()), "response", "https://a.example/ä"),
        (THE_BLOCK.replace(URL.encode(), b"<https://a.example/\r\n x>"), "response", "https://a.example/ x"),
        (THE_BLOCK.replace(b"WARC-Date", b"WARC-Target-URI: https://b.example/\r\nWARC-Date"), "response",
         "https://b.example/"),
    ],
    ids=["whole", "no CR", "version", "junk", "no type", "spaces", "latin", "utf-8", "folded", "first of two"],
)  # fmt: skip
def test_a_head_says_what_it_is_and_where_the_block_begins(data, kind, url):
    head = parse_record_head(data)
    assert (head.kind, head.url, head.length, head.is_arc) == (kind, url, 9, False)
    assert data[head.size :].startswith(b"the block")
    assert parse_record_head(data[:90]) is not None, "it may break off"


@pytest.mark.parametrize("length", ["", "-5", "many", "9" * 30])
def test_a_length_that_is_no_length_is_none(length):
    assert parse_record_head(record(URL, b"the block", Content_Length=length)).length is None


@pytest.mark.parametrize(
    "line",
    [
        "https://a.example/a b 192.0.2.1 20240301100000 text/html 7",
        "https://a.example/a b 192.0.2.1 20240301100000 text/html; charset=utf-8 7",
        "https://a.example/a b 192.0.2.1 20240301100000 text/html 200 ABC - 0 site.arc 7",
        "https://a.example/a b 2001:db8::1 never no-type 7",
        "https://a.example/a b - - text/html 7\r",
        "https://a.example/a b  192.0.2.1 20240301100000 text/html 7",
    ],
)
def test_an_arc_head_of_either_version_is_read(line):
    head = parse_record_head(f"{line}\nthe block".encode())
    assert (head.kind, head.url, head.length, head.is_arc) == ("response", "https://a.example/a b", 7, True)
    assert head.size == len(line) + 1


@pytest.mark.parametrize(("text", "length"), [("0", 0), ("1", 1), ("-1", None), ("9" * 18, 10**18 - 1)])
def test_an_arc_record_may_be_empty_or_of_no_known_length(text, length):
    line = f"https://a.example/a 192.0.2.1 20240301100000 text/html; charset=x {text}\n".encode()
    fields = {
        "warc-target-uri": "https://a.example/a", "warc-ip-address": "192.0.2.1", "warc-date": "20240301100000",
        "content-type": "text/html",
    }  # fmt: skip
    assert parse_record_head(line) == RecordHead("response", fields, len(line), length, is_arc=True)


@pytest.mark.parametrize("version", [1, 2])
def test_the_head_of_an_arc_file_is_no_answer(version):
    data = arc_file_head(version) + arc_record(URL, b"x")
    head = parse_record_head(data)
    assert head.kind == "warcinfo"
    assert data[head.size + (head.length or 0) :].startswith(b"\nhttps://")


@pytest.mark.parametrize(
    "data",
    [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"WARC/1.0 is a format\r\n", b"see https://a.example/ for 1 thing\n",
     b"https://a.example/ 192.0.2.1 20240301100000 text/html many\n"],
)  # fmt: skip
def test_other_bytes_are_no_head(data):
    assert parse_record_head(data) is None


def test_what_may_follow_a_record():
    head, arc = parse_record_head(record(URL, b"x")), parse_record_head(arc_record(URL, b"x"))
    assert all(ends_record(head, following) for following in (b"", b"\r\n\r\njunk", b"\n", record(URL, b"y")))
    assert not ends_record(head, b"more of the block")
    assert ends_record(arc, b"\nmore")
    assert not ends_record(head, b"\nmore")


def test_a_head_without_end_is_not_read_for_ever():
    head = parse_record_head(b"WARC/1.0\r\nA: " + b"x" * 655_360)
    assert head.size == 65_536
