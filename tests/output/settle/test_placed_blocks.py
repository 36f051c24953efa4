"""Blocks judged again by what the other pages of their site do at their places: when, by what, and the way back."""

from array import array
from typing import Any

import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import Verdict
from broadsheet.output.read.verify import verify
from broadsheet.output.settle import page_table
from broadsheet.output.settle.page_table import StoredScan, flatten_rows, stored_elsewhere
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.site_repeats import create_kept_view, drop_site_tables
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.assembled_text import put_chances
from broadsheet.output.write.outcome import Outcome
from tests.internal_tables import BLOCK_TEXTS, OWN_VERDICTS, PAGE_BLOCKS, REASONS, UNSETTLED
from tests.output.conftest import Maker
from tests.output.filled_rows import put
from tests.output.settle.stories import BODY, BOX, KEPT, LEFT, with_blocks

CAPTION, RULED = Verdict(False, "caption", "layout/caption"), Verdict(False, "share buttons", "share.icons")
SURE, DOUBTFUL, HARDLY = 252, 128, 3
OUT, IN, DOUBT = (LEFT, HARDLY), (KEPT, SURE), (KEPT, DOUBTFUL)  # what pages do with their boxes
PHRASE = (RULED, HARDLY)
LETTERS = "abcdefghijklmnopqrst"
Box = tuple[Verdict, int]


def article(
    make: Maker, name: str, box: Box = OUT, box_at: int = 3, has_chances: bool = True, **changes: Any
) -> Outcome:
    """An outcome with three paragraphs of its own, and below or between them a box with its verdict."""
    texts = {part: " ".join(f"{name}{part}{a}{b}" for a in "abcd" for b in LETTERS[:10]) for part in "uvw"}
    rows = [(text, BODY, KEPT, SURE) for text in texts.values()]
    rows.insert(box_at, (" ".join(f"{name}boxa{b}" for b in LETTERS[:12]), BOX, *box))
    chances = bytes(row[3] for row in rows) if has_chances else b""
    changes = {"layout_signature": pack_signature(list(range(30))), "chances": chances} | changes
    return with_blocks(make.outcome(f"http://a.test/{name}", "x"), *(row[:3] for row in rows), **changes)


def settled(archive: Archive, make: Maker, *outcomes: Outcome) -> list[tuple[Any, ...]]:
    """Save and settle; the blocks that have another verdict than their pages gave."""
    archive.save(outcomes)
    settle(archive.db, make.clock)
    assert verify(archive.db) == []
    return archive.db.execute(
        f"""SELECT substr(b.url, 15), b.kept, b.reason, b.rule, o.kept FROM blocks b
        JOIN urls u USING (url) JOIN {OWN_VERDICTS} o ON o.page_id = u.id AND o.position = b.position
        ORDER BY 1, b.position"""
    ).fetchall()


RESTORED = [("z", 1, "in the article's place", "site/body", 0)]
SLOT = [("z", 0, "furniture inside the article", "site/slot", 1)]


@pytest.mark.parametrize(
    ("boxes", "odd_box", "changes", "found"),
    [
        pytest.param([OUT] * 19, DOUBT, {}, SLOT, id="others leave it out"),
        pytest.param([IN] * 11, (LEFT, DOUBTFUL), {}, RESTORED, id="others keep it"),
        pytest.param([OUT] * 19, IN, {}, [], id="the models are sure by themselves"),
        pytest.param([IN] * 11, (RULED, SURE), {}, [], id="a phrase rule explains it"),
        pytest.param([IN] * 11, (CAPTION, DOUBTFUL), {}, [], id="the markup calls it a caption"),
        pytest.param([(CAPTION, HARDLY)] * 19, DOUBT, {}, SLOT, id="others call it a caption"),
        pytest.param([PHRASE] * 19, DOUBT, {}, SLOT, id="nearly all lose what is at this place"),
        pytest.param([PHRASE] * 19, DOUBT, {"box_at": 2}, [], id="between paragraphs it stays"),
        pytest.param([PHRASE] * 18, DOUBT, {}, [], id="of fewer pages it may be chance"),
        pytest.param([PHRASE] * 19, DOUBT, {"has_chances": False}, SLOT, id="of pages whose models are not known"),
        pytest.param([*[PHRASE] * 18, DOUBT], DOUBT, {}, [], id="a tenth keep something there"),
    ],
)
def test_a_block_is_judged_again_by_what_other_pages_do_at_its_place(archive, make, boxes, odd_box, changes, found):
    pages = [article(make, name, box, **changes) for name, box in zip(LETTERS, boxes, strict=False)]
    assert settled(archive, make, *pages, article(make, "z", odd_box, **changes)) == found
    [(text,)] = archive.db.execute("SELECT text FROM articles WHERE url LIKE '%/z'").fetchall()
    assert "zuaa" in text
    assert ("zbox" in text) is (found == RESTORED or (not found and odd_box[0].kept))
    assert settle(archive.db, make.clock).rejudged_pages == 0


