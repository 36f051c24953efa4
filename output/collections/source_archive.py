"""An archive to be merged: locked, opened for reading, attached, and told from others.

The number of its first run, which is random, identifies a crawled archive. An archive that others were merged into has
their runs too. So at its first merge it gets an identity of its own: the number of its first run until then, if any,
and random digits.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from sqlite_utils import Database

from ..archive.archive_errors import ArchiveError, NotAnArchive, NotReachable
from ..archive.archive_file import archive_path, open_database, read_head
from ..archive.archive_lock import hold_lock
from ..archive.stored_values import STORE_FACT
from ..read.verify import first_source_problem

_KEY = "identity"
_SEPARATOR = "-"
_GIVEN = "SELECT value FROM meta WHERE key = ?"
_FIRST_RUN = "SELECT id FROM runs ORDER BY started_at, id LIMIT 1"


def identity_of(db: Database, file: Path) -> str:
    """Return the identity of an archive: the one that it was given, the number of its first run, or else its path."""
    return _given(db) or _first_run(db) or str(file)


def former_identity(identity: str) -> str:
    """Return the identity of an archive before others were merged into it; the same if none were."""
    return identity.partition(_SEPARATOR)[0]


def give_identity(target: Database) -> None:
    """Give the target of a merge an identity of its own, once. Runs in the caller's transaction."""
    if not _given(target):
        target.execute(STORE_FACT, [_KEY, f"{_first_run(target)}{_SEPARATOR}{token_hex(8)}"])


def _given(db: Database) -> str:
    row = db.execute(_GIVEN, [_KEY]).fetchone()
    return str(row[0]) if row else ""


def _first_run(db: Database) -> str:
    row = db.execute(_FIRST_RUN).fetchone()
    return str(row[0]) if row else ""


SCHEMA_NAME = "merged"
"""The name of the source among the target's attached databases."""

# The same number for two texts, as two programs may have stored them.
_CLASHING_TEXTS = f"""SELECT t.id, t.text, s.text FROM {SCHEMA_NAME}._block_texts s
    JOIN main._block_texts t ON t.id = s.id WHERE t.text <> s.text LIMIT 1"""
_SHOWN_CHARACTERS = 60
_HEADER_BYTES = 100  # of a SQLite file: its counter of changes is among them


class MergeConflict(ArchiveError):  # noqa: N818 - named by what it is
    """A conflict between two archives; the message names both sides. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class SourceArchive:
    """An archive to be merged: its file, and a connection that only reads it."""

    file: Path
    db: Database

    @property
    def folder(self) -> Path:
        """Return the folder that the names of its WARC files are relative to."""
        return self.file.parent

    @property
    def identity(self) -> str:
        """Return a name that identifies the archive for its whole life."""
        return identity_of(self.db, self.file)

    @property
    def stamp(self) -> str:
        """Return a stamp that changes with each write to the archive.

        It is made of the file's size and time, SQLite's own counter of changes, and the log beside it.
        """
        status = self.file.stat()
        header = read_head(self.file, _HEADER_BYTES)
        wal = Path(f"{self.file}-wal")
        wal_size = wal.stat().st_size if wal.exists() else 0
        facts = (status.st_size, status.st_mtime_ns, header.hex(), wal_size)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def refuse_damage(db: Database, file: Path) -> None:
    """Raise ArchiveError if an archive's rows are unfit to be merged; the message has file and place. Call it before
    anything is written.
    """
    if problem := first_source_problem(db):
        raise NotAnArchive(f"{file} is damaged ({problem.detail}); run broadsheet verify")


@contextmanager
def open_source(path: str | Path) -> Iterator[SourceArchive]:
    """Lock and open an archive that will be merged, so that no crawl writes to it meanwhile.

    Raises ArchiveError if a crawl owns it, or if it is missing, damaged or of another schema.
    """
    file = archive_path(path)
    db = open_database(file, read_only=True)
    may_be_owned = os.access(file.parent, os.W_OK)  # no crawl can own an archive in a folder that cannot be written
    try:
        with hold_lock(file) if may_be_owned else nullcontext():
            yield SourceArchive(file, db)
    finally:
        db.close()


@contextmanager
def attached(target: Database, source: SourceArchive) -> Iterator[None]:
    """Attach a source to the target's connection, as `SCHEMA_NAME`.

    Raises MergeConflict where their texts clash.
    """
    try:
        target.execute(f"ATTACH ? AS {SCHEMA_NAME}", [f"{source.file.as_uri()}?mode=ro"])
    except sqlite3.OperationalError as error:
        raise NotReachable(f"{source.file} cannot be read: {error}") from error
    try:
        _refuse_clashing_texts(target, source)
        yield
    finally:
        with suppress(sqlite3.OperationalError):
            target.rollback()
            target.execute(f"DETACH {SCHEMA_NAME}")


def _refuse_clashing_texts(target: Database, source: SourceArchive) -> None:
    clash = target.execute(_CLASHING_TEXTS).fetchone()
    if clash:
        block_id, *texts = clash
        first, second = (" ".join(str(text).split())[:_SHOWN_CHARACTERS] for text in texts)
        raise MergeConflict(f"{source.file}: block {block_id} is “{second}” there and “{first}” here; nothing merged")
