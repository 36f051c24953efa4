"""The spider that finds and fetches every article page of a site."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlsplit

import scrapy
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Request, Response
from scrapy.signals import headers_received
from twisted.python.failure import Failure

from cleaners.urls import canonicalise
from crawler.cookies import cookie_header, read_cookies
from crawler.faults import Fault, Retries, fault_of
from crawler.frontier import Frontier, Manners, Turn
from crawler.guard import check_url
from crawler.items import ArticleItem
from crawler.options import CrawlOptions, OptionError
from crawler.outcomes import Answer, Outcomes, given_up, retry_after_of
from crawler.process import Workers
from crawler.robots import Access, Robots
from crawler.scope import Scope
from crawler.session import CrawlSession, seeds_of
from crawler.sniff import is_media_type
from output.outcome import Outcome
from output.queue import QueuedUrl

_ROBOTS_HOPS = 5  # redirects of a robots.txt that are followed
_LAST_ITEMS = 0.1  # seconds for the last items to be exported; Scrapy ends when we do, or only five seconds later
_TOO_MUCH = frozenset((429, 503))


class SiteSpider(scrapy.Spider):
    """Crawl a site from its seeds: `scrapy crawl site -a url=https://example.org/ [-a db=FILE] [-a NAME=VALUE]`.

    Arguments are the fields of `crawler.options.CrawlOptions`. Each page becomes an `Outcome` item; at the end
    each article becomes an `ArticleItem`.
    """

    name = "site"

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Check the arguments and open the archive. OptionError, ScopeError or ArchiveError say what is wrong."""
        spider = super().from_crawler(crawler, *args, name=cls.name)
        spider._prepare(cls.options(kwargs), kwargs.get("db") or crawler.settings["BROADSHEET_DB"])
        crawler.signals.connect(spider.judge_headers, headers_received)
        return spider

    @classmethod
    def options(cls, arguments: dict[str, Any]) -> CrawlOptions:
        """The options that the spider's arguments ask for."""
        return CrawlOptions.from_arguments(arguments)

    def _prepare(self, options: CrawlOptions, db: str) -> None:
        settings = self.settings
        self.seeds = _checked_seeds(options.seeds, settings.getbool("BROADSHEET_ALLOW_PRIVATE"))
        scope = Scope.from_seeds(self.seeds, options.include, options.exclude, options.max_depth)
        self.cookies = read_cookies(settings["BROADSHEET_COOKIES"])
        self.session = CrawlSession.open(db, options)
        self.crawl_options = options
        self.workers = Workers(
            settings.getint("BROADSHEET_WORKERS") or os.cpu_count() or 1, settings.getfloat("BROADSHEET_PAGE_SECONDS")
        )
        self.retries = _retries(settings)
        self.outcomes = Outcomes(options, scope, self.workers, self.retries)
        self.frontier = Frontier(self.session.queue, _manners(settings))
        self.pages = 0
        self.ended = ""
        self.waiting = self.session.start(f"crawl {' '.join(self.seeds)}", seeds_of(self.seeds))

    async def start(self) -> AsyncIterator[Any]:
        """Yield a request for each URL whose turn comes, and the articles when none is left."""
        try:
            async for request_or_outcome in self._turns():
                yield request_or_outcome
            for article in self._settled_articles():
                yield article
            await asyncio.sleep(_LAST_ITEMS)
        except (sqlite3.Error, OSError) as error:
            self.ended = f"archive: {error}"
        except Exception as error:
            self.ended = f"fault: {type(error).__name__}: {error}"
            raise

    async def _turns(self) -> AsyncIterator[Request | Outcome]:
        deadline = time.monotonic() + self.crawl_options.max_time if self.crawl_options.max_time else None
        async for turn in self.frontier.turns():
            if turn.reason:
                yield given_up(turn.queued, turn.state, turn.reason)
            elif self._over(deadline):
                self._end_early(turn)
            else:
                self.pages += turn.queued.kind == "page"
                yield self._request(turn.queued)

    def _settled_articles(self) -> Iterator[ArticleItem]:
        """Judge with the whole site's evidence, and give out the articles that stand then."""
        if self.ended.startswith("archive"):
            return
        self.session.settle()
        if self.ended:
            self.session.skip_rest()
        for article in self.session.articles():
            yield ArticleItem({name: article[name] for name in ArticleItem.fields})

    def _over(self, deadline: float | None) -> bool:
        if deadline is not None and time.monotonic() >= deadline:
            self.ended = "max_time"
        elif self.crawl_options.max_pages and self.pages >= self.crawl_options.max_pages:
            self.ended = "max_pages"
        return bool(self.ended)

    def _end_early(self, turn: Turn) -> None:
        """At a limit nothing more is asked for; what is under way may finish."""
        self.frontier.finished(turn.queued.url)
        self.frontier.drain()

    def _request(self, queued: QueuedUrl, moved_to: str = "", hops: int = 0) -> Request:
        url = moved_to or queued.url
        return Request(
            url,
            callback=self.answered,
            errback=self.failed,
            cb_kwargs={"queued": queued, "hops": hops},
            headers=cookie_header(self.cookies, url),
            dont_filter=True,
            meta={"queued": queued, "handle_httpstatus_all": True, "download_slot": queued.host},
        )

    def judge_headers(self, headers: Headers, request: Request) -> None:
        """Stop the download of what says that it is no page before its body is there."""
        queued = request.meta.get("queued")
        kind = (headers.get("Content-Type") or b"").decode("latin-1")
        if queued is not None and queued.kind == "page" and is_media_type(kind):
            raise StopDownload(fail=False)

    async def answered(self, response: Response, queued: QueuedUrl, hops: int) -> AsyncIterator[Outcome | Request]:
        """Make an answer's outcome. A robots.txt is followed where it moved (RFC 9309, 2.3.1.2): it has one row."""
        if queued.kind == "robots" and (target := _moved_robots(response, hops)):
            yield self._request(queued, target, hops + 1)
            return
        answer = Answer(queued, response, datetime.now(UTC))
        if response.status in _TOO_MUCH:
            self.frontier.refused(queued, retry_after_of(answer))
        else:
            self.frontier.answered(queued, float(response.meta.get("download_latency", 0.0)))
        robots = Robots.from_response(response.status, response.body, response.url) if queued.kind == "robots" else None
        if robots is not None:
            if robots.access is Access.NOTHING and self._asks_robots_again(queued, retry_after_of(answer)):
                return
            self.frontier.set_robots(queued.host, robots)
        yield await self._outcome(answer, robots)

    def _asks_robots_again(self, queued: QueuedUrl, asked: float | None = None) -> bool:
        """Whether a robots.txt that gave no decision is asked for again, before its host is given up."""
        if self.retries.left(queued.attempts):
            self.frontier.ask_robots_again(queued, self.retries.wait_before(queued.attempts + 1, asked))
            return True
        return False

    async def _outcome(self, answer: Answer, robots: Robots | None) -> Outcome:
        try:
            return await self.outcomes.of_answer(answer, robots)
        except Exception as error:
            self.logger.exception("A fault of ours at %s", answer.queued.url)
            return self.outcomes.of_fault(answer.queued, Fault(f"error:{type(error).__name__}"), answer.at)

    async def stored(self, outcome: Outcome) -> None:
        """Store an outcome and let its URL leave the queue. An archive that cannot be written ends the crawl."""
        try:
            await self.session.store(outcome)
        except (sqlite3.Error, OSError) as error:
            self.ended = f"archive: {error}"
            self.frontier.stop()
        self.frontier.finished(outcome.url)

    async def failed(self, failure: Failure) -> AsyncIterator[Outcome]:
        """Make the outcome of a request that got no answer."""
        queued: QueuedUrl = failure.request.meta["queued"]  # type: ignore[attr-defined]
        fault = fault_of(failure.value or RuntimeError("no error"))
        if fault.retry:
            self.frontier.refused(queued)
        if queued.kind == "robots":
            if fault.retry and self._asks_robots_again(queued):
                return
            self._no_robots(queued, fault.reason, gone=fault.host_gone)
        yield self.outcomes.of_fault(queued, fault, datetime.now(UTC))

    def _no_robots(self, queued: QueuedUrl, reason: str, *, gone: bool) -> None:
        if gone or reason == "private_address":
            self.frontier.give_up_host(queued.host, reason)
        else:
            self.frontier.set_robots(queued.host, Robots.from_response(None, b"", queued.url))

    def closed(self, reason: str) -> None:
        """Give the archive free."""
        self.workers.close()
        broken = self.ended.startswith(("archive", "fault"))
        outcome = "failed" if broken else "finished" if reason == "finished" else "stopped"
        self.session.close(outcome, self.ended or reason)


