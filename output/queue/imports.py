"""Which WARC, ARC and WACZ files were imported completely, and what the archive already holds of their records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.db.ids import content_id
from broadsheet.output.db.open import archive_path
from broadsheet.output.db.stored_values import stored_object
from broadsheet.output.db.text import as_json, storable_text
from broadsheet.output.db.transaction import write_transaction
from broadsheet.output.db.url_words import NO_REASON, OutcomeReason, Reason, UrlState
from broadsheet.output.queue.rows import QueuedUrl
from broadsheet.output.raw.capture import Capture

_UNFETCHED = f"""SELECT id, url, depth FROM urls
    WHERE state = 'skipped' AND kind IN ('page', 'sitemap', 'feed') AND reason = '{OutcomeReason.NOT_IN_ARCHIVE}'"""
_STORED_URL = """SELECT id, url, host, kind, depth, priority, attempts, found_via, coalesce(found_on, ''),
    coalesce(lastmod, ''), state, reason, coalesce(fetched_at, '') FROM urls WHERE url = ?"""
_PUT_IMPORT = """INSERT INTO imports (file, size, modified, options, finished_at, records) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (file) DO UPDATE SET size = excluded.size, modified = excluded.modified, options = excluded.options,
        finished_at = excluded.finished_at, records = excluded.records"""
_RECORD_POSITIONS = "SELECT warc_file, warc_offset FROM captures WHERE warc_file IS NOT NULL"


@dataclass(frozen=True, slots=True)
class StoredUrl:
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
        """The values of a file on the disk. Below the database's folder its name is relative to that folder."""
        file, folder = path.absolute(), archive_path(db).parent
        name = str(file.relative_to(folder) if file.is_relative_to(folder) else file)
        status = file.stat()
        return cls(name, status.st_size, str(status.st_mtime_ns))


def stored_url(db: Database, url: str) -> StoredUrl | None:
    """A URL's row; None if it has none."""
    row = db.execute(_STORED_URL, [storable_text(url)]).fetchone()
    return StoredUrl(QueuedUrl(*row[:10]), row[10], row[11] or NO_REASON, row[12]) if row else None


def existing_capture_id(db: Database, capture: Capture) -> int | None:
    """The id of a capture if the archive has it: same URL, time and payload; else None."""
    capture_id = content_id(capture.url, capture.fetched_at, capture.payload_digest)
    return capture_id if db.execute("SELECT 1 FROM captures WHERE id = ?", [capture_id]).fetchone() else None


def record_positions(db: Database) -> Iterator[tuple[str, int]]:
    """(file, offset) of every record that a capture names."""
    return ((str(file), int(offset)) for file, offset in db.execute(_RECORD_POSITIONS))


def is_imported(db: Database, file: ImportedFile, options: Mapping[str, object]) -> bool:
    """Whether a file was imported completely, unchanged since, and with these options."""
    return imported_records(db, file, options) is not None


def imported_records(db: Database, file: ImportedFile, options: Mapping[str, object]) -> Mapping[str, int] | None:
    """The numbers of a file's records by type, as `note_import` noted them; None if it was not imported so."""
    query = "SELECT records FROM imports WHERE file = ? AND size = ? AND modified = ? AND options = ?"
    parameters = [storable_text(file.name), file.size, file.modified_ns, as_json(dict(options))]
    row = db.execute(query, parameters).fetchone()
    return (
        {name: int(str(n)) for name, n in stored_object(row[0], "imports", "records", file.name).items()}
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
