"""Takedowns in the archives of a fleet: what is left to do in each, and each done beside the list or in the store.

Done are all patterns in one opening of an archive, and the file is written anew once. A run that was killed is gone on
with: an archive notes what is not finished, and a site's head in a store names what is to be done.
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
from broadsheet.output.write.archive_writer import Archive, UnfinishedTakedown, take_down_or_note
from broadsheet.output.write.takedowns import Takedown, finish_takedowns, plan_takedown, take_down, waiting_takedowns

from ..cli.archive_access import told_faults
from .object_store import ObjectStore, StoreError
from .site_copies import fetch_warc_files
from .site_head import Overtaken
from .site_task import SiteEnd


@dataclass(frozen=True, slots=True)
class SiteTakedowns:
    """The takedowns that concern a site's archive: of patterns with a URL, a host or an earlier takedown in it.

    `is_open` unless all of them are noted there, nothing is stored for their URLs, and no takedown is unfinished.
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
    is_unfinished = bool(known) and waiting_takedowns(db) is not None
    is_open = is_unfinished or any(plan.pattern not in noted or not plan.is_empty for plan in known)
    return SiteTakedowns(database_file(db), known, is_open)


def _knows_host(db: Database, pattern: str) -> bool:
    """Return whether an archive has URLs of a pattern's host, so that it may find such a URL later."""
    query = "SELECT 1 FROM urls WHERE host <> '' AND host GLOB ? LIMIT 1"
    return bool(db.execute(query, [host_of(pattern)]).fetchone())


def take_down_beside(file: Path, patterns: Iterable[str], note: str) -> list[str]:
    """Take patterns down in an archive beside the list; return the WARC files that wait to be erased.

    InUse if that is noted and not finished, as while a crawl owns the archive.
    """
    with told_faults(str(file)):
        return take_down_or_note(file, [(pattern, note) for pattern in patterns])


def take_down_fetched(store: ObjectStore, file: Path, patterns: Sequence[str], note: str) -> list[str]:
    """Take patterns down in a site's local copy, for which the WARC files come that have their records."""
    with Archive.open(file) as archive:
        names: set[str] = set()
        for pattern in patterns:
            plan_takedown(archive.db, pattern)
            names.update(needed_files(archive.db))
    fetch_warc_files(store, file, sorted(names))
    with told_faults(str(file)), Archive.open(file) as archive:
        for pattern in patterns:
            take_down(archive.db, pattern, note)
        if problem := finish_takedowns(archive.db):
            raise UnfinishedTakedown(problem)
        return waiting_files(archive.db)


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
