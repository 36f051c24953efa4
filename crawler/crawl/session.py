"""Session of a crawl on one archive: the file and its lock, writer, queue, bounds, and the run's record."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.lineage import CLEANER_VERSION
from broadsheet.cleaners.page.canonical_urls import host_of, is_probably_media
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind, UrlState
from broadsheet.output.raw.warc_folders import Recovery
from broadsheet.output.read.article_rows import iter_articles
from broadsheet.output.write.alarms import survey
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.corrections import told_articles
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.picture_queue import lacks_page_files
from broadsheet.output.write.revisit_schedule import RevisitPolicy, UpdateRun, Watch, conditional_headers
from broadsheet.output.write.run_records import crawl_options, queue_unfetched, unfinished_update_start
from broadsheet.output.write.takedowns import unless_forgotten
from broadsheet.output.write.url_bounds import PatternLimits
from broadsheet.output.write.url_queue import (
    UNREACHED_HOSTS,
    LeftOutUrl,
    PassingReason,
    Queue,
    QueuedUrl,
    queue_left_out,
)

from .. import __version__
from ..discovery.found_rows import is_followed
from ..discovery.scope import Scope
from ..discovery.traps import trap_reason
from ..options import PAGE, CrawlOptions
from ..workers.settle_pool import settle_in_processes
from .outcome_writer import Writer
from .robots_rules import DIRECTIVE_REASONS


def widened_reasons(options: CrawlOptions, earlier: Mapping[str, Any]) -> tuple[OutcomeReason, ...]:
    """Return the reasons that excluded URLs from the last crawl, and may not apply any more.

    `earlier` has the crawl's options then, as the row of its run has them.
    """
    depth, since = earlier.get("max_depth"), earlier.get("since")
    patterns = [list(earlier.get(name) or ()) for name in ("include", "exclude")]
    languages = set(earlier.get("languages") or ())
    is_widened = {
        OutcomeReason.DEPTH: depth is not None and (options.max_depth is None or options.max_depth > depth),
        OutcomeReason.PATTERN: any(patterns) and patterns != [list(options.include), list(options.exclude)],
        OutcomeReason.TOO_OLD: bool(since) and (options.since is None or options.since.isoformat() < str(since)),
        OutcomeReason.LANGUAGE: bool(languages) and not (options.languages and languages.issuperset(options.languages)),
    }
    return tuple(reason for reason, is_true in is_widened.items() if is_true)


def is_within(scope: Scope, options: CrawlOptions, row: LeftOutUrl) -> bool:
    """Return whether to fetch a URL that was left out before: a page in scope, or a sitemap or feed of the hosts.

    Its source must be followed; files and traps stay out.
    """
    if not is_followed(row.found_via, options):
        return False
    if row.kind != UrlKind.PAGE:
        return host_of(row.url).removeprefix("www.") in {host for host, _ in scope.roots}
    return scope.decide(row.url, row.depth).should_fetch and not trap_reason(row.url) and not is_probably_media(row.url)


_LIBRARIES = ("scrapy", "trafilatura", "lxml", "sqlite-utils")
SEED_PRIORITY = 100


@dataclass(frozen=True, slots=True)
class AllowedTargets:
    """Additional targets that this run may request: further ports, and private addresses."""

    ports: frozenset[int] = frozenset()
    private_addresses: bool = False


class CrawlSession:
    """Owns the archive from `open` to `close`. Outcomes are stored by a writer thread; reads use their own
    connection.
    """

    def __init__(self, archive: Archive, read_db: Database, options: CrawlOptions) -> None:
        self._archive = archive
        self.read_db = read_db
        """The connection that reads, beside the writer's."""
        self._options = options
        self._writer: Writer | None = None
        self._run_id = 0
        self._is_settled = False
        self.due_count = 0
        """How many known URLs this run queued for a revisit when it began."""
        self.queue = Queue(read_db)
        self.stored_counts: dict[str, int] = {}  # outcomes by `kind/state/reason`, and `extractor/asked`
        self.pending_count: Callable[[], int] = lambda: 0
        """Returns the number of URLs being fetched or cleaned, for the writer. Set it before `start`."""

    @classmethod
    def open(cls, path: str | Path, options: CrawlOptions, *, every_commit: bool = False) -> CrawlSession:
        """Open or make the archive, as `Archive.open` does. ArchiveError, in one line, if it cannot be used."""
        limits = PatternLimits() if options.sampling else PatternLimits(sampled=0)
        archive = Archive.open(path, limits=limits, sync_commits=every_commit)
        return cls(archive, open_database(path, read_only=True), options)

    def keep_raw(self, user_agent: str, size: int) -> None:
        """Keep raw responses, in WARC files of `size` bytes."""
        self._archive.keep_raw(_warcinfo_fields(user_agent, self._options.contact), size)

    @property
    def total_bytes(self) -> int:
        """Return the bytes of the archive and of its raw responses, those of earlier runs included."""
        return self._archive.total_bytes

    @property
    def recovery(self) -> Recovery:
        """Return what opening the archive found in its WARC folders."""
        return self._archive.recovery

    def start(
        self,
        command: str,
        seeds: tuple[DiscoveredUrl, ...],
        scope: Scope | None = None,
        allowed_targets: AllowedTargets | None = None,
    ) -> int:
        """Record the run, queue its seeds, and start the writer. Returns how many URLs were queued before.

        A run for pictures queues nothing here, a run for named pages only these. Within the scope it also queues URLs
        that an import named without content, and pages due for a revisit. Unless it is an update, it queues URLs that
        narrower bounds left out. URLs skipped for a reason that has lapsed are queued while the crawl goes on.
        """
        if self._options.only_missing:
            self._run_id = self._archive.runs.start(command, self._options.as_values(), software_versions())
            return 0
        if self._options.only_pages:
            self._run_id = self._archive.runs.start(command, self._options.as_values(), software_versions())
            self.queue.turn_to_pages(self._archive.queue_pages(self._options.only_pages, self._options.watch))
            self._writer = Writer(self._archive, self.pending_count)
            return 0
        queued_count = self.queue.counts()[UrlState.QUEUED]
        revisit_start = unfinished_update_start(self._archive.db, self._options.revisit)
        if scope is not None and not self._options.revisit:
            # Do this before the run is recorded: if it is cut off, the next one compares with the same crawls.
            latest_runs = {seed: run for run in crawl_options(self._archive.db) for seed in run["seeds"]}
            earlier_runs = [latest_runs[seed] for seed in self._options.seeds if seed in latest_runs]
            reasons = dict.fromkeys(reason for run in earlier_runs for reason in widened_reasons(self._options, run))
            queue_left_out(self._archive.db, tuple(reasons), partial(is_within, scope, self._options))
        self._run_id = self._archive.runs.start(command, self._options.as_values(), software_versions())
        self._archive.requeue(self._lapsed_reasons(allowed_targets))
        self.queue.is_still_filling = lambda: self._archive.requeuer.has_more
        Queue(self._archive.db).add_seeds(seeds)
        if scope is not None:
            queue_unfetched(self._archive.db, lambda url, depth: scope.decide(url, max(depth, 1)).should_fetch)
            self._requeue_due(revisit_start, scope)
        self._writer = Writer(self._archive, self.pending_count)
        return queued_count

    def _lapsed_reasons(self, allowed_targets: AllowedTargets | None) -> Iterator[PassingReason]:
        """Yield the reasons for which earlier runs skipped URLs, and which may not apply to this one."""
        yield from UNREACHED_HOSTS
        directive_reasons = () if self._options.obey_directives else DIRECTIVE_REASONS
        sampling_reasons = () if self._options.sampling else (OutcomeReason.DRY, OutcomeReason.SPELLING)
        lapsed_reasons = (
            OutcomeReason.LIMIT, OutcomeReason.ROBOTS_UNREACHABLE, *sampling_reasons, *directive_reasons
        )  # fmt: skip
        yield from (PassingReason(UrlState.SKIPPED, reason) for reason in lapsed_reasons)
        if allowed_targets is None:
            return
        for state in (UrlState.SKIPPED, UrlState.FAILED):  # failed: given up with the host's robots.txt
            yield from (PassingReason(state, OutcomeReason.PORT, port) for port in sorted(allowed_targets.ports))
            if allowed_targets.private_addresses:
                yield PassingReason(state, OutcomeReason.PRIVATE_ADDRESS)

    def _requeue_due(self, revisit_start: str, scope: Scope) -> None:
        """Queue the pages for the revisit that the options ask for; merely due pages wait until a crawl is finished."""
        revisit = self._options.revisit
        is_finished = self.queue.is_empty() and not self._archive.requeuer.has_more
        if revisit and (revisit != "due" or is_finished):
            policy = RevisitPolicy(self._options.every, revisit == "all", Watch(self._options.watch or Watch.USUAL))

            def is_in_scope(url: str, depth: int) -> bool:
                return scope.decide(url, depth).should_fetch

            update_run = UpdateRun(
                policy,
                revisit_start or utc_now(),
                is_in_scope,
                listings_always_due=revisit != "due",
                is_resumed=bool(revisit_start),
            )
            self.due_count = self._archive.queue_revisits(update_run)

    def told_articles(self) -> frozenset[str]:
        """Return the URLs that a person calls articles."""
        return told_articles(self._archive.db)

    def validators(self, queued_url: QueuedUrl) -> dict[str, str]:
        """Return the headers that request a known URL only if it has changed (If-None-Match, If-Modified-Since).

        None where the page is needed for the files that it shows.
        """
        if self._options.keep == PAGE and lacks_page_files(self.read_db, queued_url.id):
            return {}
        return conditional_headers(self.read_db, queued_url.id, queued_url.url)

    async def store(self, outcome: Outcome) -> set[str]:
        """Store an outcome. Returns once it is committed, with the hosts whose queues it changed."""
        assert self._writer is not None
        outcome = unless_forgotten(self.read_db, outcome)
        await self._writer.save(outcome)
        asked = ("extractor/asked",) if outcome.page and outcome.page.asked_extractor else ()
        given_up = self._archive.take_given_up() if outcome.given_up_host else ()
        for counted, count in ((outcome.count.key, 1), *((name, 1) for name in asked), *given_up):
            self.stored_counts[counted] = self.stored_counts.get(counted, 0) + count
        return self._archive.take_requeued_hosts()

    @property
    def batch_count(self) -> int:
        """Count the committed transactions of outcomes."""
        return self._archive.batch_count

    def settle(self) -> None:
        """Stop writing, and settle the archive: judge all pages by the evidence of the whole site."""
        self._stop_writing()
        settle_in_processes(self._archive.db)
        self._is_settled = True

    def begin_pictures(self) -> int:
        """Queue the articles' pictures, and prepare queue and writer for them; return the number of pictures.

        No other request may be running.
        """
        self._stop_writing()
        waiting_count = self._archive.queue_pictures(obeys_directives=self._options.obey_directives)
        if waiting_count:
            self.queue.turn_to_pictures()
            self._writer = Writer(self._archive, self.pending_count)
        return waiting_count

    def articles(self) -> Iterator[dict[str, object]]:
        """Yield the archive's articles."""
        return iter_articles(self.read_db)

    def skip_queued(self) -> int:
        """Skip the URLs still queued, by the crawl's limits, and return their number.

        A later run with wider limits queues them again.
        """
        return self._archive.skip_queued(OutcomeReason.LIMIT)

    def close(self, outcome: str, reason: str) -> None:
        """Settle what a stopped crawl left unsettled, record how the run ended, and release the file."""
        self._stop_writing()
        try:
            if outcome == "stopped" and not self._is_settled:
                settle_in_processes(self._archive.db)
            if outcome != "failed":
                survey(self._archive.db, self._run_id, utc_now())
            self._archive.runs.finish(self._run_id, outcome, reason, self.stored_counts)
        finally:
            self.read_db.close()
            self._archive.close()

    def _stop_writing(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def seed_rows(urls: tuple[str, ...]) -> tuple[DiscoveredUrl, ...]:
    """Return the queue rows of a crawl's seeds."""
    return tuple(DiscoveredUrl(url, host_of(url), UrlKind.PAGE, UrlSource.SEED, priority=SEED_PRIORITY) for url in urls)


def _warcinfo_fields(user_agent: str, contact: str) -> dict[str, str]:
    """Return the fields of a WARC file's warcinfo record (ISO 28500, section 6.1.2)."""
    return {
        "software": f"Broadsheet/{__version__}",
        "format": "WARC File Format 1.1",
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "http-header-user-agent": user_agent,
        "operator": contact,
    }


def software_versions() -> dict[str, str]:
    """Return the versions of the software that an archive's content depends on, for the record of a run."""
    own_versions = {"broadsheet": __version__, "cleaner": CLEANER_VERSION, "python": platform.python_version()}
    return own_versions | {name: version(name) for name in _LIBRARIES}
