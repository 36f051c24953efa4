"""A response, or the lack of one, to the outcome that the archive stores.

Whatever happens to a URL becomes one `Outcome` with a state and a reason. Parsing and cleaning run in the workers.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from scrapy.http import Response

from cleaners.clean import clean
from cleaners.record import Cleaned, Outlink, Page, PageType, PageVerdict
from cleaners.urls import canonicalise
from crawler.discovered import Discovered, found_file, from_feed, from_outlinks, from_sitemap
from crawler.discovery import SitemapKind, read_feed, read_sitemap, too_old, usual_feed_places, usual_sitemap_places
from crawler.faults import Fault, Retries, is_retried, retry_after
from crawler.options import CrawlOptions
from crawler.process import WorkerError, Workers
from crawler.robots import Robots
from crawler.scope import Scope
from crawler.sniff import Sort, is_media_type, sort_of
from output.outcome import Capture, Found, Outcome
from output.queue import QueuedUrl

MAX_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """A queued URL with the response it got and when, UTC."""

    queued: QueuedUrl
    response: Response
    at: datetime

    @property
    def stamp(self) -> str:
        """The time of the answer, UTC ISO 8601."""
        return self.at.isoformat(timespec="seconds")

    def header(self, name: str) -> str:
        """A response header's value, or an empty string."""
        return (self.response.headers.get(name) or b"").decode("latin-1")


class Outcomes:
    """Makes outcomes by the crawl's options and scope; `scope` widens when a seed moves to another host."""

    def __init__(self, options: CrawlOptions, scope: Scope, workers: Workers, retries: Retries | None = None) -> None:
        self.options = options
        self.scope = scope
        self._workers = workers
        self._retries = retries or Retries()
        self._came_by: dict[str, tuple[str, ...]] = {}  # the redirects that led to a URL in this run

    async def of_answer(self, answer: Answer, robots: Robots | None = None) -> Outcome:
        """The outcome of a response. `robots` is the reading of a robots.txt, when it is one."""
        status = answer.response.status
        if robots is not None:
            return self._robots(answer, robots)
        if 300 <= status < 400 and answer.header("Location"):
            return self._redirect(answer)
        if status >= 400 or not 200 <= status < 300:
            return self._http_error(answer)
        try:
            return await self._content(answer)
        except WorkerError as error:
            return _made(answer, "failed", error.reason)

    def of_fault(self, queued: QueuedUrl, fault: Fault, at: datetime) -> Outcome:
        """The outcome of a request that got no response: another try later, or a failure."""
        if fault.retry and self._retries.left(queued.attempts):
            return _again(queued, fault.reason, at, self._retries.wait_before(queued.attempts + 1))
        state = "skipped" if fault.reason == "private_address" else "failed"
        return Outcome(queued.url, state, fault.reason, fetched_at=at.isoformat(timespec="seconds"), kind=queued.kind)

    def _robots(self, answer: Answer, robots: Robots) -> Outcome:
        found: list[Found] = []
        if self.options.discover_sitemaps:
            if robots.sitemaps:
                found = [found_file(url, "sitemap", "robots", answer.queued.url) for url in robots.sitemaps]
            else:
                found = [found_file(url, "sitemap", "guess") for url in usual_sitemap_places(answer.queued.url)]
        gone = answer.response.status >= 500
        outcome = _made(answer, "failed" if gone else "done", robots.reason if gone else "robots")
        return replace(outcome, found=tuple(found))

    def _redirect(self, answer: Answer) -> Outcome:
        queued = answer.queued
        target = canonicalise(answer.header("Location"), queued.url)
        if target is None:
            return _made(answer, "failed", "bad_redirect")
        if fault := self._redirect_fault(queued.url, target):
            return replace(_made(answer, "failed", fault), location=target)
        if queued.found_via == "seed" and queued.depth == 0 and not self.scope.contains(target):
            self.scope = self.scope.widened(target)
        links = (Outlink(target, via="redirect"),)
        found = self._targets(queued, from_outlinks(links, queued, self.scope, self.options), target)
        return replace(_made(answer, "done", "redirect"), location=target, found=found.found, outside=found.outside)

    def _redirect_fault(self, url: str, target: str) -> str:
        """Why a redirect is not followed, or an empty string."""
        came_by = (*self._came_by.pop(url, ()), url)
        if target in came_by:
            return "redirect_loop"
        if len(came_by) > MAX_REDIRECTS:
            return "too_many_redirects"
        self._came_by[target] = came_by
        return ""

    def _targets(self, queued: QueuedUrl, found: Discovered, target: str) -> Discovered:
        """A moved sitemap or feed stays what it is; what a seed led to counts as one, so that it may move on."""
        if queued.kind in ("sitemap", "feed"):
            return Discovered((found_file(target, queued.kind, "redirect", queued.url),))
        if queued.found_via == "seed":
            return replace(found, found=tuple(replace(row, via="seed", priority=100) for row in found.found))
        return found

    def _http_error(self, answer: Answer) -> Outcome:
        status, queued = answer.response.status, answer.queued
        if queued.found_via == "guess" and status in (403, 404, 410):
            return _made(answer, "skipped", "not_there")
        if is_retried(status) and self._retries.left(queued.attempts):
            asked = retry_after_of(answer)
            again = _again(queued, f"http_{status}", answer.at, self._retries.wait_before(queued.attempts + 1, asked))
            return replace(again, http_status=status, capture=_capture(answer))
        return _made(answer, "failed", f"http_{status}")

    async def _content(self, answer: Answer) -> Outcome:
        body, queued = answer.response.body, answer.queued
        sort = sort_of(body, answer.header("Content-Type"))
        if queued.kind == "sitemap" or (sort is Sort.SITEMAP and queued.kind == "page"):
            return await self._sitemap(answer)
        if queued.kind == "feed" or (sort is Sort.FEED and queued.kind == "page"):
            return await self._feed(answer)
        if sort is Sort.MEDIA or (queued.kind == "page" and is_media_type(answer.header("Content-Type"))):
            return _made(answer, "skipped", "media_type")
        if sort is Sort.EMPTY:
            return replace(_made(answer, "done", "empty"), cleaned=_empty(queued.url))
        return await self._page(answer)

    async def _sitemap(self, answer: Answer) -> Outcome:
        sitemap = await self._workers.run(read_sitemap, answer.response.body, answer.queued.url)
        if sitemap.kind is SitemapKind.NOT_A_SITEMAP:
            if answer.queued.found_via == "guess":
                return _made(answer, "skipped", "not_there")
            return _made(answer, "failed", f"bad_sitemap:{sitemap.reason}")
        outcome = _with(
            _made(answer, "done", "sitemap"), from_sitemap(sitemap, answer.queued, self.scope, self.options)
        )
        return replace(outcome, reason=f"sitemap:{sitemap.reason}") if sitemap.reason else outcome

    async def _feed(self, answer: Answer) -> Outcome:
        feed = await self._workers.run(read_feed, answer.response.body, answer.queued.url)
        if feed.reason == "not_a_feed":
            if answer.queued.found_via == "guess":
                return _made(answer, "skipped", "not_there")
            return _made(answer, "failed", "bad_feed")
        outcome = _with(_made(answer, "done", "feed"), from_feed(feed.entries, answer.queued, self.scope, self.options))
        if feed.following:
            following = found_file(feed.following, "feed", "next", answer.queued.url)
            outcome = replace(outcome, found=(*outcome.found, following))
        return outcome

    async def _page(self, answer: Answer) -> Outcome:
        cleaned = await self._workers.run(clean, _page_of(answer))
        found = from_outlinks(cleaned.outlinks, answer.queued, self.scope, self.options)
        found = self._with_guessed_feeds(answer.queued, found)
        reason = self._unwanted(cleaned)
        if reason:
            verdict = PageVerdict(PageType.OTHER, (f"own_type={cleaned.verdict.page_type}", f"left_out={reason}"))
            outcome = replace(_made(answer, "skipped", reason), cleaned=replace(cleaned, verdict=verdict))
        else:
            outcome = replace(_made(answer, "done", str(cleaned.verdict.page_type)), cleaned=cleaned)
        return _with(outcome, found)

    def _with_guessed_feeds(self, queued: QueuedUrl, found: Discovered) -> Discovered:
        """A start page that names no feed: look at the usual places."""
        if queued.found_via != "seed" or not self.options.discover_feeds:
            return found
        if any(row.kind == "feed" for row in found.found):
            return found
        guesses = (found_file(url, "feed", "guess") for url in usual_feed_places(queued.url))
        return replace(found, found=(*found.found, *guesses))

    def _unwanted(self, cleaned: Cleaned) -> str:
        if not cleaned.is_article:
            return ""
        language, published = cleaned.metadata.language, cleaned.metadata.published
        if self.options.languages and language and language not in self.options.languages:
            return "language"
        if self.options.since and published and too_old(published, self.options.since):
            return "too_old"
        return ""


