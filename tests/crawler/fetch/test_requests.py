"""Requests of queued URLs: who asks, with which headers and cookies, when a download is ended early.

Which bytes and faults come of one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import warnings
from http.cookiejar import Cookie
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from scrapy.exceptions import DownloadTimeoutError, StopDownload
from scrapy.http import Headers, Request, Response
from scrapy.signalmanager import SignalManager
from scrapy.signals import bytes_received, headers_received

from broadsheet.cleaners.judge.site_rule_files import SiteRuleFolder
from broadsheet.crawler.fetch import request_headers as given_headers
from broadsheet.crawler.fetch.exchange_recorder import ExchangeRecorder
from broadsheet.crawler.fetch.faults import Fault
from broadsheet.crawler.fetch.identity import Credentials, Identity, read_contact, read_user_agent
from broadsheet.crawler.fetch.request_headers import (
    GivenHeaders,
    cookie_header,
    cookies_for,
    overlaid,
    read_cookies,
    read_header,
    read_headers,
)
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
from broadsheet.crawler.options import OptionError
from broadsheet.crawler.settings import DEFAULT_REQUEST_HEADERS, USER_AGENT
from broadsheet.output.write.url_queue import QueuedUrl
from tests.crawler.scripted_site import ScriptedSite
from tests.crawler.warm import run

IDENTITY = Identity.with_contact("Mill/1.0", "desk@mill.example")
VALIDATORS = {"If-None-Match": '"v1"', "If-Modified-Since": "Wed, 01 May 2024 10:00:00 GMT"}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"


def queued_url(path: str = "/sold", kind: str = "page", held_at: str = "") -> QueuedUrl:
    return QueuedUrl(7, f"https://mill.example{path}", "mill.example", kind, 1, 0, 0, "link", "", "", held_at)


def builder(**fields: Any) -> RequestBuilder:
    return RequestBuilder(IDENTITY, lambda queued: VALIDATORS, **fields)


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


def test_a_request_says_who_asks_and_carries_its_url_and_host():
    """Only a URL that the archive holds is asked for conditionally."""
    request = builder().build(queued_url(), robots_id=3)
    assert request.url == "https://mill.example/sold"
    assert request.headers.to_unicode_dict() == SENDER
    assert request.meta.pop("exchange").received_length == 0
    assert request.meta == {"queued": queued_url(), "hops": 0, "robots_id": 3, "download_slot": "mill.example"}
    assert (robots_id_of(request), redirect_count_of(request), latency_of(request)) == (3, 0, 0.0)
    request.meta["download_latency"] = 0.25
    assert latency_of(request) == 0.25
    held = builder().build(queued_url(held_at="2024-05-01T10:00:00Z"), None)
    assert (robots_id_of(held), held.headers.to_unicode_dict()) == (None, SENDER | VALIDATORS)


def test_cookies_and_the_headers_of_site_rules_go_to_their_host(cookies, site_rules):
    build = builder(cookies=cookies, site_rules=site_rules).build
    here = {"Referer": "https://mill.example/", "Cookie": "ticket=red"}
    assert build(queued_url(), None).headers.to_unicode_dict() == SENDER | here
    elsewhere = QueuedUrl(8, "https://other.example/", "other.example", "page", 1, 0, 0, "link", "", "")
    assert build(elsewhere, None).headers.to_unicode_dict() == SENDER


def test_a_robots_txt_comes_uncompressed_without_rule_headers_and_is_counted(site_rules, cookies):
    """One that moved is asked for where it is now."""
    queued, there = queued_url("/robots.txt", "robots"), "https://other.example/robots.txt"
    build = builder(site_rules=site_rules, cookies=cookies).build
    plain = SENDER | {"Accept": "text/plain, */*;q=0.5", "Accept-Encoding": "identity"}
    request, moved = build(queued, None), build(queued, None, there, redirect_count=2)
    assert request.headers.to_unicode_dict() == plain | {"Cookie": "ticket=red"}
    assert (request.meta["download_maxsize"], request.meta["length"]) == (0, 0)
    assert (moved.url, moved.headers.to_unicode_dict()) == (there, plain)
    assert moved.meta["queued"] is queued
    assert (moved.meta["download_slot"], redirect_count_of(moved)) == ("mill.example", 2)


@pytest.fixture
def early_stop() -> EarlyStop:
    return EarlyStop(lambda content_type: content_type.startswith("image/"), robots_bytes=10)


@pytest.mark.parametrize(
    ("kind", "content_type", "stops"),
    [("page", "image/png", True), ("page", "text/html", False), ("page", None, False), ("feed", "image/png", False)],
)
def test_what_says_that_it_is_no_page_is_not_read(early_stop, kind, content_type, stops):
    request = builder(make_recorder=ExchangeRecorder).build(queued_url(kind=kind), None)
    headers = Headers({"Content-Type": content_type} if content_type else {})
    if not stops:
        early_stop.check_headers(headers, request)
        return
    with pytest.raises(StopDownload) as stop:
        early_stop.check_headers(headers, request)
    assert stop.value.fail is False
    assert request.meta["exchange"].cut_reason == "unspecified"


def test_a_robots_txt_is_read_up_to_its_bound(early_stop):
    request = builder(make_recorder=ExchangeRecorder).build(queued_url("/robots.txt", "robots"), None)
    early_stop.check_length(b"x" * 10, request)
    assert request.meta["exchange"].cut_reason == ""
    with pytest.raises(StopDownload) as stop:
        early_stop.check_length(b"x", request)
    assert stop.value.fail is False
    assert request.meta["exchange"].cut_reason == "length"
    early_stop.check_length(b"x" * 100, builder().build(queued_url(), None))  # a page has no such bound


def test_scrapy_s_signals_end_a_download(early_stop):
    signals = SignalManager(sender=early_stop)
    early_stop.connect(signals)
    robots, page = builder().build(queued_url("/robots.txt", "robots"), None), builder().build(queued_url(), None)
    headers = Headers({"Content-Type": "image/png"})
    for signal, values in ((bytes_received, {"data": b"x" * 11, "request": robots}),
                           (headers_received, {"headers": headers, "body_length": 9, "request": page})):  # fmt: skip
        ((_, result),) = signals.send_catch_log(signal, dont_log=StopDownload, **values)
        assert isinstance(result.value, StopDownload)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Response("https://mill.example/sold", body=b"mill"), b"mill"),
        (DownloadTimeoutError(), Fault("timeout", retry=True)),
        (RuntimeError(), Fault("error:RuntimeError", retry=True)),
        (None, None),
    ],
)
def test_a_download_gives_the_response_or_the_fault_in_its_place(answer, expected):
    """Nothing is asked for of an engine that ends."""
    engine = SimpleNamespace(running=answer is not None, download_async=AsyncMock(side_effect=[answer]))
    got: Any = asyncio.run(download(engine, builder().build(queued_url(), None)))  # type: ignore[arg-type]
    assert (got.body if isinstance(got, Response) else got) == expected
    assert engine.download_async.called is engine.running


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


def test_the_bytes_of_a_response_can_be_had_once():
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
def test_the_bytes_before_a_fault_say_why_they_are_not_whole(reason, truncated):
    """There are none before a head, or where none are recorded."""
    wire = raw_exchange_of_fault(recorded(body=b"mi", whole=False), Fault(reason))
    assert wire is not None
    assert (wire.status, wire.body, wire.truncated) == (200, b"mi", truncated)
    for fields in ({"make_recorder": ExchangeRecorder}, {}):
        request = builder(**fields).build(queued_url(), None)
        assert raw_exchange_of_fault(request, Fault(reason)) is None
    assert raw_exchange_of_response(request, Response(request.url, body=b"mill")) is None


SENDER = {"User-Agent": "Mill/1.0 (+desk@mill.example)", "From": "desk@mill.example"}


def test_what_a_url_gets_of_cookies_is_one_header_or_none(cookie_file, tmp_path):
    """A browser writes one of a session without a time at which it expires."""
    cookies, path = read_cookies(cookie_file), tmp_path / "session.txt"
    assert cookie_header(cookies, "http://www.example.org/") == {"Cookie": "domain=two"}
    assert cookie_header(cookies, "http://elsewhere.example/") == {}
    path.write_text("# Netscape HTTP Cookie File\nexample.org\tFALSE\t/\tFALSE\t\tsession\tsix\n")
    assert cookies_for(read_cookies(path), "http://example.org/") == {"session": "six"}
    assert read_cookies("") == read_cookies(None) == ()
    with pytest.raises(OptionError, match="cannot read cookies"):
        read_cookies(tmp_path / "none")


SEEDS = ("https://news.example/blog/", "http://www.old.example/", "http://127.0.0.1:8000/")


@pytest.mark.parametrize(
    ("more_hosts", "url", "is_sent"),
    [
        ("", "https://news.example/a", True),
        ("", "https://www.news.example/a", True),
        ("", "http://news.example/a", False),
        ("", "https://news.example:8443/a", False),
        ("", "https://blog.news.example/a", False),
        ("", "https://news.example.evil.example/a", False),
        ("", "https://cdn.example/sitemap.xml", False),
        ("", "http://old.example/", True),
        ("", "https://old.example/", True),
        ("", "http://127.0.0.1:8000/robots.txt", True),
        ("", "http://127.0.0.1:8001/robots.txt", False),
        ("api.news.example", "https://api.news.example/x", True),
        ("api.news.example", "http://api.news.example/x", True),
        ("API.news.example https://cdn.example/", "https://cdn.example/x", True),
        ("api.news.example", "https://cdn.example/x", False),
        ("cdn.example:8443", "https://cdn.example:8443/x", True),
        ("*", "http://anybody.example/", True),
    ],
)
def test_they_go_to_the_hosts_of_the_start_urls_and_to_those_that_are_named(more_hosts, url, is_sent):
    assert GivenHeaders.for_seeds(LOGIN, SEEDS, more_hosts).for_url(url) == (LOGIN if is_sent else {})


def test_a_picture_has_a_bound_of_its_own_and_is_stopped_where_it_says_that_it_is_none():
    request = builder().build(queued_url("/a.png", "picture"), robots_id=None)
    assert request.meta["download_maxsize"] == 10_485_760
    stop = EarlyStop(lambda _: True, 10)
    for content_type in ("image/png", " IMAGE/avif; x=1", "text/html", "", "application/octet-stream"):
        stop.check_headers(Headers({"Content-Type": content_type} if content_type else {}), request)
    for content_type in ("text/plain", "application/pdf", "video/mp4"):
        with pytest.raises(StopDownload):
            stop.check_headers(Headers({"Content-Type": content_type}), request)


COOKIE_FILE = """# Netscape HTTP Cookie File
example.org\tFALSE\t/\tFALSE\t0\thost\tone
.example.org\tTRUE\t/\tFALSE\t0\tdomain\ttwo
.example.org\tTRUE\t/members\tFALSE\t0\tpath\tthree
.example.org\tTRUE\t/\tTRUE\t0\tsecure\tfour
other.example\tFALSE\t/\tFALSE\t1\texpired\tfive
"""


@pytest.fixture
def cookie_file(tmp_path: Path) -> Path:
    path = tmp_path / "cookies.txt"
    path.write_text(COOKIE_FILE)
    return path


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("http://example.org/", {"host", "domain"}),
        ("https://example.org/", {"host", "domain", "secure"}),
        ("http://example.org/members/x", {"host", "domain", "path"}),
        ("http://example.org/membership", {"host", "domain"}),
        ("http://www.example.org/", {"domain"}),
        ("http://notexample.org/", set()),
        ("http://example.org.evil.example/", set()),
        ("http://other.example/", {"expired"}),
    ],
)
def test_a_url_gets_the_cookies_of_its_host_path_and_scheme(cookie_file, url, names):
    assert set(cookies_for(read_cookies(cookie_file), url)) == names


@pytest.mark.parametrize("content", ["not a cookie file", "# Netscape HTTP Cookie File\nbroken line\n", "\xff\xfe"])
def test_another_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "c.txt"
    path.write_bytes(content.encode("latin-1"))
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with pytest.raises(OptionError, match=r"not a cookies\.txt file"):
            read_cookies(path)
    assert shown == [], "the library warns with a traceback"


LOGIN = {"Authorization": "Bearer b3arer"}


def lines_said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is said of headers; an event loop that another test left may say something of its own at any time."""
    return [record.getMessage() for record in caplog.records if record.name == given_headers.__name__]


