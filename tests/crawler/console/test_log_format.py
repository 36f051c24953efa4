"""Lines about single answers are made only where they are shown."""

from __future__ import annotations

import pytest
from scrapy.http import Request, Response
from scrapy.utils.test import get_crawler

from crawler.console.log_format import QuietLogFormatter

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
