"""A request and its response as bytes: what is read from them."""

from pathlib import Path

import pytest

import broadsheet
from broadsheet.output.raw.imported_records import ImportedRecord, RecordHead
from broadsheet.output.raw.raw_exchange import Capture, RawExchange, warc_digest
from broadsheet.output.raw.record_segments import RecordSpan
from broadsheet.output.raw.redaction import RedactedRequest
from broadsheet.output.raw.warc_reader import WarcRecord

HEAD = b"HTTP/1.1 200 OK\r\nX-Odd:  one \r\nx-odd: two\r\nAX-Odd: three\r\nEmpty:\r\nX.Odd: four\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [(HEAD, 200), (b"HTTP/2 404\r\n\r\n", 404), (b"HTTP/1.1  301 Moved", 301), (b"HTTP/1.1 2000 No", 0), (b"", 0),
     (b"X-Robots-Tag: none\r\n", 0), (b"HTTP/1.1 20", 0)],
)  # fmt: skip
def test_a_status_has_three_digits(head, status):
    assert RawExchange(b"", head, b"").status == status


@pytest.mark.parametrize(
    ("name", "value"), [("X-Odd", "one"), ("x-oDD", "one"), ("Empty", ""), ("Odd", ""), ("X.Odd", "four"), ("one", "")]
)
def test_the_first_value_of_a_header_counts(name, value):
    assert RawExchange(b"", HEAD, b"X-Odd: body").header(name) == value


@pytest.mark.parametrize(
    ("request_bytes", "head", "is_document"),
    [(b"", b"", True), (b"", b"X-Robots-Tag: none", True), (b"GET /", b"", False), (b"", HEAD, False)],
)
def test_a_document_was_not_asked_for_and_has_no_status(request_bytes, head, is_document):
    assert RawExchange(request_bytes, head, b"").is_document is is_document


def test_a_size_is_that_of_all_bytes():
    assert RawExchange(b"1", b"22", b"333", b"4444").size == 10
    assert warc_digest(b"a", b"b") == warc_digest(b"ab") != warc_digest(b"a")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (RawExchange(b"GET /secret", HEAD, b"secret", b"secret", "192.0.2.1", "time", ("cookie",)),
         "RawExchange(ip_address='192.0.2.1', truncated='time', redacted_headers=('cookie',))"),
        (RecordHead("response", {"warc-date": "secret"}, 5, 6),
         "RecordHead(kind='response', size=5, length=6, is_arc=False)"),
        (ImportedRecord(RecordHead("response", {}, 5, 6), b"secret", ("truncated",)),
         "ImportedRecord(head=RecordHead(kind='response', size=5, length=6, is_arc=False), faults=('truncated',))"),
        (RecordSpan(1, 2, b"secret"), "RecordSpan(offset=1, length=2, is_unaddressable=False)"),
        (RedactedRequest(b"secret", ("cookie",)), "RedactedRequest(header_names=('cookie',))"),
        (WarcRecord("response", {}, b"secret"), "WarcRecord(kind='response', fields={})"),
        (broadsheet.CrawlResult(Path("a.db"), "finished", "limit", 1.5, counts={"x": 1}, stats={"y": 2}),
         f"CrawlResult(archive={Path('a.db')!r}, outcome='finished', reason='limit', seconds=1.5, pages=0,"
         " article_pages=0, problems=())"),
    ],
)  # fmt: skip
def test_what_is_long_or_secret_is_in_no_message(value, shown):
    assert repr(value) == shown


def test_a_capture_is_told_without_its_bytes():
    assert "raw=" not in repr(Capture("http://a.test/", "2026", 200, raw=RawExchange(b"GET /secret", HEAD, b"secret")))
