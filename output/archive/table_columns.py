"""Columns of a table, a user's own among them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlite_utils import Database

_ORDINARY, _GENERATED = 0, (2, 3)  # what `PRAGMA table_xinfo` says of a column that is stored, and of a generated one


class TableColumn(NamedTuple):
    """A column as it is declared. `declared_type` is empty where it has none.

    A generated column can be read, not written. `is_required` is NOT NULL.
    """

    name: str
    declared_type: str
    is_required: bool
    is_generated: bool


def table_columns(db: Database, table: str) -> list[TableColumn]:
    """Return the columns of a table in their order, generated ones too."""
    rows = db.execute(f"PRAGMA table_xinfo({quoted_name(table)})").fetchall()
    return [
        TableColumn(name, declared_type, bool(is_required), hidden in _GENERATED)
        for _, name, declared_type, is_required, _, _, hidden in rows
        if hidden in (_ORDINARY, *_GENERATED)
    ]


def quoted_name(name: str) -> str:
    """Quote any name as an SQL identifier.

    >>> quoted_name('an "own" column')
    '"an ""own"" column"'
    """
    return '"' + name.replace('"', '""') + '"'


def folded_name(name: str) -> bytes:
    """Return a key that is equal for names equal to SQLite, which folds the letters A to Z and no others."""
    return name.encode().lower()


def writable_columns(db: Database) -> list[str]:
    """Return the columns of `articles` that can be written, in their order."""
    return [column.name for column in table_columns(db, "articles") if not column.is_generated]


def column_list(names: Iterable[str]) -> str:
    """Return SQL that lists columns."""
    return ", ".join(map(quoted_name, names))
