"""A server that breaks the rules of HTTP: each path sends its own bytes."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

Behaviour = bytes | Callable[["HostileServer"], Iterable[bytes]]

RESET = b""
"""A piece that resets the connection."""


class HostileServer:
    """Sends what a path's behaviour gives, then closes. `accepted` counts connections, `paths` are what was asked,
    `requests` the bytes that asked, `sent` how many bytes went out."""

    def __init__(self, behaviours: dict[str, Behaviour], *, tls: ssl.SSLContext | None = None) -> None:
        self.behaviours = behaviours
        self.accepted = self.sent = 0
        self.paths: list[str] = []
        self.requests: dict[str, bytes] = {}
        self.closing = threading.Event()
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self.closing.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                got = connection.recv(65536)
                if not got:
                    return
                head += got
            path = head.split(b" ")[1].decode()
            self.paths.append(path)
            self.requests[path] = head
            self._send(connection, self.behaviours.get(path, b"HTTP/1.1 404 no\r\nContent-Length: 0\r\n\r\n"))

    def _send(self, connection: socket.socket, behaviour: Behaviour) -> None:
        for piece in [behaviour] if isinstance(behaviour, bytes) else behaviour(self):
            if self.closing.is_set():
                return
            if piece == RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            connection.sendall(piece)
            self.sent += len(piece)


def answer(body: bytes, *headers: str, status: str = "200 OK", length: bool = True) -> bytes:
    """A whole answer, of type HTML and with its length unless told otherwise."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/html", "Connection: close", *headers]
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
