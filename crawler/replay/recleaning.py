"""Cleaning an archive again from its raw responses, in worker processes, without a network.

A page that the current cleaner made already is left out, so a run that was cut off goes on where it stood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from sqlite_utils import Database

from cleaners.lineage import lineage, site_rules_digest
from cleaners.site_rules.folder import SiteRules
from crawler.answers.worker_jobs import Rules
from crawler.discovery.scope import Scope
from crawler.options import CrawlOptions
from crawler.replay.reclean_job import Unread, clean_again
from crawler.workers.bounded_tasks import pump
from crawler.workers.pool import WorkerError, Workers
from crawler.workers.worker import processes
from output.db.clock import utc_now
from output.reclean.changes import PageChange, Tally, change_of
from output.reclean.own_reading import own_reading
from output.reclean.replace import Again, RawPage, begin, finish, pages_with_raw, store
from output.store.lineage import lineage_id
from output.store.page_rows import PreparedPage

_AHEAD = 4  # pages under way for each worker
_BATCH = 32  # pages that one transaction takes
_EXAMPLES = 200  # changes that are kept to be shown
_TOLD = 10  # pages that cannot be cleaned for one reason that are named; all are counted
_SHOWN_KINDS = ("changed", "gained", "lost")


@dataclass(slots=True)
class Findings:
    """What a run came to: changes counted, some of them whole, and pages left as they are, by why."""

    tally: Tally = field(default_factory=Tally)
    examples: list[PageChange] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)

    @property
    def pages(self) -> int:
        """Pages cleaned again."""
        return self.tally.pages.total()

    def note(self, change: PageChange) -> None:
        """Count a change, and keep it if it is one to show."""
        self.tally.note(change)
        if change.kind in _SHOWN_KINDS and len(self.examples) < _EXAMPLES:
            self.examples.append(change)


class Recleaning:
    """Cleans the pages of an archive again. With `run` 0 nothing is written."""

    def __init__(self, db: Database, folder: Path, site_rules: str, tell: Callable[[str], None]) -> None:
        self._db = db
        self._folder = str(folder)
        self._tell = tell
        self._site_rules = SiteRules(site_rules) if site_rules else None
        self._packed = Rules(Scope(frozenset()), CrawlOptions((), site_rules=site_rules), "broadsheet").packed()
        self._current = lru_cache(maxsize=10_000)(self._current_of)
        self._batch: list[Again] = []
        self._run = 0
        self.found = Findings()
        self.stopping = False

    async def dry_run(self, *, every: bool, count: int = 0) -> None:
        """See what would change."""
        await self._work(every, count)

    async def write(self, options: Mapping[str, object], *, every: bool, count: int = 0) -> int:
        """Do it, with `count` workers (0: one a processor), and return the run's number. `every`: also the pages that
        the current cleaner made."""
        self._run = begin(self._db, utc_now(), options)
        try:
            await self._work(every, count)
        finally:
            self._store()
        if not self.stopping:
            finish(self._db, self._run, utc_now(), self.found.tally.as_counts())
        return self._run

    async def _work(self, every: bool, count: int) -> None:
        count = processes(count)
        workers = Workers(count)
        wanted = (page for page in pages_with_raw(self._db) if self._is_wanted(page, every))
        try:
            await pump(wanted, lambda page: self._one(page, workers), count * _AHEAD, lambda: self.stopping)
        finally:
            workers.close()

    def _is_wanted(self, page: RawPage, every: bool) -> bool:
        if not every and page.cleaner_id == self._current(page.host):
            self.found.left["current"] += 1
        elif page.place is None:
            self.found.left["no_raw"] += 1
        else:
            return True
        return False

    def _current_of(self, host: str) -> int:
        """The number of the cleaner that runs here, for a host."""
        rules = self._site_rules.for_host(host) if self._site_rules else ()
        return lineage_id(replace(lineage(), site_rules=site_rules_digest(rules)))

    async def _one(self, page: RawPage, workers: Workers) -> None:
        try:
            made = await workers.run(clean_again, page, self._folder, self._packed)
        except WorkerError as error:
            made = Unread(error.reason, str(error))
        if isinstance(made, Unread):
            self.found.left[made.reason] += 1
            if self.found.left[made.reason] <= _TOLD:
                self._tell(f"{page.url}: {made.detail}; left as it is")
        else:
            self._compare(page, made)

    def _compare(self, page: RawPage, made: PreparedPage) -> None:
        old = own_reading(self._db, page.id)
        if old is None or old.capture_id != page.capture_id:
            return
        self.found.note(change_of(old, made))
        if self._run:
            self._batch.append(Again(page, old, made))
            if len(self._batch) >= _BATCH:
                self._store()

    def _store(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            store(self._db, self._run, batch, utc_now)
