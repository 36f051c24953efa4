"""Examples for a ruling: the block that it decides with what stands around it, and texts with similar words."""

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.ledger import read_ledger
from broadsheet.output.read.ruling_examples import find_ruling_example, find_same_but_for_numbers, find_similar_blocks
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.person_verdicts import Ruling
from tests.internal_tables import BLOCK_TEXTS, PAGE_BLOCKS
from tests.output.filled_rows import put

AT = "2026-03-01T00:00:00Z"


def put_texts(db: Database, *texts: str, is_kept: bool = True) -> None:
    """Store block texts, each on a page that keeps or removes it."""
    for text in texts:
        number = 1 + db.execute(f"SELECT coalesce(max(id), 0) FROM {BLOCK_TEXTS}").fetchone()[0]
        put(db, BLOCK_TEXTS, 1, id=number, text=text)
        put(db, PAGE_BLOCKS, 1, page_id=number, position=0, block_id=number, kept=is_kept)
    db.conn.commit()


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("Read 17 comments", True),
        ("Read 1,024 comments", True),
        ("Read 12:30 comments", True),
        ("Read 3 comments", False),  # the text itself
        ("Read 17 comments here", False),
        ("Please read 17 comments", False),
        ("Read 17 letters", False),
    ],
)
def test_a_text_with_other_numbers(db, text, is_found):
    put_texts(db, text)
    assert find_same_but_for_numbers(db, "Read 3 comments", is_kept=True) == ([text] if is_found else [])
    assert find_same_but_for_numbers(db, "Read 3 comments", is_kept=False) == []
    put_texts(db, "Something else", is_kept=False)
    assert find_same_but_for_numbers(db, "Read 3 comments", is_kept=False) == []


def test_signs_of_a_pattern_are_words_and_a_text_without_a_number_has_none_like_it(db):
    put_texts(db, "7_a 100% \\x", "8_a 20% \\x", "8ba 20% \\x", "8_a 20 off \\x", is_kept=False)
    assert find_same_but_for_numbers(db, "7_a 100% \\x", is_kept=False) == ["8_a 20% \\x"]
    assert find_same_but_for_numbers(db, "7_a 100% \\x", is_kept=True) == []
    assert find_same_but_for_numbers(db, "%", is_kept=False) == []


def test_a_long_text_is_no_example_and_five_hundred_are_compared(db):
    put_texts(db, "9".ljust(600, "x"), "7".ljust(601, "x"), *(f"Page {number}" for number in range(1000, 1501)))
    found = [find_same_but_for_numbers(db, "8".ljust(length, "x"), is_kept=True) for length in (600, 601)]
    assert found == [["9".ljust(600, "x")], []]
    assert find_same_but_for_numbers(db, "Page 1", is_kept=True) == [f"Page {number}" for number in range(1000, 1500)]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("harbour festival", True),
        ("harbour one two three four", True),  # one of five words
        ("harbour one two three four five", False),
        ("ferry timetable", False),  # shares only the fourth longest word
        ("market", False),
    ],
)
def test_a_text_that_shares_one_of_the_three_longest_words_and_a_fifth_of_all(db, text, is_found):
    put_texts(db, text)
    assert find_similar_blocks(db, "harbour festival committee ferry") == ([text] if is_found else [])


def test_the_most_similar_comes_first_and_what_is_removed_does_not(db):
    put_texts(db, "harbour festival", "harbour festival tonight", "the harbour festival", "harbour")
    put_texts(db, "harbour festival now", is_kept=False)
    assert find_similar_blocks(db, "harbour festival") == [
        "harbour festival tonight", "the harbour festival", "harbour",
    ]  # fmt: skip


def test_a_ruling_s_block_and_two_verdicts_before_and_after_it(archive, make):
    words = ("one", "two", "three", "four", "five", "six", "seven")
    texts = [f"The {word} paragraph of a long story about the harbour and its ferries." for word in words]
    archive.save([make.outcome("http://a.test/2", *texts), make.outcome("http://a.test/1", *texts)])
    ids = dict(archive.db.execute(f"SELECT text, id FROM {BLOCK_TEXTS}").fetchall())
    for place, text in ((3, texts[3]), (0, texts[0]), (6, texts[6])):
        ruling = Ruling(ids[text], False, ruled_at=AT)
        assert find_ruling_example(archive.db, ruling) is None
        carry_out_ruling(archive.db, ruling)
        example = find_ruling_example(archive.db, ruling)
        assert (example.url, example.block.text) == ("http://a.test/1", text)
        page_id = archive.db.execute("SELECT id FROM urls WHERE url = 'http://a.test/1'").fetchone()[0]
        ledger = list(read_ledger(archive.db, page_id))
        index = [block.text for block, _ in ledger].index(texts[place])
        around = [n for n in (index - 1, index - 2, index + 1, index + 2) if 0 <= n < len(ledger)]
        assert list(example.surrounding_verdicts) == [ledger[n][1] for n in around]
