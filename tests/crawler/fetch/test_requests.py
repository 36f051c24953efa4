"""What a queued URL's request carries, when its download is ended early, and which bytes and faults come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http.cookiejar import Cookie
from pathlib import Path
from typing import Any

import pytest
from scrapy.exceptions import DownloadTimeoutError, StopDownload
from scrapy.http import Headers, Request, Response
from scrapy.signalmanager import SignalManager
from scrapy.signals import bytes_received, headers_received

from broadsheet.cleaners.judge.site_rule_files import SiteRuleFolder
from broadsheet.crawler.fetch.exchange_recorder import ExchangeRecorder
from broadsheet.crawler.fetch.faults import Fault
from broadsheet.crawler.fetch.identity import Identity
from broadsheet.crawler.fetch.request_headers import read_cookies
from broadsheet.crawler.fetch.requests import (
    EarlyStop,
    RequestBuilder,
    download,
    latency_of,
    raw_exchange_of_fault,
    raw_exchange_of_response,
    redirect_count_of,
    robots_id_of,
)
from broadsheet.output.write.url_queue import QueuedUrl

IDENTITY = Identity.with_contact("Mill/1.0", "desk@mill.example")
VALIDATORS = {"If-None-Match": '"v1"', "If-Modified-Since": "Wed, 01 May 2024 10:00:00 GMT"}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"


def queued_url(path: str = "/sold", kind: str = "page", held_at: str = "") -> QueuedUrl:
    return QueuedUrl(7, f"https://mill.example{path}", "mill.example", kind, 1, 0, 0, "link", "", "", held_at)


def builder(**fields: Any) -> RequestBuilder:
    return RequestBuilder(IDENTITY, lambda queued: VALIDATORS, **fields)


def header_names(request: Request) -> list[str]:
    return [name.decode() for name in request.headers]


@pytest.fixture
def cookies(tmp_path: Path) -> tuple[Cookie, ...]:
    jar = tmp_path / "cookies.txt"
    jar.write_text("# Netscape HTTP Cookie File\nmill.example\tFALSE\t/\tFALSE\t0\tticket\tred\n")
    return read_cookies(jar)


@pytest.fixture
def site_rules(tmp_path: Path) -> SiteRuleFolder:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "mill.example.txt").write_text("http_header(Referer): https://mill.example/\nhttp_header(Range): x\n")
    return SiteRuleFolder(folder)


def test_a_request_says_who_asks_and_carries_its_url_and_host() -> None:
    request = builder().build(queued_url(), robots_id=3)
    assert request.url == "https://mill.example/sold"
    assert request.headers.to_unicode_dict() == {
        "User-Agent": "Mill/1.0 (+desk@mill.example)",
        "From": "desk@mill.example",
    }
    assert request.meta.pop("exchange").received_length == 0
    assert request.meta == {"queued": queued_url(), "hops": 0, "robots_id": 3, "download_slot": "mill.example"}
    assert (robots_id_of(request), redirect_count_of(request), latency_of(request)) == (3, 0, 0.0)


def test_scrapy_s_latency_is_read() -> None:
    request = builder().build(queued_url(), None)
    request.meta["download_latency"] = 0.25
    assert latency_of(request) == 0.25
    assert robots_id_of(request) is None


def test_cookies_and_the_headers_of_site_rules_go_to_their_host(
    cookies: tuple[Cookie, ...], site_rules: SiteRuleFolder
) -> None:
    build = builder(cookies=cookies, site_rules=site_rules).build
    request = build(queued_url(), None)
    assert request.headers["Cookie"] == b"ticket=red"
    assert request.headers["Referer"] == b"https://mill.example/"
    assert header_names(request) == ["User-Agent", "From", "Referer", "Cookie"]
    elsewhere = QueuedUrl(8, "https://other.example/", "other.example", "page", 1, 0, 0, "link", "", "")
    assert header_names(build(elsewhere, None)) == ["User-Agent", "From"]


def test_only_a_url_that_the_archive_holds_is_asked_for_conditionally() -> None:
    assert "If-None-Match" not in builder().build(queued_url(), None).headers
    request = builder().build(queued_url(held_at="2024-05-01T10:00:00+00:00"), None)
    assert request.headers["If-None-Match"] == b'"v1"'
    assert request.headers["If-Modified-Since"] == VALIDATORS["If-Modified-Since"].encode()


def test_a_robots_txt_comes_uncompressed_without_rule_headers_and_is_counted(site_rules: SiteRuleFolder) -> None:
    request = builder(site_rules=site_rules).build(queued_url("/robots.txt", "robots"), None)
    assert {name: request.headers[name].decode() for name in ("Accept", "Accept-Encoding")} == {
        "Accept": "text/plain, */*;q=0.5", "Accept-Encoding": "identity",
    }  # fmt: skip
    assert "Referer" not in request.headers
    assert (request.meta["download_maxsize"], request.meta["length"]) == (0, 0)


def test_a_robots_txt_that_moved_is_asked_for_where_it_is_now(cookies: tuple[Cookie, ...]) -> None:
    queued = queued_url("/robots.txt", "robots")
    request = builder(cookies=cookies).build(queued, None, "https://other.example/robots.txt", redirect_count=2)
    assert request.url == "https://other.example/robots.txt"
    assert request.meta["queued"] is queued
    assert request.meta["download_slot"] == "mill.example"
    assert redirect_count_of(request) == 2
    assert "Cookie" not in request.headers


@pytest.fixture
def early_stop() -> EarlyStop:
    return EarlyStop(lambda content_type: content_type.startswith("image/"), robots_bytes=10)


@pytest.mark.parametrize(
    ("kind", "content_type", "stops"),
    [("page", "image/png", True), ("page", "text/html", False), ("page", None, False), ("feed", "image/png", False)],
)
def test_what_says_that_it_is_no_page_is_not_read(
    early_stop: EarlyStop, kind: str, content_type: str | None, stops: bool
) -> None:
    request = builder(make_recorder=ExchangeRecorder).build(queued_url(kind=kind), None)
    headers = Headers({"Content-Type": content_type} if content_type else {})
    if not stops:
        early_stop.check_headers(headers, request)
        return
    with pytest.raises(StopDownload) as stop:
        early_stop.check_headers(headers, request)
    assert stop.value.fail is False
    assert request.meta["exchange"].cut_reason == "unspecified"


def test_a_robots_txt_is_read_up_to_its_bound(early_stop: EarlyStop) -> None:
    request = builder(make_recorder=ExchangeRecorder).build(queued_url("/robots.txt", "robots"), None)
    early_stop.check_length(b"x" * 10, request)
    assert request.meta["exchange"].cut_reason == ""
    with pytest.raises(StopDownload) as stop:
        early_stop.check_length(b"x", request)
    assert stop.value.fail is False
    assert request.meta["exchange"].cut_reason == "length"
    early_stop.check_length(b"x" * 100, builder().build(queued_url(), None))  # a page has no such bound


def test_scrapy_s_signals_end_a_download(early_stop: EarlyStop) -> None:
    signals = SignalManager(sender=early_stop)
    early_stop.connect(signals)
    robots, page = builder().build(queued_url("/robots.txt", "robots"), None), builder().build(queued_url(), None)
    headers = Headers({"Content-Type": "image/png"})
    for signal, values in ((bytes_received, {"data": b"x" * 11, "request": robots}),
                           (headers_received, {"headers": headers, "body_length": 9, "request": page})):  # fmt: skip
        ((_, result),) = signals.send_catch_log(signal, dont_log=StopDownload, **values)
        assert isinstance(result.value, StopDownload)


class Engine:
    """What `download` asks of Scrapy's engine."""

    def __init__(self, answer: Callable[[Request], Response], running: bool = True) -> None:
        self.running = running
        self.asked: list[Request] = []
        self._answer = answer

    async def download_async(self, request: Request) -> Response:
        self.asked.append(request)
        return self._answer(request)


