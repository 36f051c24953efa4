"""The writing side of an archive: one owner, and one transaction for each batch of outcomes.

A URL leaves the queue in the transaction that stores its outcome. So a crawl killed at any moment has lost nothing and
stored nothing twice. Each text of robots.txt that was in force is stored once for a host.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from sqlite3 import DatabaseError, OperationalError
from types import TracebackType
from typing import Self

from sqlite_utils import Database

from broadsheet.cleaners.document import PageType, UrlSource
from broadsheet.cleaners.page.canonical_urls import host_of

from ..archive.archive_errors import ArchiveError, InUse, TextConflict
from ..archive.archive_file import BUSY_MS, MOST_WAL_BYTES, archive_path, check_path, open_database, wal_size
from ..archive.archive_lock import ArchiveLock
from ..archive.atomic_writes import write_transaction
from ..archive.fulltext import compact_file, index_postponed, postpone_indexing
from ..archive.page_rows import Sighting
from ..archive.pictures import put_page_files, put_picture
from ..archive.rendered_layouts import put_rendered_layout
from ..archive.stored_text import SQL_ARTICLE_TYPES, sql_words, storable_text
from ..archive.stored_values import utc_now
from ..archive.url_words import OutcomeReason, Reason, UrlCount, UrlKind, UrlState
from ..raw.erasure import erase_records, waiting_files
from ..raw.warc_files import WARC_FILE_SIZE, read_away_files
from ..raw.warc_folders import RawFolders, Recovery
from ..raw.warc_writer import RawResponseWriter, save_capture
from .outcome import DiscoveredUrl, Outcome, RobotsFile
from .page_writer import SaveResult, save_page
from .picture_queue import PictureAtHand, pictures_at_hand, queue_pictures
from .revisit_schedule import (
    RevisitPolicy,
    UpdateRun,
    UrlRow,
    Watch,
    find_url_row,
    note_visit,
    queue_announced,
    queue_due,
    queue_pages,
    restore_unvisited,
    set_watch,
)
from .run_records import RunRecorder
from .takedowns import finish_takedowns, note_takedown, unless_forgotten
from .url_bounds import PatternLimits, PatternTracker, is_new_text, newest_url_id, without_excess_sitemaps
from .url_queue import PAGE_KINDS, PassingReason, Requeuer, add_urls, fill_dates, give_up_host, note_listed_urls
from .verdicts import apply_rulings, has_block_corrections

# A failed request keeps what is known of the URL: where it redirected to, and what the archive holds of it.
_ACKNOWLEDGE = """UPDATE urls SET state = :state, reason = :reason, attempts = attempts + :attempts,
    kind = CASE WHEN :is_picture THEN 'picture' WHEN :is_page AND kind = 'feed' THEN 'page' ELSE kind END,
    http_status = coalesce(:status, http_status), fetched_at = coalesce(:at, fetched_at),
    location = coalesce(:location, CASE :state WHEN 'done' THEN NULL ELSE location END), _not_before = :not_before,
    held_reason = CASE WHEN :held THEN :reason ELSE held_reason END,
    held_at = CASE WHEN :held THEN coalesce(:at, held_at) ELSE held_at END
    WHERE id = :id"""
_PUT_RESOURCE_USER = """INSERT OR IGNORE INTO _resource_users (capture_id, url) SELECT id, ?1 FROM captures
    WHERE url = ?2 AND rendered_for IS NOT NULL AND rendered_for <> ?1 ORDER BY fetched_at DESC LIMIT 1"""
_HAS_ARTICLE = f"SELECT 1 FROM pages WHERE id = ? AND own_type IN {SQL_ARTICLE_TYPES}"

_NEVER_REVISITED = (UrlKind.ROBOTS, UrlKind.PICTURE)
_LOG = logging.getLogger(__name__)
_WAL_WAIT_MS = 1000  # how long a checkpoint waits for readers
_GIVE_UP_BATCH = 5_000  # rows of a given-up host that one transaction changes


class Archive:
    """An archive file that this process owns and writes. Use `Archive.open`, and close it, or use it in a `with`."""

    def __init__(
        self, db: Database, file: Path, lock: ArchiveLock, clock: Callable[[], str], limits: PatternLimits | None = None
    ) -> None:
        self.db = db
        self._file = file
        self._opened_file = os.stat(file)
        self._pattern_tracker = PatternTracker(db, limits or PatternLimits())
        self._pattern_tracker.reload()
        self._lock = lock
        self._clock = clock
        self._is_closed = False
        self._wal_bound = MOST_WAL_BYTES
        self.runs = RunRecorder(db, clock)
        """Records which runs have worked on this archive."""
        self._update: UpdateRun | None = None
        self._raw_writer: RawResponseWriter | None = None
        self._raw_folders: RawFolders | None = None
        self.recovery = Recovery(file)
        """What opening the archive found in its WARC folders."""
        self._given_up_counts: Counter[str] = Counter()
        """How many URLs were given up together with their host, by `state/reason`."""
        self.batch_count = 0
        """Transactions of outcomes since the archive was opened."""
        self.requeuer = Requeuer(db)
        """Queues again, step by step, what an earlier run left."""

    @classmethod
    def open(
        cls,
        path: str | Path,
        clock: Callable[[], str] = utc_now,
        limits: PatternLimits | None = None,
        *,
        sync_commits: bool = False,
    ) -> Self:
        """Lock and open the archive at `path`, made new if missing; `clock` gives UTC ISO 8601 times.

        `limits` say how many pages of one URL pattern may bring nothing new. With `sync_commits` each commit waits for
        the disk, so that a loss of power costs none.

        Raises ArchiveError if another crawl owns it, if it is a copy without the WARC folder that stands beside its
        original, or if the file cannot be used.
        """
        file = archive_path(path)
        check_path(file, read_only=False)
        lock = ArchiveLock(file)
        lock.acquire()
        try:
            db = open_database(file)
            if sync_commits:
                db.conn.execute("PRAGMA synchronous = FULL")
            archive = cls(db, file, lock, clock, limits)
        except BaseException:
            lock.release()
            raise
        try:
            archive._open_raw_folders()
            if has_block_corrections(db):
                with write_transaction(db):
                    apply_rulings(db, clock())  # those that were made while the file had another owner
            return archive
        except BaseException:
            archive.close()
            raise

    def _open_raw_folders(self) -> None:
        """Own the WARC folders, set torn bytes aside, and finish the erasures of takedowns."""
        self._raw_folders = RawFolders.claim(self.db, self._file)
        self.recovery = self._raw_folders.recover(read_away_files(self._file))
        erase_records(self.db, self._file, self._clock)
        self.recovery = replace(self.recovery, unfinished_takedown=finish_takedowns(self.db, self._clock))

    @property
    def path(self) -> Path:
        """Return the path of the archive's file."""
        return self._file

    @property
    def raw_files(self) -> tuple[tuple[str, int], ...]:
        """Return names and committed lengths of the WARC files that this archive owns, by their folders' journals."""
        return tuple(self._raw_folders.committed_files()) if self._raw_folders else ()

    def save(self, batch: Sequence[Outcome]) -> None:
        """Store outcomes with everything that follows from them, in one transaction.

        A page with a text whose number stands for another text fails, and costs the others only their common
        transaction. Raises OSError if the database or the WARC file has been deleted or replaced: what is stored would
        go with it.
        """
        self._check_in_place()
        try:
            self._save_batch(batch)
        except TextConflict as conflict:
            if len(batch) > 1:
                for outcome in batch:
                    self.save([outcome])
            elif batch[0].page:
                _LOG.error("%s: %s", batch[0].url, conflict)
                self._save_batch(
                    [replace(batch[0], state=UrlState.FAILED, reason=OutcomeReason.TEXT_CONFLICT, page=None)]
                )
            else:
                raise

    def _save_batch(self, batch: Sequence[Outcome]) -> None:
        try:
            if self._raw_writer and (size := sum(outcome.raw_size for outcome in batch)):
                self._raw_writer.make_room(size)
            self.batch_count += 1
            with write_transaction(self.db):
                for outcome in batch:
                    self._save_outcome(outcome)
                index_postponed(self.db)
                if self._raw_writer:
                    self._raw_writer.sync()
        except BaseException:
            with suppress(DatabaseError):
                if self._raw_writer:
                    self._raw_writer.roll_back()
                self._pattern_tracker.reload()
            raise
        if self._raw_writer:
            self._raw_writer.mark_committed()
        self._bound_wal()

    def _bound_wal(self) -> None:
        """Restart the write-ahead log where it has grown too long, even while readers come and go.

        One that keeps a snapshot is waited for a moment, each time that the log has doubled.
        """
        if (size := wal_size(self._file)) < self._wal_bound:
            return
        with self.db.ensure_autocommit_on():
            self.db.conn.execute(f"PRAGMA busy_timeout = {_WAL_WAIT_MS}")
            (is_busy, *_) = self.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.db.conn.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._wal_bound = 2 * size if is_busy else MOST_WAL_BYTES

    def _check_in_place(self) -> None:
        with suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samestat(self._opened_file, os.stat(self._file)):
                return
        raise OSError(f"{self._file.name} is gone: it was deleted or replaced while it was written")

    def keep_raw(self, warcinfo: Mapping[str, str], size_limit: int = WARC_FILE_SIZE) -> None:
        """Keep raw responses from now on, in WARC files of about `size_limit` bytes; `warcinfo` describes the crawl."""
        self._raw_writer = RawResponseWriter(self.db, self._file, self._clock, warcinfo, size_limit)

    @property
    def raw_bytes(self) -> int:
        """Return committed bytes of the archive's WARC files; 0 if raw responses are not kept."""
        return self._raw_writer.total_bytes if self._raw_writer else 0

    @property
    def total_bytes(self) -> int:
        """Return the bytes of the database with its write-ahead log, and of the WARC files."""
        files = (self._file, Path(f"{self._file}-wal"))
        return self.raw_bytes + sum(path.stat().st_size for path in files if path.exists())

    def skip_queued(self, reason: Reason) -> int:
        """Mark everything still queued but pictures as skipped, for a crawl that stops at its limit; return how many.

        URLs that were queued for a revisit get back the state they had.
        """
        kinds = sql_words(PAGE_KINDS)
        query = f"UPDATE urls SET state = 'skipped', reason = ? WHERE state = 'queued' AND kind IN {kinds}"
        with write_transaction(self.db):
            return restore_unvisited(self.db, reason) + int(self.db.execute(query, [str(reason)]).rowcount)

    def queue_revisits(self, update: UpdateRun) -> int:
        """Queue the URLs due for a revisit, and from now on those announced as changed; return how many are due."""
        self._update = update
        with write_transaction(self.db):
            return queue_due(self.db, update, self._clock())

    def queue_pages(self, urls: Iterable[str], watch: str = "") -> list[int]:
        """Queue known pages again, due or not, and what they redirect to; return their ids. A word in `watch` holds for
        them from now on.
        """
        self._update = UpdateRun(RevisitPolicy(revisit_all=True), self._clock(), lambda *_: True)
        with write_transaction(self.db):
            url_ids = queue_pages(self.db, urls)
            if watch:
                set_watch(self.db, url_ids, Watch(watch), self._clock())
        return url_ids

    def queue_pictures(self, *, obeys_directives: bool) -> int:
        """Queue the pictures of the articles, as `picture_queue` does; return how many wait."""
        return queue_pictures(self.db, self._clock(), obeys_directives=obeys_directives)

    def pictures_at_hand(self, *, obeys_directives: bool) -> tuple[PictureAtHand, ...]:
        """Find responses that may be files of the articles' pictures, as `picture_queue` does."""
        return pictures_at_hand(self.db, obeys_directives=obeys_directives)

    def take_requeued_hosts(self) -> set[str]:
        """Return the hosts of which URLs were skipped or queued again for their patterns since the last call."""
        hosts, self._pattern_tracker.requeued_hosts = self._pattern_tracker.requeued_hosts, set()
        return hosts

    def take_given_up(self) -> Iterable[tuple[str, int]]:
        """Return the counts of URLs that were given up with their hosts since the last call."""
        counts, self._given_up_counts = self._given_up_counts, Counter()
        return counts.items()

    def requeue(self, passing_reasons: Iterable[PassingReason]) -> int:
        """Start to requeue URLs with these reasons; return how many rows the first step changed.

        `requeuer.step` does the next one.
        """
        self.requeuer = Requeuer(self.db, passing_reasons)
        return self.requeuer.step()

    def close(self) -> None:
        """Leave a single file: write everything back, and end WAL mode unless a reader still has the file open.

        A file that is not in WAL mode can be read from a folder that cannot be written, by any tool.
        Closing again does nothing.
        """
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._raw_writer:
                self._raw_writer.close()
            with suppress(DatabaseError, ArchiveError):
                finish_takedowns(self.db, self._clock)  # those that were noted meanwhile
            self._leave_wal_mode()
        finally:
            if self._raw_folders:
                self._raw_folders.release()
            self.db.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _leave_wal_mode(self) -> None:
        """Give back free space, write the WAL back and delete it, as far as readers let it."""
        self.db.rollback()
        with suppress(OperationalError), self.db.ensure_autocommit_on():
            compact_file(self.db)
            self.db.conn.execute("PRAGMA busy_timeout = 1000")  # a reader may keep what is not yet written back
            self.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.db.conn.execute("PRAGMA busy_timeout = 200")
            self.db.conn.execute("PRAGMA journal_mode = DELETE").fetchone()

    def _save_outcome(self, outcome: Outcome) -> None:
        """Store one outcome: capture, page, state of the URL, discovered URLs, effects on patterns and revisits."""
        outcome = unless_forgotten(self.db, outcome)
        if outcome.is_older:
            if outcome.capture:
                save_capture(self.db, outcome.capture, self._raw_writer)
            return
        seen_at = outcome.fetched_at or self._clock()
        outcome = without_excess_sitemaps(self.db, outcome, self._pattern_tracker.limits)
        row = self._get_or_add_row(outcome, seen_at)
        has_new_text = outcome.page is not None and is_new_text(self.db, outcome.url, outcome.page)
        if outcome.robots_file:
            save_robots_file(self.db, outcome.robots_file)
        save_result = self._save_page(row, outcome, seen_at)
        if outcome.rendered_layout:
            put_rendered_layout(self.db, outcome.rendered_layout)
        self._acknowledge(row, outcome, is_content_current=outcome.state == UrlState.DONE and save_result.is_current)
        if outcome.given_up_host:
            kinds = give_up_host(self.db, outcome.given_up_host, outcome.state, outcome.reason, _GIVE_UP_BATCH)
            for kind, count in kinds.items():
                self._given_up_counts[UrlCount(kind, outcome.state, outcome.reason).key] += count
        newest_id = newest_url_id(self.db)
        add_urls(self.db, outcome.discovered_urls, seen_at)
        note_listed_urls(self.db, outcome.discovered_urls)
        is_revisited = row.was_fetched and row.kind not in _NEVER_REVISITED and not outcome.picture
        if is_revisited and not outcome.is_retry:
            has_new_urls = row.held_reason != PageType.ARTICLE and newest_url_id(self.db) > newest_id
            note_visit(self.db, row, outcome, save_result.has_changed or has_new_urls)
        self._pattern_tracker.note_outcome(row.id, outcome, has_new_text, newest_id, is_revisit=row.was_fetched)
        if self._update:
            queue_announced(self.db, outcome.discovered_urls, self._update, seen_at)
        fill_dates(self.db, outcome.discovered_urls)
        add_urls(self.db, outcome.page_files, seen_at)
        put_page_files(self.db, row.id, (storable_text(file.url) for file in outcome.page_files))
        if not row.held_at:
            self.db.conn.executemany(
                """INSERT INTO _outside_hosts (host, links) VALUES (?, ?)
                    ON CONFLICT (host) DO UPDATE SET links = links + excluded.links""",
                [(storable_text(host), links) for host, links in outcome.outside_links.items()],
            )

    def _get_or_add_row(self, outcome: Outcome, seen_at: str) -> UrlRow:
        """Return the row of the outcome's URL, added if missing."""
        row = find_url_row(self.db, outcome.url)
        if row is None:
            found_via = UrlSource.ROBOTS if outcome.kind == UrlKind.ROBOTS else outcome.found_via
            add_urls(self.db, [DiscoveredUrl(outcome.url, host_of(outcome.url), outcome.kind, found_via)], seen_at)
            row = find_url_row(self.db, outcome.url)
        assert row is not None
        return row

    def _save_page(self, row: UrlRow, outcome: Outcome, seen_at: str) -> SaveResult:
        """Store captures and page. A stored article stays the current content when the URL now gives no page."""
        for capture in outcome.extra_captures:
            save_capture(self.db, capture, self._raw_writer)
        for url in outcome.reused_urls:
            self.db.execute(_PUT_RESOURCE_USER, [storable_text(outcome.url), storable_text(url)])
        capture_id = save_capture(self.db, outcome.capture, self._raw_writer) if outcome.capture else None
        if outcome.picture and capture_id is not None:
            put_picture(self.db, row.id, capture_id, outcome.picture)
        if outcome.page:
            sighting = Sighting(row.id, storable_text(outcome.url), host_of(outcome.url), capture_id, seen_at)
            if outcome.page.is_article:
                postpone_indexing(self.db, sighting.article_id)
            return save_page(self.db, sighting, outcome.page)
        has_article = (
            outcome.reason != OutcomeReason.NOT_MODIFIED and self.db.execute(_HAS_ARTICLE, [row.id]).fetchone()
        )
        return SaveResult(is_current=not has_article)

    def _acknowledge(self, row: UrlRow, outcome: Outcome, *, is_content_current: bool) -> None:
        """Set the URL's outcome, which dequeues it; current content also sets `held_reason` and `held_at`."""
        is_unmodified = outcome.reason == OutcomeReason.NOT_MODIFIED
        reason = row.held_reason if is_unmodified and row.held_reason else outcome.reason
        self.db.execute(
            _ACKNOWLEDGE,
            {
                "state": outcome.state,
                "reason": reason,
                "attempts": int(outcome.is_attempt),
                "status": outcome.http_status,
                "at": outcome.fetched_at or None,
                "location": storable_text(outcome.location) or None,
                "not_before": outcome.not_before or None,
                "held": is_content_current,
                "is_picture": outcome.picture is not None,
                "is_page": outcome.page is not None,
                "id": row.id,
            },
        )


