"""Whether each value of each column is what its column holds: type, words, pattern and range."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache

from sqlite_utils import Database

from broadsheet.output.db.migrations import MIGRATIONS
from broadsheet.output.db.table_columns import TableColumn, table_columns
from broadsheet.output.read.checks.column_rules import ColumnRule, rules_of
from broadsheet.output.read.checks.finding import Finding, value_finding

_TABLES = """SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'
    AND name NOT LIKE 'articles_fts%' AND name NOT GLOB '*sqlite_*' ORDER BY name"""


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table of the schema: its columns, those of its key first among them by name, and SQL for a row's name."""

    name: str
    columns: tuple[TableColumn, ...]
    row_name: str


@cache
def schema_tables() -> tuple[StoredTable, ...]:
    """The ordinary tables of this version's schema, which every migration has a part in: made once a process."""
    with closing(Database(memory=True)) as schema:
        MIGRATIONS.apply(schema)
        names = [name for (name,) in schema.execute(_TABLES).fetchall()]
        return tuple(StoredTable(name, tuple(table_columns(schema, name)), _row_name(schema, name)) for name in names)


def _row_name(schema: Database, table: str) -> str:
    """SQL for the values of the primary key with `/` between; the row's number where there is none."""
    rows = schema.execute(f"PRAGMA table_info({table})").fetchall()
    key = [name for _, name, _, _, _, place in sorted(rows, key=lambda row: row[5]) if place]
    return " || '/' || ".join(key or ["rowid"])


def column_values(db: Database) -> Iterator[Finding]:
    """Every value is of its column's type, and one of its words, of its pattern, in its range."""
    for table in schema_tables():
        try:
            yield from _value_faults(db, table)
        except sqlite3.DatabaseError as error:
            yield Finding(f"{table.name} cannot be read: {error}", table.name)


def _value_faults(db: Database, table: StoredTable) -> Iterator[Finding]:
    names = [column.name for column in table.columns]
    rules = rules_of(table.name, table.columns)
    judges = [rule.fault for rule in rules]
    query = f"SELECT {table.row_name}, {', '.join(names)} FROM {table.name} WHERE {_suspect_rows(names, rules)}"
    for row_name, *values in db.conn.execute(query):
        for name, judge, value in zip(names, judges, values, strict=True):
            if fault := judge(value):
                yield value_finding(table.name, name, _readable(row_name), fault)


def _suspect_rows(names: Sequence[str], rules: Sequence[ColumnRule]) -> str:
    """SQL for the rows that may have a fault: all, unless every column holds numbers and nothing else."""
    conditions = [rule.suspect_numbers(name) for name, rule in zip(names, rules, strict=True)]
    return " OR ".join(conditions) if all(conditions) else "true"


def _readable(row_name: object) -> object:
    return row_name if not isinstance(row_name, bytes) else row_name.hex()
