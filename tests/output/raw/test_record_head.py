from __future__ import annotations

import pytest

from broadsheet.output.raw.record_head import HEAD_BYTES, ends_record, parse_record_head
from tests.crawler.warcs import arc_file_head, arc_record, record

URL = "https://a.example/x"


def test_a_head_says_where_the_block_begins_and_how_long_it_is():
    data = record(URL, b"the block")
    head = parse_record_head(data)
    assert head is not None
    assert (head.kind, head.url, head.length, head.is_arc) == ("response", URL, 9, False)
    assert data[head.size :].startswith(b"the block")


@pytest.mark.parametrize(
    ("old", "new", "kind", "url"),
    [
        (b"\r\n", b"\n", "response", URL),
        (b"WARC/1.0", b"warc/2.17 ", "response", URL),
        (b"WARC-Type: response", b"garbage\r\nwarc-type:Response", "response", URL),
        (b"WARC-Type: response\r\n", b"", "unknown", URL),
        (b"example/x", b"example/\xe4", "response", "https://a.example/ä"),
        (b"example/x", "example/ä".encode(), "response", "https://a.example/ä"),
        (b"https://a.example/x", b"<https://a.example/\r\n x>", "response", "https://a.example/ x"),
    ],
    ids=["no CR", "version", "junk line", "no type", "latin", "utf-8", "folded"],
)
def test_an_odd_head_is_read(old: bytes, new: bytes, kind: str, url: str):
    head = parse_record_head(record(URL, b"the block").replace(old, new))
    assert head is not None
    assert (head.kind, head.url, head.length) == (kind, url, 9)


@pytest.mark.parametrize("length", ["", "-5", "many", "9" * 30])
def test_a_length_that_is_no_length_is_none(length: str):
    head = parse_record_head(record(URL, b"the block", Content_Length=length))
    assert head is not None
    assert head.length is None


def test_the_first_of_two_fields_counts_and_a_head_may_break_off():
    data = record(URL, b"x").replace(b"WARC-Date", b"WARC-Target-URI: https://b.example/\r\nWARC-Date")
    head = parse_record_head(data)
    assert head is not None
    assert (head.url, parse_record_head(data[:90]) is not None) == ("https://b.example/", True)


@pytest.mark.parametrize(
    "line",
    [
        "https://a.example/a b 192.0.2.1 20240301100000 text/html 7",
        "https://a.example/a b 192.0.2.1 20240301100000 text/html; charset=utf-8 7",
        "https://a.example/a b 192.0.2.1 20240301100000 text/html 200 ABC - 0 site.arc 7",
        "https://a.example/a b 2001:db8::1 never no-type 7",
        "https://a.example/a b - - text/html 7\r",
    ],
)
def test_an_arc_head_of_either_version_is_read(line: str):
    head = parse_record_head(f"{line}\nthe block".encode())
    assert head is not None
    assert (head.kind, head.url, head.length, head.is_arc) == ("response", "https://a.example/a b", 7, True)
    assert head.size == len(line) + 1


@pytest.mark.parametrize(("text", "length"), [("0", 0), ("1", 1)])
def test_an_arc_record_may_be_empty(text: str, length: int):
    head = parse_record_head(f"https://a.example/a 192.0.2.1 20240301100000 text/html {text}\n".encode())
    assert head is not None
    assert head.length == length


@pytest.mark.parametrize("version", [1, 2])
def test_the_head_of_an_arc_file_is_no_answer(version: int):
    data = arc_file_head(version) + arc_record(URL, b"x")
    head = parse_record_head(data)
    assert head is not None
    assert head.kind == "warcinfo"
    assert data[head.size + (head.length or 0) :].startswith(b"\nhttps://")


@pytest.mark.parametrize(
    "data",
    [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"WARC/1.0 is a format\r\n", b"see https://a.example/ for 1 thing\n",
     b"https://a.example/ 192.0.2.1 20240301100000 text/html many\n"],
)  # fmt: skip
def test_other_bytes_are_no_head(data: bytes):
    assert parse_record_head(data) is None


def test_what_may_follow_a_record():
    head, arc = parse_record_head(record(URL, b"x")), parse_record_head(arc_record(URL, b"x"))
    assert head is not None
    assert arc is not None
    assert all(ends_record(head, following) for following in (b"", b"\r\n\r\njunk", b"\n", record(URL, b"y")))
    assert not ends_record(head, b"more of the block")
    assert ends_record(arc, b"\nmore")
    assert not ends_record(head, b"\nmore")


def test_a_head_without_end_is_not_read_for_ever():
    head = parse_record_head(b"WARC/1.0\r\nA: " + b"x" * 10 * HEAD_BYTES)
    assert head is not None
    assert head.size == HEAD_BYTES
