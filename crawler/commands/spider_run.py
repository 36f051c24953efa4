"""Runs the spider in a Scrapy process of its own, for the verbs crawl, update, demo and rules."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import click
import scrapy.core.downloader.contextfactory  # noqa: F401 - see below
from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.url_words import UrlState
from broadsheet.output.read.plain_words import count_text

from ..cli.archive_access import print_notices
from ..cli.command_line import CommandError, is_nonempty_file
from ..cli.terminal import one_line
from ..crawl.early_checks import stored_credentials
from ..crawl.spiders import SiteSpider
from ..options import SETTING_OPTIONS, OptionError
from ..settings import ENVIRONMENT_PROBLEMS
from .run_summary import RunResult

# Scrapy's module of TLS contexts looks through the stack and all loaded modules when it is imported, three times. Here,
# while both are small, that takes 0.08 s of CPU; from where the download handler imports it, 0.2 s.
_CONTACT_TIP = "Tip: --contact you@example.org tells sites whom to ask about this crawl."
_STORED_CREDENTIAL = (
    "Note: {} in a start URL looks like a credential, and URLs are stored as they are. --header and --cookies are not."
)
_LOG_LEVELS = ("WARNING", "WARNING", "INFO", "DEBUG")


def spider_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the project's settings that the command line changes."""
    given = {setting: options.get(name) for name, setting in SETTING_OPTIONS.items()}
    settings = {setting: value for setting, value in given.items() if value not in (None, (), "")}
    settings |= {
        "BROADSHEET_COMMAND": True,
        "BROADSHEET_PROGRESS": not options["quiet"],
        "CONCURRENT_REQUESTS": options["total_concurrency"] or 0,
        "LOG_LEVEL": "ERROR" if options["quiet"] else _LOG_LEVELS[min(options["verbose"], len(_LOG_LEVELS) - 1)],
    }
    if options["headers"]:
        settings["BROADSHEET_HEADERS"] = dict(options["headers"])
    if options.get("header_hosts"):
        settings["BROADSHEET_HEADER_HOSTS"] = " ".join(options["header_hosts"])
    if options["verbose"] or options["quiet"]:
        settings["BROADSHEET_URL_LINES"] = bool(options["verbose"])
    return settings


def quiet_settings(*, allow_private: bool) -> dict[str, Any]:
    """Return the settings of a silent crawl inside another verb, with one request at a time."""
    own = {"allow_private": allow_private, "delay": 1.0, "concurrency": 1, "quiet": True, "verbose": 0}
    return spider_settings(own | {"total_concurrency": 1, "headers": ()})


def lacks_contact(settings: Settings, arguments: Mapping[str, Any]) -> bool:
    """Return whether a crawl of public sites has no contact; the crawl of the sample has no such argument."""
    return arguments.get("contact") == "" and not settings.getbool("BROADSHEET_ALLOW_PRIVATE")


def run_spider(
    db: str,
    arguments: Mapping[str, Any],
    changed_settings: Mapping[str, Any],
    on_opened: Callable[[SiteSpider], None] | None = None,
) -> RunResult:
    """Run the spider to its end. CommandError or ArchiveError, before any request, if it cannot start.

    A program that watches the spider, in place of a person, does so from `on_opened`.
    """
    settings = project_settings()
    settings.update(dict(changed_settings), priority="cmdline")
    process = _SpiderProcess(settings)
    try:
        crawler = process.create_crawler(SiteSpider)
    except UsageError as error:
        raise CommandError(str(error)) from error
    watcher = _CrawlWatcher(quiet=not settings.getbool("BROADSHEET_PROGRESS"), archive_existed=is_nonempty_file(db))
    watcher.on_opened = on_opened
    watcher.has_no_contact = lacks_contact(settings, arguments)
    crawler.signals.connect(watcher.spider_opened, signals.spider_opened)
    started = time.monotonic()
    task = process.crawl(crawler, db=db, **arguments)
    process.start()
    _raise_start_error(task, db)
    spider = crawler.spider
    if spider is None and process.signal_number:
        return RunResult(db, (), time.monotonic() - started, {}, "killed", process.signal_number)
    assert isinstance(spider, SiteSpider)
    spider.parts.workers.close()  # a second Ctrl-C leaves them
    return RunResult(
        db=db,
        seeds=spider.parts.seeds,
        seconds=time.monotonic() - started,
        outcome_counts=spider.parts.session.stored_counts,
        end_reason=spider.end_reason if task.done() else "killed",
        signal=watcher.signal or process.signal_number,
        stats=dict(crawler.stats.get_stats()),
    )


