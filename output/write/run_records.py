"""The runs of an archive, recorded and resumed, and the files that were imported completely.

A run's record says what was asked, with which options and versions, when, and how it ended. A resumed crawl takes from
earlier runs their options, an unfinished update, and the redirects they followed. Imported files are WARC, ARC and
WACZ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from sqlite_utils import Database

from broadsheet.cleaners.document import PageType

from ..archive.archive_file import archive_path
from ..archive.article_storage import latest_seq
from ..archive.atomic_writes import write_transaction
from ..archive.stored_text import as_json, storable_text
from ..archive.stored_values import STORE_FACT, content_id, stored_object, stored_texts
from ..archive.url_words import NO_REASON, OutcomeReason, Reason, UrlState
from ..raw.raw_exchange import Capture
from ..raw.redaction import without_userinfo
from .url_queue import QueuedUrl

LAST_RUN_FACT = "last_run"
"""Fact in `meta`: the last run's id, and the latest number of `changes` when it began. Times do not tell what a run
changed: an import's are those of its captures."""


class RunRecorder:
    """A recorder of table `runs`, for the one owner of an archive. `clock` gives UTC ISO 8601 times."""

    def __init__(self, db: Database, clock: Callable[[], str]) -> None:
        self._db = db
        self._clock = clock

    def start(self, command: str, options: Mapping[str, object], versions: Mapping[str, str]) -> int:
        """Record the start of a run, and return its id. An earlier run that was cut off is marked `killed`.

        User names and passwords in URLs are left out, be it a start URL or a proxy's.
        """
        started_at = self._clock()
        with write_transaction(self._db):
            self._db.execute("UPDATE runs SET outcome = 'killed' WHERE outcome IS NULL")
            run_id = self._free_id(started_at, command)
            self._db.execute(
                "INSERT INTO runs (id, started_at, command, options, versions) VALUES (?, ?, ?, ?, ?)",
                [
                    run_id,
                    started_at,
                    storable_text(without_userinfo(command)),
                    as_json(_without_credentials(dict(options))),
                    as_json(dict(versions)),
                ],
            )
            self._db.execute(STORE_FACT, [LAST_RUN_FACT, f"{run_id}/{latest_seq(self._db)}"])
        return run_id

    def finish(self, run_id: int, outcome: str, reason: str, counts: Mapping[str, int]) -> None:
        """Record how a run ended."""
        self._db.execute(
            "UPDATE runs SET finished_at = ?, outcome = ?, reason = ?, counts = ? WHERE id = ?",
            [self._clock(), outcome, storable_text(reason), as_json(dict(sorted(counts.items()))), run_id],
        )

    def _free_id(self, started_at: str, command: str) -> int:
        """Return an id above those of the runs that began in the same second: time and id together give their order.

        It is drawn, so that two machines that run one command in the same second do not give one number to two runs.
        """
        used_ids = {run_id for (run_id,) in self._db.execute("SELECT id FROM runs")}
        query = "SELECT coalesce(max(id), 0) FROM runs WHERE started_at = ?"
        (last_id,) = self._db.execute(query, [started_at]).fetchone()
        run_id = max(content_id(started_at, command, uuid4().hex), int(last_id) + 1)
        while run_id in used_ids:
            run_id += 1
        return run_id


def _without_credentials(value: object) -> object:
    """Return a JSON-like value without user names in the URLs of its texts."""
    if isinstance(value, str):
        return without_userinfo(value)
    if isinstance(value, Mapping):
        return {name: _without_credentials(member) for name, member in value.items()}
    return [_without_credentials(member) for member in value] if isinstance(value, list | tuple) else value


# From the few rows that redirect to their targets, so that the queue's length does not matter.
_QUEUED_TARGETS = """SELECT q.url, p.url FROM urls p CROSS JOIN urls q ON q.url = p.location
    WHERE p.location IS NOT NULL AND p.state = 'done' AND q.state = 'queued' AND q.held_at IS NULL ORDER BY p.id DESC"""

_REDIRECTING_URL = "SELECT url FROM urls WHERE location = ? AND state = 'done' ORDER BY id LIMIT 1"

_REDIRECT_TARGET = "SELECT location FROM urls WHERE url = ? AND held_reason = 'redirect' AND location IS NOT NULL"

_QUEUED_SEED = "SELECT host FROM urls WHERE url = ? AND state = 'queued' AND found_via = 'seed'"
_USELESS_SEED = f"""SELECT reason FROM urls
    WHERE url = ? AND (state = 'skipped' AND reason = '{OutcomeReason.FORGOTTEN}'
        OR state = 'failed' AND held_at IS NULL AND location IS NULL)"""

_LIMITS = ("max_pages", "max_time")
_RUNS_NEWEST_FIRST = "SELECT id, started_at, outcome, reason, options FROM runs ORDER BY started_at DESC, rowid DESC"


