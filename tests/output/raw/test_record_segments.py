import gzip
import mmap
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from isal import igzip

from broadsheet.crawler.replay.record_index import ScanError, scan_records
from broadsheet.output.raw import record_segments
from broadsheet.output.raw.imported_records import parse_record_head, zstd
from broadsheet.output.raw.record_segments import RecordSegment
from tests.crawler.warcs import answer, arc_file_head, arc_record, record

NAMES = ("one", "two", "three", "four")
Pack = Callable[[bytes], bytes]
PACKS: dict[str, Pack] = {"plain": bytes, "gzip": lambda data: gzip.compress(data, mtime=0), "zstd": zstd.compress}


def block(name: str) -> bytes:
    return answer(f"<p>{name} " + "words " * 400)


def warc(name: str) -> bytes:
    return record(f"https://a.example/{name}", block(name))


def arc(name: str) -> bytes:
    return arc_record(f"https://a.example/{name}", block(name))


BEFORE, AFTER = warc("before"), b"more of the last record " * 30 + warc("after")


def records_of(path: Path, parts: Sequence[bytes]) -> list[str]:
    """The last step of each record's URL, `?` where none can be read; only padding is between two records.

    What stands in the file before and after the segment counts nothing.
    """
    start, end = len(BEFORE), len(BEFORE) + sum(map(len, parts))
    path.write_bytes(b"".join((BEFORE, *parts, AFTER)))
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        spans = list(RecordSegment(data, start, end).spans())
        for span, following in zip(spans, [*spans[1:], None], strict=True):
            next_offset = following.offset if following else end
            assert not data[span.offset + span.length : next_offset].strip(b"\0\r\n")
    heads = [parse_record_head(span.beginning) for span in spans]
    return [head.url.rpartition("/")[2] if head else "?" for head in heads]


@pytest.fixture(params=PACKS)
def pack(request):
    return PACKS[request.param]


@pytest.mark.parametrize("make", [warc, arc])
def test_every_record_is_found(tmp_path, pack, make):
    assert records_of(tmp_path / "x", [pack(make(name)) for name in NAMES]) == list(NAMES)


@pytest.mark.parametrize("make", [warc, arc])
@pytest.mark.parametrize("bad", range(4))
def test_a_record_that_states_a_wrong_length_costs_no_other(tmp_path, pack, make, bad):
    for length in (b"7", b"70000", b"99999999999999999999"):
        parts = [make(name) for name in NAMES]
        right_length = str(len(block(NAMES[bad]))).encode()
        head, separator, rest = parts[bad].partition(right_length)
        parts[bad] = head + length + rest
        expected = list(NAMES)
        if make is arc and len(length) > 18:
            expected[bad] = "?"  # no head at all
        assert separator
        assert records_of(tmp_path / "x", [pack(part) for part in parts]) == expected


@pytest.mark.parametrize("make", [warc, arc])
@pytest.mark.parametrize("bad", range(4))
def test_a_record_that_breaks_off_in_the_middle_of_a_file_costs_no_other(tmp_path, pack, make, bad):
    parts = [pack(make(name)) for name in NAMES]
    parts[bad] = parts[bad][:-9]
    if pack is PACKS["plain"]:
        parts[bad] += b"\n"
    names = records_of(tmp_path / "x", parts)
    if pack is PACKS["zstd"]:  # it packs by blocks: of a frame that breaks off nothing may come out
        names[bad] = NAMES[bad]
    assert names == list(NAMES)


@pytest.mark.parametrize("make", [warc, arc])
@pytest.mark.parametrize("bad", range(4))
def test_a_record_without_its_beginning_costs_no_other(tmp_path, make, bad):
    for pack in (PACKS["plain"], PACKS["gzip"]):
        parts = [pack(make(name)) for name in NAMES]
        parts[bad] = b"\x01" * 20 + parts[bad][20:]
        if bad == 0 and pack is not PACKS["plain"]:
            parts.insert(0, pack(make("zero")))  # by its first bytes a file is taken for packed
        names = records_of(tmp_path / "x", parts)
        assert [name for name in names if name not in ("?", "zero")] == [name for name in NAMES if name != NAMES[bad]]
        assert names.count("?") == 1


def test_padding_between_records_is_no_record(tmp_path, pack):
    parts = [pack(warc(name)) + bytes(37) for name in NAMES[:3]]
    assert records_of(tmp_path / "x", [*parts, pack(warc("four"))]) == list(NAMES)


EMPTY = [
    gzip.compress(b"", 6, mtime=0), gzip.compress(b"", 0), gzip.compress(b"", mtime=123456789), igzip.compress(b""),
    *(bytes([31, 139, 8, flags, *bytes(6), *field, 3, *bytes(9)]) for flags, field in (
        (8, b"a.html\0"), (4, b"\6\0BC\2\0\x1b\0"), (31, b"\1\0xname\0why\0\x7f\x7f"), (2, b"\1\2"))),
    zstd.compress(b""), zstd.compress(b"", options={zstd.CompressionParameter.checksum_flag: 1}),
    (stream := zstd.ZstdCompressor()).compress(b"") + stream.flush(),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(EMPTY)))
def test_members_with_nothing_in_them_are_no_records_and_are_not_read_one_by_one(tmp_path, monkeypatch, number):
    pack = PACKS["gzip" if EMPTY[number].startswith(b"\x1f") else "zstd"]
    parts = [EMPTY[number] * 100_000, pack(warc("one")), EMPTY[number] * 100_000, pack(warc("two"))]
    unpacked = []
    unpack = record_segments.unpack_member
    monkeypatch.setattr(record_segments, "unpack_member", lambda *args: unpacked.append(args) or unpack(*args))
    (tmp_path / "x").write_bytes(b"".join(parts))
    assert [found.url.rpartition("/")[2] for found in scan_records(tmp_path / "x")] == ["one", "two"]
    assert len(unpacked) < 20
    (tmp_path / "none").write_bytes(EMPTY[number] * 100_000)
    with pytest.raises(ScanError, match="holds no WARC or ARC records"):
        list(scan_records(tmp_path / "none"))


def test_records_in_a_block_are_no_records(tmp_path):
    nested = record("https://a.example/outer", answer(b"\n" + warc("inner") + arc("inner")))
    assert records_of(tmp_path / "x", [warc("one"), nested, warc("two")]) == ["one", "outer", "two"]


def test_records_that_share_a_member_are_all_found_and_said_to(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(warc("one") + warc("two") + warc("three")) + gzip.compress(warc("four")))
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        segment = RecordSegment(data, 0, len(data))
        assert [span.is_unaddressable for span in segment.spans()] == [False, True, True, False]
        assert not segment.is_one_member()


@pytest.mark.parametrize("version", [1, 2])
def test_an_arc_file_begins_with_a_record_of_its_own(tmp_path, pack, version):
    parts = [arc_file_head(version), *map(arc, NAMES)]
    assert records_of(tmp_path / "x", [pack(part) for part in parts]) == ["site.arc", *NAMES]


def test_a_file_without_records_has_none(tmp_path):
    for content in (b"just text\n" * 99, gzip.compress(b"a page"), b"\x1f\x8b\x08"):
        path = tmp_path / "x"
        path.write_bytes(content)
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            assert not RecordSegment(data, 0, len(data)).has_records()
