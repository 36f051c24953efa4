"""The sample site rendered as values and served on loopback, for `broadsheet demo` and for tests.

`render` is pure and makes what a server answers at each path; `DemoServer` serves it.
"""

from __future__ import annotations

import hashlib
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.message import Message
from email.utils import format_datetime, formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from .sample_pages import (
    ATOM,
    RSS,
    PageLocation,
    form_pages,
    list_pages,
    not_found_page,
    story_page,
)
from .sample_stories import SampleArticle, articles, as_datetime
from .special_addresses import (
    GZIPPED_SITEMAP,
    ROBOTS,
    feeds,
    last_changed,
    old_addresses,
    robots_txt,
    sitemaps,
    special_addresses,
    static_files,
)

ORIGIN = "http://lantern.example.org"
CORRECTED_STORY = "/investigations/dredging-contracts"
_CORRECTED_FIGURE = re.compile(rb"four metres and (\w+) centimetres")
_FIGURES = (b"ten", b"twenty", b"thirty", b"forty", b"fifty")
_HTML = "text/html; charset=utf-8"
_CONTENT_TYPES = {GZIPPED_SITEMAP: "application/gzip", RSS: "application/rss+xml", ATOM: "application/atom+xml"}


@dataclass(frozen=True, slots=True)
class Resource:
    """The response to one path: status, header fields (without length, date and ETag) and body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def render(origin: str = ORIGIN) -> dict[str, Resource]:
    """Return every resource of the site by path; absolute links begin with `origin` (scheme, host, port).

    >>> render("http://127.0.0.1:8000")["/robots.txt"].status
    200
    """
    pages = list_pages(old_addresses()) | form_pages()
    resources = {path: Resource(200, {"Content-Type": _HTML}, page.encode()) for path, page in pages.items()}
    resources |= dict(_story_resources(origin)) | dict(_machine_resources(origin)) | dict(_special_resources(origin))
    for path, (content_type, body) in static_files().items():
        resources[path] = Resource(200, {"Content-Type": content_type}, body)
    return resources


def not_found_resource() -> Resource:
    """Return the response to a path that the site does not have."""
    return Resource(404, {"Content-Type": _HTML}, not_found_page().encode())


def _story_resources(origin: str) -> Iterator[tuple[str, Resource]]:
    for article in articles():
        for number in range(1, len(article.pages) + 1):
            location = PageLocation(origin, article.page_path(number), number)
            yield location.path, _story_resource(article, location)
        for copy in article.duplicates:
            yield copy.path, _story_resource(article, PageLocation(origin, copy.path))


def _story_resource(article: SampleArticle, location: PageLocation) -> Resource:
    charset = "" if article.declared == "meta" else f"; charset={article.encoding}"
    headers = {
        "Content-Type": f"text/html{charset}",
        "Last-Modified": format_datetime(as_datetime(last_changed(article)).astimezone(UTC), usegmt=True),
    }
    return Resource(200, headers, story_page(article, location).encode(article.encoding, "xmlcharrefreplace"))


def _machine_resources(origin: str) -> Iterator[tuple[str, Resource]]:
    yield ROBOTS, Resource(200, {"Content-Type": "text/plain; charset=utf-8"}, robots_txt(origin).encode())
    for path, body in (sitemaps(origin) | feeds(origin)).items():
        yield path, Resource(200, {"Content-Type": _CONTENT_TYPES.get(path, "application/xml")}, body)


def _special_resources(origin: str) -> Iterator[tuple[str, Resource]]:
    for page in special_addresses():
        location = page.location.replace("{origin}", origin)
        headers = {"Content-Type": page.type} | ({"Location": location} if location else {})
        yield page.path, Resource(page.status, headers, page.body())


_NO_BODY = (204, 304)
_POLL_SECONDS = 0.05  # how soon the server notices that it is to stop


class LoggedRequest(NamedTuple):
    """A request as the server answered it: time.monotonic() seconds, method, path with query, status."""

    answered_at: float
    method: str
    path: str
    status: int


class DemoServer:
    """A server of the sample site on 127.0.0.1, running while its context is open.

    `url` is the origin, without a slash at the end; `requests` grows by a `LoggedRequest` a request. Port 0 takes any
    free one. Entering raises OSError if the port is taken.

        with DemoServer() as server:
            urlopen(server.url + "/robots.txt")
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[LoggedRequest] = []
        self.url = ""
        self._port = port

    def __enter__(self) -> Self:
        self._server = _SiteServer(("127.0.0.1", self._port), _RequestHandler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._server.requests, self._server.resources = self.requests, render(self.url)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._thread.start()
        return self

    def correct_story(self) -> str:
        """Change a figure in a story, another one at each call, as a publication does; return the story's URL."""
        story = self._server.resources[CORRECTED_STORY]
        found = _CORRECTED_FIGURE.search(story.body)
        assert found is not None
        figure = _FIGURES[(_FIGURES.index(found[1]) + 1) % len(_FIGURES)]
        body = story.body[: found.start(1)] + figure + story.body[found.end(1) :]
        headers = dict(story.headers) | {"Last-Modified": formatdate(usegmt=True)}
        self._server.resources[CORRECTED_STORY] = replace(story, body=body, headers=headers)
        return self.url + CORRECTED_STORY

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _SiteServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    resources: dict[str, Resource]
    requests: list[LoggedRequest]

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that hangs up; show any other error as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _RequestHandler(BaseHTTPRequestHandler):
    server: _SiteServer
    protocol_version = "HTTP/1.1"
    server_version = "Lantern/1"
    timeout = 30  # seconds until an idle connection is closed

    def do_GET(self) -> None:
        """Answer with the resource."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the resource's header fields."""
        self._answer(with_body=False)

    def log_message(self, *args: object) -> None:
        """Print nothing: the requests are in `DemoServer.requests`."""

    def _answer(self, with_body: bool) -> None:
        resource = self.server.resources.get(urlsplit(self.path).path) or not_found_resource()
        etag = f'"{hashlib.sha256(resource.body).hexdigest()[:16]}"'
        status = 304 if resource.status == 200 and _is_fresh(resource, etag, self.headers) else resource.status
        self.server.requests.append(LoggedRequest(time.monotonic(), self.command, self.path, status))
        self.send_response(status)
        self._send_headers(resource, etag, status)
        if with_body and status not in _NO_BODY:
            self.wfile.write(resource.body)

    def _send_headers(self, resource: Resource, etag: str, status: int) -> None:
        fields = dict(resource.headers) | ({"ETag": etag} if resource.status == 200 else {})
        if status not in _NO_BODY:
            fields["Content-Length"] = str(len(resource.body))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()


def _is_fresh(resource: Resource, etag: str, request_headers: Message[str, str]) -> bool:
    """Tell whether the client's copy is still valid (RFC 9110: If-None-Match goes before the date)."""
    if "If-None-Match" in request_headers:
        return etag in (part.strip().removeprefix("W/") for part in request_headers["If-None-Match"].split(","))
    if "If-Modified-Since" not in request_headers or "Last-Modified" not in resource.headers:
        return False
    try:
        since = parsedate_to_datetime(request_headers["If-Modified-Since"])
    except ValueError:
        return False
    return parsedate_to_datetime(resource.headers["Last-Modified"]) <= since
