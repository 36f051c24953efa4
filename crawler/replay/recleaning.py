"""Pages of an archive cleaned again from their raw responses, in worker processes, without a network.

Pages of the current cleaner are left out, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlite_utils import Database

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import ExtractorUse, UrlSource
from broadsheet.cleaners.judge.site_rule_files import SiteRuleFile, SiteRuleFolder
from broadsheet.cleaners.lineage import lineage, site_rules_digest
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.archive_file import check_room, database_bytes
from broadsheet.output.archive.article_storage import changes_made_now
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.page_rows import PageRows, lineage_id, with_evidence
from broadsheet.output.archive.stored_text import storable_text
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind
from broadsheet.output.settle.own_reading import PageChange, RecleanTally, compare_readings, read_own_reading
from broadsheet.output.settle.recleaned_pages import (
    RawPage,
    RecleanedPage,
    begin_reclean,
    end_reclean,
    pages_with_raw,
    replace_page,
    store_batch,
)
from broadsheet.output.write.corrections import told_articles, uncleaned_pages
from broadsheet.output.write.run_records import latest_site_rules
from broadsheet.output.write.url_queue import QueuedUrl

from ..crawl.worker_jobs import CrawlPolicy, PageJob, process_page
from ..discovery.scope import Scope
from ..options import CrawlOptions
from ..workers.pool import WorkerError, WorkerPool, run_bounded
from ..workers.worker import process_count
from .recorded_response import RecordedResponse, UnreadResponse, try_read_response


def reclean_page(page: RawPage, folder: str, packed_policy: bytes) -> PageRows | UnreadResponse:
    """Read a page's raw response and clean it. `folder` is the database (`warc_folders.record_file`)."""
    response = _read_raw(page, folder)
    if isinstance(response, UnreadResponse):
        return response
    queued_url = QueuedUrl(page.id, page.url, page.host, UrlKind.PAGE, 0, 0, 0, UrlSource.LINK, "", "")
    fetched_at = datetime.fromisoformat(page.fetched_at)
    job = PageJob(response.page(page.fetched_at), queued_url, fetched_at)
    return with_evidence(process_page(job, packed_policy).page, *response.evidence)


def hear_extractor_again(
    page: RawPage, folder: str, rules: Sequence[SiteRuleFile]
) -> tuple[tuple[str, bool], ...] | UnreadResponse:
    """Read a page's raw response; return the stored text of each block, and whether trafilatura selects it."""
    response = _read_raw(page, folder)
    if isinstance(response, UnreadResponse):
        return response
    cleaned = clean(response.page(page.fetched_at), rules, ExtractorUse.ALWAYS)
    return tuple(
        (storable_text(block.text), any(vote.voter == "extractor" for vote in verdict.votes))
        for block, verdict in zip(cleaned.blocks, cleaned.verdicts, strict=True)
    )


def _read_raw(page: RawPage, folder: str) -> RecordedResponse | UnreadResponse:
    """Read a page's raw response under its final URL, with all faults of its record."""
    if page.record_location is None:
        return UnreadResponse(OutcomeReason.RAW_MISSING, "the archive has no raw response of this page")
    response = try_read_response(page.record_location, page.body_location, Path(folder))
    if isinstance(response, UnreadResponse):
        return response
    faults = tuple(dict.fromkeys((*response.faults, *page.record_faults)))
    return replace(response, url=page.final_url, faults=faults)


def clean_as_told(db: Database, folder: Path) -> int:
    """Clean the pages again whose kind a person has just changed; return how many could not be read.

    Uses the site rules of the last run. Settle the archive afterwards.
    """
    options = CrawlOptions((), site_rules=latest_site_rules(db))
    unread = 0
    for page_id in uncleaned_pages(db):
        page = next(pages_with_raw(db, page_id), None)
        is_there = page is not None and page.id == page_id and page.record_location is not None
        rows = reclean_page(page, str(folder), _packed_policy(db, options)) if page and is_there else None
        if page is None or not isinstance(rows, PageRows):
            unread += 1
            continue
        with write_transaction(db), changes_made_now(db, utc_now):
            replace_page(db, page, rows, "", "")
    return unread


def _packed_policy(db: Database, options: CrawlOptions) -> bytes:
    return CrawlPolicy(Scope(frozenset()), options, "broadsheet", told_articles(db)).packed()


_PAGES_PER_WORKER = 4  # pages under way for each worker
_MAX_BATCH = 32  # pages that one transaction takes
_MAX_EXAMPLES = 200  # changes that are kept to be shown
_MAX_LINES_PER_REASON = 10  # pages that cannot be cleaned for one reason that are named; all are counted
_SHOWN_KINDS = ("changed", "gained", "lost")


