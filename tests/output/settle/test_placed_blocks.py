"""Blocks judged again with what the other pages of their layout do: when, with which evidence, and the way back."""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import Verdict
from broadsheet.cleaners.site.block_places import (
    FeaturedPage,
    PlacedPage,
    PlaceNumbers,
    changed_indices,
    count_places,
    judge_places,
    renumber,
    slot_indices,
)
from broadsheet.output.read.page_lookup import find_page
from broadsheet.output.read.verify import verify
from broadsheet.output.settle import page_table
from broadsheet.output.settle.page_table import (
    IS_KEPT,
    IS_KEPT_ELSEWHERE,
    IS_LEFT_OUT,
    IS_SHARED,
    KIND_FACTOR,
    PageFacts,
    StoredScan,
    flatten_rows,
    stored_elsewhere,
)
from broadsheet.output.settle.placed_blocks import clear_placed, place_page, read_placed_pages, store_placed_page
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.site_repeats import create_kept_view, drop_site_tables
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.assembled_text import put_chances
from broadsheet.output.write.outcome import Outcome
from tests.internal_tables import BLOCK_EVIDENCE, BLOCK_TEXTS, OWN_VERDICTS, PAGE_BLOCKS, REASONS, UNSETTLED
from tests.output.conftest import Maker
from tests.output.filled_rows import put
from tests.output.settle.stories import BODY, BOX, KEPT, LEFT, with_blocks

MIN_LAYOUT_PAGES = 8
CAPTION, RULED = Verdict(False, "caption", "layout/caption"), Verdict(False, "share buttons", "share.icons")
SURE, DOUBTFUL, HARDLY = 252, 128, 3
OUT, IN, DOUBT = (LEFT, HARDLY), (KEPT, SURE), (KEPT, DOUBTFUL)  # what pages do with their boxes
PHRASE = (RULED, HARDLY)  # of which the second judge is not told
LETTERS = "abcdefghijklmnopqrst"
Box = tuple[Verdict, int]


def article(
    make: Maker, name: str, box: Box = OUT, box_at: int = -1, has_chances: bool = True, **changes: Any
) -> Outcome:
    """An outcome with paragraphs of its own, and above the last of them, or elsewhere, a box with its verdict."""
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


REMOVED = [("z", 0, "furniture inside the article", "site/layout-removes", 1)]
RESTORED = [("z", 1, "in the article's place", "site/body", 0)]
SLOT = [("z", 0, "furniture inside the article", "site/slot", 1)]


@pytest.mark.parametrize(
    ("boxes", "odd_box", "changes", "found"),
    [
        pytest.param([OUT] * 11, DOUBT, {}, REMOVED, id="others leave it out"),
        pytest.param([IN] * 11, (LEFT, DOUBTFUL), {}, RESTORED, id="others keep it"),
        pytest.param([OUT] * 11, IN, {}, [], id="the models are sure by themselves"),
        pytest.param([OUT] * (MIN_LAYOUT_PAGES - 2), DOUBT, {}, [], id="few pages"),
        pytest.param([OUT] * 11, DOUBT, {"layout_signature": b""}, [], id="no layout"),
        pytest.param([OUT] * 11, DOUBT, {"has_chances": False}, [], id="no probabilities"),
        pytest.param([IN] * 11, (RULED, SURE), {}, [], id="a phrase rule explains it"),
        pytest.param([IN] * 11, (CAPTION, DOUBTFUL), {}, [], id="the markup calls it a caption"),
        pytest.param([(CAPTION, HARDLY)] * 11, DOUBT, {}, REMOVED, id="others call it a caption"),
        pytest.param([PHRASE] * 19, DOUBT, {"box_at": 3}, SLOT, id="nearly all lose what is at this place"),
        pytest.param([PHRASE] * 18, DOUBT, {"box_at": 3}, [], id="of fewer pages it may be chance"),
        pytest.param([PHRASE] * 19, DOUBT, {"box_at": 3, "layout_signature": b""}, [], id="no layout, no slot"),
        pytest.param([*[PHRASE] * 18, DOUBT], DOUBT, {"box_at": 3}, [], id="a tenth keep something there"),
    ],
)
def test_a_block_is_judged_again_by_what_other_pages_do_at_its_place(archive, make, boxes, odd_box, changes, found):
    pages = [article(make, name, box, **changes) for name, box in zip(LETTERS, boxes, strict=False)]
    assert settled(archive, make, *pages, article(make, "z", odd_box, **changes)) == found
    [(text,)] = archive.db.execute("SELECT text FROM articles WHERE url LIKE '%/z'").fetchall()
    assert "zuaa" in text
    assert ("zbox" in text) is (found == RESTORED or (not found and odd_box[0].kept))
    assert settle(archive.db, make.clock).rejudged_pages == 0


