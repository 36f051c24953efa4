"""Articles as Python has them: values with their types, one at a time or as a data frame."""

import sys
from dataclasses import fields
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.article_filter import ArticleBounds
from broadsheet.output.archive.table_columns import table_columns
from broadsheet.output.read import stored_articles as module
from broadsheet.output.read.stored_articles import (
    Article,
    articles_frame,
    find_stored_article,
    iter_links,
    iter_stored_articles,
)

SITE = "http://a.test"
URL = f"{SITE}/1"


@pytest.fixture
def filled(archive, make, words):
    """Six articles of two hosts; of one more is stated."""
    archive.save([make.outcome(f"http://{host}.test/{number}", words(f"{host}{number}x"))
                  for host in "ab" for number in range(3)])  # fmt: skip
    archive.db.execute("UPDATE articles SET language = 'en', published_day = '2024-05-1' || substr(url, -1)")
    archive.db.execute("UPDATE articles SET published = '2024-05-03T13:47:42Z', authors = '[\"Ann\", \"Bo\"]', "
                       "section = NULL WHERE url = ?", [URL])  # fmt: skip
    return archive.db


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


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_each_link_comes_once_with_the_article_that_it_leads_to(filled, make, archive, monkeypatch, batch):
    monkeypatch.setattr(module, "_BATCH", batch)
    markdown = "See [the first](/0) and [another site](https://c.test/x)."
    for number in range(3, 6):
        archive.save([make.outcome(f"{SITE}/{number}", f"number {number}", markdown=markdown)])
    (first,) = filled.execute("SELECT id FROM articles WHERE url = ?", [f"{SITE}/0"]).fetchone()
    links = list(iter_links(filled))
    assert links == sorted(links, key=lambda link: (link.article_id, link.position))
    assert {link.url for link in links} == {f"{SITE}/{number}" for number in range(3, 6)}
    assert [(link.anchor, link.target, link.target_id) for link in links] == 3 * [
        ("the first", f"{SITE}/0", first), ("another site", "https://c.test/x", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"host": "a.test"}, ["a.test/0", "a.test/1", "a.test/2"]),
        ({"host": "test", "since": "2024-05-12"}, ["a.test/2", "b.test/2"]),
        ({"until": "2024-05-11", "host": "b.test"}, ["b.test/0", "b.test/1"]),
        ({"languages": ("en",), "since": "2024-05-12"}, ["a.test/2", "b.test/2"]),
        ({"languages": ("de",)}, []),
    ],
)
def test_those_within_the_bounds(filled, bounds, expected):
    found = iter_stored_articles(filled, ArticleBounds(**bounds))
    assert sorted(article.url for article in found) == [f"http://{url}" for url in expected]


def test_values_have_their_types_and_what_is_not_stated_is_none(filled):
    filled.execute("ALTER TABLE articles ADD COLUMN [my mark] TEXT DEFAULT 'x'")
    article = find_stored_article(filled, URL)
    assert article.published == datetime(2024, 5, 3, 13, 47, 42, tzinfo=UTC)
    assert (article.published_day, article.modified, article.modified_day) == (date(2024, 5, 11), None, None)
    assert (article.authors, article.section, article.canonical_url) == (("Ann", "Bo"), None, None)
    [(first_seen,)] = filled.execute("SELECT first_seen FROM articles WHERE url = ?", [URL]).fetchall()
    assert article.first_seen == datetime.fromisoformat(first_seen)
    assert article.own_columns == {"my mark": "x"}


@pytest.mark.parametrize(
    ("column", "value"), [("published_day", "soon"), ("authors", "{"), ("published", "x"), ("tags", "{")]
)
def test_a_damaged_value_is_named(filled, column, value):
    filled.execute(f"UPDATE articles SET {column} = ? WHERE url = ?", [value, URL])
    with pytest.raises(DamagedValue, match=f"articles/{column} row"):
        find_stored_article(filled, URL)
    if value == "{":
        with pytest.raises(DamagedValue, match=f"articles/{column} row"):
            articles_frame(filled)


def test_reading_slowly_does_not_keep_a_crawl_from_folding_its_log_into_the_file(filled, file, monkeypatch):
    """A statement that is read to half would: SQLite must keep what it still may want to see."""
    monkeypatch.setattr(module, "_BATCH", 2)
    filled.conn.commit()
    reader = open_database(file, read_only=True)
    iterator = iter_stored_articles(reader)
    next(iterator)
    filled.execute("UPDATE articles SET title = 'other'")
    filled.conn.commit()
    assert filled.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    assert len(list(iterator)) == 5
    reader.close()


def test_the_columns_of_a_frame_have_the_types_of_their_values(filled):
    frame = articles_frame(filled).set_index("url")
    row, other = frame.loc[URL], frame.loc["http://a.test/0"]
    assert row["published"] == pd.Timestamp("2024-05-03T13:47:42", tz="UTC")
    assert row["published_day"] == pd.Timestamp("2024-05-11")
    assert (row["authors"], other["authors"]) == (["Ann", "Bo"], [])
    assert pd.isna(other["published"])
    assert str(frame["id"].dtype) == "int64"
    assert str(frame["first_seen"].dtype).endswith("UTC]")


def test_a_frame_has_the_columns_that_are_named_in_their_order(filled):
    assert list(articles_frame(filled, ["title", "id"]).columns) == ["title", "id"]
    with pytest.raises(KeyError, match="articles has no column body; it has id, url"):
        articles_frame(filled, ["body"])


def test_an_archive_without_articles_has_the_columns_all_the_same(archive):
    frame = articles_frame(archive.db)
    assert len(frame) == 0
    assert {"title", "published", "authors"} <= set(frame.columns)
    assert str(frame["published"].dtype).endswith("UTC]")


def test_without_pandas_it_says_what_to_install(filled, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install .*pandas"):
        articles_frame(filled)
