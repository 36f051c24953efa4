"""Lines about single answers are made only where they are shown."""

from __future__ import annotations

import logging
import sys

import pytest
from scrapy.http import Request, Response
from scrapy.utils.test import get_crawler

from broadsheet.crawler.console.log_format import QuietLogFormatter, RedactingFormatter

REQUEST = Request("http://a.example/")
RESPONSE = Response("http://a.example/", request=REQUEST)


def formatter(level: str) -> QuietLogFormatter:
    return QuietLogFormatter.from_crawler(get_crawler(settings_dict={"LOG_LEVEL": level}))


@pytest.mark.parametrize("level", ["INFO", "WARNING", "ERROR"])
def test_nothing_is_made_of_what_is_hidden(level: str) -> None:
    assert formatter(level).crawled(REQUEST, RESPONSE, None) is None
    assert formatter(level).scraped({}, RESPONSE, None) is None


def test_debugging_shows_answers_and_items() -> None:
    assert formatter("DEBUG").crawled(REQUEST, RESPONSE, None)["args"]["status"] == 200
    assert formatter("DEBUG").scraped({"a": 1}, RESPONSE, None)["args"]["item"] == {"a": 1}


def test_no_value_and_no_user_name_is_in_a_line_or_a_traceback() -> None:
    try:
        raise ValueError("http://me:pw@a.example/ and s3cret-value")
    except ValueError:
        error = sys.exc_info()
    record = logging.LogRecord(
        "x", logging.ERROR, "file", 1, "sent %s to %s", ("s3cret-value", "//me@b.example"), error
    )
    line = RedactingFormatter(logging.Formatter("[%(name)s] %(message)s"), ["s3cret-value"]).format(record)
    assert line.startswith("[x] sent [redacted] to //b.example\nTraceback")
    assert line.endswith("ValueError: http://a.example/ and [redacted]")