def _checked_seeds(urls: tuple[str, ...], allow_private: bool) -> tuple[str, ...]:
    seeds = []
    for url in urls:
        seed = canonicalise(url)
        if seed is None:
            raise OptionError(f"not an http or https URL: {url}")
        if reason := check_url(seed, allow_private, (_port(seed),)):
            hint = " (--allow-private opens it)" if reason in ("loopback", "private", "link_local") else ""
            raise OptionError(f"refused: {url} is a {reason.replace('_', ' ')} address{hint}")
        seeds.append(seed)
    return tuple(dict.fromkeys(seeds))


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _moved_robots(response: Response, hops: int) -> str:
    """Where a robots.txt moved to, if it is to be followed."""
    location = (response.headers.get("Location") or b"").decode("latin-1")
    if not 300 <= response.status < 400 or not location or hops >= _ROBOTS_HOPS:
        return ""
    return canonicalise(location, response.url) or ""


def _retries(settings: Any) -> Retries:
    return Retries(settings.getint("BROADSHEET_RETRY_TIMES"), settings.getfloat("BROADSHEET_RETRY_WAIT"))


def _manners(settings: Any) -> Manners:
    return Manners(
        delay=settings.getfloat("BROADSHEET_DELAY"),
        per_host=settings.getint("BROADSHEET_PER_HOST"),
        at_once=settings.getint("CONCURRENT_REQUESTS"),
        user_agent=settings["USER_AGENT"],
        obey_robots=settings.getbool("ROBOTSTXT_OBEY"),
    )
