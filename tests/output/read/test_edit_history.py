"""Edits listed in order: each clause has a row that it leaves out, and each column its place."""

import pytest

from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.read import edit_history
from broadsheet.output.read.edit_history import (
    ALL_KINDS,
    ListedEdit,
    Revision,
    blocks_of_revision,
    find_revised_article,
    latest_edits,
    list_edits,
    revisions_of,
)
from broadsheet.output.write.edit_decisions import old_and_new_blocks
from tests.internal_tables import BLOCK_TEXTS, PAGE_BLOCKS, REVISION_BLOCKS, SHELF
from tests.output.filled_rows import put

AT = [f"2026-01-0{day}T00:00:00+00:00" for day in range(10)]
URL = "http://a.test/1"


@pytest.fixture
def edited(archive):
    """An article that was added, corrected and updated, noted in `changes` as 1, 2 and 4; 3 is a change of its text."""
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    put(db, "articles", 1, id=7, url=URL, page_id=3, title="Now")
    revisions = [("first", "[]"), ("correction", '["correction", "body"]'), ("body", "[]")]
    for number, (change, kinds) in enumerate(revisions, 1):
        put(db, "revisions", number, article_id=7, number=number, change=change, kinds=kinds, capture_id=None)
    notes = [
        (1, "added", "", None),
        (2, "changed", "correction", 2),
        (3, "changed", "", None),
        (4, "changed", "body", 3),
    ]
    for seq, change, kind, revision in notes:
        put(db, "changes", seq, seq=seq, article_id=7, at=AT[seq], change=change, kind=kind, revision=revision)
    return archive


def numbers(edits: list[ListedEdit]) -> list[int]:
    return [edit.seq for edit in edits]


def test_each_value_of_an_edit_is_from_its_column(edited):
    new, correction, _ = list_edits(edited.db, kinds=ALL_KINDS)
    assert new == ListedEdit(1, AT[1], "new", ("new",), 1, 7, URL, "Now", "", 0, 0, 0, "")
    assert correction == ListedEdit(
        2, AT[2], "correction", ("correction", "body"), 2, 7, URL, "title 2", "title 1", 2008, 2009, 2010, "note 2"
    )


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, [2, 4]), ({"kinds": ALL_KINDS}, [1, 2, 4]), ({"kinds": ("body",)}, [2, 4]),
        ({"kinds": ("correction",)}, [2]), ({"kinds": ("headline",)}, []), ({"after_seq": 1}, [2, 4]),
        ({"after_seq": 2}, [4]), ({"after_seq": 1 << 80}, []), ({"since": AT[4]}, [4]), ({"since": AT[5]}, []),
    ],
)  # fmt: skip
def test_edits_are_those_after_a_number_and_from_a_time_on(edited, bounds, expected, monkeypatch):
    assert numbers(list_edits(edited.db, **bounds)) == expected
    a_row_each = edit_history._IN_ORDER.replace(f"LIMIT {edit_history._ROWS_PER_READ}", "LIMIT 1")
    monkeypatch.setattr(edit_history, "_IN_ORDER", a_row_each)
    assert numbers(list_edits(edited.db, **bounds)) == expected


@pytest.mark.parametrize(
    ("before", "limit", "kinds", "expected"),
    [(5, 9, ALL_KINDS, [4, 2, 1]), (4, 9, ALL_KINDS, [2, 1]), (5, 1, ALL_KINDS, [4]), (5, 9, ("body",), [4, 2])],
)
def test_the_latest_edits_come_first(edited, before, limit, kinds, expected):
    assert numbers(latest_edits(edited.db, before_seq=before, limit=limit, kinds=kinds)) == expected


def test_an_edit_of_an_article_that_is_gone_is_not_listed(edited):
    put(edited.db, "changes", 6, seq=6, article_id=99, at=AT[6], change="changed", kind="body", revision=None)
    assert numbers(list_edits(edited.db)) == [2, 4]
    edited.db.execute("DELETE FROM articles")
    assert list(list_edits(edited.db)) == []
    put(edited.db, SHELF, 1, id=7, article='{"url": "http://a.test/s", "title": "Shelved"}')
    assert [(edit.url, edit.seq) for edit in list_edits(edited.db)] == [("http://a.test/s", 2), ("http://a.test/s", 4)]


