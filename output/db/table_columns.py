"""The columns that a table has in this file: those of the schema, and those that a user added to it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

_ORDINARY, _GENERATED = 0, (2, 3)  # what `PRAGMA table_xinfo` says of a column that is stored, and of a generated one


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as it is declared. `declared_type` is empty where it has none; `default` is SQL, None without one.

    A generated column can be read, not written. `is_required` is NOT NULL.
    """

    name: str
    declared_type: str
    is_required: bool
    default: str | None
    is_generated: bool


def table_columns(db: Database, table: str) -> list[TableColumn]:
    """The columns of a table in their order, generated ones too."""
    rows = db.execute(f"PRAGMA table_xinfo({quoted_name(table)})").fetchall()
    return [
        TableColumn(name, declared_type, bool(is_required), default, hidden in _GENERATED)
        for _, name, declared_type, is_required, default, _, hidden in rows
        if hidden in (_ORDINARY, *_GENERATED)
    ]


def quoted_name(name: str) -> str:
    """A name quoted as an SQL identifier, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def folded_name(name: str) -> bytes:
    """A key that is equal for names that SQLite does not distinguish: it folds the letters A to Z and no others."""
    return name.encode().lower()


def has_column(db: Database, table: str, name: str) -> bool:
    """Whether a table has a column of this name."""
    return any(folded_name(column.name) == folded_name(name) for column in table_columns(db, table))
