"""An article's row: each column by name, a user's columns, and the notes in `changes`."""

from dataclasses import replace
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.document import PageType
from broadsheet.output.archive.article_storage import (
    ArticleChange,
    changes_made_now,
    latest_seq,
    note_change,
    put_user_values,
    remove_article,
    save_article,
    stored_article,
    user_values,
)
from broadsheet.output.archive.metadata_columns import ARTICLE_COLUMNS, METADATA_COLUMNS, metadata_values
from broadsheet.output.archive.page_rows import Sighting
from tests.internal_tables import SHELF
from tests.output.cleaned_pages import page_rows
from tests.output.filled_rows import columns, put, rows

URL = "http://a.test/story"
FIRST = Sighting(1, URL, "a.test", 5, "2026-01-01T00:00:00Z")
SECOND = Sighting(2, URL, "b.test", 6, "2026-02-01T00:00:00Z")
NUMBER = FIRST.article_id


@pytest.fixture
def page(make):
    return page_rows(make.cleaned(URL, "One two three.", title="A title"))


def changes(db: Database) -> list[tuple[Any, ...]]:
    names = ("article_id", "at", "change", "kind", "revision")
    return [tuple(row[name] for name in names) for row in rows(db, "changes")]


def test_each_column_of_an_article_has_its_value_and_two_stay(db, page):
    assert save_article(db, page, FIRST, None) is True
    own = {
        "id": NUMBER, "url": URL, "host": "a.test", "text": "One two three.", "markdown": "One two three.",
        "word_count": 3, "page_type": "article", "first_seen": FIRST.seen_at, "last_seen": FIRST.seen_at,
        "page_id": 1, "capture_id": 5, "cleaner_version": page.cleaner_version,
    }  # fmt: skip
    assert {*columns(db, "articles")} == {*own, *METADATA_COLUMNS} == {*ARTICLE_COLUMNS}, "name what a new column holds"
    assert rows(db, "articles") == [own | metadata_values(page.metadata)]

    other = replace(
        page, text="Four.", markdown="# Four.", words=1, cleaner_version="99",
        metadata=replace(page.metadata, title="B"), verdict=replace(page.verdict, page_type=PageType.TEASER),
    )  # fmt: skip
    assert save_article(db, other, SECOND, stored_article(db, URL)) is True
    changed = {
        "host": "b.test", "text": "Four.", "markdown": "# Four.", "word_count": 1, "page_type": "teaser",
        "last_seen": SECOND.seen_at, "page_id": 2, "capture_id": 6, "cleaner_version": "99",
    }  # fmt: skip
    assert rows(db, "articles") == [own | changed | metadata_values(other.metadata)]
    assert changes(db) == [(NUMBER, FIRST.seen_at, "added", "", None), (NUMBER, SECOND.seen_at, "changed", "", None)]


@pytest.mark.parametrize(
    ("field", "value", "has_changed"),
    [("title", "B", True), ("text", "Four.", True), ("markdown", "# One", False), ("section", "Politics", False)],
)
def test_only_title_and_text_are_a_change(db, page, field, value, has_changed):
    save_article(db, page, FIRST, None)
    own_fields = {field: value} if field in ("text", "markdown") else {}
    metadata = page.metadata if own_fields else replace(page.metadata, **{field: value})
    other = replace(page, metadata=metadata, **own_fields)
    assert save_article(db, other, FIRST, stored_article(db, URL)) is has_changed
    assert [change for _, _, change, *_ in changes(db)] == (["added", "changed"] if has_changed else ["added"])


def test_what_is_stored_is_found_in_either_table_and_removed_from_both(db, page):
    assert stored_article(db, URL) is None
    save_article(db, page, FIRST, None)
    found = stored_article(db, URL)
    assert (found.table, found.title, found.text, found.capture_id) == ("articles", "A title", "One two three.", 5)
    assert (found.page_type, found.word_count) == ("article", 3)
    remove_article(db, URL, SECOND.seen_at)
    assert stored_article(db, URL) is None
    assert changes(db)[1:] == [(NUMBER, SECOND.seen_at, "removed", "", None)]

    put(db, SHELF, 1, id=NUMBER, page_id=1, capture_id=8, article='{"title": "T", "text": "X", "word_count": 1}')
    found = stored_article(db, URL)
    assert (found.table, found.title, found.text, found.capture_id) == ("shelved", "T", "X", 8)
    remove_article(db, URL, SECOND.seen_at)
    assert rows(db, SHELF) == []
    assert len(changes(db)) == 2, "what was shelved had been removed before"


def test_what_is_stored_later_has_the_capture_s_time_and_its_notes_the_present(db):
    assert latest_seq(db) == 0
    note_change(db, 7, "2026-01-01", ArticleChange.ADDED)
    with changes_made_now(db, lambda: "2026-03-03"):
        note_change(db, 8, "2026-01-01", ArticleChange.CHANGED, "", 4)
    note_change(db, 9, "2026-01-02", ArticleChange.REMOVED)
    assert latest_seq(db) == 3
    assert changes(db) == [
        (7, "2026-01-01", "added", "", None),
        (8, "2026-03-03", "changed", "", 4),
        (9, "2026-01-02", "removed", "", None),
    ]


def test_values_of_a_user_s_columns_go_where_the_article_is(db, page):
    save_article(db, page, FIRST, None)
    assert user_values(db, 1) == {}
    db.execute("ALTER TABLE articles ADD COLUMN note TEXT")
    db.execute("ALTER TABLE articles ADD COLUMN twice INTEGER GENERATED ALWAYS AS (word_count * 2)")
    put_user_values(db, 1, {"note": "mine", "gone": 1, "twice": 8})
    assert user_values(db, 1) == {"note": "mine"}
    assert user_values(db, 2) == {}
    put_user_values(db, 2, {"note": "another"})
    assert [row[0] for row in db.execute("SELECT note FROM articles")] == ["mine"]

    db.execute("DELETE FROM articles")
    put(db, SHELF, 1, id=NUMBER, page_id=1, article='{"title": "T"}')
    assert user_values(db, 1) == {}
    put_user_values(db, 1, {"note": "shelved"})
    assert user_values(db, 1) == {"note": "shelved"}
