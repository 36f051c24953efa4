"""What is kept is what came: odd but legal answers, byte for byte, over http and https."""

from __future__ import annotations

import gzip
import ssl
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import brotli  # type: ignore[import-untyped]
import pytest
from twisted.internet.task import Clock

from broadsheet.crawler.fetch.exchange_recorder import ExchangeRecorder, RecordingPool, RecordingTransport
from broadsheet.output.raw.raw_exchange import warc_digest
from broadsheet.output.raw.warc_reader import read_record
from tests.crawler import raws
from tests.crawler.crawls import Crawl, Result
from tests.crawler.fetch.test_connection import certificate
from tests.crawler.hostile import RESET, HostileServer
from tests.crawler.scripted_site import page

TEXT = page("oddity").encode()
CLOSE = "Connection: close"
Crawled = tuple[str, HostileServer, Result]


def head(*lines: str, status: str = "HTTP/1.1 200 OK", end: str = "\r\n") -> bytes:
    return end.join([status, *lines, "", ""]).encode("latin-1")


def chunked(body: bytes, *, trailer: bytes = b"") -> bytes:
    half = len(body) // 2
    first = b'%X;part=one;quoted="a b"\r\n%s\r\n' % (half, body[:half])
    return first + b"%04x\r\n%s\r\n0;last\r\n%s\r\n" % (len(body) - half, body[half:], trailer)


def sized(body: bytes, *lines: str) -> bytes:
    return head(*lines, f"Content-Length: {len(body)}", CLOSE) + body


PLAIN = "Content-Type: text/html"

ODD: dict[str, bytes] = {
    "/case": sized(TEXT, "cOnTeNt-TyPe: text/html; charset=UTF-8", "X-LOUD: yes", "x-quiet:no-space"),
    "/order": sized(TEXT, "Zebra: 1", PLAIN, "Apple: 2", "Mango: 3"),
    "/twice": sized(TEXT, PLAIN, "Set-Cookie: a=1", "Set-Cookie: b=2", "X-Thing: one", "x-thing: two", "X-Thing: one"),
    "/fold": sized(TEXT, PLAIN, "X-Folded: one", "  two", "\tthree"),
    "/spaces": sized(TEXT, PLAIN, "X-Wide:    a  b   ", "X-Empty:", "X-Colon: a:b:c"),
    "/latin": sized(TEXT, PLAIN, "X-Sweet: cr\xe8me br\xfbl\xe9e \xff"),
    "/noreason": sized(TEXT, PLAIN).replace(b"200 OK", b"200 "),
    "/nospace": sized(TEXT, PLAIN).replace(b"200 OK", b"200"),
    "/reason": sized(TEXT, PLAIN).replace(b"200 OK", b"200 Sure thing, d\xe9j\xe0 vu"),
    "/chunked": head(PLAIN, "Transfer-Encoding: chunked") + chunked(TEXT),
    "/trailers": head(PLAIN, "Trailer: X-Sum", "transfer-encoding: Chunked") + chunked(TEXT, trailer=b"X-Sum: 7\r\n"),
    "/gzip": sized(gzip.compress(TEXT, 9, mtime=7), PLAIN, "Content-Encoding: gzip"),
    "/deflate": sized(zlib.compress(TEXT), PLAIN, "Content-Encoding: deflate"),
    "/br": sized(brotli.compress(TEXT), PLAIN, "content-encoding: BR"),
    "/both": head(PLAIN, "Content-Encoding: gzip", "Transfer-Encoding: chunked") + chunked(gzip.compress(TEXT)),
    "/old": head(PLAIN, status="HTTP/1.0 200 OK") + TEXT,
    "/lf": head(PLAIN, f"Content-Length: {len(TEXT)}", CLOSE, end="\n") + TEXT,
    "/early": head("Link: </a.css>; rel=preload", status="HTTP/1.1 103 Early Hints")
    + head(status="HTTP/1.1 100 Continue")
    + sized(TEXT + b"<!-- after hints -->", PLAIN),
    "/204": head("X-None: 1", CLOSE, status="HTTP/1.1 204 No Content"),
    "/304": head('ETag: "x"', CLOSE, status="HTTP/1.1 304 Not Modified"),
    "/moved": head("Location: /target", "Content-Length: 5", CLOSE, status="HTTP/1.1 301 Moved") + b"moved",
    "/target": sized(TEXT + b"<!-- target -->", PLAIN),
    "/gone": head(PLAIN, "Content-Length: 4", CLOSE, status="HTTP/1.1 410 Gone for good") + b"gone",
    "/nocolon": sized(TEXT + b"<!-- nocolon -->", PLAIN, "this line has none"),
    "/binary": sized(bytes(range(256)) * 9, "Content-Type: text/plain"),
    "/empty": sized(b"", PLAIN),
    "/rest": sized(TEXT + b"<!-- rest -->", PLAIN) + b"what nobody asked for",
}  # fmt: skip

