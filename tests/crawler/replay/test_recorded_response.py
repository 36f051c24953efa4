"""Responses of records: unpacked as far as they are packed, with what is wrong with them; revisits with a body."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace

import brotli
import pytest

from broadsheet.crawler.replay import recorded_response
from broadsheet.crawler.replay.recorded_response import (
    RecordedResponse,
    ReplayError,
    UnreadResponse,
    read_full_response,
    read_record,
    read_response,
    try_read_response,
    with_original_body,
)
from broadsheet.output.raw.raw_exchange import RecordLocation, warc_digest
from tests.crawler.warcs import answer, arc_record, digest, record

URL = "https://a.example/x"
HTML = b"<html><body><p>Words of a page</p></body></html>"


def replayed(block: bytes, **headers: str) -> RecordedResponse:
    return read_record(record(URL, block, **headers))


def reason(data: bytes) -> str:
    with pytest.raises(ReplayError) as caught:
        read_record(data)
    return caught.value.reason


def test_a_response_comes_out_as_it_was_sent():
    """Packing by record makes no difference, nor do versions and addresses in brackets. A resource has no headers."""
    block = answer(HTML, "203 Odd", x_robots_tag="noindex")
    got = replayed(block)
    assert (got.url, got.status, got.body, got.header("x-robots-tag")) == (URL, 203, HTML, "noindex")
    assert read_record(gzip.compress(record(URL, block))) == got
    page = got.page("2024-03-01T10:00:00Z")
    assert (page.body, page.content_type, page.directives) == (HTML, "text/html; charset=utf-8", ("noindex",))
    for version in ("0.17", "0.18", "1.0", "1.1"):
        for target in (URL, f"<{URL}>"):
            assert read_record(record(target, answer(HTML), version=version)).url == URL
    got = read_record(record(URL, HTML, kind="resource", Content_Type="text/html"))
    assert (got.status, got.body, got.header("content-type")) == (200, HTML, "text/html")
    got = read_record(record(URL, answer(b"", "304 Not Modified"), kind="revisit"))
    assert (got.is_revisit, got.status, got.body) == (True, 304, b""), "its body is elsewhere"
    assert read_record(record(URL, b"", kind="revisit")).status == 0


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, brotli.compress], ids=["gzip", "deflate", "br"])
def test_content_codings_are_undone_and_chunks_joined(pack, request):
    coding, packed = request.node.callspec.id, pack(HTML)
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(packed[at : at + 9]), packed[at : at + 9]) for at in range(0, len(packed), 9)
    )
    got = replayed(answer(chunks + b"0\r\n\r\n", content_encoding=coding, transfer_encoding="chunked"))
    assert got.body == HTML


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd"])
def test_a_body_that_was_unpacked_before_it_was_written_is_taken_as_it_is(coding):
    assert replayed(answer(HTML, content_encoding=coding, transfer_encoding="chunked")).body == HTML


def test_what_cannot_be_read_has_a_reason(monkeypatch):
    whole = record(URL, answer(HTML))
    assert reason(whole[: whole.index(b"HTTP/")]) == "broken_record"  # nothing of its block
    assert reason(whole[: whole.index(b"Content-Length")]) == "broken_record"
    assert reason(b"nothing like it") == "broken_record"
    packed = bytearray(gzip.compress(whole))
    packed[2] ^= 0xFF  # another method than gzip knows: nothing of the record can be read
    assert reason(bytes(packed)) == "broken_record"
    assert reason(record(URL, b"no status line\r\n\r\nx")) == "bad_http"
    monkeypatch.setattr(recorded_response, "MAX_BYTES", 100)
    assert replayed(answer(bytes(100))).body == bytes(100)
    assert reason(record(URL, answer(bytes(101)))) == "too_large"
    assert reason(record(URL, answer(gzip.compress(b"x" * 5000), content_encoding="gzip"))) == "too_large"


def test_header_lines_may_be_odd_go_on_or_be_none():
    for line in ("HTTP/2 200", "HTTPX/1.1 200 OK", "ICY 200 OK", "HTTP/1.0 200 "):
        assert replayed(f"{line}\r\nA: b\r\n\r\n<p>x".encode()).body == b"<p>x"
    lines = b"Content-Type: text/html;\n charset=utf-8\nnonsense\nX-Robots-Tag: a\nX-Robots-Tag: b\n\n"
    got = replayed(b"HTTP/1.0 200\n" + lines + HTML)
    assert got.headers == (("content-type", "text/html; charset=utf-8"), ("x-robots-tag", "a"), ("x-robots-tag", "b"))
    assert got.body == HTML
    got = replayed(b"HTTP/1.1 200 OK\r\n  first: goes nowhere\r\nName : value \r\n\tgoes on \r\nEmpty:\r\n\r\nx")
    assert got.headers == (("first", "goes nowhere"), ("name", "value goes on"), ("empty", ""))
    assert (got.header("name"), got.header("none")) == ("value goes on", "")


def test_what_is_wrong_with_a_record_is_said_and_the_record_read():
    whole = record(URL, answer(HTML))
    cut = read_record(whole[:-30])
    assert (cut.body, cut.faults, cut.truncation) == (HTML[: -30 + len(b"\r\n\r\n")], ("truncated",), "unspecified")
    assert read_record(gzip.compress(whole)[:-40]).faults == ("truncated",)
    other = read_record(whole.replace(b"Words", b"Worms"))
    assert (other.body, other.faults, other.truncation) == (HTML.replace(b"Words", b"Worms"), ("digest_mismatch",), "")
    assert other.evidence == ("digest_mismatch",)
    packed_body = gzip.compress(HTML * 20, compresslevel=0)
    part = read_record(record(URL, answer(packed_body[:-100], content_encoding="gzip")))
    assert (HTML * 20).startswith(part.body)
    assert (len(part.body) > 800, part.faults) == (True, ("truncated",))


def test_an_arc_record_is_an_answer_with_or_without_an_http_head():
    got = read_record(arc_record(URL, answer(HTML, "404 Gone")))
    assert (got.url, got.status, got.body, got.faults) == (URL, 404, HTML, ())
    bare = read_record(gzip.compress(arc_record(URL, HTML)))
    assert (bare.status, bare.body, bare.header("content-type")) == (200, HTML, "text/html")


def test_a_place_names_the_bytes_of_one_record(tmp_path):
    first, second = gzip.compress(record(URL, answer(b"<p>one"))), gzip.compress(record(URL, answer(b"<p>two")))
    (tmp_path / "a.warc.gz").write_bytes(first + second)
    assert read_response(RecordLocation("a.warc.gz", len(first), len(second)), tmp_path).body == b"<p>two"
    for location in (RecordLocation("gone.warc.gz", 0, 9), RecordLocation("a.warc.gz", 10**6, 9)):
        with pytest.raises(ReplayError, match="raw_missing"):
            read_response(location, tmp_path)
    whole = RecordLocation("a.warc.gz", 0, len(first), warc_digest(b"<p>one"))
    assert read_response(whole, tmp_path).body == b"<p>one"
    with pytest.raises(
        ReplayError, match=r"raw_missing: a\.warc\.gz at 0 holds a different response from the one in its"
    ):
        read_response(replace(whole, digest=warc_digest(b"<p>two")), tmp_path)


def test_lines_may_end_in_two_carriage_returns():
    whole = record(URL, answer(HTML).replace(b"\r\n", b"\r\r\n"), WARC_Block_Digest="")
    head, end, block = whole.partition(b"\r\n\r\n")
    got = read_record(head.replace(b"\r\n", b"\r\r\n") + b"\r\r\n\r\r\n" + block)
    assert (got.status, got.body, got.header("content-type")) == (200, HTML, "text/html; charset=utf-8")
    assert end


@pytest.mark.parametrize(
    ("name", "value", "sent", "body"),
    [
        ("transfer_encoding", "gzip, Chunked ", b"8\r\n<p>words\r\n0\r\n\r\n", b"<p>words"),
        ("transfer_encoding", "identity", b"8\r\n<p>words\r\n0\r\n\r\n", None),
        ("x_encoding", "chunked", b"8\r\n<p>words\r\n0\r\n\r\n", None),
        ("transfer_encoding", "chunked", b"3;name=value\r\nabc\r\n 2 \r\nde\r\n0\r\nafter", b"abcde"),
        ("transfer_encoding", "chunked", b"3\nabc\nF\nde", b"abcde"),
        ("transfer_encoding", "chunked", b"3\r\nabc\r\nnothing", b"abc"),
        ("transfer_encoding", "chunked", b"nothing", None),
    ],
    ids=["last", "none", "another header", "extensions and spaces", "bare line ends, cut", "no end", "no chunks"],
)
def test_chunks_are_joined_where_the_header_says_that_there_are_some(name, value, sent, body):
    got = replayed(answer(sent, **{name: value}))
    assert (got.body, got.faults) == (sent if body is None else body, ())


def test_a_rendered_text_is_a_document_with_a_paragraph_a_line():
    text = b" A < B \n\n\nC & 'D' \xff\n"
    got = read_record(record(f"urn:text:{URL}", text, kind="resource", Content_Type="text/plain"))
    assert got == RecordedResponse(
        f"urn:text:{URL}", 200, (("content-type", "text/html; charset=utf-8"),),
        "<p>A &lt; B</p>\n<p>C &amp; 'D' \ufffd</p>\n".encode(), digest=digest(text),
    )  # fmt: skip


ORIGINAL = RecordedResponse(f"{URL}/original", 200, (("content-type", "text/html"), ("a", "b")), HTML, digest="sha1:A",
                            truncated="length", faults=("one", "two"))  # fmt: skip


@pytest.mark.parametrize(
    ("status", "headers", "status_then", "headers_then"),
    [
        (304, (("content-type", "text/css"),), 200, ORIGINAL.headers),
        (0, (), 200, ORIGINAL.headers),
        (203, (("content-type", "text/css"),), 203, (("content-type", "text/css"),)),
        (203, (("c", "d"),), 203, ORIGINAL.headers),
    ],
)
def test_a_revisit_has_the_body_of_its_original_and_its_own_address(status, headers, status_then, headers_then):
    revisit = RecordedResponse(URL, status, headers, b"", faults=("three", "two"), is_revisit=True)
    assert with_original_body(revisit, ORIGINAL) == RecordedResponse(
        URL, status_then, headers_then, HTML, digest="sha1:A", truncated="length", faults=("three", "two", "one"),
        is_revisit=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "is_revisit", "has_own_answer"),
    [(200, b"", False, True), (200, b"x", True, True), (200, b"", True, False), (299, b"", True, False),
     (300, b"", True, True), (304, b"", True, False), (305, b"", True, True), (0, b"", True, False)],
)  # fmt: skip
def test_a_revisit_is_its_own_answer_where_it_has_a_body_or_none_belongs_to_it(
    status, body, is_revisit, has_own_answer
):
    assert RecordedResponse(URL, status, (), body, is_revisit=is_revisit).has_own_answer is has_own_answer


def test_a_full_response_is_read_with_the_record_of_its_body_if_it_needs_one(tmp_path):
    places, data = {}, b""
    for name, made in (
        ("whole", record(URL, answer(HTML))),
        ("revisit", record(f"{URL}/revisit", answer("", "304 Not Modified"), kind="revisit")),
        ("moved", record(f"{URL}/moved", answer("", "301 Moved"), kind="revisit")),
    ):
        places[name] = RecordLocation("a.warc", len(data), len(made))
        data += made
    (tmp_path / "a.warc").write_bytes(data)

    def read(name: str, original: str = "") -> tuple[object, ...]:
        got = try_read_response(places[name], places.get(original), tmp_path)
        if isinstance(got, UnreadResponse):
            with pytest.raises(ReplayError) as caught:
                read_full_response(places[name], places.get(original), tmp_path)
            return caught.value.reason, got.reason, got.detail
        assert read_full_response(places[name], places.get(original), tmp_path) == got
        return got.url.removeprefix(URL), got.status, got.body

    assert read("whole", "moved") == ("", 200, HTML)
    assert read("revisit", "whole") == ("/revisit", 200, HTML)
    assert read("moved", "whole") == ("/moved", 301, HTML)
    assert read("moved") == ("/moved", 301, b"")
    assert read("revisit") == ("raw_missing", "raw_missing", "raw_missing: the record that holds its body is not known")
    places["far"] = RecordLocation("a.warc", len(data), 9)
    places["gone"] = RecordLocation("b.warc", 0, 9)
    assert read("far") == ("raw_missing", "raw_missing", f"raw_missing: a.warc ends before {len(data)}")
    assert read("gone") == ("raw_missing", "raw_missing", "raw_missing: b.warc: No such file or directory")
