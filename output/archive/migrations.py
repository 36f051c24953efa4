"""Schema of an archive: one baseline, written down in `schema.sql`, and the migrations that follow it.

The baseline and a migration that has shipped are never edited. A change is a new one, with `SCHEMA_VERSION` raised
by one, and with a file of the version before in `tests/output/archive/versions`. A file states its version in
`PRAGMA user_version` and in `meta`. A file of a draft, from before 0.1.0, states `schema_draft` too; it is refused, and
its WARC files are imported anew.

What the tables and columns mean is in `schema.toml`; `docs/schema.md` is generated from both.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlite_utils import Database, Migrations

from . import version_2
from .table_columns import quoted_name

SCHEMA_VERSION = 2

MIGRATIONS = Migrations("broadsheet")

_BASELINE = Path(__file__).parent / "schema.sql"


@MIGRATIONS()
def m0001_baseline(db: Database) -> None:
    """Make the archive."""
    run_statements(db, sql_statements(_baseline_text()))


@MIGRATIONS()
def m0002_contract(db: Database) -> None:
    """Bring a file of version 1 to version 2."""
    for step in version_2.STEPS:
        if isinstance(step, str):
            run_statements(db, sql_statements(step))
        else:
            step(db)


def schema_text() -> str:
    """Return the SQL that the schema is made with: of the baseline, then of the migrations."""
    return "\n".join((_baseline_text(), *(step for step in version_2.STEPS if isinstance(step, str))))


def _baseline_text() -> str:
    """Return the statements of the baseline, with the triggers in place of their mark."""
    return _BASELINE.read_text(encoding="utf-8").replace(_TRIGGERS_MARK, "\n".join(_settling_triggers()), 1)


_TRIGGERS_MARK = "-- Here stand the triggers on the tables that settling reads, from one table in `migrations.py`.\n"
_SETTLED_TABLES = (  # that settling reads: table, the column of the page, and the columns that make a difference to it
    ("pages", "id", "id, own_type, title, canonical_url, text_digest, word_count"),
    ("_page_layout", "page_id", "page_id, layout"),
    ("_page_signatures", "page_id", "page_id, signature"),
    ("articles", "page_id", "url, canonical_url, host, title, authors, published_raw, text, first_seen, page_id"),
    ("_shelf", "page_id", "article, first_seen, page_id"),
    ("_page_statements", "page_id", ""),  # its rows come and go, and none is changed
)
_NOTE_UNSETTLED = """    INSERT INTO _unsettled (page_id, host)
        SELECT {page}, coalesce((SELECT host FROM urls WHERE id = {page}), '')
        WHERE NOT EXISTS (SELECT 1 FROM _unsettled WHERE page_id = {page});"""


def _settling_triggers() -> Iterator[str]:
    """Yield the triggers that note each page whose rows were added, changed or deleted."""
    for table, page, columns in _SETTLED_TABLES:
        changed = [("changed", f"UPDATE OF {columns}", ("old", "new"))] if columns else []
        for name, event, rows in (("new", "INSERT", ("new",)), ("gone", "DELETE", ("old",)), *changed):
            notes = "\n".join(_NOTE_UNSETTLED.format(page=f"{row}.{page}") for row in rows)
            trigger = f"{table.lstrip('_')}_unsettled_{name}"
            yield f"CREATE TRIGGER {trigger} AFTER {event} ON {table}\nBEGIN\n{notes}\nEND;\n"


def sql_statements(script: str) -> Iterator[str]:
    """Yield each statement of a script, without its comments' lines; a trigger's body stays whole."""
    statement = ""
    for line in script.splitlines(keepends=True):
        if not line.startswith("--"):
            statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""


def run_statements(db: Database, statements: Iterable[str]) -> None:
    """Run the statements of a migration; a user's objects in the way are renamed to NAME_own."""
    for statement in statements:
        _rename_users_column(db, statement)
        _rename_users_object(db, statement)
        _execute(db, statement)


_UNUSABLE = re.compile(r"error in (view|trigger) (.+?): ")


def _execute(db: Database, statement: str) -> None:
    """Run a statement; a user's broken view or trigger does not stop a renaming."""
    unusable_objects: list[str] = []
    while True:
        try:
            db.execute(statement)
            break
        except sqlite3.OperationalError as error:
            if not (found := _UNUSABLE.match(str(error))):
                raise
            query = "SELECT sql FROM sqlite_master WHERE type = ? AND name = ?"
            unusable_objects += db.execute(query, list(found.groups())).fetchone()
            db.execute(f"DROP {found[1]} {quoted_name(found[2])}")
    for sql in unusable_objects:
        db.execute(sql)


_NEW_COLUMN = re.compile(r"ALTER TABLE (\w+) (?:ADD COLUMN|RENAME COLUMN \w+ TO) (\w+)")
_RENAME_ON_SHELF = """UPDATE _shelf SET article = json_remove(
    json_set(article, ?2, json_extract(article, ?1)), ?1)
    WHERE CASE WHEN json_valid(article) THEN json_type(article, ?1) IS NOT NULL END"""
_CREATE_OBJECT = re.compile(r"CREATE (?:VIEW|TABLE|(?:UNIQUE )?INDEX) (\w+)")
_NAME = r"""(?:"(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`|'[^']*'|[^\s("'`\[]+)"""
_HEAD = re.compile(rf"\s*CREATE\s+(VIEW|UNIQUE\s+INDEX|INDEX)\s+{_NAME}", re.IGNORECASE)


def _rename_users_column(db: Database, statement: str) -> None:
    """Rename a user's column whose name the statement adds; its indexes, triggers and views follow it."""
    if not (match := _NEW_COLUMN.match(statement)):
        return
    table, added_column = match.groups()
    for row in db.execute(f"PRAGMA table_xinfo({table})").fetchall():
        if row[1].lower() == added_column:
            _execute(db, f'ALTER TABLE {table} RENAME COLUMN "{row[1]}" TO "{row[1]}_own"')
            if table == "articles":
                db.execute(_RENAME_ON_SHELF, [f"$.{row[1]}", f"$.{row[1]}_own"])


def _rename_users_object(db: Database, statement: str) -> None:
    """Rename a user's table, view or index whose name the statement takes."""
    if not (match := _CREATE_OBJECT.match(statement)):
        return
    query = "SELECT type, name, sql FROM sqlite_master WHERE lower(name) = ? AND type IN ('table', 'view', 'index')"
    for kind, name, sql in db.execute(query, [match[1]]).fetchall():
        if kind == "table":
            db.execute(f'ALTER TABLE "{name}" RENAME TO "{name}_own"')
        else:
            db.execute(f'DROP {kind} "{name}"')
            db.execute(_HEAD.sub(rf'CREATE \1 "{name}_own"', sql, count=1))