def crawl_options(db: Database) -> list[dict[str, Any]]:
    """Return the options of all crawls into the archive, earliest first, except those of pictures or named pages."""
    rows = db.execute("SELECT options, id FROM runs ORDER BY started_at, rowid").fetchall()
    runs = (_run_options(*row) for row in rows)
    return [options for options in runs if options.get("seeds") and not _is_partial(options)]


def _is_partial(options: Mapping[str, Any]) -> bool:
    """Return whether a run asked for pictures only, or for named pages only."""
    return bool(options.get("only_missing") or options.get("only_pages"))


def useless_seeds(db: Database, seeds: Iterable[str]) -> dict[str, str]:
    """Find the start URLs that failed every time, or were taken down, each with the reason."""
    reasons = {seed: db.execute(_USELESS_SEED, [storable_text(seed)]).fetchone() for seed in seeds}
    return {seed: str(row[0]) for seed, row in reasons.items() if row}


def unfinished_update_start(db: Database, revisit: str) -> str:
    """Return the start of the first of the latest runs, all unfinished updates with this `revisit`; empty if none is.

    URLs fetched since then need not be fetched again.
    """
    started_first_at = ""
    for run_id, started_at, outcome, reason, options in db.execute(_RUNS_NEWEST_FIRST).fetchall():
        is_unfinished, run_options = outcome != "finished" or reason in _LIMITS, _run_options(options, run_id)
        if _is_partial(run_options):
            continue
        if not (revisit and is_unfinished and run_options.get("revisit") == revisit):
            break
        started_first_at = str(started_at)
    return started_first_at


def redirect_chains(db: Database, max_length: int) -> dict[str, tuple[str, ...]]:
    """Return for each queued URL that is a redirect's target the URLs that led there, first to last, at most
    `max_length`.
    """
    return {
        url: _redirect_chain(db, redirecting_url, max_length)
        for url, redirecting_url in db.execute(_QUEUED_TARGETS).fetchall()
    }


def moved_seeds(db: Database, seeds: Iterable[str], max_steps: int) -> tuple[str, ...]:
    """Return the URLs that start URLs are known to redirect to, each followed for at most `max_steps` redirects."""
    targets: dict[str, None] = {}
    for seed in seeds:
        url = storable_text(seed)
        for _ in range(max_steps):
            row = db.execute(_REDIRECT_TARGET, [url]).fetchone()
            if row is None or row[0] in targets:
                break
            url = str(row[0])
            targets[url] = None
    return tuple(targets)


def hosts_of_queued_seeds(db: Database, urls: Iterable[str]) -> set[str]:
    """Return the hosts of those URLs that are queued as start URLs or as redirect targets of one."""
    rows = (db.execute(_QUEUED_SEED, [storable_text(url)]).fetchone() for url in urls)
    return {str(row[0]) for row in rows if row}


def _run_options(options: str, run_id: int) -> dict[str, Any]:
    return stored_object(options, "runs", "options", run_id)


def _redirect_chain(db: Database, last_url: str, max_length: int) -> tuple[str, ...]:
    """Return the URLs that redirect to one another and at last to `last_url`, which is the last of them."""
    chain = [last_url]
    while (
        len(chain) < max_length and (row := db.execute(_REDIRECTING_URL, [chain[0]]).fetchone()) and row[0] not in chain
    ):
        chain.insert(0, str(row[0]))
    return tuple(chain)


def latest_site_rules(db: Database) -> str:
    """Return the folder of site rules of the latest run whose options have that key; empty if it used none."""
    for row in db.execute("SELECT options, id FROM runs ORDER BY started_at DESC, rowid DESC"):
        options = _run_options(*row)
        if "site_rules" in options:
            return str(options["site_rules"] or "")
    return ""


_UNFETCHED = f"""SELECT id, url, depth FROM urls
    WHERE state = 'skipped' AND kind IN ('page', 'sitemap', 'feed') AND reason = '{OutcomeReason.NOT_IN_ARCHIVE}'"""
_STORED_URL = """SELECT id, url, host, kind, depth, _priority, attempts, found_via, coalesce(found_on, ''),
    coalesce(lastmod, ''), state, reason, coalesce(fetched_at, '') FROM urls WHERE url = ?"""
_PUT_IMPORT = """INSERT INTO _imports (file, size, modified, options, finished_at, records) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (file) DO UPDATE SET size = excluded.size, modified = excluded.modified, options = excluded.options,
        finished_at = excluded.finished_at, records = excluded.records"""
_STORED_PAGE = """SELECT p.own_type, p.word_count FROM urls u JOIN pages p ON p.id = u.id WHERE u.url = ?"""
_STATED = """SELECT directives, usage_stated FROM captures WHERE url = ?1 AND rendered_for IS NULL
    ORDER BY fetched_at <= ?2 DESC, abs(julianday(fetched_at) - julianday(?2)) LIMIT 1"""
