"""Rendering of pages in the course of a crawl: which pages a browser renders, and what its requests get.

The browser has no network. Each of its requests is a request of the crawl: guarded and bounded, by the robots.txt of
its host and at its pace, and its response a capture. The document that the browser makes of a page is the page's
capture where it shows more than the response does; without a browser it can be cleaned again from there.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urldefrag, urljoin

from scrapy.http import Request, Response

from broadsheet.cleaners.compare.page_layouts import MIN_SIMILARITY, signature_similarity, unpack_signature
from broadsheet.cleaners.document import PageType, UrlSource
from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.page_rows import PageRows, with_evidence
from broadsheet.output.archive.rendered_layouts import BARREN_TYPES, RenderDecision, RenderedLayout, shows_more
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind, UrlState, http_reason
from broadsheet.output.raw.raw_exchange import DOCUMENT_TYPE, STATED_HEADERS, Capture, RawExchange
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import QueuedUrl

from ..fetch.challenges import is_challenge
from ..fetch.exchange_recorder import ByteAllowance
from ..fetch.faults import Fault
from ..fetch.requests import RequestBuilder, latency_of, raw_exchange_of_fault, raw_exchange_of_response, wire_length_of
from ..options import BROWSER_ALWAYS, CrawlOptions
from ..rendering.browser import Browser
from ..rendering.chromium import Chromium
from ..rendering.messages import Failure, Rendering, RenderOrder, ResourceAnswer, ResourceRequest
from .frontier import Frontier
from .outcomes import MAX_REDIRECTS, Answer, answer_capture, partial_capture, retry_after_of

_RESOURCE_BYTES = 16 * 1024 * 1024  # of one resource
_PAGE_BYTES = 32 * 1024 * 1024  # of all resources of a page, on the wire or unpacked, whichever is more
_REQUESTS_AT_ONCE = 6  # for one page
_CACHE_BYTES = 32 * 1024 * 1024
_CACHED_KINDS = ("script", "stylesheet")
_ROBOTS_SECONDS = 30.0  # to wait for a robots.txt that the crawl has requested already
_SCRIPT = re.compile(rb"<script", re.IGNORECASE)
_GAINED, _NO_GAIN = "gained", "no_gain"  # results of rendering a page

# Headers of responses that a browser does not get: those of what the body was on the wire, those that set a state, and
# those that have it ask for more.
_WITHHELD_HEADERS = frozenset(
    "alt-svc content-encoding content-length link refresh report-to nel reporting-endpoints service-worker-allowed"
    " set-cookie strict-transport-security transfer-encoding".split()
)
# Headers that a document has no use for, as it is never requested again by itself.
_NOT_THE_DOCUMENTS = ("Content-Encoding", "Content-Length", "Transfer-Encoding", "ETag", "Last-Modified")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CrawlFetch:
    """Functions of the crawl that rendering needs: download a request, fetch and store a robots.txt, build the outcome
    of a response, and tell whether the crawl is running.
    """

    download: Callable[[Request], Awaitable[Response | Fault | None]]
    fetch_robots: Callable[[QueuedUrl], Awaitable[None]]
    build_outcome: Callable[[Answer], Awaitable[Outcome]]
    is_running: Callable[[], bool]


class ResourceCache:
    """Scripts and stylesheets of this run by URL, up to `max_bytes`; the oldest go first."""

    def __init__(self, max_bytes: int = _CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._answers: dict[str, ResourceAnswer] = {}
        self._chains: dict[str, tuple[str, ...]] = {}

    def get(self, request: ResourceRequest) -> ResourceAnswer | None:
        """Return the answer to a request that was answered before; None if it is not here."""
        answer = self._answers.get(request.url)
        return answer and replace(answer, number=request.number)

    def chain(self, request: ResourceRequest) -> tuple[str, ...]:
        """Return the URLs requested for an answer: the request's own, and those that it was redirected to."""
        return self._chains.get(request.url, ())

    def put(self, request: ResourceRequest, answer: ResourceAnswer, chain: Sequence[str] = ()) -> None:
        """Cache an answer with the requested URLs, if its kind, status and Cache-Control permit it."""
        is_permitted = "no-store" not in answer.headers.get("cache-control", "").lower()
        if request.kind not in _CACHED_KINDS or answer.status != 200 or not is_permitted:
            return
        self._size += len(answer.body)
        self._answers[request.url], self._chains[request.url] = answer, tuple(chain)
        while self._size > self._max_bytes:
            self._size -= len(self._answers.pop(next(iter(self._answers))).body)


