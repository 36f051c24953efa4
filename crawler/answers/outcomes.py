"""A response, or the lack of one, to the outcome that the archive stores.

Whatever happens to a URL becomes one `Outcome` with a state and a reason. Parsing and cleaning run in the workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from scrapy.http import Response

from cleaners.document import Cleaned, Outlink, Page
from cleaners.html.robots_directives import HEADERS, header_directives
from cleaners.urls.canonical import canonicalise
from crawler.answers.sniff import Sort, is_media_type, sort_of
from crawler.answers.worker_jobs import Fetched, Rules, work_on_feed, work_on_page, work_on_sitemap
from crawler.discovery.found_rows import Discovered, found_file, from_outlinks
from crawler.discovery.scope import Scope
from crawler.discovery.usual_places import usual_sitemap_places
from crawler.fetch.faults import Fault, Retries, is_refusal, is_retried, retry_after
from crawler.frontier.robots_txt import Access, Robots
from crawler.options import CrawlOptions
from crawler.workers.pool import WorkerError, Workers
from output.outcome import NOT_MODIFIED, Found, Outcome
from output.queue.rows import QueuedUrl
from output.raw.capture import Capture
from output.raw.wire import Wire, digest

MAX_REDIRECTS = 10
NOT_MODIFIED_STATUS = 304
READ_HEADERS = HEADERS | {"link", "content-language", "last-modified"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A queued URL with the response it got and when, UTC."""

    queued: QueuedUrl
    response: Response
    at: datetime
    robots_id: int | None = None  # the robots.txt in force when it was asked for
    wire: Wire | None = None  # what went over the connection, if it is kept

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
        self.robot = "broadsheet"  # the name by which directives call us
        self._workers = workers
        self._retries = retries or Retries()
        self._rules: Rules | None = None
        self._packed = b""
        self._came_by: dict[str, tuple[str, ...]] = {}  # the redirects that led to a URL

    def go_on(self, came_by: Mapping[str, tuple[str, ...]], moved_to: Iterable[str]) -> None:
        """Take up what an earlier run knew: the redirects that led to what waits, and where its seeds moved."""
        self._came_by.update(came_by)
        for target in moved_to:
            if not self.scope.contains(target):
                self.scope = self.scope.widened(target)

    async def of_answer(self, answer: Answer, robots: Robots | None = None) -> Outcome:
        """The outcome of a response. `robots` is the reading of a robots.txt, when it is one."""
        status = answer.response.status
        if robots is not None:
            return self._robots(answer, robots)
        if status == NOT_MODIFIED_STATUS and answer.queued.held_at:
            return _made(answer, "done", NOT_MODIFIED)
        if 300 <= status < 400 and answer.header("Location"):
            return self._redirect(answer)
        if status >= 400 or not 200 <= status < 300:
            return self._http_error(answer)
        try:
            return await self._content(answer)
        except WorkerError as error:
            return _made(answer, "failed", error.reason)

    def of_fault(self, queued: QueuedUrl, fault: Fault, at: datetime, came: Capture | None = None) -> Outcome:
        """The outcome of a request that got no response, or one of no use: another try later, or a failure.

        `came` is what came of it, if a part of a response did.
        """
        if fault.retry and self._retries.left(queued.attempts):
            again = _again(queued, fault.reason, at, self._retries.wait_before(queued.attempts + 1))
            return replace(again, capture=came)
        state, stamp = "skipped" if is_refusal(fault.reason) else "failed", at.isoformat(timespec="seconds")
        return Outcome(queued.url, state, fault.reason, fetched_at=stamp, capture=came, kind=queued.kind)

    def _robots(self, answer: Answer, robots: Robots) -> Outcome:
        found: list[Found] = []
        if self.options.discover_sitemaps:
            if robots.sitemaps:
                found = [found_file(url, "sitemap", "robots", answer.queued.url) for url in robots.sitemaps]
            else:
                found = [found_file(url, "sitemap", "guess") for url in usual_sitemap_places(answer.queued.url)]
        gone = robots.access is Access.NOTHING
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
            return replace(again, http_status=status, capture=capture_of(answer))
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
        listed = await self._workers.run(work_on_sitemap, answer.response.body, answer.queued, self._packed_rules())
        if not listed.readable:
            return _unreadable(answer, f"bad_sitemap:{listed.reason}")
        reason = f"sitemap:{listed.reason}" if listed.reason else "sitemap"
        return _with(_made(answer, "done", reason), listed.discovered)

    async def _feed(self, answer: Answer) -> Outcome:
        listed = await self._workers.run(work_on_feed, answer.response.body, answer.queued, self._packed_rules())
        if not listed.readable:
            return _unreadable(answer, "bad_feed")
        return _with(_made(answer, "done", "feed"), listed.discovered)

    async def _page(self, answer: Answer) -> Outcome:
        said = header_directives(_headers(answer))
        fetched = Fetched(_page_of(answer), answer.queued, said, answer.at)
        worked = await self._workers.run(work_on_page, fetched, self._packed_rules())
        outcome = replace(_made(answer, worked.state, worked.reason), cleaned=worked.page)
        capture = outcome.capture and replace(outcome.capture, directives=worked.said)
        return _with(replace(outcome, capture=capture), worked.discovered)

    def _packed_rules(self) -> bytes:
        rules = Rules(self.scope, self.options, self.robot)
        if rules != self._rules:
            self._rules, self._packed = rules, rules.packed()
        return self._packed


