"""Scrapy's log lines about single requests and items, not even made where the log level hides them."""

from __future__ import annotations

import logging
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.http import Request, Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure


class QuietLogFormatter(LogFormatter):
    """Scrapy's formatter, with lines about good responses and items only where the log level is DEBUG."""

    def __init__(self, *, is_debugging: bool) -> None:
        self._is_debugging = is_debugging

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Made by Scrapy; the level is the setting LOG_LEVEL."""
        level = crawler.settings["LOG_LEVEL"]
        level_number = logging.getLevelName(level) if isinstance(level, str) else level
        return cls(is_debugging=not isinstance(level_number, int) or level_number <= logging.DEBUG)

    def crawled(self, request: Request, response: Response, spider: Any) -> LogFormatterResult:
        """The line about a response, or None."""
        return super().crawled(request, response, spider) if self._is_debugging else None  # type: ignore[return-value]

    def scraped(self, item: Any, response: Response | Failure | None, spider: Any) -> LogFormatterResult:
        """The line about an item, or None."""
        return super().scraped(item, response, spider) if self._is_debugging else None  # type: ignore[return-value]
