"""Articles that settling takes out: the row moves from `articles` to `shelved`, whole, and comes back whole.

Columns that a user added travel with it. They are matched by name, and one that `shelved` lacks is added to it. A
generated column is worked out in the table that has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import OperationalError

from sqlite_utils import Database

from output.db.table_columns import TableColumn, quoted, same_name, table_columns

_RENAMED = {b"why": "why_of_article"}  # a user's column of `articles` that `shelved` has for another thing


def names_in(db: Database, table: str) -> dict[str, str]:
    """The columns of `articles` that can be written, with what each is called in that table: `articles` or `shelved`.

    What the table cannot store is left out.
    """
    storable = {same_name(column.name) for column in table_columns(db, table) if not column.is_generated}
    names = [column.name for column in table_columns(db, "articles") if not column.is_generated]
    aliases = {name: _on_shelf(name) if table == "shelved" else name for name in names}
    return {name: alias for name, alias in aliases.items() if same_name(alias) in storable}


def shelve(db: Database, leaving: Sequence[tuple[int, str]]) -> None:
    """Move articles to `shelved`: the number of each, and why. Runs in the caller's transaction."""
    if not leaving:
        return
    _add_missing_columns(db)
    names = names_in(db, "shelved")
    columns, shelf_columns = _listed(names), _listed(names.values())
    for number, why in leaving:
        db.execute(
            f"INSERT INTO shelved ({shelf_columns}, why) SELECT {columns}, ? FROM articles WHERE id = ?", [why, number]
        )
        db.execute("DELETE FROM articles WHERE id = ?", [number])


def unshelve(db: Database, number: int) -> None:
    """Move an article back to `articles`. Runs in the caller's transaction.

    A column that was not there yet when the article was shelved gets its default, as for any new row.
    """
    names = names_in(db, "shelved")
    for name in _unset(db, number, names):
        del names[name]
    columns, shelf_columns = _listed(names), _listed(names.values())
    db.execute(f"INSERT INTO articles ({columns}) SELECT {shelf_columns} FROM shelved WHERE id = ?", [number])
    db.execute("DELETE FROM shelved WHERE id = ?", [number])


def _unset(db: Database, number: int, names: Mapping[str, str]) -> list[str]:
    """The columns of `articles` that need a value, and for which the shelved row has none."""
    required = [column.name for column in table_columns(db, "articles") if column.is_required and column.name in names]
    tests = ", ".join(f"{quoted(names[name])} IS NULL" for name in required)
    row = db.execute(f"SELECT {tests} FROM shelved WHERE id = ?", [number]).fetchone()
    return [name for name, is_unset in zip(required, row, strict=True) if is_unset]


def _add_missing_columns(db: Database) -> None:
    shelf_names = {same_name(column.name) for column in table_columns(db, "shelved")}
    for column in table_columns(db, "articles"):
        if not column.is_generated and same_name(_on_shelf(column.name)) not in shelf_names:
            _add_column(db, column)


def _add_column(db: Database, column: TableColumn) -> None:
    """Add a user's column to `shelved`; rows that are there get its default, as they would in `articles`."""
    declared_type = f" {quoted(column.declared_type)}" if column.declared_type else ""
    statement = f"ALTER TABLE shelved ADD COLUMN {quoted(_on_shelf(column.name))}{declared_type}"
    try:
        db.execute(f"{statement} DEFAULT {column.default or 'NULL'}")
    except OperationalError:  # a default that is worked out for each row anew can only be had by `articles`
        db.execute(statement)


def _on_shelf(name: str) -> str:
    return _RENAMED.get(same_name(name), name)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))