def save_robots_file(db: Database, robots_file: RobotsFile) -> None:
    """Store a robots.txt, unless the host has one with this text and decision. Runs in the caller's transaction."""
    values = (
        robots_file.host,
        robots_file.url,
        robots_file.seen_at,
        robots_file.access,
        robots_file.reason,
        robots_file.text,
    )
    db.execute(
        """INSERT OR IGNORE INTO robots_files (id, host, url, seen_at, access, reason, text)
            VALUES (?, ?, ?, ?, ?, ?, ?)""",
        [robots_file.id, *map(storable_text, values)],
    )


@contextmanager
def opened_beside_owner(path: str | Path) -> Iterator[Database]:
    """Open an archive that another process owns, to store what its owner never writes: corrections and reviews.

    They are on the disk when their transaction ends, and whoever settles next applies them. A reader stays open until
    the end: the last writer to close removes the write-ahead log, even from under an owner that has lost its locks. A
    process loses them by opening the file once more and closing that.
    """
    with closing(open_database(path, read_only=True)) as reader, closing(open_database(path)) as db:
        reader.execute("SELECT count(*) FROM meta").fetchone()
        db.execute("PRAGMA synchronous = FULL")
        yield db


def take_down_or_note(path: str | Path, takedowns: Sequence[tuple[str, str]]) -> list[str]:
    """Take patterns down in an archive, given as (pattern, note); return the WARC files that wait to be erased.

    Raises InUse if that is not finished, and says why: it is noted then, and whoever owns the archive finishes it in
    the end, or the next command that writes to it.
    """
    try:
        with Archive.open(path) as archive:
            for takedown in takedowns:
                note_takedown(archive.db, *takedown)
            if problem := finish_takedowns(archive.db):
                raise UnfinishedTakedown(problem)
            return waiting_files(archive.db)
    except UnfinishedTakedown:
        raise
    except InUse as error:
        with opened_beside_owner(path) as db:
            for takedown in takedowns:
                note_takedown(db, *takedown)
        raise UnfinishedTakedown(str(error)) from error


class UnfinishedTakedown(InUse):
    """A takedown that is noted in an archive, and not finished."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the takedown is noted, and not finished: {problem}; the next command that can finishes it")
