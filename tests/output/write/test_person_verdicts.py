"""Judgements of a sample and a person's verdicts on blocks: they win, they last, and they can be taken back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import RulingEffect, apply_rulings, carry_out_ruling, preview_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.person_verdicts import (
    Review,
    Ruling,
    drop_review,
    find_article,
    list_reviews,
    list_rulings,
    reliability,
    reliability_by,
    store_review,
    store_ruling,
)
from tests.internal_tables import OWN_VERDICTS, PAGE_BLOCKS, PAGE_LAYOUT, PENDING_REVISIONS
from tests.output.conftest import Maker
from tests.output.filled_rows import put


def review(block_id=1, **changes):
    fields = {
        "is_kept": False,
        "reason": "share buttons",
        "rule": "en/share",
        "is_right": True,
        "judged_at": "2026-01-01",
    }
    return Review("https://a.example/1", "a.example", block_id, **{**fields, **changes}, cleaner_version="8")


def test_a_later_judgement_replaces_an_earlier_one_and_can_be_taken_back(archive):
    for made in (review(), review(is_right=False, judged_at="2026-01-02"), review(2**62)):
        store_review(archive.db, made)
    stored = list_reviews(archive.db)
    assert [(line.block_id, line.is_right) for line in stored] == [(2**62, True), (1, False)]
    drop_review(archive.db, stored[0])
    assert [line.block_id for line in list_reviews(archive.db)] == [1]


@pytest.mark.parametrize(
    ("right", "judged", "low", "high"),
    [(58, 60, 0.886, 0.991), (0, 0, 0.0, 1.0), (5, 5, 0.566, 1.0), (0, 5, 0.0, 0.434), (50, 100, 0.404, 0.596)],
)
def test_the_interval_is_that_of_wilson(right, judged, low, high):
    """Against the values of R's `binom.confint(x, n, methods = "wilson")`."""
    interval = reliability(right, judged)
    assert (round(interval.low, 3), round(interval.high, 3)) == (low, high)


def test_it_is_told_by_key_the_most_judged_first():
    lines = reliability_by([("a", True), ("b", False), ("b", True)])
    assert [(key, line.right, line.judged) for key, line in lines.items()] == [("b", 1, 2), ("a", 1, 1)]


A, B, C = "http://a.test/story", "http://a.test/other", "http://b.test/third"
ASIDE = "Perpetua would not say who had paid for the quillwork, nor when."
TABLES = ("articles", "shelved", "pages", PAGE_BLOCKS, PAGE_LAYOUT, "revisions", OWN_VERDICTS, "rulings")


@pytest.fixture
def stored(archive, make, words):
    """Three articles on two hosts whose pages all carry one block, which two of them removed."""
    archive.save([make.outcome(A, words("a"), removed=(ASIDE, "Share")), make.outcome(B, ASIDE, words("b"))])
    archive.save([make.outcome(C, words("c"), removed=(ASIDE,))])
    return archive


def rule(
    archive: Archive, make: Maker, is_kept: bool, *, text: str = ASIDE, undo: bool = False, **scope: Any
) -> RulingEffect:
    return carry_out_ruling(archive.db, Ruling(block_id(text), is_kept, ruled_at=make.clock(), **scope), undo=undo)


def article_number(archive: Archive, url: str) -> int:
    found_number = find_article(archive.db, url)
    assert found_number is not None
    return found_number


def texts(archive: Archive) -> dict[str, bool]:
    """Which articles say it."""
    return {url: ASIDE in text for url, text in archive.db.execute("SELECT url, text FROM articles ORDER BY url")}


