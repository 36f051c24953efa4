"""Which headers and cookies count as given by a person."""

from __future__ import annotations

from pathlib import Path

from broadsheet.crawler.fetch.cookies import read_cookies
from broadsheet.crawler.fetch.credentials import Credentials
from broadsheet.crawler.settings import DEFAULT_REQUEST_HEADERS


def test_the_project_s_own_headers_are_none() -> None:
    assert Credentials.from_options(DEFAULT_REQUEST_HEADERS, ()) == Credentials()


def test_headers_that_were_given_count_by_name_and_value() -> None:
    headers = DEFAULT_REQUEST_HEADERS | {"Accept": "text/plain", "X-Reader": "Bearer abcdefgh", "X-None": None}
    credentials = Credentials.from_options(headers, ())
    assert credentials.header_names == {"accept", "x-reader"}
    assert credentials.values == ("Bearer abcdefgh", "text/plain", "abcdefgh", "Bearer")
    assert "abcdefgh" not in repr(credentials)


def test_cookies_count_by_value_unless_they_are_short(tmp_path: Path) -> None:
    lines = [
        "# Netscape HTTP Cookie File",
        "a.test\tFALSE\t/\tFALSE\t0\tsid\t123456789",
        "a.test\tFALSE\t/\tFALSE\t0\tx\t1",
    ]
    (tmp_path / "cookies.txt").write_text("\n".join(lines) + "\n")
    assert Credentials.from_options({}, read_cookies(tmp_path / "cookies.txt")).values == ("123456789",)
