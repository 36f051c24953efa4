"""What is read back from WARC files: bodies without their transfer coding, and records that are not there."""

import re
import tracemalloc

import pytest

from broadsheet.output.raw import warc_reader
from broadsheet.output.raw.imported_records import DIGEST_MISMATCH
from broadsheet.output.raw.raw_exchange import RawExchange, warc_digest
from broadsheet.output.raw.warc_reader import (
    RecordError,
    WarcRecord,
    dechunked_body,
    iter_records,
    parse_record,
    read_response,
    read_span,
)
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.warcs import arc_record

RECORD = (
    b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.test/\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
    b"WARC-Record-ID: <urn:uuid:11111111-1111-1111-1111-111111111111>\r\n"
    b"Content-Type: application/http;msgtype=response\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
)
ANSWER = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nbody"


def record_bytes(block: bytes = ANSWER) -> bytes:
    return RECORD % (len(block), block)


def exchange(body: bytes, coding: str = "chunked") -> RawExchange:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: {coding}\r\n\r\n"
    return RawExchange(b"", head.encode(), body)


LONG_CHUNK = b"x" * 0x1AF


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world"),
        (b"1aF\r\n%s\r\n1\r\n.\r\n0\r\n\r\n" % LONG_CHUNK, LONG_CHUNK + b"."),
        (b"5;name=value\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n", b"hello"),
        (b"05  \r\nhello\r\n000\r\n\r\n", b"hello"),
        (b"7\r\n5\r\nab\r\n\r\n0\r\n\r\n", b"5\r\nab\r\n"),
        (b"0\r\n\r\n", b""),
        (b"", b""),
        (b"5\r\nhello\r\n6\r\n wo", b"hello wo"),
        (b"5\r\nhello\r\n", b"hello"),
        (b"5\r\nhello\r\n0\r\n5\r\nafter\r\n", b"hello"),
        (b"5\r\nhello\r\nno length\r\n", b"hello"),
    ],
    ids=["two chunks", "a length in hex", "an extension and a trailer", "zeros and spaces", "what looks like a length",
         "none", "nothing", "cut within a chunk", "cut after a chunk", "more after the last", "a length that is none"],
)  # fmt: skip
def test_a_chunked_body_is_put_together(body, content):
    assert dechunked_body(exchange(body)) == content
    assert dechunked_body(exchange(body, "gzip, Chunked")) == content


def test_a_body_that_is_not_chunked_is_as_it_came():
    body = b"5\r\nhello\r\n0\r\n\r\n"
    assert dechunked_body(exchange(body, "identity")) == body


def test_a_record_is_split_into_head_and_body_at_its_first_empty_line():
    assert parse_record(record_bytes(), "x").head_and_body == (ANSWER[:-4], b"body")
    for block, parts in [
        (b"HTTP/1.1 200 OK\n\nbody\r\n\r\nmore", (b"HTTP/1.1 200 OK\n\n", b"body\r\n\r\nmore")),
        (b"no empty line", (b"no empty line", b"")),
    ]:
        assert WarcRecord("response", {}, block).head_and_body == parts


def test_a_record_knows_its_url_and_another_has_none():
    assert parse_record(record_bytes(), "x").url == "http://a.test/"
    assert WarcRecord("warcinfo", {}, b"").url == ""


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "x at 7: no record there"), (record_bytes()[:-8], "x at 7: the record is cut short")],
    ids=["nothing", "less than its length"],
)  # fmt: skip
def test_what_is_no_record_is_said_with_its_place(data, message):
    with pytest.raises(RecordError, match=f"^{message}$"):
        parse_record(data, "x at 7")


