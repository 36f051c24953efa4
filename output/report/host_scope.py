"""One host of an archive, as if the others were not there.

Temporary views stand before the tables of the same names, so that every query of a report counts one host's rows
without knowing of it. They are in the connection alone, which may be read-only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlite_utils import Database

from broadsheet.output.db.table_columns import quoted_name, table_columns
from broadsheet.output.store.article_filter import host_condition

_HOST_TABLES = ("urls", "articles", "shelved", "yields", "rule_rates", "alarms", "layouts")
_ARTICLE_TABLES = ("duplicates", "clusters")
_EMPTY_TABLES = ("outside_hosts",)  # links are counted for the whole archive


@contextmanager
def host_scope(db: Database, host: str) -> Iterator[None]:
    """While the context is open, the connection sees the rows of one host, or of a domain's hosts; all if it is
    empty."""
    conditions = _conditions(host) if host else {}
    try:
        for table, condition in conditions.items():
            columns = ", ".join(quoted_name(column.name) for column in table_columns(db, table))
            db.execute(f"CREATE TEMP VIEW {table} AS SELECT {columns} FROM main.{table} WHERE {condition}")
        yield
    finally:
        for table in conditions:
            db.execute(f"DROP VIEW IF EXISTS temp.{table}")


def known_hosts(db: Database, host: str) -> list[str]:
    """The hosts of the archive that a host or domain means; all of them, by their number of URLs, if it is empty."""
    condition = host_condition(host)
    rows = db.execute(f"SELECT host FROM urls WHERE {condition} GROUP BY host ORDER BY count(*) DESC, host").fetchall()
    return [str(name) for (name,) in rows]


def _conditions(host: str) -> dict[str, str]:
    own = host_condition(host)
    articles = f"article_id IN (SELECT id FROM main.articles WHERE {own})"
    return {
        **dict.fromkeys(_HOST_TABLES, own),
        **dict.fromkeys(_ARTICLE_TABLES, articles),
        **dict.fromkeys(_EMPTY_TABLES, "false"),
    }
