"""The catalogue of a data set that has more of each kind than a page takes, in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.output.browse.collection_pages import list_collection, read_collection, read_collection_article
from broadsheet.output.browse.strict_requests import Arguments
from broadsheet.output.collections import dataset_catalogue
from tests.output.crowd import put_many

SCHEMA = Path(dataset_catalogue.__file__).with_name("catalogue.sql")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with closing(Database(tmp_path_factory.mktemp("data") / "catalogue.db")) as db:
        db.executescript(SCHEMA.read_text("utf-8"))
        put_many(db, "articles", 1, 62, id="n", title="CASE WHEN n % 2 THEN 'tide ' ELSE 'ebb ' END || (62 - n)",
                 url="'https://a.example/' || n", host="CASE WHEN n <= 40 THEN 'a.example' ELSE 'b.example' END",
                 published_day="CASE WHEN n > 2 THEN '20' || (10 + n % 3) || '-01-' || (10 + n % 20) END",
                 language="CASE WHEN n > 3 THEN 'en' END", section="CASE WHEN n > 4 THEN 'News' END",
                 word_count="n % 7", archive="CASE WHEN n % 4 THEN 'one' ELSE 'two' END")  # fmt: skip
        put_many(db, "hosts", 1, 201, host="'h' || n", articles="n % 3", words="n", languages="'en'",
                 first_day="CASE WHEN n <> 7 THEN '2010-01-' || (9 + n % 20) END",
                 last_day="CASE WHEN n <> 7 THEN '2012-01-' || (9 + n % 20) END")  # fmt: skip
        put_many(db, "archives", 1, 3, name="'archive ' || n", articles="n % 2", hosts="n")
        put_many(db, "files", 1, 3, name="'file ' || (9 - n)", table_name="'articles'",
                 partition="CASE n WHEN 3 THEN 'host=b.example' ELSE 'host=a.example' END")  # fmt: skip
        put_many(db, "files", 4, 4, name="'file'", table_name="'blocks'", partition="'host=a.example'")
        put_many(db, "duplicates", 2, 52, article_id="CASE WHEN n < 12 THEN 1 ELSE n END", kind="'near'",
                 duplicate_id="CASE WHEN n < 12 THEN n ELSE 1 END", similarity="CASE n WHEN 50 THEN 0.9 ELSE 0.5 END",
                 host="'h' || (n % 21)", duplicate_host="'other'")  # fmt: skip
        db.execute("INSERT INTO articles_fts (articles_fts) VALUES ('rebuild')")
        yield db


def test_the_front_page_has_the_largest_first(db: Database) -> None:
    view = read_collection(db)
    assert (view.articles, view.words, view.pairs) == (62, 20301, 51)
    assert (view.first_day, view.last_day) == ("2010-01-10", "2012-01-9")
    assert (len(view.hosts), len(view.copied)) == (200, 20)
    assert [(line.host, line.articles, line.first_day) for line in view.hosts[:2]] == [
        ("h101", 2, "2010-01-10"), ("h104", 2, "2010-01-13"),
    ]  # fmt: skip
    assert [line.name for line in view.archives] == ["archive 1", "archive 3", "archive 2"]
    assert {(line.host, line.articles) for line in view.copied} >= {("h2", 3), ("h10", 3)}
    assert sum(column.value for column in view.published.columns) == 60


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, (62, 1, 3, 30, [59, 38, 17])),
        ({"page": "0"}, (62, 1, 3, 30, [59, 38, 17])),
        ({"page": "2"}, (62, 2, 3, 30, [49, 28, 7])),
        ({"page": "3"}, (62, 3, 3, 2, [1, 2])),
        ({"page": "4"}, (62, 3, 3, 2, [1, 2])),
        ({"sort": "oldest"}, (62, 1, 3, 30, [60, 21, 42])),
        ({"sort": "oldest", "page": "3"}, (62, 3, 3, 2, [1, 2])),
        ({"sort": "longest"}, (62, 1, 3, 30, [6, 13, 20])),
        ({"sort": "title"}, (62, 1, 3, 30, [62, 52, 50])),
        ({"q": "tide"}, (31, 1, 2, 30, [59, 17, 35])),
        ({"q": "tide", "page": "2"}, (31, 2, 2, 1, [1])),
        ({"q": "..."}, (0, 1, 1, 0, [])),
        ({"host": "b.example"}, (22, 1, 1, 22, [59, 56, 53])),
        ({"archive": "two", "host": "b.example"}, (5, 1, 1, 5, [56, 44, 52])),
        ({"language": ""}, (3, 1, 1, 3, [3, 1, 2])),
        ({"section": ""}, (4, 1, 1, 4, [4, 3, 1])),
        ({"year": ""}, (2, 1, 1, 2, [1, 2])),
        ({"year": "2011"}, (20, 1, 1, 20, [19, 58, 37])),
    ],
)  # fmt: skip
def test_a_list_takes_so_many(db: Database, asked: dict[str, str], expected: tuple[Any, ...]) -> None:
    view = list_collection(db, Arguments(asked))
    ids = [article.id for article in view.articles]
    assert (view.total, view.page, view.page_count, len(ids), ids[:3]) == expected


def test_an_article_has_fifty_that_are_alike_the_most_alike_first(db: Database) -> None:
    asked: list[tuple[list[str], int]] = []
    view = read_collection_article(db, 1, lambda names, number: asked.append((list(names), number)))  # type: ignore[func-returns-value]
    assert asked == [(["file 7", "file 8"], 1)]
    assert (view.markdown, view.fault) == ("", "its text is not in the files of the data set")
    assert (len(view.similar), view.similar[0].id, view.similar[1].id) == (50, 50, 2)
    assert {(entry.kind, entry.similarity) for entry in view.similar[1:]} == {("near", 0.5)}
    assert [entry.id for entry in read_collection_article(db, 40, lambda *_: "Text").similar] == [1]
