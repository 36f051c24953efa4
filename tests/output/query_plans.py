"""How SQLite carries out the statements that run on a connection, and what of that grows faster than the archive.

A plan is read with EXPLAIN QUERY PLAN when its statement runs first, so temporary tables are as they are then. How many
rows a look-up in an index gives is counted by ANALYZE in a copy of the archive, which leaves the planner of the archive
itself as it is.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PLANNED = re.compile(r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|CREATE TEMP TABLE \w+ AS)\b", re.IGNORECASE)
_CREATES = re.compile(r"\s*CREATE TEMP TABLE \w+ AS", re.IGNORECASE)
_SCAN = re.compile(r"SCAN (\w+)(?: USING .*)?$")
_SEARCH = re.compile(r"SEARCH (\w+) USING (?:(?:COVERING )?INDEX (\w+)|PRIMARY KEY) \((.*)\)")
_INNER = re.compile(r"CORRELATED|RECURSIVE STEP")

_TEMPORARY = ("settle_", "surveyed", "reached")  # tables with as many rows as the archive has pages, at worst
_MANY_ROWS = 100
_SMALL_SHARE = 0.05  # of a table's rows


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A line of a plan: its number, that of the line that it belongs to, and what it does."""

    number: int
    parent: int
    detail: str


class WatchedConnection(sqlite3.Connection):
    """A connection that notes the plan of each statement, and how often it ran."""

    plans: dict[str, tuple[PlanStep, ...]]
    runs: Counter[str]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.plans, self.runs = {}, Counter()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self._note(sql, parameters, 1)
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        rows = list(parameters)
        if rows:
            self._note(sql, rows[0], len(rows))
        return super().executemany(sql, rows)

    def _note(self, sql: str, parameters: Any, times: int) -> None:
        self.runs[sql] += times
        if sql not in self.plans and _PLANNED.match(sql):
            rows = super().execute(f"EXPLAIN QUERY PLAN {_CREATES.sub('', sql)}", parameters).fetchall()
            self.plans[sql] = tuple(PlanStep(number, parent, detail) for number, parent, _, detail in rows)


@dataclass(frozen=True, slots=True)
class IndexStatistics:
    """The tables of an archive that have many rows; and of each index, the share of its table's rows that have the same
    first column, first two …, in the mean. The index of a table without row ids has the table's name."""

    large_tables: frozenset[str]
    shares: dict[str, tuple[float, ...]]

    @classmethod
    def of(cls, archive: Path) -> IndexStatistics:
        """Count them in a copy of the archive in memory."""
        with closing(sqlite3.connect(":memory:")) as copy:
            with closing(sqlite3.connect(archive)) as source:
                source.backup(copy)
            copy.execute("ANALYZE")
            rows = copy.execute("SELECT tbl, idx, stat FROM sqlite_stat1 WHERE idx IS NOT NULL").fetchall()
            row_counts = {table: copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table, _, _ in rows}
        large_tables = frozenset(table for table, count in row_counts.items() if count >= _MANY_ROWS)
        shares = {
            index: tuple(int(number) / row_counts[table] for number in statistics.split()[1:] if number.isdigit())
            for table, index, statistics in rows
            if table in large_tables
        }
        return cls(large_tables, shares)


def growing_steps(connection: WatchedConnection, statistics: IndexStatistics, often: int) -> Iterator[tuple[str, str]]:
    """Statements with a step of their plan that reads a part of a whole table again and again: in an inner loop, or in
    a statement that ran `often` times. What an index gives of a small share of the rows is no such step, and a
    statement that names its index is taken to mean it."""
    for sql, steps in connection.plans.items():
        if "INDEXED BY" in sql:
            continue
        for step in steps:
            if (connection.runs[sql] >= often or _is_repeated(step, steps)) and _reads_much(step, sql, statistics):
                yield " ".join(sql.split()), step.detail


def _reads_much(step: PlanStep, sql: str, statistics: IndexStatistics) -> bool:
    """Whether a step reads all rows of a table, or a share of them that does not shrink as the table grows."""
    if scan := _SCAN.match(step.detail):
        name = _table_name(scan[1], sql)
        return name in statistics.large_tables or name.startswith(_TEMPORARY)
    if search := _SEARCH.match(step.detail):
        index, columns = search[2] or _table_name(search[1], sql), search[3].count("=")
        shares = statistics.shares.get(index, ())
        return 0 < columns <= len(shares) and shares[columns - 1] > _SMALL_SHARE  # past an index's columns: its row id
    return False


def _table_name(alias: str, sql: str) -> str:
    """The table that a statement calls by an alias."""
    named = re.search(rf"\b(?:FROM|JOIN|INTO|UPDATE|,)\s+(?:temp\.)?(\w+)\s+(?:AS\s+)?{alias}\b", sql)
    return named[1] if named else alias


def _is_repeated(step: PlanStep, steps: tuple[PlanStep, ...]) -> bool:
    """Whether a step is in an inner loop: it comes after another of the same join, or in a part that is run anew for
    each row."""
    before = [other for other in steps if other.parent == step.parent and other.number < step.number]
    if any(_SCAN.match(other.detail) or other.detail.startswith("SEARCH") for other in before):
        return True
    parents = [other for other in steps if other.number == step.parent]
    return any(_is_inner(parent, steps) for parent in parents)


def _is_inner(step: PlanStep, steps: tuple[PlanStep, ...]) -> bool:
    """Whether a part of a plan runs anew for each row. A list that does not depend on the row is made once."""
    if step.detail.startswith("LIST SUBQUERY"):
        return False
    parents = [other for other in steps if other.number == step.parent]
    return bool(_INNER.match(step.detail)) or any(_is_inner(parent, steps) for parent in parents)
