"""The values in the columns that a user added to `articles`, as JSON can hold them while the article is removed."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping

from sqlite_utils import Database

from broadsheet.output.db.table_columns import quoted_name
from broadsheet.output.store.articles import COLUMNS
from broadsheet.output.store.shelf import writable_columns

_BYTES = "base64"

JsonValue = str | int | float | None | dict[str, str]
"""A value as JSON can hold it; bytes are an object with one key."""


def user_values(db: Database, page_id: int) -> dict[str, JsonValue]:
    """The values in a user's columns of the page's article, shelved or not; empty if the page has none.

    The columns are named as in `articles`. Generated ones are left out, since they are computed again.
    """
    return _read_values(db, "articles", page_id) or _read_values(db, "shelved", page_id)


def put_user_values(db: Database, page_id: int, values: Mapping[str, JsonValue]) -> None:
    """Write the values into the row of the page's article; columns that no longer exist are left out."""
    columns = writable_columns(db, "articles")
    for name, value in values.items():
        if name in columns:
            update = f"UPDATE articles SET {quoted_name(name)} = ? WHERE page_id = ?"
            db.execute(update, [_sql_value(value), page_id])


def _read_values(db: Database, table: str, page_id: int) -> dict[str, JsonValue]:
    columns = {name: alias for name, alias in writable_columns(db, table).items() if name not in COLUMNS}
    if not columns:
        return {}
    column_list = ", ".join(map(quoted_name, columns.values()))
    row = db.execute(f"SELECT {column_list} FROM {table} WHERE page_id = ?", [page_id]).fetchone()
    return {name: _json_value(value) for name, value in zip(columns, row, strict=True)} if row else {}


def _json_value(value: str | float | bytes | None) -> JsonValue:
    return {_BYTES: b64encode(value).decode()} if isinstance(value, bytes) else value


def _sql_value(value: JsonValue) -> str | float | bytes | None:
    return b64decode(value[_BYTES]) if isinstance(value, dict) else value
