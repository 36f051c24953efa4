"""Routes of pages that workers judge again: the votes on an article's blocks, site rules on trial."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .article_list import count_facets
from .form_routes import read_form
from .page_routes import arguments_of
from .page_trials import (
    MOST_RULE_CHARACTERS,
    RuleDraft,
    RuleTrialView,
    StoredResponse,
    VotesView,
    blank_trial,
    find_response,
    sample_responses,
    show_trial,
)
from .room import Room
from .strict_requests import Arguments, NotHereError, path_number


def vote_routes(room: Room) -> list[Route]:
    """Return the routes of the page and of its twin."""

    async def show(request: Request, *, as_json: bool) -> Response:
        if room.judge_page is None:
            raise NotHereError("nothing that judges pages runs beside this room")
        response = await run_in_threadpool(find_stored, request)
        blocks = await room.judge_page(response)
        view = VotesView(response.article_id, response.title, response.url, blocks)
        if as_json:
            return room.renderer.json(view)
        archive = room.archive(request.path_params["archive"])
        frame = await run_in_threadpool(room.frame, archive, "articles", f"{request.url.path}.json")
        return room.renderer.html("votes.html", view, frame)

    def find_stored(request: Request) -> StoredResponse:
        archive = room.archive(request.path_params["archive"])
        with archive.open() as db:
            return find_response(db, path_number(request), archive.path)

    path = "/{archive}/article/{id:digits}/votes"
    return [Route(f"{path}.json", partial(show, as_json=True)), Route(path, partial(show, as_json=False))]


_PATH = "/{archive}/site-rules"
_Show = Callable[[Request, RuleTrialView], Coroutine[Any, Any, Response]]


def trial_routes(room: Room) -> list[Route]:
    """Return the routes of the page, of its form, and of their twins."""

    async def show_page(request: Request, view: RuleTrialView) -> Response:
        archive = room.archive(request.path_params["archive"])
        frame = await run_in_threadpool(room.frame, archive, "rules", f"{request.url.path}.json")
        return room.renderer.html("site_rules.html", view, frame)

    async def show_json(_: Request, view: RuleTrialView) -> Response:
        return room.renderer.json(view)

    return [
        Route(path, handler(room, show), methods=methods)
        for path, show in ((f"{_PATH}.json", show_json), (_PATH, show_page))
        for methods, handler in ((["GET"], _blank_handler), (["POST"], _trial_handler))
    ]


def _blank_handler(room: Room, show: _Show) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def ask(request: Request) -> Response:
        arguments = arguments_of(request, request.query_params.multi_items())
        view, _ = await run_in_threadpool(_prepare, room, request.path_params["archive"], arguments)
        return await show(request, view)

    return ask


def _trial_handler(room: Room, show: _Show) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def take(request: Request) -> Response:
        arguments = await read_form(room, request)
        blank, responses = await run_in_threadpool(_prepare, room, request.path_params["archive"], arguments)
        if arguments.flag("download"):
            disposition = f'attachment; filename="{blank.file}"'
            return PlainTextResponse(f"{blank.text}\n", headers={"content-disposition": disposition})
        if room.try_rule is None:
            raise NotHereError("nothing that cleans pages runs beside this room")
        return await show(request, show_trial(blank, await room.try_rule(_draft(arguments), responses)))

    return take


def _draft(arguments: Arguments) -> RuleDraft:
    text = "\n".join(arguments.text("rules", MOST_RULE_CHARACTERS).splitlines())
    return RuleDraft(arguments.text("host"), text)


def _prepare(room: Room, archive_name: str, arguments: Arguments) -> tuple[RuleTrialView, list[StoredResponse]]:
    """Return the page before a trial, and the pages to try the rules on.

    Raises NotHereError for a host without an article.
    """
    archive, draft = room.archive(archive_name), _draft(arguments)
    with archive.open() as db:
        blank = blank_trial(room.counted.get(db, archive, "facets", count_facets), draft)
        if draft.host and draft.host not in blank.hosts:
            raise NotHereError("the archive has no article of that host")
        responses = sample_responses(db, draft.host, archive.path) if draft.text else []
    return blank, responses
