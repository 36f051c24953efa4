"""Pages that settling leaves without a text, or with that of another: no articles, and back when the evidence falls."""

from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import PageType, PageVerdict, Verdict
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.second_look import EmptiedPage, LateCopy, SecondLook, look_again, stored_second_look
from broadsheet.output.settle.settling import SettleResult, settle
from broadsheet.output.settle.unsettled import note_unsettled
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.person_verdicts import Ruling
from tests.internal_tables import IMAGES, OWN_VERDICTS, PAGE_BLOCKS, PAGE_PARTS, SHELF
from tests.output.conftest import Maker
from tests.output.filled_rows import put
from tests.output.settle.stories import BODY, BOX, KEPT, with_blocks

Row = tuple[str, str, Verdict]
PROMO: Row = ("Support this magazine with a small gift today", BOX, KEPT)
MOTTO: Row = ("Read by the harbour since the days of sail", BOX, KEPT)
TAGS, RULED = "body>main>div.tags>p", Verdict(False, "tags", "tags.line")
LETTERS = "abcdefghijklmnopqrstuvw"
URL = "http://a.test/bare"


def page(make: Maker, url: str, *rows: Row, title: str = "The harbour") -> Outcome:
    changes = {"layout_signature": pack_signature(list(range(30))), "chances": bytes([128] * len(rows))}
    return with_blocks(make.outcome(url, "x", title=title), *rows, **changes)


def story(make: Maker, name: str, *rows: Row, url: str = "") -> Outcome:
    paragraphs = [(" ".join(f"{name}{part}{word}" for word in LETTERS[:19] * 2), BODY, KEPT) for part in "xy"]
    return page(make, url or f"http://a.test/{name}", *paragraphs, *rows, title=f"Story {name}")


def promoted(make: Maker, count: int = 6) -> list[Outcome]:
    return [story(make, name, PROMO, MOTTO) for name in LETTERS[:count]]


def settled(archive: Archive, make: Maker, *outcomes: Outcome) -> SettleResult:
    archive.save(outcomes)
    result = settle(archive.db, make.clock)
    assert verify(archive.db) == []
    return result


def stored(archive: Archive, url: str = URL) -> tuple[Any, ...]:
    """The page's type, its own, whether its evidence says that it is emptied, and the article that it has."""
    columns = "page_type, own_type, instr(evidence, 'emptied=1 blocks') > 0, article_id"
    return archive.db.execute(f"SELECT {columns} FROM pages JOIN urls USING (id) WHERE url = ?", [url]).fetchone()


def shelved(archive: Archive) -> list[tuple[str, str, str]]:
    return archive.db.execute("SELECT url, text, why FROM shelved ORDER BY url").fetchall()


def text_at(archive: Archive, url: str = URL) -> list[str]:
    return [text for (text,) in archive.db.execute("SELECT text FROM articles WHERE url = ?", [url])]


def test_an_emptied_page_stays_so_until_it_has_a_text_of_its_own(archive, make):
    settled(archive, make, *promoted(make), page(make, URL, PROMO, MOTTO))
    changes = archive.db.execute("SELECT * FROM changes").fetchall()
    for _ in range(2):
        note_unsettled(archive.db)
        result = settled(archive, make)
        assert (result.removed_articles, result.returned_articles, result.rewritten_rows) == (0, 0, 0)
        assert (result.rejudged_pages, result.emptied_pages) == (0, 1)
    settled(archive, make, page(make, URL, PROMO, MOTTO))
    assert shelved(archive) == [(URL, "", "emptied")]
    assert archive.db.execute("SELECT * FROM changes").fetchall() == changes
    settled(archive, make, page(make, URL, ("The ferry is late again, says the harbour master", BODY, KEPT), PROMO))
    assert (shelved(archive), stored(archive)[3]) == ([], article_id(URL))


def test_it_comes_back_when_the_site_repeats_less(archive, make):
    settled(archive, make, *promoted(make, 5), page(make, URL, PROMO, MOTTO))
    assert shelved(archive) == [(URL, "", "emptied")]
    result = settled(archive, make, story(make, "e"))
    assert (result.returned_articles, result.emptied_pages) == (1, 0)
    assert stored(archive)[:3] == ("article", "article", 0)
    assert text_at(archive) == [f"{PROMO[0]}\n{MOTTO[0]}"]


def test_what_a_person_keeps_on_it_makes_it_an_article(archive, make):
    settled(archive, make, *promoted(make), page(make, URL, PROMO, MOTTO))
    ruling = Ruling(block_id(MOTTO[0]), True, ruled_at=make.clock(), article_id=article_id(URL))
    carry_out_ruling(archive.db, ruling)
    settled(archive, make)
    assert text_at(archive) == [MOTTO[0]]


def test_a_page_of_nothing_but_what_nearly_all_lose_at_its_place_is_no_article(archive, make):
    tags = ("boats ropes sails", "tides winds", "nets and eels")
    archive.save([story(make, LETTERS[n], (tags[n % 3], TAGS, RULED)) for n in range(20)])
    settled(archive, make, page(make, URL, ("oars anchors lamps", TAGS, KEPT)))
    assert stored(archive)[:3] == ("other", "article", 1)


def test_copies_of_it_are_no_articles_either(archive, make):
    copy = f"{URL}?print=1"
    pages = (page(make, url, PROMO, MOTTO) for url in (URL, copy))
    assert settled(archive, make, *promoted(make), *pages).articles == 6
    assert stored(archive, copy)[0] == stored(archive)[0] == "other"
    assert {why for *_, why in shelved(archive)} == {"duplicate", "emptied"}
    assert settled(archive, make).rewritten_rows == 0


def test_a_late_copy_comes_back_when_the_texts_differ_again(archive, make):
    copy = "http://a.test/ferry/amp"
    settled(archive, make, *promoted(make, 3), story(make, "ferry"), story(make, "ferry", PROMO, url=copy))
    assert [(url, why) for url, _, why in shelved(archive)] == [(copy, "copy")]
    news = ("It sails again from Monday on, and twice on Sundays", BODY, KEPT)
    assert settled(archive, make, story(make, "ferry", PROMO, news, url=copy)).returned_articles == 1
    assert (shelved(archive), stored(archive, copy)[3]) == ([], article_id(copy))


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


def looked(db: Database) -> tuple[dict[int, PageVerdict], dict[int, LateCopy]]:
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


@pytest.mark.parametrize(
    ("page", "url", "page_type"), [(1, "i", "gallery"), (2, "i", "other"), (3, "i", "gallery"), (2, "j", "gallery")]
)
def test_an_emptied_page_with_a_picture_of_its_own_on_its_host_is_a_gallery(db, page, url, page_type):
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
    assert [stored.changed_pages(look) for look in (found, stored, SecondLook())] == [[1], [], [2, 3]]
    assert look_again(db, ["b.test"], stored).emptied == {}
    assert (found.original(2), found.original(3)) == (1, 3)
