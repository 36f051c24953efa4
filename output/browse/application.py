"""The reading room as an ASGI application, and its server.

The application is the room's pages, their JSON twins, its forms and its files. The server binds its sockets before
anything is promised, and ends cleanly at Ctrl-C.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from broadsheet.output.archive.archive_errors import ArchiveError, NotReachable
from broadsheet.output.browse.form_routes import review_routes, ruling_routes
from broadsheet.output.browse.page_routes import collection_routes, page_routes
from broadsheet.output.browse.raw_responses import download_routes
from broadsheet.output.browse.rendering import FOLDER
from broadsheet.output.browse.room import Notice, Room
from broadsheet.output.browse.strict_requests import BadArgumentError, ForbiddenError, Guard, NotHereError, page_headers
from broadsheet.output.browse.trial_routes import trial_routes, vote_routes

_STATUSES: Mapping[type[Exception], int] = {
    BadArgumentError: 400, ForbiddenError: 403, NotHereError: 404, ArchiveError: 503,
}  # fmt: skip


def make_app(room: Room, authorities: tuple[str, ...]) -> Guard:
    """Make the application over a room's archives, for the names under which its server is to answer."""
    static = Mount("/static", StaticFiles(directory=FOLDER / "static"))
    catalogue = room.library.catalogue
    routes: list[BaseRoute] = [static, *(collection_routes(room, catalogue) if catalogue else _archive_routes(room))]

    def show_fault(request: Request, error: Exception) -> Response:
        notice = Notice(_status(error), _message(error))
        if request.url.path.endswith(".json"):
            return room.renderer.json(notice, notice.status)
        return room.notice(notice)

    handlers: dict[Any, Any] = dict.fromkeys([*_STATUSES, HTTPException], show_fault)
    app = Starlette(routes=routes, exception_handlers=handlers)
    return Guard(app, authorities, page_headers(room.raw_origin), may_write=room.may_write)


def _archive_routes(room: Room) -> Iterator[BaseRoute]:
    """Yield the routes of a room over archives."""
    for routes in (page_routes, ruling_routes, download_routes, review_routes, vote_routes, trial_routes):
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


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens, and the application that answers at it."""

    socket: socket.socket
    app: Any


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 is one of the system's choice.

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
