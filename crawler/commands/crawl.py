"""`broadsheet crawl`: options to a Scrapy process, the process to an exit code."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import click
from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from crawler.console.option_types import Mistake
from crawler.console.summary import Run, complaints, exit_code, show_summary
from crawler.console.terminal import one_line
from crawler.discovery.scope import ScopeError
from crawler.options import OptionError
from crawler.spiders.site import SiteSpider
from output.db.errors import NotReachable
from output.queue.resume import runs
from output.write.archive import Archive

INTERRUPT = 128  # and the signal's number, as shells count it
_ANONYMOUS = "Sites cannot reach you: --contact URL or MAIL says with every request whom to ask about this crawl."
_LEVELS = ("WARNING", "INFO", "DEBUG")
_MANY_AT_ONCE = 16
_WAYS = ("sitemaps", "feeds", "links")
_TAKEN = (
    "urls_file", "include", "exclude", "max_pages", "max_depth", "max_time", "max_size", "since", "obey_directives",
    "site_rules",
    "revisit", "every",
)  # fmt: skip
_BOUNDS = {
    "include": "include", "exclude": "exclude", "since": "since", "language": "languages",
    "obey_directives": "obey_directives", "contact": "contact", "site_rules": "site_rules",
}  # fmt: skip


def crawl(given: Mapping[str, Any]) -> int:
    """Crawl as the command line says, show what came of it, and return the exit code."""
    if not given["urls"] and not given["urls_file"]:
        given = dict(given) | known_start(given)
    run = run_spider(given["db"], arguments_of(given), settings_of(given))
    if run.broke:
        click.echo(one_line(f"broadsheet: {trouble(run)}"), err=True)
        return 1
    if run.signal:
        say_stopped(run)
        return INTERRUPT + run.signal
    if not given["quiet"]:
        show_summary(run)
    for line in complaints(run):
        click.echo(one_line(f"broadsheet: {line}"), err=True)
    return exit_code(run)


def known_start(given: Mapping[str, Any]) -> dict[str, Any]:
    """For a command without a URL: the start URLs that an existing archive has, and the last crawl's bounds.

    A bound that the command names counts. How many pages and how long is never taken over.
    """
    if not holds_something(given["db"]):
        raise Mistake("say where to start: broadsheet crawl https://…")
    with Archive.open(given["db"]) as archive:
        earlier = runs(archive.db)
    if not earlier:
        raise Mistake(f"{given['db']} has no start URL yet: broadsheet crawl https://… --db {given['db']}")
    last = earlier[-1]
    bounds = {name: given[name] or last.get(kept) for name, kept in _BOUNDS.items()}
    off = {f"no_{way}": given[f"no_{way}"] or not last.get(f"discover_{way}", True) for way in _WAYS}
    off["no_warc"] = given["no_warc"] or not (given["max_size"] or last.get("warc", True))
    depth = last.get("max_depth") if given["max_depth"] is None else given["max_depth"]
    seeds = dict.fromkeys(seed for options in earlier for seed in options["seeds"])
    return bounds | off | {"max_depth": depth, "urls": tuple(seeds)}


def trouble(run: Run) -> str:
    """What broke a crawl, and that it may go on."""
    kind, _, what = run.broke.partition(": ")
    cause = f"{run.db} cannot be written: {what}" if kind == "archive" else f"a fault of ours: {what}"
    return f"{cause}; what is stored is in order, and the same command goes on from here"


def arguments_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the spider is to know, by the names of `crawler.options.CrawlOptions`."""
    arguments = {name: given[name] for name in _TAKEN if given[name] not in (None, ())}
    off = {f"discover_{name}": False for name in _WAYS if given[f"no_{name}"]}
    off |= {"warc": False} if given["no_warc"] else {}
    person = {"contact": given["contact"] or "", "user_agent": given["user_agent"] or ""}
    return arguments | off | person | {"seeds": given["urls"], "languages": given["language"]}


