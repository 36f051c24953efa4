"""Articles as a plain SQLite file for handing on: `articles` with full text, `authors` and `tags`, and `dictionary`.

A further export into the same file adds what is new and updates what changed, in one transaction. It removes articles
that its archive knows and has no longer, since they were forgotten or judged otherwise; those of other archives, and
tables and columns of somebody's own, stay as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from ..archive.archive_file import read_head
from ..archive.table_columns import folded_name, table_columns
from ..write.takedowns import is_forgotten
from .article_rows import DictionaryEntry, article_dictionary, chosen_articles, iter_articles
from .export_target import OwnFiles, TargetWriteError, database_target

_FILE_ID = 0x42735378  # "BsSx", which marks our files
_FILE_ID_PLACE = slice(68, 72)  # in the head of a SQLite file
_PAGE_SIZE = 1024  # bytes: a small file has a third less of them than with 4096, a large one a twentieth
_ARCHIVE_ID = "archive_id"
_LINKED = ("authors", "tags")
_LEFT_OUT = frozenset((*_LINKED, "markdown", "metadata_sources", "page_id", "capture_id", "cleaner_version"))
"""Columns that have tables of their own, repeat the text, or say how the archive came to it."""
_COLUMN_TYPES: Mapping[str, type] = {"integer": int}
_ANY_TYPE = bytes  # which SQLite declares as BLOB, and so leaves each value as it is
_SEARCHED = ("title", "text")
_TOKENIZER = "unicode61 remove_diacritics 2"
_MEANINGS: Mapping[tuple[str, str], str] = {
    ("articles", "id"): "Number of the article, of this file alone: small, since each word of the index names it.",
    ("articles", _ARCHIVE_ID): "The article's number in every archive that holds it.",
    ("authors", "id"): "Number of the author, of this file alone.",
    ("authors", "name"): "Name, as the articles state it.",
    ("tags", "id"): "Number of the tag, of this file alone.",
    ("tags", "name"): "The tag, as the articles state it.",
    ("articles_authors", "articles_id"): "The article. Its authors stand in the order of `rowid`.",
    ("articles_authors", "authors_id"): "One of its authors.",
    ("articles_tags", "articles_id"): "The article. Its tags stand in the order of `rowid`.",
    ("articles_tags", "tags_id"): "One of its tags.",
    ("articles_fts", ""): "The full-text index of titles and texts, for `MATCH`.",
}
_IS_ARTICLE = "SELECT 1 FROM main.articles WHERE id = ?"
_IS_KNOWN = "SELECT 1 FROM main.urls WHERE url = ?"


def export_sqlite(db: Database, target: str, *, one_per_cluster: bool = False) -> int:
    """Write the articles to a SQLite file, new or of an earlier export, and return how many.

    Raises TargetRefused for any other file, and TargetWriteError if writing fails; the file then stays as it was.
    """
    entries = [one for one in article_dictionary(table_columns(db, "articles")) if one.name not in _LEFT_OUT]
    names, written = [entry.name for entry in entries if entry.name != "id"], set[int]()
    with (
        database_target(OwnFiles.of(db), target, is_exported_database) as file,
        _writing(target),
        closing(Database(sqlite3.connect(file))) as exported,
    ):
        _make_tables(exported, entries)
        exported.execute("PRAGMA secure_delete = ON")  # forgotten articles must not survive in free pages
        exported.begin()
        meanings = {**{("articles", one.name): one.meaning for one in entries if one.name != "id"}, **_MEANINGS}
        rows = [{"table": table, "column": column, "meaning": text} for (table, column), text in meanings.items()]
        exported.table("dictionary").upsert_all(rows, pk=("table", "column"))
        stored = _stored_ids(exported)
        for article in _articles(db, one_per_cluster=one_per_cluster):
            values = {name: article[name] for name in names}
            _store(exported, stored.get(article["id"]), article, values)
            written.add(article["id"])
        _remove(exported, _gone_articles(db, exported, written))
        exported.table("articles").optimize()
        exported.commit()
        exported.vacuum()
    return len(written)


def is_exported_database(file: Path) -> bool:
    """Return whether a SQLite file was written by an export. Raises OSError if it cannot be read."""
    return read_head(file, _FILE_ID_PLACE.stop)[_FILE_ID_PLACE] == _FILE_ID.to_bytes(4, "big")


def exported_articles(file: Path) -> frozenset[int]:
    """Return the article numbers in a SQLite file written by an export; empty for other files."""
    with suppress(OSError, sqlite3.Error):
        if is_exported_database(file):
            with closing(Database(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True))) as exported:
                return frozenset(_stored_ids(exported))
    return frozenset()


class _ArchiveUnreadable(Exception):  # noqa: N818 - the name says it all
    """An error of the archive that is read, not of the file that is written; its cause says which."""


@contextmanager
def _writing(target: str) -> Iterator[None]:
    """Turn errors of writing within the context into a one-line TargetWriteError; the archive's own pass unchanged."""
    try:
        yield
    except _ArchiveUnreadable as error:
        raise error.__cause__ or error from None
    except sqlite3.Error as error:
        raise TargetWriteError(f"cannot write {target}: {error}") from error


