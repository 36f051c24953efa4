"""Edits listed in order, each clause with a row that it leaves out, and their words with where both versions are."""

import pytest

from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.read import edit_history
from broadsheet.output.read.edit_diffs import EditDiff, diff_html, marked_blocks, read_edit_diff, version_links
from broadsheet.output.read.edit_history import (
    ALL_KINDS,
    ListedEdit,
    Revision,
    TextNotKeptError,
    blocks_of_revision,
    compare_revisions,
    find_revised_article,
    latest_edits,
    list_changes,
    list_edits,
    revisions_of,
)
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.edit_decisions import old_and_new_blocks
from tests.internal_tables import BLOCK_TEXTS, PAGE_BLOCKS, REVISION_BLOCKS, SHELF
from tests.output.filled_rows import put

AT = [f"2026-01-0{day}T00:00:00Z" for day in range(10)]
URL = "http://a.test/1"


@pytest.fixture
def noted(archive):
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


def test_each_value_of_an_edit_is_from_its_column(noted):
    new, correction, _ = list_edits(noted.db, kinds=ALL_KINDS)
    assert new == ListedEdit(1, AT[1], "new", ("new",), 1, 7, URL, "Now", "", 0, 0, 0, "")
    assert correction == ListedEdit(
        2, AT[2], "correction", ("correction", "body"), 2, 7, URL, "title 2", "title 1", 2008, 2009, 2010, "note 2"
    )


def test_each_row_of_changes_is_listed_with_its_number_and_time(noted):
    listed = [(row.seq, row.at.isoformat()[:19] + "Z") for row in list_changes(noted.db, after_seq=1)]
    assert listed == [(number, AT[number]) for number in (2, 3, 4)]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, [2, 4]), ({"kinds": ALL_KINDS}, [1, 2, 4]), ({"kinds": ("body",)}, [2, 4]),
        ({"kinds": ("correction",)}, [2]), ({"kinds": ("headline",)}, []), ({"after_seq": 1}, [2, 4]),
        ({"after_seq": 2}, [4]), ({"after_seq": 1 << 80}, []), ({"since": AT[4]}, [4]), ({"since": AT[5]}, []),
    ],
)  # fmt: skip
def test_edits_are_those_after_a_number_and_from_a_time_on(noted, bounds, expected, monkeypatch):
    assert numbers(list_edits(noted.db, **bounds)) == expected
    a_row_each = edit_history._IN_ORDER.replace(f"LIMIT {edit_history._ROWS_PER_READ}", "LIMIT 1")
    monkeypatch.setattr(edit_history, "_IN_ORDER", a_row_each)
    assert numbers(list_edits(noted.db, **bounds)) == expected


@pytest.mark.parametrize(
    ("before", "limit", "kinds", "expected"),
    [(5, 9, ALL_KINDS, [4, 2, 1]), (4, 9, ALL_KINDS, [2, 1]), (5, 1, ALL_KINDS, [4]), (5, 9, ("body",), [4, 2])],
)
def test_the_latest_edits_come_first(noted, before, limit, kinds, expected):
    assert numbers(latest_edits(noted.db, before_seq=before, limit=limit, kinds=kinds)) == expected


def test_an_edit_of_an_article_that_is_gone_is_not_listed(noted):
    put(noted.db, "changes", 6, seq=6, article_id=99, at=AT[6], change="changed", kind="body", revision=None)
    assert numbers(list_edits(noted.db)) == [2, 4]
    noted.db.execute("DELETE FROM articles")
    assert list(list_edits(noted.db)) == []
    put(noted.db, SHELF, 1, id=7, article='{"url": "http://a.test/s", "title": "Shelved"}')
    assert [(edit.url, edit.seq) for edit in list_edits(noted.db)] == [("http://a.test/s", 2), ("http://a.test/s", 4)]


def test_revisions_are_those_of_the_article(noted):
    put(noted.db, "revisions", 5, article_id=8, number=1, change="first", kinds="[]")
    found = revisions_of(noted.db, 7)
    assert [revision.number for revision in found] == [1, 2, 3]
    assert found[1] == Revision(
        2, "seen_at 2", "title 2", "correction", ("correction", "body"), 2008, 2009, 2010, "note 2", None
    )


def block(db, table: str, block_id: int, text: str, /, **values) -> None:
    put(db, BLOCK_TEXTS, block_id, id=block_id, text=text)
    put(db, table, block_id, block_id=block_id, kind=0, kept=1, reason_id=1, position=block_id, **values)


def test_blocks_are_those_of_the_last_text_up_to_a_revision(noted):
    """The first one has blocks of its own, the second none, the third the page's; a withdrawn one has no text."""
    db = noted.db
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
def test_a_block_that_one_side_has_comes_with_other_articles_of_the_host(noted, host, article_ids, expected):
    """Two are enough; pages of the article itself, of no article and of other hosts are none."""
    db = noted.db
    block(db, PAGE_BLOCKS, 32, "now", page_id=3)
    for page_id, article in enumerate(article_ids, 50):
        put(db, "urls", page_id, id=page_id, url=f"http://x/{page_id}", host=host, kind="page", state="done")
        put(db, "pages", page_id, id=page_id, article_id=article)
        put(db, PAGE_BLOCKS, 9, page_id=page_id, position=1, block_id=32, kind=0, kept=1, reason_id=1)
    old, new = old_and_new_blocks(db, 7, 1, 3, "a.test")
    assert [each.other_article_count for each in (*old, *new)] == [expected]


