"""The archives of a folder, each in a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from broadsheet.output.browse.library import Library
from broadsheet.output.db.errors import ArchiveError

_LINE = """SELECT (SELECT count(*) FROM articles INDEXED BY articles_listed),
    (SELECT group_concat(host, ', ') FROM (SELECT DISTINCT host FROM articles ORDER BY host LIMIT 4)),
    coalesce((SELECT max(started_at) FROM runs), '')"""


@dataclass(frozen=True, slots=True)
class ArchiveLine:
    """An archive: its name in addresses, its file, its size in bytes, its articles, some hosts, its last run; and what
    is wrong with it, in which case the rest is empty."""

    name: str
    path: str
    size: int = 0
    articles: int = 0
    hosts: str = ""
    last_run: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveIndex:
    """All archives of the room."""

    archives: tuple[ArchiveLine, ...]


def list_archives(library: Library) -> ArchiveIndex:
    """The archives by name; one that has come to harm says so."""
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
