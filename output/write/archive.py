"""The writing side of an archive: one owner, and one transaction for a page's record and its acknowledgement.

A URL leaves the queue in the same transaction that stores what came of it, so a crawl that is killed at any
moment has lost and doubled nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from sqlite3 import DatabaseError, OperationalError
from types import TracebackType
from typing import Self

from sqlite_utils import Database

from cleaners.urls.canonical import host_of
from output.db.clock import utc_now
from output.db.ids import content_id
from output.db.lock import ArchiveLock
from output.db.open import check_place, open_database
from output.db.text import as_json, storable
from output.db.transaction import writing
from output.outcome import NOT_MODIFIED, Found, Outcome
from output.queue.requeue import Passing, Requeue
from output.queue.rows import add_found, give_up_host, note_listed
from output.queue.url_bounds import Bounds, Patterns, is_new_text, newest_url
from output.raw.erase import erase
from output.raw.save_capture import RawKeeper, save_capture
from output.raw.warc_files import SIZE, cut_back
from output.watch.requeue_due import Update, UrlRow, give_back, note_look, queue_announced, queue_due, url_row
from output.write.forget import FORGOTTEN, is_forgotten
from output.write.index_articles import index_awaited, index_later
from output.write.pages import PageRef, Saved, save_page
from output.write.robots_files import save_robots

# What failed keeps what was known: where it redirected to, and what the archive holds of it.
_ACKNOWLEDGE = """UPDATE urls SET state = :state, reason = :reason, attempts = attempts + :attempts,
    http_status = coalesce(:status, http_status), fetched_at = coalesce(:at, fetched_at),
    location = coalesce(:location, CASE :state WHEN 'done' THEN NULL ELSE location END), not_before = :not_before,
    held_reason = CASE WHEN :held THEN :reason ELSE held_reason END,
    held_at = CASE WHEN :held THEN coalesce(:at, held_at) ELSE held_at END
    WHERE id = :id"""
_HOLDS_ARTICLE = "SELECT 1 FROM pages WHERE id = ? AND own_type IN ('article', 'teaser')"

_GIVEN_UP_AT_ONCE = 5_000  # rows of a given-up host that one transaction changes; the others are done between


class Archive:
    """An archive file that this process owns. Use `Archive.open`, and close it, or use it in a `with`."""

    def __init__(
        self, db: Database, file: Path, lock: ArchiveLock, clock: Callable[[], str], bounds: Bounds | None = None
    ) -> None:
        self.db = db
        self._file = file
        self._patterns = Patterns(db, bounds or Bounds())
        self._patterns.reload()
        self._lock = lock
        self._clock = clock
        self._closed = False
        self._update: Update | None = None
        self._raw: RawKeeper | None = None
        self.cut_back = 0
        """Bytes of WARC files that were written by a run which ended before it could commit them."""
        self.short_files: tuple[str, ...] = ()
        """WARC files that are missing, or shorter than what was committed to them."""
        self.given_up: Counter[str] = Counter()
        """URLs that were given up with their whole host, by state and reason."""
        self.left_over = Requeue(db)
        """What an earlier run left, as far as it is not queued again yet."""

    @classmethod
    def open(
        cls,
        path: str | Path,
        clock: Callable[[], str] = utc_now,
        bounds: Bounds | None = None,
        *,
        every_commit: bool = False,
    ) -> Self:
        """Own and open the archive at `path`, made new if missing; `clock` gives UTC ISO 8601 times.

        `bounds` say how long URLs that are alike may go on without anything new. With `every_commit` each commit
        waits for the disk, so that a loss of power costs none.

        ArchiveError if another crawl owns it or the file cannot be used.
        """
        file = Path(path).absolute()
        check_place(file, read_only=False)
        lock = ArchiveLock(file)
        lock.acquire()
        try:
            db = open_database(file)
            if every_commit:
                db.conn.execute("PRAGMA synchronous = FULL")
            archive = cls(db, file, lock, clock, bounds)
            archive.cut_back, archive.short_files = cut_back(db, file.parent)
            erase(db, file.parent, clock)
            return archive
        except BaseException:
            lock.release()
            raise

    def save(self, batch: Sequence[Outcome]) -> None:
        """Store what came of some URLs, with everything they led to, all or nothing."""
        try:
            if self._raw and (size := sum(outcome.raw_size for outcome in batch)):
                self._raw.make_room(size)
            with writing(self.db):
                for outcome in batch:
                    self._save_one(outcome)
                index_awaited(self.db)
                if self._raw:
                    self._raw.sync()
        except BaseException:
            with suppress(DatabaseError):
                if self._raw:
                    self._raw.undo()
                self._patterns.reload()
            raise
        if self._raw:
            self._raw.committed()

    def keep_raw(self, about: Mapping[str, str], size: int = SIZE) -> None:
        """From now on keep raw responses, in WARC files of about `size` bytes; `about` goes into their `warcinfo`."""
        self._raw = RawKeeper(self.db, self._file, self._clock, about, size)

    @property
    def raw_bytes(self) -> int:
        """Bytes of raw responses in the archive's WARC files."""
        return self._raw.total if self._raw else 0

    def start_run(self, command: str, options: Mapping[str, object], versions: Mapping[str, str]) -> int:
        """Note that a run begins, and return its id. A run that was cut off before is noted as `killed`."""
        at = self._clock()
        with writing(self.db):
            self.db.execute("UPDATE runs SET outcome = 'killed' WHERE outcome IS NULL")
            run_id = self._free_run_id(at, command)
            self.db.execute(
                "INSERT INTO runs (id, started_at, command, options, versions) VALUES (?, ?, ?, ?, ?)",
                [run_id, at, storable(command), as_json(dict(options)), as_json(dict(versions))],
            )
        return run_id

    def finish_run(self, run_id: int, outcome: str, reason: str, counts: Mapping[str, int]) -> None:
        """Note how a run ended."""
        self.db.execute(
            "UPDATE runs SET finished_at = ?, outcome = ?, reason = ?, counts = ? WHERE id = ?",
            [self._clock(), outcome, storable(reason), as_json(dict(counts)), run_id],
        )

    def skip_queued(self, reason: str) -> int:
        """Mark everything still queued as skipped, for a crawl that stops at its limit; return how many.

        What was to be looked at again stays what it was.
        """
        query = "UPDATE urls SET state = 'skipped', reason = ? WHERE state = 'queued'"
        with writing(self.db):
            return give_back(self.db, reason) + int(self.db.execute(query, [reason]).rowcount)

    def look_again(self, update: Update) -> int:
        """Queue again what is due, and from now on what sitemaps and feeds say has changed; return how many are due."""
        self._update = update
        with writing(self.db):
            return queue_due(self.db, update, self._clock())

    def requeue(self, passing: Iterable[Passing]) -> int:
        """Begin to queue again what was left for these reasons; return how many rows the first step changed.

        `left_over.step` goes on with it.
        """
        self.left_over = Requeue(self.db, passing)
        return self.left_over.step()

    def close(self) -> None:
        """Leave one file: everything written back, and no longer in WAL mode unless a reader still has it open.

        A file that is not in WAL mode can be read from a folder that cannot be written, by any tool.
        Closing again does nothing.
        """
        if self._closed:
            return
        self._closed = True
        try:
            if self._raw:
                self._raw.close()
            self._settle_file()
        finally:
            self.db.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _settle_file(self) -> None:
        self.db.rollback()
        with suppress(OperationalError), self.db.ensure_autocommit_on():
            self.db.conn.execute("PRAGMA busy_timeout = 1000")  # a reader may keep what is not yet written back
            self.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.db.conn.execute("PRAGMA busy_timeout = 200")
            self.db.conn.execute("PRAGMA journal_mode = DELETE").fetchone()

    def _save_one(self, outcome: Outcome) -> None:
        if outcome.cleaned and is_forgotten(self.db, outcome.cleaned.metadata.canonical_url):
            outcome = replace(outcome, state="skipped", reason=FORGOTTEN, capture=None, cleaned=None)
        if outcome.older and outcome.capture:
            save_capture(self.db, outcome.capture, self._raw)
            return
        at = outcome.fetched_at or self._clock()
        row = self._url_row(outcome, at)
        new_text = outcome.cleaned is not None and is_new_text(self.db, outcome.url, outcome.cleaned)
        if outcome.robots_file:
            save_robots(self.db, outcome.robots_file)
        saved = self._save_page(row, outcome, at)
        self._acknowledge(row, outcome, held=outcome.state == "done" and saved.stored)
        if outcome.whole_host:
            self._give_up_host(outcome)
        newest = newest_url(self.db)
        add_found(self.db, outcome.found, at)
        note_listed(self.db, outcome.found)
        if row.is_known and row.kind != "robots" and not outcome.retry:
            grew = row.held_reason != "article" and newest_url(self.db) > newest
            note_look(self.db, row, outcome, saved.changed or grew)
        self._patterns.note(row.id, outcome, new_text, newest, again=row.is_known)
        if self._update:
            queue_announced(self.db, outcome.found, self._update, at)
        if not row.held_at:
            self._count_outside(outcome.outside)

    def _url_row(self, outcome: Outcome, at: str) -> UrlRow:
        """The URL's row, made if missing."""
        row = url_row(self.db, outcome.url)
        if row is None:
            via = "robots" if outcome.kind == "robots" else outcome.via
            add_found(self.db, [Found(outcome.url, host_of(outcome.url), outcome.kind, via)], at)
            row = url_row(self.db, outcome.url)
        assert row is not None
        return row

    def _save_page(self, row: UrlRow, outcome: Outcome, at: str) -> Saved:
        """Store capture and page; whether the archive now holds what came: a page that was an article holds on."""
        for beside in outcome.beside:
            save_capture(self.db, beside, self._raw)
        capture_id = save_capture(self.db, outcome.capture, self._raw) if outcome.capture else None
        if outcome.cleaned:
            url = storable(outcome.url)
            if outcome.cleaned.is_article:
                index_later(self.db, url)
            return save_page(self.db, PageRef(row.id, url, host_of(outcome.url), capture_id, at), outcome.cleaned)
        kept = outcome.reason != NOT_MODIFIED and self.db.execute(_HOLDS_ARTICLE, [row.id]).fetchone()
        return Saved(stored=not kept)

    def _acknowledge(self, row: UrlRow, outcome: Outcome, *, held: bool) -> None:
        reason = row.held_reason if outcome.reason == NOT_MODIFIED and row.held_reason else outcome.reason
        self.db.execute(
            _ACKNOWLEDGE,
            {
                "state": outcome.state,
                "reason": reason,
                "attempts": int(outcome.attempted),
                "status": outcome.http_status,
                "at": outcome.fetched_at or None,
                "location": storable(outcome.location) or None,
                "not_before": outcome.not_before or None,
                "held": held,
                "id": row.id,
            },
        )

    def _give_up_host(self, outcome: Outcome) -> None:
        changed = give_up_host(self.db, outcome.whole_host, outcome.state, outcome.reason, _GIVEN_UP_AT_ONCE)
        self.given_up[f"{outcome.state}/{outcome.reason}"] += changed

    def _count_outside(self, outside: Mapping[str, int]) -> None:
        self.db.conn.executemany(
            """INSERT INTO outside_hosts (host, links) VALUES (?, ?)
                ON CONFLICT (host) DO UPDATE SET links = links + excluded.links""",
            [(storable(host), links) for host, links in outside.items()],
        )

    def _free_run_id(self, at: str, command: str) -> int:
        """An id that comes after those of the runs that began in the same second: what is later is told by both."""
        taken = {run_id for (run_id,) in self.db.execute("SELECT id FROM runs")}
        (last,) = self.db.execute("SELECT coalesce(max(id), 0) FROM runs WHERE started_at = ?", [at]).fetchone()
        run_id = max(content_id(at, command), int(last) + 1)
        while run_id in taken:
            run_id += 1
        return run_id