def test_a_line_says_once_to_which_host_they_are_not_sent(caplog):
    given = GivenHeaders.for_seeds(LOGIN, ("https://news.example/",))
    with caplog.at_level(logging.WARNING):
        assert GivenHeaders().for_url("https://anybody.example/") == {}
        for url in ("https://cdn.example/1", "https://cdn.example/2", "https://news.example/"):
            given.for_url(url)
    [line] = lines_said(caplog)
    assert "not sent to cdn.example" in line
    assert "b3arer" not in caplog.text


@pytest.mark.parametrize("name", ["mailto:a@b.example", "http://", "a b:c"])
def test_what_is_no_host(name):
    with pytest.raises(OptionError, match="--header-host takes a host"):
        GivenHeaders.for_seeds(LOGIN, (), name)


@pytest.mark.parametrize("value", ["X-A: 1\n\n X-B:  two: parts \n", {"X-A": "1", "X-B": "two: parts"}])
def test_headers_of_the_setting(value):
    assert read_headers(value) == {"X-A": "1", "X-B": "two: parts"}
    assert read_headers("") == read_headers(None) == {}


@pytest.mark.parametrize("text", ["s3cret", "X A: s3cret", "X-A: s3cret\x00", "Cookie: s3cret"])
def test_what_is_no_header_is_not_shown(text):
    with pytest.raises(OptionError) as error:
        read_headers(text)
    assert "s3cret" not in str(error.value)
    assert str(error.value).startswith("BROADSHEET_HEADERS: ")
    with pytest.raises(OptionError):
        read_header(text)


