"""Shelved articles: nothing is lost by a kill, a merge or an update, a takedown reaches them, verify finds damage."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.archive import shelf
from broadsheet.output.archive.article_storage import put_user_values, user_values
from broadsheet.output.archive.metadata_columns import ARTICLE_COLUMNS
from broadsheet.output.read.verify import first_problem, verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import finish_takedowns, take_down
from tests.internal_tables import SHELF
from tests.output.conftest import Maker
from tests.output.filled_rows import filled, put, rows
from tests.output.merging import merge_archive
from tests.output.wires import exit_code

STAYS, COPY = "http://a.test/story", "http://a.test/mirror/story"
Words = Callable[..., str]


def save_copies(archive: Archive, make: Maker, words: Words) -> None:
    archive.save([make.outcome(url, words("w")) for url in (STAYS, COPY)])


def shelve_copy(archive: Archive, make: Maker, words: Words) -> None:
    """Store two articles with one text, one of them shelved, with what a user noted beside it."""
    save_copies(archive, make, words)
    archive.db.execute("ALTER TABLE articles ADD COLUMN note BLOB")
    archive.db.execute("UPDATE articles SET note = x'00ff' WHERE url = ?", [COPY])
    settle(archive.db, make.clock)


@pytest.fixture
def copies(archive, make, words):
    shelve_copy(archive, make, words)
    return archive


def article_row(db: Database, table: str, url: str) -> dict[str, object]:
    query = f"SELECT {', '.join(ARTICLE_COLUMNS)} FROM {table} WHERE url = ?"
    return dict(zip(ARTICLE_COLUMNS, db.execute(query, [url]).fetchone(), strict=True))


def page_of(db: Database, url: str) -> int:
    return int(db.execute("SELECT id FROM urls WHERE url = ?", [url]).fetchone()[0])


def test_each_column_of_the_schema_comes_back_from_the_shelf(db):
    article = put(db, "articles", 3)
    shelf.shelve(db, [(article["id"], shelf.ShelvingReason.PART)])
    assert rows(db, "articles") == []
    assert article_row(db, "shelved", article["url"]) == {name: article[name] for name in ARTICLE_COLUMNS}
    shelf.unshelve(db, article["id"])
    assert rows(db, "articles") == [article]
    assert rows(db, SHELF) == []


@pytest.mark.parametrize("table", ["articles", "shelved"])
def test_each_column_of_an_article_can_be_updated_where_it_is(db, table):
    article, other = put(db, "articles", 3), put(db, "articles", 4)
    changed = filled(db, "articles", 5, id=article["id"])
    if table == "shelved":
        shelf.shelve(db, [(each["id"], shelf.ShelvingReason.PART) for each in (article, other)])
    shelf.update_article(db, table, article["id"], {name: changed[name] for name in changed if name != "id"})
    assert article_row(db, table, changed["url"]) == {name: changed[name] for name in ARTICLE_COLUMNS}
    assert article_row(db, table, other["url"]) == {name: other[name] for name in ARTICLE_COLUMNS}


def test_an_update_of_a_shelved_article_changes_what_is_given(copies):
    before = article_row(copies.db, "shelved", COPY)
    values = {"title": "Another", "cleaner_version": "99", "description": None}
    shelf.update_article(copies.db, "shelved", int(str(before["id"])), values)
    assert article_row(copies.db, "shelved", COPY) == before | values
    assert user_values(copies.db, page_of(copies.db, COPY)) == {"note": {"base64": "AP8="}}


def test_what_a_user_noted_is_put_beside_a_shelved_article_too(copies, make, words):
    put_user_values(copies.db, page_of(copies.db, COPY), {"note": {"base64": "AQ=="}, "gone": 3})
    copies.save([make.outcome(STAYS, words("other"))])
    settle(copies.db, make.clock)
    assert copies.db.execute("SELECT note FROM articles WHERE url = ?", [COPY]).fetchone() == (b"\x01",)


def settle_and_die(file: Path) -> None:
    """Settle in a process that ends between the row on the shelf and the end of the one in `articles`."""
    with Archive.open(file, Maker().clock) as archive:
        archive.db.conn.create_function("die", 0, lambda: os._exit(9))
        archive.db.execute("CREATE TEMP TRIGGER killed BEFORE DELETE ON articles BEGIN SELECT die(); END")
        settle(archive.db, Maker().clock)


def test_a_kill_between_shelf_and_articles_leaves_the_article_where_it_was(file, make, words):
    with Archive.open(file, make.clock) as archive:
        save_copies(archive, make, words)
    assert exit_code(lambda: settle_and_die(file)) == 9
    with Archive.open(file, make.clock) as archive:
        assert (archive.db["articles"].count, archive.db[SHELF].count) == (2, 0)
        assert verify(archive.db) == []
        assert settle(archive.db, make.clock).removed_articles == 1


def test_a_takedown_leaves_nothing_of_a_shelved_article_in_the_bytes(file, make, words):
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(url, words("zanzibar"), title="Quillwork") for url in (STAYS, COPY)])
        archive.save([make.outcome("http://a.test/other", words("other"))])
        archive.db.execute("ALTER TABLE articles ADD COLUMN note TEXT")
        archive.db.execute("UPDATE articles SET note = 'Oakenshaw' WHERE url = ?", [COPY])
        settle(archive.db, make.clock)
        assert archive.db[SHELF].count == 1
    gone = (b"zanzibar", b"Quillwork", b"Oakenshaw")
    assert all(word in file.read_bytes() for word in gone)
    with Archive.open(file, make.clock) as archive:
        take_down(archive.db, COPY, "", make.clock)
        finish_takedowns(archive.db)
        assert (archive.db[SHELF].count, archive.db["articles"].count) == (0, 1)
    assert not [word for word in gone if word in file.read_bytes()]


def test_a_shelved_article_is_merged_with_what_a_user_noted(tmp_path, make, words):
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    with Archive.open(source, make.clock) as archive:
        shelve_copy(archive, make, words)
    with Archive.open(target, make.clock) as archive:
        merge_archive(archive.db, source, make.clock)
        settle(archive.db, make.clock)
        assert archive.db.execute("SELECT url, why FROM shelved").fetchall() == [(COPY, "duplicate")]
        archive.save([make.outcome(STAYS, words("other"))])
        settle(archive.db, make.clock)
        assert archive.db.execute("SELECT note FROM articles WHERE url = ?", [COPY]).fetchone() == (b"\x00\xff",)


@pytest.mark.parametrize(
    ("check", "location", "damage"),
    [
        ("stored_values", f"{SHELF}/article", "article = substr(article, 1, 40)"),
        ("stored_values", f"{SHELF}/article", "article = '[]'"),
        ("column_values", f"{SHELF}/why", "why = 'duplicatf'"),
        ("column_values", f"{SHELF}/last_seen", "last_seen = 'now'"),
        ("column_values", "shelved/title", "article = json_remove(article, '$.title')"),
        ("column_values", "shelved/word_count", "article = json_set(article, '$.word_count', 'many')"),
        ("column_values", "shelved/page_type", "article = json_set(article, '$.page_type', 'artikle')"),
        ("stored_values", "shelved/authors", "article = json_set(article, '$.authors', '[1')"),
        ("row_numbers", "shelved", "article = json_set(article, '$.url', 'http://a.test/else')"),
        ("hosts", "shelved/host", "article = json_set(article, '$.host', 'b.test')"),
        ("article_digests", "shelved/text", "article = json_set(article, '$.text', 'other')"),
        ("copied_values", "shelved/title", "article = json_set(article, '$.title', 'other')"),
        ("foreign_keys", SHELF, "capture_id = 5"),
        ("foreign_keys", SHELF, "page_id = 5"),
    ],
)
def test_damage_on_the_shelf_is_named(copies, check, location, damage):
    assert first_problem(copies.db) is None
    copies.db.execute("PRAGMA foreign_keys = OFF")
    copies.db.execute(f"UPDATE {SHELF} SET {damage}")
    found = {(problem.check, problem.location.partition(" row ")[0]) for problem in verify(copies.db)}
    assert (check, location) in found
