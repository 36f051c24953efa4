"""Front pages: the archives of a folder, a search over them all, and of one archive its newest articles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlite_utils import Database

from ..archive.archive_errors import ArchiveError
from ..archive.pictures import ShownPicture, pictures_of_article
from ..archive.stored_values import utc_now
from ..read.archive_facts import ArchiveFacts
from ..read.judgement import Severity, calm_sentence, judge
from ..read.run_letter import RunLetter
from ..read.search import SearchHit, hits_of_articles
from .article_list import FACETS, ArticleCounts, ListedArticle, ListRequest, Selection, list_articles
from .facets import Facet, make_facet
from .library import ArchiveFile, Library
from .report_page import ArchiveTotals
from .strict_requests import Arguments

NEWEST = 12
"""Articles on the front page."""

_LINE = """SELECT (SELECT count(*) FROM articles INDEXED BY articles_listed),
    (SELECT group_concat(host, ', ') FROM (SELECT DISTINCT host FROM articles ORDER BY host LIMIT 4)),
    coalesce((SELECT max(started_at) FROM runs), '')"""


class ArchiveLine(NamedTuple):
    """An archive: its name in addresses, its file, its size in bytes, its articles, some hosts, its last run; and what
    is wrong with it, in which case the rest is empty.
    """

    name: str
    path: str
    size: int = 0
    articles: int = 0
    hosts: str = ""
    last_run: str = ""
    fault: str = ""


class ArchiveIndex(NamedTuple):
    """All archives of the room."""

    archives: tuple[ArchiveLine, ...]


def list_archives(library: Library) -> ArchiveIndex:
    """List the archives by name, each with its figures or the reason why it cannot be read."""
    return ArchiveIndex(tuple(_lines(library)))


def _lines(library: Library) -> Iterator[ArchiveLine]:
    for archive in library.archives.values():
        try:
            with archive.open() as db:
                articles, hosts, last_run = db.execute(_LINE).fetchone()
            size = archive.path.stat().st_size
            yield ArchiveLine(archive.name, str(archive.path), size, articles, hosts or "", last_run)
        except (ArchiveError, OSError) as error:
            yield ArchiveLine(archive.name, str(archive.path), fault=str(error))


class NewArticle(NamedTuple):
    """An article on the front page, and its lead picture if the archive has one."""

    article: ListedArticle
    picture: ShownPicture | None


class HomePage(NamedTuple):
    """The front page of an archive: the letter of its last run, its newest articles, and how many things need a look;
    None: being counted.

    `calm` is the sentence for none. `list` are the arguments of the list that the articles begin.
    """

    totals: ArchiveTotals
    newest: tuple[NewArticle, ...]
    list: str
    looks: int | None
    calm: str
    letter: RunLetter | None


def read_home(
    db: Database,
    totals: ArchiveTotals,
    counts: ArticleCounts,
    facts: ArchiveFacts | None = None,
    letter: RunLetter | None = None,
) -> HomePage:
    """Read the front page; `facts` is what the archive is judged by, None like `letter` while it is being gathered."""
    listed = list_articles(db, ListRequest("", {}, "newest", 1), counts)
    newest = (
        NewArticle(article, next(pictures_of_article(db, article.id), None)) for article in listed.articles[:NEWEST]
    )
    looks = judge(facts, utc_now()) if facts else ()
    urgent = None if facts is None else sum(look.severity != Severity.NOTE for look in looks)
    return HomePage(totals, tuple(newest), listed.list, urgent, calm_sentence(looks), letter)


SHOWN_HITS = 5
"""Hits that are shown of each archive: more stand in its own list."""


class ArchiveHits(NamedTuple):
    """The hits in an archive, best first; `is_cut` says that there are more than `total`.

    `fault` says why the archive cannot be read, empty if it can. `list` are the arguments of its own list of them.
    """

    archive: str
    total: int
    is_cut: bool
    hits: tuple[SearchHit, ...]
    list: str = ""
    fault: str = ""


class LibrarySearch(NamedTuple):
    """A search over a folder: the archives with hits, those with most of them first, then those with a fault.

    `facets` narrow it; `chosen` are the values that it is narrowed to.
    """

    query: str
    total: int
    archives: tuple[ArchiveHits, ...]
    facets: tuple[Facet, ...]
    chosen: Mapping[str, str]


def search_library(library: Library, arguments: Arguments) -> LibrarySearch:
    """Search all archives for the words of argument `q`, within the facets. A query without a word finds nothing."""
    request, rows = ListRequest.of(arguments), list[Sequence[Any]]()
    found = [_search_archive(archive, request, rows) for archive in library.archives.values()] if request.query else []
    listed = sorted((line for line in found if line.total or line.fault), key=lambda line: -line.total)
    facets = tuple(make_facet(rows, FACETS, name, request.facets) for name in FACETS)
    return LibrarySearch(request.query, sum(line.total for line in listed), tuple(listed), facets, request.facets)


def _search_archive(archive: ArchiveFile, request: ListRequest, rows: list[Sequence[Any]]) -> ArchiveHits:
    """Search an archive, and add the counts of its hits by their facets to `rows`."""
    try:
        with archive.open() as db:
            selection = Selection(db, request, ArticleCounts(()))
            rows += selection.rows
            shown = selection.ids(SHOWN_HITS)
            hits = hits_of_articles(db, request.query, shown)
    except ArchiveError as error:
        return ArchiveHits(archive.name, 0, False, (), fault=str(error))
    in_order = tuple(hits[number] for number in shown if number in hits)
    return ArchiveHits(archive.name, selection.total, selection.is_cut, in_order, request.arguments)
