"""The catalogue of a data set, a small SQLite file, and its card for people and Hugging Face.

The catalogue lists articles (without texts), hosts, copies and files. The card is a README with a head that Hugging
Face reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from ..archive.stored_text import as_json, inert_text
from .dataset_copies import Archives
from .dataset_files import Manifest
from .dataset_tables import DatasetTable, Row, dataset_tables

CATALOGUE = "catalogue.db"

_CATALOGUE_SCHEMA = Path(__file__).with_name("catalogue.sql")
_ARTICLES = """SELECT id, title, url, host, published_day, language, section, word_count FROM temp.dataset_articles
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
        connection.executescript(_CATALOGUE_SCHEMA.read_text("utf-8"))
        _put(connection, "archives", ("name", "articles", "hosts", "last_seq"), _archive_rows(manifest))
        _put(connection, "articles", _ARTICLE_COLUMNS, _article_rows(archives))
        _put(connection, "duplicates", _PAIR_COLUMNS, (row[:7] for row in duplicates))
        _put(connection, "files", _FILE_COLUMNS, _file_rows(manifest))
        connection.execute(_FILL_HOSTS)
        connection.execute("INSERT INTO articles_fts (articles_fts) VALUES ('rebuild')")


def host_languages(archives: Archives) -> Mapping[str, int]:
    """Count the articles in each language, those that state none left out."""
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


CARD = "README.md"

_CARD_TEMPLATE = Path(__file__).with_name("card.md")
_CARD_SIZES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)  # fmt: skip
_TABLE_HEAD = ("| column | type | meaning |", "|---|---|---|")
_LARGEST = "100M<n<1B"


def write_card(file: Path, title: str, manifest: Manifest, languages: Mapping[str, int]) -> None:
    """Write the card of a state of the data set."""
    articles = manifest.rows_of("articles")
    tables = [table for table in dataset_tables().values() if manifest.rows_of(table.name)]
    text = _CARD_TEMPLATE.read_text("utf-8").format(
        title=inert_text(title), quoted_title=as_json(title), languages=as_json(sorted(languages)),
        size=_size_category(articles), configs=_configs(tables), articles=f"{articles:,}",
        hosts=f"{manifest.host_count:,}", archives=f"{len(manifest.archives):,}", made_at=manifest.made_at,
        tables=_table_sections(tables, manifest),
    )  # fmt: skip
    file.write_text(text, "utf-8")


def _size_category(articles: int) -> str:
    return next((name for limit, name in _CARD_SIZES if articles < limit), _LARGEST)


def _configs(tables: Iterable[DatasetTable]) -> str:
    """Return a configuration a table, with the pattern of its files."""
    return "\n".join(
        f"- config_name: {table.name}\n  data_files: {table.name}/**/*.parquet" + "\n  default: true" * (number == 0)
        for number, table in enumerate(tables)
    )


def _table_sections(tables: Iterable[DatasetTable], manifest: Manifest) -> str:
    return "\n".join(_table_section(table, manifest.rows_of(table.name)) for table in tables)


def _table_section(table: DatasetTable, rows: int) -> str:
    schema = table.arrow_schema()
    lines = [f"\n### {table.name}\n", f"{table.meaning} {rows:,} rows.\n", *_TABLE_HEAD]
    lines += [f"| `{c.name}` | {schema.field(c.name).type} | {c.meaning} |" for c in table.columns]
    return "\n".join(lines)
