"""The spider that finds and fetches every article page of a site."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Self

import scrapy
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Request, Response
from scrapy.signals import bytes_received, headers_received

from crawler.answers.outcomes import (
    MAX_REDIRECTS,
    Answer,
    Outcomes,
    capture_of,
    capture_of_part,
    given_up,
    retry_after_of,
)
from crawler.answers.robots_reader import HEADERS, RobotsReader, moved_to
from crawler.answers.sniff import is_media_type
from crawler.discovery.scope import Scope, ScopeError
from crawler.fetch.addresses import port_of
from crawler.fetch.byte_budget import Held
from crawler.fetch.cookies import cookie_header, read_cookies
from crawler.fetch.faults import Fault, fault_of, truncation_of
from crawler.fetch.guard import PORTS, fault_in, fault_in_reactor
from crawler.fetch.identity import read_contact
from crawler.fetch.rule_headers import sent_headers
from crawler.fetch.wiretap import Exchange, wire_of
from crawler.frontier.robots_txt import MAX_BYTES, Robots
from crawler.frontier.turns import Frontier, Turn
from crawler.items import ArticleItem
from crawler.options import CrawlOptions, OptionError, size_of
from crawler.session.from_settings import checked_seeds, identity_of, manners_of, retries_of, site_rules_of, workers_of
from crawler.session.run import Allowed, CrawlSession, seeds_of
from crawler.workers.pool import Workers
from output.db.errors import ArchiveError
from output.outcome import Outcome
from output.queue.rows import QueuedUrl
from output.raw.capture import Capture

# What a request leaves behind is in cycles, and goes with what it holds: 20,000 objects at once held the event loop up
# for 70 ms, 1,000 do for 5. Settling makes many objects and no cycles.
_GC_CRAWLING, _GC_SETTLING = (1_000, 20, 400), (20_000, 20, 20)
_LAST_ITEMS = 0.1  # seconds for the last items to be exported; Scrapy ends when we do, or only five seconds later
_TOO_MUCH = frozenset((429, 503))
_TAKERS = ("FEEDS", "ITEM_PIPELINES")  # settings of Scrapy that name who takes items
_ARTICLES_AT_ONCE = 16  # articles read in one step of a thread


class SiteSpider(scrapy.Spider):
    """Crawl a site from its seeds: `scrapy crawl site -a url=https://example.org/ [-a db=FILE] [-a NAME=VALUE]`.

    Arguments are the fields of `crawler.options.CrawlOptions`. At the end each article becomes an `ArticleItem`.
    """

    name = "site"

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Check the arguments and open the archive. OptionError, ScopeError or ArchiveError say what is wrong."""
        spider = super().from_crawler(crawler, *args, name=cls.name)
        try:
            spider._prepare(cls.options(kwargs), kwargs.get("db") or crawler.settings["BROADSHEET_DB"])
        except (OptionError, ScopeError, ArchiveError) as error:
            spider._say_mistake(error)
            raise
        crawler.signals.connect(spider.judge_headers, headers_received)
        crawler.signals.connect(spider.bound_robots, bytes_received)
        return spider

    def _say_mistake(self, error: Exception) -> None:
        """One line in place of the traceback of a task whose end nobody looks at; `broadsheet` says it itself."""
        task = asyncio.current_task() if not self.settings.getbool("BROADSHEET_COMMAND") else None
        if task is not None:
            self.logger.error(" ".join(str(error).split()))
            task.add_done_callback(lambda ended: ended.exception())

    @classmethod
    def options(cls, arguments: dict[str, Any]) -> CrawlOptions:
        """The options that the spider's arguments ask for."""
        return CrawlOptions.from_arguments(arguments)

    def _prepare(self, options: CrawlOptions, db: str) -> None:
        settings = self.settings
        if fault := fault_in(settings):
            raise OptionError(fault)
        if (synchronous := str(settings["BROADSHEET_SYNCHRONOUS"]).upper()) not in ("NORMAL", "FULL"):
            raise OptionError(f"BROADSHEET_SYNCHRONOUS must be NORMAL or FULL, not {synchronous}")
        self.seeds = checked_seeds(options.seeds, settings.getbool("BROADSHEET_ALLOW_PRIVATE"))
        scope = Scope.from_seeds(self.seeds, options.include, options.exclude, options.max_depth)
        self.cookies = read_cookies(settings["BROADSHEET_COOKIES"])
        self.identity = identity_of(options, settings)
        self.site_rules = site_rules_of(options)
        options = replace(
            options, contact=read_contact(options.contact or settings["BROADSHEET_CONTACT"]),
            user_agent=self.identity.user_agent,
        )  # fmt: skip
        warc_size = size_of(str(settings["BROADSHEET_WARC_SIZE"]), "BROADSHEET_WARC_SIZE")
        self.session = CrawlSession.open(db, options, every_commit=synchronous == "FULL")
        if options.warc:
            self.session.keep_raw(self.identity.user_agent, warc_size)
        self.crawl_options = options
        self.workers = Workers(workers_of(settings), settings.getfloat("BROADSHEET_PAGE_SECONDS"))
        self.retries = retries_of(settings)
        self.outcomes = Outcomes(options, scope, self.workers, self.retries)
        self.outcomes.robot = self.identity.robot
        self.outcomes.go_on(*self.session.redirects(self.seeds, MAX_REDIRECTS + 1))
        self.frontier = Frontier(self.session.queue, manners_of(settings, self.identity))
        self.session.under_way = lambda: self.frontier.flying
        self.robots = RobotsReader(self.frontier, self.retries, self.identity.user_agent)
        self._closed = self._settling = False
        self._at_the_end = threading.Lock()  # what judges or reads the whole archive, and what closes it
        self._beside: dict[str, list[Capture]] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._held = Held(settings.getint("SCRAPER_SLOT_MAX_ACTIVE_SIZE"))
        self.on_stored: list[Callable[[Outcome], None]] = []
        """Who is told of each outcome that is in the archive."""
        self.pages = 0
        self.ended = ""
        verb = "crawl" if options.revisit in ("", "due") else "update"
        self.waiting = self.session.start(
            f"{verb} {' '.join(self.seeds)}", seeds_of(self.seeds), self.outcomes.scope, self._allowed()
        )

    def _allowed(self) -> Allowed:
        ports = frozenset((*map(port_of, self.seeds), *map(int, self.settings.getlist(PORTS))))
        return Allowed(ports, self.settings.getbool("BROADSHEET_ALLOW_PRIVATE"))

    async def start(self) -> AsyncIterator[Any]:
        """Fetch each URL when its turn comes, and yield the articles when none is left."""
        if fault := fault_in_reactor():
            self.ended = f"fault: {fault}"
            self.logger.error(fault)
            return
        self.workers.start()
        gc.freeze()  # what was imported stays: a look through it would stop the event loop for a tenth of a second
        gc.set_threshold(*_GC_CRAWLING)
        try:
            await self._take_turns()
            given = False
            async for article in self._settled_articles():
                given = True
                yield article
            await asyncio.sleep(_LAST_ITEMS if given else 0)
        except (sqlite3.Error, OSError) as error:
            self.ended = f"archive: {error}"
        except Exception as error:
            self.ended = f"fault: {type(error).__name__}: {error}"
            raise

    async def _take_turns(self) -> None:
        if self.crawl_options.max_time:
            asyncio.get_running_loop().call_later(self.crawl_options.max_time, self._time_is_over)
        async for turn in self.frontier.turns():
            if turn.reason:
                outcome = given_up(turn.queued, turn.state, turn.reason)
                self._begin(self.stored(replace(outcome, whole_host=turn.whole_host)))
            elif self._over():
                self._end_early(turn)
            else:
                self.pages += turn.queued.kind == "page"
                self._begin(self._fetch(turn.queued))
                await self._held.room(self._left())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.logger.error("A fault of ours", exc_info=error)
            self.ended = self.ended or f"fault: {type(error).__name__}: {error}"
            self.frontier.stop()

    async def _fetch(self, queued: QueuedUrl) -> None:
        """Ask for a URL and store what comes of it."""
        request: Request | None = self._request(queued)
        while request is not None:
            request = await self._ask(request, queued)

    async def _ask(self, request: Request, queued: QueuedUrl) -> Request | None:
        """Store what comes of a request, and return the one that follows on it."""
        engine = self.crawler.engine
        assert engine is not None
        if not engine.running:  # Scrapy would fail it; it stays queued
            return None
        try:
            response = await engine.download_async(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what came of this URL
            await self._store_if_any(self._failed(error, request, queued))
            return None
        with self._held.holding(len(response.body)):
            outcome, following = await self._answered(response, request, queued)
            await self._store_if_any(outcome)
        return following

    async def _store_if_any(self, outcome: Outcome | None) -> None:
        if outcome is not None:
            await self.stored(outcome)

    async def _settled_articles(self) -> AsyncIterator[ArticleItem]:
        """Judge with the whole site's evidence, and give out the articles that stand then, if anybody takes them.

        A thread does the work.
        """
        if self.ended.startswith("archive"):
            return
        self._settling = True
        await asyncio.to_thread(self._settle)
        if not any(self.settings.getdict(name) for name in _TAKERS):
            return
        articles = self.session.articles()
        while some := await asyncio.to_thread(self._some_of, articles):
            for article in some:
                yield article

    def _settle(self) -> None:
        with self._at_the_end:
            if self._closed:
                return
            self.workers.close()  # nothing is left for them, and settling may want their memory
            gc.set_threshold(*_GC_SETTLING)
            self.session.settle()
            if self.ended:
                self.session.skip_rest()

    def _some_of(self, articles: Iterator[dict[str, object]]) -> list[ArticleItem]:
        with self._at_the_end:
            some = () if self._closed else islice(articles, _ARTICLES_AT_ONCE)
            return [ArticleItem({name: article[name] for name in ArticleItem.fields}) for article in some]

    def _time_is_over(self) -> None:
        """End the crawl, also while it waits for a host."""
        if not self._settling:
            self.ended = self.ended or "max_time"
            self.frontier.drain()

    def _over(self) -> bool:
        bounds = self.crawl_options
        if bounds.max_pages and self.pages >= bounds.max_pages:
            self.ended = "max_pages"
        if bounds.max_size and self.session.raw_bytes >= bounds.max_size:
            self.ended = "max_size"
        return bool(self.ended)

    def _left(self) -> int | None:
        """The bytes that may still come; None without a bound. More than these are not held at once."""
        most = self.crawl_options.max_size
        return max(0, most - self.session.raw_bytes) if most else None

    def _end_early(self, turn: Turn) -> None:
        """At a limit nothing more is asked for; what is under way may finish."""
        self.frontier.finished(turn.queued.url)
        self.frontier.drain()

    def _request(self, queued: QueuedUrl, moved_to: str = "", hops: int = 0) -> Request:
        url = moved_to or queued.url
        robots = self.frontier.robots_of(queued.host)
        own = HEADERS if queued.kind == "robots" else self._rule_headers(queued.host)
        meta: dict[str, Any] = {"robots_id": robots.id if robots else None}
        meta["exchange"] = Exchange() if self.crawl_options.warc else None
        if queued.kind == "robots":
            meta |= {"download_maxsize": 0, "length": 0}  # we stop where we stop to read
        return Request(
            url,
            headers=self.identity.headers() | own | cookie_header(self.cookies, url) | self._conditions(queued),
            meta={"queued": queued, "hops": hops, "download_slot": queued.host} | meta,
        )

    def _conditions(self, queued: QueuedUrl) -> dict[str, str]:
        """What asks for a known page only if it has changed."""
        return self.session.validators(queued) if queued.held_at else {}

    def _rule_headers(self, host: str) -> dict[str, str]:
        return sent_headers(self.site_rules.for_host(host)) if self.site_rules else {}

    def judge_headers(self, headers: Headers, request: Request) -> None:
        """Stop the download of what says that it is no page before its body is there."""
        queued = request.meta.get("queued")
        kind = (headers.get("Content-Type") or b"").decode("latin-1")
        if queued is not None and queued.kind == "page" and is_media_type(kind):
            raise _stopped(request, "unspecified")

    def bound_robots(self, data: bytes, request: Request) -> None:
        """Stop the download of a robots.txt where we stop to read."""
        if "length" in request.meta:
            request.meta["length"] += len(data)
            if request.meta["length"] > MAX_BYTES:
                raise _stopped(request, "length")

    async def _answered(
        self, response: Response, request: Request, queued: QueuedUrl
    ) -> tuple[Outcome | None, Request | None]:
        """An answer's outcome. A robots.txt is followed where it moved (RFC 9309, 2.3.1.2): it has one row."""
        wire, hops = wire_of(request.meta, response.body), request.meta["hops"]
        answer = Answer(queued, response, datetime.now(UTC), request.meta["robots_id"], wire)
        if queued.kind == "robots" and (target := moved_to(response, hops)):
            self._keep_beside(queued, capture_of(answer))
            return None, self._request(queued, target, hops + 1)
        self._note_manner(answer, request)
        if queued.kind != "robots":
            return await self._outcome(answer), None
        if outcome := await self.robots.of_answer(answer, self._outcome):
            return self._with_beside(outcome), None
        self._keep_beside(queued, capture_of(answer))
        return None, None

    def _keep_beside(self, queued: QueuedUrl, capture: Capture) -> None:
        """Keep a response on the way to a robots.txt for the one outcome that comes in the end."""
        if capture.raw is not None:
            self._beside.setdefault(queued.url, []).append(capture)

    def _with_beside(self, outcome: Outcome) -> Outcome:
        return replace(outcome, beside=tuple(self._beside.pop(outcome.url, ())))

    def _note_manner(self, answer: Answer, request: Request) -> None:
        """Tell the frontier whether the host is content with how it is asked."""
        queued, status = answer.queued, answer.response.status
        if status in _TOO_MUCH:
            self.frontier.refused(queued, retry_after_of(answer), f"http_{status}")
        elif status >= 500:
            self.frontier.failed(queued, f"http_{status}")
        else:
            self.frontier.answered(queued, float(request.meta.get("download_latency", 0.0)))

    async def _outcome(self, answer: Answer, robots: Robots | None = None) -> Outcome:
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
        self.robots.stored(outcome.url)
        self.frontier.finished(outcome.url)
        for told in self.on_stored:
            told(outcome)

    def _failed(self, error: Exception, request: Request, queued: QueuedUrl) -> Outcome | None:
        """The outcome of a request that got no answer; None if another follows on it."""
        fault = fault_of(error)
        if fault.retry or fault.host_gone:
            self.frontier.failed(queued, fault.reason)
        came, now = self._came(request, queued, fault), datetime.now(UTC)
        outcome = self.outcomes.of_fault(queued, fault, now, came)
        if queued.kind != "robots":
            return outcome
        if decided := self.robots.of_fault(queued, fault, bool(request.meta["hops"]), outcome):
            return self._with_beside(decided)
        if came:
            self._keep_beside(queued, came)
        return None

    def _came(self, request: Request, queued: QueuedUrl, fault: Fault) -> Capture | None:
        """What came of an answer that cannot be used, if it is kept."""
        wire = wire_of(request.meta, reason=truncation_of(fault))
        if wire is None:
            return None
        return capture_of_part(queued, request.url, wire, datetime.now(UTC), request.meta["robots_id"])

    async def closed(self, reason: str) -> None:
        """Give the archive free, once what is under way is stored."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        self.workers.close()
        broken = self.ended.startswith(("archive", "fault"))
        outcome = "failed" if broken else "finished" if reason == "finished" else "stopped"
        with self._at_the_end:
            self._closed = True
            try:
                self.session.close(outcome, self.ended or reason)
            except (sqlite3.Error, OSError) as error:  # the next run notes this one as killed
                self.ended = self.ended or f"archive: {error}"


def _stopped(request: Request, why: str) -> StopDownload:
    """What ends a download, with the reason noted for the raw record."""
    if exchange := request.meta.get("exchange"):
        exchange.cut = why
    return StopDownload(fail=False)
