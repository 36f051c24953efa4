from __future__ import annotations

import sqlite3

import pytest

from broadsheet.output.store.stated_date import StatedDate, read_stated_date

READ: dict[str, tuple[str, str]] = {
    # with a zone: an instant
    "2024-05-03T15:47:42+02:00": ("2024-05-03T13:47:42Z", "2024-05-03"),
    "2024-05-03T10:00:00+05:30": ("2024-05-03T04:30:00Z", "2024-05-03"),
    "2024-05-03T10:00:00-03:30": ("2024-05-03T13:30:00Z", "2024-05-03"),
    "2024-05-03T10:00:00+00:00": ("2024-05-03T10:00:00Z", "2024-05-03"),
    "2024-05-03T10:00:00-00:00": ("2024-05-03T10:00:00Z", "2024-05-03"),
    "2024-05-03T10:00:00Z": ("2024-05-03T10:00:00Z", "2024-05-03"),
    "2024-05-03 10:00Z": ("2024-05-03T10:00:00Z", "2024-05-03"),
    "2024-05-03T10:00:00.750Z": ("2024-05-03T10:00:00Z", "2024-05-03"),
    # the publisher's day is another one than the day in UTC
    "2024-05-03T23:30:00-05:00": ("2024-05-04T04:30:00Z", "2024-05-03"),
    "2024-05-03T00:30:00+05:30": ("2024-05-02T19:00:00Z", "2024-05-03"),
    "2024-03-01T00:00:00+14:00": ("2024-02-29T10:00:00Z", "2024-03-01"),
    "2023-12-31T23:59:59-12:00": ("2024-01-01T11:59:59Z", "2023-12-31"),
    # without a zone, or without a time: no instant
    "2024-05-03T15:47:42": ("", "2024-05-03"),
    "2024-05-03 15:47": ("", "2024-05-03"),
    "2024-05-03": ("", "2024-05-03"),
    # a month or a year has no day
    "2024-05": ("", ""),
    "2024": ("", ""),
    # years that are no four digits, and instants in them
    "0999-05-03T10:00:00Z": ("0999-05-03T10:00:00Z", "0999-05-03"),
    "0999-05-03": ("", "0999-05-03"),
    "0001-01-01T00:00:00+14:00": ("", "0001-01-01"),
    "0000-05-03": ("", ""),
    "999-05-03": ("", ""),
    "9999-12-31T23:00:00-05:00": ("", "9999-12-31"),
    "9999-12-31T23:00:00Z": ("9999-12-31T23:00:00Z", "9999-12-31"),
    "10000-01-01": ("", ""),
    # a day that is one, with a time or a zone that is none
    "2024-05-03T25:00:00Z": ("", "2024-05-03"),
    "2024-05-03T10:60:00Z": ("", "2024-05-03"),
    "2024-05-03T10:00:60Z": ("", "2024-05-03"),
    "2024-05-03T10:00:00+15:00": ("", "2024-05-03"),
    "2024-05-03T10:00:00-99:00": ("", "2024-05-03"),
    "2024-05-03T10:00:00+02:00 or so": ("", "2024-05-03"),
    # no date
    "": ("", ""),
    "2024-02-30": ("", ""),
    "2023-02-29T10:00:00Z": ("", ""),
    "2024-13-01": ("", ""),
    "20240503": ("", ""),
    "2024-05-031": ("", ""),
    "2024-W18-5": ("", ""),
    "٢٠٢٤-٠٥-٠٣": ("", ""),
    "3 May 2024": ("", ""),
    "now": ("", ""),
}
"""What a page states: the instant in UTC, and the day in the publisher's zone."""


@pytest.mark.parametrize("text", READ)
def test_what_is_known_is_taken_from_what_is_stated(text: str) -> None:
    assert read_stated_date(text) == StatedDate(*READ[text], text)


@pytest.mark.parametrize("instant", sorted({instant for instant, _ in READ.values() if instant}))
def test_sqlite_reads_every_instant_as_it_stands(instant: str) -> None:
    query = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ?)"
    assert sqlite3.connect(":memory:").execute(query, [instant]).fetchone() == (instant,)
