"""From the response to a robots.txt, or the lack of one, to the rules in force for its host."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from scrapy.http import Response

from broadsheet.cleaners.urls.canonical import canonicalise
from broadsheet.crawler.answers.outcomes import Answer, retry_after_of
from broadsheet.crawler.fetch.faults import Fault, RetryPolicy, is_refusal
from broadsheet.crawler.frontier.pace import MAX_ROBOTS_DELAY
from broadsheet.crawler.frontier.robots_txt import Access, RobotsRules
from broadsheet.crawler.frontier.turns import Frontier
from broadsheet.output.outcome import Outcome
from broadsheet.output.queue.rows import QueuedUrl

_MAX_REDIRECTS = 5  # redirects that are followed: RFC 9309, section 2.3.1.2
_LOG = logging.getLogger(__name__)


class RobotsReader:
    """Parses each robots.txt, retries it where it could not be read, and puts it in force once it is stored."""

    def __init__(self, frontier: Frontier, retries: RetryPolicy, user_agent: str) -> None:
        self._frontier = frontier
        self._retries = retries
        self._user_agent = user_agent
        self._unstored_robots: dict[str, RobotsRules] = {}  # by URL: read, and not yet stored

    async def read_answer(
        self, answer: Answer, build_outcome: Callable[[Answer, RobotsRules], Awaitable[Outcome]]
    ) -> Outcome | None:
        """The outcome of a response to a robots.txt, made by `build_outcome` from the parsed file; None if it is
        retried."""
        queued_url, response = answer.queued_url, answer.response
        # What was cut off while it was packed cannot be unpacked.
        is_cut_off = "download_stopped" in response.flags and answer.header("Content-Encoding")
        status = 0 if is_cut_off else response.status
        parse = partial(RobotsRules.from_response, status, response.body, response.url, queued_url.host)
        robots = await asyncio.to_thread(parse)  # a long one takes a while
        if robots.access is Access.NOTHING and self._schedule_retry(queued_url, retry_after_of(answer)):
            return None
        outcome = await build_outcome(replace(answer, robots_id=robots.id), robots)
        return self._with_robots_file(outcome, robots, answer.timestamp)

    def read_fault(self, queued_url: QueuedUrl, fault: Fault, was_redirected: bool, outcome: Outcome) -> Outcome | None:
        """The outcome of a failed request for a robots.txt; None if it is retried.

        A host that was never reached is given up with all its URLs, but not if `was_redirected`: then another host
        failed.
        """
        if fault.retry and self._schedule_retry(queued_url):
            return None
        is_host_lost = (fault.host_gone or is_refusal(fault.reason)) and not was_redirected
        if is_host_lost and self._frontier.robots_for(queued_url.host) is None:
            self._frontier.give_up_host(queued_url.host, fault.reason)
            return outcome
        robots = RobotsRules.from_response(None, b"", queued_url.url, queued_url.host)
        return self._with_robots_file(outcome, robots, datetime.now(UTC).isoformat(timespec="seconds"))

    def robots_of(self, queued_url: QueuedUrl) -> RobotsRules | None:
        """The robots.txt of a URL's host, also while it waits to be stored; None if there is none yet."""
        return self._unstored_robots.get(queued_url.url) or self._frontier.robots_for(queued_url.host)

    def apply_stored(self, url: str) -> None:
        """Put a robots.txt in force, now that the outcome of its URL is stored; other URLs are ignored."""
        if robots := self._unstored_robots.pop(url, None):
            self._frontier.set_robots(robots.host, robots)

    def _schedule_retry(self, queued_url: QueuedUrl, retry_after: float | None = None) -> bool:
        """Queue the robots.txt for another request; False if it has used up its retries."""
        if not self._retries.allows_retry(queued_url.attempts):
            return False
        self._frontier.retry_robots(queued_url, self._retries.wait_before(queued_url.attempts + 1, retry_after))
        return True

    def _with_robots_file(self, outcome: Outcome, robots: RobotsRules, timestamp: str) -> Outcome:
        """The outcome with the robots.txt to be stored; a Crawl-delay over the longest allowed is capped, with a
        warning."""
        self._unstored_robots[outcome.url] = robots
        asked_delay = robots.requested_delay(self._user_agent)
        if asked_delay <= MAX_ROBOTS_DELAY:
            return replace(outcome, robots_file=robots.to_robots_file(timestamp))
        _LOG.warning("%s asks for %g s between requests; it gets %g s", robots.host, asked_delay, MAX_ROBOTS_DELAY)
        return replace(outcome, robots_file=robots.to_robots_file(timestamp, "delay_capped"))


def redirect_target(response: Response, hops: int) -> str:
    """The URL that a robots.txt redirects to; empty if it does not, or if `hops` redirects were followed already."""
    location = (response.headers.get("Location") or b"").decode("latin-1")
    if not 300 <= response.status < 400 or not location or hops >= _MAX_REDIRECTS:
        return ""
    return canonicalise(location, response.url) or ""
