"""Outcomes for the archive, built from responses and faults.

Whatever happens to a URL becomes one `Outcome` with a state and a reason. Parsing and cleaning run in the workers.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from scrapy.http import Response

from broadsheet.cleaners.document import Outlink, Page, PageType, UrlSource
from broadsheet.cleaners.page.canonical_urls import canonicalise
from broadsheet.cleaners.page.robots_directives import header_directives
from broadsheet.output.archive.stored_values import utc_text
from broadsheet.output.archive.url_words import (
    OutcomeReason,
    Reason,
    ReasonFamily,
    UrlKind,
    UrlState,
    compound_reason,
    http_reason,
)
from broadsheet.output.archive.usage_preferences import header_statements, refused_uses, usage_of
from broadsheet.output.raw.raw_exchange import Capture, RawExchange, warc_digest
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import QueuedUrl

from ..discovery.found_rows import DiscoveryResult, file_row, page_file_rows, urls_from_outlinks
from ..discovery.picture_headers import read_picture, read_sheet
from ..discovery.response_bodies import BodyKind, body_kind, is_media_type
from ..discovery.scope import Scope
from ..fetch.challenges import is_challenge
from ..fetch.faults import Fault, RetryPolicy, is_refusal, is_retryable_status, retry_after_seconds
from ..options import CrawlOptions
from ..workers.pool import WorkerError, WorkerPool
from .robots_rules import Access, RobotsRules, exclusion_reason
from .worker_jobs import (
    CrawlPolicy,
    PageJob,
    PageResult,
    process_empty_page,
    process_feed,
    process_page,
    process_sitemap,
)

MAX_REDIRECTS = 10
_RECENT_RESULTS = 64  # pages whose results are remembered: some 10 MB of real pages
NOT_MODIFIED_STATUS = 304


@dataclass(frozen=True, slots=True)
class Answer:
    """A queued URL with the response that it got, and when that came (UTC)."""

    queued_url: QueuedUrl
    response: Response
    received_at: datetime
    robots_id: int | None = None  # the robots.txt in force when it was requested
    usage: tuple[str, ...] = ()  # the usage preferences that the robots.txt states for it
    wire: RawExchange | None = None  # what went over the connection, if it is kept

    @property
    def timestamp(self) -> str:
        """Return the time when the response came, UTC ISO 8601 to the second."""
        return utc_text(self.received_at)

    def header(self, name: str) -> str:
        """Return a response header's value, or an empty string."""
        return (self.response.headers.get(name) or b"").decode("latin-1")