_RECORD_POSITIONS = "SELECT warc_file, warc_offset FROM captures WHERE warc_file IS NOT NULL"


class StoredUrl(NamedTuple):
    """A URL's row with its state; `fetched_at` is the time of its latest response, UTC ISO 8601 or empty."""

    queued_url: QueuedUrl
    state: UrlState
    reason: Reason
    fetched_at: str


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """An imported file: its name in the archive, its size in bytes, and its modification time in nanoseconds."""

    name: str
    size: int
    modified_ns: str

    @classmethod
    def of(cls, path: Path, db: Path) -> ImportedFile:
        """Return the values of a file on the disk."""
        status = path.stat()
        from ..raw.warc_folders import row_name  # readers of runs have no use for WARC files

        return cls(row_name(archive_path(db), path), status.st_size, str(status.st_mtime_ns))


def stored_url(db: Database, url: str) -> StoredUrl | None:
    """Return a URL's row; None if it has none."""
    row = db.execute(_STORED_URL, [storable_text(url)]).fetchone()
    return StoredUrl(QueuedUrl(*row[:10]), row[10], row[11] or NO_REASON, row[12]) if row else None


def stored_page(db: Database, url: str) -> tuple[PageType, int] | None:
    """Return the own type and the words of a URL's page; None if it has none."""
    row = db.execute(_STORED_PAGE, [storable_text(url)]).fetchone()
    return (PageType(row[0]), int(row[1])) if row else None


def stated_fields(db: Database, url: str, at: str) -> list[tuple[str, str]]:
    """Return the usage preferences in the headers of a URL's response at a time (UTC, ISO 8601)."""
    row = db.execute(_STATED, [storable_text(url), at]).fetchone()
    if row is None:
        return []
    directives, usage = (stored_texts(text, "captures", "directives", url) for text in row)
    lines = [*(line if line.startswith("tdm-") else f"x-robots-tag: {line}" for line in directives)]
    lines += [line for line in usage if not line.startswith("robots.txt ")]
    return [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]


def existing_capture_id(db: Database, capture: Capture) -> int | None:
    """Return the id of a capture if the archive has it: same URL, time and payload; else None."""
    return capture.id if db.execute("SELECT 1 FROM captures WHERE id = ?", [capture.id]).fetchone() else None


def stored_robots(db: Database, host: str, at: str) -> tuple[int, str, str] | None:
    """Return id, URL and text of a host's latest robots.txt seen by a time (UTC, ISO 8601); None if none was."""
    query = "SELECT id, url, text FROM robots_files WHERE host = ? AND seen_at <= ? ORDER BY seen_at DESC LIMIT 1"
    row = db.execute(query, [storable_text(host), at]).fetchone()
    return (int(row[0]), str(row[1]), str(row[2])) if row else None


def record_positions(db: Database) -> Iterator[tuple[str, int]]:
    """Yield (file, offset) of every record that a capture names."""
    return ((str(file), int(offset)) for file, offset in db.execute(_RECORD_POSITIONS))


def is_imported(db: Database, file: ImportedFile, options: Mapping[str, object]) -> bool:
    """Return whether a file was imported completely, with these options, and has not changed since."""
    return imported_records(db, file, options) is not None


def imported_records(db: Database, file: ImportedFile, options: Mapping[str, object]) -> Mapping[str, int] | None:
    """Return the numbers of a file's records by type, as `note_import` stored them; None without such an import."""
    query = "SELECT records FROM _imports WHERE file = ? AND size = ? AND modified = ? AND options = ?"
    parameters = [storable_text(file.name), file.size, file.modified_ns, as_json(dict(options))]
    row = db.execute(query, parameters).fetchone()
    return (
        {name: int(str(n)) for name, n in stored_object(row[0], "_imports", "records", file.name).items()}
        if row
        else None
    )


def note_import(
    db: Database, file: ImportedFile, options: Mapping[str, object], finished_at: str, records: Mapping[str, int]
) -> None:
    """Note that a file was imported completely; `records` are the numbers of its records by type."""
    with write_transaction(db):
        db.execute(
            _PUT_IMPORT,
            [
                storable_text(file.name),
                file.size,
                file.modified_ns,
                as_json(dict(options)),
                finished_at,
                as_json(dict(records)),
            ],
        )


def queue_unfetched(db: Database, is_wanted: Callable[[str, int], bool]) -> int:
    """Queue the URLs that only imported pages name and `is_wanted` accepts by URL and depth; return how many."""
    rows = [(url_id,) for url_id, url, depth in db.execute(_UNFETCHED).fetchall() if is_wanted(str(url), int(depth))]
    with write_transaction(db):
        db.conn.executemany("UPDATE urls SET state = 'queued', reason = '' WHERE id = ?", rows)
    return len(rows)
