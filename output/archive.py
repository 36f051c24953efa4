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

from cleaners.urls import host_of
from output.articles import as_json
from output.captures import RawKeeper, save_capture
from output.forget import FORGOTTEN, is_forgotten
from output.ids import content_id
from output.lock import ArchiveLock
from output.outcome import Found, Outcome
from output.pages import PageRef, save_page
from output.patterns import Bounds, Patterns, is_new_text, newest_url
from output.queue import add_found, give_up_host, note_listed, utc_now
from output.requeue import Passing, Requeue
from output.robots_files import save_robots
from output.schema import check_place, open_database
from output.text import storable
from output.transaction import writing
from output.warc_files import SIZE, cut_back

_ACKNOWLEDGE = """UPDATE urls SET state = ?, reason = ?, attempts = attempts + ?,
    http_status = coalesce(?, http_status), fetched_at = coalesce(?, fetched_at), location = ?, not_before = ?
    WHERE id = ?"""

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
        """Mark everything still queued as skipped, for a crawl that stops at its limit; return how many."""
        return self.db.execute(
            "UPDATE urls SET state = 'skipped', reason = ? WHERE state = 'queued'", [reason]
        ).rowcount

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
        url_id, first_time = self._url_row(outcome, at)
        new_text = outcome.cleaned is not None and is_new_text(self.db, outcome.url, outcome.cleaned)
        self._acknowledge(url_id, outcome)
        if outcome.whole_host:
            self._give_up_host(outcome)
        if outcome.robots_file:
            save_robots(self.db, outcome.robots_file)
        for beside in outcome.beside:
            save_capture(self.db, beside, self._raw)
        capture_id = save_capture(self.db, outcome.capture, self._raw) if outcome.capture else None
        if outcome.cleaned:
            page = PageRef(url_id, storable(outcome.url), host_of(outcome.url), capture_id, at)
            save_page(self.db, page, outcome.cleaned)
        newest = newest_url(self.db)
        add_found(self.db, outcome.found, at)
        note_listed(self.db, outcome.found)
        self._patterns.note(url_id, outcome, new_text, newest)
        if first_time:
            self._count_outside(outcome.outside)

    def _url_row(self, outcome: Outcome, at: str) -> tuple[int, bool]:
        """The id of the URL's row, made if missing, and whether nothing was ever fetched from it."""
        query = "SELECT id, state <> 'done' FROM urls WHERE url = ?"
        row = self.db.execute(query, [storable(outcome.url)]).fetchone()
        if row is None:
            via = "robots" if outcome.kind == "robots" else outcome.via
            add_found(self.db, [Found(outcome.url, host_of(outcome.url), outcome.kind, via)], at)
            row = self.db.execute(query, [storable(outcome.url)]).fetchone()
        return int(row[0]), bool(row[1])

    def _acknowledge(self, url_id: int, outcome: Outcome) -> None:
        self.db.execute(
            _ACKNOWLEDGE,
            [
                outcome.state,
                outcome.reason,
                int(outcome.attempted),
                outcome.http_status,
                outcome.fetched_at or None,
                storable(outcome.location) or None,
                outcome.not_before or None,
                url_id,
            ],
        )

    def _give_up_host(self, outcome: Outcome) -> None:
        changed = give_up_host(self.db, outcome.whole_host, outcome.state, outcome.reason, _GIVEN_UP_AT_ONCE)
        self.given_up[f"{outcome.state}/{outcome.reason}"] += changed

    def _count_outside(self, outside: Mapping[str, int]) -> None:
        self.db.conn.executemany(
            """INSERT INTO outside_hosts VALUES (?, ?)
                ON CONFLICT (host) DO UPDATE SET links = links + excluded.links""",
            [(storable(host), links) for host, links in outside.items()],
        )

    def _free_run_id(self, at: str, command: str) -> int:
        taken = {run_id for (run_id,) in self.db.execute("SELECT id FROM runs")}
        salt = 0
        while (run_id := content_id(at, command, str(salt))) in taken:
            salt += 1
        return run_id
