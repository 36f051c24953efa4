"""The reading room as an ASGI application: its pages, their JSON twins, its forms and its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from broadsheet.output.browse.arguments import BadArgumentError, ForbiddenError, NotHereError
from broadsheet.output.browse.guard import Guard, page_headers
from broadsheet.output.browse.rendering import FOLDER
from broadsheet.output.browse.room import Notice, Room
from broadsheet.output.browse.routes.collection import collection_routes
from broadsheet.output.browse.routes.downloads import download_routes
from broadsheet.output.browse.routes.pages import page_routes
from broadsheet.output.browse.routes.reviews import review_routes
from broadsheet.output.browse.routes.rule_trials import trial_routes
from broadsheet.output.browse.routes.rulings import ruling_routes
from broadsheet.output.browse.routes.votes import vote_routes
from broadsheet.output.db.errors import ArchiveError

_STATUSES: Mapping[type[Exception], int] = {
    BadArgumentError: 400, ForbiddenError: 403, NotHereError: 404, ArchiveError: 503,
}  # fmt: skip


def make_app(room: Room, authorities: tuple[str, ...]) -> Guard:
    """The application over a room's archives, for the names under which its server is to answer."""
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
    """The routes of a room over archives."""
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