def retry_after_of(answer: Answer) -> float | None:
    """Seconds that the answer asks to wait, if it does."""
    return retry_after(answer.header("Retry-After"), answer.at)


def given_up(queued: QueuedUrl, state: str, reason: str) -> Outcome:
    """The outcome of a URL that was not asked for."""
    return Outcome(queued.url, state, reason, kind=queued.kind)


def _page_of(answer: Answer) -> Page:
    response = answer.response
    headers = tuple(each for each in _headers(answer) if each[0] in READ_HEADERS)
    return Page(response.url, response.body, answer.header("Content-Type"), response.status, answer.stamp, headers)


def _headers(answer: Answer) -> tuple[tuple[str, str], ...]:
    """The response's headers as (lower-case name, value) pairs."""
    fields = answer.response.headers.items()
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, each in fields for value in each)


def _empty(url: str) -> Cleaned:
    from cleaners.clean import clean  # seldom needed in this process

    return clean(Page(url, b""))


def _unreadable(answer: Answer, reason: str) -> Outcome:
    """The outcome of a sitemap or feed that is none; where one was only looked for, it is not there."""
    if answer.queued.found_via == "guess":
        return _made(answer, "skipped", "not_there")
    return _made(answer, "failed", reason)


def _with(outcome: Outcome, found: Discovered) -> Outcome:
    return replace(outcome, found=found.found, outside=found.outside)


def _made(answer: Answer, state: str, reason: str) -> Outcome:
    return Outcome(
        answer.queued.url,
        state,
        reason,
        http_status=answer.response.status,
        fetched_at=answer.stamp,
        capture=capture_of(answer),
        kind=answer.queued.kind,
    )


def capture_of(answer: Answer) -> Capture:
    """The row of a response. Of one that is kept raw the archive takes the digest itself, off the event loop."""
    response = answer.response
    return Capture(
        url=answer.queued.url,
        fetched_at=answer.stamp,
        http_status=response.status,
        final_url=response.url,
        content_type=answer.header("Content-Type"),
        payload_digest="" if answer.wire else digest(response.body),
        payload_length=len(response.body),
        directives=header_directives(_headers(answer)),
        robots_id=answer.robots_id,
        raw=answer.wire,
        etag=answer.header("ETag"),
        last_modified=answer.header("Last-Modified"),
    )


def capture_of_part(queued: QueuedUrl, url: str, wire: Wire, at: datetime, robots_id: int | None) -> Capture:
    """The row of a response that is not used, as far as it came; `url` is what was asked for in the end."""
    return Capture(
        url=queued.url,
        fetched_at=at.isoformat(timespec="seconds"),
        http_status=wire.status,
        final_url=url,
        content_type=wire.header("content-type"),
        payload_length=len(wire.body),
        robots_id=robots_id,
        raw=wire,
    )


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
