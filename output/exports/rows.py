"""The articles as the exporters read them: one at a time, JSON columns as lists and mappings."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator

from sqlite_utils import Database

from output.db.table_columns import quoted_name, table_columns
from output.store.metadata_columns import JSON_COLUMNS

_EARLIEST_IN_CLUSTER = "SELECT article_id FROM article_clusters WHERE by_date = 1"


def article_columns(db: Database) -> list[str]:
    """The names of the columns of `articles` in their order, with those that a user added."""
    return [column.name for column in table_columns(db, "articles")]


def iter_articles(db: Database, *, one_per_cluster: bool = False) -> Iterator[dict[str, object]]:
    """Every article as a mapping from column to value, in the order of the ids. Bytes are given in Base64.

    With `one_per_cluster`, only the earliest article of each cluster of similar ones.
    """
    names = article_columns(db)
    condition = f"WHERE id IN ({_EARLIEST_IN_CLUSTER})" if one_per_cluster else ""
    for row in db.execute(f"SELECT {', '.join(map(quoted_name, names))} FROM articles {condition} ORDER BY id"):
        yield {name: _export_value(name, value) for name, value in zip(names, row, strict=True)}


def _export_value(name: str, value: object) -> object:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return json.loads(value) if name in JSON_COLUMNS and isinstance(value, str) else value
