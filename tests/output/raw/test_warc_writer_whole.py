"""Whole records, as they are written."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.output.raw.raw_exchange import RawExchange
from broadsheet.output.raw.warc_writer import OriginalRecord, RecordMaker
from tests.output.told import expected, sections, told

FILE = Path(__file__).with_name("whole_records.txt")
URL, AT = "https://a.example/1", "2026-01-01T00:00:00Z"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
EXCHANGE = RawExchange(b"GET /1 HTTP/1.1\r\nCookie: (redacted)\r\n\r\n", HEAD, b"<p>Tides</p>")
RICH = replace(
    EXCHANGE, ip_address="192.0.2.1", truncated="length", redacted_headers=("cookie", "authorization"),
    interim_responses=b"HTTP/1.1 103 Early Hints\r\n\r\n",
)  # fmt: skip
PERMITTED = replace(EXCHANGE, head=b"content-signal: search=yes\r\nX-Robots-Tag: noai\r\n")
ORIGINAL = OriginalRecord("https://a.example/0", "2025-12-31T00:00:00Z")


def exchange(made: RawExchange, original: OriginalRecord | None = None, rendered_for: str = "") -> list[bytes]:
    records = maker().exchange_records(URL, AT, made, "sha1:X", original, rendered_for=rendered_for)
    return [records.id.encode() + b"\n", records.response, records.companions]


def maker() -> RecordMaker:
    numbers = iter(range(1, 9))
    return RecordMaker(new_id=lambda: f"urn:uuid:{next(numbers)}")


RECORDS: dict[str, Callable[[], list[bytes]]] = {
    "a response": lambda: exchange(EXCHANGE),
    "a response with all that can be known": lambda: exchange(RICH, rendered_for="https://a.example/"),
    "a revisit": lambda: exchange(RICH, ORIGINAL),
    "a revisit of what is not modified": lambda: exchange(EXCHANGE, ORIGINAL._replace(is_not_modified=True)),
    "a revisit of an unreadable head": lambda: exchange(replace(EXCHANGE, head=b"\x00"), ORIGINAL),
    "a response of an unreadable head": lambda: exchange(replace(EXCHANGE, head=b"\x00")),
    "a document": lambda: [maker().document_record(URL, AT, PERMITTED, "urn:uuid:0")],
    "a document of an unknown response": lambda: [maker().document_record(URL, AT, RICH, "")],
    "what is said of a file": lambda: [
        maker().warcinfo_record("x.warc.gz", AT, {"software": "Broadsheet\r\nX: y", "operator": "", "robots": "obey"})
    ],
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_written_like_this(name):
    """Run with BROADSHEET_EXPECT=1 to write what is expected anew."""
    data = b"".join(part if part.startswith(b"urn") else gzip.decompress(part) for part in RECORDS[name]())
    text = told(data.decode("utf-8", "backslashreplace").replace("\r\n", "\n").replace("\0", "NUL").split("\n"))
    assert text == expected(FILE, name, text)


def test_nothing_else_is_expected():
    assert sorted(sections(FILE)) == sorted(RECORDS)


@pytest.mark.parametrize(
    ("head", "is_readable"),
    [
        (b"x" * 32_763 + b"\r\n\r\n", True),
        (b"x" * 32_764 + b"\r\n\r\n", False),
        (b"one\r\n\r\ntwo\r\n\r\n", False),
        (b"one\r\n", False),
    ],
)
def test_a_head_that_some_tools_do_not_read_has_no_payload_digest(head, is_readable):
    _, response, _ = exchange(replace(EXCHANGE, head=head))
    assert (b"WARC-Payload-Digest: sha1:X" in gzip.decompress(response)) is is_readable
