from __future__ import annotations

import pytest

from broadsheet.crawler.replay.record_time import record_time


@pytest.mark.parametrize(
    ("stated", "time"),
    [
        ("2016", "2016-12-31T23:59:59"),
        ("2016-02", "2016-02-29T23:59:59"),
        ("2016-01-19", "2016-01-19T23:59:59"),
        ("2016-01-19T10Z", "2016-01-19T10:59:59"),
        ("2016-01-19T10:20Z", "2016-01-19T10:20:59"),
        ("2016-01-19T10:20:30Z", "2016-01-19T10:20:30"),
        ("2016-01-19t10:20:30.123456789z", "2016-01-19T10:20:30"),
        ("2016-01-19 10:20:30", "2016-01-19T10:20:30"),
        ("2016-01-19T10:20:30+02:00", "2016-01-19T08:20:30"),
        ("2016-01-19T10:20:30-0330", "2016-01-19T13:50:30"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59"),
        ("20080401103005", "2008-04-01T10:30:05"),
        ("200804011030", "2008-04-01T10:30:59"),
        ("20080401", "2008-04-01T23:59:59"),
    ],
)
def test_a_date_however_short_gives_the_latest_time_that_it_allows(stated: str, time: str):
    assert record_time(stated) == f"{time}+00:00"


@pytest.mark.parametrize(
    "stated",
    ["", "-", "never", "2008-10-294T10:20:30Z", "2016-13", "2016-02-30", "2016-01-19T25:00:00Z", "0000", "0001",
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "10016-01-01T00:00:00Z", "9999", "1969-12-31",
     "2016-01-19T10:20:30+99:99", "٢٠١٦", "2016" * 100],
)  # fmt: skip
def test_what_is_no_date_of_a_response_is_none(stated: str):
    assert record_time(stated) == ""
    assert record_time(stated, "Tue, 19 Jan 2016 10:20:30 GMT") == "2016-01-19T10:20:30+00:00"


def test_the_date_header_speaks_where_the_record_leaves_room():
    header = "Tue, 19 Jan 2016 10:20:30 GMT"
    assert record_time("2016", header) == record_time("2016-01-19", header) == "2016-01-19T10:20:30+00:00"
    assert record_time("2015", header) == "2015-12-31T23:59:59+00:00"
    assert record_time("2016-01-19T10:20:29Z", header) == "2016-01-19T10:20:29+00:00"


@pytest.mark.parametrize("header", ["", "soon", "0", "Tue, 19 Jan 99999 10:20:30 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_date_header_that_is_none_says_nothing(header: str):
    assert record_time("", header) == ""
