"""The form that rules on a block or takes a ruling back. While a crawl owns the file, a ruling waits in its journal."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broadsheet.output.browse.arguments import Arguments, BadArgumentError, ForbiddenError
from broadsheet.output.browse.guard import is_token
from broadsheet.output.browse.library import ArchiveFile
from broadsheet.output.browse.queries.ruling import SCOPES, scoped_ruling
from broadsheet.output.browse.room import Room, address
from broadsheet.output.browse.routes.pages import arguments_of
from broadsheet.output.db.clock import utc_now
from broadsheet.output.db.errors import InUse
from broadsheet.output.verdicts.apply_rulings import carry_out_ruling
from broadsheet.output.verdicts.ruling_journal import append_ruling
from broadsheet.output.verdicts.rulings import Ruling
from broadsheet.output.write.archive import Archive

_MOST_FIELDS = 20
FormHandler = Callable[[Request], Coroutine[Any, Any, Response]]


def ruling_routes(room: Room) -> list[Route]:
    """The route of the form."""
    return [Route("/{archive}/rulings", form_handler(room, rule), methods=["POST"])]


def form_handler(room: Room, act: Callable[[Room, ArchiveFile, Arguments], Response]) -> FormHandler:
    """A handler that reads a form with the token of this run, and acts in a thread of its own."""

    async def take(request: Request) -> Response:
        arguments = await read_form(room, request)
        return await run_in_threadpool(act, room, room.archive(request.path_params["archive"]), arguments)

    return take


async def read_form(room: Room, request: Request) -> Arguments:
    """The arguments of a form. ForbiddenError if it does not have the token of this run."""
    arguments = arguments_of(request, _form_fields(await request.body()))
    if not is_token(arguments.values.get("token"), room.token):
        raise ForbiddenError("this form is of an earlier run of the reading room: load the page again")
    return arguments


def _form_fields(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form as browsers send one without files. BadArgumentError for anything else."""
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadArgumentError("this is no form of the reading room") from error


def rule(room: Room, archive: ArchiveFile, arguments: Arguments) -> Response:
    """Make or take back a ruling, and lead back to where it was asked for."""
    scope, is_undo = arguments.choice("scope", SCOPES, "article"), arguments.flag("undo")
    back = back_to(arguments, archive)
    with archive.open() as db:
        ruling = scoped_ruling(db, arguments, scope, utc_now())
    with room.writing():
        outcome = carry_out(archive, ruling, undo=is_undo)
    position = arguments.number("position") if arguments.text("position") else None
    page = address(
        archive.name, f"article/{arguments.number('article')}", view="blocks", done=outcome,
        block=ruling.block_id, keep=int(ruling.is_kept), scope=scope, position=position,
    )  # fmt: skip
    return RedirectResponse(back or page + ("" if position is None else f"#b{position}"), 303)


def carry_out(archive: ArchiveFile, ruling: Ruling, *, undo: bool) -> str:
    """Apply a ruling, or write it to the journal where another owns the file: `ruled`, `waiting`, `undone`, or `taken`
    where the opposite ruling was taken back, which alone gives what was asked."""
    try:
        with Archive.open(archive.path) as owned:
            effect = carry_out_ruling(owned.db, ruling, undo=undo)
    except InUse:
        append_ruling(archive.path, ruling, undo=undo)
        return "waiting"
    return "undone" if undo else "taken" if effect.takes_back else "ruled"


def back_to(arguments: Arguments, archive: ArchiveFile) -> str:
    """Where a form asks to be led back to: a page of the same archive, or the empty text."""
    target = arguments.text("back")
    if not target:
        return ""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not parts.path.startswith(address(archive.name, "")) or "\\" in target:
        raise BadArgumentError("back leads out of this archive")
    return target
