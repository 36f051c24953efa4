"""The articles as the exporters read them: one at a time, JSON columns as lists and mappings."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence

from sqlite_utils import Database

from broadsheet.output.db.stored_values import stored_object, stored_texts
from broadsheet.output.db.table_columns import quoted_name, table_columns
from broadsheet.output.db.text import storable_text
from broadsheet.output.store.metadata_columns import JSON_COLUMNS, SOURCES_COLUMN

_OF_PAGE = "WHERE page_id = (SELECT id FROM urls WHERE url = ?)"
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
        yield _article_values(names, row)


def article_of_page(db: Database, url: str) -> dict[str, object] | None:
    """The article of the page at a URL in its stored spelling, as `iter_articles` gives it; None if there is none."""
    names = article_columns(db)
    query = f"SELECT {', '.join(map(quoted_name, names))} FROM articles {_OF_PAGE}"
    row = db.execute(query, [storable_text(url)]).fetchone()
    return _article_values(names, row) if row else None


def _article_values(names: Sequence[str], row: Sequence[object]) -> dict[str, object]:
    values = dict(zip(names, row, strict=True))
    return {name: _export_value(name, value, values["id"]) for name, value in values.items()}


def _export_value(name: str, value: object, article_id: object) -> object:
    if name in JSON_COLUMNS and value is not None:
        if name == SOURCES_COLUMN:
            return stored_object(value, "articles", name, article_id)
        return list(stored_texts(value, "articles", name, article_id))
    return b64encode(value).decode() if isinstance(value, bytes) else value
