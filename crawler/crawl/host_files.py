"""Files at known places of a host: its robots.txt, and guessed sitemaps and feeds if nothing names any.

A guess is a row like any other, stored in the transaction of the outcome that leads to it. A page or a robots.txt leads
to the first usual place, and a place that is not there to the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from scrapy.http import Response

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.page.canonical_urls import canonicalise, host_of
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind, UrlState
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.url_queue import QueuedUrl

from ..discovery.found_rows import file_row
from ..discovery.usual_places import is_named_as, usual_urls
from ..fetch.challenges import is_challenge
from ..fetch.faults import Fault, RetryPolicy, is_refusal
from ..options import CrawlOptions
from .frontier import Frontier
from .hosts import MAX_ROBOTS_DELAY
from .outcomes import Answer, retry_after_of
from .robots_rules import Access, RobotsRules

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
        """Build the outcome of a response to a robots.txt by `build_outcome`; None if it is retried."""
        queued_url, response = answer.queued_url, answer.response
        # A compressed body that was cut off cannot be unpacked.
        is_cut_off = "download_stopped" in response.flags and answer.header("Content-Encoding")
        status = 0 if is_cut_off else response.status
        is_challenged = is_challenge(response)
        parse = partial(
            RobotsRules.from_response, status, response.body, response.url, queued_url.host, is_challenged=is_challenged
        )
        robots = await asyncio.to_thread(parse)  # parsing a long file would block the event loop
        if robots.access is Access.NOTHING and self._schedule_retry(queued_url, retry_after_of(answer)):
            return None
        outcome = await build_outcome(replace(answer, robots_id=robots.id), robots)
        return self._with_robots_file(outcome, robots, answer.timestamp)

    def read_fault(self, queued_url: QueuedUrl, fault: Fault, was_redirected: bool, outcome: Outcome) -> Outcome | None:
        """Complete the outcome of a failed request for a robots.txt; None if it is retried.

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
        return self._with_robots_file(outcome, robots, utc_now())

    def robots_of(self, queued_url: QueuedUrl) -> RobotsRules | None:
        """Return the robots.txt of a URL's host, even before it is stored; None if it was not read yet."""
        return self._unstored_robots.get(queued_url.url) or self._frontier.robots_for(queued_url.host)

    def usage_statements(self, queued_url: QueuedUrl) -> tuple[str, ...]:
        """Return the usage preferences that the robots.txt in force states for a URL; empty for a robots.txt itself."""
        robots = self._frontier.robots_for(queued_url.host)
        if robots is None or queued_url.kind == UrlKind.ROBOTS:
            return ()
        return robots.usage_statements(queued_url.url, self._user_agent)

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
        """Add the robots.txt to be stored to the outcome; a delay over the longest allowed is capped with a warning."""
        self._unstored_robots[outcome.url] = robots
        asked_delay = robots.requested_delay(self._user_agent)
        if asked_delay <= MAX_ROBOTS_DELAY:
            return replace(outcome, robots_file=robots.to_robots_file(timestamp))
        _LOG.warning("%s asks for %g s between requests; it gets %g s", robots.host, asked_delay, MAX_ROBOTS_DELAY)
        return replace(outcome, robots_file=robots.to_robots_file(timestamp, "delay_capped"))


def redirect_target(response: Response, hops: int) -> str:
    """Return the URL that a robots.txt redirects to; empty without a redirect, or after too many (`hops`)."""
    location = (response.headers.get("Location") or b"").decode("latin-1")
    if not 300 <= response.status < 400 or not location or hops >= _MAX_REDIRECTS:
        return ""
    return canonicalise(location, response.url) or ""


_LISTING_KINDS = (UrlKind.SITEMAP, UrlKind.FEED)
_NO_GUESS_REASONS = (OutcomeReason.REDIRECT, OutcomeReason.SITEMAP, OutcomeReason.NOT_MODIFIED)


