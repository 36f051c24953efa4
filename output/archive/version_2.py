"""Version 2 of the schema: the steps that make it of version 1, in their order.

A step is SQL, or a function where rows follow from others. All of them run in the one transaction of the upgrade, also
for a new file, whose tables are empty. A view that changes is dropped and made again, since readers know it by its SQL.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlite_utils import Database

Step = str | Callable[[Database], None]

_GAPS = """SELECT article_id, number, place FROM (SELECT article_id, number,
        row_number() OVER (PARTITION BY article_id ORDER BY number) AS place FROM revisions)
    WHERE number <> place ORDER BY article_id, number"""
_NUMBERS = (("revisions", "number"), ("_revision_blocks", "number"), ("changes", "revision"))


def _close_number_gaps(db: Database) -> None:
    """Close the gaps that version 1 left where it had numbered a revision that turned out to be no edit."""
    rows = db.execute(_GAPS).fetchall()
    for table, column in _NUMBERS:  # in the order of the numbers, so that each finds its new one free
        db.conn.executemany(f"UPDATE {table} SET {column} = ?3 WHERE article_id = ?1 AND {column} = ?2", rows)


STEPS: tuple[Step, ...] = (
    """DELETE FROM _revision_blocks WHERE NOT EXISTS (SELECT 1 FROM revisions r
        WHERE r.article_id = _revision_blocks.article_id AND r.number = _revision_blocks.number);""",
    _close_number_gaps,
)
