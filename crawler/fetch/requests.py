"""Requests of queued URLs: made for Scrapy, downloaded, and the raw bytes that they sent and received.

The keys of a request's `meta` are set and read here: `queued`, the queued URL; `hops`, the redirects before it;
`robots_id`; `exchange`, the recorder of raw bytes, which `broadsheet.crawler.fetch.guard` hands to the connection; and
for a robots.txt `length`, the bytes of its body so far. `download_slot` and `download_maxsize` are Scrapy's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import Cookie
from typing import Any

from scrapy.core.engine import ExecutionEngine
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Request, Response
from scrapy.signalmanager import SignalManager
from scrapy.signals import bytes_received, headers_received

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.judge.site_rule_files import SiteRuleFolder
from broadsheet.output.archive.pictures import MAX_BYTES as PICTURE_BYTES
from broadsheet.output.archive.pictures import SHEET, SHEET_BYTES
from broadsheet.output.archive.url_words import UrlKind
from broadsheet.output.raw.raw_exchange import RawExchange
from broadsheet.output.write.url_queue import QueuedUrl

from .exchange_recorder import ByteAllowance, ExchangeRecorder
from .faults import Fault, fault_of, truncation_of
from .identity import Identity
from .request_headers import GivenHeaders, allowed_headers, cookie_header, overlaid

ROBOTS_HEADERS = {"Accept": "text/plain, */*;q=0.5", "Accept-Encoding": "identity"}
"""Request headers of a robots.txt. It is not compressed, so that the beginning of a stopped download can be read."""

_KIND_HEADERS = {UrlKind.ROBOTS: ROBOTS_HEADERS, UrlKind.PICTURE: {"Accept": "image/*", "Accept-Encoding": "identity"}}
_SHEET_HEADERS = {"Accept": SHEET, "Accept-Encoding": "gzip"}
_PICTURE_TYPES = ("image/", "application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True, slots=True)
class RequestBuilder:
    """Builds a crawl's requests with one identity, cookies and site rules.

    `validators` gives the conditional headers (If-None-Match, If-Modified-Since) of a URL that the archive already
    holds. Each request gets a recorder of its raw bytes from `make_recorder`.
    """

    identity: Identity
    validators: Callable[[QueuedUrl], dict[str, str]]
    cookies: tuple[Cookie, ...] = ()
    site_rules: SiteRuleFolder | None = None
    given_headers: GivenHeaders = field(default_factory=GivenHeaders)
    make_recorder: Callable[[], ExchangeRecorder] = ExchangeRecorder

    def build(
        self, queued_url: QueuedUrl, robots_id: int | None, redirected_url: str = "", redirect_count: int = 0
    ) -> Request:
        """Make the request for a queued URL; for a robots.txt that moved, with its new URL and the redirects so far.

        `robots_id` identifies the robots.txt in force for the host.
        """
        url = redirected_url or queued_url.url
        meta: dict[str, Any] = {"queued": queued_url, "hops": redirect_count, "robots_id": robots_id}
        meta["download_slot"] = queued_url.host
        meta["exchange"] = self.make_recorder()
        if queued_url.kind == UrlKind.ROBOTS:
            meta |= {"download_maxsize": 0, "length": 0}  # no size limit by Scrapy: `EarlyStop` has one
        if queued_url.kind == UrlKind.PICTURE:
            meta["download_maxsize"] = SHEET_BYTES if queued_url.found_via == UrlSource.STYLE else PICTURE_BYTES
        return Request(url, headers=self._headers(queued_url, url), meta=meta)

    def build_resource(
        self,
        queued_url: QueuedUrl,
        robots_id: int | None,
        browser_headers: Mapping[str, str],
        max_bytes: int,
        allowance: ByteAllowance,
    ) -> Request:
        """Make a request on behalf of a page in a browser, outside the queue.

        Its response is limited to `max_bytes`, and to what is left of the shared `allowance`.
        """
        meta: dict[str, Any] = {"hops": 0, "robots_id": robots_id, "download_slot": queued_url.host}
        meta |= {"exchange": self.make_recorder(), "download_maxsize": max_bytes}
        meta["exchange"].allowances = (allowance,)
        url = queued_url.url
        own_headers = (browser_headers, cookie_header(self.cookies, url))
        headers = overlaid(self.identity.headers(), self.given_headers.for_url(url), *own_headers)
        return Request(url, headers=headers, meta=meta)

    def _headers(self, queued_url: QueuedUrl, url: str) -> dict[str, str]:
        is_sheet = queued_url.found_via == UrlSource.STYLE
        own_headers = _SHEET_HEADERS if is_sheet else _KIND_HEADERS.get(queued_url.kind)
        kind_headers = own_headers or self._site_rule_headers(queued_url.host)
        conditional_headers = self.validators(queued_url) if queued_url.held_at else {}
        given_headers = self.given_headers.for_url(url)
        added_headers = (kind_headers, cookie_header(self.cookies, url), conditional_headers)
        return overlaid(self.identity.headers(), given_headers, *added_headers)

    def _site_rule_headers(self, host: str) -> dict[str, str]:
        return allowed_headers(self.site_rules.for_host(host)) if self.site_rules else {}


@dataclass(frozen=True, eq=False)
class EarlyStop:
    """A listener to Scrapy's signals that stops downloads early.

    A page is stopped before its body if its Content-Type `is_media_type`, a picture if it says that it is none, a
    robots.txt after `robots_bytes`.
    """

    is_media_type: Callable[[str], bool]
    robots_bytes: int

    def connect(self, signals: SignalManager) -> None:
        """Connect to the signals. Keep this object: signals hold only weak references."""
        signals.connect(self.check_headers, headers_received)
        signals.connect(self.check_length, bytes_received)

    def check_headers(self, headers: Headers, request: Request) -> None:
        """Stop the download (StopDownload) if the headers show that it is not a page."""
        queued_url = request.meta.get("queued")
        content_type = (headers.get("Content-Type") or b"").decode("latin-1")
        if queued_url is not None and self._is_unwanted(queued_url, content_type):
            raise _stop_download(request, "unspecified")

    def _is_unwanted(self, queued_url: QueuedUrl, content_type: str) -> bool:
        kind = queued_url.kind
        if kind == UrlKind.PICTURE:
            types = (SHEET,) if queued_url.found_via == UrlSource.STYLE else _PICTURE_TYPES
            return bool(content_type) and not content_type.strip().lower().startswith((*types, "text/html"))
        return kind == UrlKind.PAGE and self.is_media_type(content_type)

    def check_length(self, data: bytes, request: Request) -> None:
        """Count the bytes of a robots.txt; StopDownload beyond the part that is read."""
        if "length" in request.meta:
            request.meta["length"] += len(data)
            if request.meta["length"] > self.robots_bytes:
                raise _stop_download(request, "length")


def _stop_download(request: Request, truncation: str) -> StopDownload:
    """Return the exception that stops a download but keeps its response, and note the truncation in the recorder."""
    if exchange := request.meta.get("exchange"):
        exchange.cut_reason = truncation
    return StopDownload(fail=False)


async def download(engine: ExecutionEngine, request: Request) -> Response | Fault | None:
    """Download a request: the response, or the fault in its place; None if Scrapy is stopping and nothing was sent."""
    if not engine.running:  # it would fail the request; so the URL stays queued
        return None
    try:
        return await engine.download_async(request)
    except Exception as error:  # noqa: BLE001 - any error fails this URL only
        return fault_of(error)


def redirect_count_of(request: Request) -> int:
    """Count the redirects of a robots.txt that led to this request."""
    return int(request.meta["hops"])


def robots_id_of(request: Request) -> int | None:
    """Return the id of the robots.txt in force when the request was made, if any."""
    robots_id: int | None = request.meta["robots_id"]
    return robots_id


def latency_of(request: Request) -> float:
    """Return the seconds until the response began, as Scrapy measured them; 0 if it did not."""
    return float(request.meta.get("download_latency", 0.0))


def wire_length_of(request: Request) -> int:
    """Count the bytes of the response as they were received."""
    return int(request.meta["exchange"].received_length)


def raw_exchange_of_response(request: Request, response: Response) -> RawExchange | None:
    """Take the raw bytes of a request and its response; None if they are not recorded, or were taken before."""
    return _take_raw_exchange(request, body=response.body)


def raw_exchange_of_fault(request: Request, fault: Fault) -> RawExchange | None:
    """Take the raw bytes of a request and the part of a response before the fault; None without at least a complete
    head.
    """
    return _take_raw_exchange(request, reason=truncation_of(fault))


def _take_raw_exchange(request: Request, body: bytes = b"", reason: str = "") -> RawExchange | None:
    exchange = request.meta.get("exchange")
    return exchange.take_raw_exchange(reason, body) if isinstance(exchange, ExchangeRecorder) else None
