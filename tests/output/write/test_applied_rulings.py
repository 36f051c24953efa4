"""Rulings applied: which one holds for a block, what its verdict replaces, and where it is in scope, a row a clause."""

from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.output.write.applied_rulings import commonest_reason, preview_ruling, sample_effect
from broadsheet.output.write.person_verdicts import Ruling
from broadsheet.output.write.verdicts import OF_ALL, OF_PAGE, RulingStep, apply_rulings, find_steps, raise_verdicts
from tests.internal_tables import OWN_VERDICTS, PAGE_BLOCKS, REASONS, SHELF
from tests.output.filled_rows import put, rows

BLOCK, OTHER_BLOCK = 5, 6
KEPT, REMOVED = 1, 2  # reasons of the cleaner


@pytest.fixture
def db(archive):
    """Three pages of two hosts with one block, the first two with an article of their own, the third shelved."""
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    put(db, REASONS, 0, id=KEPT, reason="body", rule="extractor/body")
    put(db, REASONS, 0, id=REMOVED, reason="share", rule="text/share")
    for page, host, article in ((1, "a.test", 11), (2, "a.test", 12), (3, "b.test", None)):
        put(db, "urls", page, id=page, url=f"http://{host}/{page}", host=host, kind="page", state="done")
        put(db, "pages", page, id=page, article_id=article)
        put(db, PAGE_BLOCKS, page, page_id=page, position=4, block_id=BLOCK, kept=0, reason_id=REMOVED)
    put(db, PAGE_BLOCKS, 9, page_id=1, position=5, block_id=OTHER_BLOCK, kept=0, reason_id=REMOVED)
    put(db, "articles", 2, id=22, page_id=2)  # the article's id as it was stored, another than its page names
    put(db, SHELF, 3, id=13, page_id=3, article="{}")
    db.conn.commit()
    return db


def rule(db: Database, number: int, **values: Any) -> None:
    given = {"id": number, "block_id": BLOCK, "article_id": None, "host": None, "at": "2026-01-01", "undone_at": None}
    value = "kept" if values.pop("kept", 1) else "removed"
    put(db, "corrections", number, field="block", value=value, **(given | values))


def take_steps(db: Database) -> list[RulingStep]:
    """Bring the ledger in line; returns the steps that were due."""
    steps = [step for step in find_steps(db, OF_ALL, {}) if not step.is_idle]
    for page_id in {step.page_id for step in steps}:
        raise_verdicts(db, page_id)
    return steps


def held(db: Database) -> dict[int, int]:
    """Ruling in force by page."""
    return {step.page_id: step.ruling_id for step in find_steps(db, OF_ALL, {}) if step.ruling_id is not None}


@pytest.mark.parametrize(
    ("rulings", "by_page"),
    [
        ([{}], {1: 1, 2: 1, 3: 1}),
        ([{"block_id": 7}], {}),
        ([{"host": "a.test"}], {1: 1, 2: 1}),
        ([{"host": "b.test"}], {3: 1}),
        ([{"article_id": 11}], {1: 1}),
        ([{"article_id": 12}], {2: 1}),
        ([{"article_id": 22}], {2: 1}),
        ([{"article_id": 13}], {3: 1}),
        ([{"article_id": 99}], {}),
        ([{}, {"host": "a.test"}], {1: 2, 2: 2, 3: 1}),
        ([{"host": "a.test"}, {}], {1: 1, 2: 1, 3: 2}),
        ([{"host": "a.test"}, {"article_id": 11}], {1: 2, 2: 1}),
        ([{"article_id": 11}, {"host": "a.test"}], {1: 1, 2: 2}),
        ([{}, {"article_id": 13}], {1: 1, 2: 1, 3: 2}),
        ([{"at": "2026-01-02"}, {"at": "2026-01-01"}], {1: 1, 2: 1, 3: 1}),
        ([{"at": "2026-01-01"}, {"at": "2026-01-02"}], {1: 2, 2: 2, 3: 2}),
        ([{}, {}], {1: 1, 2: 1, 3: 1}),
    ],
)
def test_the_narrowest_ruling_holds_then_the_newest(db, rulings, by_page):
    for number, values in enumerate(rulings, 1):
        rule(db, number, **values)
    assert held(db) == by_page
    steps = [step.ruling_id for step in find_steps(db, OF_PAGE, {"page": 1})]
    assert steps == ([by_page[1]] if 1 in by_page else [])


def ledger(db: Database) -> dict[tuple[int, int], tuple[int, str, str]]:
    query = f"""SELECT b.page_id, b.position, b.kept, r.reason, r.rule
        FROM {PAGE_BLOCKS} b JOIN {REASONS} r ON r.id = b.reason_id"""
    return {(page, position): (kept, *reason) for page, position, kept, *reason in db.execute(query).fetchall()}


def overruled(db: Database) -> list[tuple[int, ...]]:
    names = ("page_id", "position", "kept", "reason_id", "site_kept")
    return [tuple(row[name] for name in names) for row in rows(db, OWN_VERDICTS)]


