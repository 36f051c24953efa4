"""The pages that are read: each is one frozen value, shown by a template, and as JSON under the same name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlite_utils import Database
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broadsheet.output.browse.arguments import Arguments
from broadsheet.output.browse.library import ArchiveFile
from broadsheet.output.browse.queries.archives import list_archives
from broadsheet.output.browse.queries.article import read_article
from broadsheet.output.browse.queries.article_list import (
    ArticleCounts,
    ListRequest,
    count_certainties,
    count_facets,
    list_articles,
)
from broadsheet.output.browse.queries.capture import read_capture
from broadsheet.output.browse.queries.changes import compare, list_changes
from broadsheet.output.browse.queries.coverage import list_urls, read_url, show_coverage
from broadsheet.output.browse.queries.home import count_home, read_home
from broadsheet.output.browse.queries.layouts import read_layouts
from broadsheet.output.browse.queries.review.blocks import read_review
from broadsheet.output.browse.queries.review.pages import read_page_review
from broadsheet.output.browse.queries.rules import read_rule, read_rules
from broadsheet.output.browse.queries.ruling import preview
from broadsheet.output.browse.room import Room, address
from broadsheet.output.report.coverage import measure_coverage
from broadsheet.output.verdicts.ruling_journal import waiting_reviews, waiting_rulings


@dataclass(frozen=True, slots=True)
class PageCall:
    """What a page is made of: the archive, open at one moment, and the arguments."""

    room: Room
    archive: ArchiveFile
    db: Database
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A page: its path below the archive's name, its template, its part of the menu, and what makes its value."""

    path: str
    template: str
    section: str
    build: Callable[[PageCall], object]


def _articles(call: PageCall) -> object:
    cube = call.room.counted.get(call.db, call.archive, "facets", count_facets)
    by_certainty = call.room.counted.get_soon(call.db, call.archive, "certainty", count_certainties)
    return list_articles(call.db, ListRequest.of(call.arguments), ArticleCounts(cube, by_certainty))


def _article(call: PageCall) -> object:
    return read_article(call.db, call.arguments.number("id"), waiting_rulings(call.archive.path))


def _home(call: PageCall) -> object:
    cube = call.room.counted.get(call.db, call.archive, "facets", count_facets)
    figures = call.room.counted.get(call.db, call.archive, "home", lambda db: count_home(db, cube))
    coverage = call.room.counted.get_soon(call.db, call.archive, "coverage", measure_coverage)
    return read_home(call.db, figures, coverage, call.room.wording.reason_text)


def _coverage(call: PageCall) -> object:
    return show_coverage(call.room.counted.get_soon(call.db, call.archive, "coverage", measure_coverage))


def _changes(call: PageCall) -> object:
    return list_changes(call.db, call.arguments, call.room.wording.edit_summary)


def _capture(call: PageCall) -> object:
    return read_capture(call.db, call.arguments.number("id"), call.archive.path.parent)


def _review(call: PageCall) -> object:
    return read_review(call.db, waiting_reviews(call.archive.path))


def _page_review(call: PageCall) -> object:
    return read_page_review(call.db, waiting_reviews(call.archive.path))


PAGES: tuple[PageRoute, ...] = (
    PageRoute("", "home.html", "home", _home),
    PageRoute("articles", "articles.html", "articles", _articles),
    PageRoute("article/{id:digits}", "article.html", "articles", _article),
    PageRoute("article/{id:digits}/diff", "diff.html", "changes", lambda call: compare(call.db, call.arguments)),
    PageRoute("capture/{id:digits}", "capture.html", "articles", _capture),
    PageRoute("changes", "changes.html", "changes", _changes),
    PageRoute("coverage", "coverage.html", "coverage", _coverage),
    PageRoute("coverage/urls", "covered_urls.html", "coverage", lambda call: list_urls(call.db, call.arguments)),
    PageRoute("url/{id:digits}", "url.html", "coverage", lambda call: read_url(call.db, call.arguments.number("id"))),
    PageRoute("review", "review.html", "review", _review),
    PageRoute("review/pages", "page_review.html", "review", _page_review),
    PageRoute("rules", "rules.html", "rules", lambda call: read_rules(call.db, call.arguments)),
    PageRoute("rule/{id:digits}", "rule.html", "rules", lambda call: read_rule(call.db, call.arguments.number("id"))),
    PageRoute("layouts", "layouts.html", "rules", lambda call: read_layouts(call.db)),
    PageRoute("ruling", "ruling.html", "articles", lambda call: preview(call.db, call.arguments)),
)


def page_routes(room: Room) -> Iterator[Route]:
    """The routes of all pages and of their JSON twins."""
    yield Route("/", _front_page(room))
    yield Route("/index.json", lambda request: room.renderer.json(list_archives(room.library)))  # noqa: ARG005
    for page in PAGES:
        yield Route(f"/{{archive}}/{page.path or 'index'}.json", _handler(room, page, as_json=True))
        yield Route(f"/{{archive}}/{page.path}", _handler(room, page, as_json=False))


def _front_page(room: Room) -> Callable[[Request], Response]:
    """The list of archives; where there is one, that."""

    def show(request: Request) -> Response:  # noqa: ARG001
        names = list(room.library.archives)
        if len(names) == 1:
            return RedirectResponse(address(names[0], ""), 303)
        return room.renderer.html("archives.html", list_archives(room.library), room.frame())

    return show


def _handler(room: Room, page: PageRoute, *, as_json: bool) -> Callable[[Request], Response]:
    def show(request: Request) -> Response:
        archive = room.archive(request.path_params["archive"])
        arguments = arguments_of(request, request.query_params.multi_items())
        with archive.open() as db:
            view = page.build(PageCall(room, archive, db, arguments))
        if as_json:
            return room.renderer.json(view)
        frame = room.frame(archive, page.section, _twin(request, page), arguments.values)
        return room.renderer.html(page.template, view, frame)

    return show


def arguments_of(request: Request, pairs: Sequence[tuple[str, str]]) -> Arguments:
    """The arguments of a request: those of its path go before others of the same name."""
    path_values = {name: str(value) for name, value in request.path_params.items()}
    return Arguments({**dict(pairs), **path_values})


def _twin(request: Request, page: PageRoute) -> str:
    """The address of a page as JSON."""
    path = request.url.path + ("" if page.path else "index") + ".json"
    return path + (f"?{request.url.query}" if request.url.query else "")
