"""The server of the reading room: sockets that are bound before anything is promised, and a clean end at Ctrl-C."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from broadsheet.output.db.errors import NotReachable

_GRACE = 2  # seconds that answers under way have when the server ends


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens, and the application that answers at it."""

    socket: socket.socket
    app: Any


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is one of the system's choice. NotReachable in one line if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise NotReachable(f"cannot listen on {host} port {port}: {getattr(error, 'strerror', error)}") from error
    return listener


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(listeners: list[Listener]) -> None:
    """Answer at all listeners until Ctrl-C or SIGTERM, in this thread."""
    servers = [_Server(_config(listener)) for listener in listeners]
    asyncio.run(_serve(servers, listeners))


async def _serve(servers: list[_Server], listeners: list[Listener]) -> None:
    tasks = [
        asyncio.create_task(server.serve(sockets=[listener.socket]))
        for server, listener in zip(servers, listeners, strict=True)
    ]
    try:
        await asyncio.gather(*tasks)
    except asyncio.CancelledError:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _config(listener: Listener) -> uvicorn.Config:
    return uvicorn.Config(
        listener.app, lifespan="off", log_level="warning", access_log=False, server_header=False,
        proxy_headers=False, timeout_graceful_shutdown=_GRACE, limit_concurrency=100, ws="none",
    )  # fmt: skip
