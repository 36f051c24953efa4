"""Spiders: `site` finds and fetches every article page of a site, `urls` fetches a list of URLs and finds no others."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Self

import scrapy
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.extensions import closespider
from scrapy.settings import BaseSettings

from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.archive.url_words import UrlKind
from broadsheet.output.write.outcome import Outcome

from ..cli.archive_access import damage_behind
from ..discovery.response_bodies import is_media_type
from ..fetch.guard import guard_reactor
from ..fetch.requests import EarlyStop
from ..fetch.safe_settings import running_problem
from ..items import ArticleItem
from ..options import CrawlOptions, OptionError
from .fetcher import Fetcher
from .robots_rules import MAX_BYTES
from .run_parts import build_parts
from .scrapy_settings import (
    bring_settings,
    check_loadable,
    ignored_settings,
    is_user_set,
    redact_logs,
    translate_settings,
)

# Thresholds of the garbage collector. A request leaves cycles behind, which hold large objects: collecting 20,000 of
# them at once blocked the event loop for 70 ms, 1,000 block it for 5. Settling makes many objects and no cycles.
_GC_CRAWLING, _GC_SETTLING = (1_000, 20, 400), (20_000, 20, 20)
_LAST_SECONDS = 15.0  # for running requests, after a time limit; unfinished URLs stay queued for the next run
_OWN_LIMITS = ("max_pages", "max_time", "max_size")  # a run that reaches one of these counts as finished
_EXPORT_GRACE_SECONDS = 0.1  # for the last items to be exported; Scrapy ends when we do, or only five seconds later
_ITEM_SETTINGS = ("FEEDS", "ITEM_PIPELINES")  # settings of Scrapy that name what receives items
_ARTICLES_PER_BATCH = 16  # read by a thread in one step


class SiteSpider(scrapy.Spider):
    """Crawl a site from its seeds: `scrapy crawl site -a url=https://example.org/ [-a db=FILE] [-a NAME=VALUE]`.

    Arguments are the fields of `broadsheet.crawler.options.CrawlOptions`. At the end each article becomes an
    `ArticleItem`.
    """

    name = "site"
    item_class: type[ArticleItem] = ArticleItem
    """What an article becomes; a spider derived from this one may name a class with further fields."""
    early_stop: EarlyStop

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Check the arguments and open the archive. OptionError or ArchiveError if the crawl cannot start."""
        spider = super().from_crawler(crawler, *args, name=cls.name)
        redact_logs()
        db = kwargs.get("db") or crawler.settings["BROADSHEET_DB"]
        if not (kwargs.get("db") or is_user_set(crawler.settings, "BROADSHEET_DB") or "BROADSHEET_DB" in os.environ):
            spider.logger.warning("no archive is named (-a db=FILE): using %s, and going on from what it holds", db)
        try:
            spider._prepare(cls.options(kwargs), db)
        except (OptionError, ArchiveError) as error:
            spider._log_option_error(error)
            raise
        spider.early_stop = EarlyStop(is_media_type, MAX_BYTES)  # kept here: Scrapy's signals hold it weakly
        spider.early_stop.connect(crawler.signals)
        return spider

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Set our settings, below all that a user has set, then `custom_settings`; Scrapy calls this."""
        bring_settings(settings)
        super().update_settings(settings)
        translate_settings(settings)
        check_loadable(settings)

    def _log_option_error(self, error: Exception) -> None:
        """Log one line in place of the traceback that asyncio would log; the command `broadsheet` prints it itself."""
        if self.settings.getbool("BROADSHEET_COMMAND"):
            return
        self.logger.error(" ".join(str(error).split()))
        try:
            task = asyncio.current_task()
        except RuntimeError:  # Scrapy's process without asyncio makes the spider before its reactor runs
            return
        if task is not None:
            task.add_done_callback(lambda done_task: done_task.exception())

    @classmethod
    def options(cls, arguments: dict[str, Any]) -> CrawlOptions:
        """Read the crawl's options from the spider's arguments."""
        return CrawlOptions.from_arguments(arguments)

    def _prepare(self, options: CrawlOptions, db: str) -> None:
        """Open the archive `db` with the parts of the crawl, and note that nothing has happened yet."""
        self._db = db
        if line := ignored_settings(self.settings):
            self.logger.warning(line)
        self.parts = build_parts(options, self.settings, db)
        self.seeds = self.parts.seeds  # whose ports the downloader allows
        self.fetcher = Fetcher(self.parts, self.crawler, self.store, self.logger)
        self.is_closed = self._is_settling = False
        self._end_lock = threading.Lock()  # held to settle the archive, to read its articles, and to close it
        self._running_tasks: set[asyncio.Task[None]] = set()
        self._storing_tasks: set[asyncio.Task[Any] | None] = set()
        self.on_stored: list[Callable[[Outcome], None]] = []
        """Called with each outcome when it is in the archive."""
        self._has_item_receivers = any(self.settings.getdict(name) for name in _ITEM_SETTINGS)
        self.requested_pages = 0
        self.end_reason = ""
        """Why the crawl ends before its queue is empty: `max_pages`, `closespider_timeout`, `archive: …`, `fault: …`;
        or empty.
        """
        self._export_end = ""  # the limit at which no more items are yielded

    async def start(self) -> AsyncIterator[Any]:
        """Fetch each URL when its turn comes; at the end settle the archive and yield its articles.

        Raises CloseSpider, with the reason, if a limit or a failure ends the crawl.
        """
        guard_reactor(self.crawler)
        if problem := running_problem(self.crawler):
            self.end_reason = f"fault: {problem}"
            self.logger.error(problem)
            raise CloseSpider(self.end_reason)
        self.parts.workers.start()
        gc.freeze()  # imported modules stay: collecting them would block the event loop for a tenth of a second
        gc.set_threshold(*_GC_CRAWLING)
        has_articles = False
        try:
            await self._take_turns()
            async for article in self._settled_articles():
                has_articles = True
                yield article
        except Exception as error:
            self.end_reason = self._failure_of(error)
            if self.end_reason.startswith("fault"):
                raise
        if reason := self.end_reason or self._export_end:
            raise CloseSpider(reason)
        await asyncio.sleep(_EXPORT_GRACE_SECONDS if has_articles else 0)

    async def _take_turns(self) -> None:
        """Start a task for each turn: to fetch its URL, or to store that it is given up. At a limit start no more."""
        if self.parts.options.max_time:
            asyncio.get_running_loop().call_later(self.parts.options.max_time, self._on_max_time)
        if not self.parts.options.only_missing:
            await self._serve_turns(self._check_limits)

    async def _serve_turns(self, is_at_limit: Callable[[], bool]) -> None:
        async for turn in self.parts.frontier.turns():
            if turn.reason:
                self._start_task(self.fetcher.give_up(turn))
            elif is_at_limit():
                # The turn's URL stays queued; URLs in flight may finish.
                self.parts.frontier.mark_stored(turn.queued_url.url)
                self.parts.frontier.drain()
            else:
                self.requested_pages += turn.queued_url.kind == UrlKind.PAGE
                self._start_task(self.fetcher.fetch(turn.queued_url))
                await self.parts.byte_budget.wait_for_room(self._remaining_bytes())

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running_tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._running_tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            failure = self._failure_of(error)
            if failure.startswith("fault"):
                self.logger.error("Internal error", exc_info=error)
            self.end_reason = self.end_reason or failure
            self.parts.frontier.stop()

    def _failure_of(self, error: BaseException) -> str:
        """Describe an error: `archive: …` if the archive or its damage is the cause, `fault: …` if it is ours."""
        if damage := damage_behind(self._db, error):
            return f"archive: {damage}"
        is_of_archive = isinstance(error, sqlite3.Error | OSError | ArchiveError)
        return f"archive: {error}" if is_of_archive else f"fault: {type(error).__name__}: {error}"

    async def _settled_articles(self) -> AsyncIterator[ArticleItem]:
        """Settle the archive in a thread, then yield its articles, if a feed or an item pipeline is set up."""
        await self._settle_beside()
        if self.end_reason.startswith("archive") or not self._has_item_receivers:
            return
        articles = self.parts.session.articles()
        while batch := await asyncio.to_thread(self._next_batch, articles):
            for article in batch:
                yield article
                if self._export_end:
                    return

    async def _settle_beside(self) -> None:
        """Settle the archive in a thread, unless it cannot be written, then fetch pictures if the options say so."""
        await self._close_browser()
        if not self.end_reason.startswith("archive"):
            self._is_settling = True
            await asyncio.to_thread(self._settle)
            await self._fetch_pictures()

    async def _fetch_pictures(self) -> None:
        """Fetch the pictures of the articles, after all pages and at the same pace; a limit on pages does not count."""
        if not self.parts.options.keeps_files or self.end_reason not in ("", "max_pages"):
            return
        if not await asyncio.to_thread(self._begin_pictures):
            return
        self._is_settling = False
        self.parts.outcomes.reads_sitemaps = self.parts.guesses.is_guessing = False  # image hosts are not crawled
        self.parts.frontier.begin_again()
        await self._serve_turns(self._is_size_reached)
        self._is_settling = True

    async def _close_browser(self) -> None:
        if self.parts.rendering is not None:
            await self.parts.rendering.close()

    def _begin_pictures(self) -> int:
        with self._end_lock:
            return 0 if self.is_closed else self.parts.session.begin_pictures()

    def _settle(self) -> None:
        with self._end_lock:
            if self.is_closed:
                return
            self.parts.workers.close()  # nothing is left for them, and settling may want their memory
            gc.set_threshold(*_GC_SETTLING)
            self.parts.session.settle()
            if self.end_reason and not self.parts.options.only_missing:
                self.parts.session.skip_queued()

    def _next_batch(self, articles: Iterator[dict[str, object]]) -> list[ArticleItem]:
        with self._end_lock:
            batch = () if self.is_closed else islice(articles, _ARTICLES_PER_BATCH)
            return [self.item_class({name: article[name] for name in ArticleItem.fields}) for article in batch]

    def stop_at_limit(self, reason: str) -> None:
        """Start no more requests; the limit becomes the `end_reason`. While articles are yielded, stop yielding at
        ITEM_LIMIT.
        """
        if self._is_settling:
            self._export_end = reason if reason == ITEM_LIMIT else ""
        else:
            self.end_reason = self.end_reason or reason
            (self._end_soon if reason.startswith("closespider_timeout") else self.parts.frontier.drain)()

    def _end_soon(self) -> None:
        """Hand out no more URLs, render no more pages, and cancel what is still running after `_LAST_SECONDS`."""
        self.parts.frontier.drain()
        if self.parts.rendering is not None:
            self.parts.rendering.stop()
        asyncio.get_running_loop().call_later(_LAST_SECONDS, self._give_up_running)

    def _give_up_running(self) -> None:
        """Cancel the requests and the cleaning under way. An outcome that is being stored is stored."""
        for task in self._running_tasks - self._storing_tasks:
            task.cancel()

    def _on_max_time(self) -> None:
        """End the crawl at its time limit, also while it waits for a host."""
        if not self._is_settling:
            self.end_reason = self.end_reason or "max_time"
            self._end_soon()

    def _check_limits(self) -> bool:
        """Return whether a limit is reached, which becomes the `end_reason`."""
        options = self.parts.options
        if options.max_pages and self.requested_pages >= options.max_pages:
            self.end_reason = "max_pages"
        self._is_size_reached()
        return bool(self.end_reason)

    def _is_size_reached(self) -> bool:
        """Return whether the archive takes as much as it may; that becomes the `end_reason`."""
        max_size = self.parts.options.max_size
        if max_size and self.parts.session.total_bytes >= max_size:
            self.end_reason = "max_size"
        return self.end_reason == "max_size"

    def _remaining_bytes(self) -> int | None:
        """Return the number of bytes that may still be kept, also for responses in memory; None without a limit."""
        max_size = self.parts.options.max_size
        return max(0, max_size - self.parts.session.total_bytes) if max_size else None

    async def store(self, outcome: Outcome) -> None:
        """Store an outcome and tell the frontier. An archive that cannot be written ends the crawl."""
        task = asyncio.current_task()
        self._storing_tasks.add(task)
        try:
            for host_name in await self.parts.session.store(outcome):
                self.parts.frontier.read_again(host_name)
            self.parts.frontier.note_found(outcome.discovered_urls)
        except (sqlite3.Error, OSError, ArchiveError) as error:
            self.end_reason = self._failure_of(error)
            self.parts.frontier.stop()
        finally:
            self._storing_tasks.discard(task)
        self.parts.robots_reader.apply_stored(outcome.url)
        self.parts.frontier.mark_stored(outcome.url)
        for callback in self.on_stored:
            callback(outcome)

    async def closed(self, reason: str) -> None:
        """Close the archive, once the running tasks have stored their outcomes; Scrapy calls this at the end."""
        while self._running_tasks:
            await asyncio.wait(self._running_tasks)
        await self._close_browser()
        self.parts.workers.close()
        outcome = self._run_outcome(reason)
        counts = {
            "pages/same_bytes": self.parts.outcomes.reused_count,
            "commits/outcomes": self.parts.session.batch_count,
        }
        self.parts.session.stored_counts |= {name: count for name, count in counts.items() if count}
        stats = {f"urls/{key}": count for key, count in self.parts.session.stored_counts.items()}
        if self.parts.rendering is not None:
            stats |= {f"browser/{result}": count for result, count in self.parts.rendering.counts.items()}
        for name, value in (stats | {"outcome": outcome}).items():
            self.crawler.stats.set_value(f"broadsheet/{name}", value)
        with self._end_lock:
            self.is_closed = True
            try:
                self.parts.session.close(outcome, self.end_reason or (outcome if outcome == "finished" else reason))
            except Exception as error:  # the next run notes this one as killed
                failure = self._failure_of(error)
                self.end_reason = self.end_reason or failure
                if failure.startswith("fault"):
                    raise

    def _run_outcome(self, reason: str) -> str:
        """Name the outcome of the run that Scrapy ends for a reason: `finished`, `stopped` or `failed`."""
        if self.end_reason.startswith(("archive", "fault")):
            return "failed"
        is_finished = reason in ("finished", *_OWN_LIMITS) or (bool(self._export_end) and not self.end_reason)
        return "finished" if is_finished else "stopped"


class UrlsSpider(SiteSpider):
    """Fetch the given URLs only: `scrapy crawl urls -a urls_file=FILE [-a db=FILE]`."""

    name = "urls"

    @classmethod
    def options(cls, arguments: dict[str, Any]) -> CrawlOptions:
        """Read the crawl's options from the spider's arguments, with all discovery off."""
        options = CrawlOptions.from_arguments(arguments)
        return replace(options, sitemaps=False, feeds=False, links=False)


ITEM_LIMIT = "closespider_itemcount"


class CrawlLimits(closespider.CloseSpider):
    """Limits of the CLOSESPIDER_ settings, in place of Scrapy's, which wait until no request is under way.

    At a limit our spider stops requesting and settles its archive. Until the items come, at the end of a crawl, each
    stored article counts as one.
    """

    items_in_period = 0

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        crawler.signals.connect(self._watch_articles, signals.spider_opened)

    def _watch_articles(self, spider: scrapy.Spider) -> None:
        if isinstance(spider, SiteSpider):
            spider.on_stored.append(self._count_article)

    def _count_article(self, outcome: Outcome) -> None:
        if not outcome.has_new_article:
            return
        self.counter["articles"] += 1
        self.counter["pagecount_since_last_item"] = 0
        self.items_in_period += 1
        if self.counter["articles"] == self.close_on["itemcount"]:
            self._close_spider(ITEM_LIMIT)

    def _close_spider(self, reason: str) -> None:
        """Stop the crawl at a limit; Scrapy's extension calls this."""
        spider = self.crawler.spider
        if isinstance(spider, SiteSpider):
            spider.stop_at_limit(reason)
        else:
            super()._close_spider(reason)
