"""What crosses from a worker to the writer: small, plain, and the same article as if it had been stored directly."""

import dataclasses
import pickle

import pytest

from broadsheet.cleaners.document import ArticleImage, ExtractorUse, FieldStatement, Outlink, PageType, UrlSource
from broadsheet.cleaners.lineage import Lineage, lineage
from broadsheet.output.archive.page_rows import (
    intern_lineage,
    lineage_id,
    make_page_rows,
    page_leads,
    stored_images,
)
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.own_reading import read_own_reading, unpack_reading
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import BLOCK_TEXTS, CLEANERS, IMAGES, PAGE_BLOCKS, PAGE_LAYOUT, REASONS

URL = "https://a.example/1"
_TABLES = ("pages", "articles", PAGE_BLOCKS, BLOCK_TEXTS, PAGE_LAYOUT, REASONS, "revisions")


def test_preparing_elsewhere_changes_nothing_of_what_is_stored(tmp_path, make):
    outcome = make.outcome(URL, "One two three.", "Four five.\nSix \ud800 seven.", "One two three.")
    assert outcome.page
    elsewhere = dataclasses.replace(outcome, page=pickle.loads(pickle.dumps(outcome.page)))
    stored = []
    for name, one in (("direct.db", outcome), ("elsewhere.db", elsewhere)):
        with Archive.open(tmp_path / name) as archive:
            archive.save([one])
            stored.append({table: archive.db.execute(f"SELECT * FROM {table}").fetchall() for table in _TABLES})
    assert stored[0] == stored[1]
    assert len(stored[0][PAGE_BLOCKS]) == 3
    assert len(stored[0][BLOCK_TEXTS]) == 2


def test_a_page_that_is_no_article_brings_no_text(make):
    page = make_page_rows(make.cleaned(URL, "one two", page_type=PageType.LIST))
    assert (page.text, page.ledger.blocks, page.words, page.blocks) == ("", (), 2, 1)
    assert page.digest


@pytest.mark.parametrize("page_type", [PageType.ARTICLE, PageType.GALLERY, PageType.OTHER])
def test_what_is_beside_a_page_crosses_as_it_can_be_stored(make, page_type):
    links = (Outlink("https://a.example/2\ud800", via=UrlSource.NEXT),)
    images = (ArticleImage("i\0", "caption", "credit", "alt"),)
    statements = (FieldStatement("title", "h1", "A\0", "note"),)
    cleaned = make.cleaned(
        URL, "one two", page_type=page_type, outlinks=links, images=images, statements=statements, chances=b"\x90",
        layout_signature=b"sig", robots=("noai",), cleaner_version="16",
    )  # fmt: skip
    page, is_article = make_page_rows(cleaned, "rules 5", ExtractorUse.ALWAYS), page_type is PageType.ARTICLE
    assert (page.robots, page.cleaner_version, page.layout_signature, page.outlinks) == (("noai",), "16", b"sig", 1)
    assert page.lineage == dataclasses.replace(lineage(ExtractorUse.ALWAYS), site_rules="rules 5")
    assert page.leads == (("next", "https://a.example/2?", True),) * is_article
    assert page.images == (ArticleImage("i", "caption", "credit", "alt"),) * (page_type is not PageType.OTHER)
    assert page.statements == (FieldStatement("title", "h1", "A", "note"),) * is_article
    assert (page.ledger.chances, page.certainty is not None) == (b"\x90" if is_article else b"", is_article)
    assert {type(text) for pair in page.ledger.reasons for text in pair} <= {str}, "no subclass: it is sent and bound"


def test_a_link_to_the_next_page_or_the_whole_article_is_a_lead():
    links = [
        Outlink("https://a.example/2", via=UrlSource.NEXT),
        Outlink("https://a.example/3", rel=("next",), via=UrlSource.NEXT),
        Outlink("https://a.example/0", rel=("prev",), via=UrlSource.NEXT),
        Outlink("https://a.example/x"),
        Outlink("https://a.example/all", rel=("nofollow",), via=UrlSource.SINGLE_PAGE),
    ]  # fmt: skip
    assert page_leads(links) == (
        ("next", "https://a.example/2", True), ("next", "https://a.example/3", False),
        ("whole", "https://a.example/all", True),
    )  # fmt: skip


def test_a_cleaner_has_one_row_and_none_has_none(archive):
    before = archive.db.execute(f"SELECT count(*) FROM {CLEANERS}").fetchone()
    assert intern_lineage(archive.db, None) is None
    cleaner = Lineage("17", "r", "m", "s", "l")
    assert intern_lineage(archive.db, cleaner) == intern_lineage(archive.db, cleaner) == lineage_id(cleaner)
    assert archive.db.execute(f"SELECT count(*) FROM {CLEANERS}").fetchone() == (before[0] + 1,)
    stored = archive.db.execute(f"SELECT version, rules, model, site_rules, libraries FROM {CLEANERS} WHERE id = ?",
                                [lineage_id(cleaner)]).fetchone()  # fmt: skip
    assert stored == ("17", "r", "m", "s", "l")


MILL = ArticleImage("http://a.test/i/mill.jpg", "The mill", "Photo: Ana Sol", "A mill")
RIVER = ArticleImage("http://a.test/i/river.jpg")


def pictures(archive):
    query = "SELECT url, image, credit FROM article_images ORDER BY url, position"
    return archive.db.execute(query).fetchall()


def test_the_pictures_of_an_article_come_in_order_and_go_with_a_later_capture_or_a_takedown(archive, make):
    archive.save([make.outcome(URL, "one two", images=(RIVER, MILL))])
    assert pictures(archive) == [(URL, RIVER.url, ""), (URL, MILL.url, "Photo: Ana Sol")]
    archive.save([make.outcome(URL, "one two three", images=(MILL,))])
    assert pictures(archive) == [(URL, MILL.url, "Photo: Ana Sol")]
    assert verify(archive.db) == []
    archive.db.execute(f"UPDATE {IMAGES} SET url = 'mill.jpg'")
    assert [problem.check for problem in verify(archive.db)] == ["column_values"]
    take_down(archive.db, URL, make.clock())
    assert archive.db.execute(f"SELECT count(*) FROM {IMAGES}").fetchone()[0] == 0


def test_a_page_of_pictures_alone_has_its_pictures_and_title_and_a_list_has_none(archive, make):
    archive.save([make.outcome(URL, "", page_type="gallery", images=(RIVER, MILL))])
    assert pictures(archive) == [(URL, RIVER.url, ""), (URL, MILL.url, "Photo: Ana Sol")]
    found = archive.db.execute("SELECT DISTINCT article_id, title FROM article_images").fetchall()
    assert found == [(None, archive.db.execute("SELECT title FROM pages").fetchone()[0])]
    assert archive.db.execute("SELECT count(*) FROM articles").fetchone()[0] == 0
    assert verify(archive.db) == []
    archive.save([make.outcome(URL, "one two", page_type="list", images=(MILL,))])
    assert archive.db.execute(f"SELECT count(*) FROM {IMAGES}").fetchone()[0] == 0


def test_a_reading_keeps_pictures_through_packing_and_characters_that_cannot_be_stored_are_replaced(archive, make):
    archive.save([make.outcome(URL, "one two", images=(ArticleImage(MILL.url, "a \ud800 b"),))])
    reading = read_own_reading(archive.db, 1)
    assert reading.rows.images == stored_images(archive.db, 1)
    assert "\ud800" not in reading.rows.images[0].caption
    assert unpack_reading(archive.db, URL, reading.pack()).rows.images == reading.rows.images
