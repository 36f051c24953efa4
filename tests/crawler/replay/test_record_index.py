"""Records of a file in its order, whatever is broken in it, each with its place, its time and what it is."""

from __future__ import annotations

import gzip
import os
import zipfile
from dataclasses import replace
from itertools import accumulate

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
def test_every_record_is_found_with_its_place(tmp_path, packed):
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
            200, "text/html; charset=utf-8", "2024-03-01T10:00:00Z"
        )  # fmt: skip


def test_a_wacz_file_holds_its_records_at_their_places_in_it(tmp_path):
    file = wacz(tmp_path / "a.wacz", write(tmp_path / "a.warc.gz", records()))
    places = [RecordLocation("a.wacz", entry.offset, entry.length) for entry in scan_records(file)]
    assert [read_response(place, tmp_path).url for place in places] == URLS


ALL = [("response", name) for name in ("one", "two", "three", "four")]


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        # Where the head is in order, reading the record will tell.
        (lambda data, start, at: data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :],
         (ALL, [ALL[0], (BROKEN, "two"), *ALL[2:]])),
        (lambda data, start, at: data[:start] + bytes(20) + data[start + 20 :], ([ALL[0], (BROKEN, ""), *ALL[2:]],)),
        (lambda data, start, at: data[:at], (ALL[:2],)),
    ],
    ids=["its data", "its beginning", "the file breaks off"],
)  # fmt: skip
def test_a_member_that_is_damaged_costs_itself(tmp_path, damage, expected):
    packed = [gzip.compress(record_bytes, mtime=0) for record_bytes in records()]
    start = len(packed[0])
    (tmp_path / "a.warc.gz").write_bytes(damage(b"".join(packed), start, start + len(packed[1]) * 3 // 4))
    assert of(list(scan_records(tmp_path / "a.warc.gz"))) in expected


SITE = "https://a.example"

KINDS = [
    (record(f"{SITE}/css", answer("x", content_type="text/css"), "2024-03-01T10:00:00+02:00"),
     IndexedRecord(0, 0, "response", f"{SITE}/css", "2024-03-01T08:00:00Z", 200, "text/css")),
    (record(f"{SITE}/gone", answer("x", "404 Gone", date="Fri, 01 Mar 2024 07:00:00 GMT"), ""),
     IndexedRecord(0, 0, "response", f"{SITE}/gone", "2024-03-01T07:00:00Z", 404, "text/html; charset=utf-8")),
    (record(f"{SITE}/two", b"HTTP/1.1 200 OK\r\nA: 1\r\nContent-Type: text/a\r\nContent-Type: text/b\r\n\r\nx", ""),
     IndexedRecord(0, 0, "response", f"{SITE}/two", "2024-03-01T07:00:00Z", 200, "text/a")),
    (record(f"{SITE}/bad", b"no status line", WARC_Payload_Digest="sha1:BAD"),
     IndexedRecord(0, 0, "response", f"{SITE}/bad", "2024-03-01T10:00:00Z", 0, "", "sha1:BAD")),
    (record(f"{SITE}/again", answer("", "304 Not Modified", content_type=""), kind="revisit",
            WARC_Payload_Digest="sha1:ABC", WARC_Refers_To_Target_URI=f" <{SITE}/css> ",
            WARC_Refers_To_Date="2024-02-01"),
     IndexedRecord(0, 0, "revisit", f"{SITE}/again", "2024-03-01T10:00:00Z", 304, "", "sha1:ABC", f"{SITE}/css",
                   "2024-02-01T23:59:59Z")),
    (record(f"{SITE}/body", b"%PDF", kind="resource", Content_Type="application/pdf"),
     IndexedRecord(0, 0, "resource", f"{SITE}/body", "2024-03-01T10:00:00Z", 200, "application/pdf")),
    (record(f"urn:text:{SITE}/page", b"text", kind="resource", Content_Type="text/plain"),
     IndexedRecord(0, 0, "rendered", f"{SITE}/page", "2024-03-01T10:00:00Z", 200, "text/plain")),
    (record(f"{SITE}/css", b"GET", kind="request"),
     IndexedRecord(0, 0, "request", f"{SITE}/css", "2024-03-01T10:00:00Z")),
]  # fmt: skip
"""Records, and what an index says of each; one without a time has that of the one before it."""


def test_all_that_is_known_of_each_kind_of_record(tmp_path):
    indexed = list(scan_records(write(tmp_path / "a.warc", [data for data, _ in KINDS], packed=False)))
    assert [replace(entry, offset=0, length=0) for entry in indexed] == [entry for _, entry in KINDS]
    lengths = [len(data) for data, _ in KINDS]
    assert [(entry.offset, entry.length) for entry in indexed] == list(
        zip(accumulate([0, *lengths]), lengths, strict=False)
    )


@pytest.mark.parametrize(
    ("page", "is_of_it"),
    [
        ((f"{SITE}/page", answer("x")), True),
        ((f"{SITE}/page", answer("x", content_type="Text/HTML")), True),
        ((f"{SITE}/page", answer("x", "404 Gone")), False),
        ((f"{SITE}/page", answer("x", content_type="text/plain")), False),
        (("file:///page", answer("x")), False),
    ],
)
def test_a_snapshot_is_of_the_first_page_of_its_file(tmp_path, page, is_of_it):
    records = [
        record(*page),
        record(f"{SITE}/next", answer("x", "500 No")),
        record("file:///dom-snapshot.html", answer("x")),
    ]
    entry = list(scan_records(write(tmp_path / "a.warc.gz", records)))[-1]
    assert (entry.kind, entry.url) == (("rendered", page[0]) if is_of_it else ("response", "file:///dom-snapshot.html"))


def test_records_before_any_time_have_that_of_their_file(tmp_path):
    file = write(tmp_path / "a.warc.gz", [record(URLS[0], answer("x"), ""), record(URLS[1], answer("x"))])
    os.utime(file, (1_700_000_000, 1_700_000_000))
    assert [entry.at for entry in scan_records(file)] == ["2023-11-14T22:13:20Z", "2024-03-01T10:00:00Z"]


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
def test_other_files_are_refused_in_one_line(tmp_path, data, message):
    file = tmp_path / "odd"
    file.write_bytes(data)
    with pytest.raises(ScanError, match=message) as caught:
        list(scan_records(file))
    assert "\n" not in str(caught.value)


def test_a_wacz_that_packs_its_warc_files_once_more_or_has_none_is_refused(tmp_path):
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
        ("2016", "2016-12-31T23:59:59"), ("2016-02", "2016-02-29T23:59:59"), ("2016-01-19", "2016-01-19T23:59:59"),
        ("2016-01-19T10Z", "2016-01-19T10:59:59"), ("2016-01-19T10:20Z", "2016-01-19T10:20:59"),
        ("2016-01-19T10:20:30Z", "2016-01-19T10:20:30"), ("2016-01-19t10:20:30.123456789z", "2016-01-19T10:20:30"),
        ("2016-01-19 10:20:30", "2016-01-19T10:20:30"), ("2016-01-19T10:20:30+02:00", "2016-01-19T08:20:30"),
        ("2016-01-19T10:20:30-0330", "2016-01-19T13:50:30"), ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59"),
        ("20080401103005", "2008-04-01T10:30:05"), ("200804011030", "2008-04-01T10:30:59"),
        ("20080401", "2008-04-01T23:59:59"), ("1990-01-01T00:00:00Z", "1990-01-01T00:00:00"),
        ("2099-12-31T23:59:59Z", "2099-12-31T23:59:59"),
        ("2016-01-19T10:20:30.5" + "0" * 42 + "Z", "2016-01-19T10:20:30"),
    ],
)  # fmt: skip
def test_a_date_however_short_gives_the_latest_time_that_it_allows(stated, time):
    assert record_time(stated) == f"{time}Z"