class OutcomeBuilder:
    """Builds an outcome for each response or fault, by the crawl's options and scope.

    `scope` grows when a seed redirects to another host.
    """

    def __init__(
        self, options: CrawlOptions, scope: Scope, workers: WorkerPool, retries: RetryPolicy | None = None
    ) -> None:
        self.options = options
        self.scope = scope
        self.robot = "broadsheet"  # the robot name that directives may address
        self.told_articles: frozenset[str] = frozenset()  # URLs that a person calls articles
        self.reads_sitemaps = options.sitemaps  # those that a robots.txt names
        self._workers = workers
        self._retries = retries or RetryPolicy()
        self._policy: CrawlPolicy | None = None
        self._packed_policy = b""
        self._redirect_chains: dict[str, tuple[str, ...]] = {}  # by URL: the redirects that led to it
        self._recent_results: dict[object, asyncio.Future[PageResult]] = {}
        self._origins: dict[object, QueuedUrl] = {}  # whose page gave each recent result
        self.reused_count = 0
        """Pages that had the bytes of another one, and were not cleaned."""

    def resume(self, redirect_chains: Mapping[str, tuple[str, ...]], seed_targets: Iterable[str]) -> None:
        """Take over from earlier runs the redirects that led to URLs still queued, and the targets of the seeds."""
        self._redirect_chains.update(redirect_chains)
        for seed_target in seed_targets:
            if not self.scope.contains(seed_target):
                self.scope = self.scope.with_seed(seed_target)

    async def from_answer(self, answer: Answer, robots: RobotsRules | None = None) -> Outcome:
        """Build the outcome of a response. `robots` is the parsed robots.txt if the URL is one."""
        status = answer.response.status
        if robots is not None:
            sitemap_urls = robots.sitemaps if self.reads_sitemaps else ()
            rows = (file_row(url, UrlKind.SITEMAP, UrlSource.ROBOTS, answer.queued_url.url) for url in sitemap_urls)
            if robots.access is Access.NOTHING:
                outcome = _answer_outcome(answer, UrlState.FAILED, robots.reason)
            else:
                outcome = _answer_outcome(answer, UrlState.DONE, OutcomeReason.ROBOTS)
            return replace(outcome, discovered_urls=tuple(rows))
        if is_challenge(answer.response):
            return self._retry_of(answer, OutcomeReason.CHALLENGED) or _answer_outcome(
                answer, UrlState.FAILED, OutcomeReason.CHALLENGED
            )
        if status == NOT_MODIFIED_STATUS and answer.queued_url.held_at:
            return _answer_outcome(answer, UrlState.DONE, OutcomeReason.NOT_MODIFIED)
        if 300 <= status < 400 and answer.header("Location"):
            return self._redirect_outcome(answer, canonicalise(answer.header("Location"), answer.queued_url.url))
        if status >= 400 or not 200 <= status < 300:
            return self._http_error_outcome(answer)
        try:
            return await self._content_outcome(answer)
        except WorkerError as error:
            return _answer_outcome(answer, UrlState.FAILED, error.reason)

    def from_fault(
        self, queued_url: QueuedUrl, fault: Fault, failed_at: datetime, partial_capture: Capture | None = None
    ) -> Outcome:
        """Build the outcome of a request that failed: a retry, or a failure that is final.

        `partial_capture` is the row of the response, if a part of one was received.
        """
        if fault.retry and self._retries.allows_retry(queued_url.attempts):
            retry = _retry_outcome(
                queued_url, fault.reason, failed_at, self._retries.wait_before(queued_url.attempts + 1)
            )
            return replace(retry, capture=partial_capture)
        state = UrlState.SKIPPED if is_refusal(fault.reason) else UrlState.FAILED
        timestamp = utc_text(failed_at)
        return Outcome(
            queued_url.url, state, fault.reason, fetched_at=timestamp, capture=partial_capture, kind=queued_url.kind
        )

    def _redirect_outcome(self, answer: Answer, target: str | None) -> Outcome:
        queued_url = answer.queued_url
        if target is None:
            return _answer_outcome(answer, UrlState.FAILED, OutcomeReason.BAD_REDIRECT)
        if error := self._redirect_error(queued_url.url, target):
            return replace(_answer_outcome(answer, UrlState.FAILED, error), location=target)
        if queued_url.found_via == UrlSource.SEED and queued_url.depth == 0 and not self.scope.contains(target):
            self.scope = self.scope.with_seed(target)
        links = (Outlink(target, via=UrlSource.REDIRECT),)
        discovered = self._with_source_of(
            queued_url, urls_from_outlinks(links, queued_url, self.scope, self.options), target
        )
        return replace(
            _answer_outcome(answer, UrlState.DONE, OutcomeReason.REDIRECT),
            location=target,
            discovered_urls=discovered.rows,
            outside_links=discovered.outside_hosts,
        )

    def _redirect_error(self, url: str, target: str) -> OutcomeReason | None:
        """Return why a redirect is not followed; None if it is."""
        redirect_chain = (*self._redirect_chains.pop(url, ()), url)
        if target in redirect_chain:
            return OutcomeReason.REDIRECT_LOOP
        if len(redirect_chain) > MAX_REDIRECTS:
            return OutcomeReason.TOO_MANY_REDIRECTS
        self._redirect_chains[target] = redirect_chain
        return None

    def _with_source_of(self, queued_url: QueuedUrl, discovered: DiscoveryResult, target: str) -> DiscoveryResult:
        """Give a redirect's target the role of the redirected URL.

        The target of a sitemap, feed or picture is one too. The target of a seed counts as a seed, so that it may
        redirect to yet another host.
        """
        if queued_url.kind in (UrlKind.SITEMAP, UrlKind.FEED, UrlKind.PICTURE):
            found_via = UrlSource.STYLE if queued_url.found_via == UrlSource.STYLE else UrlSource.REDIRECT
            origin = (queued_url.kind, found_via, queued_url.url, queued_url.depth)
            return DiscoveryResult((file_row(target, *origin),))
        if queued_url.found_via == UrlSource.SEED:
            return replace(
                discovered, rows=tuple(replace(row, found_via=UrlSource.SEED, priority=100) for row in discovered.rows)
            )
        return discovered

    def _http_error_outcome(self, answer: Answer) -> Outcome:
        status, queued_url = answer.response.status, answer.queued_url
        if queued_url.found_via == UrlSource.GUESS and status in (403, 404, 410):
            return _answer_outcome(answer, UrlState.SKIPPED, OutcomeReason.NOT_THERE)
        retry = self._retry_of(answer, http_reason(status)) if is_retryable_status(status) else None
        return retry or _answer_outcome(answer, UrlState.FAILED, http_reason(status))

    def _retry_of(self, answer: Answer, reason: Reason) -> Outcome | None:
        """Build the outcome that requests a URL again after a response, `Retry-After` at the earliest; None after the
        last try.
        """
        queued_url = answer.queued_url
        if not self._retries.allows_retry(queued_url.attempts):
            return None
        wait_seconds = self._retries.wait_before(queued_url.attempts + 1, retry_after_of(answer))
        retry = _retry_outcome(queued_url, reason, answer.received_at, wait_seconds)
        return replace(retry, http_status=answer.response.status, capture=answer_capture(answer))

    def _picture_outcome(self, answer: Answer) -> Outcome:
        """Build the outcome of an image file, of which only the header is read, or of a style sheet."""
        capture = answer_capture(answer)
        if self.options.obey_directives:
            reason = exclusion_reason(capture.directives, self.robot, answer.received_at)
            if reason or refused_uses(usage_of(capture.usage_stated)):
                return _answer_outcome(answer, UrlState.SKIPPED, reason or OutcomeReason.CONTENT_USAGE, capture)
        body, queued_url = answer.response.body, answer.queued_url
        is_sheet = queued_url.found_via == UrlSource.STYLE
        picture = read_sheet(body, answer.header("Content-Type")) if is_sheet else read_picture(body)
        if isinstance(picture, OutcomeReason):
            return _answer_outcome(answer, UrlState.SKIPPED, picture, capture)
        reason = OutcomeReason.STYLE if is_sheet else OutcomeReason.PICTURE
        files = page_file_rows(body.decode("latin-1"), queued_url.url, queued_url.depth) if is_sheet else ()
        return replace(_answer_outcome(answer, UrlState.DONE, reason, capture), picture=picture, page_files=files)

    async def _content_outcome(self, answer: Answer) -> Outcome:
        body, queued_url = answer.response.body, answer.queued_url
        if queued_url.kind == UrlKind.PICTURE:
            return self._picture_outcome(answer)
        kind = body_kind(body, answer.header("Content-Type"))
        if kind is BodyKind.PAGE and self._is_page_named_as_feed(queued_url):
            return await self._page_outcome(replace(answer, queued_url=replace(queued_url, kind=UrlKind.PAGE)))
        if queued_url.kind == UrlKind.SITEMAP or (kind is BodyKind.SITEMAP and queued_url.kind == UrlKind.PAGE):
            return await self._sitemap_outcome(answer)
        if queued_url.kind == UrlKind.FEED or (kind is BodyKind.FEED and queued_url.kind == UrlKind.PAGE):
            return await self._feed_outcome(answer)
        if kind is BodyKind.MEDIA or (queued_url.kind == UrlKind.PAGE and is_media_type(answer.header("Content-Type"))):
            return _answer_outcome(answer, UrlState.SKIPPED, OutcomeReason.MEDIA_TYPE)
        if kind is BodyKind.EMPTY:
            page = await self._workers.run(process_empty_page, Page(queued_url.url, b""))
            return replace(_answer_outcome(answer, UrlState.DONE, PageType.EMPTY), page=page)
        return await self._page_outcome(answer)

    def _is_page_named_as_feed(self, queued_url: QueuedUrl) -> bool:
        """Return whether a URL that a page names as a feed may be fetched as a page; not for a guessed feed."""
        is_named = queued_url.kind == UrlKind.FEED and queued_url.found_via != UrlSource.GUESS
        return is_named and self.scope.decide(queued_url.url, queued_url.depth).should_fetch

    async def _sitemap_outcome(self, answer: Answer) -> Outcome:
        listing = await self._workers.run(
            process_sitemap, answer.response.body, answer.queued_url, self._current_packed_policy()
        )
        if not listing.readable:
            return _unreadable_outcome(answer, compound_reason(ReasonFamily.BAD_SITEMAP, listing.reason))
        part = listing.reason
        reason = compound_reason(ReasonFamily.SITEMAP, part) if part else OutcomeReason.SITEMAP
        return _with_discovered(_answer_outcome(answer, UrlState.DONE, reason), listing.discovered)

    async def _feed_outcome(self, answer: Answer) -> Outcome:
        listing = await self._workers.run(
            process_feed, answer.response.body, answer.queued_url, self._current_packed_policy()
        )
        if not listing.readable:
            return _unreadable_outcome(answer, OutcomeReason.BAD_FEED)
        return _with_discovered(_answer_outcome(answer, UrlState.DONE, OutcomeReason.FEED), listing.discovered)

    async def _page_outcome(self, answer: Answer) -> Outcome:
        capture = answer_capture(answer)
        response, content_type = answer.response, answer.header("Content-Type")
        page = Page(response.url, response.body, content_type, response.status, answer.timestamp, capture.directives)
        job = PageJob(page, answer.queued_url, answer.received_at, usage_of(capture.usage_stated))
        result = await self._page_result(job)
        if target := result.page.verdict.refresh_url:
            return self._redirect_outcome(answer, target)
        capture = replace(capture, directives=result.directives)
        if result.reason == OutcomeReason.CHALLENGED and (retry := self._retry_of(answer, result.reason)):
            return replace(retry, capture=capture)
        outcome = _answer_outcome(answer, result.state, result.reason, capture)
        return _with_discovered(replace(outcome, page=result.page, page_files=result.files), result.discovered)

    async def _page_result(self, job: PageJob) -> PageResult:
        """Clean a page, or take the result of a page of the same bytes in the same folder of its host.

        There relative links lead to the same places. Links that are queued already with a smaller depth are left out.
        """
        policy = self._current_packed_policy()
        queued_url = job.queued_url
        is_start, bounded_depth = (
            queued_url.found_via == UrlSource.SEED,
            self.scope.max_depth is not None and queued_url.depth,
        )
        is_told = queued_url.url in self.told_articles
        key = _sameness(job), policy, is_start, bounded_depth, is_told
        if (cleaning := self._recent_results.get(key)) is None or _has_failed(cleaning):
            cleaning = asyncio.ensure_future(self._workers.run(process_page, job, policy))
            self._recent_results[key] = cleaning
            self._origins[key] = queued_url
            for old_key in list(self._recent_results)[:-_RECENT_RESULTS]:
                del self._recent_results[old_key], self._origins[old_key]
            return await cleaning
        origin, result = self._origins[key], await asyncio.shield(cleaning)
        gain = origin.depth - queued_url.depth
        links = result.discovered.rows if gain > 0 else ()
        rows = (replace(row, found_on=job.page.url, depth=max(0, row.depth - gain)) for row in links)
        page = replace(result.page, url=job.page.url)
        self.reused_count += 1
        return replace(result, page=page, discovered=replace(result.discovered, rows=tuple(rows)))

    def _current_packed_policy(self) -> bytes:
        """Return the pickled policy for the workers; it is pickled again only after a change."""
        policy = CrawlPolicy(self.scope, self.options, self.robot, self.told_articles)
        if policy != self._policy:
            self._policy, self._packed_policy = policy, policy.packed()
        return self._packed_policy


