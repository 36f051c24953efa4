"""Feeds of an archive, served as Atom: its newest articles, those of a search too, and the edits to articles.

They are the feeds that `broadsheet export` writes. An edit has its words, and links to both versions in this room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5

from sqlite_utils import Database
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..archive.article_filter import ALL_ARTICLES, ArticleBounds, article_scope
from ..archive.stored_text import inert_text
from ..read.edit_history import ALL_KINDS
from ..read.inert_markup import xml_line
from ..read.search import match_expression
from ..read.web_feeds import FeedScope, WebFeed, atom_document, read_feed
from .page_routes import arguments_of
from .room import Room, address
from .strict_requests import Arguments, BadArgumentError

ENTRIES = 50
"""Entries of a feed, the newest: a reader asks again long before so many are new."""

_MEDIA_TYPE = "application/atom+xml; charset=utf-8"
_FeedReader = Callable[[Database, Arguments, str], WebFeed]


def feed_routes(room: Room) -> list[Route]:
    """Return the routes of both feeds."""
    return [
        Route("/{archive}/articles.atom", _feed_handler(room, _read_articles)),
        Route("/{archive}/changes.atom", _feed_handler(room, _read_changes)),
    ]


def _feed_handler(room: Room, read: _FeedReader) -> Callable[[Request], Response]:
    def show(request: Request) -> Response:
        archive = room.archive(request.path_params["archive"])
        arguments = arguments_of(request, request.query_params.multi_items())
        room_address = str(request.base_url).rstrip("/") + address(archive.name, "")

        def write(db: Database) -> bytes:
            return atom_document(read(db, arguments, room_address))

        with archive.open() as db:
            is_whole = not request.query_params  # feed readers ask often, and mostly for this one
            document = room.counted.get(db, archive, str(request.url), write) if is_whole else write(db)
        return Response(document, media_type=_MEDIA_TYPE)

    return show


def _read_articles(db: Database, arguments: Arguments, room_address: str) -> WebFeed:
    """Read the newest articles that a search and the facets `host`, `language`, `section` and `year` leave."""
    values = {name: arguments.text(name) for name in ("q", "host", "language", "section", "year")}
    chosen = {name: value for name, value in values.items() if value}
    bounds = _bounds(chosen)
    scope = FeedScope(host=bounds.host, limit=ENTRIES, room=room_address)
    if bounds == ALL_ARTICLES:
        return read_feed(db, scope)
    with article_scope(db, bounds):
        feed = read_feed(db, scope)
    others = [value for name, value in chosen.items() if name != "host"]
    title = f"{', '.join(others)}: {feed.title}" if others else feed.title
    feed_id = uuid5(NAMESPACE_URL, f"{feed.id}?{urlencode(sorted(chosen.items()))}")
    return replace(feed, id=feed_id.urn, title=xml_line(inert_text(title)))


def _bounds(chosen: Mapping[str, str]) -> ArticleBounds:
    """Return the bounds that a feed's arguments set. Raises BadArgumentError for words or a year that are none."""
    match, year = match_expression(chosen.get("q", "")), chosen.get("year", "")
    if "q" in chosen and not match:
        raise BadArgumentError("q has no word to search for")
    if year and not (len(year) == 4 and year.isascii() and year.isdigit()):
        raise BadArgumentError("year is no year")
    languages = (chosen["language"],) if "language" in chosen else ()
    return ArticleBounds(chosen.get("host", ""), year, year, languages, chosen.get("section", ""), match)


def _read_changes(db: Database, arguments: Arguments, room_address: str) -> WebFeed:
    """Read the latest edits, of all kinds or of one."""
    kind = arguments.choice("kind", ALL_KINDS)
    return read_feed(db, FeedScope(True, kinds=(kind,) if kind else (), limit=ENTRIES, room=room_address))
