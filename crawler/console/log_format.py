"""Scrapy's log: no line about single requests and items where the level hides them, and no credentials in any."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.http import Request, Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from scrapy.utils.log import get_scrapy_root_handler
from twisted.python.failure import Failure

from broadsheet.output.raw.credentials import REDACTED, without_userinfo


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


class RedactingFormatter(logging.Formatter):
    """Another formatter's lines, tracebacks included, without some values and without user names in URLs."""

    def __init__(self, formatter: logging.Formatter, values: Sequence[str]) -> None:
        super().__init__()
        self.inner_formatter = formatter
        self._values = values

    def format(self, record: logging.LogRecord) -> str:
        """The line to be logged."""
        text = without_userinfo(self.inner_formatter.format(record))
        for value in self._values:
            text = text.replace(value, REDACTED.decode())
        return text


def redact_logs(values: Sequence[str] = ()) -> None:
    """Keep these values, and user names in URLs, out of what Scrapy's handler logs from now on."""
    handler = get_scrapy_root_handler()
    if handler is None or handler.formatter is None:
        return
    formatter = handler.formatter
    inner_formatter = formatter.inner_formatter if isinstance(formatter, RedactingFormatter) else formatter
    handler.setFormatter(RedactingFormatter(inner_formatter, values))