def test_a_block_that_both_sides_have_is_not_counted_and_a_stored_count_holds(noted):
    db = noted.db
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
    assert (found.id, found.url, found.page_id) == (article_id(URL), URL, 3)
    assert find_revised_article(db, "http://a.test/none") is None


URL = "http://a.test/1"
BRIDGE = (
    "The bridge over the inner channel has three arches and a toll house at each of its two ends, says the council."
)


def edited(archive, make, before, after, **changes):
    """The second revision of an article whose blocks were these."""
    archive.save([make.outcome(URL, *before, title="A <bridge>")])
    archive.save([make.outcome(URL, *after, **{"title": "A <bridge>"} | changes)])
    settle(archive.db, make.clock)
    [(number,)] = archive.db.execute("SELECT id FROM articles").fetchall()
    return read_edit_diff(archive.db, number, 2)


def test_words_are_marked_beside_those_that_stay(archive, make):
    diff = edited(archive, make, [BRIDGE, "Nobody counted."], [BRIDGE.replace("three", "two"), "Nobody counted."])
    assert list(marked_blocks(diff)) == [
        "The bridge over the inner channel has [-three-] {+two+} arches and a toll house at each of its two ends,"
        " says the council."
    ]
    assert "<del>three </del><ins>two </ins>" in diff_html(diff)
    assert (diff.first, diff.last, diff.title, diff.others) == (1, 2, (), 0)


def test_a_long_passage_that_stays_is_cut_and_markup_of_the_page_is_text(archive, make):
    long = " ".join(f"word{n}" for n in range(90))
    diff = edited(archive, make, [f"First {long} last."], [f"Now {long} <b>end</b>."], title="The <i>bridge</i>")
    title, block = marked_blocks(diff)
    assert title == "[-A <bridge>-] {+The <i>bridge</i>+}"
    assert block.startswith("[-First-] {+Now+} word0 ")
    assert " … " in block
    assert len(block) < 300
    assert "<ins>&lt;b&gt;end&lt;/b&gt;.</ins>" in diff_html(diff)


def test_more_blocks_than_are_shown_are_counted(archive, make):
    before = [f"The {n}. paragraph was here before." for n in range(8)]
    diff = edited(archive, make, [BRIDGE, *before], [BRIDGE, *(text.replace("before", "after") for text in before)])
    assert list(marked_blocks(diff))[-1] == "… and 3 more"
    assert diff_html(diff).endswith("<p>… and 3 more</p>")


SAME, OLD, NEW = "=", "-", "+"
WORDS = " ".join(f"{n:03}" for n in range(99))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (((SAME, "one "), (OLD, "two "), (NEW, "three "), (SAME, "four")), "one [-two-] {+three+} four"),
        (((OLD, "two"), (SAME, " four")), "[-two-] four"),
        (((SAME, "x" * 121), (NEW, "y")), f"{'x' * 121}{{+y+}}"),
        (((SAME, "x" * 122), (NEW, "y")), f"… {'x' * 60}{{+y+}}"),
        (((NEW, "y"), (SAME, "x" * 122)), f"{{+y+}} {'x' * 60} …"),
        (((NEW, "y"), (SAME, "x" * 122), (NEW, "z")), f"{{+y+}} {'x' * 60} … {'x' * 60}{{+z+}}"),
        (((NEW, "y "), (SAME, f"{WORDS} "), (NEW, "z")),
         f"{{+y+}} {WORDS[:59]} … {WORDS[-55:]} {{+z+}}"),
        (((OLD, "o" * 200),), f"[-{'o' * 200}-]"),
    ],
)  # fmt: skip
def test_a_passage_that_stays_is_cut_to_sixty_characters_beside_a_change(words, line):
    diff = EditDiff(5, 1, 2, None, 7, (), (words,), 0)
    assert list(marked_blocks(diff)) == [line]
    assert version_links(diff, "http://r/a") == version_links(diff, "http://r/a/") == [
        ("both versions", "http://r/a/article/5/diff?from=1&to=2"), ("after", "http://r/a/capture/7"),
    ]  # fmt: skip


def test_an_edit_without_both_texts_has_no_words(archive, make):
    assert edited(archive, make, [BRIDGE], [BRIDGE.replace("three", "two")]) is not None
    ((number,),) = archive.db.execute("SELECT id FROM articles").fetchall()
    assert [read_edit_diff(archive.db, number, revision) for revision in (1, 3)] == [None, None]
    assert read_edit_diff(archive.db, 7, 2) is None
    archive.db.execute(f"DELETE FROM {REVISION_BLOCKS}")
    assert read_edit_diff(archive.db, number, 2) is None
    article, (first, last) = find_revised_article(archive.db, URL), revisions_of(archive.db, number)
    with pytest.raises(TextNotKeptError, match=f"the text of revision 1 of {URL} was not kept by the version that saw"):
        compare_revisions(archive.db, article, first, last)
