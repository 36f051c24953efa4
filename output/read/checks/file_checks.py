"""Whether the file is sound as SQLite sees it, and has the schema of this version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache

from sqlite_utils import Database

from broadsheet.output.db.migrations import MIGRATIONS, SCHEMA_VERSION
from broadsheet.output.db.open import database_file
from broadsheet.output.db.table_columns import quoted_name
from broadsheet.output.read.checks.finding import Finding

_OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB '*sqlite_*'"

_Schema = Mapping[tuple[str, str], frozenset[object]]


def integrity(db: Database) -> Iterator[Finding]:
    """SQLite's own check of pages, indexes and constraints."""
    yield from (Finding(str(line)) for (line,) in db.execute("PRAGMA integrity_check") if line != "ok")


def foreign_keys(db: Database) -> Iterator[Finding]:
    """Every reference has its row."""
    for table, rowid, parent, _ in db.execute("PRAGMA foreign_key_check"):
        yield Finding(f"{table} row {rowid} refers to a missing row of {parent}", f"{table} row {rowid}")


def schema_version(db: Database) -> Iterator[Finding]:
    """`meta` and `user_version` state the schema of this version."""
    meta_row = db.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    user_version = db.execute("PRAGMA user_version").fetchone()[0]
    if meta_row != (str(SCHEMA_VERSION),) or user_version != SCHEMA_VERSION:
        yield Finding(
            f"meta says {meta_row and meta_row[0]}, user_version {user_version}, expected {SCHEMA_VERSION}",
            "meta/value row schema_version",
        )


def schema_objects(db: Database) -> Iterator[Finding]:
    """Tables, views, triggers and indexes are those of the schema; a user may have added others, and columns."""
    stored = _schema_of(db)
    for (kind, name), parts in _own_schema().items():
        if not parts <= stored.get((kind, name), frozenset()):
            yield Finding(f"the {kind} {name} is missing, or not that of the schema")


@cache
def _own_schema() -> _Schema:
    """The schema of this version, which every migration has a part in: made once a process."""
    with closing(Database(memory=True)) as schema:
        MIGRATIONS.apply(schema)
        return _schema_of(schema)


def _schema_of(db: Database) -> _Schema:
    """By kind and name of each object, its columns if it is an ordinary table, else its SQL."""
    return {
        (kind, name): _columns(db, name) if sql.startswith("CREATE TABLE") else frozenset({sql})
        for kind, name, sql in db.execute(_OBJECTS).fetchall()
    }


def _columns(db: Database, table: str) -> frozenset[object]:
    """The columns of a table, in whatever order: a user's may stand among those of a later version."""
    return frozenset(tuple(column[1:]) for column in db.execute(f"PRAGMA table_info({quoted_name(table)})").fetchall())


def full_text(db: Database) -> Iterator[Finding]:
    """The full-text index holds the words of the articles, all of them and no others."""
    missing = "SELECT id FROM articles EXCEPT SELECT id FROM articles_fts_docsize"
    surplus = "SELECT id FROM articles_fts_docsize EXCEPT SELECT id FROM articles"
    yield from (
        Finding(f"article {article_id} is not in the full-text index", f"articles row {article_id}")
        for (article_id,) in db.execute(missing)
    )
    yield from (
        Finding(f"the full-text index holds {rowid}, which is no article", f"articles_fts row {rowid}")
        for (rowid,) in db.execute(surplus)
    )
    yield from _full_text_words(db)


def _full_text_words(db: Database) -> Iterator[Finding]:
    """FTS5's own comparison, which SQLite counts as a write; left out where the file cannot be written now."""
    try:
        connection = sqlite3.connect(f"{database_file(db).as_uri()}?mode=rw", uri=True, isolation_level=None)
    except (ValueError, sqlite3.OperationalError):  # in memory, or in a folder that cannot be written
        return
    try:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return
    except sqlite3.DatabaseError as error:
        yield Finding(f"the full-text index does not hold the articles' words: {error}", "articles_fts")
    finally:
        connection.close()
