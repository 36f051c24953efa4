"""The stored certainty follows the verdicts as they stand: a person's, the site's, a cleaner's that came later."""

import pytest

from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.assembled_text import (
    ArticlePart,
    _new_blocks,
    further_blocks,
    has_further_pages,
    head_page,
    put_chances,
    put_parts,
    stored_chances,
    update_certainty,
)
from broadsheet.output.write.person_verdicts import Ruling
from tests.internal_tables import PAGE_LAYOUT, PAGE_PARTS
from tests.output.filled_rows import put, rows

HOST = "http://a.test"
PROMO = "The Harbour Fund pays for what you read here, and we are grateful for it every day of the week."
ASIDE = "Perpetua would not say who had paid for the quillwork, nor when."


def certainty(archive: Archive, url: str = f"{HOST}/0") -> float | None:
    row = archive.db.execute("SELECT certainty FROM pages p JOIN urls u ON u.id = p.id WHERE url = ?", [url])
    value: float | None = row.fetchone()[0]
    return value


def page_number(archive: Archive, url: str = f"{HOST}/0") -> int:
    return int(archive.db.execute("SELECT id FROM urls WHERE url = ?", [url]).fetchone()[0])


def test_a_page_of_an_article_has_it_and_another_page_not(archive, make):
    archive.save([make.outcome(f"{HOST}/0", "one two", removed=("three",), chances=bytes([255, 0]))])
    archive.save([make.outcome(f"{HOST}/list", "a b", page_type="list", chances=bytes([255]))])
    archive.save([make.outcome(f"{HOST}/old", "a text of which nobody knows")])
    assert [certainty(archive, f"{HOST}/{name}") for name in ("0", "list", "old")] == [1, None, None]
    assert verify(archive.db) == []


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_person_makes_a_doubtful_block_certain_and_undoing_it_brings_the_doubt_back(archive, make, words, is_kept):
    archive.save([make.outcome(f"{HOST}/0", words("a", 30), ASIDE, chances=bytes([255, 100]))])
    doubtful = certainty(archive)
    ruling = Ruling(block_id(ASIDE), is_kept, ruled_at=make.clock())
    carry_out_ruling(archive.db, ruling)
    assert doubtful is not None
    assert certainty(archive) == 1 > doubtful
    carry_out_ruling(archive.db, ruling, undo=True)
    assert certainty(archive) == doubtful


def test_what_the_site_repeats_is_certain_once_it_is_taken_out(archive, make, words):
    for n in range(8):
        archive.save([make.outcome(f"{HOST}/{n}", words(f"a{n}", 60), PROMO, chances=bytes([255, 150]))])
    before = certainty(archive)
    settle(archive.db, make.clock)
    assert PROMO not in archive.db.execute("SELECT text FROM articles WHERE url = ?", [f"{HOST}/0"]).fetchone()[0]
    assert before is not None
    assert certainty(archive) == 1 > before
    assert verify(archive.db) == []


def test_a_page_of_an_earlier_version_gets_its_certainty_from_chances_alone(archive, make):
    archive.save([make.outcome(f"{HOST}/0", "one two", "three")])
    number = page_number(archive)
    put_chances(archive.db, number, bytes([255, 255]))
    update_certainty(archive.db, number)
    assert (stored_chances(archive.db, number), certainty(archive)) == (bytes([255, 255]), 1)


def test_chances_of_another_page_are_reported(archive, make):
    archive.save([make.outcome(f"{HOST}/0", "one two", "three", chances=bytes([255, 0]))])
    archive.db.execute(f"UPDATE {PAGE_LAYOUT} SET chances = x'ff'")
    archive.db.execute("UPDATE pages SET certainty = 1.5")
    locations = {problem.location for problem in verify(archive.db)}
    assert {f"{PAGE_LAYOUT}/chances row 1", "pages/certainty row 1"} <= locations


@pytest.mark.parametrize(
    ("texts", "new"),
    [
        (["Title", "New text", "one two three"], ["New text", "one two three"]),
        (["Title", "New text", "one two three four"], ["New text"]),
        (["one two three", "Title", "New text", "Title"], ["New text", "Title"]),
        (["New text", "New text"], ["New text", "New text"]),
        (["Title", "one two three four"], []),
    ],
)
def test_a_further_page_brings_what_no_earlier_one_has_but_for_short_lines_in_its_text(texts, new):
    blocks = (Block(n, BlockKind.PARAGRAPH, text) for n, text in enumerate(texts))
    known = {"Title", "one two three", "one two three four"}
    assert [block.text for block in _new_blocks(blocks, known)] == new


def test_further_pages_are_those_after_the_first_and_none_that_the_first_holds(archive):
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    put(db, PAGE_PARTS, 1, page_id=1, head_id=1, place=0)
    put(db, PAGE_PARTS, 2, page_id=2, head_id=1, place=-1)
    put(db, PAGE_PARTS, 3, page_id=3, head_id=9, place=1)
    assert (has_further_pages(db, 1), further_blocks(db, 1, [])) == (False, [])
    put(db, PAGE_PARTS, 4, page_id=4, head_id=1, place=1)
    assert has_further_pages(db, 1)
    assert [head_page(db, page) for page in (1, 2, 3, 5)] == [1, 1, 9, 5]


@pytest.mark.parametrize(
    ("pages", "kept", "heads"),
    [(None, {1: (1, 0), 5: (1, 1)}, (1, 7)), ([1, 5], {1: (1, 0), 3: (7, 1), 5: (1, 1)}, (1,))],
)
def test_parts_are_replaced_among_some_pages_or_all(archive, pages, kept, heads):
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for page, head, place in ((1, 1, 0), (3, 7, 1), (5, 1, 2)):
        put(db, PAGE_PARTS, page, page_id=page, head_id=head, place=place)
    assert put_parts(db, {1: ArticlePart(1, 0), 5: ArticlePart(1, 1)}, pages) == heads
    assert {row["page_id"]: (row["head_id"], row["place"]) for row in rows(db, PAGE_PARTS)} == kept
