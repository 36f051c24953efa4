"""Takedowns in the archives of a fleet: what is left to do in each, and each done beside the list or in the store.

Done are all patterns in one opening of an archive, and the file is read through once. A run that was killed is gone on
with: an archive beside the list has a mark until nothing is left in its bytes, a site's head in a store names what is
to be done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.archive_errors import ArchiveError, InUse
from broadsheet.output.archive.archive_file import database_file
from broadsheet.output.raw.erasure import needed_files, waiting_files
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import Takedown, erase_remains, plan_takedown, take_down

from ..cli.archive_access import told_faults
from .object_store import ObjectStore, StoreError
from .site_copies import fetch_warc_files
from .site_head import Overtaken
from .site_states import takedown_digest
from .site_task import SiteEnd


@dataclass(frozen=True, slots=True)
class SiteTakedowns:
    """The takedowns that concern a site's archive: of patterns with a URL, a host or an earlier takedown in it.

    `is_open` unless all of them are noted there and nothing is stored for their URLs.
    """

    archive: Path
    takedowns: tuple[Takedown, ...]
    is_open: bool

    @property
    def patterns(self) -> tuple[str, ...]:
        """Return the patterns of the takedowns."""
        return tuple(takedown.pattern for takedown in self.takedowns)


def plan_takedowns(db: Database, patterns: Iterable[str]) -> SiteTakedowns:
    """Compute which patterns concern an archive, and what they would remove. A read-only connection is enough."""
    noted = {pattern for (pattern,) in db.execute("SELECT pattern FROM takedowns").fetchall()}
    planned = [plan_takedown(db, pattern) for pattern in patterns]
    known = tuple(plan for plan in planned if plan.urls or plan.pattern in noted or _knows_host(db, plan.pattern))
    is_open = any(plan.pattern not in noted or not plan.is_empty for plan in known)
    return SiteTakedowns(database_file(db), known, is_open)


def _knows_host(db: Database, pattern: str) -> bool:
    """Return whether an archive has URLs of a pattern's host, so that it may find such a URL later."""
    query = "SELECT 1 FROM urls WHERE host <> '' AND host GLOB ? LIMIT 1"
    return bool(db.execute(query, [host_of(pattern)]).fetchone())


def take_down_beside(file: Path, mark: Path, patterns: Iterable[str], note: str) -> list[str]:
    """Take patterns down in an archive beside the list; `mark` is a file that is there until nothing of it is left.

    Returns the WARC files that wait to be erased. InUse while a crawl owns the archive.
    """
    with told_faults(str(file)), Archive.open(file) as archive:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        _take_down_all(archive.db, patterns, note)
        erase_remains(archive.db)
        mark.unlink()
        return waiting_files(archive.db)


def take_down_fetched(store: ObjectStore, file: Path, patterns: Sequence[str], note: str) -> list[str]:
    """Take patterns down in a site's local copy, for which the WARC files come that have their records.

    Bringing it home rewrites the file, unless what is noted as taken down was noted before.
    """
    noted_before = takedown_digest(file)
    with Archive.open(file) as archive:
        names: set[str] = set()
        for pattern in patterns:
            plan_takedown(archive.db, pattern)
            names.update(needed_files(archive.db))
    fetch_warc_files(store, file, sorted(names))
    with told_faults(str(file)), Archive.open(file) as archive:
        _take_down_all(archive.db, patterns, note)
        if takedown_digest(file) == noted_before:
            erase_remains(archive.db)
        return waiting_files(archive.db)


def _take_down_all(db: Database, patterns: Iterable[str], note: str) -> None:
    for pattern in patterns:
        take_down(db, pattern, note)


@dataclass(frozen=True, slots=True)
class TakedownResult:
    """The result of a site: how it ended, and the WARC files that wait to be erased, or what is wrong in a line."""

    name: str
    end: SiteEnd
    lines: tuple[str, ...]


def in_turn(names: Iterable[str], work: Callable[[str], Sequence[str]]) -> Iterator[TakedownResult]:
    """Do the work of sites one after the other, and yield what came of each."""
    for name in names:
        try:
            yield TakedownResult(name, SiteEnd.DONE, tuple(work(name)))
        except (InUse, Overtaken) as error:
            yield TakedownResult(name, SiteEnd.IN_USE, (str(error),))
        except (StoreError, ArchiveError, sqlite3.Error, OSError) as error:
            yield TakedownResult(name, SiteEnd.FAILED, (str(error),))
