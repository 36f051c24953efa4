"""An archive's tables and views as rows that another archive of the same site must have too."""

import json
import re
import sqlite3
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from tests.bench.archives import columns

Value = object
Convert = Callable[[Value], Value]
Row = tuple[Value, ...]
Rows = dict[Row, Counter[Row]]
"""Rows by what tells them apart: under one identity stands one row, or several where nothing tells them apart."""

FULLTEXT_COLUMNS = ("article", "words", "digest")

_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost)(:|%3A)\d+", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SHADOWS = ("data", "idx", "content", "docsize", "config")
_NOT_PLAIN = re.compile(r"sqlite_stat\d")


class Contents:
    """Contents of one archive, read-only.

    With `any_port` it reads as if it had been crawled at no particular port.
    """

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        self._pool: dict[Value, Value] = {}
        self.any_port = False

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @cached_property
    def relations(self) -> dict[str, tuple[str, ...]]:
        """The tables and views with their columns; not those that hold a full-text index's or SQLite's own records."""
        query = "SELECT name, coalesce(sql, '') FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
        definitions = dict(self._db.execute(query).fetchall())
        indexes = {name for name, sql in definitions.items() if sql.lower().startswith("create virtual table")}
        shadows = {f"{name}_{shadow}" for name in indexes for shadow in _SHADOWS}
        plain = [name for name in definitions if name not in shadows and not _NOT_PLAIN.match(name)]
        return {name: FULLTEXT_COLUMNS if name in indexes else self._columns_of(name) for name in plain}

    @cached_property
    def ports(self) -> frozenset[str]:
        """The hosts with a port on this machine that were crawled."""
        return frozenset(
            host for (host,) in self._db.execute("SELECT DISTINCT host FROM urls") if _LOOPBACK.match(host)
        )

    def identity_of(self, relation: str) -> tuple[str, ...]:
        """The columns that tell the rows of a table or view apart."""
        if relation in columns.IDENTITIES:
            return columns.IDENTITIES[relation]
        if self.relations[relation] == FULLTEXT_COLUMNS:
            return FULLTEXT_COLUMNS[:1]
        described = self._db.execute(f'PRAGMA table_info("{relation}")').fetchall()
        keys = sorted((place, name) for _, name, _, _, _, place in described if place)
        return tuple(name for _, name in keys) or self.relations[relation]

    def rows_of(self, relation: str, names: Sequence[str]) -> Rows:
        """The rows of a table or view, these columns of it, by their identity."""
        key_places = [names.index(name) for name in self.identity_of(relation) if name in names]
        rows: Rows = defaultdict(Counter)
        for row in self._converted(relation, names):
            rows[tuple(row[place] for place in key_places)][row] += 1
        return rows

    def _columns_of(self, relation: str) -> tuple[str, ...]:
        return tuple(row[1] for row in self._db.execute(f'PRAGMA table_info("{relation}")'))

    def _converted(self, relation: str, names: Sequence[str]) -> Iterator[Row]:
        if self.relations[relation] == FULLTEXT_COLUMNS:
            yield from self._indexed_words(relation)
            return
        converts = [self._convert(f"{relation}.{name}") for name in names]
        listed = ", ".join(f'"{name}"' for name in names)
        for row in self._db.execute(f'SELECT {listed} FROM "{relation}"'):
            yield tuple(self._pooled(convert(value)) for convert, value in zip(converts, row, strict=True))

    def _pooled(self, value: Value) -> Value:
        """The same value, once in memory however often it stands in the archive."""
        return self._pool.setdefault(value, value) if isinstance(value, str | bytes) else value

    def _convert(self, column: str) -> Convert:
        """What makes a column's values comparable."""
        if column in columns.INSERTION_ORDER or (self.any_port and column in columns.PORT_DEPENDENT):
            return _nothing
        if column in columns.PRESENCE_ONLY:
            return _presence
        for table, references in columns.REFERENCES.items():
            if column in references:
                return self._meaning(table)
        convert = _SPECIAL.get(next((group for group in _SPECIAL if column in group), frozenset()), _as_it_is)
        return (lambda value: _without_port(convert(value))) if self.any_port else convert

    def _meaning(self, table: str) -> Convert:
        """Words for the number of a row; a number that stands for nothing remains itself."""
        meanings = self._meanings[table]
        return lambda number: meanings.get(number, number)

    @cached_property
    def _meanings(self) -> dict[str, dict[Value, Value]]:
        queries = columns.MEANINGS.items()
        meanings = {table: dict(self._db.execute(query).fetchall()) for table, query in queries}
        if not self.any_port:
            return meanings
        return {
            table: {number: _without_port(words) for number, words in meanings[table].items()} for table in meanings
        }

    def _indexed_words(self, relation: str) -> Iterator[Row]:
        """Of each article how many words the full-text index holds, and a digest of the words with their places.

        The digest holds in this process only.
        """
        counts: Counter[Value] = Counter()
        digests: Counter[Value] = Counter()
        self._db.execute("DROP TABLE IF EXISTS temp.vocabulary")
        self._db.execute(f"CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, {relation}, instance)")
        for term, article, column, place in self._db.execute("SELECT term, doc, col, offset FROM vocabulary"):
            counts[article] += 1
            digests[article] ^= hash((term, column, place))
        meaning = self._meaning("articles")
        for article in counts:
            yield meaning(article), counts[article], None if self.any_port else digests[article]


def _nothing(value: Value) -> Value:
    return None


def _presence(value: Value) -> Value:
    return None if value is None else "(there)"


def _as_it_is(value: Value) -> Value:
    return value


def _unpacked(value: Value) -> Value:
    return zlib.decompress(value).decode("utf-8") if isinstance(value, bytes) else value


def _unpacked_reading(value: Value) -> Value:
    fields = json.loads(str(_unpacked(value))) if value is not None else {}
    return json.dumps({name: fields[name] for name in sorted(fields) if name not in columns.READING_FIELDS})


def _in_order(value: Value) -> Value:
    return json.dumps(json.loads(value), sort_keys=True) if isinstance(value, str) else value


def _without_date(value: Value) -> Value:
    return _DATE.sub("DATE", value) if isinstance(value, str) else value


def _without_port(value: Value) -> Value:
    return _LOOPBACK.sub(r"\1\2PORT", value) if isinstance(value, str) else value


_SPECIAL: dict[Collection[str], Convert] = {
    columns.PACKED: _unpacked,
    columns.PACKED_READINGS: _unpacked_reading,
    columns.UNORDERED: _in_order,
    columns.DATED: _without_date,
}
