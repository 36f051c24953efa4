"""Rows of a data set: each column of the archive is there or named, without what was taken down."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.stored_values import DamagedValue
from broadsheet.output.collections.dataset_rows import (
    HostReader,
    TakedownList,
    _name_of,
    find_archives,
    indexes_by_host,
    open_sources,
)
from broadsheet.output.collections.dataset_tables import arrow_table, dataset_tables
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker
from tests.output.filled_rows import columns, put, rows


@pytest.mark.parametrize(
    ("url", "is_named"),
    [
        ("https://a.example/1", True),
        ("https://a.example/1?x", False),
        ("https://b.example/in/any/way", True),
        ("https://b.example/other", False),
        ("https://c.example/[x]?y", True),
        ("https://c.example/x", False),
        (None, False),
    ],
)
def test_urls_and_patterns_are_known(url: str | None, is_named: bool) -> None:
    patterns = ["https://a.example/1", "https://b.example/in/*", "https://c.example/[x]?*"]
    assert TakedownList.of(patterns).names(url) is is_named


def test_the_digest_is_of_what_was_taken_down_in_any_order() -> None:
    assert TakedownList.of(["a", "b"]).digest == TakedownList.of(["b", "a", "a"]).digest
    assert TakedownList.of(["a"]).digest != TakedownList.of([]).digest
    assert not TakedownList.of([]).names("a")


LEFT_OUT = {
    "articles": {"host", "page_id"},
    "urls": {"id", "host", "priority", "not_before", "revisit_seconds", "unfounded"},
    "changes": set(),
    "duplicates": {"cluster_id"},
}
"""Columns of the archive that a data set has not: numbers of one file, the queue's, and what its folders say."""

ADDED = {
    "articles": {"usage"},
    "urls": set(),
    "changes": set(),
    "duplicates": {"host", "duplicate_host", "url", "duplicate_url", "published_day", "duplicate_published_day"},
}


@pytest.mark.parametrize("table", LEFT_OUT)
def test_each_column_of_the_archive_is_in_the_data_set_or_named(archive: Archive, table: str) -> None:
    exported = set(dataset_tables()[table].column_names)
    assert exported - ADDED[table] == columns(archive.db, table).keys() - LEFT_OUT[table]
    assert exported >= ADDED[table]


HOST, PAGE, PICTURE = "a.test", "http://a.test/1", "http://a.test/p.png"


def fill(db: Database) -> None:
    """Store a row in each table that is read, with a value of its own in each column."""
    db.execute("PRAGMA foreign_keys = OFF")
    page = put(db, "urls", 1, url=PAGE, host=HOST, kind="page", state="done")
    picture = put(db, "urls", 2, url=PICTURE, host=HOST, kind="picture", state="done", location=None)
    put(db, "captures", 3, id=333, usage='["search=y"]')
    put(db, "articles", 4, url=PAGE, host=HOST, page_id=page["id"], capture_id=333)
    for number, kept in ((5, 0), (6, 1)):
        put(db, "_block_texts", number)
        put(db, "_reasons", number)
        ids = {"block_id": 1000 * number, "reason_id": 1000 * number}
        put(db, "_page_blocks", number, page_id=page["id"], kept=kept, **ids)
    put(db, "_images", 7, page_id=page["id"], url=PICTURE)
    put(db, "_pictures", 8, url_id=picture["id"])


@pytest.fixture
def reader(tmp_path: Path, make: Maker) -> Iterator[HostReader]:
    with Archive.open(tmp_path / "a.db", make.clock) as archive:
        fill(archive.db)
    with open_sources([tmp_path / "a.db"]) as sources:
        made = HostReader(sources, TakedownList.of([]), indexes_by_host([[HOST]]), "", has_files=False)
        made.prepare([0])
        yield made


def test_each_value_is_read_from_its_column(reader: HostReader) -> None:
    db = reader.sources[0].db
    for table, found in (("articles", reader.articles(HOST)), ("urls", reader.urls(HOST))):
        names = dataset_tables()[table].column_names
        stored = sorted(rows(db, table), key=lambda row: row["first_seen"])
        exported = [dict(zip(names, row, strict=True)) for row in found]
        usage = {"usage": '["search=y"]'} if table == "articles" else {}
        assert exported == [{name: (row | usage)[name] for name in names} for row in stored]


def test_a_removed_block_and_a_picture_have_each_value_from_its_column(reader: HostReader) -> None:
    (removed,), (picture,) = reader.removed(HOST), reader.pictures(HOST)
    names = dataset_tables()["removed"].column_names
    assert dict(zip(names, removed, strict=True)) == {
        "article_id": 4000, "url": PAGE, "position": 5001, "block_id": 5000, "text": "text 5", "reason": "reason 5",
        "rule": "rule 5",
    }  # fmt: skip
    names = dataset_tables()["pictures"].column_names
    assert dict(zip(names, picture, strict=True)) == {
        "article_id": 4000, "url": PAGE, "position": 7001, "image": PICTURE, "caption": "caption 7",
        "credit": "credit 7", "alt": "alt 7", "digest": "digest 8", "type": "type 8", "width": 8004, "height": 8005,
        "bytes": 8006, "data": None,
    }  # fmt: skip


