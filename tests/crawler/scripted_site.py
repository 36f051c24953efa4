"""A loopback site that answers as a test tells it to."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request as the server got it; `at` is a time of time.monotonic()."""

    at: float
    path: str
    headers: Message[str, str]


@dataclass(frozen=True)
class Reply:
    """An answer. `length` is stated in place of the body's own; `wait` in seconds comes before the answer.

    `broken` is "reset" (the connection is reset in place of an answer) or empty.
    """

    body: bytes | str = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    wait: float = 0.0
    broken: str = ""


Route = Reply | bytes | str | Callable[[Seen], Any]


class ScriptedSite:
    """Answers by `routes`, which may change while it runs: path with query → reply. Other paths are not found."""

    def __init__(self, routes: dict[str, Route] | None = None, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.routes: dict[str, Route] = dict(routes or {})
        self.log: list[Seen] = []
        self.closing = threading.Event()
        self._http = _Http(address, _Handler)
        self._http.site = self
        self.port = self._http.server_port
        self.url = f"http://{address[0]}:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def paths(self) -> list[str]:
        """The paths asked for, in order."""
        return [seen.path for seen in self.log]

    def times(self, path: str) -> list[float]:
        """When a path was asked for."""
        return [seen.at for seen in self.log if seen.path == path]

    def reply(self, seen: Seen) -> Reply:
        route = self.routes.get(seen.path, Reply("not here", 404))
        made = route(seen) if callable(route) else route
        return made if isinstance(made, Reply) else Reply(made)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    site: ScriptedSite

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        return

    def do_GET(self) -> None:
        seen = Seen(time.monotonic(), self.path, self.headers)
        self.server.site.log.append(seen)
        reply = self.server.site.reply(seen)
        if reply.wait:
            self.server.site.closing.wait(reply.wait)
        if reply.broken == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        else:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        self.send_response(reply.status)
        for name, value in ({"Content-Type": "text/html; charset=utf-8"} | reply.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if reply.length is None else reply.length))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or reply.length is not None


def page(name: str, *links: str, words: int = 90, head: str = "", extra: str = "") -> str:
    """An article page of its own words, with links after it."""
    paragraphs = "".join(
        f"<p>{name.capitalize()} paragraph {number}: {' '.join(f'{name}{number}word{n}' for n in range(words // 3))}, "
        "which the council of the harbour town had asked for in the spring.</p>"
        for number in range(3)
    )
    anchors = "".join(f'<li><a href="{link}">{link}</a></li>' for link in links)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>The story of {name} and the harbour</title>'
        f'<meta property="og:type" content="article">{head}</head><body><article>'
        f"<h1>The story of {name} and the harbour</h1>{paragraphs}{extra}</article><nav><ul>{anchors}</ul></nav>"
        "</body></html>"
    )


def stories(*names: str) -> dict[str, str]:
    """Article pages by path."""
    return {f"/{name}": page(name) for name in names}
