"""From the answer to a robots.txt, or the lack of one, to what is in force for its host."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from scrapy.http import Response

from cleaners.urls.canonical import canonicalise
from crawler.answers.outcomes import Answer, retry_after_of
from crawler.fetch.faults import Fault, Retries, is_refusal
from crawler.frontier.pace import LONGEST_ASKED
from crawler.frontier.robots_txt import Access, Robots
from crawler.frontier.turns import Frontier
from output.outcome import Outcome
from output.queue.rows import QueuedUrl

HEADERS = {"Accept": "text/plain, */*;q=0.5", "Accept-Encoding": "identity"}
"""Request headers of a robots.txt: not packed, for it is read as far as it came."""

_HOPS = 5  # redirects that are followed: RFC 9309, section 2.3.1.2
_LOG = logging.getLogger(__name__)


class RobotsReader:
    """Reads each robots.txt, has it asked for again where it gave no decision, and puts it in force once stored."""

    def __init__(self, frontier: Frontier, retries: Retries, user_agent: str) -> None:
        self._frontier = frontier
        self._retries = retries
        self._user_agent = user_agent
        self._read: dict[str, Robots] = {}  # by URL: read, and not yet stored

    async def of_answer(self, answer: Answer, made: Callable[[Answer, Robots], Awaitable[Outcome]]) -> Outcome | None:
        """What an answer comes to; None if the file is asked for again. `made` makes the outcome of a reading."""
        queued, response = answer.queued, answer.response
        packed = "download_stopped" in response.flags and answer.header("Content-Encoding")  # too long to be unpacked
        status = 0 if packed else response.status
        read = partial(Robots.from_response, status, response.body, response.url, queued.host)
        robots = await asyncio.to_thread(read)  # a long one takes a while
        if robots.access is Access.NOTHING and self._asks_again(queued, retry_after_of(answer)):
            return None
        outcome = await made(replace(answer, robots_id=robots.id), robots)
        return self._decided(outcome, robots, answer.stamp)

    def of_fault(self, queued: QueuedUrl, fault: Fault, moved: bool, outcome: Outcome) -> Outcome | None:
        """What a request without an answer comes to; None if it is made again.

        A host that was never reached is given up whole; `moved` says that it was another host that did not answer.
        """
        if fault.retry and self._asks_again(queued):
            return None
        lost = (fault.host_gone or is_refusal(fault.reason)) and not moved
        if lost and self._frontier.robots_of(queued.host) is None:
            self._frontier.give_up_host(queued.host, fault.reason)
            return outcome
        unread = Robots.from_response(None, b"", queued.url, queued.host)
        return self._decided(outcome, unread, datetime.now(UTC).isoformat(timespec="seconds"))

    def stored(self, url: str) -> None:
        """The outcome of a URL is in the archive: if it is a robots.txt, it is in force from now on."""
        if robots := self._read.pop(url, None):
            self._frontier.set_robots(robots.host, robots)

    def _asks_again(self, queued: QueuedUrl, retry_after: float | None = None) -> bool:
        if not self._retries.left(queued.attempts):
            return False
        self._frontier.ask_robots_again(queued, self._retries.wait_before(queued.attempts + 1, retry_after))
        return True

    def _decided(self, outcome: Outcome, robots: Robots, stamp: str) -> Outcome:
        """The outcome, with the file to be kept."""
        self._read[outcome.url] = robots
        asked = robots.asked_delay(self._user_agent)
        if asked <= LONGEST_ASKED:
            return replace(outcome, robots_file=robots.file(stamp))
        _LOG.warning("%s asks for %g s between requests; it gets %g s", robots.host, asked, LONGEST_ASKED)
        return replace(outcome, robots_file=robots.file(stamp, "delay_capped"))


def moved_to(response: Response, hops: int) -> str:
    """Where a robots.txt moved to, if it is to be followed after so many redirects."""
    location = (response.headers.get("Location") or b"").decode("latin-1")
    if not 300 <= response.status < 400 or not location or hops >= _HOPS:
        return ""
    return canonicalise(location, response.url) or ""
