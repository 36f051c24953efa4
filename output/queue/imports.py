"""Which files were imported whole, and what the archive knows about a record before it is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from output.db.ids import content_id
from output.db.text import as_json, storable
from output.db.transaction import writing
from output.queue.rows import QueuedUrl
from output.raw.capture import Capture

NOT_HELD = "not_in_archive"
"""Why a URL has no outcome of its own: an imported page names it, and no record of it was there."""

_UNHELD = f"""SELECT id, url, depth FROM urls
    WHERE state = 'skipped' AND kind IN ('page', 'sitemap', 'feed') AND reason = '{NOT_HELD}'"""
_ROW = """SELECT id, url, host, kind, depth, priority, attempts, found_via, coalesce(found_on, ''),
    coalesce(lastmod, ''), state, reason, coalesce(fetched_at, '') FROM urls WHERE url = ?"""
_PUT_IMPORT = """INSERT INTO imports (file, size, modified, options, finished_at, records) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (file) DO UPDATE SET size = excluded.size, modified = excluded.modified, options = excluded.options,
        finished_at = excluded.finished_at, records = excluded.records"""
_HELD = "SELECT warc_file, warc_offset FROM captures WHERE warc_file IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Row:
    """A URL's row as it stands; `fetched_at` is when its latest answer came, UTC ISO 8601 or empty."""

    queued: QueuedUrl
    state: str
    reason: str
    fetched_at: str


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file as it was imported: its name in the archive, its size in bytes, and when it was changed."""

    name: str
    size: int
    modified: str

    @classmethod
    def of(cls, path: Path, db: Path) -> ImportedFile:
        """A file as it is now. Below the database's folder its name is relative to that."""
        file, folder = path.absolute(), db.absolute().parent
        name = str(file.relative_to(folder) if file.is_relative_to(folder) else file)
        state = file.stat()
        return cls(name, state.st_size, str(state.st_mtime_ns))


def row_of(db: Database, url: str) -> Row | None:
    """A URL's row, if it has one."""
    row = db.execute(_ROW, [storable(url)]).fetchone()
    return Row(QueuedUrl(*row[:10]), row[10], row[11] or "", row[12]) if row else None


def held_capture(db: Database, capture: Capture) -> int | None:
    """The number of this very capture, if the archive has it."""
    number = content_id(capture.url, capture.fetched_at, capture.payload_digest)
    return number if db.execute("SELECT 1 FROM captures WHERE id = ?", [number]).fetchone() else None


def held_places(db: Database) -> Iterator[tuple[str, int]]:
    """(file, offset) of every record that a capture names."""
    return ((str(file), int(offset)) for file, offset in db.execute(_HELD))


def is_imported(db: Database, file: ImportedFile, options: Mapping[str, object]) -> bool:
    """Whether a file was imported whole, as it is now and with these options."""
    query = "SELECT 1 FROM imports WHERE file = ? AND size = ? AND modified = ? AND options = ?"
    asked = [storable(file.name), file.size, file.modified, as_json(dict(options))]
    return db.execute(query, asked).fetchone() is not None


def note_import(
    db: Database, file: ImportedFile, options: Mapping[str, object], at: str, records: Mapping[str, int]
) -> None:
    """Note that a file was imported whole; `records` counts what it holds by type."""
    with writing(db):
        db.execute(
            _PUT_IMPORT,
            [storable(file.name), file.size, file.modified, as_json(dict(options)), at, as_json(dict(records))],
        )


def take_up(db: Database, wanted: Callable[[str, int], bool]) -> int:
    """Queue what imported pages name and no record held, as far as it is wanted by URL and depth; return how many."""
    rows = [(number,) for number, url, depth in db.execute(_UNHELD).fetchall() if wanted(str(url), int(depth))]
    with writing(db):
        db.conn.executemany("UPDATE urls SET state = 'queued', reason = '' WHERE id = ?", rows)
    return len(rows)