def test_a_header_is_sent_once_whatever_its_case():
    assert overlaid({"Accept": "a", "X": "1"}, {"accept": "b"}) == {"accept": "b", "X": "1"}


def test_headers_that_were_given_count_by_name_and_value():
    """A secret has six characters at least. The project's own headers are none."""
    given = {"Accept": "text/plain", "X-Reader": "Bearer abcdefgh abcde", "X-None": None}
    credentials = Credentials.from_options(DEFAULT_REQUEST_HEADERS | given, ())
    assert credentials.header_names == {"accept", "x-reader"}
    assert credentials.values == ("Bearer abcdefgh abcde", "text/plain", "abcdefgh", "Bearer")
    assert "abcdefgh" not in repr(credentials)
    assert Credentials.from_options(DEFAULT_REQUEST_HEADERS, ()) == Credentials()


def test_the_contact_is_in_the_user_agent_and_a_mail_address_is_the_sender_too():
    assert Identity.with_contact(USER_AGENT, PAGE).headers() == {"User-Agent": f"{PRODUCT} (+{PAGE})"}
    assert Identity.with_contact("Reader/1 (compatible)", PAGE).user_agent == f"Reader/1 (compatible) (+{PAGE})"
    assert Identity.with_contact(f"Reader/1 (+{PAGE})", PAGE).user_agent == f"Reader/1 (+{PAGE})"
    assert Identity.with_contact(USER_AGENT, "") == Identity(USER_AGENT)
    assert Identity.with_contact(USER_AGENT, MAIL).headers() == {"User-Agent": f"{PRODUCT} (+{MAIL})", "From": MAIL}
    assert "From" not in Identity.with_contact(USER_AGENT, "https://social.example/@us").headers()


