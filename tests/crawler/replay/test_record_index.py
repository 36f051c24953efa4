"""Tests."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from broadsheet.crawler.replay.record_index import BROKEN, IndexedRecord, ScanError, record_time, scan_records
from broadsheet.crawler.replay.recorded_response import read_response
from broadsheet.output.raw.raw_exchange import RecordLocation
from tests.crawler.warcs import answer, arc_file_head, arc_record, record, wacz, write

URLS = [f"https://a.example/{name}" for name in ("one", "two", "three", "four")]


ONE_PIECE_ARC = b"".join((arc_file_head(), *(arc_record(url, b"HTTP/1.1 200 OK\r\n\r\nwords") for url in URLS)))


def records() -> list[bytes]:
    return [record(url, answer(f"<p>{url} " + "words " * 400)) for url in URLS]


def of(entries: list[IndexedRecord]) -> list[tuple[str, str]]:
    return [(entry.kind, entry.url.rpartition("/")[2]) for entry in entries]


@pytest.mark.parametrize("packed", [True, False])
def test_every_record_is_found_with_its_place(tmp_path: Path, packed: bool):
    info = record("", b"software: tests\r\n", kind="warcinfo", WARC_Target_URI="")
    request_record = record(URLS[0], b"GET /one HTTP/1.1\r\n\r\n", kind="request")
    file = write(tmp_path / "a.warc", [info, request_record, *records()], packed=packed)
    indexed = list(scan_records(file))
    assert of(indexed) == [
        ("warcinfo", ""), ("request", "one"), *(("response", name) for name in ("one", "two", "three", "four"))
    ]  # fmt: skip
    assert sum(entry.length for entry in indexed) == file.stat().st_size
    for entry in indexed[2:]:
        assert read_response(RecordLocation("a.warc", entry.offset, entry.length), tmp_path).url == entry.url
        assert (entry.status, entry.content_type, entry.at) == (
            200, "text/html; charset=utf-8", "2024-03-01T10:00:00+00:00"
        )  # fmt: skip


def test_a_wacz_file_holds_its_records_at_their_places_in_it(tmp_path: Path):
    file = wacz(tmp_path / "a.wacz", write(tmp_path / "a.warc.gz", records()))
    indexed = list(scan_records(file))
    assert [
        read_response(RecordLocation("a.wacz", entry.offset, entry.length), tmp_path).url for entry in indexed
    ] == URLS


def test_what_a_revisit_refers_to_is_known(tmp_path: Path):
    revisit = record(
        URLS[1], answer("", "304 Not Modified"), kind="revisit", WARC_Payload_Digest="sha1:ABC",
        WARC_Refers_To_Target_URI=URLS[0], WARC_Refers_To_Date="2024-02-01T10:00:00Z",
    )  # fmt: skip
    (entry,) = scan_records(write(tmp_path / "a.warc.gz", [revisit]))
    assert (entry.kind, entry.status, entry.digest) == ("revisit", 304, "sha1:ABC")
    assert (entry.refers_to, entry.refers_at) == (URLS[0], "2024-02-01T10:00:00+00:00")


def broken(tmp_path: Path, change) -> list[IndexedRecord]:
    packed = [gzip.compress(record_bytes, mtime=0) for record_bytes in records()]
    start = len(packed[0])
    data = bytearray(b"".join(packed))
    file = tmp_path / "a.warc.gz"
    file.write_bytes(change(data, start, start + len(packed[1])))
    return list(scan_records(file))


def test_a_member_whose_data_is_damaged_costs_itself(tmp_path: Path):
    def damage(data: bytearray, start: int, end: int) -> bytes:
        data[start + (end - start) * 3 // 4] ^= 0xFF
        return bytes(data)

    indexed = broken(tmp_path, damage)
    assert of(indexed) in (
        [("response", "one"), (BROKEN, "two"), ("response", "three"), ("response", "four")],
        [("response", name) for name in ("one", "two", "three", "four")],  # its head is in order: reading it will tell
    )


def test_a_member_without_its_beginning_costs_itself(tmp_path: Path):
    def damage(data: bytearray, start: int, end: int) -> bytes:
        data[start : start + 20] = bytes(20)
        return bytes(data)

    assert of(broken(tmp_path, damage)) == [
        ("response", "one"),
        (BROKEN, ""),
        ("response", "three"),
        ("response", "four"),
    ]


def test_a_file_that_breaks_off_gives_what_came_before(tmp_path: Path):
    indexed = broken(tmp_path, lambda data, start, end: bytes(data[: end - 30]))
    assert of(indexed) == [("response", "one"), ("response", "two")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"just some text\n" * 20, "holds no WARC or ARC records"),
        (gzip.compress(b"<html>a page</html>"), "holds no WARC or ARC records"),
        (gzip.compress(b"".join(records())), "compressed as one piece"),
        (gzip.compress(ONE_PIECE_ARC), "compressed as one piece"),
        (gzip.compress(ONE_PIECE_ARC.replace(b"text/plain ", b"text/plain 1")), "compressed as one piece"),
        (b"PK\x03\x04 not really", "cannot be read"),
    ],
    ids=["empty", "text", "packed page", "one piece", "one piece of ARC", "its length is wrong", "no zip"],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, data: bytes, message: str):
    file = tmp_path / "odd"
    file.write_bytes(data)
    with pytest.raises(ScanError, match=message) as caught:
        list(scan_records(file))
    assert "\n" not in str(caught.value)


def test_a_wacz_that_packs_its_warc_files_once_more_or_has_none_is_refused(tmp_path: Path):
    warc = write(tmp_path / "a.warc.gz", records())
    with pytest.raises(ScanError, match="unzip it first"):
        list(scan_records(wacz(tmp_path / "a.wacz", warc, packed=True)))
    with zipfile.ZipFile(tmp_path / "b.wacz", "w") as archive:
        archive.writestr("readme.txt", "none")
    with pytest.raises(ScanError, match="without WARC files"):
        list(scan_records(tmp_path / "b.wacz"))


@pytest.mark.parametrize(
    ("stated", "time"),
    [
        ("2016", "2016-12-31T23:59:59"),
        ("2016-02", "2016-02-29T23:59:59"),
        ("2016-01-19", "2016-01-19T23:59:59"),
        ("2016-01-19T10Z", "2016-01-19T10:59:59"),
        ("2016-01-19T10:20Z", "2016-01-19T10:20:59"),
        ("2016-01-19T10:20:30Z", "2016-01-19T10:20:30"),
        ("2016-01-19t10:20:30.123456789z", "2016-01-19T10:20:30"),
        ("2016-01-19 10:20:30", "2016-01-19T10:20:30"),
        ("2016-01-19T10:20:30+02:00", "2016-01-19T08:20:30"),
        ("2016-01-19T10:20:30-0330", "2016-01-19T13:50:30"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59"),
        ("20080401103005", "2008-04-01T10:30:05"),
        ("200804011030", "2008-04-01T10:30:59"),
        ("20080401", "2008-04-01T23:59:59"),
    ],
)
def test_a_date_however_short_gives_the_latest_time_that_it_allows(stated: str, time: str):
    assert record_time(stated) == f"{time}+00:00"


@pytest.mark.parametrize(
    "stated",
    ["", "-", "never", "2008-10-294T10:20:30Z", "2016-13", "2016-02-30", "2016-01-19T25:00:00Z", "0000", "0001",
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "10016-01-01T00:00:00Z", "9999", "1969-12-31",
     "2016-01-19T10:20:30+99:99", "٢٠١٦", "2016" * 100],
)  # fmt: skip
def test_what_is_no_date_of_a_response_is_none(stated: str):
    assert record_time(stated) == ""
    assert record_time(stated, "Tue, 19 Jan 2016 10:20:30 GMT") == "2016-01-19T10:20:30+00:00"


def test_the_date_header_speaks_where_the_record_leaves_room():
    header = "Tue, 19 Jan 2016 10:20:30 GMT"
    assert record_time("2016", header) == record_time("2016-01-19", header) == "2016-01-19T10:20:30+00:00"
    assert record_time("2015", header) == "2015-12-31T23:59:59+00:00"
    assert record_time("2016-01-19T10:20:29Z", header) == "2016-01-19T10:20:29+00:00"


@pytest.mark.parametrize("header", ["", "soon", "0", "Tue, 19 Jan 99999 10:20:30 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_date_header_that_is_none_says_nothing(header: str):
    assert record_time("", header) == ""
