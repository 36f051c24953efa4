"""Checks of the file and its schema: sound for SQLite, and each value of the type and words of its column.

Types come from the schema, words from the enumerations that write them, patterns and ranges from `columns.toml`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.document import ARTICLE_TYPES, PageType, UrlSource
from broadsheet.cleaners.package_data import read_toml

from ..archive.archive_file import database_file
from ..archive.article_storage import ArticleChange
from ..archive.foreign_schema import distrust_schema
from ..archive.migrations import MIGRATIONS, SCHEMA_VERSION
from ..archive.revisions import RevisionMark
from ..archive.shelf import ShelvingReason
from ..archive.stored_values import location_of
from ..archive.table_columns import TableColumn, column_list, quoted_name, table_columns
from ..archive.url_words import UrlKind, UrlState


class Finding(NamedTuple):
    """A fault found by a check, as one line.

    `location` names the value or row, as `pages/evidence row 12`; the line has it too. Empty if the fault has no place.
    """

    detail: str
    location: str = ""


def value_finding(table: str, column: str, row: object, fault: str) -> Finding:
    """Return a finding about a wrong value; in its line `fault` follows the place."""
    location = location_of(table, column, row)
    return Finding(f"{location} {fault}", location)


def row_finding(table: str, row: object, fault: str) -> Finding:
    """Return a finding about a wrong row, or about one of several rows with the same key."""
    location = f"{table} row {row}"
    return Finding(f"{location} {fault}", location)


_OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB '*sqlite_*'"

_Schema = Mapping[tuple[str, str], frozenset[object]]


def integrity(db: Database) -> Iterator[Finding]:
    """Run SQLite's own check of pages, indexes and constraints."""
    yield from (Finding(str(line)) for (line,) in db.execute("PRAGMA integrity_check") if line != "ok")


def foreign_keys(db: Database) -> Iterator[Finding]:
    """Check that every referenced row exists."""
    for table, rowid, parent, _ in db.execute("PRAGMA foreign_key_check"):
        yield Finding(f"{table} row {rowid} refers to a missing row of {parent}", f"{table} row {rowid}")


def schema_version(db: Database) -> Iterator[Finding]:
    """Check that `meta` and `user_version` state the schema of this version."""
    meta_row = db.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    user_version = db.execute("PRAGMA user_version").fetchone()[0]
    if meta_row != (str(SCHEMA_VERSION),) or user_version != SCHEMA_VERSION:
        yield Finding(
            f"meta says {meta_row and meta_row[0]}, user_version {user_version}, expected {SCHEMA_VERSION}",
            "meta/value row schema_version",
        )


def schema_objects(db: Database) -> Iterator[Finding]:
    """Check that tables, views, triggers and indexes match the schema; additional ones, and added columns,
    are allowed.
    """
    stored = _schema_of(db)
    for (kind, name), parts in _own_schema().items():
        if not parts <= stored.get((kind, name), frozenset()):
            yield Finding(f"the {kind} {name} is missing, or not that of the schema")


@cache
def _own_schema() -> _Schema:
    """Return the schema of this version, which every migration has a part in: made once a process."""
    with closing(Database(memory=True)) as schema:
        MIGRATIONS.apply(schema)
        return _schema_of(schema)


def _schema_of(db: Database) -> _Schema:
    """Return by kind and name of each object its columns if it is an ordinary table, else its SQL."""
    return {
        (kind, name): _columns(db, name) if sql.startswith("CREATE TABLE") else frozenset({sql})
        for kind, name, sql in db.execute(_OBJECTS).fetchall()
    }


def _columns(db: Database, table: str) -> frozenset[object]:
    """Return the columns of a table in any order: a user's may come before those of a later version."""
    return frozenset(tuple(column[1:]) for column in db.execute(f"PRAGMA table_info({quoted_name(table)})").fetchall())