@dataclass(slots=True)
class PageResources:
    """Fetches the resources that one page requests in a browser.

    `captures` are those of its responses; `reused_urls` are the URLs whose responses the cache has from other pages.
    """

    page_url: str
    frontier: Frontier
    request_builder: RequestBuilder
    crawl: CrawlFetch
    cache: ResourceCache
    captures: list[Capture] = field(default_factory=list)
    reused_urls: list[str] = field(default_factory=list)
    _allowance: ByteAllowance = field(default_factory=lambda: ByteAllowance(_PAGE_BYTES))
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_REQUESTS_AT_ONCE))

    async def fetch(self, request: ResourceRequest) -> ResourceAnswer:
        """Answer a request of the page, following redirects. Status 0 if the crawl may not or cannot fetch it."""
        if cached := self.cache.get(request):
            self.reused_urls += self.cache.chain(request)
            return cached
        url, chain = request.url, list[str]()
        for _ in range(MAX_REDIRECTS + 1):
            chain.append(urldefrag(url).url)
            response = await self._request(url, request.headers)
            if response is None:
                break
            location = (response.headers.get("Location") or b"").decode("latin-1")
            if not 300 <= response.status < 400 or not location:
                answer = ResourceAnswer(request.number, response.status, browser_headers(response), response.body)
                self.cache.put(request, answer, chain)
                return answer
            url = urljoin(url, location)
        return ResourceAnswer(request.number)

    async def _request(self, url: str, headers: Mapping[str, str]) -> Response | None:
        """Request a URL once; None if it may not be, or the request failed."""
        if not url.startswith(("http://", "https://")):
            return None
        queued_url = _resource_url(urldefrag(url).url, self.page_url)
        await self._know_robots(queued_url)
        if await self.frontier.wait_for_turn(queued_url):
            return None
        async with self._places:
            return await self._send(queued_url, headers) if self._allowance.left > 0 else None

    async def _send(self, queued_url: QueuedUrl, headers: Mapping[str, str]) -> Response | None:
        """Send a request, limited to the page's remaining bytes; None if it failed."""
        robots = self.frontier.robots_for(queued_url.host)
        robots_id = robots.id if robots else None
        request = self.request_builder.build_resource(queued_url, robots_id, headers, _RESOURCE_BYTES, self._allowance)
        try:
            result = await self.crawl.download(request)
        except asyncio.CancelledError:  # the page is over
            self._note_fault(Fault(OutcomeReason.TIMEOUT), request, queued_url, robots_id)
            raise
        if isinstance(result, Fault):
            self._note_fault(result, request, queued_url, robots_id)
        if not isinstance(result, Response):
            return None
        self._allowance.left -= max(0, len(result.body) - wire_length_of(request))
        raw_exchange = raw_exchange_of_response(request, result)
        answer = Answer(queued_url, result, datetime.now(UTC), robots_id, wire=raw_exchange)
        self.captures.append(replace(answer_capture(answer), rendered_for=self.page_url))
        self._report_to_frontier(answer, request)
        return result

    async def _know_robots(self, queued_url: QueuedUrl) -> None:
        """Fetch the robots.txt of a host that the crawl does not know."""
        if robots_url := self.frontier.begin_robots(queued_url):
            await self.crawl.fetch_robots(robots_url)
        else:
            await self.frontier.wait_for_robots(queued_url.host, _ROBOTS_SECONDS)

    def _note_fault(self, fault: Fault, request: Request, queued_url: QueuedUrl, robots_id: int | None) -> None:
        if fault.retry or fault.host_gone:
            self.frontier.record_failure(queued_url, fault.reason)
        if raw_exchange := raw_exchange_of_fault(request, fault):
            capture = partial_capture(queued_url, request.url, raw_exchange, datetime.now(UTC), robots_id)
            self.captures.append(replace(capture, rendered_for=self.page_url))

    def _report_to_frontier(self, answer: Answer, request: Request) -> None:
        status = answer.response.status
        if is_challenge(answer.response):
            self.frontier.record_refusal(answer.queued_url, retry_after_of(answer), OutcomeReason.CHALLENGED)
        elif status == 503:
            self.frontier.record_refusal(answer.queued_url, retry_after_of(answer), http_reason(status))
        elif status < 500:
            self.frontier.record_answer(answer.queued_url, latency_of(request))


