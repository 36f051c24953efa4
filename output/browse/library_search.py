"""Search over all archives of a folder, texts included: the best hits of each archive, and how many it has."""

from __future__ import annotations

from dataclasses import dataclass

from ..archive.archive_errors import ArchiveError
from ..read.search import SearchHit, hits_of_articles, rank_articles
from .article_list import MOST_HITS
from .library import ArchiveFile, Library
from .strict_requests import Arguments

SHOWN_HITS = 5
"""Hits that are shown of each archive: more stand in its own list."""


@dataclass(frozen=True, slots=True)
class ArchiveHits:
    """The hits in an archive, best first; `is_cut` says that there are more than `total`.

    `fault` says why the archive cannot be read, empty if it can.
    """

    archive: str
    total: int
    is_cut: bool
    hits: tuple[SearchHit, ...]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class LibrarySearch:
    """A search over a folder: the archives with hits, those with most of them first, then those with a fault."""

    query: str
    total: int
    archives: tuple[ArchiveHits, ...]


def search_library(library: Library, arguments: Arguments) -> LibrarySearch:
    """Search all archives for the words of argument `q`. A query without a word finds nothing."""
    query = arguments.text("q")
    found = [_search_archive(archive, query) for archive in library.archives.values()] if query else []
    listed = sorted((line for line in found if line.total or line.fault), key=lambda line: -line.total)
    return LibrarySearch(query, sum(line.total for line in listed), tuple(listed))


def _search_archive(archive: ArchiveFile, query: str) -> ArchiveHits:
    try:
        with archive.open() as db:
            ranked = rank_articles(db, query, MOST_HITS + 1)
            shown = ranked[:SHOWN_HITS]
            hits = hits_of_articles(db, query, shown)
    except ArchiveError as error:
        return ArchiveHits(archive.name, 0, False, (), str(error))
    in_order = tuple(hits[number] for number in shown if number in hits)
    return ArchiveHits(archive.name, min(len(ranked), MOST_HITS), len(ranked) > MOST_HITS, in_order)