def run_download(engine: Any) -> Response | Fault | None:
    return asyncio.run(download(engine, builder().build(queued_url(), None)))


def test_a_download_gives_the_response_or_the_fault_in_its_place() -> None:
    def fail(request: Request) -> Response:
        raise DownloadTimeoutError

    def fail_oddly(request: Request) -> Response:
        raise RuntimeError

    response = run_download(Engine(lambda request: Response(request.url, body=b"mill")))
    assert isinstance(response, Response)
    assert response.body == b"mill"
    assert run_download(Engine(fail)) == Fault("timeout", retry=True)
    assert run_download(Engine(fail_oddly)) == Fault("error:RuntimeError", retry=True)


def test_nothing_is_asked_for_of_an_engine_that_ends() -> None:
    engine = Engine(lambda request: Response(request.url), running=False)
    assert run_download(engine) is None
    assert engine.asked == []


def recorded(*, body: bytes, whole: bool) -> Request:
    request = builder(make_recorder=ExchangeRecorder).build(queued_url(), None)
    exchange: ExchangeRecorder = request.meta["exchange"]
    exchange.begin("192.0.2.1")
    exchange.record_sent(b"GET /sold HTTP/1.1\r\n\r\n")
    exchange.record_received(HEAD + body)
    exchange.mark_head_end(len(HEAD))
    if whole:
        exchange.mark_complete(0)
    return request


def test_the_bytes_of_a_response_can_be_had_once() -> None:
    request = recorded(body=b"mill", whole=True)
    response = Response(request.url, body=b"mill")
    wire = raw_exchange_of_response(request, response)
    assert wire is not None
    assert (wire.head, wire.body, wire.ip_address, wire.truncated) == (HEAD, b"mill", "192.0.2.1", "")
    assert wire.body is response.body
    assert raw_exchange_of_response(request, response) is None


@pytest.mark.parametrize(
    ("reason", "truncated"), [("timeout", "time"), ("too_large", "length"), ("dns", "unspecified")]
)
def test_the_bytes_before_a_fault_say_why_they_are_not_whole(reason: str, truncated: str) -> None:
    wire = raw_exchange_of_fault(recorded(body=b"mi", whole=False), Fault(reason))
    assert wire is not None
    assert (wire.status, wire.body, wire.truncated) == (200, b"mi", truncated)


def test_there_are_no_bytes_before_a_head_or_where_none_are_recorded() -> None:
    assert (
        raw_exchange_of_fault(builder(make_recorder=ExchangeRecorder).build(queued_url(), None), Fault("timeout"))
        is None
    )
    request = builder().build(queued_url(), None)
    assert raw_exchange_of_fault(request, Fault("timeout")) is None
    assert raw_exchange_of_response(request, Response(request.url, body=b"mill")) is None


def test_a_picture_has_a_bound_of_its_own_and_is_stopped_where_it_says_that_it_is_none() -> None:
    request = builder().build(queued_url("/a.png", "picture"), robots_id=None)
    assert request.meta["download_maxsize"] == 10_485_760
    stop = EarlyStop(lambda _: True, 10)
    for content_type in ("image/png", " IMAGE/avif; x=1", "text/html", "", "application/octet-stream"):
        stop.check_headers(Headers({"Content-Type": content_type} if content_type else {}), request)
    for content_type in ("text/plain", "application/pdf", "video/mp4"):
        with pytest.raises(StopDownload):
            stop.check_headers(Headers({"Content-Type": content_type}), request)