class PageRendering:
    """Renders the pages of one crawl. `chromium` is the browser to start, or a text that says why there is none.

    `layouts` decide which pages are tried.
    """

    def __init__(
        self,
        options: CrawlOptions,
        chromium: Chromium | str,
        frontier: Frontier,
        request_builder: RequestBuilder,
        layouts: LayoutSampling | None = None,
    ) -> None:
        self._is_for_all = options.browser == BROWSER_ALWAYS
        self._keeps_raw = options.warc
        self._turn = asyncio.Lock()
        self._is_over = False
        self._frontier = frontier
        self._request_builder = request_builder
        self._browser = None if isinstance(chromium, str) else Browser(chromium, request_builder.identity.user_agent)
        self._absence = chromium if isinstance(chromium, str) else ""
        self._cache = ResourceCache()
        self._layouts = layouts or LayoutSampling()
        self.counts: Counter[str] = Counter()
        """Rendered pages: how many `gained`, and how many did not, by the cause."""

    async def extend(self, answer: Answer, outcome: Outcome, crawl: CrawlFetch) -> Outcome:
        """Return the outcome of the page as rendered if that shows more; otherwise the given outcome."""
        page, host = outcome.page, answer.queued_url.host
        if page is None or not self._is_candidate(answer, outcome):
            return outcome
        if self._browser is None:
            if self._is_for_all or page.verdict.page_type in BARREN_TYPES:
                self._warn_once(self._absence)
            return outcome
        if not self._is_next_rendered(host, page):
            return self._passed(host, page, outcome)
        async with self._turn:  # many may have waited, and a crawl that is stopped ends soon
            if self._is_over or not crawl.is_running():
                return outcome
            if not self._is_next_rendered(host, page):  # another page of the layout was rendered meanwhile
                return self._passed(host, page, outcome)
            return await self._extend(answer, outcome, crawl, self._layouts.find(host, page))

    def _passed(self, host: str, page: PageRows, outcome: Outcome) -> Outcome:
        return self._with_layout(outcome, self._layouts.find(host, page).with_passed())

    def stop(self) -> None:
        """Render no more pages; the one that is being rendered is finished."""
        self._is_over = True

    def _is_next_rendered(self, host: str, page: PageRows) -> bool:
        return self._is_for_all or self._layouts.find(host, page).is_next_rendered

    async def _extend(self, answer: Answer, outcome: Outcome, crawl: CrawlFetch, layout: RenderedLayout) -> Outcome:
        if self._browser is None:  # it did not start for a page that was before this one
            return outcome
        resources = PageResources(answer.queued_url.url, self._frontier, self._request_builder, crawl, self._cache)
        headers = {"content-type": "text/html"} | browser_headers(answer.response)
        order = RenderOrder(answer.response.url, headers, answer.response.body)
        begun_at = time.monotonic()
        rendering = await self._browser.render(order, resources.fetch)
        cost = len(resources.captures), round(1000 * (time.monotonic() - begun_at))
        if isinstance(rendering, Failure) and self._browser.failure:
            self._warn_once(f"Chromium does not start: {rendering.detail or rendering.problem}")
            return outcome
        better = await self._better_outcome(answer, outcome, rendering, crawl)
        words = _words(outcome), _words(better or outcome)
        layout = layout.with_rendered(words, cost, has_gained=better is not None)
        problem = rendering.problem if isinstance(rendering, Failure) else _NO_GAIN
        self.counts[_GAINED if better else problem] += 1
        if better is not None:
            page_captures = (outcome.capture,) if outcome.capture else ()
            extended = replace(better, extra_captures=(*resources.captures, *page_captures))
        else:
            page = outcome.page and with_evidence(outcome.page, f"browser={problem}")
            extended = replace(outcome, page=page, extra_captures=tuple(resources.captures))
        return self._with_layout(replace(extended, reused_urls=tuple(resources.reused_urls)), layout)

    async def close(self) -> None:
        """End the browser."""
        if self._browser is not None:
            await self._browser.close()

    def _is_candidate(self, answer: Answer, outcome: Outcome) -> bool:
        """Return whether a page may be rendered; with `--browser always` any page."""
        if outcome.page is None or outcome.state != UrlState.DONE:
            return False
        has_scripts = _SCRIPT.search(answer.response.body) is not None
        host = answer.queued_url.host
        return self._is_for_all or self._layouts.is_candidate(host, outcome.page, has_scripts=has_scripts)

    def _with_layout(self, outcome: Outcome, layout: RenderedLayout) -> Outcome:
        self._layouts.note(layout)
        return replace(outcome, rendered_layout=layout)

    async def _better_outcome(
        self, answer: Answer, outcome: Outcome, rendering: Rendering | Failure, crawl: CrawlFetch
    ) -> Outcome | None:
        """Build the outcome of the rendered document; None if it shows no more than the response."""
        if isinstance(rendering, Failure):
            return None
        rendered = await crawl.build_outcome(_document_answer(answer, rendering.html.encode(), self._keeps_raw))
        is_better = outcome.page and rendered.page and _shows_more(rendered.page, outcome.page)
        if not is_better or rendered.capture is None:
            return None
        return replace(rendered, capture=replace(rendered.capture, rendered_for=answer.queued_url.url))

    def _warn_once(self, problem: str) -> None:
        if problem:
            _LOG.warning("Pages that need a browser are not rendered: %s", problem)
        self._absence, self._browser = "", None


