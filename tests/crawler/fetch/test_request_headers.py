"""Cookies go to the hosts that they name.

Which requests carry the headers that a person gives.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest

from broadsheet.crawler.fetch import request_headers as given_headers
from broadsheet.crawler.fetch.request_headers import (
    GivenHeaders,
    cookie_header,
    cookies_for,
    overlaid,
    read_cookies,
    read_header,
    read_headers,
)
from broadsheet.crawler.options import OptionError

FILE = """# Netscape HTTP Cookie File
example.org\tFALSE\t/\tFALSE\t0\thost\tone
.example.org\tTRUE\t/\tFALSE\t0\tdomain\ttwo
.example.org\tTRUE\t/members\tFALSE\t0\tpath\tthree
.example.org\tTRUE\t/\tTRUE\t0\tsecure\tfour
other.example\tFALSE\t/\tFALSE\t1\texpired\tfive
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cookies.txt"
    path.write_text(FILE)
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
def test_a_url_gets_the_cookies_of_its_host_path_and_scheme(file: Path, url: str, names: set[str]) -> None:
    assert set(cookies_for(read_cookies(file), url)) == names


def test_they_are_sent_as_one_header_or_none(file: Path) -> None:
    cookies = read_cookies(file)
    assert cookie_header(cookies, "http://www.example.org/") == {"Cookie": "domain=two"}
    assert cookie_header(cookies, "http://elsewhere.example/") == {}


def test_no_file_means_no_cookies() -> None:
    assert read_cookies("") == read_cookies(None) == ()


@pytest.mark.parametrize("content", ["not a cookie file", "# Netscape HTTP Cookie File\nbroken line\n", "\xff\xfe"])
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(content.encode("latin-1"))
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with pytest.raises(OptionError, match=r"not a cookies\.txt file"):
            read_cookies(path)
    assert shown == [], "the library warns with a traceback"


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot read cookies"):
        read_cookies(tmp_path / "none")


def test_a_cookie_of_a_session_is_one_like_any_other(tmp_path: Path) -> None:
    """A browser writes it without a time at which it expires."""
    path = tmp_path / "cookies.txt"
    path.write_text("# Netscape HTTP Cookie File\nexample.org\tFALSE\t/\tFALSE\t\tsession\tsix\n")
    assert cookies_for(read_cookies(path), "http://example.org/") == {"session": "six"}


LOGIN = {"Authorization": "Bearer b3arer"}


@pytest.mark.parametrize(
    ("url", "is_sent"),
    [
        ("https://news.example/a", True),
        ("https://www.news.example/a", True),
        ("http://news.example/a", False),
        ("https://news.example:8443/a", False),
        ("https://blog.news.example/a", False),
        ("https://news.example.evil.example/a", False),
        ("https://cdn.example/sitemap.xml", False),
        ("http://old.example/", True),
        ("https://old.example/", True),
        ("http://127.0.0.1:8000/robots.txt", True),
        ("http://127.0.0.1:8001/robots.txt", False),
    ],
)
def test_they_go_to_the_hosts_of_the_start_urls(url: str, is_sent: bool) -> None:
    seeds = ("https://news.example/blog/", "http://www.old.example/", "http://127.0.0.1:8000/")
    assert GivenHeaders.for_seeds(LOGIN, seeds).for_url(url) == (LOGIN if is_sent else {})


@pytest.mark.parametrize(
    ("more_hosts", "url", "is_sent"),
    [
        ("api.news.example", "https://api.news.example/x", True),
        ("api.news.example", "http://api.news.example/x", True),
        ("API.news.example https://cdn.example/", "https://cdn.example/x", True),
        ("api.news.example", "https://cdn.example/x", False),
        ("cdn.example:8443", "https://cdn.example:8443/x", True),
        ("*", "http://anybody.example/", True),
    ],
)
def test_and_to_the_hosts_that_are_named(more_hosts: str, url: str, is_sent: bool) -> None:
    given = GivenHeaders.for_seeds(LOGIN, ("https://news.example/",), more_hosts)
    assert given.for_url(url) == (LOGIN if is_sent else {})


def lines_said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is said of headers; an event loop that another test left may say something of its own at any time."""
    return [record.getMessage() for record in caplog.records if record.name == given_headers.__name__]


def test_a_line_says_once_to_which_host_they_are_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    given = GivenHeaders.for_seeds(LOGIN, ("https://news.example/",))
    with caplog.at_level(logging.WARNING):
        for url in ("https://cdn.example/1", "https://cdn.example/2", "https://news.example/"):
            given.for_url(url)
    [line] = lines_said(caplog)
    assert "not sent to cdn.example" in line
    assert "b3arer" not in caplog.text


def test_without_headers_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert GivenHeaders().for_url("https://anybody.example/") == {}
    assert lines_said(caplog) == []


@pytest.mark.parametrize("name", ["mailto:a@b.example", "http://", "a b:c"])
def test_what_is_no_host(name: str) -> None:
    with pytest.raises(OptionError, match="--header-host takes a host"):
        GivenHeaders.for_seeds(LOGIN, (), name)


@pytest.mark.parametrize("value", ["X-A: 1\n\n X-B:  two: parts \n", {"X-A": "1", "X-B": "two: parts"}])
def test_headers_of_the_setting(value: object) -> None:
    assert read_headers(value) == {"X-A": "1", "X-B": "two: parts"}
    assert read_headers("") == read_headers(None) == {}


@pytest.mark.parametrize("text", ["s3cret", "X A: s3cret", "X-A: s3cret\x00", "Cookie: s3cret"])
def test_what_is_no_header_is_not_shown(text: str) -> None:
    with pytest.raises(OptionError) as error:
        read_headers(text)
    assert "s3cret" not in str(error.value)
    assert str(error.value).startswith("BROADSHEET_HEADERS: ")
    with pytest.raises(OptionError):
        read_header(text)


def test_a_header_is_sent_once_whatever_its_case() -> None:
    assert overlaid({"Accept": "a", "X": "1"}, {"accept": "b"}) == {"accept": "b", "X": "1"}
