"""The reading room over a data set: its catalogue's front page, its articles by title and facet, and their texts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'broadsheet[dataset]')")

from broadsheet.output.browse.collection_pages import list_collection
from broadsheet.output.browse.library import Library
from broadsheet.output.browse.page_routes import read_markdown
from broadsheet.output.browse.strict_requests import Arguments, NotHereError
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.output.browse.conftest import RoomClient, article_id, visible_text
from tests.output.browse.test_pages import PAYLOADS, assert_inert
from tests.output.collections.conftest import RIVER, TOWER, Dataset, dataset, fill, words

__all__ = ["dataset"]

SHARED = article_id(f"{RIVER}/shared")


@pytest.fixture
def room(dataset: Dataset) -> RoomClient:
    dataset.write()
    return RoomClient(dataset.folder)


def test_the_folder_or_the_catalogue_opens_the_data_set(dataset: Dataset, room: RoomClient) -> None:
    assert Library.at(dataset.folder) == Library.at(dataset.folder / "catalogue.db") == room.room.library
    assert room.get("").headers["location"] == "/collection/"
    view = room.json("collection/index.json")
    assert (view["articles"], view["words"], view["pairs"]) == (4, 320, 1)
    assert [(line["name"].split("-")[0], line["articles"]) for line in view["archives"]] == [("river", 2), ("tower", 2)]
    assert [(line["host"], line["other_host"]) for line in view["copied"]] == [("river.example", "tower.example")]
    page = visible_text(room.page("collection/"))
    assert "A data set of 4 articles, 320 words, from 2 archives" in page


def test_an_archive_is_none(dataset: Dataset) -> None:
    assert Library.at(dataset.archives[0]).catalogue is None
    assert list(Library.at(dataset.archives[0].parent).archives) == ["river", "tower"]


@pytest.mark.parametrize("query", ["page=x", "sort=random", "q=" + "x" * 2000])
def test_what_cannot_be_asked_is_said_in_a_line(room: RoomClient, query: str) -> None:
    assert room.get(f"collection/articles?{query}").status_code == 400
    assert room.get("collection/article/1").status_code == 404


def test_an_article_has_its_text_and_what_is_alike(room: RoomClient) -> None:
    view = room.json(f"collection/article/{SHARED}.json")
    assert view["markdown"] == words("shared")
    assert [(copy["host"], copy["kind"]) for copy in view["similar"]] == [("tower.example", "syndicated")]
    page = room.page(f"collection/article/{SHARED}")
    assert "shared79" in page
    assert f"/collection/article/{article_id(f'{TOWER}/copied')}" in page


def test_a_text_that_is_not_there_is_said(dataset: Dataset, room: RoomClient) -> None:
    for file in (dataset.folder / "articles").rglob("*.parquet"):
        file.write_bytes(b"no Parquet")
    page = visible_text(room.page(f"collection/article/{SHARED}"))
    assert "cannot be read; run broadsheet dataset again." in page


def test_a_catalogue_names_no_file_outside_its_folder(tmp_path: Path) -> None:
    with pytest.raises(NotHereError, match="not of the data set"):
        read_markdown(tmp_path, ["../secret.parquet"], 1)
    assert read_markdown(tmp_path, [], 1) is None


def test_what_was_taken_down_is_not_in_the_room_either(dataset: Dataset) -> None:
    dataset.write()
    with Archive.open(dataset.archives[0], dataset.make.clock) as archive:
        take_down(archive.db, f"{RIVER}/own")
    dataset.write()
    room = RoomClient(dataset.folder)
    assert room.get(f"collection/article/{article_id(f'{RIVER}/own')}").status_code == 404
    assert room.json("collection/articles.json?host=river.example")["total"] == 1


def test_a_list_of_all_articles_is_counted_and_sorted_by_indexes(room: RoomClient) -> None:
    statements: list[str] = []
    assert room.room.library.catalogue
    with room.room.library.catalogue.open() as db:
        db.conn.set_trace_callback(statements.append)
        list_collection(db, Arguments({}))
        db.conn.set_trace_callback(None)
        plans = [str(db.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()) for statement in statements]
    assert "USING COVERING INDEX articles_facets" in plans[0]
    assert "USING INDEX articles_published_day" in plans[1]


def test_nothing_can_be_written(room: RoomClient) -> None:
    assert room.post("collection/articles", q="x").status_code == 405
    assert room.get("river/articles").status_code == 404


def test_a_damaged_catalogue_is_a_page_of_one_line(dataset: Dataset, room: RoomClient) -> None:
    with closing(sqlite3.connect(dataset.folder / "catalogue.db")) as connection, connection:
        connection.execute("DROP TABLE hosts")
    answer = room.get("collection/")
    assert answer.status_code == 503
    assert "run broadsheet dataset again" in answer.text


@pytest.mark.slow
@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_the_web_is_text_wherever_it_stands(dataset: Dataset, payload: str) -> None:
    outcome = dataset.make.outcome(f"{TOWER}/odd", f"{words('odd', 40)} {payload}", title=payload)
    fill(dataset.archives[1], dataset.make, [outcome])
    dataset.write()
    room = RoomClient(dataset.folder)
    for path in ("", "articles", f"article/{article_id(f'{TOWER}/odd')}"):
        assert_inert(room.page(f"collection/{path}"))
