"""Routes of the pages that are read, and their JSON twins.

Each page is one frozen value, shown by a template, and as JSON under the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5

from sqlite_utils import Database
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..archive.article_filter import ALL_ARTICLES, ArticleBounds, article_scope
from ..archive.stored_text import inert_text
from ..read.archive_facts import ArchiveFacts, gather_facts
from ..read.coverage import measure_coverage
from ..read.edit_history import ALL_KINDS
from ..read.inert_markup import xml_line
from ..read.report_figures import read_implausible, read_removed
from ..read.run_letter import RunLetter, read_letter
from ..read.search import match_expression
from ..read.web_feeds import FeedScope, WebFeed, atom_document, read_feed
from .article_list import ArticleCounts, ListPlace, ListRequest, count_facets, count_sides, find_listed, list_articles
from .article_page import read_article
from .block_review import read_review
from .edit_pages import compare, list_changes
from .home_page import list_archives, read_home, search_library
from .library import ArchiveFile
from .page_review import read_page_review
from .report_page import ArchiveFigures, ReportWords, count_figures, read_report
from .room import Room, address
from .ruling_preview import preview
from .strict_requests import Arguments, BadArgumentError, NotHereError
from .take_out import preview_take_out
from .url_pages import list_urls, read_capture, read_url, show_coverage


class PageCall(NamedTuple):
    """A call of a page: the archive, open at one moment, and the arguments."""

    room: Room
    archive: ArchiveFile
    db: Database
    arguments: Arguments


class PageRoute(NamedTuple):
    """A page: its path below the archive's name, its template, its part of the menu, and the function for its value."""

    path: str
    template: str
    section: str
    build: Callable[[PageCall], object]


def _articles(call: PageCall) -> object:
    return list_articles(call.db, ListRequest.of(call.arguments), _article_counts(call))


def _article_counts(call: PageCall) -> ArticleCounts:
    cube = call.room.counted.get(call.db, call.archive, "facets", count_facets)
    return ArticleCounts(cube, call.room.counted.get_soon(call.db, call.archive, "sides", count_sides))


def _article(call: PageCall) -> object:
    view = read_article(call.db, call.arguments.number("id"))
    return replace(view, place=ListPlace.of(call.arguments))


def _home(call: PageCall) -> object:
    return read_home(call.db, _figures(call).totals, _article_counts(call), _facts(call), _letter(call))


def _report(call: PageCall) -> object:
    removed = call.room.counted.get_soon(call.db, call.archive, "removed", read_removed)
    implausible = call.room.counted.get_soon(
        call.db, call.archive, "implausible", lambda db: tuple(read_implausible(db))
    )
    letter = _letter(call)
    told = ReportWords(letter.completeness if letter else "", implausible or ())
    return read_report(call.db, _figures(call), _facts(call), removed, told)


def _letter(call: PageCall) -> RunLetter | None:
    """Return the letter of the last run; None while its facts are being counted."""
    facts = _facts(call)
    if facts is None:
        return None
    return call.room.counted.get(call.db, call.archive, "letter", lambda db: read_letter(db, facts.coverage))


def _figures(call: PageCall) -> ArchiveFigures:
    cube = call.room.counted.get(call.db, call.archive, "facets", count_facets)
    return call.room.counted.get(call.db, call.archive, "figures", lambda db: count_figures(db, cube))


def _facts(call: PageCall) -> ArchiveFacts | None:
    def gather(db: Database) -> ArchiveFacts:
        return gather_facts(db, coverage=call.room.counted.get(db, call.archive, "coverage", measure_coverage))

    return call.room.counted.get_soon(call.db, call.archive, "facts", gather)


def _coverage(call: PageCall) -> object:
    return show_coverage(call.room.counted.get_soon(call.db, call.archive, "coverage", measure_coverage))


def _changes(call: PageCall) -> object:
    return list_changes(call.db, call.arguments)


def _capture(call: PageCall) -> object:
    return read_capture(call.db, call.arguments.number("id"), call.archive.path)


PAGES: tuple[PageRoute, ...] = (
    PageRoute("", "home.html", "home", _home),
    PageRoute("articles", "articles.html", "articles", _articles),
    PageRoute("article/{id:digits}", "article.html", "articles", _article),
    PageRoute("article/{id:digits}/diff", "diff.html", "changes", lambda call: compare(call.db, call.arguments)),
    PageRoute("capture/{id:digits}", "capture.html", "articles", _capture),
    PageRoute("changes", "changes.html", "changes", _changes),
    PageRoute("report", "report.html", "report", _report),
    PageRoute("coverage", "coverage.html", "report", _coverage),
    PageRoute("coverage/urls", "covered_urls.html", "report", lambda call: list_urls(call.db, call.arguments)),
    PageRoute("url/{id:digits}", "url.html", "report", lambda call: read_url(call.db, call.arguments.number("id"))),
    PageRoute("review", "review.html", "review", lambda call: read_review(call.db)),
    PageRoute("review/pages", "page_review.html", "review", lambda call: read_page_review(call.db)),
    PageRoute("ruling", "ruling.html", "articles", lambda call: preview(call.db, call.arguments)),
    PageRoute("take-out", "take_out.html", "articles", lambda call: preview_take_out(call.db, call.arguments)),
)


