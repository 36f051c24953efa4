"""Blocks judged again with what the other pages of their layout do: when, with which evidence, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import Block, BlockKind, Verdict
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.output.read.page_lookup import find_page
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.page_table import stored_elsewhere
from broadsheet.output.settle.placed_blocks import (
    FeaturedPage,
    PlacedPage,
    _page_verdicts,
    changed_indices,
    slot_indices,
)
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.assembled_text import put_chances
from tests.internal_tables import BLOCK_EVIDENCE, BLOCK_TEXTS, BLOCKS, OWN_VERDICTS, PAGE_BLOCKS, REASONS, UNSETTLED
from tests.output.cleaned_pages import with_page
from tests.output.filled_rows import put

MIN_LAYOUT_PAGES = 8

KEPT = Verdict(True, "selected", "extractor/selected")
LEFT = Verdict(False, "closing line", "model/closing-line")
RULED = Verdict(False, "share buttons", "share.icons")
BODY, BOX = "body>main>div.text>p", "body>main>div.box>p"
SIGNATURE = pack_signature(list(range(30)))
SURE, DOUBTFUL, HARDLY = 252, 128, 3
LEAVES_OUT = (LEFT, HARDLY)  # what the pages do with their boxes


def words(name, count=40):
    return " ".join(f"{name}{'abcdefghij'[n // 10]}{'abcdefghij'[n % 10]}" for n in range(count))


def article(make, number, box=LEAVES_OUT, signature=SIGNATURE, chances=True, paragraphs=3, box_words=12, box_at=-1):
    """An outcome with paragraphs of its own, and above the last of them, or elsewhere, a box with its verdict."""
    name = "abcdefghijklmnopqrst"[number]
    rows = [(words(f"{name}{part}"), BODY, KEPT, SURE) for part in "uvwxyz"[:paragraphs]]
    rows.insert(box_at, (words(f"{name}box", box_words), BOX, *box))
    blocks = tuple(Block(n, BlockKind.PARAGRAPH, row[0], "", row[1]) for n, row in enumerate(rows))
    verdicts = tuple(row[2] for row in rows)
    text, markdown = assemble(blocks, verdicts)
    page_chances = bytes(row[3] for row in rows) if chances else b""
    changes = {"text": text, "markdown": markdown, "layout_signature": signature, "chances": page_chances}
    return with_page(make.outcome(f"http://a.test/{name}", "x"), blocks=blocks, verdicts=verdicts, **changes)


def site(make, odd_box, count=12, **changes):
    """A site whose pages leave their boxes out, but for the last page."""
    return [article(make, n, **changes) for n in range(count - 1)] + [article(make, count - 1, odd_box, **changes)]


def overruled(archive):
    return archive.db.execute(
        f"""SELECT b.url, b.kept, b.reason, b.rule, o.kept FROM {BLOCKS} b
        JOIN urls u USING (url) JOIN {OWN_VERDICTS} o ON o.page_id = u.id AND o.position = b.position
        ORDER BY 1, b.position"""
    ).fetchall()


REMOVED = [("http://a.test/l", 0, "furniture inside the article", "site/layout-removes", 1)]


def test_what_the_other_pages_leave_out_at_the_same_place_goes(archive, make):
    archive.save(site(make, (KEPT, DOUBTFUL)))
    result = settle(archive.db, make.clock)
    assert overruled(archive) == REMOVED
    assert result.rejudged_pages == 1
    [(text,)] = archive.db.execute("SELECT text FROM articles WHERE url LIKE '%/l'").fetchall()
    assert words("lu") in text
    assert "lbox" not in text
    assert verify(archive.db) == []
    assert settle(archive.db, make.clock).rejudged_pages == 0


def test_what_the_other_pages_keep_at_the_same_place_comes_back(archive, make):
    pages = [article(make, n, (KEPT, SURE)) for n in range(11)]
    archive.save([*pages, article(make, 11, (LEFT, DOUBTFUL))])
    settle(archive.db, make.clock)
    rules = overruled(archive)
    assert [row[:3] + row[4:] for row in rules] == [("http://a.test/l", 1, "in the article's place", 0)]
    assert verify(archive.db) == []


@pytest.mark.parametrize(
    ("odd_box", "changes"),
    [
        ((KEPT, SURE), {}),  # the models are sure by themselves
        ((KEPT, DOUBTFUL), {"count": MIN_LAYOUT_PAGES - 1}),
        ((KEPT, DOUBTFUL), {"signature": b""}),
        ((KEPT, DOUBTFUL), {"chances": False}),
    ],
    ids=["sure", "few pages", "no layout", "no probabilities"],
)
def test_a_page_keeps_its_own_verdict(archive, make, odd_box, changes):
    archive.save(site(make, odd_box, **changes))
    settle(archive.db, make.clock)
    assert overruled(archive) == []


def test_what_a_phrase_rule_explains_stays_out(archive, make):
    pages = [article(make, n, (KEPT, SURE)) for n in range(11)]
    archive.save([*pages, article(make, 11, (RULED, SURE))])
    settle(archive.db, make.clock)
    assert overruled(archive) == []


def test_what_the_markup_calls_a_caption_does_not_come_back(archive, make):
    pages = [article(make, n, (KEPT, SURE)) for n in range(11)]
    archive.save([*pages, article(make, 11, (Verdict(False, "caption", "layout/caption"), DOUBTFUL))])
    settle(archive.db, make.clock)
    assert overruled(archive) == []


@pytest.mark.parametrize(
    ("reason", "rule", "length", "own", "is_stored_elsewhere"),
    [
        ("caption", "layout/caption", 250, None, True),
        ("byline", "layout/byline", 250, None, True),
        ("caption", "layout/caption", 251, None, False),  # which a template may only call so
        ("sidebar", "layout/other-column", 9, None, False),
        ("caption", "context/caption", 9, None, False),
        ("sidebar", "layout/x", 9, OWN_VERDICTS, True),
    ],
)
def test_short_captions_and_bylines_are_stored_elsewhere(archive, reason, rule, length, own, is_stored_elsewhere):
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    put(db, REASONS, 1, id=1, reason=reason, rule=rule)
    put(db, REASONS, 2, id=2, reason="byline", rule="layout/own")
    put(db, BLOCK_TEXTS, 1, id=1, text="x" * length)
    for page in (1, 2):
        put(db, PAGE_BLOCKS, page, page_id=page, position=4, block_id=1, reason_id=1)
    if own:
        put(db, own, 1, page_id=1, position=4, reason_id=2)
        put(db, own, 2, page_id=1, position=5, reason_id=2)
    assert stored_elsewhere(db, 1) == ({4} if is_stored_elsewhere else set())


def test_what_captions_are_used_for_is_told_by_all_pages_though_none_comes_back(archive, make):
    archive.save(
        [article(make, n, (Verdict(False, "caption", "layout/caption"), HARDLY)) for n in range(11)]
        + [article(make, 11, (KEPT, DOUBTFUL))]
    )
    settle(archive.db, make.clock)
    assert overruled(archive) == REMOVED


def test_with_fewer_pages_the_own_verdict_returns(archive, make):
    pages = site(make, (KEPT, DOUBTFUL), count=MIN_LAYOUT_PAGES + 1)
    archive.save(pages)
    settle(archive.db, make.clock)
    assert len(overruled(archive)) == 1
    archive.save([article(make, number, signature=b"") for number in (0, 1)])
    settle(archive.db, make.clock)
    assert overruled(archive) == []
    [(text,)] = archive.db.execute("SELECT text FROM articles WHERE url LIKE '%/i'").fetchall()
    assert "ibox" in text


SLOT = [("http://a.test/t", 0, "furniture inside the article", "site/slot", 1)]
PHRASE = (RULED, HARDLY)  # of which the second judge is not told


@pytest.mark.parametrize(
    ("odd_box", "changes", "found"),
    [
        ((KEPT, DOUBTFUL), {}, SLOT),
        ((KEPT, DOUBTFUL), {"count": 19}, []),  # of fewer pages it may be chance
        ((KEPT, DOUBTFUL), {"signature": b""}, []),
    ],
    ids=["slot", "few pages", "no layout"],
)
def test_what_nearly_all_pages_lose_at_a_place_goes_from_the_others(archive, make, odd_box, changes, found):
    changes = {"count": 20, "box_at": 3} | changes
    count = changes.pop("count")
    archive.save([article(make, n, PHRASE if n < count - 1 else odd_box, **changes) for n in range(count)])
    settle(archive.db, make.clock)
    assert overruled(archive) == found
    assert settle(archive.db, make.clock).rejudged_pages == 0
    assert verify(archive.db) == []


def test_where_more_than_a_twentieth_of_the_pages_keep_something_is_no_slot(archive, make):
    archive.save([article(make, n, PHRASE if n < 18 else (KEPT, DOUBTFUL), box_at=3) for n in range(20)])
    settle(archive.db, make.clock)
    assert overruled(archive) == []


def test_other_probabilities_have_the_host_judged_again(archive, make):
    archive.save(site(make, (KEPT, SURE)))
    settle(archive.db, make.clock)
    [(page_id,)] = archive.db.execute("SELECT id FROM urls WHERE url LIKE '%/l'").fetchall()
    put_chances(archive.db, page_id, bytes((SURE, SURE, DOUBTFUL, SURE)))
    settle(archive.db, make.clock)
    assert overruled(archive) == REMOVED
    put_chances(archive.db, page_id, bytes((SURE, SURE, DOUBTFUL, SURE)))
    assert archive.db.execute(f"SELECT count(*) FROM {UNSETTLED}").fetchone() == (0,)


def test_evidence_counts_the_articles_with_the_text(archive, make):
    archive.save(site(make, (KEPT, DOUBTFUL)))
    settle(archive.db, make.clock)
    evidence = archive.db.execute(f"SELECT pages, of_pages FROM {BLOCK_EVIDENCE}").fetchall()
    assert evidence == [(1, 12)]
    page = find_page(archive.db, "http://a.test/l")
    assert [(block.rule, block.evidence) for block in page.blocks if not block.is_kept] == [("site/layout-removes", "")]


def placed(*blocks):
    """A page of blocks of (words, kept, chance)."""
    rows = [(n, n, *(chance or [0]), count, 0, kept, 0, 0, 0, 0) for n, (count, kept, *chance) in enumerate(blocks)]
    return PlacedPage(1, len(rows), np.array(rows), np.zeros(0, np.int64))


@pytest.mark.parametrize(
    ("blocks", "probabilities", "changed"),
    [
        ([(30, 1), (9, 1), (9, 0), (9, 0)], [0.5, 0.24, 0.76, 0.74], [1, 2]),
        ([(30, 1), (9, 1), (9, 0), (0, 0)], [0.5, 0.25, 0.75, 0.9], []),
        ([(24, 1), (90, 1)], [0.1, 0.1], []),  # nothing would be left
        ([(24, 1), (90, 1), (0, 1)], [0.1, 0.1, 0.9], []),
        ([(24, 1), (90, 1), (2, 0)], [0.1, 0.1, 0.9], [0, 1, 2]),
        ([(9, 1), (5, 0)], [0.9, 0.9], [1]),
    ],
)
def test_the_model_overrules_where_it_is_sure_and_a_text_is_left(blocks, probabilities, changed):
    assert changed_indices(placed(*blocks), np.array(probabilities)).tolist() == changed


TEXT = (30, 1, 255)


@pytest.mark.parametrize(
    ("blocks", "in_slot", "found"),
    [
        ([TEXT, (15, 1, 229)], [1], [1]),
        ([TEXT, (16, 1, 229)], [1], []),  # more than a third of the page
        ([TEXT, (15, 1, 230)], [1], []),
        ([TEXT, (15, 0, 100)], [1], []),
        ([TEXT, (15, 1, 100)], [], []),
        ([(5, 1, 100), TEXT], [0], [0]),
        ([TEXT, (5, 1, 100), (8, 1, 255)], [1], []),  # between paragraphs
        ([TEXT, (5, 1, 100), (7, 1, 255)], [1], [1]),
        ([TEXT, (5, 1, 100), (8, 0, 255)], [1], [1]),
        ([(60, 1, 100), (9, 0, 255)], [0], [0]),  # all of the little that the page keeps
        ([(61, 1, 100)], [0], []),
        ([(40, 1, 100), (5, 1, 100), (5, 1, 255)], [0, 1], []),
    ],
)
def test_doubtful_blocks_in_slots_go_above_and_below_the_text(blocks, in_slot, found):
    page = FeaturedPage(1, placed(*blocks), np.zeros(0), np.isin(np.arange(len(blocks)), in_slot))
    assert slot_indices(page).tolist() == found


@pytest.mark.parametrize(
    ("blocks", "in_slot", "probabilities", "rules"),
    [
        ([TEXT, (15, 1, 229)], [1], [0.5, 0.5], {1: "site/slot"}),
        ([TEXT, (15, 1, 229)], [1], [0.5, 0.1], {1: "site/slot"}),
        ([TEXT, (15, 1, 229), (7, 1, 255), (9, 0, 0)], [1], [0.5, 0.5, 0.1, 0.9],
         {1: "site/slot", 2: "site/layout-removes", 3: "site/layout-keeps"}),
        ([(3, 1, 100), (9, 1, 255)], [0], [0.5, 0.1], {0: "site/slot"}),  # else nothing would be left
        ([(3, 1, 100), (9, 1, 255), (2, 0, 0)], [0], [0.5, 0.1, 0.9],
         {0: "site/slot", 1: "site/layout-removes", 2: "site/layout-keeps"}),
        ([TEXT], [], [0.5], {}),
    ],
)  # fmt: skip
def test_slots_go_before_the_model_which_leaves_a_text_beside_them(blocks, in_slot, probabilities, rules):
    page = FeaturedPage(1, placed(*blocks), np.zeros(0), np.isin(np.arange(len(blocks)), in_slot))
    verdicts = _page_verdicts(page, np.array(probabilities))
    assert {block.position: verdict.rule for block, verdict in verdicts.items()} == rules
