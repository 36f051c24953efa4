"""Fetches a queued URL: has its request downloaded, and the outcome of the response or fault stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from broadsheet.output.archive.url_words import OutcomeReason, ReasonFamily, UrlKind, compound_reason, http_reason
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import QueuedUrl

from ..fetch.challenges import is_challenge
from ..fetch.faults import Fault
from ..fetch.requests import (
    download,
    latency_of,
    raw_exchange_of_fault,
    raw_exchange_of_response,
    redirect_count_of,
    robots_id_of,
)
from .frontier import Turn
from .host_files import redirect_target
from .outcomes import Answer, answer_capture, partial_capture, retry_after_of, unfetched_outcome
from .robots_rules import RobotsRules
from .run_parts import CrawlParts

if TYPE_CHECKING:
    from .page_rendering import CrawlFetch

_UNAVAILABLE_STATUS = 503
_WALL_REASONS = (OutcomeReason.CHALLENGED, compound_reason(ReasonFamily.RETRY, OutcomeReason.CHALLENGED))


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetcher of the URLs of one crawl. `store` returns when an outcome is in the archive.

    Until then the response's body counts in the byte budget. The frontier learns how each host responds.
    """

    parts: CrawlParts
    crawler: Crawler
    store: Callable[[Outcome], Awaitable[None]]
    logger: logging.LoggerAdapter[logging.Logger]
    _redirect_captures: dict[str, list[Capture]] = field(default_factory=dict, init=False)
    """By the URL of a robots.txt: captures of redirects and failed attempts, to be stored with its one outcome."""
    _lone_robots: set[str] = field(default_factory=set, init=False)
    """URLs of robots.txt files, being fetched, of hosts outside the crawl."""

    async def give_up(self, turn: Turn) -> None:
        """Store the outcome of a URL that is given up without a request."""
        outcome = replace(unfetched_outcome(turn.queued_url, turn.state, turn.reason), given_up_host=turn.given_up_host)
        await self._store_if_any(outcome, turn.queued_url)

    async def fetch(self, queued_url: QueuedUrl) -> None:
        """Send the URL's request and store its outcome. The redirects of a robots.txt are followed.

        A URL whose fetch is cancelled stays queued.
        """
        request: Request | None = self._request(queued_url)
        try:
            while request is not None:
                request = await self._send(request, queued_url)
        except asyncio.CancelledError:
            self.parts.frontier.mark_stored(queued_url.url)
            raise

    def _request(self, queued_url: QueuedUrl, redirected_url: str = "", redirect_count: int = 0) -> Request:
        robots = self.parts.frontier.robots_for(queued_url.host)
        return self.parts.request_builder.build(
            queued_url, robots.id if robots else None, redirected_url, redirect_count
        )

    async def _send(self, request: Request, queued_url: QueuedUrl) -> Request | None:
        """Store the outcome of a request; returns the next request if it was a redirect of a robots.txt."""
        assert self.crawler.engine is not None
        result = await download(self.crawler.engine, request)
        if isinstance(result, Fault):
            await self._store_if_any(self._fault_outcome(result, request, queued_url), queued_url)
        if not isinstance(result, Response):
            return None
        with self.parts.byte_budget.reserve(len(result.body)):
            outcome, next_request = await self._response_outcome(result, request, queued_url)
            await self._store_if_any(outcome, queued_url)
        return next_request

    async def _store_if_any(self, outcome: Outcome | None, queued_url: QueuedUrl) -> None:
        if outcome is not None and queued_url.url in self._lone_robots:
            await self.store(replace(outcome, discovered_urls=()))
        elif outcome is not None:
            await self.store(
                self.parts.guesses.extend(outcome, queued_url, self.parts.robots_reader.robots_of(queued_url))
            )

    async def _response_outcome(
        self, response: Response, request: Request, queued_url: QueuedUrl
    ) -> tuple[Outcome | None, Request | None]:
        """Return a response's outcome, or the next request if it redirects a robots.txt (RFC 9309, 2.3.1.2).

        Both are None if the robots.txt will be requested again. It has one outcome, however many responses it takes.
        """
        raw_exchange, redirect_count = raw_exchange_of_response(request, response), redirect_count_of(request)
        usage = self.parts.robots_reader.usage_statements(queued_url)
        answer = Answer(queued_url, response, datetime.now(UTC), robots_id_of(request), usage, raw_exchange)
        if queued_url.kind == UrlKind.ROBOTS and (target := redirect_target(response, redirect_count)):
            self._keep_redirect_capture(queued_url, answer_capture(answer))
            return None, self._request(queued_url, target, redirect_count + 1)
        if queued_url.kind != UrlKind.ROBOTS:
            self.parts.frontier.record_arrival(queued_url)
            outcome = await self._answer_outcome(answer)
            self._report_to_frontier(answer, request, is_wall=outcome.reason in _WALL_REASONS)
            if self.parts.rendering is not None:
                outcome = await self.parts.rendering.extend(answer, outcome, self._for_browser())
            return outcome, None
        self._report_to_frontier(answer, request, is_wall=is_challenge(response))
        if decided := await self.parts.robots_reader.read_answer(answer, self._answer_outcome):
            return self._with_redirect_captures(decided), None
        self._keep_redirect_capture(queued_url, answer_capture(answer))
        return None, None

    def _for_browser(self) -> CrawlFetch:
        from .page_rendering import CrawlFetch

        engine = self.crawler.engine
        assert engine is not None
        return CrawlFetch(
            partial(download, engine), self._fetch_robots_alone, self._answer_outcome, lambda: engine.running
        )

    async def _fetch_robots_alone(self, queued_url: QueuedUrl) -> None:
        """Fetch and store the robots.txt of a host from which a page loads resources, without the sitemaps that it
        names.
        """
        self._lone_robots.add(queued_url.url)
        try:
            await self.fetch(queued_url)
        finally:
            self._lone_robots.discard(queued_url.url)

    async def _answer_outcome(self, answer: Answer, robots: RobotsRules | None = None) -> Outcome:
        """Build the outcome of a response; an exception in our own code fails its URL only."""
        try:
            return await self.parts.outcomes.from_answer(answer, robots)
        except Exception as error:
            self.logger.exception("Internal error at %s", answer.queued_url.url)
            # Scrapy reports exceptions in callbacks so; CLOSESPIDER_ERRORCOUNT counts them.
            for name in ("count", type(error).__name__):
                self.crawler.stats.inc_value(f"spider_exceptions/{name}")
            self.crawler.signals.send_catch_log(
                signals.spider_error,
                failure=Failure(error),  # type: ignore[no-untyped-call]
                response=answer.response,
                spider=self.crawler.spider,
            )
            return self.parts.outcomes.from_fault(
                answer.queued_url, Fault(compound_reason(ReasonFamily.ERROR, type(error).__name__)), answer.received_at
            )

    def _report_to_frontier(self, answer: Answer, request: Request, *, is_wall: bool) -> None:
        """Report to the frontier whether the host responds well, fails, or wants fewer requests.

        `is_wall` says that the answer is a rate limit, a challenge or a CAPTCHA, which may show only when it is read.
        """
        queued_url, status = answer.queued_url, answer.response.status
        if is_wall:
            self.parts.frontier.record_refusal(queued_url, retry_after_of(answer), OutcomeReason.CHALLENGED)
        elif status == _UNAVAILABLE_STATUS:
            self.parts.frontier.record_refusal(queued_url, retry_after_of(answer), http_reason(status))
        elif status >= 500:
            self.parts.frontier.record_failure(queued_url, http_reason(status))
        else:
            self.parts.frontier.record_answer(queued_url, latency_of(request))

    def _fault_outcome(self, fault: Fault, request: Request, queued_url: QueuedUrl) -> Outcome | None:
        """Build the outcome of a request without a usable response; None if a robots.txt will be requested again."""
        if fault.retry or fault.host_gone:
            self.parts.frontier.record_failure(queued_url, fault.reason)
        capture, now = self._partial_capture(fault, request, queued_url), datetime.now(UTC)
        outcome = self.parts.outcomes.from_fault(queued_url, fault, now, capture)
        if queued_url.kind != UrlKind.ROBOTS:
            return outcome
        if decided := self.parts.robots_reader.read_fault(queued_url, fault, redirect_count_of(request) > 0, outcome):
            return self._with_redirect_captures(decided)
        if capture:
            self._keep_redirect_capture(queued_url, capture)
        return None

    def _partial_capture(self, fault: Fault, request: Request, queued_url: QueuedUrl) -> Capture | None:
        """Build the capture of the part of a response before the fault; None without raw bytes."""
        raw_exchange = raw_exchange_of_fault(request, fault)
        if raw_exchange is None:
            return None
        return partial_capture(queued_url, request.url, raw_exchange, datetime.now(UTC), robots_id_of(request))

    def _keep_redirect_capture(self, queued_url: QueuedUrl, capture: Capture) -> None:
        if capture.raw is not None:
            self._redirect_captures.setdefault(queued_url.url, []).append(capture)

    def _with_redirect_captures(self, outcome: Outcome) -> Outcome:
        return replace(outcome, extra_captures=tuple(self._redirect_captures.pop(outcome.url, ())))