def settings_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The project's settings that the command line changes."""
    settings = {
        "BROADSHEET_COMMAND": True,
        "BROADSHEET_ALLOW_PRIVATE": given["allow_private"],
        "BROADSHEET_DELAY": given["delay"],
        "BROADSHEET_PER_HOST": given["concurrency"],
        "BROADSHEET_COOKIES": given["cookies"] or "",
        "BROADSHEET_PROGRESS": not given["quiet"],
        "CONCURRENT_REQUESTS": max(_MANY_AT_ONCE, given["concurrency"]),
        "LOG_LEVEL": "ERROR" if given["quiet"] else _LEVELS[min(given["verbose"], len(_LEVELS) - 1)],
    }
    if given["headers"]:
        settings["DEFAULT_REQUEST_HEADERS"] = project_settings().getdict("DEFAULT_REQUEST_HEADERS") | dict(
            given["headers"]
        )
    return settings


def run_spider(db: str, arguments: Mapping[str, Any], changed: Mapping[str, Any]) -> Run:
    """Run the spider to its end. Mistake and ArchiveError, in one line, before anything is fetched."""
    settings = project_settings()
    settings.update(dict(changed), priority="cmdline")
    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(SiteSpider)
    watch = _Watch(quiet=not settings.getbool("BROADSHEET_PROGRESS"), existed=holds_something(db))
    watch.anonymous = arguments.get("contact") == ""  # the sample's crawl asks this machine alone, and says nothing
    crawler.signals.connect(watch.opened, signals.spider_opened)
    started = time.monotonic()
    task = process.crawl(crawler, db=db, **arguments)
    process.start()
    _raise_trouble(task, db)
    spider = crawler.spider
    assert isinstance(spider, SiteSpider)
    spider.workers.close()  # a second Ctrl-C leaves them
    return Run(
        db=db,
        seeds=spider.seeds,
        seconds=time.monotonic() - started,
        stored=spider.session.stored,
        ended=spider.ended if task.done() else "killed",
        signal=watch.signal,
    )


def project_settings() -> Settings:
    """Scrapy's settings with the project's over them."""
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    return settings


def _raise_trouble(task: asyncio.Task[None], db: str) -> None:
    """Raise what kept the crawl from starting; a person's own mistake as one."""
    error = task.exception() if task.done() and not task.cancelled() else None
    if isinstance(error, OptionError | ScopeError):
        raise Mistake(str(error)) from error
    if isinstance(error, sqlite3.Error | OSError):
        raise NotReachable(f"{db} cannot be written: {error}") from error
    if error is not None:
        raise error


def holds_something(db: str) -> bool:
    """Whether there is a file that is not empty."""
    path = Path(db)
    return path.is_file() and path.stat().st_size > 0


def say_stopped(run: Run) -> None:
    """Say on standard error how a crawl was stopped, and that it may go on."""
    how = "Stopped at once; what was under way is asked for again." if run.ended == "killed" else "Stopped."
    click.echo(one_line(f"{how} {run.db} is in order, and the same command goes on from here."), err=True)


class _Watch:
    """Says where an existing file stands when its crawl begins, and that a first Ctrl-C was heard."""

    def __init__(self, *, quiet: bool, existed: bool) -> None:
        self.signal = 0
        self.anonymous = False
        self._quiet = quiet
        self._existed = existed
        self._scrapys: Any = None

    def opened(self, spider: SiteSpider) -> None:
        """Take the place of Scrapy's handlers, which are set by now, and call them afterwards."""
        self._scrapys = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._heard)
        signal.signal(signal.SIGTERM, self._heard)
        if self.anonymous and not self._quiet and not spider.crawl_options.contact:
            click.echo(_ANONYMOUS, err=True)
        if (cut := spider.session.cut_back) and not self._quiet:
            click.echo(f"Cut {cut:,} bytes that the last run could not commit off the WARC files.", err=True)
        if short := spider.session.short_files:
            click.echo(
                one_line(f"Raw responses are missing from {', '.join(short)}; broadsheet verify says which."), err=True
            )
        if self._existed and not self._quiet:
            click.echo(_where_it_stands(spider), err=True)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        asyncio.get_running_loop().call_soon_threadsafe(_say_stopping)  # a handler must not print
        self._scrapys(number, frame)


def _where_it_stands(spider: SiteSpider) -> str:
    counts, due = spider.session.queue.counts(), spider.session.due
    if due:
        others = counts["queued"] - due
        return f"Looking again: {due:,} URLs are due" + (f", {others:,} others wait." if others else ".")
    return f"Going on: {counts['done']:,} URLs done, {counts['queued']:,} waiting."


def _say_stopping() -> None:
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    click.echo(start + one_line("Stopping when what is under way is done; Ctrl-C again stops at once."), err=True)