def test_cookies_count_by_value_unless_they_are_short(tmp_path):
    lines = [
        "# Netscape HTTP Cookie File",
        "a.test\tFALSE\t/\tFALSE\t0\tsid\t123456789",
        "a.test\tFALSE\t/\tFALSE\t0\tx\t1",
    ]
    (tmp_path / "cookies.txt").write_text("\n".join(lines) + "\n")
    assert Credentials.from_options({}, read_cookies(tmp_path / "cookies.txt")).values == ("123456789",)


PRODUCT = USER_AGENT.split(" (")[0]
PAGE = "https://a.example/about-our-crawls"
MAIL = "crawls@a.example"


@pytest.mark.parametrize(
    ("agent", "robot"), [(USER_AGENT, "broadsheet"), ("Reader/2", "reader"), ("My_Bot-x 1", "my_bot-x"), ("1", "")]
)
def test_directives_call_it_by_its_product(agent, robot):
    assert Identity.with_contact(agent, "").robot_name == robot


@pytest.mark.parametrize(
    ("contact", "read"),
    [
        (f" {PAGE} ", PAGE),
        (f"mailto:{MAIL}", MAIL),
        ("HTTPS://A.example", "https://a.example/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("", ""),
        (f"https://a.example/{'x' * 182}", f"https://a.example/{'x' * 182}"),
    ],
)
def test_contacts_as_they_are_sent(contact, read):
    assert read_contact(contact) == read


@pytest.mark.parametrize(
    "contact",
    [
        "a.example", "ftp://a.example/", "me at a.example", "me@", "@a.example", "a@b@c", f"{MAIL}\r\nX-Evil: 1",
        f"{PAGE}\nX: y", "(me)@a.example", "https://a.example/) (Googlebot", "é@a.example", "a@b." + "c" * 300,
        "x y@a.example", f"https://a.example/{'x' * 183}",
    ],
)  # fmt: skip
def test_what_is_no_contact(contact):
    with pytest.raises(OptionError, match="a contact must be a URL or a mail address") as error:
        read_contact(contact)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("user_agent", ["", "  ", "a\r\nb: c", "a\nb", "x\x00", "Zeitungsträger/1"])
def test_what_is_no_user_agent(user_agent):
    with pytest.raises(OptionError, match="one line of printable ASCII") as error:
        read_user_agent(user_agent)
    assert "\n" not in str(error.value)


def crawled(tmp_path: Path, *options: str, **environment: str) -> list[str]:
    """What `broadsheet crawl` of a site without pages says on standard error."""
    inherited = {name: value for name, value in os.environ.items() if name != "BROADSHEET_CONTACT"}
    site = ScriptedSite()
    command = ["crawl", f"{site.url}/", "--allow-private", *options, "--db", str(tmp_path / "a.db")]
    _, _, errors = run("broadsheet.crawler.cli", command, inherited | environment)
    site.close()
    return errors.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "environment"),
    [([], {}), (["--contact", MAIL], {}), (["-q"], {}), ([], {"BROADSHEET_CONTACT": PAGE})],
    ids=["this machine", "contact", "quiet", "environment"],
)
def test_nobody_else_is_told(tmp_path, options, environment):
    assert len(crawled(tmp_path, *options, **environment)) == 1


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        (["--contact", "me\r\nX-Evil: 1"], {}, "a contact must be a URL or a mail address"),
        ([], {"BROADSHEET_CONTACT": "nobody"}, "a contact must be a URL or a mail address"),
        (["--user-agent", "a\nb"], {}, "one line of printable ASCII"),
    ],
    ids=["contact", "environment", "agent"],
)
def test_nonsense_is_one_line(tmp_path, options, environment, message):
    (line,) = crawled(tmp_path, *options, **environment)
    assert line.startswith("broadsheet: ")
    assert message in line
    assert not (tmp_path / "a.db").exists()
