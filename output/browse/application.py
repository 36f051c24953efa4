"""The reading room as an ASGI application, and its server.

The application is the room's pages, their JSON twins, its forms and its files. The server binds its sockets before
anything is promised, and ends cleanly at Ctrl-C.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..archive.archive_errors import ArchiveError, NotAnArchive, NotReachable
from ..read.verify import first_problem
from .form_routes import form_routes
from .page_routes import feed_routes, page_routes
from .raw_responses import download_routes
from .rendering import FOLDER
from .room import Notice, Room
from .strict_requests import BadArgumentError, ForbiddenError, Guard, NotHereError, page_headers

_DAMAGE_SIGNS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""The answer to a request that meets a damaged value."""

_STATUSES: Mapping[type[Exception], int] = {
    BadArgumentError: 400, ClientDisconnect: 400, ForbiddenError: 403, NotHereError: 404, ArchiveError: 503,
}  # fmt: skip


def make_app(
    room: Room, authorities: tuple[str, ...], pages: Sequence[BaseRoute] = (), middleware: Sequence[Middleware] = ()
) -> Guard:
    """Make the application for a room's archives, and for the host names that its server answers to.

    `pages` are further ones, which go before the room's own.
    """
    static = Mount("/static", StaticFiles(directory=FOLDER / "static"))
    routes: list[BaseRoute] = [static, *pages, *_archive_routes(room)]

    def show_fault(request: Request, error: Exception) -> Response:
        notice = Notice(_status(error), _message(error))
        if request.url.path.endswith(".json"):
            return room.renderer.json(notice, notice.status)
        return room.notice(notice)

    def show_damage(request: Request, error: Exception) -> Response:
        """Blame an error on damage of the archive, if there is any; else it is a fault of ours."""
        archive = room.library.archives.get(request.url.path.split("/")[1])
        if archive is None:
            raise error
        try:
            with archive.open() as db:
                problem = first_problem(db)
        except ArchiveError as refusal:
            return show_fault(request, refusal)
        if problem is None:
            raise error
        return show_fault(request, NotAnArchive(f"{archive.name} is damaged ({problem.detail}); run broadsheet verify"))

    handlers: dict[Any, Any] = dict.fromkeys([*_STATUSES, HTTPException], show_fault)
    handlers |= dict.fromkeys(_DAMAGE_SIGNS, show_damage)
    app = Starlette(routes=routes, exception_handlers=handlers, middleware=middleware)
    return Guard(app, authorities, page_headers(room.raw_origin), may_write=room.may_write)


def _archive_routes(room: Room) -> Iterator[BaseRoute]:
    """Yield the routes of a room over archives."""
    for routes in (page_routes, feed_routes, form_routes, download_routes):
        yield from routes(room)


def _status(error: Exception) -> int:
    if isinstance(error, HTTPException):
        return error.status_code
    return next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)


def _message(error: Exception) -> str:
    if isinstance(error, HTTPException):
        return "there is no such page" if error.status_code == 404 else error.detail
    return str(error)


_GRACE = 2  # seconds that answers under way have when the server ends
_INTERRUPTED = 130


class Listener(NamedTuple):
    """A socket that listens, and the application that answers at it."""

    socket: socket.socket
    app: Any


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; with port 0 the system chooses one.

    Raises NotReachable in one line if it cannot be had.
    """
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
    """A server that leaves signals to its caller."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


_REQUEST_SECONDS = 10.0  # until a request has come whole: a browser sends a form of the longest kind in far less
_MOST_CONNECTIONS = 100


class _PunctualProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1 with time limits on a request's head and body, which it lacks.

    Where there are too many, the oldest connection that waits for its peer makes room for a new one. So half-open
    connections keep no others out.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_request()
        if len(self.connections) >= _MOST_CONNECTIONS:
            waiting = [peer for peer in self._peers() if peer.waits_for_peer]
            if waiting:
                min(waiting, key=lambda peer: peer.opened_at).drop()

    def data_received(self, data: bytes) -> None:
        """Read received bytes; begin or end the wait for the rest of a request."""
        super().data_received(data)
        is_answering = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        if is_answering or self.transport.is_closing():
            self._cancel_deadline()
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        self._cancel_deadline()
        super().connection_lost(exc)

    @property
    def waits_for_peer(self) -> bool:
        """Tell whether the server waits for the peer: for the rest of a request, or to read an answer."""
        return self._deadline is not None or self.timeout_keep_alive_task is not None or self.flow.write_paused

    def drop(self) -> None:
        """Close the connection without an answer."""
        self.connections.discard(self)
        self.transport.abort()

    def _peers(self) -> Iterator[_PunctualProtocol]:
        return (peer for peer in self.connections if isinstance(peer, _PunctualProtocol) and peer is not self)

    def _await_request(self) -> None:
        if self._deadline is None:
            self.opened_at = self.loop.time()
            self._deadline = self.loop.call_later(_REQUEST_SECONDS, self.drop)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def serve(listeners: list[Listener]) -> None:
    """Answer at all listeners until Ctrl-C or SIGTERM, in the main thread; a second one ends at once."""
    asyncio.run(_serve([_Server(_config(listener)) for listener in listeners], listeners))


async def _serve(servers: list[_Server], listeners: list[Listener]) -> None:
    def stop() -> None:
        if any(server.should_exit for server in servers):
            os._exit(_INTERRUPTED)
        logging.getLogger("uvicorn.error").disabled = True  # it would tell of each answer that is cut short
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await asyncio.gather(
        *(server.serve(sockets=[listener.socket]) for server, listener in zip(servers, listeners, strict=True))
    )


def _config(listener: Listener) -> uvicorn.Config:
    return uvicorn.Config(
        listener.app, lifespan="off", log_level="warning", access_log=False, server_header=False, ws="none",
        proxy_headers=False, timeout_graceful_shutdown=_GRACE, limit_concurrency=_MOST_CONNECTIONS,
        http=_PunctualProtocol,
    )  # fmt: skip