def project_settings() -> Settings:
    """Return Scrapy's settings with the project's over them. CommandError for an invalid environment variable."""
    if ENVIRONMENT_PROBLEMS:
        raise CommandError(ENVIRONMENT_PROBLEMS[0])
    settings = Settings()
    settings.setmodule("broadsheet.crawler.settings", priority="project")
    return settings


def _raise_start_error(task: asyncio.Task[None], db: str) -> None:
    """Raise the error that kept the crawl from starting; CommandError for invalid options and seeds."""
    error = task.exception() if task.done() and not task.cancelled() else None
    if isinstance(error, OptionError):
        raise CommandError(str(error)) from error
    if isinstance(error, sqlite3.Error | OSError):
        raise NotReachable(f"{db} cannot be written: {error}") from error
    if error is not None:
        raise error


class _SpiderProcess(AsyncCrawlerProcess):
    """Records a signal that arrives before the spider is open, while Scrapy handles signals."""

    signal_number = 0

    def _signal_shutdown(self, signum: int, _: Any) -> None:
        self.signal_number = signum
        super()._signal_shutdown(signum, _)


class _CrawlWatcher:
    """Prints the notices at the start of a crawl, and handles the signals that stop it."""

    def __init__(self, *, quiet: bool, archive_existed: bool) -> None:
        self.signal = 0
        self.has_no_contact = False
        self.on_opened: Callable[[SiteSpider], None] | None = None
        self._quiet = quiet
        self._archive_existed = archive_existed
        self._scrapy_handler: Any = None

    def spider_opened(self, spider: SiteSpider) -> None:
        """Put our signal handlers before Scrapy's, which are set by now, and print the notices of the start."""
        self._scrapy_handler = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._handle_signal)
        signal.signal(signal.SIGTERM, self._handle_signal)
        if self.has_no_contact and not self._quiet and not spider.parts.options.contact:
            click.echo(_CONTACT_TIP, err=True)
        if (names := stored_credentials(spider.parts.seeds)) and not self._quiet:
            click.echo(one_line(_STORED_CREDENTIAL.format(" and ".join(names))), err=True)
        print_notices(spider.parts.session.recovery, quiet=self._quiet)
        if self._archive_existed and not self._quiet:
            click.echo(_resume_message(spider), err=True)
        if self.on_opened:
            self.on_opened(spider)

    def _handle_signal(self, signal_number: int, frame: FrameType | None) -> None:
        self.signal = signal_number
        if not self.on_opened:
            asyncio.get_running_loop().call_soon_threadsafe(_print_stopping)  # a handler must not print
        self._scrapy_handler(signal_number, frame)


def _resume_message(spider: SiteSpider) -> str:
    counts, due_count = spider.parts.session.queue.counts(), spider.parts.session.due_count
    if due_count:
        not_due_count = counts[UrlState.QUEUED] - due_count
        due = f"{count_text(due_count, 'URL')} {'is' if due_count == 1 else 'are'} due"
        return f"Looking again: {due}" + (f", {not_due_count:,} more wait." if not_due_count else ".")
    return f"Going on: {count_text(counts[UrlState.DONE], 'URL')} done, {counts[UrlState.QUEUED]:,} waiting."


def _print_stopping() -> None:
    line_start = "\r\x1b[K" if sys.stderr.isatty() else ""
    click.echo(line_start + one_line("Stopping after the current work; Ctrl-C again stops at once."), err=True)
