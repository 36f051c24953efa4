"""New archives without the time that they take: their schema is copied from one that was made in memory.

To make a new file runs the whole schema, which takes ten times as long as all else that a small test does
with it. The copy has the same bytes. Tests of the files themselves do without.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from sqlite_utils import Database

from broadsheet.output.archive import archive_file as opening
from broadsheet.output.archive.migrations import MIGRATIONS, SCHEMA_VERSION

_upgrade = opening._upgrade
_FILE_TESTS = Path(__file__).parent / "output" / "archive"
_OF_FILES = {_FILE_TESTS / f"test_{name}.py" for name in ("archive_lock", "migrations")}


@contextmanager
def copied_schemas(test_file: Path) -> Iterator[None]:
    """New archives get a copied schema while the tests of a file run."""
    if test_file in _OF_FILES:
        yield
        return
    with mock.patch.object(opening, "_upgrade", _copy_or_upgrade):
        yield


def copy_schemas() -> None:
    """New archives of this process and its forks get a copied schema from now on."""
    _empty_archive()
    opening._upgrade = _copy_or_upgrade


def _copy_or_upgrade(db: Database, migrations: Any, version: int) -> None:
    is_new = not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if is_new and migrations is MIGRATIONS and version == SCHEMA_VERSION:
        _empty_archive().backup(db.conn)
    else:
        _upgrade(db, migrations, version)


@cache
def _empty_archive() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    _upgrade(Database(connection), MIGRATIONS, SCHEMA_VERSION)
    return connection
