"""Version 5: a user's column gives up its name where the schema takes it, and keeps what is in it."""

from __future__ import annotations

import re

from sqlite_utils import Database

_ADD_COLUMN = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+)")


def rename_users_column(db: Database, statement: str) -> None:
    """If `statement` adds a column whose name a user's column of the table has, call that NAME_own.

    Its indexes, triggers, views and generated columns follow it.
    """
    if not (match := _ADD_COLUMN.match(statement)):
        return
    table, added_column = match.groups()
    for row in db.execute(f"PRAGMA table_xinfo({table})").fetchall():
        if row[1].lower() == added_column:
            db.execute(f'ALTER TABLE {table} RENAME COLUMN "{row[1]}" TO "{row[1]}_own"')