def _sameness(job: PageJob) -> tuple[object, ...]:
    """Return a key that is equal for pages with the same result: same bytes, host, folder, and relevant headers."""
    page, split = job.page, urlsplit(job.page.url)
    digest = hashlib.sha256(page.body).digest()
    stated = page.content_type, page.http_status, page.directives, job.usage
    return digest, split.scheme, split.netloc, split.path.rpartition("/")[0], *stated


def _has_failed(cleaning: asyncio.Future[PageResult]) -> bool:
    return cleaning.done() and (cleaning.cancelled() or cleaning.exception() is not None)


def retry_after_of(answer: Answer) -> float | None:
    """Return the seconds to wait by the Retry-After header; None without a usable one."""
    return retry_after_seconds(answer.header("Retry-After"), answer.received_at)


def unfetched_outcome(queued_url: QueuedUrl, state: UrlState, reason: Reason) -> Outcome:
    """Build the outcome of a URL that was given up without a request."""
    return Outcome(queued_url.url, state, reason, kind=queued_url.kind)


def _headers(answer: Answer) -> tuple[tuple[str, str], ...]:
    """Return the response's headers as (lower-case name, value) pairs."""
    fields = answer.response.headers.items()
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, values in fields for value in values
    )


def _unreadable_outcome(answer: Answer, reason: Reason) -> Outcome:
    """Build the outcome of an unreadable sitemap or feed; a guessed one counts as not there."""
    if answer.queued_url.found_via == UrlSource.GUESS:
        return _answer_outcome(answer, UrlState.SKIPPED, OutcomeReason.NOT_THERE)
    return _answer_outcome(answer, UrlState.FAILED, reason)


