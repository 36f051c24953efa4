"""Version 6: what a user made gives up its name where the schema takes it for one of its own."""

from __future__ import annotations

import re

from sqlite_utils import Database

_CREATE_OBJECT = re.compile(r"CREATE (?:VIEW|TABLE|INDEX) (\w+)")
_NAME = r"""(?:"(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`|'[^']*'|[^\s("'`\[]+)"""
_HEAD = re.compile(rf"\s*CREATE\s+(VIEW|UNIQUE\s+INDEX|INDEX)\s+{_NAME}", re.IGNORECASE)


def rename_users_object(db: Database, statement: str) -> None:
    """If `statement` makes a table, view or index whose name one of the user's has, call that NAME_own."""
    if not (match := _CREATE_OBJECT.match(statement)):
        return
    query = "SELECT type, name, sql FROM sqlite_master WHERE lower(name) = ? AND type IN ('table', 'view', 'index')"
    for kind, name, sql in db.execute(query, [match[1]]).fetchall():
        if kind == "table":
            db.execute(f'ALTER TABLE "{name}" RENAME TO "{name}_own"')
        else:
            db.execute(f'DROP {kind} "{name}"')
            db.execute(_HEAD.sub(rf'CREATE \1 "{name}_own"', sql, count=1))
