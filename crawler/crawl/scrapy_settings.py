"""Scrapy's settings and log as a crawl takes them, and the add-on for a user's project.

A project takes it by `ADDONS = {"broadsheet.Addon": 0}`.

`scrapy crawl site -a url=https://news.example/ -a db=news.db` works there then, and spiders may be derived from
`broadsheet.crawler.crawl.spiders.SiteSpider`. The project's other spiders stay as they are, but for one thing: names
resolve to public addresses only, unless BROADSHEET_ALLOW_PRIVATE is on. There, our settings have the priority of an
add-on, so that what the project, a spider or the command line sets goes first.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.exceptions import UsageError
from scrapy.http import Request, Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from scrapy.settings import BaseSettings
from scrapy.utils.log import get_scrapy_root_handler
from scrapy.utils.misc import load_object
from twisted.python.failure import Failure

from broadsheet.cleaners.package_data import read_toml
from broadsheet.output.raw.redaction import REDACTED, without_userinfo

from .. import settings as own_settings

_SPIDERS = "broadsheet.crawler.crawl.spiders"
_RESOLVER = "broadsheet.crawler.fetch.guard.GuardedResolver"
_REFUSAL_WORDS = "broadsheet.crawler.fetch.guard.RefusalWords"
_NEAR_RETRY = 560  # Scrapy's RetryMiddleware is at 550: ours must see the exception first


class Addon:
    """Adds our spiders to the project, and refuses host names that resolve to private addresses, with a clear error.

    All other settings come with `SiteSpider`, for its crawls alone.
    """

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        """Add our spiders and resolver; Scrapy calls this before it looks for spiders and starts its reactor."""
        modules = settings.getlist("SPIDER_MODULES")
        if _SPIDERS not in modules:
            settings.set("SPIDER_MODULES", [*modules, _SPIDERS], priority=settings.getpriority("SPIDER_MODULES") or 0)
        settings.set("TWISTED_DNS_RESOLVER", _RESOLVER, priority="addon")
        name = "DOWNLOADER_MIDDLEWARES"
        middlewares = settings.getdict(name) | {_REFUSAL_WORDS: _NEAR_RETRY}
        settings.set(name, middlewares, priority=settings.getpriority(name) or 0)


_PRIORITY = "addon"
_OF_THE_PROJECT = frozenset(("BOT_NAME", "SPIDER_MODULES", "NEWSPIDER_MODULE", "LOG_LEVEL"))
"""Settings that a user's project decides for itself."""

_MARK = "BROADSHEET_SETTINGS"
_TAKEN_OVER: Mapping[str, str] = {
    "DOWNLOAD_DELAY": "BROADSHEET_DELAY",
    "CONCURRENT_REQUESTS_PER_DOMAIN": "BROADSHEET_CONCURRENCY",
    "RETRY_TIMES": "BROADSHEET_RETRY_TIMES",
}
"""Settings of Scrapy's, and ours that does the same."""

_logger = logging.getLogger(__name__)


def bring_settings(settings: BaseSettings) -> None:
    """Put our settings below those that a user has set."""
    names = (name for name in dir(own_settings) if name.isupper() and not name.startswith("_"))
    for name, value in ((name, getattr(own_settings, name)) for name in names if name not in _OF_THE_PROJECT):
        settings.set(name, value, priority=_PRIORITY)


def translate_settings(settings: BaseSettings) -> None:
    """Translate Scrapy settings of the user to ours that replace them."""
    for name, own_name in _TAKEN_OVER.items():
        if is_user_set(settings, name) and not is_user_set(settings, own_name):
            settings.set(own_name, settings[name], priority=settings.getpriority(name) or 0)
        settings.set(name, getattr(own_settings, name, None), priority=_above_user(settings, name))
    if is_user_set(settings, "RETRY_ENABLED") and not settings.getbool("RETRY_ENABLED"):
        settings.set("BROADSHEET_RETRY_TIMES", 0, priority="cmdline")
    if settings["JOBDIR"]:
        _logger.warning("JOBDIR is ignored: the archive keeps the crawl's state, and the next crawl goes on from it")
        settings.set("JOBDIR", None, priority=_above_user(settings, "JOBDIR"))