BEFORE = {"/early": ODD["/early"].index(b"HTTP/1.1 200")}
AFTER = {"/rest": len(b"what nobody asked for")}
SAME_TEXT = {path for path, sent in ODD.items() if sent.endswith(b"\r\n" + TEXT)} | {"/lf"}


def expected(path: str, sent: bytes) -> bytes:
    """The answer itself: without 1xx answers before it, and what came after it."""
    return sent[BEFORE.get(path, 0) : len(sent) - AFTER.get(path, 0)]


def payload(block: bytes) -> bytes:
    at = min(at + len(end) for end in (b"\r\n\r\n", b"\n\n") if (at := block.find(end)) >= 0)
    return block[at:]


@pytest.fixture(scope="module", params=["http", "https"])
def crawled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    """All odd answers, crawled over one scheme."""
    folder, tls, environment = tmp_path_factory.mktemp("odd"), None, pytest.MonkeyPatch()
    if request.param == "https":
        file = certificate(folder)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(file)
        environment.setenv("SSL_CERT_FILE", str(file))
    start = sized(page("start", *ODD).encode(), PLAIN)
    server = HostileServer(
        {"/": start, "/robots.txt": sized(b"User-agent: *\n", "Content-Type: text/plain"), **ODD}, tls=tls
    )
    url = f"{request.param}://127.0.0.1:{server.port}"
    try:
        result = Crawl(folder)(f"{url}/", feeds=0, sitemaps=0, BROADSHEET_RETRY_TIMES=0)
        assert result.code == 0, result.errors
        assert not result.errors
        yield url, server, result
    finally:
        environment.undo()
        server.close()


def test_every_answer_is_there_byte_for_byte(crawled):
    """Each row finds its record."""
    url, _, result = crawled
    records = raws.by_url(result.db)
    for path, sent in ODD.items():
        (record,) = records[url + path]["response"] or records[url + path]["revisit"]
        expected_block = expected(path, sent)
        if record.kind == "response":
            assert record.block == expected_block, path
        else:
            assert record.block == expected_block.removesuffix(payload(expected_block)), path
            assert record.fields["warc-payload-digest"] == warc_digest(payload(expected_block)), path
        assert "warc-truncated" not in record.fields, path
    assert_rows(result.db)


def endless(server: HostileServer) -> Iterator[bytes]:
    yield head(PLAIN, CLOSE)
    while True:
        yield b"x" * 5000


def slow(server: HostileServer) -> Iterator[bytes]:
    yield head(PLAIN, "Content-Length: 100") + b"begun"
    server.closing.wait(30)


FILM = head("Content-Type: video/mp4", "Content-Length: 10000000")


def film(server: HostileServer) -> Iterator[bytes]:
    yield FILM
    yield b"z" * 1000
    server.closing.wait(5)