class GuessedPlaces:
    """Adds guessed sitemaps and feeds to outcomes, where neither the robots.txt nor a start page names one.

    `awaited_hosts`: hosts with a start page still to be read. On other hosts the robots.txt alone decides.
    """

    def __init__(self, options: CrawlOptions) -> None:
        self.awaited_hosts: set[str] = set()
        self.is_guessing = True
        self._options = options

    def extend(self, outcome: Outcome, queued_url: QueuedUrl, robots: RobotsRules | None) -> Outcome:
        """Add the guesses that a URL leads to, if any, to its outcome; `robots` is the robots.txt of its host."""
        if outcome.state == UrlState.QUEUED or robots is None or robots.access is Access.NOTHING:
            return outcome
        if not self.is_guessing:
            return outcome
        if queued_url.found_via == UrlSource.SEED and outcome.reason == OutcomeReason.REDIRECT:
            self.awaited_hosts.add(host_of(outcome.location))
        guesses = tuple(guess for guess in self._guesses(outcome, queued_url, robots) if guess)
        return replace(outcome, discovered_urls=(*outcome.discovered_urls, *guesses)) if guesses else outcome

    def _guesses(
        self, outcome: Outcome, queued_url: QueuedUrl, robots: RobotsRules
    ) -> tuple[DiscoveredUrl | None, ...]:
        if queued_url.kind in _LISTING_KINDS:
            return (_next_guess(outcome, queued_url),)
        if queued_url.kind == UrlKind.ROBOTS:
            needs_guess = queued_url.host not in self.awaited_hosts
            return (self._first_guess(UrlKind.SITEMAP, queued_url, robots),) if needs_guess else ()
        if queued_url.found_via != UrlSource.SEED or outcome.reason in _NO_GUESS_REASONS:
            return ()
        kinds = _LISTING_KINDS if outcome.page is not None else (UrlKind.SITEMAP,)
        unnamed_kinds = (kind for kind in kinds if not _names(kind, outcome.discovered_urls))
        return tuple(self._first_guess(kind, queued_url, robots) for kind in unnamed_kinds)

    def _first_guess(self, kind: UrlKind, queued_url: QueuedUrl, robots: RobotsRules) -> DiscoveredUrl | None:
        """Return the first place to try; None if the options exclude the kind, or the robots.txt names sitemaps."""
        is_wanted = self._options.feeds if kind == UrlKind.FEED else self._options.sitemaps
        if not is_wanted or (kind == UrlKind.SITEMAP and robots.sitemaps):
            return None
        return _guess(kind, usual_urls(kind, queued_url.url), 0)


def _next_guess(outcome: Outcome, queued_url: QueuedUrl) -> DiscoveredUrl | None:
    """Return the place to try after a guess that failed; None after a hit, and where the URL was no guess.

    A guess that redirects to a target named like a sitemap or feed is a hit.
    """
    is_redirect = outcome.reason == OutcomeReason.REDIRECT
    is_hit = is_named_as(queued_url.kind, outcome.location) if is_redirect else outcome.state == UrlState.DONE
    is_guess = queued_url.found_via == UrlSource.GUESS
    origin = queued_url.url if is_guess else queued_url.found_on
    if is_hit or not (is_guess or queued_url.found_via == UrlSource.REDIRECT) or not origin:
        return None
    places = usual_urls(queued_url.kind, origin)
    tried = [places.index(url) for url in (origin, queued_url.url) if url in places]
    return _guess(queued_url.kind, places, max(tried) + 1) if origin in places else None


def _guess(kind: UrlKind, places: tuple[str, ...], position: int) -> DiscoveredUrl | None:
    return file_row(places[position], kind, UrlSource.GUESS) if position < len(places) else None


def _names(kind: UrlKind, rows: tuple[DiscoveredUrl, ...]) -> bool:
    """Return whether a page's links name a sitemap or feed; one of comments does not count."""
    return any(
        row.reason != OutcomeReason.COMMENT_FEED and (row.kind == kind or is_named_as(kind, row.url)) for row in rows
    )
