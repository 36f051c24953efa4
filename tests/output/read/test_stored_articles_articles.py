from dataclasses import fields
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.article_filter import ArticleBounds
from broadsheet.output.archive.table_columns import table_columns
from broadsheet.output.read import stored_articles as module
from broadsheet.output.read.stored_articles import Article, find_stored_article, iter_stored_articles


@pytest.fixture
def filled(archive, make, words):
    archive.save([make.outcome(f"http://{host}.test/{number}", words(f"{host}{number}x"))
                  for host in "ab" for number in range(3)])  # fmt: skip
    archive.db.execute("UPDATE articles SET language = 'en', published_day = '2024-05-1' || substr(url, -1)")
    return archive.db


def urls(db, **bounds):
    return sorted(article.url for article in iter_stored_articles(db, ArticleBounds(**bounds)))


def test_every_column_of_the_table_is_a_field(filled):
    columns = {column.name for column in table_columns(filled, "articles")}
    assert {field.name for field in fields(Article)} - {"own_columns"} == columns
    long = {"text", "markdown", "metadata_sources", "own_columns"}
    assert {field.name for field in fields(Article) if not field.repr} == long


@pytest.mark.parametrize("batch", [1, 2, 6, 100])
def test_each_article_comes_once_in_the_order_of_the_numbers_whatever_a_batch_is(filled, monkeypatch, batch):
    monkeypatch.setattr(module, "_BATCH", batch)
    ids = [article.id for article in iter_stored_articles(filled)]
    assert ids == [row[0] for row in filled.execute("SELECT id FROM articles ORDER BY id")]
    assert len(ids) == 6


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"host": "a.test"}, ["http://a.test/0", "http://a.test/1", "http://a.test/2"]),
        ({"host": "test", "since": "2024-05-12"}, ["http://a.test/2", "http://b.test/2"]),
        ({"until": "2024-05-11", "host": "b.test"}, ["http://b.test/0", "http://b.test/1"]),
        ({"languages": ("en",), "since": "2024-05-12"}, ["http://a.test/2", "http://b.test/2"]),
        ({"languages": ("de",)}, []),
    ],
)
def test_those_within_the_bounds(filled, bounds, expected):
    assert urls(filled, **bounds) == expected


def test_one_of_those_that_say_the_same(filled):
    ids = [row[0] for row in filled.execute("SELECT id FROM articles WHERE host = 'a.test' ORDER BY published_day")]
    insert = """INSERT INTO duplicates (article_id, duplicate_id, kind, similarity, contained, cluster_id)
        VALUES (?, ?, 'near', 1, 1, ?)"""
    filled.conn.executemany(insert, [(first, second, min(ids)) for first, second in pairwise(ids)])
    assert len(list(iter_stored_articles(filled, one_per_cluster=True))) == 4


def test_values_have_their_types_and_what_is_not_stated_is_empty(filled):
    filled.execute("UPDATE articles SET published = '2024-05-03T13:47:42Z', authors = '[\"Ann\"]', section = NULL")
    article = find_stored_article(filled, "http://a.test/1")
    assert article is not None
    assert article.published == datetime(2024, 5, 3, 13, 47, 42, tzinfo=UTC)
    assert (article.published_day, article.modified, article.modified_day) == (date(2024, 5, 11), None, None)
    assert (article.authors, article.section, article.canonical_url) == (("Ann",), "", "")
    assert article.first_seen == datetime.fromisoformat(
        filled.execute("SELECT first_seen FROM articles WHERE url = 'http://a.test/1'").fetchone()[0]
    )


def test_a_column_of_a_users_own_is_there_under_its_name(filled):
    filled.execute("ALTER TABLE articles ADD COLUMN [my mark] TEXT DEFAULT 'x'")
    article = find_stored_article(filled, "http://a.test/1")
    assert article is not None
    assert article.own_columns == {"my mark": "x"}


@pytest.mark.parametrize(("column", "value"), [("published_day", "soon"), ("authors", "{"), ("published", "x")])
def test_a_damaged_value_is_named(filled, column, value):
    filled.execute(f"UPDATE articles SET {column} = ? WHERE url = 'http://a.test/1'", [value])
    with pytest.raises(DamagedValue, match=f"articles/{column} row"):
        find_stored_article(filled, "http://a.test/1")


def test_reading_slowly_does_not_keep_a_crawl_from_folding_its_log_into_the_file(filled, file, monkeypatch):
    """A statement that is read to half would: SQLite must keep what it still may want to see."""
    monkeypatch.setattr(module, "_BATCH", 2)
    reader = open_database(file, read_only=True)
    iterator = iter_stored_articles(reader)
    next(iterator)
    filled.execute("UPDATE articles SET title = 'other'")
    filled.conn.commit()
    assert filled.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    assert len(list(iterator)) == 5
    reader.close()