HEADER = "Tue, 19 Jan 2016 10:20:30 GMT"


@pytest.mark.parametrize(
    "stated",
    ["", "-", "never", "2008-10-294T10:20:30Z", "2016-13", "2016-02-30", "2016-01-19T25:00:00Z", "0000", "0001",
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "10016-01-01T00:00:00Z", "9999", "1969-12-31",
     "1989-12-31T23:59:59Z", "2100-01-01T00:00:00Z",
     "2016-01-19T10:20:30.5" + "0" * 43 + "Z",
     "2016-01-19T10:20:30+99:99", "٢٠١٦", "2016" * 100],
)  # fmt: skip
def test_what_is_no_date_of_a_response_is_none(stated):
    assert record_time(stated) == ""
    assert record_time(stated, "Tue, 19 Jan 2016 10:20:30 GMT") == "2016-01-19T10:20:30Z"


@pytest.mark.parametrize(
    ("stated", "header", "time"),
    [
        ("2016", HEADER, "2016-01-19T10:20:30"), ("2016-01-19", HEADER, "2016-01-19T10:20:30"),
        ("2015", HEADER, "2015-12-31T23:59:59"), ("2016-01-19T10:20:29Z", HEADER, "2016-01-19T10:20:29"),
        ("2016", "Fri, 01 Jan 2016 00:00:00 GMT", "2016-01-01T00:00:00"),
        ("2016", "Sat, 31 Dec 2016 23:59:59 -0000", "2016-12-31T23:59:59"),
        ("2016", "Sun, 01 Jan 2017 01:59:59 +0200", "2016-12-31T23:59:59"),
        ("2016", "Sun, 01 Jan 2017 00:00:00 GMT", "2016-12-31T23:59:59"),
    ],
)  # fmt: skip
def test_the_date_header_speaks_where_the_record_leaves_room(stated, header, time):
    assert record_time(stated, header) == f"{time}Z"


@pytest.mark.parametrize("header", ["", "soon", "0", "Tue, 19 Jan 99999 10:20:30 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_date_header_that_is_none_says_nothing(header):
    assert record_time("", header) == ""
