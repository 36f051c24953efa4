"""Columns of a table, a user's own among them, and whole rows moved between articles and shelf.

An article that is taken out moves as a whole row to `shelved`, and can return unchanged. Columns that a user added
travel with it. They are matched by name, and one that `shelved` lacks is added to it. A generated column is computed in
the table that has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from sqlite3 import OperationalError

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
    """Return the columns of a table in their order, generated ones too."""
    rows = db.execute(f"PRAGMA table_xinfo({quoted_name(table)})").fetchall()
    return [
        TableColumn(name, declared_type, bool(is_required), default, hidden in _GENERATED)
        for _, name, declared_type, is_required, default, _, hidden in rows
        if hidden in (_ORDINARY, *_GENERATED)
    ]


def quoted_name(name: str) -> str:
    """Quote a name as an SQL identifier, whatever characters it has.

    >>> quoted_name('an "own" column')
    '"an ""own"" column"'
    """
    return '"' + name.replace('"', '""') + '"'


def folded_name(name: str) -> bytes:
    """Return a key that is equal for names equal to SQLite, which folds the letters A to Z and no others."""
    return name.encode().lower()


_RENAMED = {b"why": "why_of_article"}  # a user's column whose name `shelved` uses otherwise


class ShelvingReason(StrEnum):
    """The reason for taking an article out, in `shelved.why`."""

    DUPLICATE = "duplicate"  # another URL names the same text
    LIST = "list"  # the page only repeats other articles
    PART = "part"  # its text is in the article of another page
    LAYOUT = "layout"  # the pages of its layout are none


def writable_columns(db: Database, table: str) -> dict[str, str]:
    """Return the columns of `articles` that can be written, each with its name in `table`: `articles` or `shelved`.

    Columns that the table lacks are left out.
    """
    storable_names = {folded_name(column.name) for column in table_columns(db, table) if not column.is_generated}
    names = [column.name for column in table_columns(db, "articles") if not column.is_generated]
    aliases = {name: _shelf_name(name) if table == "_shelved" else name for name in names}
    return {name: alias for name, alias in aliases.items() if folded_name(alias) in storable_names}


def shelve(db: Database, articles: Sequence[tuple[int, ShelvingReason]]) -> None:
    """Move articles to `shelved`, given as (id, reason). Runs in the caller's transaction."""
    if not articles:
        return
    _add_missing_columns(db)
    names = writable_columns(db, "_shelved")
    columns, shelf_columns = _column_list(names), _column_list(names.values())
    for article_number, reason in articles:
        db.execute(
            f"INSERT INTO _shelved ({shelf_columns}, why) SELECT {columns}, ? FROM articles WHERE id = ?",
            [str(reason), article_number],
        )
        db.execute("DELETE FROM articles WHERE id = ?", [article_number])


def unshelve(db: Database, article_number: int) -> None:
    """Move an article back to `articles`. Runs in the caller's transaction.

    A column that was not there yet when the article was shelved gets its default, as for any new row.
    """
    names = writable_columns(db, "_shelved")
    for name in _unset_columns(db, article_number, names):
        del names[name]
    columns, shelf_columns = _column_list(names), _column_list(names.values())
    db.execute(f"INSERT INTO articles ({columns}) SELECT {shelf_columns} FROM _shelved WHERE id = ?", [article_number])
    db.execute("DELETE FROM _shelved WHERE id = ?", [article_number])


def _unset_columns(db: Database, article_number: int, names: Mapping[str, str]) -> list[str]:
    """Return the columns of `articles` that are NOT NULL, and NULL in the shelved row."""
    required_names = [
        column.name for column in table_columns(db, "articles") if column.is_required and column.name in names
    ]
    conditions = ", ".join(f"{quoted_name(names[name])} IS NULL" for name in required_names)
    row = db.execute(f"SELECT {conditions} FROM _shelved WHERE id = ?", [article_number]).fetchone()
    return [name for name, is_unset in zip(required_names, row, strict=True) if is_unset]


def _add_missing_columns(db: Database) -> None:
    """Add to `shelved` the columns that users added to `articles`."""
    shelf_names = {folded_name(column.name) for column in table_columns(db, "_shelved")}
    for column in table_columns(db, "articles"):
        if not column.is_generated and folded_name(_shelf_name(column.name)) not in shelf_names:
            _add_column(db, column)


def _add_column(db: Database, column: TableColumn) -> None:
    """Add a user's column to `shelved`; its rows get the default, as those of `articles` did."""
    declared_type = f" {quoted_name(column.declared_type)}" if column.declared_type else ""
    statement = f"ALTER TABLE _shelved ADD COLUMN {quoted_name(_shelf_name(column.name))}{declared_type}"
    try:
        db.execute(f"{statement} DEFAULT {column.default or 'NULL'}")
    except OperationalError:  # a default that is an expression cannot be added to a table with rows
        db.execute(statement)


def _shelf_name(name: str) -> str:
    return _RENAMED.get(folded_name(name), name)


def _column_list(names: Iterable[str]) -> str:
    return ", ".join(map(quoted_name, names))
