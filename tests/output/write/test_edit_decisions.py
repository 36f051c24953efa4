"""What becomes a revision: captures of one article, stored and settled as an update does it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from broadsheet.cleaners.compare.edits import CapturedBlock
from broadsheet.cleaners.document import PageType
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.read.edit_history import blocks_of_revision, revisions_of
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.edit_decisions import decide_pending
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.person_verdicts import Ruling
from broadsheet.output.write.takedowns import erase_remains, take_down
from tests.internal_tables import BLOCK_TEXTS, REVISION_BLOCKS
from tests.output.cleaned_pages import with_page

URL = "http://a.test/story"
ONE = "The council of the harbour town voted on Tuesday to keep the second dredger in service until spring."
TWO = "Its harbour master had told the members that the first one would be in the yard for eleven weeks."
THREE = "Nobody spoke against it, and the chair closed the sitting after less than a quarter of an hour."
NOTICE = "Correction: An earlier version of this article said that the vote was on Monday."
PROMO = "Our spring appeal has begun: help us to reach the goal of nine thousand readers by the end of May."


def capture(archive, make, *kept_texts, url=URL, removed=("Home", "Share"), title="Second dredger stays", **rest):
    archive.save([make.outcome(url, *kept_texts, removed=removed, title=title, **rest)])


def capture_and_settle(archive, make, *kept_texts, **rest):
    """Seen and settled; the changes of all revisions."""
    capture(archive, make, *kept_texts, **rest)
    settle(archive.db, make.clock)
    return [revision.change for revision in history(archive)]


def history(archive, url=URL):
    return revisions_of(archive.db, article_id(url))


def text(archive, number, url=URL):
    (page,) = archive.db.execute("SELECT page_id FROM articles WHERE url = ?", [url]).fetchone()
    blocks = blocks_of_revision(archive.db, article_id(url), page, number)
    return blocks and "\n".join(block.text for block in blocks if block.is_kept)


def kinds_told(archive):
    return archive.db.execute("SELECT kind, revision FROM changes WHERE kind <> '' ORDER BY seq").fetchall()


def test_an_edit_is_a_revision_with_its_kinds_counts_and_notice(archive, make):
    capture(archive, make, ONE, TWO, THREE)
    assert capture_and_settle(archive, make, ONE.replace("Tuesday", "Monday"), THREE, NOTICE) == ["first", "correction"]
    last = history(archive)[-1]
    assert last.kinds == ("correction", "lead", "body")
    assert (last.added, last.removed, last.rewritten, last.note) == (1, 1, 1, NOTICE)
    assert kinds_told(archive) == [("correction", 2)]
    assert verify(archive.db) == []
    long_notice = f"{NOTICE[:-1]}, {'and said so ' * 50}"
    assert capture_and_settle(archive, make, ONE, THREE, long_notice)[-1] == "correction"
    assert history(archive)[-1].note == long_notice[:500]


def test_the_text_of_each_revision_can_be_read(archive, make):
    capture(archive, make, ONE, TWO)
    capture_and_settle(archive, make, ONE, THREE)
    capture_and_settle(archive, make, ONE, THREE, TWO, title="Third title")
    assert [text(archive, number) for number in (1, 2, 3)] == [
        f"{ONE}\n{TWO}",
        f"{ONE}\n{THREE}",
        f"{ONE}\n{THREE}\n{TWO}",
    ]
    assert [revision.title for revision in history(archive)] == ["Second dredger stays"] * 2 + ["Third title"]


def test_the_same_text_costs_nothing(archive, make):
    capture(archive, make, ONE, TWO)
    assert capture_and_settle(archive, make, ONE, TWO, removed=("Home", "Other", "news")) == ["first"]
    assert archive.db[REVISION_BLOCKS].count == 0
    assert kinds_told(archive) == []


def test_a_verdict_that_changed_is_no_edit_either_way(archive, make):
    capture(archive, make, ONE, TWO, removed=("Home", PROMO))
    assert capture_and_settle(archive, make, ONE, TWO, PROMO) == ["first"]
    assert capture_and_settle(archive, make, ONE, TWO, removed=(PROMO,)) == ["first"]
    assert archive.db[REVISION_BLOCKS].count == 0
    assert verify(archive.db) == []


def test_a_promo_that_the_site_s_memory_takes_out_later_is_no_edit(archive, make):
    """Alone the page keeps the new promo; settling sees it on other pages too."""
    names = [f"http://a.test/other{number}" for number in range(4)]
    for number, url in enumerate(names):
        article_text = " ".join(f"word{number}n{n}" for n in range(40))
        capture(archive, make, article_text, PROMO, url=url, title=f"Story {number}")
    capture(archive, make, ONE, TWO, THREE)
    settle(archive.db, make.clock)
    assert capture_and_settle(archive, make, ONE, TWO, THREE, PROMO) == ["first"]
    assert kinds_told(archive) == []


def test_settling_again_makes_and_hides_nothing(archive, make):
    capture(archive, make, ONE, TWO)
    capture_and_settle(archive, make, ONE, THREE)
    state_before = list(archive.db["revisions"].rows), kinds_told(archive)
    settle(archive.db, make.clock)
    settle(archive.db, make.clock)
    assert (list(archive.db["revisions"].rows), kinds_told(archive)) == state_before


def test_a_crawl_killed_before_it_settles_is_decided_by_the_next(archive, make):
    capture(archive, make, ONE, TWO)
    capture(archive, make, ONE, THREE)
    assert [row["change"] for row in archive.db["revisions"].rows_where(order_by="number")] == ["first", "pending"]
    assert [revision.change for revision in history(archive)] == ["first"]
    capture(archive, make, ONE, THREE, NOTICE)
    settle(archive.db, make.clock)
    assert [revision.change for revision in history(archive)] == ["first", "body", "correction"]
    assert text(archive, 2) == f"{ONE}\n{THREE}"


@pytest.mark.parametrize("reason", ["http_404", "http_410"])
def test_a_page_that_is_gone_and_comes_back(archive, make, reason):
    capture(archive, make, ONE, TWO)
    archive.save([make.failure(URL, reason)])
    settle(archive.db, make.clock)
    settle(archive.db, make.clock)
    assert [(revision.change, revision.note) for revision in history(archive)] == [("first", ""), ("withdrawn", reason)]
    assert text(archive, 2) == f"{ONE}\n{TWO}"
    archive.save([Outcome(URL, "done", OutcomeReason.NOT_MODIFIED, 304, make.clock())])
    settle(archive.db, make.clock)
    assert [revision.change for revision in history(archive)] == ["first", "withdrawn", "returned"]
    assert kinds_told(archive) == [("withdrawn", 2), ("returned", 3)]
    assert verify(archive.db) == []


def test_a_page_that_comes_back_changed_is_both(archive, make):
    capture(archive, make, ONE, TWO)
    archive.save([make.failure(URL, "http_404")])
    settle(archive.db, make.clock)
    assert sorted(capture_and_settle(archive, make, ONE, THREE)) == ["body", "first", "returned", "withdrawn"]
    assert text(archive, 1) == f"{ONE}\n{TWO}"


def test_a_paywall_that_came_later_leaves_the_whole_text(archive, make):
    capture(archive, make, ONE, TWO, THREE)
    assert capture_and_settle(archive, make, ONE, page_type=PageType.TEASER) == ["first", "withdrawn"]
    assert archive.db.execute("SELECT text, page_type FROM articles").fetchall() == [
        (f"{ONE}\n{TWO}\n{THREE}", "article")
    ]


def test_another_cleaner_is_no_edit_unless_the_old_capture_can_be_cleaned_again(archive, make):
    capture(archive, make, ONE, TWO)
    assert capture_and_settle(archive, make, ONE, THREE, cleaner_version="next") == ["first", "cleaner"]
    assert kinds_told(archive) == [("cleaner", 2)]
    capture(archive, make, ONE, TWO, THREE, cleaner_version="later")
    cleaned = [CapturedBlock(revision, "paragraph", True) for revision in (ONE, THREE)]
    decide_pending(archive.db, make.clock(), reclean=lambda capture: cleaned)
    assert [revision.change for revision in history(archive)] == ["first", "cleaner", "body"]
    assert history(archive)[-1].added == 1


def test_a_duplicate_s_edit_is_told_once(archive, make):
    copy = "http://a.test/print/story"
    for texts in ((ONE, TWO), (ONE, THREE)):
        for url in (URL, copy):
            capture(archive, make, *texts, url=url, canonical=URL)
        settle(archive.db, make.clock)
    assert kinds_told(archive) == [("body", 2)]


def test_a_person_s_ruling_between_captures_is_no_edit(archive, make):
    capture(archive, make, ONE, TWO, removed=(PROMO, "Share"))
    settle(archive.db, make.clock)
    (block,) = archive.db.execute(f"SELECT id FROM {BLOCK_TEXTS} WHERE text = ?", [PROMO]).fetchone()
    carry_out_ruling(archive.db, Ruling(block, True, ruled_at=make.clock()))
    assert capture_and_settle(archive, make, ONE, TWO, removed=(PROMO, "Follow")) == ["first"]


def test_forgetting_leaves_nothing_of_old_revisions(archive, make, file):
    secret = "Perpetua Oakenshaw had sold the lighthouse to her cousin, as the papers of the sale show plainly."
    capture(archive, make, ONE, secret)
    capture_and_settle(archive, make, ONE, TWO)
    capture(archive, make, THREE, TWO, ONE, url="http://a.test/other", title="Other")
    assert archive.db[REVISION_BLOCKS].count > 0
    result = take_down(archive.db, URL, "", make.clock)
    assert result.block_count >= 1
    erase_remains(archive.db)
    assert (archive.db[REVISION_BLOCKS].count, archive.db["revisions"].count) == (0, 1)
    raw = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    assert b"Perpetua" not in raw
    assert verify(archive.db) == []


def test_a_revision_from_before_texts_were_kept_is_told_apart(archive, make):
    capture(archive, make, ONE, TWO)
    capture_and_settle(archive, make, ONE, THREE)
    archive.db.execute(f"DELETE FROM {REVISION_BLOCKS}")
    assert text(archive, 1) is None
    assert text(archive, 2) == f"{ONE}\n{THREE}"


def test_what_the_page_states_elsewhere_is_no_new_headline(archive, make):
    first = make.outcome(URL, ONE, TWO, removed=("Second dredger stays",), title="Second dredger stays")
    sources = replace(first.page.metadata, sources={"title": "h1"})
    archive.save([with_page(first, metadata=sources)])
    assert capture_and_settle(archive, make, ONE, TWO, title="Second dredger stays | The Lantern") == ["first"]
    assert json.loads(archive.db.execute("SELECT metadata_sources FROM articles").fetchone()[0]) == {}
