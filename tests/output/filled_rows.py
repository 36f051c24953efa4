"""Rows with a value of its own in each column, made from the schema: a column that it gains has one too."""

from typing import Any

from sqlite_utils import Database

from tests.internal_tables import labelled

Row = dict[str, Any]


def tables(db: Database, schema: str = "main") -> list[str]:
    """Name the tables of an archive, without those of SQLite and the full-text index, and without the dictionary."""
    rows = db.execute(f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table'").fetchall()
    names = (name for (name,) in rows if not name.startswith(("sqlite_", "articles_fts", "_sqlite", "dictionary")))
    return sorted(names, key=labelled)


def columns(db: Database, table: str) -> dict[str, str]:
    """Name the columns of a table, with their types."""
    return {name: kind for _, name, kind, *_ in db.execute(f"PRAGMA main.table_info({table})").fetchall()}


def filled(db: Database, table: str, number: int, /, **values: Any) -> Row:
    """Return a row; each column that is not given has a value that no other column and no other number has."""
    row: Row = {}
    for place, (name, kind) in enumerate(columns(db, table).items()):
        count = 1000 * number + place
        row[name] = {"INTEGER": count, "REAL": count + 0.5, "BLOB": f"{name} {number}".encode()}.get(
            kind, f"{name} {number}"
        )
    assert values.keys() <= row.keys()
    return row | values


def put(db: Database, table: str, number: int, /, **values: Any) -> Row:
    """Store such a row, and return it."""
    row = filled(db, table, number, **values)
    places = ", ".join(f":{name}" for name in row)
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", row)
    return row


def rows(db: Database, table: str, schema: str = "main") -> list[Row]:
    """Return all rows of a table."""
    names = list(columns(db, table))
    found = db.execute(f"SELECT {', '.join(names)} FROM {schema}.{table}").fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]