@pytest.mark.parametrize("pattern", [PAGE, "http://a.test/*", "canonical_url 4"])
def test_what_was_taken_down_is_in_no_table(reader: HostReader, pattern: str) -> None:
    without = replace(reader, takedowns=TakedownList.of([pattern]))
    assert [*without.articles(HOST), *without.removed(HOST), *without.pictures(HOST)] == []
    assert list(without.articles_of(0)) == []
    assert list(reader.articles_of(0)) == [(4000, 1000)]
    urls = [row[0] for row in without.urls(HOST)]
    assert urls == {PAGE: [PICTURE], "http://a.test/*": [], "canonical_url 4": [PAGE, PICTURE]}[pattern]


@pytest.mark.parametrize("hidden", ["found_on", "location"])
def test_what_was_taken_down_is_not_told_as_where_a_url_was_found_or_led(reader: HostReader, hidden: str) -> None:
    names = dataset_tables()["urls"].column_names
    without = replace(reader, takedowns=TakedownList.of([f"{hidden} 1"]))
    before, after = (dict(zip(names, next(iter(each.urls(HOST))), strict=True)) for each in (reader, without))
    assert before[hidden] == f"{hidden} 1"
    assert after == before | {hidden: None}


def test_the_cache_of_an_archive_is_small(reader: HostReader) -> None:
    assert reader.sources[0].db.execute("PRAGMA cache_size").fetchone() == (-2048,)


def test_archives_of_a_folder_are_those_files_that_are_databases(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/folder.db").mkdir()
    for name, data in (("b.db", b"SQLite format 3\0..."), ("a.sqlite3", b"SQLite format 3\0"), ("c.sqlite", b"SQLite"),
                       ("text.db", b"text"), ("none.txt", b"SQLite format 3\0")):  # fmt: skip
        (tmp_path / "full" / name).write_bytes(data)
    found = [tmp_path / "full/a.sqlite3", tmp_path / "full/b.db"]
    named = tmp_path / "none.db"
    assert find_archives(map(str, (named, tmp_path / "full", found[1]))) == [named, *found]
    for file in found:
        file.unlink()
    with pytest.raises(NotReachable, match=rf"^{tmp_path}/full holds no archive$"):
        find_archives([str(tmp_path / "full")])


def test_the_name_of_an_archive_tells_its_file_but_not_its_folder() -> None:
    digits = hashlib.sha256(b"/x/A b_c.9-\xc3\xa4\xff.db").hexdigest()[:6]
    assert _name_of(Path("/x/A b_c.9-ä\udcff.db")) == f"A-b_c.9-ä--{digits}"


@pytest.mark.parametrize("numbers", [(9, 4), (4, 9)])
def test_rows_of_one_time_come_in_the_order_of_their_archives(
    tmp_path: Path, make: Maker, numbers: tuple[int, int]
) -> None:
    for name, number in zip("ab", numbers, strict=True):
        with Archive.open(tmp_path / f"{name}.db", make.clock) as archive:
            archive.db.execute("PRAGMA foreign_keys = OFF")
            put(archive.db, "articles", number, host=HOST, first_seen="2026-01-01", last_seen="2026-01-01")
    with open_sources([tmp_path / "a.db", tmp_path / "b.db"]) as sources:
        reader = HostReader(sources, TakedownList.of([]), indexes_by_host([[HOST], [HOST]]), "", has_files=False)
        reader.prepare([0, 1])
        assert [row[0] for row in reader.articles(HOST)] == [1000 * number for number in numbers]


@pytest.mark.parametrize(("first_seen", "last_seen"), [("2026-01-02", "2026-01-01"), ("2026-01-01", "2026-01-01")])
def test_of_two_archives_that_one_counts_that_saw_an_article_last(
    tmp_path: Path, make: Maker, first_seen: str, last_seen: str
) -> None:
    """Of equal times the one that is named last."""
    for name, seen_at in (("a.db", first_seen), ("b.db", last_seen)):
        with Archive.open(tmp_path / name, make.clock) as archive:
            archive.db.execute("PRAGMA foreign_keys = OFF")
            put(archive.db, "articles", 4, url=PAGE, host=HOST, last_seen=seen_at, title=name)
    with open_sources([tmp_path / "a.db", tmp_path / "b.db"]) as sources:
        reader = HostReader(sources, TakedownList.of([]), indexes_by_host([[HOST], [HOST]]), "", has_files=False)
        reader.prepare([0, 1])
        names = dataset_tables()["articles"].column_names
        titles = [dict(zip(names, row, strict=True))["title"] for row in reader.articles(HOST)]
    assert titles == ["a.db" if first_seen > last_seen else "b.db"]


def test_a_value_that_is_not_of_its_column_is_named() -> None:
    table = dataset_tables()["changes"]
    for index, column in enumerate(table.columns):
        row = [b"x" if place == index else None for place in range(len(table.columns))]
        with pytest.raises(DamagedValue, match=f"changes/{column.name} row in the data set"):
            arrow_table(table, [tuple(row)])
