"""Pages that settling leaves without a text, or with that of another: no articles, and back when the evidence falls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import ArticleImage, Block, BlockKind, Verdict
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.unsettled import note_unsettled
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.person_verdicts import Ruling
from tests.output.cleaned_pages import cleaned_page, with_page

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
    return archive.db.execute("SELECT url, text, why FROM _shelved ORDER BY url").fetchall()


EMPTIED = ("other", "article", '["emptied=2 blocks"]', "The harbour", None, 0)


def test_a_page_of_nothing_but_what_the_site_repeats_is_no_article(archive, make):
    archive.save([*promoted(make), bare(make)])
    result = settle(archive.db, make.clock)
    assert (result.articles, result.emptied_pages, result.removed_articles) == (6, 1, 1)
    assert stored(archive)[:2] + stored(archive)[3:] == EMPTIED[:2] + EMPTIED[3:]
    assert "emptied=2 blocks" in stored(archive)[2]
    assert shelved(archive) == [(URL, "", "emptied")]
    assert archive.db.execute("SELECT count(*) FROM articles WHERE text LIKE ?", [f"%{PROMO}%"]).fetchone() == (0,)
    assert archive.db.execute("SELECT reason FROM urls WHERE url = ?", [URL]).fetchone() == ("other",)
    assert verify(archive.db) == []


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


def test_with_pictures_of_its_own_it_is_a_gallery(archive, make):
    images = (ArticleImage("http://a.test/boat.jpg"),)
    archive.save([*promoted(make), bare(make, images=images)])
    settle(archive.db, make.clock)
    assert stored(archive)[0] == "gallery"
    assert "emptied=pictures only" in stored(archive)[2]
    icon = (ArticleImage("http://a.test/icon.jpg"),)
    archive.save(
        [with_page(story(make, 0, (PROMO, BOX, KEPT), (MOTTO, BOX, KEPT)), images=icon), bare(make, images=icon)]
    )
    settle(archive.db, make.clock)
    assert stored(archive)[0] == "other"
    assert verify(archive.db) == []


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
    query = "SELECT b.block_id FROM _page_blocks b JOIN urls u ON u.id = b.page_id WHERE u.url = ? AND b.position = 1"
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


def test_two_pages_that_differ_in_what_the_site_repeats_are_one_article(archive, make):
    archive.save([*promoted(make), *pair(make, (PROMO, BOX, KEPT))])
    result = settle(archive.db, make.clock)
    assert (result.articles, result.duplicate_pages, result.emptied_pages) == (7, 1, 0)
    assert [(url, why) for url, _, why in shelved(archive)] == [("http://a.test/ferry/amp", "copy")]
    assert stored(archive, "http://a.test/ferry/amp")[0] == "article"
    assert stored(archive, "http://a.test/ferry/amp")[4] == article_id("http://a.test/ferry")
    assert verify(archive.db) == []
    changes = archive.db.execute("SELECT * FROM changes").fetchall()
    note_unsettled(archive.db)
    result = settle(archive.db, make.clock)
    assert (result.removed_articles, result.returned_articles, result.rewritten_rows) == (0, 0, 0)
    assert archive.db.execute("SELECT * FROM changes").fetchall() == changes


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


@pytest.mark.parametrize("field", [{"title": "The harbour at noon"}, {"published": "2024-05-03"}])
def test_one_text_under_two_titles_or_of_two_days_is_two_articles(archive, make, field):
    first, second = pair(make, (PROMO, BOX, KEPT))
    archive.save([*promoted(make), first, with_page(second, metadata=replace(cleaned_page(second).metadata, **field))])
    settle(archive.db, make.clock)
    assert shelved(archive) == []


def test_of_late_copies_one_that_names_no_canonical_url_represents_one_that_names_another(archive, make):
    first, second = pair(make, (PROMO, BOX, KEPT))
    named = replace(cleaned_page(first).metadata, canonical_url="http://a.test/elsewhere")
    unnamed = replace(cleaned_page(second).metadata, canonical_url="")
    archive.save([*promoted(make), with_page(first, metadata=named), with_page(second, metadata=unnamed)])
    settle(archive.db, make.clock)
    assert [(url, why) for url, _, why in shelved(archive)] == [("http://a.test/ferry", "copy")]
