"""Search over all archives of a folder, texts included: the best hits of each archive, and how many it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..archive.archive_errors import ArchiveError
from ..read.search import SearchHit, hits_of_articles
from .article_list import FACETS, ArticleCounts, ListRequest, Selection
from .facets import Facet, make_facet
from .library import ArchiveFile, Library
from .strict_requests import Arguments

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
