"""Shelf of the articles that settling took out: an article becomes a row of `_shelf`, and can return unchanged.

What refers to other rows or changes by itself has a column there. The rest, a user's columns too, is one JSON object
with a key for each column of `articles`; bytes and infinite numbers are objects in it. A generated column is left out,
since `articles` computes it. View `shelved` shows the shelf with the columns of `articles`.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import isfinite

from sqlite_utils import Database

from .stored_values import stored_object
from .table_columns import column_list, folded_name, quoted_name, writable_columns

JsonValue = str | int | float | None | dict[str, str]
"""A value as JSON can hold it: bytes and infinite numbers are an object with one key."""

SqlValue = str | int | float | bytes | None

_OWN_COLUMNS = ("id", "page_id", "capture_id", "first_seen", "last_seen", "cleaner_version")
_OWN = ", ".join(_OWN_COLUMNS)
_SHELVE = f"INSERT INTO _shelf ({_OWN}, why, article) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_BYTES, _REAL = "base64", "real"


class ShelvingReason(StrEnum):
    """The reason for taking an article out, in `_shelf.why`."""

    DUPLICATE = "duplicate"  # another URL names the same text
    LIST = "list"  # the page only repeats other articles
    PART = "part"  # its text is in the article of another page
    LAYOUT = "layout"  # the pages of its layout are not articles
    EMPTIED = "emptied"  # all its text is what the site repeats
    WITHDRAWN = "withdrawn"  # a person says that it is not an article
    COPY = "copy"  # another page has its text, now that what the site repeats is taken out of both


def shelve(db: Database, articles: Sequence[tuple[int, ShelvingReason]]) -> None:
    """Move articles to the shelf, given as (id, reason). Runs in the caller's transaction."""
    names = writable_columns(db)
    for article_number, reason in articles:
        row = db.execute(f"SELECT {column_list(names)} FROM articles WHERE id = ?", [article_number]).fetchone()
        values = dict(zip(names, row, strict=True))
        own_values = [values.pop(name) for name in _OWN_COLUMNS]
        db.execute(_SHELVE, [*own_values, str(reason), _packed(json_values(values))])
        db.execute("DELETE FROM articles WHERE id = ?", [article_number])


def unshelve(db: Database, article_number: int) -> None:
    """Move an article back to `articles`. Runs in the caller's transaction.

    A column that was not there yet when the article was shelved gets its default, as for any new row.
    """
    own_values = db.execute(f"SELECT {_OWN} FROM _shelf WHERE id = ?", [article_number]).fetchone()
    values = {
        **dict(zip(_OWN_COLUMNS, own_values, strict=True)),
        **{name: sql_value(value) for name, value in _shelved_values(db, article_number).items()},
    }
    names = {folded_name(name) for name in writable_columns(db)}
    values = {name: value for name, value in values.items() if folded_name(name) in names}
    places = ", ".join("?" * len(values))
    db.execute(f"INSERT INTO articles ({column_list(values)}) VALUES ({places})", list(values.values()))
    db.execute("DELETE FROM _shelf WHERE id = ?", [article_number])


def update_article(db: Database, table: str, article_number: int, values: Mapping[str, SqlValue]) -> None:
    """Set columns of an article that is in `table`, by their names in `articles`.

    Leave out its id: SQLite would write the row and all its indexes again.
    """
    if table == "shelved":
        own_values = {name: value for name, value in values.items() if name in _OWN_COLUMNS}
        others = {name: value for name, value in values.items() if name not in own_values}
        packed_values = _packed(_shelved_values(db, article_number) | json_values(others))
        table, values = "_shelf", own_values | {"article": packed_values}
    assignments = ", ".join(f"{quoted_name(name)} = ?" for name in values)
    db.execute(f"UPDATE {table} SET {assignments} WHERE id = ?", [*values.values(), article_number])
    if "last_seen" in values:  # by a clock that was set back
        db.execute(
            f"UPDATE {table} SET first_seen = last_seen WHERE id = ? AND first_seen > last_seen", [article_number]
        )


def _shelved_values(db: Database, article_number: int) -> dict[str, JsonValue]:
    (packed_values,) = db.execute("SELECT article FROM _shelf WHERE id = ?", [article_number]).fetchone()
    return stored_object(packed_values, "_shelf", "article", article_number)


def _packed(values: Mapping[str, JsonValue]) -> str:
    return json.dumps(values, ensure_ascii=False)


def json_values(values: Mapping[str, SqlValue]) -> dict[str, JsonValue]:
    """Return values as JSON can hold them; `sql_value` reads each back."""
    return {name: _json_value(value) for name, value in values.items()}


def _json_value(value: SqlValue) -> JsonValue:
    if isinstance(value, bytes):
        return {_BYTES: b64encode(value).decode()}
    return {_REAL: str(value)} if isinstance(value, float) and not isfinite(value) else value


def sql_value(value: JsonValue) -> SqlValue:
    """Return the value that was stored as JSON."""
    if not isinstance(value, dict):
        return value
    return float(value[_REAL]) if _REAL in value else b64decode(value[_BYTES])