def test_with_fewer_pages_the_own_verdict_returns_and_evidence_counts_articles(archive, make):
    pages = [article(make, name) for name in LETTERS[:MIN_LAYOUT_PAGES]]
    assert settled(archive, make, *pages, article(make, "z", DOUBT)) == REMOVED
    assert archive.db.execute(f"SELECT pages, of_pages FROM {BLOCK_EVIDENCE}").fetchall() == [(1, 9)]
    page = find_page(archive.db, "http://a.test/z")
    assert page
    assert [(block.rule, block.evidence) for block in page.blocks if not block.is_kept] == [("site/layout-removes", "")]
    assert settled(archive, make, *(article(make, name, layout_signature=b"") for name in "ab")) == []


def test_other_probabilities_have_the_host_judged_again(archive, make):
    assert settled(archive, make, *(article(make, name) for name in LETTERS[:11]), article(make, "z", IN)) == []
    [(page_id,)] = archive.db.execute("SELECT id FROM urls WHERE url LIKE '%/z'").fetchall()
    put_chances(archive.db, page_id, bytes((SURE, SURE, DOUBTFUL, SURE)))
    assert settled(archive, make) == REMOVED
    put_chances(archive.db, page_id, bytes((SURE, SURE, DOUBTFUL, SURE)))
    assert archive.db[UNSETTLED].count == 0


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


def placed(*blocks: Sequence[int]) -> PlacedPage:
    """A page of blocks of (words, kept, chance)."""
    rows = [(n, n, *(chance or [0]), count, 0, kept, 0, 0, 0, 0) for n, (count, kept, *chance) in enumerate(blocks)]
    return PlacedPage(1, len(rows), np.array(rows), np.zeros(0, np.int64))


def featured(blocks: Sequence[Sequence[int]], in_slot: Sequence[int]) -> FeaturedPage:
    return FeaturedPage(1, placed(*blocks), np.zeros(0), np.isin(np.arange(len(blocks)), in_slot))


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
    assert slot_indices(featured(blocks, in_slot)).tolist() == found


@pytest.mark.parametrize(
    ("blocks", "in_slot", "probabilities", "rules"),
    [
        ([TEXT, (15, 1, 229)], [1], [0.5, 0.5], {1: "slot"}),
        ([TEXT, (15, 1, 229)], [1], [0.5, 0.1], {1: "slot"}),
        ([TEXT, (15, 1, 229), (7, 1, 255), (9, 0, 0)], [1], [0.5, 0.5, 0.1, 0.9],
         {1: "slot", 2: "layout-removes", 3: "layout-keeps"}),
        ([(3, 1, 100), (9, 1, 255)], [0], [0.5, 0.1], {0: "slot"}),  # else nothing would be left
        ([(3, 1, 100), (9, 1, 255), (2, 0, 0)], [0], [0.5, 0.1, 0.9],
         {0: "slot", 1: "layout-removes", 2: "layout-keeps"}),
        ([TEXT], [], [0.5], {}),
    ],
)  # fmt: skip
def test_slots_go_before_the_model_which_leaves_a_text_beside_them(blocks, in_slot, probabilities, rules):
    verdicts = judge_places(featured(blocks, in_slot), np.array(probabilities))
    assert {block.position: verdict.rule.removeprefix("site/") for block, verdict in verdicts.items()} == rules


