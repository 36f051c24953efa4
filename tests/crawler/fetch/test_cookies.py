"""Cookies go to the hosts that they name."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from broadsheet.crawler.fetch.cookies import cookie_header, cookies_for, read_cookies
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
