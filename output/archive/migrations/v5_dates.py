"""Version 5: dates apart. The instant in UTC where it is known, the day in the publisher's zone, and what is stated.

Until then a column held what the page states: a time with its zone, one without, or a day. That is now in `…_raw`.
"""

from __future__ import annotations

_TABLES = ("articles", "shelved")
_DATES = ("published", "modified")


def _day(column: str) -> str:
    """SQL for the day that a stated date begins with; NULL if that is none."""
    text = f"substr({column}, 1, 10)"
    is_day = f"date({text}) IS {text} AND {column} >= '0001' AND substr({column}, 11, 1) NOT GLOB '[0-9]'"
    return f"CASE WHEN {is_day} THEN {text} END"


def _instant(column: str) -> str:
    """SQL for the instant of a stated date in UTC; NULL without a time and its zone."""
    moment = f"strftime('%Y-%m-%dT%H:%M:%SZ', {column})"
    has_zone = f"({column} GLOB '*Z' OR {column} GLOB '*:[0-9][0-9]*[-+][0-9][0-9]:[0-9][0-9]')"
    return f"CASE WHEN {_day(column)} IS NOT NULL AND {has_zone} AND {moment} >= '0001' THEN {moment} END"


def _assignments(column: str) -> str:
    return f"{column} = {_instant(column)}, {column}_day = {_day(column)}, {column}_raw = {column}"


_BY_DATE = "coalesce(datetime(a.published_raw), '9999')"

DATES: tuple[str, ...] = (
    *(
        f"ALTER TABLE {table} ADD COLUMN {column}_{part} TEXT"
        for table in _TABLES
        for column in _DATES
        for part in ("day", "raw")
    ),
    *(
        f"UPDATE {table} SET {', '.join(map(_assignments, _DATES))} WHERE coalesce(published, modified) IS NOT NULL"
        for table in _TABLES
    ),
    "CREATE INDEX IF NOT EXISTS articles_published_day ON articles (published_day)",
    # Which of a cluster came first: by what is stated, a day from its beginning, a time without a zone as in UTC.
    "DROP VIEW article_clusters",
    f"""CREATE VIEW article_clusters AS
        SELECT a.id AS article_id, a.url AS url, coalesce(c.cluster_id, a.id) AS cluster_id,
            row_number() OVER (PARTITION BY coalesce(c.cluster_id, a.id)
                ORDER BY {_BY_DATE}, a.word_count DESC, a.id) AS by_date,
            row_number() OVER (PARTITION BY coalesce(c.cluster_id, a.id)
                ORDER BY a.word_count DESC, {_BY_DATE}, a.id) AS by_length
        FROM articles a LEFT JOIN clusters c ON c.article_id = a.id""",
)