def test_a_verdict_is_replaced_kept_beside_and_put_back(db):
    before = ledger(db)
    rule(db, 1, host="a.test")
    assert len(take_steps(db)) == 2
    restored = (1, "restored by hand", "person")
    assert ledger(db) == before | {(1, 4): restored, (2, 4): restored}
    assert overruled(db) == [(1, 4, 0, REMOVED, None), (2, 4, 0, REMOVED, None)]
    assert take_steps(db) == []

    rule(db, 2, article_id=11, kept=0)
    assert [step.page_id for step in take_steps(db)] == [1]
    assert ledger(db)[1, 4] == (0, "removed by hand", "person")
    assert overruled(db) == [(1, 4, 0, REMOVED, None), (2, 4, 0, REMOVED, None)], (
        "what is kept is the cleaner's verdict"
    )

    db.execute("UPDATE corrections SET undone_at = '2026-01-03'")
    assert len(take_steps(db)) == 2
    assert ledger(db) == before
    assert overruled(db) == []
    assert apply_rulings(db, "2026-02-01") == 0


def test_a_page_that_was_judged_anew_has_its_new_verdict_beside_the_ruling(db):
    rule(db, 1, host="b.test", kept=0)
    take_steps(db)
    db.execute(f"DELETE FROM {OWN_VERDICTS}")
    db.execute(f"UPDATE {PAGE_BLOCKS} SET kept = 1, reason_id = ? WHERE page_id = 3", [KEPT])
    (step,) = take_steps(db)
    assert (step.own_verdict, step.changes_text, step.ruling_id) == ((1, 1), True, 1)
    assert overruled(db) == [(3, 4, 1, KEPT, None)]
    assert ledger(db)[3, 4] == (0, "removed by hand", "person")


def test_the_commonest_reason_and_of_two_the_first(db):
    rule(db, 1)
    steps = find_steps(db, OF_ALL, {})
    assert commonest_reason(db, steps) == ("share", "text/share")
    db.execute(f"UPDATE {PAGE_BLOCKS} SET reason_id = ?, kept = 1 WHERE page_id = 3", [KEPT])
    assert commonest_reason(db, find_steps(db, OF_ALL, {})) == ("share", "text/share")
    db.execute(f"DELETE FROM {PAGE_BLOCKS} WHERE page_id = 2")
    assert commonest_reason(db, find_steps(db, OF_ALL, {})) == ("body", "extractor/body")
    assert commonest_reason(db, []) == ("", "")


@pytest.mark.parametrize(
    ("scope", "pages"),
    [({}, 3), ({"host": "a.test"}, 2), ({"host": "c.test"}, 0), *(({"article_id": n}, 1) for n in (11, 12, 22, 13))],
)
def test_a_ruling_that_is_only_asked_about_counts_the_pages_in_its_scope(db, scope, pages):
    before = {table: rows(db, table) for table in ("corrections", OWN_VERDICTS, PAGE_BLOCKS, REASONS)}
    effect = preview_ruling(db, Ruling(BLOCK, False, **scope))
    assert (effect.takes_back, effect.page_count, effect.text_changes) == (False, pages, ())
    assert (effect.reason, effect.rule) == (("share", "text/share") if pages else ("", ""))
    sample = sample_effect(db, Ruling(BLOCK, False, **scope))
    assert (sample.pages, sample.changed_pages, sample.is_more, sample.examples) == (pages, 0, False, ())
    assert {table: rows(db, table) for table in before} == before


@pytest.mark.parametrize(("stored", "asked", "takes_back"), [(1, 0, True), (1, 1, False), (0, 0, False), (0, 1, False)])
def test_the_opposite_of_a_ruling_takes_it_back_where_that_gives_what_is_asked(db, stored, asked, takes_back):
    ruling = Ruling(BLOCK, bool(asked), host="c.test")
    put(db, "urls", 8, id=8, url="http://c.test/8", host="c.test", kind="page", state="done")
    put(db, "pages", 8, id=8, article_id=None)
    put(db, PAGE_BLOCKS, 8, page_id=8, position=0, block_id=BLOCK, kept=0, reason_id=REMOVED)
    rule(db, 1, host="c.test", kept=stored)
    db.execute("UPDATE corrections SET id = ?", [ruling.id])
    take_steps(db)
    effect = preview_ruling(db, ruling)
    assert (effect.takes_back, effect.page_count) == (takes_back, 1)


@pytest.mark.parametrize(("count", "seen", "is_more"), [(999, 999, False), (1000, 1000, False), (1001, 1000, True)])
def test_a_sample_is_of_a_thousand_pages(db, count, seen, is_more):
    numbers = [(number,) for number in range(100, 100 + count)]
    names = "page_id, position, block_id, kind, kept, reason_id"
    db.conn.executemany(f"INSERT INTO {PAGE_BLOCKS} ({names}) VALUES (?, 0, 8, 0, 0, 2)", numbers)
    db.conn.commit()
    sample = sample_effect(db, Ruling(8, False))
    assert (sample.pages, sample.is_more) == (seen, is_more)
