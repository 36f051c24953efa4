"""The sample site on loopback: `python -m crawler.demo.server [--port N]`, or `DemoServer` in a test."""

from __future__ import annotations

import argparse
import hashlib
import sys
import threading
import time
from email.message import Message
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from crawler.demo.render import Resource, missing, render

_NO_BODY = (204, 304)
_POLL_SECONDS = 0.05  # how soon the server notices that it is to stop


class Entry(NamedTuple):
    """One request as the server answered it: time.monotonic() seconds, method, path with query, status."""

    at: float
    method: str
    path: str
    status: int


class DemoServer:
    """Serves the sample site on 127.0.0.1 while its context is open.

    `url` is the origin, without a slash at the end; `log` grows by an `Entry` a request. Port 0 takes any free
    one. Entering raises OSError if the port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self.log: list[Entry] = []
        self.url = ""
        self._port = port

    def __enter__(self) -> Self:
        self._http = _Http(("127.0.0.1", self._port), _Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._http.log, self._http.site = self.log, render(self.url)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    site: dict[str, Resource]
    log: list[Entry]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no fault; anything else is shown as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: _Http
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
        """Requests are in `DemoServer.log`; nothing is printed."""

    def _answer(self, with_body: bool) -> None:
        resource = self.server.site.get(urlsplit(self.path).path) or missing()
        tag = f'"{hashlib.sha256(resource.body).hexdigest()[:16]}"'
        status = 304 if resource.status == 200 and _is_fresh(resource, tag, self.headers) else resource.status
        self.server.log.append(Entry(time.monotonic(), self.command, self.path, status))
        self.send_response(status)
        self._send_fields(resource, tag, status)
        if with_body and status not in _NO_BODY:
            self.wfile.write(resource.body)

    def _send_fields(self, resource: Resource, tag: str, status: int) -> None:
        fields = dict(resource.headers) | ({"ETag": tag} if resource.status == 200 else {})
        if status not in _NO_BODY:
            fields["Content-Length"] = str(len(resource.body))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()


def _is_fresh(resource: Resource, tag: str, asked: Message[str, str]) -> bool:
    """Whether the copy that the client has is current (RFC 9110: If-None-Match goes before the date)."""
    if "If-None-Match" in asked:
        return tag in (part.strip().removeprefix("W/") for part in asked["If-None-Match"].split(","))
    if "If-Modified-Since" not in asked or "Last-Modified" not in resource.headers:
        return False
    try:
        since = parsedate_to_datetime(asked["If-Modified-Since"])
    except ValueError:
        return False
    return parsedate_to_datetime(resource.headers["Last-Modified"]) <= since


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m crawler.demo.server", description="Serve the sample site.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    with DemoServer(parser.parse_args().port) as server:
        print(server.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
