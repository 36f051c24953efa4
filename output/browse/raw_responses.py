"""Stored responses to look at: the WARC record, a page in a sandbox, ReplayWeb.page.

A page in the sandbox has a port of its own, and nothing in it runs, leads or calls. The policy forbids scripts and
every request but to this port, which answers with the style sheets and pictures that are stored. Browsers still look up
names that a page announces (`dns-prefetch`, `preconnect`) and follow links, so the tags that announce are renamed, and
links lead to the page itself. The page is shown as it was sent, apart from that; the record is what is kept.

ReplayWeb.page is AGPL and no part of Broadsheet. The room serves it from the folder that the user names, from the port
of raw pages, and only to frames of the room. Its service worker answers every request of the page from the record, so
no other machine is asked. The page's own scripts run in it, apart from the room: another port is another origin, and
its address holds a token that leads to no other page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from urllib.parse import quote

from sqlite_utils import Database
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.page.page_files import FileAddress, page_with_files, sheet_with_files

from ..archive.archive_errors import ArchiveError, NotReachable
from ..archive.pictures import ENDINGS, SHEET, Picture, find_file
from ..raw.picture_files import find_picture, read_picture_file
from ..raw.raw_exchange import LOCATION_COLUMNS, RecordLocation, record_locations
from ..raw.warc_reader import RecordError
from ..read.article_files import file_name, markdown_document
from ..read.article_rows import article_row
from .room import Room
from .strict_requests import BadArgumentError, Guard, NotHereError, path_number
from .url_pages import RawReader, read_record_bytes


def download_routes(room: Room) -> list[Route]:
    """Return the routes of all files."""

    def record(request: Request) -> Response:
        archive, number = room.archive(request.path_params["archive"]), path_number(request)
        with archive.open() as db:
            file, data = read_record_bytes(db, number, archive.path)
        ending = "warc.gz" if file.endswith(".gz") else "warc"
        disposition = f'attachment; filename="capture-{number}.{ending}"'
        return Response(data, media_type="application/warc", headers={"content-disposition": disposition})

    def picture(request: Request) -> Response:
        archive, number = room.archive(request.path_params["archive"]), path_number(request)
        with archive.open() as db:
            facts, data = read_stored_file(db, number, archive.path)
        return Response(data, media_type=facts.type, headers={"content-security-policy": _PICTURE_POLICY})

    def markdown(request: Request) -> Response:
        archive, number = room.archive(request.path_params["archive"]), path_number(request)
        with archive.open() as db:
            if (article := article_row(db, number)) is None:
                raise NotHereError("the archive has no article of that number")
        disposition = f"attachment; filename*=utf-8''{quote(file_name(article))}"
        return Response(
            markdown_document(article), media_type="text/markdown", headers={"content-disposition": disposition}
        )

    return [
        Route("/{archive}/capture/{id:digits}/record", record), Route("/{archive}/picture/{id:digits}", picture),
        Route("/{archive}/article/{id:digits}/text.md", markdown),
    ]  # fmt: skip


# A picture that is opened by itself is a document to the browser: nothing in an SVG runs, loads or leads.
_PICTURE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


REPLAY_FILES = ("ui.js", "sw.js")
_REPLAY_POLICY = (
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
        """Return the time in the form that archives of the web have in addresses: 14 digits."""
        return "".join(char for char in self.fetched_at[:19] if char.isdigit())


def check_assets(folder: Path) -> Path:
    """Return the folder of ReplayWeb.page's files.

    Raises NotReachable, in one line, if one is missing.
    """
    for name in REPLAY_FILES:
        if not (folder / name).is_file():
            raise NotReachable(f"{folder} has no {name}: it is to hold {' and '.join(REPLAY_FILES)} of ReplayWeb.page")
    return folder


def replay_routes(room: Room, assets: Path, room_authorities: tuple[str, ...]) -> list[Route]:
    """Return the routes of the viewer, of its files and of the records, below a token of their own."""
    headers = {"content-security-policy": _REPLAY_POLICY + _framing(room_authorities)}

    def asset(request: Request) -> Response:
        name = f"{request.path_params['name']}.js"
        if name not in REPLAY_FILES:
            raise NotHereError("ReplayWeb.page has no such file")
        return FileResponse(assets / name, media_type="text/javascript", headers=headers)

    def frame(_: Request) -> Response:
        return HTMLResponse(_FRAME, headers=headers)

    def viewer(request: Request) -> Response:
        record = _replay_record(room, request)
        base = f"/{room.replay_token}/replay/"
        source = f"{request.url.path}{record.file}"
        page = _VIEWER.format(base=base, source=escape(source), url=escape(record.url), moment=record.moment)
        return HTMLResponse(page, headers=headers)

    def record_file(request: Request) -> Response:
        return Response(_replay_record(room, request).data, media_type="application/warc", headers=headers)

    routes = (
        ("{name}.js", asset), ("", frame), ("{archive}/{id:digits}/", viewer),
        ("{archive}/{id:digits}/{file}", record_file),
    )  # fmt: skip
    return [Route(f"/{{token}}/replay/{path}", partial(_guarded, room.replay_token, answer)) for path, answer in routes]


def _guarded(token: str, answer: _Answer, request: Request) -> Response:
    """Answer a request that has the token; one line without it, or if there is nothing to show."""
    if request.path_params["token"] != token:
        return PlainTextResponse("not here\n", 404)
    try:
        return answer(request)
    except (BadArgumentError, NotHereError, ArchiveError) as error:
        return PlainTextResponse(f"{error}\n", 404)


def _replay_record(room: Room, request: Request) -> ReplayRecord:
    archive = room.archive(request.path_params["archive"])
    with archive.open() as db:
        return find_replay_record(db, path_number(request), archive.path)


def find_replay_record(db: Database, capture_id: int, folder: Path) -> ReplayRecord:
    """Find the record of a capture, or of the earlier one that holds its body.

    Raises NotHereError if none was kept.
    """
    row = db.execute(_CAPTURE, [capture_id]).fetchone()
    if row is None:
        raise NotHereError("the archive has no capture of that number")
    if row[2] is not None:
        return find_replay_record(db, row[2], folder)
    name, data = read_record_bytes(db, capture_id, folder)
    return ReplayRecord(row[0], row[1], f"record.{'warc.gz' if name.endswith('.gz') else 'warc'}", data)


_LINKS = re.compile(r"<(a|area)(?=[\s/>])", re.IGNORECASE)
_INERT_LINK = r'<\1 href="#" ping="" target="_self" attributionsrc=""'  # of attributes with one name the first counts
_ACTIVE = re.compile(
    r"<(/?)(link|base|meta|iframe|frame|frameset|object|embed|portal|fencedframe|applet|form|source)(?=[\s/>])",
    re.IGNORECASE,
)
_LINK_STYLE = "<style>a[href], area[href] { cursor: not-allowed }</style>"
_RECORD_LOCATIONS = f"""SELECT {LOCATION_COLUMNS}
    FROM captures c LEFT JOIN captures o ON o.id = c.refers_to WHERE c.id = ?"""
_SANDBOX_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline' {0}; img-src data: {0}; form-action 'none'; "
    "base-uri 'none'; frame-ancestors {1}"
)


def raw_headers(authorities: tuple[str, ...], own_authorities: tuple[str, ...], token: str) -> dict[str, str]:
    """Return the headers of raw pages, which only the pages of the room under these names may frame, and which get
    stored files from their own server alone.
    """
    files = _framing(own_authorities, f"/{token}/file/")
    return {
        "content-security-policy": _SANDBOX_POLICY.format(files, _framing(authorities)),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-dns-prefetch-control": "off",
        "cross-origin-resource-policy": "cross-origin",
        "cache-control": "no-store",
    }


def _framing(authorities: tuple[str, ...], path: str = "") -> str:
    """Return the origins of a policy, or a folder of each; it cannot name an address of IPv6."""
    return " ".join(f"http://{name}{path}" for name in authorities if not name.startswith("["))


def make_raw_app(
    room: Room, read_raw: RawReader, authorities: tuple[str, ...], room_authorities: tuple[str, ...]
) -> Guard:
    """Make the application at the second port.

    `authorities` are its own names, `room_authorities` those of the room.
    """

    def show(request: Request) -> Response:
        if request.headers.get("sec-fetch-dest", "iframe") != "iframe":
            return PlainTextResponse("a raw page is shown inside the reading room only\n", 403)
        archive, number = room.archive(request.path_params["archive"]), path_number(request)
        with archive.open() as db:
            document = read_raw(*find_record(db, number), archive.path)
            if not document.is_html:
                return PlainTextResponse(document.text)
            address = _stored_address(db, room, request.path_params["archive"])
            text = page_with_files(document.text, _sent_as(db, number)[0], address)
        return Response(inert_page(text), media_type="text/html")

    def file(request: Request) -> Response:
        archive, number = room.archive(request.path_params["archive"]), path_number(request)
        with archive.open() as db:
            facts, data = read_stored_file(db, number, archive.path)
            if facts.type != SHEET:
                return Response(data, media_type=facts.type)
            url, content_type = _sent_as(db, number)
            address = _stored_address(db, room, request.path_params["archive"])
            data = sheet_with_files(data.decode("latin-1"), url, address).encode("latin-1")
        return Response(data, headers={"content-type": content_type})

    routes = [
        Route("/{token}/{archive}/{id:digits}", partial(_guarded, room.raw_token, show)),
        Route("/{token}/file/{archive}/{id:digits}", partial(_guarded, room.raw_token, file)),
    ]
    if room.replay_assets is not None:
        routes = [*replay_routes(room, room.replay_assets, room_authorities), *routes]
    app = Starlette(routes=routes)
    sites = ("none", "same-origin", "same-site")
    return Guard(
        app,
        authorities,
        raw_headers(room_authorities, authorities, room.raw_token),
        sites=sites,
        parts=("style", "image"),
    )


def _stored_address(db: Database, room: Room, archive: str) -> FileAddress:
    """Return the function that gives a stored file its address here."""

    def address(_: UrlSource, url: str) -> str:
        number = find_file(db, url)
        return "" if number is None else f"/{room.raw_token}/file/{quote(archive)}/{number}"

    return address


def _sent_as(db: Database, capture_id: int) -> tuple[str, str]:
    """Return the URL of a capture, and its content type."""
    url, content_type = db.execute("SELECT url, content_type FROM captures WHERE id = ?", [capture_id]).fetchone()
    return str(url), str(content_type)


def read_stored_file(db: Database, capture_id: int, folder: Path) -> tuple[Picture, bytes]:
    """Read the picture or style sheet that a capture holds. NotHereError if it holds none, or cannot be read."""
    facts = find_picture(db, capture_id)
    if facts is None or facts.type not in (*ENDINGS, SHEET):
        raise NotHereError("the archive has no picture of that number")
    try:
        return facts, read_picture_file(db, folder, capture_id, facts)
    except RecordError as error:
        raise NotHereError(str(error)) from error


def find_record(db: Database, capture_id: int) -> tuple[RecordLocation, RecordLocation | None]:
    """Find the place of a capture's record and, for a revisit, of the record with its body.

    Raises NotHereError if no record was kept.
    """
    row = db.execute(_RECORD_LOCATIONS, [capture_id]).fetchone()
    if row is None or row[0] is None:
        raise NotHereError("no raw response of that number was kept")
    return record_locations(row)


def inert_page(text: str) -> str:
    """Rename the tags of a page that announce, fetch, frame or redirect, and let links lead only to the live page."""
    return _ACTIVE.sub(r"<\1inert-\2", _LINKS.sub(_INERT_LINK, text)) + _LINK_STYLE
