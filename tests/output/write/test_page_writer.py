"""A fetched page stored: every column of its row by name, and what may take the place of an article, a row a clause."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.document import PageType, PageVerdict
from broadsheet.output.archive.page_rows import PageRows, Sighting
from broadsheet.output.write.page_writer import SaveResult, save_page
from tests.internal_tables import OWN_FIELDS, PAGE_BLOCKS, PENDING_REVISIONS
from tests.output.cleaned_pages import page_rows
from tests.output.conftest import Maker
from tests.output.filled_rows import columns, put, rows

URL = "http://a.test/story"
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
FIRST, SECOND = Sighting(1, URL, "a.test", 5, EARLY), Sighting(1, URL, "a.test", 6, LATE)

Save = Callable[[Sighting, PageRows], SaveResult]


@pytest.fixture
def db(archive):
    archive.db.execute("PRAGMA foreign_keys = OFF")
    put(archive.db, "urls", 1, id=1, url=URL, host="a.test", kind="page", state="done")
    archive.db.conn.commit()
    return archive.db


def page(make: Maker, words: int, page_type: PageType = PageType.ARTICLE, title: str = "") -> PageRows:
    text = " ".join(f"word{number}" for number in range(words))
    return page_rows(make.cleaned(URL, text, removed=("Share", "Print"), page_type=page_type, title=title))


def articles(db: Database) -> list[tuple[int, str, int]]:
    return [(row["word_count"], row["page_type"], row["capture_id"]) for row in rows(db, "articles")]


def test_each_column_of_a_page_has_its_value(db, make):
    made = replace(
        page(make, 7, title="A title"), robots=("noarchive",), outlinks=4, certainty=0.75, cleaner_version="16",
        verdict=PageVerdict(PageType.ARTICLE, ("words=7", "links=4")),
    )  # fmt: skip
    made = replace(made, metadata=replace(made.metadata, canonical_url="http://a.test/main"))
    assert save_page(db, FIRST, made) == SaveResult(is_current=True, has_changed=True)
    (row,) = rows(db, "pages")
    expected: dict[str, Any] = {
        "id": 1, "capture_id": 5, "page_type": "article", "own_type": "article",
        "evidence": '["words=7", "links=4"]', "title": "A title", "canonical_url": "http://a.test/main",
        "text_digest": made.digest, "word_count": 7, "blocks": 3, "kept": 1, "removed": 2, "outlinks": 4,
        "robots": '["noarchive"]', "cleaner_version": "16", "article_id": FIRST.article_id, "certainty": 0.75,
        "layout_id": None, "_copy_of": None,
    }  # fmt: skip
    assert set(columns(db, "pages")) == {*expected, "cleaner_id"}, "name what a new column holds"
    assert {name: row[name] for name in expected} == expected

    again = replace(made, verdict=PageVerdict(PageType.LIST, ("links=90",)), certainty=None, robots=(), outlinks=90)
    again = replace(again, metadata=replace(again.metadata, canonical_url="", title="Another"))
    again = replace(again, words=0, digest="sha256:0", blocks=2, kept=0, cleaner_version="17")
    assert save_page(db, FIRST, again) == SaveResult(is_current=True, has_changed=False)
    (row,) = rows(db, "pages")
    assert {name: row[name] for name in expected} == expected | {
        "page_type": "list", "own_type": "list", "evidence": '["links=90"]', "title": "Another",
        "canonical_url": None, "text_digest": "sha256:0", "word_count": 0, "blocks": 2, "kept": 0, "removed": 2,
        "outlinks": 90, "robots": "[]", "cleaner_version": "17", "article_id": None, "certainty": None,
        "_copy_of": None,
    }  # fmt: skip


@pytest.mark.parametrize("page_type", [kind for kind in PageType if kind not in (PageType.ARTICLE, PageType.TEASER)])
def test_only_the_same_capture_can_remove_an_article(db, make, page_type):
    save_page(db, FIRST, page(make, 50))
    other = page(make, 50, page_type)
    assert save_page(db, SECOND, other) == SaveResult(is_current=False)
    assert articles(db) == [(50, "article", 5)]
    assert [row["page_type"] for row in rows(db, "pages")] == ["article"]
    assert save_page(db, FIRST, other) == SaveResult(is_current=True)
    assert articles(db) == []
    assert [row["change"] for row in rows(db, "changes")] == ["added", "removed"]
    assert rows(db, PAGE_BLOCKS) == []


@pytest.mark.parametrize(
    ("stored", "came", "sighting", "is_current"),
    [
        ((100, PageType.ARTICLE), (79, PageType.TEASER), SECOND, False),
        ((100, PageType.ARTICLE), (80, PageType.TEASER), SECOND, True),
        ((100, PageType.ARTICLE), (79, PageType.ARTICLE), SECOND, True),
        ((100, PageType.TEASER), (79, PageType.TEASER), SECOND, True),
        ((100, PageType.ARTICLE), (79, PageType.TEASER), FIRST, True),
    ],
)
def test_the_free_beginning_takes_no_whole_article_s_place(db, make, stored, came, sighting, is_current):
    save_page(db, FIRST, page(make, *stored))
    assert save_page(db, sighting, page(make, *came)) == SaveResult(is_current, has_changed=is_current)
    words, page_type = came if is_current else stored
    capture = sighting.capture_id if is_current else 5
    assert articles(db) == [(words, page_type, capture)]


@pytest.mark.parametrize(
    ("words", "title", "sighting", "changes", "revisions"),
    [
        (50, "A", FIRST, ["added"], 1),
        (50, "A", SECOND, ["added"], 1),
        (51, "A", FIRST, ["added", "changed"], 1),
        (50, "B", FIRST, ["added", "changed"], 1),
        (51, "A", SECOND, ["added", "changed"], 2),
        (50, "B", SECOND, ["added", "changed"], 2),
    ],
)
def test_another_title_or_text_is_a_change_and_of_another_capture_a_revision(
    db, make, words, title, sighting, changes, revisions
):
    save_page(db, FIRST, page(make, 50, title="A"))
    result = save_page(db, sighting, page(make, words, title=title))
    assert result == SaveResult(is_current=True, has_changed=len(changes) > 1)
    assert [row["change"] for row in rows(db, "changes")] == changes
    assert len(rows(db, "revisions") + rows(db, PENDING_REVISIONS)) == revisions
    assert [(row["title"], row["last_seen"]) for row in rows(db, "articles")] == [(title, sighting.seen_at)]


def test_what_was_stored_of_a_page_is_replaced_and_goes_with_its_article(db, make):
    save_page(db, FIRST, page(make, 50))
    assert len(rows(db, PAGE_BLOCKS)) == 3
    put(db, OWN_FIELDS, 1, page_id=1, field="section")
    save_page(db, FIRST, page(make, 50, PageType.LIST))
    assert rows(db, OWN_FIELDS) == []
    assert rows(db, PAGE_BLOCKS) == []


SHORT, WHOLE = "The wall is to be rebuilt.", " ".join(["The council decided on Tuesday to rebuild the wall."] * 12)


@pytest.mark.parametrize(
    ("captures", "stored"),
    [
        ([(WHOLE, True), (SHORT, False)], WHOLE),
        ([(WHOLE, True), (SHORT, True)], SHORT),
        ([(SHORT, True), (WHOLE, False)], WHOLE),
        ([(WHOLE, True), (WHOLE, False), (SHORT, False)], SHORT),  # the whole text came without a browser
    ],
)
def test_a_response_that_shows_less_than_a_rendered_article_leaves_it(archive, make, captures, stored):
    for text, is_rendered in captures:
        outcome = make.outcome(URL, text)
        archive.save([replace(outcome, capture=replace(outcome.capture, rendered_for=URL if is_rendered else ""))])
    assert archive.db.execute("SELECT text FROM articles").fetchall() == [(stored,)]
    assert archive.db["captures"].count == len(captures)
