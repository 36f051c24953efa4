"""What a user wrote beside an article in columns of their own, as it is kept while the article itself is gone."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping

from sqlite_utils import Database

from output.db.table_columns import quoted
from output.store.articles import COLUMNS
from output.store.shelf import names_in

_BYTES = "base64"

JsonValue = str | int | float | None | dict[str, str]
"""A value as JSON can hold it; bytes are an object with one key."""


def user_values(db: Database, page_id: int) -> dict[str, JsonValue]:
    """The values in a user's columns of the page's article, shelved or not; nothing if the page has none.

    The columns are named as in `articles`. Generated ones are left out, since they are worked out anew.
    """
    return _values_in(db, "articles", page_id) or _values_in(db, "shelved", page_id)


def put_user_values(db: Database, page_id: int, values: Mapping[str, JsonValue]) -> None:
    """Write them beside the page's article again; columns that are no more are left out."""
    writable = names_in(db, "articles")
    for name, value in values.items():
        if name in writable:
            update = f"UPDATE articles SET {quoted(name)} = ? WHERE page_id = ?"
            db.execute(update, [_unpacked(value), page_id])


def _values_in(db: Database, table: str, page_id: int) -> dict[str, JsonValue]:
    columns = {name: alias for name, alias in names_in(db, table).items() if name not in COLUMNS}
    if not columns:
        return {}
    listed = ", ".join(map(quoted, columns.values()))
    row = db.execute(f"SELECT {listed} FROM {table} WHERE page_id = ?", [page_id]).fetchone()
    return {name: _packed(value) for name, value in zip(columns, row, strict=True)} if row else {}


def _packed(value: str | float | bytes | None) -> JsonValue:
    return {_BYTES: b64encode(value).decode()} if isinstance(value, bytes) else value


def _unpacked(value: JsonValue) -> str | float | bytes | None:
    return b64decode(value[_BYTES]) if isinstance(value, dict) else value