def full_text(db: Database) -> Iterator[Finding]:
    """Check that the full-text index holds exactly the words of the articles."""
    missing = "SELECT id FROM articles EXCEPT SELECT id FROM articles_fts_docsize"
    surplus = "SELECT id FROM articles_fts_docsize EXCEPT SELECT id FROM articles"
    yield from (
        Finding(f"article {article_id} is not in the full-text index", f"articles row {article_id}")
        for (article_id,) in db.execute(missing)
    )
    yield from (
        Finding(f"the full-text index has row {rowid}, which is not an article", f"articles_fts row {rowid}")
        for (rowid,) in db.execute(surplus)
    )
    yield from _full_text_words(db)


def _full_text_words(db: Database) -> Iterator[Finding]:
    """Run FTS5's own comparison, unless the file cannot be written now: SQLite counts it as a write."""
    try:
        connection = sqlite3.connect(f"{database_file(db).as_uri()}?mode=rw", uri=True, isolation_level=None)
    except (ValueError, sqlite3.OperationalError):  # in memory, or in a folder that cannot be written
        return
    try:
        distrust_schema(connection)
        connection.execute("BEGIN")
        connection.execute("INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return
    except sqlite3.DatabaseError as error:
        yield Finding(f"the full-text index does not hold the articles' words: {error}", "articles_fts")
    finally:
        connection.close()


_TYPES: Mapping[str, tuple[type, ...]] = {
    "INTEGER": (int,),
    "TEXT": (str,),
    "REAL": (float, int),
    "BLOB": (bytes,),
}
_TYPE_NAMES = {int: "a number", float: "a number with a point", str: "text", bytes: "bytes"}
_NO_UTF8 = re.compile("[\udc80-\udcff]")
_WORDS: Mapping[str, frozenset[str]] = {
    column: frozenset(map(str, words))
    for column, words in (
        ("urls.kind", UrlKind),
        ("urls.state", UrlState),
        ("urls.found_via", UrlSource),
        ("_url_counts.state", UrlState),
        ("pages.page_type", PageType),
        ("pages.own_type", PageType),
        ("articles.page_type", ARTICLE_TYPES),
        ("_shelf.why", ShelvingReason),
        ("revisions.change", (*EditKind, *RevisionMark)),
        ("changes.change", ArticleChange),
        ("changes.kind", ("", *EditKind, *RevisionMark)),
        ("_layouts.kind", ("", PageType.ARTICLE, PageType.LIST, PageType.OTHER)),
        ("_page_leads.way", ("next", "whole")),
        ("robots_files.access", ("rules", "all", "nothing")),
    )
}


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """A rule for the values of a column; with empty and None fields any value of its type is allowed."""

    types: tuple[type, ...]
    is_required: bool
    words: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None
    meaning: str = ""
    bounds: tuple[float, float] | None = None

    def fault(self, value: object) -> str:
        """Return what is wrong with a value, to follow its place; empty for a sound value."""
        if value is None:
            return "is NULL, which it may not be" if self.is_required else ""
        if self.types and type(value) not in self.types:
            return f"is {_TYPE_NAMES[type(value)]}, not {_TYPE_NAMES[self.types[0]]}"
        return self._text_fault(value) if isinstance(value, str) else self._number_fault(value)

    def suspect_numbers(self, column: str) -> str:
        """Return SQL that finds every faulty value of a column of whole numbers; empty for other columns."""
        if self.types != (int,) or self.words or self.pattern:
            return ""
        wrong_type = f"typeof({column}) <> 'integer'"
        if self.bounds is None:
            return wrong_type
        lowest, highest = self.bounds
        return f"{wrong_type} OR {column} NOT BETWEEN {lowest} AND {highest}"

    def _text_fault(self, text: str) -> str:
        if not text.isascii() and _NO_UTF8.search(text):
            return "is not valid UTF-8"
        if self.words and text not in self.words:
            return f"is {text[:40]!r}, which is not a word of this column"
        if self.pattern and not self.pattern.fullmatch(text):
            return f"is {text[:40]!r}, not {self.meaning}"
        return ""

    def _number_fault(self, value: Any) -> str:
        if self.bounds is None or isinstance(value, bytes) or self.bounds[0] <= value <= self.bounds[1]:
            return ""
        return f"is {value}, not between {self.bounds[0]} and {self.bounds[1]}"


def rules_of(table: str, columns: Iterable[TableColumn]) -> tuple[ColumnRule, ...]:
    """Return the rules for the columns of a table, in their order."""
    return tuple(_rule_of(f"{table}.{column.name}", column) for column in columns)


def _rule_of(name: str, column: TableColumn) -> ColumnRule:
    shape, bounds = _shapes().get(name), _ranges().get(name)
    return ColumnRule(
        _TYPES.get(column.declared_type, ()),
        column.is_required,
        _WORDS.get(name, frozenset()),
        shape[0] if shape else None,
        shape[1] if shape else "",
        bounds,
    )


@cache
def _shapes() -> dict[str, tuple[re.Pattern[str], str]]:
    """Read by `table.column` the pattern of its texts, and a name for them."""
    return {
        name: (re.compile(shape["pattern"], re.DOTALL), shape["meaning"])
        for shape in read_toml(__package__, "columns.toml")["shapes"].values()
        for name in shape["columns"]
    }


@cache
def _ranges() -> dict[str, tuple[float, float]]:
    """Read by `table.column` its lowest and its highest number."""
    return {
        name: (bounds["lowest"], bounds["highest"])
        for bounds in read_toml(__package__, "columns.toml")["ranges"].values()
        for name in bounds["columns"]
    }


_SHELF_VIEW = "shelved"
_TABLES = """SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'
    AND name NOT LIKE 'articles_fts%' AND name NOT GLOB '*sqlite_*' ORDER BY name"""


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table of the schema: its columns, and SQL that names a row by the table's key."""

    name: str
    columns: tuple[TableColumn, ...]
    row_name: str


@cache
def schema_tables() -> tuple[StoredTable, ...]:
    """Return the ordinary tables of this version's schema, and the view that shows the shelf as `articles` has it.

    Made once a process.
    """
    with closing(Database(memory=True)) as schema:
        MIGRATIONS.apply(schema)
        names = [name for (name,) in schema.execute(_TABLES).fetchall()]
        tables = [StoredTable(name, tuple(table_columns(schema, name)), _row_name(schema, name)) for name in names]
        [articles] = (table for table in tables if table.name == "articles")
        return (*tables, replace(articles, name=_SHELF_VIEW))


def _row_name(schema: Database, table: str) -> str:
    """Return SQL for the values of the primary key joined by `/`; for the row number in tables without one."""
    rows = schema.execute(f"PRAGMA table_info({table})").fetchall()
    key = [name for _, name, _, _, _, place in sorted(rows, key=lambda row: row[5]) if place]
    return " || '/' || ".join(map(quoted_name, key)) or "rowid"


def column_values(db: Database) -> Iterator[Finding]:
    """Check every value's type, and that it is an allowed word, matches the pattern, or lies in the range."""
    for table in schema_tables():
        try:
            yield from _value_faults(db, table)
        except sqlite3.DatabaseError as error:
            yield Finding(f"{table.name} cannot be read: {error}", table.name)


def _value_faults(db: Database, table: StoredTable) -> Iterator[Finding]:
    names = [column.name for column in table.columns]
    rules = rules_of("articles" if table.name == _SHELF_VIEW else table.name, table.columns)
    judges = [rule.fault for rule in rules]
    conditions = [rule.suspect_numbers(name) for name, rule in zip(names, rules, strict=True)]
    columns, suspects = column_list(names), " OR ".join(conditions) if all(conditions) else "true"
    query = f"SELECT {table.row_name}, {columns} FROM {table.name} WHERE {suspects}"
    for row_name, *values in db.conn.execute(query):
        for name, judge, value in zip(names, judges, values, strict=True):
            if fault := judge(value):
                yield value_finding(table.name, name, _readable(row_name), fault)


def _readable(row_name: object) -> object:
    return row_name if not isinstance(row_name, bytes) else row_name.hex()