LAYOUT = [("body>div.t>p", 0, 0, [], ""), ("body>div#n-7>h2", 0, 9, [], ""), ("body>div#n-8>h2>a", 0, 4, [], "")]
FLAGGED = [
    (0, 70, IS_KEPT | IS_SHARED, "eight words", 2),
    (1, 71, IS_LEFT_OUT + KIND_FACTOR, "nine chars", 2),
    (2, 72, IS_KEPT_ELSEWHERE, "gone", 1),
]


def place(numbers: PlaceNumbers, chances: bytes | None = b"\x01\x02\x03", layout_id: int | None = 5) -> Any:
    return place_page(PageFacts(1, b"", chances, layout_id, "", (), "", ()), LAYOUT, FLAGGED, numbers)


def test_blocks_that_are_kept_or_may_come_back_take_part_with_numbers_of_their_places():
    numbers, together = PlaceNumbers(), PlaceNumbers()
    page = place(numbers)
    assert page.rows.tolist() == [[0, 70, 1, 2, 0, 1, 1, 0, 0, 1], [1, 71, 2, 2, 900, 0, 0, 1, 2, 3]]
    places = ("body>div.t>p", "body>div.t>", "body>div#n-0>h0", "body>div#n-0>", "body>div#n-0>h0>a")
    assert list(numbers.numbers) == [(5, place) for place in places]
    assert (page.layout_id, page.block_count, page.emptied_places.tolist()) == (5, 3, [2, 4])
    assert page.blocks.link_shares.tolist() == [0, 900]
    assert together.place(6, "body>p") == 0
    other = renumber(page, together.renumbering(numbers))  # as pages that were numbered apart
    assert (other.place_numbers.tolist(), other.emptied_places.tolist()) == ([[1, 2], [3, 4]], [3, 5])
    assert page.place_numbers.tolist() == [[0, 1], [2, 3]]
    assert together.place(5, "body>div#n-99>h7") == 3


@pytest.mark.parametrize("changes", [{"chances": None}, {"chances": b""}, {"layout_id": None}])
def test_a_page_without_layout_or_probabilities_takes_no_part(changes):
    numbers = PlaceNumbers()
    assert place(numbers, **changes) is None
    assert numbers.numbers == {}


def test_probabilities_that_are_not_those_of_the_blocks_are_a_fault():
    with pytest.raises(LookupError):
        place(PlaceNumbers(), chances=b"\x01")


def test_pages_that_were_looked_at_come_back_by_id_until_the_next_host_and_no_table_stays(archive):
    db, numbers, none = archive.db, PlaceNumbers(), array("q")
    create_kept_view(db)
    for page_id, is_evidence in ((3, True), (1, False), (2, True)):
        store_placed_page(db, page_id, place(numbers), is_evidence=is_evidence)
    read = [(page_id, is_evidence, page.rows.tolist()) for page_id, is_evidence, page in read_placed_pages(db)]
    own = place(numbers).rows.tolist()
    assert read == [(1, False, own), (2, True, own), (3, True, own)]
    assert count_places((counted, page) for _, counted, page in read_placed_pages(db)).layout_pages == {5: 2}, (
        "only evidence counts"
    )
    key, seen, left = 2**62 + 1, [(0, 7, 2**62 + 1, 0, 12, 1, 0, 1), (4, 8, 9, 1, 3, 0, 1, 0)], [(5, 11, 12, 0)]
    page_table.store_scan(db, StoredScan(2, False, none, none, none))
    page_table.store_scan(db, StoredScan(1, True, flatten_rows(seen), flatten_rows(left), array("q", [key, 13])))
    assert list(page_table.read_candidates(db)) == [(1, True, seen), (2, False, [])]
    assert list(page_table.read_left_out(db)) == [(1, left), (2, [])]
    assert list(page_table.read_left_out_keys(db)) == [(1, {12, 13, key}), (2, set())]
    clear_placed(db)
    page_table.clear_scans(db)
    assert list(read_placed_pages(db)) == list(page_table.read_candidates(db)) == []
    drop_site_tables(db)
    assert db.execute("SELECT name FROM temp.sqlite_master").fetchall() == []
