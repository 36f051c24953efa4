"""Schema of a file that may come from a stranger: an allow-list of what may run when this program writes to it.

A trigger is a program in the file. Only those of the schema run, and those that the person at the keyboard has looked
at and named. The permission stands in the environment, not in the file: a stranger could write it there.

A user's tables, columns, indexes and views stay. So do triggers on tables that this program never changes.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

from sqlite_utils import Database, Migrations

from .archive_errors import ForeignSchema

ALLOWED_TRIGGERS_VARIABLE = "BROADSHEET_TRIGGERS"
"""Environment variable with the marks of the triggers that a user lets run, with commas between them."""

_MARK_DIGITS = 12
_SHOWN_NAMES = 3
_SHOWN_CHARS = 40  # of a name that a stranger chose
_ORDINARY_TABLE = "CREATE TABLE "
# SQLite refuses a row that calls its statement something else, but takes bytes for the same name.
_OBJECTS = """SELECT CAST(type AS TEXT), CAST(name AS TEXT), CAST(tbl_name AS TEXT), CAST(sql AS TEXT)
    FROM sqlite_master WHERE sql IS NOT NULL"""
_VIEWS = """SELECT CAST(sql AS TEXT) FROM sqlite_master
    WHERE type <> 'trigger' AND type <> 'index' AND sql NOT GLOB 'CREATE TABLE *'"""
_HAS_REFERENCE = "SELECT 1 FROM pragma_foreign_key_list(?) LIMIT 1"


def distrust_schema(connection: sqlite3.Connection) -> None:
    """Let what is stored in the schema call only functions and tables of SQLite that do nothing but compute.

    From Python 3.12 on, SQL cannot write the file's own structures either.
    """
    connection.execute("PRAGMA trusted_schema = OFF")
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)


def refuse_foreign_objects(db: Database, file: Path, migrations: Migrations) -> None:
    """Raise ForeignSchema if foreign SQL takes the place of the schema's, or would run at a write."""
    refuse_replaced_objects(db, file, migrations)
    own_objects = _own_objects(migrations)
    triggers = {
        name: sql
        for kind, name, table, sql in db.execute(_OBJECTS).fetchall()
        if kind == "trigger" and _may_run(db, own_objects, table, name, sql)
    }
    if triggers:
        raise ForeignSchema(_trigger_refusal(file, triggers))


def refuse_misleading_views(db: Database, file: Path, migrations: Migrations, schema_text: str) -> None:
    """Raise ForeignSchema if a view or virtual table that is not the schema's has a name of the schema.

    A reader would run whatever a stranger wrote there, without end. Those that stand in `schema_text` word for word are
    known at once: to make the schema for a comparison takes a tenth of the start of a command.
    """
    if any(sql not in schema_text for (sql,) in db.execute(_VIEWS).fetchall()):
        refuse_replaced_objects(db, file, migrations)


def refuse_replaced_objects(db: Database, file: Path, migrations: Migrations) -> None:
    """Raise ForeignSchema if a view or a table that is not the schema's has a name of the schema."""
    own_objects = _own_objects(migrations)
    for kind, name, _, sql in db.execute(_OBJECTS).fetchall():
        if not _is_own_or_beside(own_objects, kind, name, sql):
            raise ForeignSchema(f"{file} has a {kind} {_shown(name)} that is not the schema's")


def _may_run(db: Database, own_objects: _Objects, table: str, name: str, sql: str) -> bool:
    """Return whether a trigger is unknown and on a table that this program, or a reference to its rows, changes."""
    if sql in own_objects.get(("trigger", name.lower()), ()) or trigger_mark(sql) in _allowed_marks():
        return False
    is_own_table = ("table", table.lower()) in own_objects
    return is_own_table or db.execute(_HAS_REFERENCE, [table]).fetchone() is not None


def _is_own_or_beside(own_objects: _Objects, kind: str, name: str, sql: str) -> bool:
    """Return whether an object is the schema's, or has no name of the schema. Columns of tables are not compared."""
    if kind in ("trigger", "index"):
        return True
    own_statements = [
        statement for own_kind in ("table", "view") for statement in own_objects.get((own_kind, name.lower()), ())
    ]
    if not own_statements or sql in own_statements:
        return True
    return sql.startswith(_ORDINARY_TABLE) and own_statements[0].startswith(_ORDINARY_TABLE)


def trigger_mark(sql: str) -> str:
    """Return the mark of a trigger: a digest of its statement, so that another one needs another permission."""
    return hashlib.sha256(sql.encode("utf-8", "surrogateescape")).hexdigest()[:_MARK_DIGITS]


def _allowed_marks() -> frozenset[str]:
    return frozenset(os.environ.get(ALLOWED_TRIGGERS_VARIABLE, "").replace(",", " ").split())


def _trigger_refusal(file: Path, triggers: dict[str, str]) -> str:
    names = ", ".join(_shown(name) for name in list(triggers)[:_SHOWN_NAMES])
    more = f" and {len(triggers) - _SHOWN_NAMES} more" if len(triggers) > _SHOWN_NAMES else ""
    marks = ",".join(sorted({*_allowed_marks(), *map(trigger_mark, triggers.values())}))
    noun = "trigger" if len(triggers) == 1 else "triggers"
    return (
        f"{file} has the {noun} {names}{more}, not of Broadsheet, which each write would run: look at its SQL (table "
        f"sqlite_master), then DROP TRIGGER, or set {ALLOWED_TRIGGERS_VARIABLE}={marks} to let it run"
    )


def _shown(name: object) -> str:
    return repr(str(name)[:_SHOWN_CHARS])


_Objects = dict[tuple[str, str], frozenset[str]]
"""By kind and name in lower case: the statements that made an object, in any version of the schema."""


@cache
def _own_objects(migrations: Migrations) -> _Objects:
    """Return what the schema has, or had before one of the migrations: made once a process."""
    objects: _Objects = {}
    with closing(Database(memory=True)) as schema:
        for step in _after_each(schema, migrations):
            for kind, name, _, sql in step:
                key = (kind, name.lower())
                objects[key] = objects.get(key, frozenset()) | {sql}
    return objects


def _after_each(schema: Database, migrations: Migrations) -> Iterator[list[tuple[str, str, str, str]]]:
    """Apply the migrations one by one; yield the objects that are there after each."""
    while pending := migrations.pending(schema):
        migrations.apply(schema, stop_before=[migration.name for migration in pending[1:]])
        yield schema.execute(_OBJECTS).fetchall()