def page_routes(room: Room) -> Iterator[Route]:
    """Yield the routes of all pages and of their JSON twins."""
    yield Route("/", _front_page(room))
    yield Route("/index.json", lambda request: room.renderer.json(list_archives(room.library)))  # noqa: ARG005
    yield Route("/search.json", _search_handler(room, as_json=True))
    yield Route("/search", _search_handler(room, as_json=False))
    yield Route("/{archive}/articles/at", _listed_article(room))
    for page in PAGES:
        yield Route(f"/{{archive}}/{page.path or 'index'}.json", _archive_handler(room, page, as_json=True))
        yield Route(f"/{{archive}}/{page.path}", _archive_handler(room, page, as_json=False))


def _front_page(room: Room) -> Callable[[Request], Response]:
    """Return the list of archives, or the only archive."""

    def show(request: Request) -> Response:  # noqa: ARG001
        names = list(room.library.archives)
        if len(names) == 1:
            return RedirectResponse(address(names[0], ""), 303)
        return room.renderer.html("archives.html", list_archives(room.library), room.frame())

    return show


def _search_handler(room: Room, *, as_json: bool) -> Callable[[Request], Response]:
    """Return the handler of the search over all archives."""

    def show(request: Request) -> Response:
        arguments = arguments_of(request, request.query_params.multi_items())
        view = search_library(room.library, arguments)
        if as_json:
            return room.renderer.json(view)
        frame = replace(room.frame(), twin=_twin(request, "search"), arguments=arguments.values)
        return room.renderer.html("search.html", view, frame)

    return show


def _listed_article(room: Room) -> Callable[[Request], Response]:
    """Return the handler that leads to the article at a place of a list."""

    def lead(request: Request) -> Response:
        archive = room.archive(request.path_params["archive"])
        arguments = arguments_of(request, request.query_params.multi_items())
        with archive.open() as db:
            counts = _article_counts(PageCall(room, archive, db, arguments))
            listed = ListPlace.of(arguments)
            if listed is None:
                raise NotHereError("the address names no list")
            article_id, place = find_listed(db, listed.request, listed.position, counts)
        view = arguments.choice("view", ("blocks",)) or None
        return RedirectResponse(address(archive.name, f"article/{article_id}", view=view, **place.arguments), 303)

    return lead


def _archive_handler(room: Room, page: PageRoute, *, as_json: bool) -> Callable[[Request], Response]:
    def show(request: Request) -> Response:
        archive = room.archive(request.path_params["archive"])
        arguments = arguments_of(request, request.query_params.multi_items())
        with archive.open() as db:
            view = page.build(PageCall(room, archive, db, arguments))
        if as_json:
            return room.renderer.json(view)
        frame = room.frame(archive, page.section, _twin(request, page.path), arguments.values)
        return room.renderer.html(page.template, view, frame)

    return show


def arguments_of(request: Request, pairs: Sequence[tuple[str, str]]) -> Arguments:
    """Return the arguments of a request: those of its path go before others of the same name."""
    path_values = {name: str(value) for name, value in request.path_params.items()}
    return Arguments({**dict(pairs), **path_values})


def _twin(request: Request, page_path: str) -> str:
    """Return the address of a page as JSON."""
    path = request.url.path + ("" if page_path else "index") + ".json"
    return path + (f"?{request.url.query}" if request.url.query else "")


# Feeds of an archive, served as Atom: its newest articles, those of a search too, and the edits to articles.
#
# They are the feeds that `broadsheet export` writes. An edit has its words, and links to both versions in this room.

ENTRIES = 50
"""Entries of a feed, the newest: feed readers ask again long before this many are new."""

_MEDIA_TYPE = "application/atom+xml; charset=utf-8"
_FeedReader = Callable[[PageCall, str], WebFeed]


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
            return atom_document(read(PageCall(room, archive, db, arguments), room_address))

        with archive.open() as db:
            is_whole = not request.query_params  # feed readers ask often, and mostly for this one
            document = room.counted.get(db, archive, str(request.url), write) if is_whole else write(db)
        return Response(document, media_type=_MEDIA_TYPE)

    return show


def _read_articles(call: PageCall, room_address: str) -> WebFeed:
    """Read the newest articles that a search and the facets `host`, `language`, `section` and `year` leave."""
    db, arguments = call.db, call.arguments
    values = {name: arguments.text(name) for name in ("q", "host", "language", "section", "year")}
    chosen = {name: value for name, value in values.items() if value}
    match, year = match_expression(chosen.get("q", "")), chosen.get("year", "")
    if "q" in chosen and not match:
        raise BadArgumentError("q has no word to search for")
    if year and not (len(year) == 4 and year.isascii() and year.isdigit()):
        raise BadArgumentError("year is not a year")
    languages = (chosen["language"],) if "language" in chosen else ()
    bounds = ArticleBounds(chosen.get("host", ""), year, year, languages, chosen.get("section", ""), match)
    scope = FeedScope(host=bounds.host, limit=ENTRIES, room=room_address)
    if bounds == ALL_ARTICLES:
        return read_feed(db, scope)
    with article_scope(db, bounds):
        feed = read_feed(db, scope)
    others = [value for name, value in chosen.items() if name != "host"]
    title = f"{', '.join(others)}: {feed.title}" if others else feed.title
    feed_id = uuid5(NAMESPACE_URL, f"{feed.id}?{urlencode(sorted(chosen.items()))}")
    return replace(feed, id=feed_id.urn, title=xml_line(inert_text(title)))


def _read_changes(call: PageCall, room_address: str) -> WebFeed:
    """Read the latest edits, of all kinds or of one."""
    kind = call.arguments.choice("kind", ALL_KINDS)
    scope = FeedScope(True, kinds=(kind,) if kind else (), limit=ENTRIES, room=room_address)
    coverage = None if kind else call.room.counted.get(call.db, call.archive, "coverage", measure_coverage)
    return read_feed(call.db, scope, coverage)