def check_loadable(settings: BaseSettings) -> None:
    """Raise UsageError for a resolver that cannot be loaded: Scrapy loads it before it asks a spider."""
    for name in ("TWISTED_DNS_RESOLVER", "DNS_RESOLVER"):
        try:
            load_object(settings[name])
        except (ImportError, NameError, TypeError, ValueError) as error:
            raise UsageError(f"{name} cannot be used: {error}") from error


def ignored_settings(settings: BaseSettings) -> str:
    """Return one line that names Scrapy settings set by the user that have no effect here; empty if there are none.

    The line also says what a crawl does instead.
    """
    user_set = sorted(name for name in settings if is_user_set(settings, name))
    notes = []
    for group in read_toml(__package__, "scrapy_settings.toml").values():
        starts = tuple(start for start in group["settings"] if start.endswith("_"))
        named = [name for name in user_set if name.startswith(starts) or name in group["settings"]]
        if names := [name for name in named if not _is_harmless(settings, name, group.get("harmless"))]:
            notes.append(f"{', '.join(names)} ({group['instead']})")
    return f"These settings have no effect: {'; '.join(notes)}" if notes else ""


def _is_harmless(settings: BaseSettings, name: str, harmless: object) -> bool:
    """Return whether a setting asks for the default behaviour."""
    try:
        return harmless is not None and settings.getbool(name) == bool(harmless)
    except (TypeError, ValueError):  # no switch
        return False


def depth_limit(settings: BaseSettings) -> int | None:
    """Read how many links to follow from a seed, by DEPTH_LIMIT; None without a limit."""
    return settings.getint("DEPTH_LIMIT") or None


def is_user_set(settings: BaseSettings, name: str) -> bool:
    """Return whether a setting has a higher priority than ours."""
    return (settings.getpriority(name) or 0) > (settings.getpriority(_MARK) or 0)


def _above_user(settings: BaseSettings, name: str) -> int:
    """Return a priority above the user's, whose value Scrapy sets a second time when it runs a project's crawl."""
    return (settings.getpriority(name) or 0) + 1


class QuietLogFormatter(LogFormatter):
    """Scrapy's formatter, with lines about good responses and items only where the log level is DEBUG."""

    def __init__(self, *, is_debugging: bool) -> None:
        self._is_debugging = is_debugging

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the formatter for Scrapy; the level is the setting LOG_LEVEL."""
        level = crawler.settings["LOG_LEVEL"]
        level_number = logging.getLevelName(level) if isinstance(level, str) else level
        return cls(is_debugging=not isinstance(level_number, int) or level_number <= logging.DEBUG)

    def crawled(self, request: Request, response: Response, spider: Any) -> LogFormatterResult:
        """Return the line about a response; None unless debugging."""
        return super().crawled(request, response, spider) if self._is_debugging else None  # type: ignore[return-value]

    def scraped(self, item: Any, response: Response | Failure | None, spider: Any) -> LogFormatterResult:
        """Return the line about an item; None unless debugging."""
        return super().scraped(item, response, spider) if self._is_debugging else None  # type: ignore[return-value]


class RedactingFormatter(logging.Formatter):
    """Another formatter's lines, tracebacks included, without some values and without user names in URLs."""

    def __init__(self, formatter: logging.Formatter, values: Sequence[str]) -> None:
        super().__init__()
        self.inner_formatter = formatter
        self._values = values

    def format(self, record: logging.LogRecord) -> str:
        """Format the line to be logged, without passwords and secret values."""
        text = without_userinfo(self.inner_formatter.format(record))
        for value in self._values:
            text = text.replace(value, REDACTED.decode())
        return text


def redact_logs(values: Sequence[str] = ()) -> None:
    """Redact these values, and user names in URLs, in all further log lines of Scrapy's handler."""
    handler = get_scrapy_root_handler()
    if handler is None or handler.formatter is None:
        return
    formatter = handler.formatter
    inner_formatter = formatter.inner_formatter if isinstance(formatter, RedactingFormatter) else formatter
    handler.setFormatter(RedactingFormatter(inner_formatter, values))