def state(archive: Archive) -> dict[str, list[tuple[Any, ...]]]:
    return {table: archive.db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


def changes(archive: Archive) -> list[str]:
    return [change for (change,) in archive.db.execute("SELECT change FROM changes ORDER BY seq")]


def test_it_holds_for_pages_that_come_later_and_is_no_change_of_the_same_page(stored, make, words):
    rule(stored, make, is_kept=True)
    before = (changes(stored), stored.db["revisions"].count, texts(stored))
    stored.save([make.outcome(A, words("a"), removed=(ASIDE, "Share"))])
    assert (changes(stored), stored.db["revisions"].count, texts(stored)) == before
    stored.save([make.outcome(B + "2", words("d"), removed=(ASIDE,))])
    assert (texts(stored)[B + "2"], changes(stored)[-1]) == (True, "added")
    assert verify(stored.db) == []
    rule(stored, make, is_kept=True, undo=True)
    assert not texts(stored)[B + "2"]


def test_it_holds_when_the_page_has_another_text(stored, make, words):
    rule(stored, make, is_kept=True, article_id=article_number(stored, A))
    stored.save([make.outcome(A, words("new"), removed=("Print", ASIDE))])
    [article] = stored.db["articles"].rows_where("url = ?", [A])
    assert article["text"] == f"{words('new')}\n{ASIDE}"
    assert stored.db[PENDING_REVISIONS].count_where("article_id = ?", [article["id"]]) == 1
    stored.save([make.outcome(A, words("new"), removed=("Print",))])  # and nothing is left of it with the block gone
    assert stored.db[OWN_VERDICTS].count == 0
    assert verify(stored.db) == []


def test_settling_leaves_it_and_applies_it_to_copies(archive, make, words):
    archive.save([make.outcome(A, words("a"), removed=(ASIDE,))])
    archive.save([make.outcome(A + "/print", words("a"), removed=(ASIDE,), canonical=A)])
    settle(archive.db, make.clock)
    effect = rule(archive, make, is_kept=True, article_id=article_number(archive, A))
    assert [change.is_shelved for change in effect.text_changes] == [False, True]
    settle(archive.db, make.clock)
    assert texts(archive) == {A: True}
    assert archive.db["shelved"].count == 1
    before = state(archive)
    assert apply_rulings(archive.db, make.clock()) == 0
    settle(archive.db, make.clock)
    assert state(archive) == before
    assert verify(archive.db) == []


def test_of_two_rulings_on_a_copy_s_article_the_later_one_holds(archive, make, words):
    """A copy has an article of its own, which is shelved, and belongs to the one that represents it."""
    copy_url = A + "/print"
    archive.save([make.outcome(url, words("a"), removed=(ASIDE,), canonical=A) for url in (A, copy_url)])
    settle(archive.db, make.clock)
    numbers = [article_number(archive, A), archive.db.execute("SELECT id FROM shelved").fetchone()[0]]
    for later in (0, 1):
        with write_transaction(archive.db):
            for place, number in enumerate(numbers):
                ruled_at = make.clock() if place == later else "2025-01-01T00:00:00Z"
                store_ruling(archive.db, Ruling(block_id(ASIDE), place == 0, number, ruled_at=ruled_at))
            apply_rulings(archive.db, make.clock())
        [text] = archive.db.execute("SELECT text FROM shelved").fetchone()
        assert text.endswith(ASIDE) == (later == 0)


def test_a_copy_that_settling_finds_gets_the_ruling_on_its_article(archive, make, words):
    archive.save([make.outcome(A, words("a"), removed=(ASIDE,))])
    rule(archive, make, is_kept=True, article_id=article_number(archive, A))
    archive.save([make.outcome(A + "/print", words("a"), removed=(ASIDE,), canonical=A)])
    assert texts(archive) == {A: True, A + "/print": False}
    settle(archive.db, make.clock)
    [copy] = archive.db["shelved"].rows
    assert copy["text"].endswith(ASIDE)
    assert texts(archive) == {A: True}
    assert verify(archive.db) == []


def test_looking_changes_nothing(stored, make, file):
    before = state(stored)
    db = open_database(file, read_only=True)
    seen = preview_ruling(db, Ruling(block_id(ASIDE), True, ruled_at=make.clock()))
    db.close()
    assert state(stored) == before
    assert seen == rule(stored, make, is_kept=True)


def test_rulings_are_listed_with_what_they_overruled(stored, make):
    rule(stored, make, is_kept=True, article_id=article_number(stored, A), note="a quotation")
    rule(stored, make, is_kept=False, text="Share", host="a.test")
    first, second = list_rulings(stored.db)
    assert (first.text, first.url, first.page_count) == (ASIDE, A, 1)
    overruled = (first.ruling.note, first.ruling.reason, first.ruling.rule)
    assert overruled == ("a quotation", "share buttons", "share.icons")
    assert (second.text, second.url, second.ruling.host) == ("Share", None, "a.test")


@pytest.mark.parametrize(
    ("reference", "found"),
    [(str(10**17), 10**17), (str(10**18), None), ("3", 3), ("\u0663", None), ("Tides", 3), ("Ebb", None), ("x", None)],
)
def test_an_article_is_named_by_a_number_of_at_most_18_digits_or_by_a_title_of_its_own(archive, reference, found):
    archive.db.execute("PRAGMA foreign_keys = OFF")
    for number, title in ((3, "Tides"), (10**17, "Ebb"), (10**18, "Ebb")):
        put(archive.db, "articles", number % 7, id=number, page_id=number, title=title)
    assert find_article(archive.db, reference) == found


_ACTS = st.lists(
    st.tuples(
        st.sampled_from([ASIDE, "Share", "Common words of the harbour."]),
        st.booleans(),
        st.sampled_from([None, A, B]),
        st.sampled_from(["rule", "fetch", "settle"]),
    ),
    max_size=6,
)


@pytest.mark.slow
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(acts=_ACTS)
def test_whatever_happens_all_taken_back_is_as_if_nobody_had_ruled(tmp_path_factory, words, acts):
    """Articles and ledger are those of an archive where the same happened without rulings."""
    assert texts_after_acts(tmp_path_factory.mktemp("ruled"), words, acts, rules=True) == texts_after_acts(
        tmp_path_factory.mktemp("plain"), words, acts, rules=False
    )


def texts_after_acts(folder: Path, words: Callable[..., str], acts: list[Any], *, rules: bool) -> list[Any]:
    make = Maker()
    common = "Common words of the harbour."

    def page(url: str) -> Outcome:
        return make.outcome(url, words(url[-3:]), common, removed=(ASIDE, "Share"))

    with Archive.open(folder / "a.db", make.clock) as archive:
        archive.save([page(A), page(B)])
        for text, kept, where, act in acts:
            if act == "fetch":
                archive.save([page(where or C)])
            elif act == "settle":
                settle(archive.db, make.clock)
            elif rules:
                rule(archive, make, kept, text=text, article_id=where and article_number(archive, where))
                assert verify(archive.db) == []
        for listed_ruling in list_rulings(archive.db):
            carry_out_ruling(archive.db, listed_ruling.ruling, undo=True)
        assert archive.db["rulings"].count == archive.db["removed"].count_where("rule = 'person'") == 0
        articles = archive.db.execute("SELECT url, text, markdown, word_count FROM articles ORDER BY url").fetchall()
        blocks = archive.db.execute("SELECT url, position, kept, reason, rule FROM blocks ORDER BY 1, 2").fetchall()
        pages = archive.db.execute("SELECT id, kept, removed, text_digest, word_count FROM pages ORDER BY id")
        return [articles, blocks, pages.fetchall()]