def retry_after_of(answer: Answer) -> float | None:
    """Seconds that the answer asks to wait, if it does."""
    return retry_after(answer.header("Retry-After"), answer.at)


def given_up(queued: QueuedUrl, state: str, reason: str) -> Outcome:
    """The outcome of a URL that was not asked for."""
    return Outcome(queued.url, state, reason, kind=queued.kind)


def _page_of(answer: Answer) -> Page:
    response = answer.response
    headers = tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
        if name.lower() in (b"x-robots-tag", b"link", b"content-language", b"last-modified")
    )
    return Page(response.url, response.body, answer.header("Content-Type"), response.status, answer.stamp, headers)


def _empty(url: str) -> Cleaned:
    return clean(Page(url, b""))


def _with(outcome: Outcome, found: Discovered) -> Outcome:
    return replace(outcome, found=found.found, outside=found.outside)


def _made(answer: Answer, state: str, reason: str) -> Outcome:
    return Outcome(
        answer.queued.url,
        state,
        reason,
        http_status=answer.response.status,
        fetched_at=answer.stamp,
        capture=_capture(answer),
        kind=answer.queued.kind,
    )


def _capture(answer: Answer) -> Capture:
    response = answer.response
    return Capture(
        url=answer.queued.url,
        fetched_at=answer.stamp,
        http_status=response.status,
        final_url=response.url,
        content_type=answer.header("Content-Type"),
        payload_digest=payload_digest(response.body),
        payload_length=len(response.body),
    )


def payload_digest(body: bytes) -> str:
    """The payload's digest in WARC's notation: sha1, base 32."""
    return "sha1:" + base64.b32encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()


def _again(queued: QueuedUrl, reason: str, at: datetime, wait: float) -> Outcome:
    due = (at + timedelta(seconds=wait)).astimezone(UTC)
    return Outcome(
        queued.url,
        "queued",
        f"retry:{reason}",
        fetched_at=at.isoformat(timespec="seconds"),
        not_before=due.isoformat(timespec="seconds"),
        retry=True,
    )