def _articles(db: Database, *, one_per_cluster: bool) -> Iterator[dict[str, Any]]:
    try:
        yield from iter_articles(db, chosen_articles(db, one_per_cluster=one_per_cluster))
    except sqlite3.Error as error:
        raise _ArchiveUnreadable from error


def _make_tables(exported: Database, entries: Sequence[DictionaryEntry]) -> None:
    """Make the missing tables."""
    articles = exported.table("articles")
    if not articles.exists():
        exported.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
        exported.execute(f"PRAGMA application_id = {_FILE_ID}")
    columns = {"id": int, _ARCHIVE_ID: int} | {one.name: _column_type(one) for one in entries}
    articles.create(columns, pk="id", not_null=[_ARCHIVE_ID], if_not_exists=True)
    present = {folded_name(name) for name in articles.columns_dict}
    for name, column_type in columns.items():
        if folded_name(name) not in present:
            articles.add_column(name, column_type)
    articles.create_index([_ARCHIVE_ID], unique=True, if_not_exists=True)
    for name in _LINKED:
        exported.table(name).create({"id": int, "name": str}, pk="id", if_not_exists=True)
        keys = ("articles_id", f"{name}_id")
        exported.table(f"articles_{name}").create(
            dict.fromkeys(keys, int), pk=keys, foreign_keys=keys, if_not_exists=True
        )
    if not articles.detect_fts():
        articles.enable_fts(_SEARCHED, create_triggers=True, tokenize=_TOKENIZER)


def _column_type(entry: DictionaryEntry) -> type:
    return _ANY_TYPE if entry.is_own and not entry.is_text else _COLUMN_TYPES.get(entry.kind, str)


def _stored_ids(exported: Database) -> dict[int, int]:
    """Return the row ids of the file's articles by their ids in the archive."""
    rows = exported.table("articles").rows_where(select=f"id, {_ARCHIVE_ID}")
    return {row[_ARCHIVE_ID]: row["id"] for row in rows}


def _store(exported: Database, number: int | None, article: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Add an article with its authors and tags, or update the file's row of it."""
    articles, row = exported.table("articles"), {_ARCHIVE_ID: article["id"], **values}
    if number is None:
        articles.insert(row)
    else:
        articles.upsert({"id": number, **row}, pk="id")
        _unlink(exported, number)
    for name in _LINKED:
        for value in dict.fromkeys(article[name]):
            articles.m2m(name, lookup={"name": value})


def _unlink(exported: Database, number: int) -> None:
    for name in _LINKED:
        exported.table(f"articles_{name}").delete_where("articles_id = ?", [number])


def _gone_articles(db: Database, exported: Database, written: set[int]) -> list[int]:
    """Return the ids in the file of articles that the archive once had and no longer has, chosen or not."""
    rows = exported.table("articles").rows_where(select=f"id, {_ARCHIVE_ID}, url")
    left = [row for row in rows if row[_ARCHIVE_ID] not in written]
    try:
        return [row["id"] for row in left if _has_lost(db, row[_ARCHIVE_ID], row["url"])]
    except sqlite3.Error as error:
        raise _ArchiveUnreadable from error


def _has_lost(db: Database, article_id: int, url: str) -> bool:
    if db.execute(_IS_ARTICLE, [article_id]).fetchone():
        return False
    return bool(db.execute(_IS_KNOWN, [url]).fetchone()) or is_forgotten(db, url)


def _remove(exported: Database, article_ids: Sequence[int]) -> None:
    """Remove articles, and authors and tags that no article has any more."""
    for number in article_ids:
        _unlink(exported, number)
        exported.table("articles").delete(number)
    for name in _LINKED:
        exported.table(name).delete_where(f"id NOT IN (SELECT {name}_id FROM articles_{name})")