BIG, BROKEN = sized(b"y" * 20_000_000, PLAIN), sized(b"\x1f\x8b\x08 no gzip at all", PLAIN, "Content-Encoding: gzip")
CUT = {
    coding: head(PLAIN, coding) + b"5\r\nbegun\r\n" for coding in ("Content-Length: 100", "Transfer-Encoding: chunked")
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "settings", "outcome", "truncated", "block", "is_all"),
    [
        pytest.param(endless, {"DOWNLOAD_MAXSIZE": 50_000}, ("failed", "too_large"), "length",
                     head(PLAIN, CLOSE) + b"x" * 50_000, False, id="over the bound"),
        pytest.param(BIG, {"DOWNLOAD_MAXSIZE": 50_000}, ("failed", "too_large"), "length", BIG[:50], False,
                     id="says so beforehand"),
        pytest.param(slow, {"DOWNLOAD_TIMEOUT": 1}, ("failed", "timeout"), "time",
                     head(PLAIN, "Content-Length: 100") + b"begun", True, id="too slow"),
        *(pytest.param(sent, {}, ("failed", "cut_off"), "disconnect", sent, True, id=f"broken, {coding}")
          for coding, sent in CUT.items()),
        pytest.param(lambda server: iter((head(PLAIN) + b"begun", RESET)), {}, None, "disconnect", head(PLAIN), False,
                     id="reset"),
        pytest.param(film, {}, ("skipped", "media_type"), "unspecified", FILM, False, id="no page"),
        pytest.param(BROKEN, {}, ("failed", "bad_encoding"), None, BROKEN, True, id="broken encoding"),
    ],
)  # fmt: skip
def test_a_download_that_does_not_end_well_is_kept_as_far_as_it_came(
    tmp_path, behaviour, settings, outcome,
    truncated, block, is_all
):  # fmt: skip
    start = sized(page("start", "/it").encode(), PLAIN)
    server = HostileServer({"/": start, "/it": behaviour})  # type: ignore[dict-item]
    try:
        result = Crawl(tmp_path)(server.url(), feeds=0, sitemaps=0, BROADSHEET_RETRY_TIMES=0, **settings)
    finally:
        server.close()
    assert result.code == 0
    (record,) = raws.by_url(result.db)[server.url("/it")]["response"]
    raws.checked(result.db)
    assert_rows(result.db)
    assert result.rows("SELECT truncated FROM captures WHERE url LIKE '%/it'") == [(truncated,)]
    assert record.fields.get("warc-truncated") == truncated
    state = result.states()[server.url("/it")]
    assert state == outcome if outcome else state[0] == "failed"
    assert record.block == block if is_all else record.block.startswith(block)
    if isinstance(behaviour, bytes):
        assert behaviour.startswith(record.block)
        assert is_all or len(record.block) < len(behaviour)


def test_a_body_is_held_once_and_without_a_head_there_is_nothing_to_keep():
    exchange, body = ExchangeRecorder(), b"the body " * 1000
    exchange.record_received(b"HTTP/1.1 200 OK\r\nno end")
    assert exchange.take_raw_exchange("time") is None
    exchange = ExchangeRecorder()
    exchange.begin("192.0.2.1")
    exchange.record_received(b"HTTP/1.1 200 OK\r\n\r\n" + body[:50])
    exchange.mark_head_end(19)
    exchange.record_received(body[50:])
    exchange.mark_complete(0)
    wire = exchange.take_raw_exchange(body=body)
    assert wire is not None
    assert wire.body is body
    assert exchange.take_raw_exchange(body=body) is None


def test_the_request_is_what_the_server_got(crawled):
    url, server, result = crawled
    for path, kinds in raws.by_url(result.db).items():
        if path:
            (request,) = kinds["request"]
            (answer,) = kinds["response"] or kinds["revisit"]
            assert request.block == server.requests[path.removeprefix(url)]
            assert request.fields["warc-concurrent-to"] == answer.fields["warc-record-id"]
            assert request.fields["warc-ip-address"] == answer.fields["warc-ip-address"] == "127.0.0.1"
            assert request.fields["warc-date"] == answer.fields["warc-date"]


def test_what_came_before_an_answer_stands_beside_it(crawled):
    url, _, result = crawled
    kinds = raws.by_url(result.db)[f"{url}/early"]
    (hints,) = kinds["metadata"]
    assert hints.block == ODD["/early"][: BEFORE["/early"]]
    assert hints.fields["warc-concurrent-to"] == kinds["response"][0].fields["warc-record-id"]


@pytest.mark.slow
def test_a_payload_that_was_kept_already_is_referred_to(crawled):
    url, _, result = crawled
    records = raws.by_url(result.db)
    of_text = [path for path in SAME_TEXT if records[url + path]["response"]]
    assert len(of_text) == 1
    (original,) = records[url + of_text[0]]["response"]
    for path in SAME_TEXT - set(of_text):
        (revisit,) = records[url + path]["revisit"]
        assert revisit.fields["warc-profile"] == "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
        assert revisit.fields["warc-refers-to-target-uri"] == url + of_text[0]
        assert revisit.fields["warc-refers-to-date"] == original.fields["warc-date"]


