"""A stored response as a page to look at, from a port of its own, in a sandbox: nothing in it runs, leads or calls.

The policy forbids scripts and every request; browsers still look up names that a page announces (`dns-prefetch`,
`preconnect`) and follow links, so the tags that do so are renamed. What is shown is the page as it was sent; it is the
record, and not this view of it, that is kept.
"""

from __future__ import annotations

import re

from sqlite_utils import Database
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from broadsheet.output.browse.arguments import BadArgumentError, NotHereError, path_number
from broadsheet.output.browse.guard import Guard
from broadsheet.output.browse.queries.capture import RawReader
from broadsheet.output.browse.replay import replay_routes
from broadsheet.output.browse.room import Room
from broadsheet.output.db.errors import ArchiveError
from broadsheet.output.raw.capture import RecordLocation

_LINKS = re.compile(r"<(/?)(?:a|area)(?=[\s/>])", re.IGNORECASE)
_ACTIVE = re.compile(
    r"<(/?)(link|base|meta|iframe|frame|frameset|object|embed|portal|fencedframe|applet|form)(?=[\s/>])", re.IGNORECASE
)
_LINK_STYLE = "<style>span[href] { text-decoration: underline; cursor: not-allowed }</style>"
_LOCATIONS = """SELECT c.warc_file, c.warc_offset, c.warc_length, o.warc_file, o.warc_offset, o.warc_length
    FROM captures c LEFT JOIN captures o ON o.id = c.refers_to WHERE c.id = ?"""
_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors "
)


def raw_headers(authorities: tuple[str, ...]) -> dict[str, str]:
    """The headers of raw pages, which only the pages of the room under these names may frame. A policy cannot name an
    address of IPv6."""
    framing = " ".join(f"http://{name}" for name in authorities if not name.startswith("["))
    return {
        "content-security-policy": _POLICY + framing,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-dns-prefetch-control": "off",
        "cross-origin-resource-policy": "cross-origin",
        "cache-control": "no-store",
    }


def make_raw_app(
    room: Room, read_raw: RawReader, authorities: tuple[str, ...], room_authorities: tuple[str, ...]
) -> Guard:
    """The application at the second port. `authorities` are its own names, `room_authorities` those of the room."""

    def show(request: Request) -> Response:
        if request.path_params["token"] != room.raw_token:
            return PlainTextResponse("not here\n", 404)
        if request.headers.get("sec-fetch-dest", "iframe") != "iframe":
            return PlainTextResponse("a raw page is shown inside the reading room only\n", 403)
        try:
            archive = room.archive(request.path_params["archive"])
            with archive.open() as db:
                places = find_record(db, path_number(request))
            document = read_raw(*places, archive.path.parent)
        except (BadArgumentError, NotHereError, ArchiveError) as error:
            return PlainTextResponse(f"{error}\n", 404)
        if not document.is_html:
            return PlainTextResponse(document.text)
        return Response(inert_page(document.text), media_type="text/html")

    routes = [Route("/{token}/{archive}/{id:digits}", show)]
    if room.replay_assets is not None:
        routes = [*replay_routes(room, room.replay_assets, room_authorities), *routes]
    app = Starlette(routes=routes)
    return Guard(app, authorities, raw_headers(room_authorities))


def find_record(db: Database, capture_id: int) -> tuple[RecordLocation, RecordLocation | None]:
    """Where a capture's record is, and that of its body, if it is a revisit. NotHereError if none was kept."""
    row = db.execute(_LOCATIONS, [capture_id]).fetchone()
    if row is None or row[0] is None:
        raise NotHereError("no raw response of that number was kept")
    return RecordLocation(*row[:3]), None if row[3] is None else RecordLocation(*row[3:])


def inert_page(text: str) -> str:
    """A page whose links are text and whose tags that fetch, lead or frame are none that a browser knows."""
    return _ACTIVE.sub(r"<\1inert-\2", _LINKS.sub(r"<\1span", text)) + _LINK_STYLE
