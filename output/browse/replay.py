"""A stored response in ReplayWeb.page, whose files a user has beside Broadsheet, from the port of raw pages.

ReplayWeb.page is AGPL and no part of Broadsheet; it is served from the folder that the user names, and only to frames
of the room. Its service worker answers every request of the page from the record, so that no other machine is asked.
The page's own scripts run in it, apart from the room: another port is another origin, and its address holds a token
that leads to no other page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

from sqlite_utils import Database
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from broadsheet.output.browse.arguments import BadArgumentError, NotHereError, path_number
from broadsheet.output.browse.queries.capture import read_record_bytes
from broadsheet.output.browse.room import Room
from broadsheet.output.db.errors import ArchiveError, NotReachable

FILES = ("ui.js", "sw.js")
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'self'; base-uri 'self'; "
    "frame-ancestors 'self' "
)
_FRAME = '<!doctype html><title>Replay</title><script src="ui.js"></script><replay-app-main></replay-app-main>'
_VIEWER = """<!doctype html><title>Replay</title><style>html, body {{ height: 100%; margin: 0 }}</style>
<script src="../../ui.js"></script>
<replay-web-page embed="replayonly" replaybase="{base}" source="{source}" url="{url}" ts="{moment}">
</replay-web-page>"""
_CAPTURE = "SELECT url, fetched_at, refers_to FROM captures WHERE id = ?"
_Answer = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """A response as it is replayed: the URL and the moment under which it is found in its record, and the record."""

    url: str
    fetched_at: str
    file: str
    data: bytes

    @property
    def moment(self) -> str:
        """The time in the form that archives of the web have in addresses: 14 digits."""
        return "".join(char for char in self.fetched_at[:19] if char.isdigit())


def check_assets(folder: Path) -> Path:
    """The folder of ReplayWeb.page's files. NotReachable, in one line, if one is missing."""
    for name in FILES:
        if not (folder / name).is_file():
            raise NotReachable(f"{folder} has no {name}: it is to hold {' and '.join(FILES)} of ReplayWeb.page")
    return folder


def replay_routes(room: Room, assets: Path, room_authorities: tuple[str, ...]) -> list[Route]:
    """The routes of the viewer, of its files and of the records, below a token of their own."""
    framing = " ".join(f"http://{name}" for name in room_authorities if not name.startswith("["))
    headers = {"content-security-policy": _POLICY + framing}

    def asset(request: Request) -> Response:
        name = f"{request.path_params['name']}.js"
        if name not in FILES:
            raise NotHereError("ReplayWeb.page has no such file")
        return FileResponse(assets / name, media_type="text/javascript", headers=headers)

    def frame(_: Request) -> Response:
        return HTMLResponse(_FRAME, headers=headers)

    def viewer(request: Request) -> Response:
        record = _record(room, request)
        base = f"/{room.replay_token}/replay/"
        source = f"{request.url.path}{record.file}"
        page = _VIEWER.format(base=base, source=escape(source), url=escape(record.url), moment=record.moment)
        return HTMLResponse(page, headers=headers)

    def record_file(request: Request) -> Response:
        return Response(_record(room, request).data, media_type="application/warc", headers=headers)

    routes = (
        ("{name}.js", asset), ("", frame), ("{archive}/{id:digits}/", viewer),
        ("{archive}/{id:digits}/{file}", record_file),
    )  # fmt: skip
    return [Route(f"/{{token}}/replay/{path}", partial(_guarded, room, answer)) for path, answer in routes]


def _guarded(room: Room, answer: _Answer, request: Request) -> Response:
    """The answer to a request with the token; else, or where there is nothing to replay, a line."""
    if request.path_params["token"] != room.replay_token:
        return PlainTextResponse("not here\n", 404)
    try:
        return answer(request)
    except (BadArgumentError, NotHereError, ArchiveError) as error:
        return PlainTextResponse(f"{error}\n", 404)


def _record(room: Room, request: Request) -> ReplayRecord:
    archive = room.archive(request.path_params["archive"])
    with archive.open() as db:
        return find_replay_record(db, path_number(request), archive.path.parent)


def find_replay_record(db: Database, capture_id: int, folder: Path) -> ReplayRecord:
    """The record of a capture, or of the earlier one that holds its body. NotHereError if none was kept."""
    row = db.execute(_CAPTURE, [capture_id]).fetchone()
    if row is None:
        raise NotHereError("the archive has no capture of that number")
    if row[2] is not None:
        return find_replay_record(db, row[2], folder)
    name, data = read_record_bytes(db, capture_id, folder)
    return ReplayRecord(row[0], row[1], f"record.{'warc.gz' if name.endswith('.gz') else 'warc'}", data)
