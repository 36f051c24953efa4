"""Rows of revisions: which are changed, read and numbered, each clause with a row that it leaves out."""

import json

import pytest

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.output.archive.page_rows import Sighting
from broadsheet.output.archive.revisions import (
    ArticleState,
    RevisionMark,
    RevisionValues,
    VersionMetadata,
    correct_revision,
    drop_pending,
    drop_revision_blocks,
    note_new_capture,
    note_revision,
    put_revision_blocks,
    read_article_state,
)
from tests.internal_tables import BLOCK_EVIDENCE, BLOCK_TEXTS, PAGE_BLOCKS, PENDING_REVISIONS, REVISION_BLOCKS, SHELF
from tests.output.filled_rows import put, rows

CHANGES = ["first", "correction", "withdrawn", "returned"]


@pytest.fixture
def revised(archive):
    """Two articles of four revisions, whose last two have no text of their own."""
    archive.db.execute("PRAGMA foreign_keys = OFF")
    for article_id in (7, 8):
        for number, change in enumerate(CHANGES, 1):
            values = {"article_id": article_id, "number": number, "change": change}
            put(archive.db, "revisions", 10 * article_id + number, **values)
    return archive


@pytest.mark.parametrize(
    ("correct", "changed"),
    [
        (lambda db: correct_revision(db, 7, "New", "digest"), {"text_digest": "digest", "title": "New"}),
        (lambda db: correct_revision(db, 7, None, "digest"), {"text_digest": "digest"}),
        (lambda db: correct_revision(db, 7, "New"), {"title": "New"}),
    ],
    ids=["all", "text", "title"],
)
def test_a_correction_reaches_the_last_text_and_what_follows_it(revised, correct, changed):
    before = rows(revised.db, "revisions")
    correct(revised.db)
    assert rows(revised.db, "revisions") == [
        row | changed if row["article_id"] == 7 and row["number"] >= 2 else row for row in before
    ]


def test_a_revision_gets_the_next_number_of_its_article_and_each_of_its_values(revised):
    sighting = Sighting(3, "http://a.test/1", "a.test", 44, "2026-01-01T00:00:00Z")
    assert note_revision(revised.db, sighting, RevisionValues("Title", "digest", RevisionMark.FIRST)) == 1
    values = RevisionValues("Title", "digest", EditKind.BODY, (EditKind.BODY, EditKind.DATE), "said", 3, 4, 5)
    assert note_revision(revised.db, sighting, values) == 2
    added = [row for row in rows(revised.db, "revisions") if row["article_id"] == sighting.article_id]
    assert added[1] == {
        "article_id": sighting.article_id, "seen_at": sighting.seen_at, "capture_id": 44, "title": "Title",
        "text_digest": "digest", "change": "body", "number": 2, "kinds": '["body", "date"]', "added": 3,
        "removed": 4, "rewritten": 5, "note": "said",
    }  # fmt: skip


def test_a_correction_reaches_the_pending_revision_alone_where_there_is_one(revised):
    before = rows(revised.db, "revisions")
    for article_id in (7, 8):
        put(revised.db, PENDING_REVISIONS, article_id, article_id=article_id, title="Old")
    correct_revision(revised.db, 7, "New", "digest")
    assert rows(revised.db, "revisions") == before
    first, second = rows(revised.db, PENDING_REVISIONS)
    assert (first["title"], first["text_digest"], second["title"]) == ("New", "digest", "Old")
    drop_pending(revised.db, 7)
    assert rows(revised.db, PENDING_REVISIONS) == [second]


@pytest.mark.parametrize("table", ["articles", SHELF])
def test_a_state_is_that_of_the_article_s_page(db, table):
    sources = '{"title": "meta", "published": "json-ld"}'
    stated = {"title": "Rain", "published_stated": "2024-05-03", "metadata_sources": sources}
    values = stated if table == "articles" else {"article": json.dumps(stated)}
    put(db, table, 1, id=7, page_id=3, cleaner_version="16", **values)
    put(db, "pages", 2, id=3, cleaner_id=5)
    for number, (page_id, text) in enumerate([(3, "abc"), (3, "abcde"), (4, "x")], 10):
        put(db, BLOCK_TEXTS, number, id=number, text=text)
        values = {"position": 20 - number, "block_id": number, "kept": number % 2, "kind": 1, "reason_id": 2}
        put(db, PAGE_BLOCKS, 9, page_id=page_id, **values)
    state = read_article_state(db, 7, 3)
    metadata = VersionMetadata("Rain", "meta", "2024-05-03", "json-ld", "16 5")
    assert state == ArticleState(((9, 11, 1, 1, 2, 5), (10, 10, 1, 0, 2, 3)), b"", metadata)
    assert state.kept_texts == (11,)
    assert VersionMetadata.from_json(state.metadata.to_json()) == state.metadata


def test_blocks_of_a_revision_take_the_place_of_its_own_alone(db):
    for article_id, number in ((7, 1), (7, 2), (8, 1)):
        put(db, REVISION_BLOCKS, article_id, article_id=article_id, number=number)
    for host, pages in (("a.test", 5), ("b.test", 3)):
        put(db, BLOCK_EVIDENCE, 4, block_id=11, host=host, at_place=0, pages=pages)
    state = ArticleState(((0, 11, 1, 1, 2, 5), (1, 12, 1, 0, 2, 3)), b"", VersionMetadata())
    put_revision_blocks(db, 7, 1, state)
    found = {(row["article_id"], row["number"], row["block_id"]): row["elsewhere"] for row in rows(db, REVISION_BLOCKS)}
    assert found == {(7, 1, 11): 4, (7, 1, 12): 0, (7, 2, 7003): 7009, (8, 1, 8003): 8009}
    drop_revision_blocks(db, 7, 1)
    assert {(row["article_id"], row["number"]) for row in rows(db, REVISION_BLOCKS)} == {(7, 2), (8, 1)}


def test_a_capture_of_an_article_without_a_text_adds_no_revision(db):
    sighting = Sighting(1, "u", "a.test", 5, "2026")
    put(db, "pages", 1, id=1)
    put(db, "articles", 1, id=sighting.article_id, page_id=1, title="After", metadata_sources="{}")
    for number, change in ((1, "withdrawn"), (2, "first")):
        put(db, "revisions", number, article_id=7 if number == 2 else sighting.article_id, change=change)
    before = ArticleState((), b"", VersionMetadata("Before"))
    note_new_capture(db, sighting, "digest", before)
    assert rows(db, PENDING_REVISIONS) == []
    db.execute("UPDATE revisions SET change = 'first' WHERE change = 'withdrawn'")
    note_new_capture(db, sighting, "digest", before)
    assert [tuple(row.values()) for row in rows(db, PENDING_REVISIONS)] == [
        (sighting.article_id, "2026", 5, "After", "digest", before.metadata.to_json())
    ]
    assert len(rows(db, "revisions")) == 2
