"""Pages that settling leaves without a text, or with that of another: no articles, and back when the evidence falls."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import Block, BlockKind, PageType, PageVerdict, Verdict
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.second_look import EmptiedPage, LateCopy, SecondLook, look_again, stored_second_look
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.unsettled import note_unsettled
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.person_verdicts import Ruling
from tests.internal_tables import IMAGES, OWN_VERDICTS, PAGE_BLOCKS, PAGE_PARTS, SHELF, SHELVED
from tests.output.cleaned_pages import with_page
from tests.output.filled_rows import put

KEPT, RULED = Verdict(True, "selected", "extractor/selected"), Verdict(False, "tags", "tags.line")
BODY, BOX, TAGS = "body>main>div.text>p", "body>main>div.box>p", "body>main>div.tags>p"
PROMO, MOTTO = "Support this magazine with a small gift today", "Read by the harbour since the days of sail"
SIGNATURE = pack_signature(list(range(30)))
DOUBTFUL = 128
URL = "http://a.test/bare"


def page(make, url, *rows, images=(), title="The harbour"):
    """The outcome of a page with blocks of (text, path, verdict)."""
    blocks = tuple(Block(n, BlockKind.PARAGRAPH, text, "", path) for n, (text, path, _) in enumerate(rows))
    verdicts = tuple(verdict for *_, verdict in rows)
    text, markdown = assemble(blocks, verdicts)
    changes = {"text": text, "markdown": markdown, "images": images, "chances": bytes([DOUBTFUL] * len(rows))}
    outcome = make.outcome(url, "x", title=title)
    return with_page(outcome, blocks=blocks, verdicts=verdicts, layout_signature=SIGNATURE, **changes)


def story(make, number, *rows):
    name = "abcdefghijklmnopqrstuvw"[number]
    paragraphs = [(" ".join(f"{name}{part}{word}" for word in "abcdefghijklmnopqrs" * 2), BODY, KEPT) for part in "xy"]
    return page(make, f"http://a.test/{name}", *paragraphs, *rows, title=f"Story {name}")


def promoted(make, count=6):
    return [story(make, n, (PROMO, BOX, KEPT), (MOTTO, BOX, KEPT)) for n in range(count)]


def bare(make, **changes):
    return page(make, URL, (PROMO, BOX, KEPT), (MOTTO, BOX, KEPT), **changes)


def stored(archive, url=URL):
    query = (
        "SELECT p.page_type, p.own_type, p.evidence, p.title, p.article_id, p.kept FROM pages p JOIN urls u USING (id)"
    )
    return archive.db.execute(f"{query} WHERE u.url = ?", [url]).fetchone()


def shelved(archive):
    return archive.db.execute(f"SELECT url, text, why FROM {SHELVED} ORDER BY url").fetchall()


def test_it_stays_so_however_often_the_archive_is_settled(archive, make):
    archive.save([*promoted(make), bare(make)])
    settle(archive.db, make.clock)
    changes = archive.db.execute("SELECT * FROM changes").fetchall()
    for _ in range(2):
        note_unsettled(archive.db)
        result = settle(archive.db, make.clock)
        assert (result.removed_articles, result.returned_articles, result.rewritten_rows) == (0, 0, 0)
        assert (result.rejudged_pages, result.emptied_pages) == (0, 1)
    archive.save([bare(make)])
    settle(archive.db, make.clock)
    assert shelved(archive) == [(URL, "", "emptied")]
    assert archive.db.execute("SELECT * FROM changes").fetchall() == changes


def test_it_comes_back_when_the_site_repeats_less(archive, make):
    archive.save([*promoted(make, 5), bare(make)])
    settle(archive.db, make.clock)
    assert shelved(archive) == [(URL, "", "emptied")]
    archive.save([story(make, 4)])
    result = settle(archive.db, make.clock)
    assert (result.returned_articles, result.emptied_pages) == (1, 0)
    assert stored(archive)[:2] == ("article", "article")
    assert "emptied" not in stored(archive)[2]
    [(text,)] = archive.db.execute("SELECT text FROM articles WHERE url = ?", [URL]).fetchall()
    assert text == f"{PROMO}\n{MOTTO}"
    assert verify(archive.db) == []


def test_a_text_of_its_own_makes_it_an_article_again(archive, make):
    archive.save([*promoted(make), bare(make)])
    settle(archive.db, make.clock)
    archive.save(
        [page(make, URL, ("The ferry is late again, says the harbour master", BODY, KEPT), (PROMO, BOX, KEPT))]
    )
    settle(archive.db, make.clock)
    assert shelved(archive) == []
    assert stored(archive)[4] == article_id(URL)


def test_what_a_person_keeps_on_it_makes_it_an_article(archive, make):
    archive.save([*promoted(make), bare(make)])
    settle(archive.db, make.clock)
    query = f"SELECT b.block_id FROM {PAGE_BLOCKS} b JOIN urls u ON u.id = b.page_id WHERE u.url = ? AND b.position = 1"
    [(block,)] = archive.db.execute(query, [URL]).fetchall()
    carry_out_ruling(archive.db, Ruling(block, True, ruled_at=make.clock(), article_id=article_id(URL)))
    settle(archive.db, make.clock)
    assert archive.db.execute("SELECT text FROM articles WHERE url = ?", [URL]).fetchall() == [(MOTTO,)]
    assert verify(archive.db) == []


def test_a_page_of_nothing_but_what_nearly_all_lose_at_its_place_is_no_article(archive, make):
    tags = ("boats ropes sails", "tides winds", "nets and eels")
    archive.save([story(make, n, (tags[n % 3], TAGS, RULED)) for n in range(20)])
    archive.save([page(make, URL, ("oars anchors lamps", TAGS, KEPT))])
    settle(archive.db, make.clock)
    assert stored(archive)[0] == "other"
    assert "emptied=1 blocks" in stored(archive)[2]
    assert archive.db.execute("SELECT DISTINCT rule FROM removed WHERE url = ?", [URL]).fetchall() in (
        [],
        [("site/slot",)],
    )
    assert verify(archive.db) == []


def test_copies_of_it_are_no_articles_either(archive, make):
    copy = f"{URL}?print=1"
    archive.save([*promoted(make), bare(make), page(make, copy, (PROMO, BOX, KEPT), (MOTTO, BOX, KEPT))])
    result = settle(archive.db, make.clock)
    assert result.articles == 6
    assert stored(archive, copy)[0] == stored(archive)[0] == "other"
    assert {why for *_, why in shelved(archive)} == {"duplicate", "emptied"}
    assert verify(archive.db) == []
    assert settle(archive.db, make.clock).rewritten_rows == 0


def pair(make, *promo):
    """Two pages of one story and title, of which one has a promo and each its own row of tags that a rule removes."""
    texts = [(" ".join(f"ferry{part}{word}" for word in "abcdefghijklmnopqrs" * 2), BODY, KEPT) for part in "xy"]
    return [page(make, "http://a.test/ferry", *texts), page(make, "http://a.test/ferry/amp", *texts, *promo)]


def test_a_late_copy_comes_back_when_the_texts_differ_again(archive, make):
    archive.save([*promoted(make, 3), *pair(make, (PROMO, BOX, KEPT))])
    settle(archive.db, make.clock)
    assert len(shelved(archive)) == 1
    archive.save(
        pair(make, (PROMO, BOX, KEPT), ("It sails again from Monday on, and twice on Sundays", BODY, KEPT))[1:]
    )
    assert settle(archive.db, make.clock).returned_articles == 1
    assert shelved(archive) == []
    assert stored(archive, "http://a.test/ferry/amp")[4] == article_id("http://a.test/ferry/amp")
    assert verify(archive.db) == []


@pytest.fixture
def db(archive):
    """A page of two blocks that the site took out, and one of the same title and day whose text is as long."""
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for number in (1, 2, 3):
        put(db, "urls", number, id=number, url=f"{'u' * number}", host="a.test" if number < 3 else "b.test",
            kind="page", state="done")  # fmt: skip
        put(db, "pages", number, id=number, own_type="article", title="T", canonical_url=None)
        put(db, "articles", number, id=number, page_id=number, text="words", published_day="2026-01-01", title="T")
        put(db, PAGE_BLOCKS, number, page_id=number, position=4, block_id=number, kept=int(number > 1))
    for position in (4, 5):
        put(db, OWN_VERDICTS, position, page_id=1, position=position, kept=1, site_kept=0)
    return db


ONE_BLOCK, BLOCKS = (PageVerdict(PageType.OTHER, (f"emptied={count} blocks",)) for count in (1, 2))
SHELVE = f"INSERT INTO {SHELF} SELECT 9, {{}}, NULL, 't', 't', 'v', '{{}}', '{{{{}}}}'"


def looked(db):
    found = look_again(db, ["a.test"], SecondLook())
    return {page: each.verdict for page, each in found.emptied.items()}, found.copies


@pytest.mark.parametrize(
    ("change", "emptied"),
    [
        ("", {1: BLOCKS}),
        ("UPDATE urls SET host = 'c.test'", {}),
        ("UPDATE pages SET own_type = 'list'", {}),
        ("UPDATE pages SET own_type = 'teaser'", {1: BLOCKS}),
        (f"UPDATE {OWN_VERDICTS} SET kept = 0 WHERE position = 4", {1: ONE_BLOCK}),
        (f"UPDATE {OWN_VERDICTS} SET kept = 0", {}),
        (f"UPDATE {PAGE_BLOCKS} SET kept = 1", {}),
        (f"UPDATE {OWN_VERDICTS} SET site_kept = 1 WHERE position = 4", {}),
        (f"UPDATE {OWN_VERDICTS} SET site_kept = NULL WHERE position = 4", {}),
        (f"UPDATE {OWN_VERDICTS} SET site_kept = NULL, kept = 0 WHERE position = 4", {1: ONE_BLOCK}),
        (f"INSERT INTO {PAGE_PARTS} (page_id, head_id, place) VALUES (9, 1, 1)", {}),
        (f"INSERT INTO {PAGE_PARTS} (page_id, head_id, place) VALUES (1, 1, 0)", {1: BLOCKS}),
        (SHELVE.format(1, "list"), {}),
        (SHELVE.format(1, "emptied"), {1: BLOCKS}),
    ],
)  # fmt: skip
def test_a_page_is_emptied_where_the_site_took_out_all_that_it_kept(db, change, emptied):
    db.execute(change or "SELECT 1")
    assert looked(db)[0] == emptied


@pytest.mark.parametrize(("page", "host", "url", "page_type"), [
    (1, "a.test", "i", "gallery"), (2, "a.test", "i", "other"), (3, "b.test", "i", "gallery"),
    (2, "a.test", "j", "gallery"),
])  # fmt: skip
def test_an_emptied_page_with_a_picture_of_its_own_on_its_host_is_a_gallery(db, page, host, url, page_type):
    put(db, IMAGES, 1, page_id=1, url="i")
    if page > 1:
        put(db, IMAGES, 2, page_id=page, url=url)
    facts = ("emptied=2 blocks", *(["emptied=pictures only"] if page_type == "gallery" else []))
    assert looked(db)[0] == {1: PageVerdict(PageType(page_type), facts)}


@pytest.mark.parametrize(
    ("change", "copies"),
    [
        ("", {2: 1}),
        ("UPDATE pages SET canonical_url = 'uu' WHERE id = 1", {1: 2}),
        ("UPDATE pages SET canonical_url = 'elsewhere' WHERE id = 1", {1: 2}),
        ("UPDATE urls SET host = 'b.test' WHERE id = 2", {}),
        ("UPDATE pages SET title = ''", {}),
        ("UPDATE pages SET title = 'Other' WHERE id = 2", {}),
        ("UPDATE pages SET own_type = 'list' WHERE id = 2", {}),
        ("UPDATE articles SET published_day = '2026-01-02' WHERE id = 2", {}),
        ("UPDATE articles SET text = 'other' WHERE id = 2", {}),
        ("UPDATE articles SET text = ''", {}),
        (SHELVE.format(2, "list"), {}),
        (SHELVE.format(2, "copy"), {2: 1}),
    ],
)
def test_a_late_copy_has_title_day_and_text_of_another_page_of_its_host(db, change, copies):
    db.execute(change or "SELECT 1")
    assert looked(db)[1] == {page: LateCopy("a.test", original) for page, original in copies.items()}


def test_of_hosts_that_were_not_judged_the_stored_findings_hold(db):
    emptied, copy = EmptiedPage("b.test", ONE_BLOCK), LateCopy("b.test", 1)
    put(db, SHELF, 3, id=13, page_id=3, article="{}", why="emptied")
    put(db, SHELF, 4, id=14, page_id=2, article="{}", why="copy")
    db.execute("""UPDATE pages SET page_type = 'other', evidence = '["x", "emptied=1 blocks"]' WHERE id = 3""")
    db.execute("UPDATE pages SET article_id = 1 WHERE id = 2")
    db.execute("UPDATE urls SET host = 'b.test' WHERE id = 2")
    stored = stored_second_look(db)
    assert stored == SecondLook({3: emptied}, {2: copy})
    found = look_again(db, ["a.test"], stored)
    assert found == SecondLook({1: EmptiedPage("a.test", BLOCKS), 3: emptied}, {2: copy})
    assert (stored.changed_pages(found), found.changed_pages(found), stored.changed_pages(SecondLook())) == (
        [1], [], [2, 3],
    )  # fmt: skip
    assert look_again(db, ["b.test"], stored).emptied == {}
    assert (found.original(2), found.original(3)) == (1, 3)
