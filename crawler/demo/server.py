"""The sample site served on loopback, for `broadsheet demo` and for tests.

The site is the files in `site/`. `render` makes what a server answers at each path, and `DemoServer` serves it.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import sys
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlsplit

ORIGIN = "http://lantern.example.org"
"""The origin of absolute links in the files."""

CORRECTED_STORY = "/investigations/dredging-contracts"
_CORRECTED_FIGURE = re.compile(rb"four metres and (\w+) centimetres")
_FIGURES = (b"ten", b"twenty", b"thirty", b"forty", b"fifty")
_SITE = Path(__file__).with_name("site")
_NOT_FOUND = "/404"
_HTML = "text/html; charset=utf-8"
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8", ".gz": "application/gzip", ".jpg": "image/jpeg", ".json": "application/json",
    ".pdf": "application/pdf", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8", ".xml": "application/xml",
}  # fmt: skip


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
    return {path: resource for path, resource in _resources(origin).items() if path != _NOT_FOUND}


def not_found_resource() -> Resource:
    """Return the response to a path that the site does not have."""
    return replace(_resources(ORIGIN)[_NOT_FOUND], status=404)


def _resources(origin: str) -> dict[str, Resource]:
    """Return the resources by path, with `/404` for the error page."""
    responses = tomllib.loads(_SITE.with_name("responses.toml").read_text("utf-8"))
    files = {_path_of(file, responses): file for file in _SITE.rglob("*") if file.is_file()}
    paths = sorted(files.keys() | responses.keys())
    return {path: _resource(path, files, responses.get(path, {}), origin) for path in paths}


def _path_of(file: Path, responses: Mapping[str, Any]) -> str:
    """Return the path that a file answers.

    A folder's `index.html` is at the folder, `story.html` at `story` unless `responses.toml` has its full name.
    """
    path = f"/{file.relative_to(_SITE).as_posix()}"
    if path in responses:
        return path
    if f"{path}.gz" in responses:
        return f"{path}.gz"
    return path.removesuffix("index.html") if path.endswith("/index.html") else path.removesuffix(".html")


def _resource(path: str, files: Mapping[str, Path], response: Mapping[str, Any], origin: str) -> Resource:
    fields = dict(response)
    status, same_as = fields.pop("status", 200), fields.pop("same_as", path)
    body = files[same_as].read_bytes() if same_as in files else b""
    # As bytes, since two stories are in windows-1252; and quoted, as the addresses of share buttons have it.
    for old, new in ((ORIGIN, origin), (quote(ORIGIN, safe=""), quote(origin, safe=""))):
        body = body.replace(old.encode(), new.encode())
    if path.endswith(".gz"):
        body = gzip.compress(body, mtime=0)
    fields = {name: value.replace(ORIGIN, origin) for name, value in fields.items()}
    return Resource(status, {"Content-Type": _CONTENT_TYPES.get(Path(path).suffix, _HTML)} | fields, body)


_NO_BODY = (204, 304)
_POLL_SECONDS = 0.05  # how soon the server notices that it is to stop


class LoggedRequest(NamedTuple):
    """A request as the server answered it: method, path with query, status."""

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
        self.server.requests.append(LoggedRequest(self.command, self.path, status))
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