@dataclass(slots=True)
class RecleanFindings:
    """Findings of a run: counts of changes, some changes in full, and counts of unchanged pages by cause."""

    tally: RecleanTally = field(default_factory=RecleanTally)
    examples: list[PageChange] = field(default_factory=list)
    unchanged_counts: Counter[str] = field(default_factory=Counter)

    @property
    def pages(self) -> int:
        """Return the number of pages that were cleaned again."""
        return self.tally.pages_by_kind.total()

    def add(self, change: PageChange) -> None:
        """Count a change, and keep it as an example if its kind is shown."""
        self.tally.add(change)
        if change.kind in _SHOWN_KINDS and len(self.examples) < _MAX_EXAMPLES:
            self.examples.append(change)


class Recleaner:
    """Run that cleans pages of an archive again. `print_line` is called for some of the pages that cannot be
    cleaned.
    """

    def __init__(self, db: Database, folder: Path, options: CrawlOptions, print_line: Callable[[str], None]) -> None:
        self._db = db
        self._folder = str(folder)
        self._print_line = print_line
        self._site_rules = SiteRuleFolder(options.site_rules) if options.site_rules else None
        self._extractor_use = options.extractor or ExtractorUse.IN_DOUBT
        self._packed_policy = _packed_policy(db, options)
        self._uncleaned_pages = frozenset(uncleaned_pages(db))
        self._current_lineage = lru_cache(maxsize=10_000)(self._find_current_lineage)
        self._batch: list[RecleanedPage] = []
        self._reclean_id = 0
        self.findings = RecleanFindings()
        self.is_stopping = False

    async def dry_run(self, *, include_current: bool, worker_count: int = 0) -> None:
        """Find the changes, and write nothing."""
        await self._reclean_pages(include_current, worker_count)

    async def write(self, run_id: int, *, include_current: bool, worker_count: int = 0) -> int:
        """Clean the pages, store the changes, and return the number of the run's reclean.

        `worker_count` 0 means one per processor. `include_current` also cleans pages made by the current cleaner.
        Raises NotReachable, with nothing changed, if the disk cannot hold every page a second time.
        """
        self._check_room(include_current)
        self._reclean_id = begin_reclean(self._db, run_id)
        try:
            await self._reclean_pages(include_current, worker_count)
        finally:
            self._store_batch()
        if not self.is_stopping:
            end_reclean(self._db, self._reclean_id)
        return self._reclean_id

    def _check_room(self, include_current: bool) -> None:
        """Raise NotReachable if there are pages to clean and the disk cannot hold their new versions."""
        try:
            check_room(Path(self._folder).parent, database_bytes(self._db), "cleaning again")
        except NotReachable:
            if any(self._is_to_clean(page, include_current) for page in pages_with_raw(self._db)):
                raise
            self.findings = RecleanFindings()

    async def _reclean_pages(self, include_current: bool, worker_count: int) -> None:
        worker_count = process_count(worker_count)
        workers = WorkerPool(worker_count)
        pages = (page for page in pages_with_raw(self._db) if self._is_to_clean(page, include_current))
        try:
            await run_bounded(
                pages,
                lambda page: self._reclean_one_page(page, workers),
                worker_count * _PAGES_PER_WORKER,
                lambda: self.is_stopping,
            )
        finally:
            workers.close()

    def _is_to_clean(self, page: RawPage, include_current: bool) -> bool:
        is_wanted = include_current or page.id in self._uncleaned_pages
        if not is_wanted and page.cleaner_id == self._current_lineage(page.host):
            self.findings.unchanged_counts["current"] += 1
        elif page.record_location is None:
            self.findings.unchanged_counts["no_raw"] += 1
        else:
            return True
        return False

    def _find_current_lineage(self, host: str) -> int:
        """Return the id of the current cleaner for a host: its version, models and the site rules of the host."""
        site_rules = self._site_rules.for_host(host) if self._site_rules else ()
        return lineage_id(replace(lineage(self._extractor_use), site_rules=site_rules_digest(site_rules)))

    async def _reclean_one_page(self, page: RawPage, workers: WorkerPool) -> None:
        try:
            result = await workers.run(reclean_page, page, self._folder, self._packed_policy)
        except WorkerError as error:
            result = UnreadResponse(error.reason, str(error))
        if isinstance(result, UnreadResponse):
            self.findings.unchanged_counts[result.reason] += 1
            if self.findings.unchanged_counts[result.reason] <= _MAX_LINES_PER_REASON:
                self._print_line(f"{page.url}: {result.detail}; left as it is")
        else:
            self._note_change(page, result)

    def _note_change(self, page: RawPage, new_page: PageRows) -> None:
        old_page = read_own_reading(self._db, page.id, new_page)
        if old_page is None or old_page.capture_id != page.capture_id:
            return
        self.findings.add(compare_readings(old_page, new_page))
        if self._reclean_id:
            self._batch.append(RecleanedPage(page, old_page, new_page))
            if len(self._batch) >= _MAX_BATCH:
                self._store_batch()

    def _store_batch(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            store_batch(self._db, self._reclean_id, batch, utc_now)
