"""The catalogue of a data set: a small SQLite file with its articles (no texts), hosts, copies and files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from broadsheet.output.dataset.arrow_rows import Row
from broadsheet.output.dataset.copies import Archives
from broadsheet.output.dataset.manifest import Manifest

CATALOGUE = "catalogue.db"

_SCHEMA = Path(__file__).with_name("catalogue.sql")
_ARTICLES = """SELECT id, title, url, host, published_day, language, section, word_count FROM main.articles
    ORDER BY id"""
_FILL_HOSTS = """INSERT INTO hosts (host, articles, words, first_day, last_day, languages)
    SELECT host, count(*), sum(word_count), min(published_day), max(published_day),
        coalesce(group_concat(DISTINCT language), '')
    FROM articles GROUP BY host"""
_PUT = "INSERT INTO {} ({}) VALUES ({})"
_FILE_COLUMNS = ("name", "table_name", "partition", "rows", "bytes")
_ARTICLE_COLUMNS = ("id", "title", "url", "host", "published_day", "language", "section", "word_count", "archive")
_PAIR_COLUMNS = ("article_id", "duplicate_id", "kind", "similarity", "contained", "host", "duplicate_host")


def write_catalogue(file: Path, manifest: Manifest, archives: Archives, duplicates: Iterable[Row]) -> None:
    """Make the catalogue of a state of the data set; `duplicates` are the rows of that table."""
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA journal_mode = OFF")  # a file that is not complete is thrown away
        connection.executescript(_SCHEMA.read_text("utf-8"))
        _put(connection, "archives", ("name", "articles", "hosts", "last_seq"), _archive_rows(manifest))
        _put(connection, "articles", _ARTICLE_COLUMNS, _article_rows(archives))
        _put(connection, "duplicates", _PAIR_COLUMNS, (row[:7] for row in duplicates))
        _put(connection, "files", _FILE_COLUMNS, _file_rows(manifest))
        connection.execute(_FILL_HOSTS)
        connection.execute("INSERT INTO articles_fts (articles_fts) VALUES ('rebuild')")


def host_languages(archives: Archives) -> Mapping[str, int]:
    """How many articles are in which language; those that state none are left out."""
    counts: dict[str, int] = {}
    for *_, language, _, _, _ in _article_rows(archives):
        if language:
            counts[str(language)] = counts.get(str(language), 0) + 1
    return counts


def _put(connection: sqlite3.Connection, table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    statement = _PUT.format(table, ", ".join(columns), ", ".join("?" * len(columns)))
    connection.executemany(statement, rows)


def _article_rows(archives: Archives) -> Iterator[Row]:
    for index, source in enumerate(archives.reader.sources):
        for row in source.db.execute(_ARTICLES):
            if archives.index_by_article.get(row[0]) == index:
                yield *row, source.name


def _archive_rows(manifest: Manifest) -> Iterator[Row]:
    for name, state in manifest.archives.items():
        yield name, state.articles, len(state.hosts), state.seq


def _file_rows(manifest: Manifest) -> Iterator[Row]:
    for file in manifest.files:
        yield file.name, file.table, file.partition, file.rows, file.bytes
