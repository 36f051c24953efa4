"""The page of the votes on an article's blocks, and its JSON twin."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broadsheet.output.browse.arguments import NotHereError, path_number
from broadsheet.output.browse.queries.votes import StoredResponse, VotesView, find_response
from broadsheet.output.browse.room import Room


def vote_routes(room: Room) -> list[Route]:
    """The routes of the page and of its twin."""

    async def read_view(request: Request) -> VotesView:
        if room.judge_page is None:
            raise NotHereError("nothing that judges pages runs beside this room")
        response = await run_in_threadpool(find_stored, request)
        blocks = await room.judge_page(response)
        return VotesView(response.article_id, response.title, response.url, blocks)

    def find_stored(request: Request) -> StoredResponse:
        archive = room.archive(request.path_params["archive"])
        with archive.open() as db:
            return find_response(db, path_number(request), archive.path.parent)

    async def show(request: Request) -> Response:
        view = await read_view(request)
        archive = room.archive(request.path_params["archive"])
        frame = await run_in_threadpool(room.frame, archive, "articles", f"{request.url.path}.json")
        return room.renderer.html("votes.html", view, frame)

    async def show_json(request: Request) -> Response:
        return room.renderer.json(await read_view(request))

    path = "/{archive}/article/{id:digits}/votes"
    return [Route(f"{path}.json", show_json), Route(path, show)]