def browser_headers(response: Response) -> dict[str, str]:
    """Return the headers of a response that a browser gets, by lower-case name."""
    fields = ((name.decode("latin-1").lower(), values) for name, values in response.headers.items())
    return {name: b", ".join(values).decode("latin-1") for name, values in fields if name not in _WITHHELD_HEADERS}


def _shows_more(rendered: PageRows, received: PageRows) -> bool:
    return shows_more(*((rows.verdict.page_type, rows.words) for rows in (rendered, received)))


def _words(outcome: Outcome) -> int:
    return outcome.page.words if outcome.page else 0


def _resource_url(url: str, page_url: str) -> QueuedUrl:
    return QueuedUrl(0, url, host_of(url), UrlKind.PAGE, 0, 0, 0, UrlSource.LINK, page_url, "")


def _document_answer(answer: Answer, document: bytes, keeps_raw: bool) -> Answer:
    """Return the rendered document as a response, with the original headers that describe the page."""
    headers = answer.response.headers.copy()
    for name in _NOT_THE_DOCUMENTS:
        headers.pop(name, None)
    headers["Content-Type"] = DOCUMENT_TYPE
    response = Response(answer.response.url, status=answer.response.status, headers=headers, body=document)
    wire = RawExchange(b"", _stated_lines(answer.response), document) if keeps_raw else None
    return replace(answer, response=response, received_at=datetime.now(UTC), wire=wire)


def _stated_lines(response: Response) -> bytes:
    """Return the header lines that state how a page may be used, one per name.

    Values that name a robot come last: anything after a robot's name would apply to that robot only.
    """
    lines = []
    for name in STATED_HEADERS:
        values = sorted(response.headers.getlist(name), key=lambda value: b":" in value)
        lines += [name.encode() + b": " + b", ".join(values)] if values else []
    return b"\r\n".join(lines)


_LITTLE_TEXT = 100  # words below which a page may lack some: a short notice has as many
_FEW_LINKS = 10  # below which a list may lack some
_REFUSED_TYPES = (PageType.WALL, PageType.CAPTCHA, PageType.SOFT_404, PageType.ERROR)
_MAX_LAYOUTS = 200  # of a host; further ones count as the one of pages without a signature


class LayoutSampling:
    """Layouts of the hosts of a crawl, with those that earlier runs rendered."""

    def __init__(self, stored: Iterable[RenderedLayout] = ()) -> None:
        self._layouts: dict[str, dict[bytes, RenderedLayout]] = defaultdict(dict)
        self._hashes: dict[bytes, frozenset[int]] = {}
        for layout in stored:
            self.note(layout)

    def note(self, layout: RenderedLayout) -> None:
        """Store the new state of a layout."""
        self._layouts[layout.host][layout.signature] = layout
        self._hashes.setdefault(layout.signature, unpack_signature(layout.signature))

    def find(self, host: str, page: PageRows) -> RenderedLayout:
        """Return the layout of a page as received; a new one if no layout of the host is similar."""
        layouts, signature = self._layouts[host], page.layout_signature or b""
        if signature not in layouts:
            hashes = unpack_signature(signature)
            alike = (
                known
                for known in layouts
                if known and signature_similarity(hashes, self._hashes[known]) >= MIN_SIMILARITY
            )
            signature = next(alike, signature if len(layouts) < _MAX_LAYOUTS else b"")
        return layouts.get(signature) or RenderedLayout(host, signature)

    def is_candidate(self, host: str, page: PageRows, *, has_scripts: bool) -> bool:
        """Return whether to try a page, or whether all pages of its layout are rendered."""
        page_type = page.verdict.page_type
        if page_type is PageType.NEEDS_JAVASCRIPT:
            return True
        if not has_scripts or page_type in _REFUSED_TYPES:
            return False
        if page_type in BARREN_TYPES or _has_little_text(page):
            return True
        decisions = {layout.decision for layout in self._layouts[host].values()}
        return RenderDecision.ALL in decisions and self.find(host, page).decision is RenderDecision.ALL


def _has_little_text(page: PageRows) -> bool:
    """Return whether a page may lack text: few words and, for a list, few links."""
    is_full_list = page.verdict.page_type is PageType.LIST and page.outlinks >= _FEW_LINKS
    return page.words < _LITTLE_TEXT and not is_full_list
