"""A request and its response as bytes: what is read from them."""

from __future__ import annotations

import pytest

from broadsheet.output.raw.raw_exchange import RawExchange, warc_digest

HEAD = b"HTTP/1.1 200 OK\r\nX-Odd:  one \r\nx-odd: two\r\nAX-Odd: three\r\nEmpty:\r\nX.Odd: four\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [(HEAD, 200), (b"HTTP/2 404\r\n\r\n", 404), (b"HTTP/1.1  301 Moved", 301), (b"HTTP/1.1 2000 No", 0), (b"", 0),
     (b"X-Robots-Tag: none\r\n", 0), (b"HTTP/1.1 20", 0)],
)  # fmt: skip
def test_a_status_has_three_digits(head: bytes, status: int) -> None:
    assert RawExchange(b"", head, b"").status == status


@pytest.mark.parametrize(
    ("name", "value"), [("X-Odd", "one"), ("x-oDD", "one"), ("Empty", ""), ("Odd", ""), ("X.Odd", "four"), ("one", "")]
)
def test_the_first_value_of_a_header_counts(name: str, value: str) -> None:
    assert RawExchange(b"", HEAD, b"X-Odd: body").header(name) == value


@pytest.mark.parametrize(
    ("request_bytes", "head", "is_document"),
    [(b"", b"", True), (b"", b"X-Robots-Tag: none", True), (b"GET /", b"", False), (b"", HEAD, False)],
)
def test_a_document_was_not_asked_for_and_has_no_status(request_bytes: bytes, head: bytes, is_document: bool) -> None:
    assert RawExchange(request_bytes, head, b"").is_document is is_document


def test_a_size_is_that_of_all_bytes() -> None:
    assert RawExchange(b"1", b"22", b"333", b"4444").size == 10
    assert warc_digest(b"a", b"b") == warc_digest(b"ab") != warc_digest(b"a")
