from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import brotli
import pytest

from broadsheet.crawler.replay import recorded_response
from broadsheet.crawler.replay.recorded_response import ReplayError, read_record, read_response
from broadsheet.output.raw.raw_exchange import RecordLocation
from tests.crawler.warcs import answer, arc_record, record, write

URL = "https://a.example/x"
HTML = b"<html><body><p>Words of a page</p></body></html>"


def replayed(block: bytes, **headers: str) -> recorded_response.RecordedResponse:
    return read_record(record(URL, block, **headers))


def reason(data: bytes) -> str:
    with pytest.raises(ReplayError) as caught:
        read_record(data)
    return caught.value.reason


def test_a_response_comes_out_as_it_was_sent():
    got = replayed(answer(HTML, "203 Odd", x_robots_tag="noindex"))
    assert (got.url, got.status, got.body, got.header("x-robots-tag")) == (URL, 203, HTML, "noindex")
    page = got.page("2024-03-01T10:00:00+00:00")
    assert (page.body, page.content_type, page.directives) == (HTML, "text/html; charset=utf-8", ("noindex",))


@pytest.mark.parametrize("version", ["0.17", "0.18", "1.0", "1.1"])
@pytest.mark.parametrize("target", [URL, f"<{URL}>"])
def test_all_versions_and_addresses_in_brackets_are_read(version: str, target: str):
    assert read_record(record(target, answer(HTML), version=version)).url == URL


def test_packing_by_record_makes_no_difference():
    assert read_record(gzip.compress(record(URL, answer(HTML)))).body == HTML


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, brotli.compress], ids=["gzip", "deflate", "br"])
def test_content_codings_are_undone_and_chunks_joined(pack, request: pytest.FixtureRequest):
    coding, packed = request.node.callspec.id, pack(HTML)
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(packed[at : at + 9]), packed[at : at + 9]) for at in range(0, len(packed), 9)
    )
    got = replayed(answer(chunks + b"0\r\n\r\n", content_encoding=coding, transfer_encoding="chunked"))
    assert got.body == HTML


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd"])
def test_a_body_that_was_unpacked_before_it_was_written_is_taken_as_it_is(coding: str):
    assert replayed(answer(HTML, content_encoding=coding, transfer_encoding="chunked")).body == HTML


def test_a_resource_is_an_answer_without_headers():
    got = read_record(record(URL, HTML, kind="resource", Content_Type="text/html"))
    assert (got.status, got.body, got.header("content-type")) == (200, HTML, "text/html")


def test_a_revisit_says_that_its_body_is_elsewhere():
    got = read_record(record(URL, answer(b"", "304 Not Modified"), kind="revisit"))
    assert (got.is_revisit, got.status, got.body) == (True, 304, b"")
    assert read_record(record(URL, b"", kind="revisit")).status == 0


def test_what_cannot_be_read_has_a_reason(monkeypatch: pytest.MonkeyPatch):
    whole = record(URL, answer(HTML))
    assert reason(whole[: whole.index(b"HTTP/")]) == "broken_record"  # nothing of its block
    assert reason(whole[: whole.index(b"Content-Length")]) == "broken_record"
    assert reason(b"nothing like it") == "broken_record"
    packed = bytearray(gzip.compress(whole))
    packed[2] ^= 0xFF  # another method than gzip knows: nothing of the record can be read
    assert reason(bytes(packed)) == "broken_record"
    assert reason(record(URL, b"no status line\r\n\r\nx")) == "bad_http"
    monkeypatch.setattr(recorded_response, "MAX_BYTES", 100)
    assert reason(record(URL, answer(gzip.compress(b"x" * 5000), content_encoding="gzip"))) == "too_large"


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


def test_a_place_names_the_bytes_of_one_record(tmp_path: Path):
    first, second = gzip.compress(record(URL, answer(b"<p>one"))), gzip.compress(record(URL, answer(b"<p>two")))
    (tmp_path / "a.warc.gz").write_bytes(first + second)
    assert read_response(RecordLocation("a.warc.gz", len(first), len(second)), tmp_path).body == b"<p>two"
    for location in (RecordLocation("gone.warc.gz", 0, 9), RecordLocation("a.warc.gz", 10**6, 9)):
        with pytest.raises(ReplayError, match="raw_missing"):
            read_response(location, tmp_path)


@pytest.mark.parametrize("line", ["HTTP/2 200", "HTTPX/1.1 200 OK", "ICY 200 OK", "HTTP/1.0 200 "])
def test_a_status_line_may_be_odd(line: str):
    assert replayed(f"{line}\r\nA: b\r\n\r\n<p>x".encode()).body == b"<p>x"


def test_lines_may_end_in_two_carriage_returns():
    whole = record(URL, answer(HTML).replace(b"\r\n", b"\r\r\n"), WARC_Block_Digest="")
    head, end, block = whole.partition(b"\r\n\r\n")
    got = read_record(head.replace(b"\r\n", b"\r\r\n") + b"\r\r\n\r\r\n" + block)
    assert (got.status, got.body, got.header("content-type")) == (200, HTML, "text/html; charset=utf-8")
    assert end


def test_header_lines_that_go_on_and_lines_that_are_none(tmp_path: Path):
    block = (
        b"HTTP/1.0 200\nContent-Type: text/html;\n charset=utf-8\nnonsense\nX-Robots-Tag: a\nX-Robots-Tag: b\n\n" + HTML
    )
    got = read_record(write(tmp_path / "x", [record(URL, block)], packed=False).read_bytes())
    assert got.headers == (("content-type", "text/html; charset=utf-8"), ("x-robots-tag", "a"), ("x-robots-tag", "b"))
    assert got.body == HTML