def _with_discovered(outcome: Outcome, discovered: DiscoveryResult) -> Outcome:
    return replace(outcome, discovered_urls=discovered.rows, outside_links=discovered.outside_hosts)


def _answer_outcome(answer: Answer, state: UrlState, reason: Reason, capture: Capture | None = None) -> Outcome:
    """Build the outcome of a response, with its `capture` if that was made already."""
    return Outcome(
        answer.queued_url.url,
        state,
        reason,
        http_status=answer.response.status,
        fetched_at=answer.timestamp,
        capture=capture or answer_capture(answer),
        kind=answer.queued_url.kind,
    )


def answer_capture(answer: Answer) -> Capture:
    """Build the capture row of a response.

    Where the raw response is kept, the writer fills the digest in, off the event loop.
    """
    response, headers = answer.response, _headers(answer)
    return Capture(
        url=answer.queued_url.url,
        fetched_at=answer.timestamp,
        http_status=response.status,
        final_url=response.url,
        content_type=answer.header("Content-Type"),
        payload_digest="" if answer.wire else warc_digest(response.body),
        payload_length=len(response.body),
        directives=header_directives(headers),
        usage_stated=(*header_statements(headers), *answer.usage),
        robots_id=answer.robots_id,
        raw=answer.wire,
        etag=answer.header("ETag"),
        last_modified=answer.header("Last-Modified"),
    )


def partial_capture(
    queued_url: QueuedUrl, final_url: str, wire: RawExchange, received_at: datetime, robots_id: int | None
) -> Capture:
    """Build the capture row of a response that broke off or was refused; `final_url` is that of its last request."""
    return Capture(
        url=queued_url.url,
        fetched_at=utc_text(received_at),
        http_status=wire.status,
        final_url=final_url,
        content_type=wire.header("content-type"),
        payload_length=len(wire.body),
        robots_id=robots_id,
        raw=wire,
    )


def _retry_outcome(queued_url: QueuedUrl, reason: Reason, failed_at: datetime, wait_seconds: float) -> Outcome:
    """Build the outcome that keeps a URL queued and has it requested again after `wait_seconds`."""
    not_before = (failed_at + timedelta(seconds=wait_seconds)).astimezone(UTC)
    return Outcome(
        queued_url.url,
        UrlState.QUEUED,
        compound_reason(ReasonFamily.RETRY, reason),
        fetched_at=utc_text(failed_at),
        not_before=utc_text(not_before),
        is_retry=True,
    )
