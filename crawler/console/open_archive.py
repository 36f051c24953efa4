"""What several commands share: an archive opened for reading, and a refusal in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlite_utils import Database

from crawler.console.terminal import one_line
from output.db.errors import NotAnArchive
from output.db.open import open_database


@contextmanager
def open_read_only(path: str) -> Iterator[Database]:
    """An archive open for reading. ArchiveError, in one line, also for damage that shows only while it is read."""
    db = open_database(path, read_only=True)
    try:
        yield db
    except sqlite3.DatabaseError as error:
        raise NotAnArchive(f"{path} cannot be read: {error} (broadsheet verify says more)") from error
    finally:
        db.close()


def refuse(text: str) -> int:
    """Say in one line on standard error why a command does nothing. Returns 1, its exit code."""
    click.echo(one_line(f"broadsheet: {text}"), err=True)
    return 1
