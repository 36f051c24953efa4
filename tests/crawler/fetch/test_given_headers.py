"""Which requests carry the headers that a person gives."""

from __future__ import annotations

import logging

import pytest

from broadsheet.crawler.fetch import given_headers
from broadsheet.crawler.fetch.given_headers import GivenHeaders, overlaid, read_header, read_headers
from broadsheet.crawler.options import OptionError

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
