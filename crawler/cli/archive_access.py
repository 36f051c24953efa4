"""Access to an archive: opening it, refusals in one line, and the damage behind an error."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlite_utils import Database

from broadsheet.output.archive.archive_errors import ArchiveError, DamagedValue, NotAnArchive, NotReachable
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.redaction import without_userinfo

from .terminal import one_line

if TYPE_CHECKING:
    from broadsheet.output.raw.warc_folders import Recovery
    from broadsheet.output.write.archive_writer import Archive

_REMEDY = "run broadsheet verify"
_PRIMARY_CODE = 0xFF
# A busy, full or read-only disk is not damage, and verifying a large archive would keep the user waiting.
_PASSING_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY})


@contextmanager
def open_read_only(path: str) -> Iterator[Database]:
    """Open an archive for reading."""
    with closing(open_database(path, read_only=True)) as db:
        yield db


@contextmanager
def open_to_write(path: str) -> Iterator[Archive]:
    """Open an archive for writing, and print what opening it found. NotReachable if it cannot be written."""
    from broadsheet.output.write.archive_writer import Archive

    with told_faults(path), Archive.open(path) as archive:
        print_notices(archive.recovery)
        yield archive


def upgrade(path: str) -> None:
    """Upgrade an archive of an earlier version that a command reads before it writes.

    A missing or empty file is left to what reads it.
    """
    if Path(path).is_file() and Path(path).stat().st_size:
        with open_to_write(path):
            pass


@contextmanager
def told_faults(path: str) -> Iterator[None]:
    """Turn a failed write (SQLite or disk) into NotReachable: one line with the file and what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise NotReachable(f"{path} cannot be written: {error}; the same command goes on from here") from error


def print_notices(recovery: Recovery, *, quiet: bool = False) -> None:
    """Print on standard error what opening an archive found in its WARC folders; when quiet, only faults."""
    for line in recovery.notices(with_torn=not quiet):
        click.echo(one_line(line), err=True)


def refuse(text: str) -> int:
    """Print on standard error why a command does nothing, and return 1, its exit code."""
    click.echo(one_line(f"broadsheet: {without_userinfo(text)}"), err=True)
    return 1


def damage_behind(path: str, error: BaseException) -> ArchiveError | None:
    """Return the error to raise if a damaged archive caused an error; None if it did not.

    Unless the error itself names the damage, `verify` decides.
    """
    causes = list(_causes(error))
    if damaged_value := next((cause for cause in causes if isinstance(cause, DamagedValue)), None):
        return DamagedValue(damaged_value.location, path)
    database_error = next((cause for cause in causes if isinstance(cause, sqlite3.DatabaseError)), None)
    if _says_what_is_wrong(error, database_error):
        return None
    if location := damage_location(path):
        return NotAnArchive(f"{path} is damaged {location}; {_REMEDY}")
    if database_error and not isinstance(database_error, sqlite3.OperationalError):
        return NotAnArchive(f"{path} is damaged: {database_error}; {_REMEDY}")
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and the errors from which it was raised."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _says_what_is_wrong(error: BaseException, database_error: sqlite3.DatabaseError | None) -> bool:
    """Return whether an error has a cause outside the stored data: a full disk, a lock, a refused archive."""
    if database_error is None:
        return isinstance(error, ArchiveError | OSError)
    return getattr(database_error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _PASSING_CODES


def damage_location(path: str) -> str:
    """Return the words that follow `is damaged`, naming the place; empty for a sound archive or another kind of file.

    Raw responses are not checked: that would read all WARC files.
    """
    from broadsheet.output.read.verify import first_problem

    try:
        with closing(open_database(path, read_only=True)) as db:
            problem = first_problem(db)
    except ArchiveError:
        return ""
    if problem is None:
        return ""
    return f"at {problem.location}" if problem.location else f"({problem.detail})"