def test_several_records_are_read_one_after_the_other_up_to_a_limit():
    data = b"".join(record_bytes(b"HTTP/1.1 200 OK\r\n\r\n%d" % number) for number in range(3))
    records = list(iter_records(data, "x"))
    assert [record.head_and_body[1] for _, record in records] == [b"0", b"1", b"2"]
    assert [offset for offset, _ in records] == [number * len(data) // 3 for number in range(3)]
    assert len(list(iter_records(data, "x", limit=2))) == 2
    assert len(list(iter_records(record_bytes(b"") * 1001, "x"))) == 1000


@pytest.mark.parametrize(("offset", "length"), [(0, 10), (10, 0), (9, 1)])
def test_a_span_begins_and_ends_inside_the_file(tmp_path, offset, length):
    (tmp_path / "a.warc").write_bytes(b"0123456789")
    assert read_span(tmp_path, "a.warc", offset, length) == b"0123456789"[offset : offset + length]


@pytest.mark.parametrize(
    ("offset", "length"),
    [(2, 9), (11, 0), (-1, 1), (0, 11), (5, -1), ("5", 1), (0, b"1"), (0, 1 << 60), (1 << 70, 1)],
)
def test_a_span_that_no_file_has_is_said_with_its_place_and_asks_for_no_memory(tmp_path, offset, length):
    (tmp_path / "a.warc").write_bytes(b"0123456789")
    tracemalloc.start()
    try:
        with pytest.raises(RecordError, match=f"^a.warc at {offset}: "):
            read_span(tmp_path, "a.warc", offset, length)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_cannot_be_read_is_said_with_its_place(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/letters.txt").touch()
    (tmp_path / "a.db.merged.warc").symlink_to("other")
    for name, shown, message in (
        ("b.warc", "b.warc", "No such file"), (".warc/d", "a.db.warc/d", "No such file"),
        (".merged.warc/letters.txt", "a.db.merged.warc/letters.txt", "in a folder that is a link"),
    ):  # fmt: skip
        with pytest.raises(RecordError, match=f"^{re.escape(shown)} at 0: {message}"):
            read_span(tmp_path / "a.db", name, 0, 1)


def test_a_long_record_of_an_arc_file_is_read_whole(tmp_path):
    """As one that was imported, which stays where it is."""
    body = b"0123456789" * 300_000
    data = arc_record("http://a.test/", b"HTTP/1.1 200 OK\r\n\r\n" + body)
    (tmp_path / "old.arc").write_bytes(data)
    with Archive.open(tmp_path / "a.db") as archive:
        archive.db.execute(
            """INSERT INTO captures (id, url, fetched_at, final_url, content_type, payload_digest, payload_length,
                warc_file, warc_offset, warc_length) VALUES (1, 'u', '', 'u', '', ?, 0, 'old.arc', 0, ?)""",
            [warc_digest(body), len(data)],
        )
        exchange_read = read_response(archive.db, tmp_path, 1)
        (tmp_path / "old.arc").write_bytes(b"no record at all " * 200_000)
        with pytest.raises(RecordError, match=r"^old\.arc at 0: the record cannot be read"):
            read_response(archive.db, tmp_path, 1)
        (tmp_path / "old.arc").write_bytes(arc_record("http://a.test/", b"HTTP/1.1 200 OK\r\n\r\n" + body[::-1]))
        with pytest.raises(RecordError, match=r"^old\.arc at 0: the payload of u does not have the digest of its row"):
            read_response(archive.db, tmp_path, 1)
    assert exchange_read.body == body


AT = "2026-01-01T00:00:00Z"


def answer_record(**fields: str) -> WarcRecord:
    names = {name.replace("_", "-"): value for name, value in fields.items() if name != "kind"}
    headers = {"warc-target-uri": "http://a.test/", "warc-date": "2026-01-01T00:00:00Z"} | names
    return WarcRecord(fields.get("kind", "response"), headers, ANSWER)


def capture_row(**values: object) -> warc_reader.CaptureRow:
    row = {
        "file": "a.warc.gz", "offset": 0, "length": 9, "url": "http://a.test/", "fetched_at": AT,
        "payload_digest": warc_digest(b"body"), "committed": 9, "known_faults": "", "has_payload": True, "status": 200,
    }  # fmt: skip
    return tuple((row | values).values())


@pytest.mark.parametrize(
    ("record", "values", "fault"),
    [
        ({"kind": "request"}, {}, "a request record in place of the response"),
        ({"kind": "resource"}, {"status": 404, "payload_digest": warc_digest(ANSWER)}, ""),
        ({"kind": "resource"}, {}, "the payload of http://a.test/ does not have the digest of its row"),
        ({"kind": "revisit", "warc_payload_digest": warc_digest(b"body")}, {}, ""),
        ({"kind": "revisit", "warc_payload_digest": "sha1:OTHER"}, {}, "the payload of http://a.test/ does not"),
        ({"kind": "revisit"}, {}, ""),
    ],
)
def test_a_record_that_is_not_the_row_s_is_said(record, values, fault):
    found = list(warc_reader._record_mismatches(answer_record(**record), capture_row(**values), "a.warc.gz at 0"))
    assert len(found) == bool(fault)
    assert all(line.startswith(f"a.warc.gz at 0: {fault}") for line in found)


RIGHT, WRONG = {"warc_payload_digest": warc_digest(b"body")}, {"warc_payload_digest": "sha1:OTHER"}


@pytest.mark.parametrize(
    ("record", "faults"),
    [
        ({}, 0),
        ({"warc_block_digest": warc_digest(ANSWER)} | RIGHT, 0),
        ({"warc_block_digest": "md5:x", "warc_payload_digest": "md5:x"}, 0),
        ({"warc_block_digest": "sha1:OTHER"} | RIGHT, 1),
        ({"warc_block_digest": "sha1:OTHER"} | WRONG, 2),
        *((WRONG | {"kind": kind}, count) for kind, count in (("response", 1), ("resource", 1), ("revisit", 0))),
    ],
)
def test_digests_that_do_not_hold_are_said(record, faults):
    assert len(list(warc_reader._digest_faults(answer_record(**record), "a"))) == faults


def test_an_imported_record_is_compared_with_what_was_known_of_it(tmp_path):
    head = "WARC/1.0\r\nWARC-Type: {}\r\nWARC-Target-URI: http://a.test/\r\n"
    head += f"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Record-ID: <urn:x>\r\nContent-Length: {len(ANSWER)}\r\n"
    head += "Content-Type: application/http; msgtype=response\r\n"
    other = f"WARC-Block-Digest: {warc_digest(b'other')}\r\n"
    no_digest = "a.warc at 0: the response record has not the digest that it states"
    no_payload = "a.warc at 0: the payload of http://a.test/ does not have the digest of its row"
    for kind, more, values, faults in [
        ("response", "", {}, []),
        ("response", "", {"payload_digest": "sha1:OTHER"}, [no_payload]),
        ("response", "", {"payload_digest": "sha1:OTHER", "has_payload": False}, []),
        ("revisit", "", {"payload_digest": "sha1:OTHER"}, []),
        ("response", other, {}, [no_digest]),
        ("response", other, {"known_faults": f"x {DIGEST_MISMATCH}"}, []),
        ("response", other, {"known_faults": DIGEST_MISMATCH, "payload_digest": "sha1:OTHER"}, [no_payload]),
    ]:
        data = f"{head.format(kind)}{more}\r\n".encode() + ANSWER + b"\r\n\r\n"
        (tmp_path / "a.warc").write_bytes(data)
        row = capture_row(**{"file": "a.warc", "length": len(data), "committed": None} | values)
        assert list(warc_reader._imported_record_faults(tmp_path, row)) == faults
    for length, message in [(999, "the file ends before the record does"), (20, "")]:
        row = capture_row(file="a.warc", length=length)
        (fault,) = warc_reader._imported_record_faults(tmp_path, row)
        assert fault.startswith(f"http://a.test/: a.warc at 0: {message}")