def test_with_fewer_pages_and_with_surer_models_the_own_verdict_returns(archive, make):
    pages = [article(make, name) for name in LETTERS[:19]]
    assert settled(archive, make, *pages, article(make, "z", DOUBT)) == SLOT
    without_box = with_blocks(make.outcome("http://a.test/a", "x"), (" ".join(f"a{b}" for b in LETTERS), BODY, KEPT))
    assert settled(archive, make, without_box) == []
    assert settled(archive, make, article(make, "a")) == SLOT
    [(page_id,)] = archive.db.execute("SELECT id FROM urls WHERE url LIKE '%/z'").fetchall()
    put_chances(archive.db, page_id, bytes([SURE] * 4))
    assert settled(archive, make) == []
    put_chances(archive.db, page_id, bytes([SURE] * 4))
    assert archive.db[UNSETTLED].count == 0


ALIKE = "Ask for the tide table of {} at the office of the harbour"


@pytest.mark.parametrize(("keeping", "leaving", "returns"), [(2, 1, True), (4, 2, True), (3, 2, False), (0, 3, False)])
def test_a_text_that_most_pages_keep_returns_to_the_article_s_place(archive, make, keeping, leaving, returns):
    """Its digits do not count: beside it each page has a text of its own, at the same place."""
    pages = []
    for number, verdict in enumerate([KEPT] * keeping + [LEFT] * leaving):
        name = LETTERS[number]
        rows = [(" ".join(f"{name}{part}{word}" for word in LETTERS), BODY, KEPT) for part in "uvw"]
        rows.insert(1, (ALIKE.format(100 + number), BODY, verdict))
        pages.append(with_blocks(make.outcome(f"http://a.test/{name}", "x"), *rows))
    others = [article(make, name) for name in LETTERS[10:]]
    rules = [row[3] for row in settled(archive, make, *others, *pages)]
    assert rules == (["site/body"] * leaving if returns else [])


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
        for position in (4, 5):
            put(db, own, position, page_id=1, position=position, reason_id=2)
    assert stored_elsewhere(db, 1) == ({4} if is_stored_elsewhere else set())


KEY = 2**62 + 1


def test_scans_come_back_by_page_until_the_next_host_and_no_table_stays(archive):
    db, none = archive.db, array("q")
    create_kept_view(db)
    seen, left = [(0, 7, KEY, 0, 12, 1, 0, 1, 1), (4, 8, 9, 1, 3, 0, 1, 0, 0)], [(5, 11, 12, 0)]
    page_table.store_scan(db, StoredScan(2, False, none, none, none))
    page_table.store_scan(db, StoredScan(1, True, flatten_rows(seen), flatten_rows(left), array("q", [KEY, 13])))
    assert list(page_table.read_candidates(db)) == [(1, True, seen), (2, False, [])]
    assert list(page_table.read_left_out(db)) == [(1, left), (2, [])]
    assert list(page_table.read_left_out_keys(db)) == [(1, {12, 13, KEY}), (2, set())]
    page_table.clear_scans(db)
    assert list(page_table.read_candidates(db)) == []
    drop_site_tables(db)
    assert db.execute("SELECT name FROM temp.sqlite_master").fetchall() == []
