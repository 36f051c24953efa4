from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from broadsheet.crawler.replay.record_index import BROKEN, IndexedRecord, ScanError, scan_records
from broadsheet.crawler.replay.recorded_response import read_response
from broadsheet.output.raw.capture import RecordLocation
from tests.crawler.warcs import answer, record, wacz, write

URLS = [f"https://a.example/{name}" for name in ("one", "two", "three", "four")]


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
        (b"PK\x03\x04 not really", "cannot be read"),
    ],
    ids=["empty", "text", "packed page", "one piece", "no zip"],
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
