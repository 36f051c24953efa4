"""Scrapy's lines about single requests and items, left out before they are made where the log level hides them."""

from __future__ import annotations

import logging
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.http import Request, Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure


class SparingFormatter(LogFormatter):
    """Scrapy's formatter, which says nothing of good answers and items unless debugging is asked for."""

    def __init__(self, *, talkative: bool) -> None:
        self._talkative = talkative

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Made by Scrapy; the level is the setting LOG_LEVEL."""
        level = crawler.settings["LOG_LEVEL"]
        number = logging.getLevelName(level) if isinstance(level, str) else level
        return cls(talkative=not isinstance(number, int) or number <= logging.DEBUG)

    def crawled(self, request: Request, response: Response, spider: Any) -> LogFormatterResult:
        """The line about an answer, or none."""
        return super().crawled(request, response, spider) if self._talkative else None  # type: ignore[return-value]

    def scraped(self, item: Any, response: Response | Failure | None, spider: Any) -> LogFormatterResult:
        """The line about an item, or none."""
        return super().scraped(item, response, spider) if self._talkative else None  # type: ignore[return-value]