def test_decided_revisions_are_those_of_the_article_that_do_not_wait(edited):
    put(edited.db, "revisions", 4, article_id=7, number=4, change="pending", kinds="[]")
    put(edited.db, "revisions", 5, article_id=8, number=1, change="first", kinds="[]")
    found = revisions_of(edited.db, 7)
    assert [revision.number for revision in found] == [1, 2, 3]
    assert found[1] == Revision(
        2, "seen_at 2", "title 2", "correction", ("correction", "body"), 2008, 2009, 2010, "note 2", None
    )


def block(db, table: str, block_id: int, text: str, /, **values) -> None:
    put(db, BLOCK_TEXTS, block_id, id=block_id, text=text)
    put(db, table, block_id, block_id=block_id, kind=0, kept=1, reason_id=1, position=block_id, **values)


def test_blocks_are_those_of_the_last_text_up_to_a_revision(edited):
    """The first one has blocks of its own, the second none, the third the page's; a withdrawn one has no text."""
    db = edited.db
    block(db, REVISION_BLOCKS, 31, "first", article_id=7, number=1, box=5, linked=0, elsewhere=2)
    block(db, PAGE_BLOCKS, 32, "now", page_id=3)
    put(db, "revisions", 4, article_id=7, number=4, change="withdrawn", kinds="[]")
    texts = {number: blocks_of_revision(db, 7, 3, number) for number in range(5)}
    assert texts[0] is None
    assert texts[2] is None
    assert [[each.text for each in texts[number] or ()] for number in (1, 3, 4)] == [["first"], ["now"], ["now"]]


@pytest.mark.parametrize(
    ("host", "article_ids", "expected"),
    [("a.test", [8], 1), ("a.test", [8, 9, 10], 2), ("a.test", [7], 0), ("a.test", [None], 0), ("b.test", [8], 0)],
)
def test_a_block_that_one_side_has_comes_with_other_articles_of_the_host(edited, host, article_ids, expected):
    """Two are enough; pages of the article itself, of no article and of other hosts are none."""
    db = edited.db
    block(db, PAGE_BLOCKS, 32, "now", page_id=3)
    for page_id, article in enumerate(article_ids, 50):
        put(db, "urls", page_id, id=page_id, url=f"http://x/{page_id}", host=host, kind="page", state="done")
        put(db, "pages", page_id, id=page_id, article_id=article)
        put(db, PAGE_BLOCKS, 9, page_id=page_id, position=1, block_id=32, kind=0, kept=1, reason_id=1)
    old, new = old_and_new_blocks(db, 7, 1, 3, "a.test")
    assert [each.other_article_count for each in (*old, *new)] == [expected]


def test_a_block_that_both_sides_have_is_not_counted_and_a_stored_count_holds(edited):
    db = edited.db
    block(db, PAGE_BLOCKS, 32, "both", page_id=3)
    put(db, REVISION_BLOCKS, 1, article_id=7, number=1, block_id=32, kind=0, kept=1, elsewhere=0, box=5)
    block(db, REVISION_BLOCKS, 33, "old", article_id=7, number=1, elsewhere=4, box=5, linked=0)
    old, new = old_and_new_blocks(db, 7, 1, 3, "a.test")
    assert {each.text: each.other_article_count for each in old} == {"both": 0, "old": 4}
    assert [each.other_article_count for each in new] == [0]


@pytest.mark.parametrize("table", ["articles", SHELF])
def test_an_article_is_found_by_its_url_on_the_shelf_too(db, table):
    put(db, "urls", 3, id=3, url=URL, host="a.test", kind="page", state="done")
    values = {"url": URL} if table == "articles" else {"article": f'{{"url": "{URL}"}}'}
    put(db, table, 1, id=article_id(URL), page_id=3, **values)
    found = find_revised_article(db, URL)
    assert found is not None
    assert (found.id, found.url, found.page_id) == (article_id(URL), URL, 3)
    assert find_revised_article(db, "http://a.test/none") is None
