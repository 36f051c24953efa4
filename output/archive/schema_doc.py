"""Meanings of the schema's tables and columns, from `schema.toml`; `docs/schema.md` has those of the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from sqlite_utils import Database

from broadsheet.cleaners.package_data import read_toml

from .metadata_columns import SOURCES_COLUMN, STATED_MEANINGS

_INTERNAL = ("sqlite_", "_sqlite_", "articles_fts_")

EXAMPLES = read_toml(__package__, "contract.toml")
"""The contract: each table and view that others build on, with a query as an example, in their order."""

ColumnMeanings = Mapping[str, Mapping[str, str]]
"""Table, then column, to one line of text; the table's own line is under ''."""


@cache
def column_meanings() -> ColumnMeanings:
    """Read the meaning of each table and column from `schema.toml`, and of what a page states from its declaration."""
    meanings = read_toml(__package__, "schema.toml")
    lines = [*meanings["articles"].items()]
    place = [name for name, _ in lines].index(SOURCES_COLUMN)
    return {**meanings, "articles": dict([*lines[:place], *STATED_MEANINGS.items(), *lines[place:]])}


def dictionary_rows(db: Database) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the rows of table `dictionary`: table, column, meaning, unit, and what NULL stands for."""
    for table in EXAMPLES:
        meanings = meanings_of(table)
        yield table, "", _plain_text(meanings[""]), "", ""
        for _, column, *_ in columns_of(db, table):
            if column in meanings and not column.startswith("_"):  # a user may have added others
                text = _plain_text(meanings[column])
                absent = _ABSENT.search(text)
                unit = _units().get(column, "")
                yield table, column, _ABSENT.sub(".", text), unit, (absent["when"] or "otherwise") if absent else ""


_ABSENT = re.compile(r"[;.] (?:NULL (?P<when>[^.]*)|else NULL)\.")


@cache
def _units() -> Mapping[str, str]:
    """Read the unit of each column that has one, by its name, which means the same in all tables."""
    units = read_toml(__package__, "units.toml")
    return {column: unit for unit, columns in units.items() for column in columns}


def _plain_text(text: str) -> str:
    return text.replace("`", "")


def schema_columns(db: Database) -> dict[str, list[str]]:
    """Return the columns of each table and view that is part of the schema."""
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    return {name: [row[1] for row in columns_of(db, name)] for name in names if not name.startswith(_INTERNAL)}


def columns_of(db: Database, name: str) -> list[tuple[int, str, str, int, object, int]]:
    """Return the columns of a table or view, as rows of SQLite's `table_info`."""
    return db.execute(f"PRAGMA table_info({name})").fetchall()


def meanings_of(name: str) -> Mapping[str, str]:
    """Return the meanings of a table's columns; `shelved` has those of `articles` and its own."""
    return {**(column_meanings()["articles"] if name == "shelved" else {}), **column_meanings()[name]}