def assert_rows(db: Path) -> None:
    """Every capture has its record, with its URL, time and digest, at its place."""

    captures = raws.rows(
        db, "SELECT final_url, fetched_at, payload_digest, warc_file, warc_offset, warc_length FROM captures"
    )
    assert captures
    for url, at, payload_sum, *location in captures:
        record = read_record(db, *location)  # type: ignore[arg-type]
        assert (record.url, record.fields["warc-date"]) == (url, str(at).replace("Z", "Z"))
        assert record.fields.get("warc-payload-digest", payload_sum) == payload_sum
        assert not Path(str(location[0])).is_absolute()
    assert len(captures) == sum(record.kind in ("response", "revisit") for record in raws.records(db))


@pytest.mark.slow
def test_the_tools_find_nothing_wrong(crawled):
    raws.checked(crawled[2].db)


def test_pages_are_read_from_what_was_kept(crawled):
    url, _, result = crawled
    states = result.states()
    for path in ("/chunked", "/trailers", "/gzip", "/deflate", "/br", "/both", "/old", "/lf", "/early", "/case"):
        assert states[url + path] == ("done", "article"), path


@pytest.mark.slow
def test_a_long_robots_txt_and_the_redirects_to_it(tmp_path):
    long = sized(b"User-agent: *\n" + b"# nothing\n" * 90_000, "Content-Type: text/plain")
    moved = head("Location: /real-robots.txt", "Content-Length: 0", CLOSE, status="HTTP/1.1 302 Found")
    server = HostileServer({"/": sized(TEXT, PLAIN), "/robots.txt": moved, "/real-robots.txt": long})
    try:
        result = Crawl(tmp_path)(server.url(), feeds=0, sitemaps=0)
    finally:
        server.close()
    kept = raws.by_url(result.db)
    assert kept[server.url("/robots.txt")]["response"][0].block == moved
    (record,) = kept[server.url("/real-robots.txt")]["response"]
    assert record.fields["warc-truncated"] == "length"
    assert long.startswith(record.block)
    assert len(record.block) > 500 * 1024
    assert_rows(result.db)


def test_a_connection_that_was_dead_leaves_nothing(tmp_path):
    exchange = ExchangeRecorder()
    exchange.begin("192.0.2.1")
    exchange.record_sent(b"GET / HTTP/1.1\r\n\r\n")
    exchange.begin("192.0.2.2")
    exchange.record_sent(b"GET / HTTP/1.1\r\n\r\n")
    exchange.record_received(b"HTTP/1.1 204 None\r\n\r\n")
    exchange.mark_head_end(21)
    wire = exchange.take_raw_exchange("time")
    assert wire is not None
    assert (wire.request, wire.ip_address, wire.truncated) == (b"GET / HTTP/1.1\r\n\r\n", "192.0.2.2", "time")


class _IdleConnection:
    """A connection that a pool keeps, as far as the pool sees it."""

    state = "QUIESCENT"

    def __init__(self) -> None:
        self.transport = self
        self.is_open = True

    def loseConnection(self) -> None:  # noqa: N802
        self.is_open = False


def test_idle_connections_to_all_hosts_together_are_bounded():
    pool = RecordingPool(Clock(), 3)
    connections = [_IdleConnection() for _ in range(5)]
    for number, connection in enumerate(connections):
        pool._putConnection(("http", f"host{number}.example", 80), connection)
    assert [connection.is_open for connection in connections] == [False, False, True, True, True]
    taken = pool.getConnection(("http", "host2.example", 80), None)
    assert taken.called
    assert connections[2].is_open
    pool._putConnection(("http", "host5.example", 80), _IdleConnection())
    assert [connection.is_open for connection in connections[2:]] == [True, True, True], "one was taken out"


def test_what_a_transport_writes_is_recorded_and_the_rest_is_its_own():
    written: list[object] = []
    exchange = ExchangeRecorder()
    transport = RecordingTransport(
        SimpleNamespace(write=written.append, writeSequence=written.append, loseConnection=lambda: "lost"), exchange
    )
    transport.write(b"GET / ")
    transport.writeSequence([b"HTTP/1.1", b"\r\n"])
    assert (written, transport.loseConnection()) == ([b"GET / ", [b"HTTP/1.1", b"\r\n"]], "lost")
    assert b"".join(exchange._sent_chunks) == b"GET / HTTP/1.1\r\n"
