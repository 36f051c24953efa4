"""The pages of a data set: its front page, its articles, one of them; and their JSON twins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from sqlite_utils import Database
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broadsheet.output.browse.arguments import Arguments, NotHereError
from broadsheet.output.browse.library import CatalogueFile
from broadsheet.output.browse.queries.collection import list_collection, read_collection, read_collection_article
from broadsheet.output.browse.rendering import PageFrame
from broadsheet.output.browse.room import Room
from broadsheet.output.browse.routes.pages import arguments_of

HOME = "/collection/"

_Build = Callable[[Database, Arguments, Path], object]


def collection_routes(room: Room, catalogue: CatalogueFile) -> Iterator[Route]:
    """The routes of a room over one data set."""
    pages: tuple[tuple[str, str, _Build], ...] = (
        ("", "collection.html", lambda db, arguments, folder: read_collection(db)),  # noqa: ARG005
        ("articles", "collection_articles.html", lambda db, arguments, folder: list_collection(db, arguments)),  # noqa: ARG005
        ("article/{id:digits}", "collection_article.html", _read_article),
    )
    yield Route("/", lambda request: RedirectResponse(HOME, 303))  # noqa: ARG005
    for path, template, build in pages:
        yield Route(f"{HOME}{path or 'index'}.json", _handler(room, catalogue, "", build))
        yield Route(f"{HOME}{path}", _handler(room, catalogue, template, build))


def _read_article(db: Database, arguments: Arguments, folder: Path) -> object:
    return read_collection_article(db, arguments.number("id"), partial(read_markdown, folder))


def _handler(room: Room, catalogue: CatalogueFile, template: str, build: _Build) -> Callable[[Request], Response]:
    """Answers with a page by a template, or with its value as JSON where there is none."""

    def show(request: Request) -> Response:
        arguments = arguments_of(request, request.query_params.multi_items())
        with catalogue.open() as db:
            view = build(db, arguments, catalogue.path.parent)
        if not template:
            return room.renderer.json(view)
        path = request.url.path
        query = f"?{request.url.query}" if request.url.query else ""
        twin = f"{path}index.json" if path == HOME else f"{path}.json"
        frame = PageFrame(may_write=room.may_write, twin=twin + query, collection=catalogue.name)
        return room.renderer.html(template, view, frame)

    return show


def read_markdown(folder: Path, names: Sequence[str], article_id: int) -> str | None:
    """An article's Markdown from the data set's files of these names. NotHereError if they cannot be read."""
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise NotHereError("reading its text needs pip install 'broadsheet[dataset]'") from error
    for name in names:
        file = (folder / name).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise NotHereError("the catalogue names a file that is not of the data set")
        try:
            table = pq.ParquetFile(file).schema_arrow
            rows = pq.read_table(file, columns=["markdown"], filters=[("id", "=", article_id)], partitioning=None)
        except (OSError, ValueError) as error:
            raise NotHereError(f"{name} cannot be read; run broadsheet dataset again") from error
        if "markdown" in table.names and rows.num_rows:
            return str(rows.column("markdown")[0].as_py() or "")
    return None
