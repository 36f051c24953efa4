"""Corrections of any field as rows: one for each subject, field and scope, kept when they are taken back."""

from dataclasses import replace
from typing import Any

import pytest

from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.own_reading import read_own_reading
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.corrections import (
    CorrectedField,
    Correction,
    corrections_in_force,
    list_corrections,
    store_correction,
    stored_correction,
    undo_correction,
)
from broadsheet.output.write.site_fields import apply_field_corrections
from tests.internal_tables import OWN_FIELDS
from tests.output.merging import merge_archive

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"
TITLE = Correction(CorrectedField.TITLE, "The mole", article_id=5, at=EARLY, who="Ann", note="as printed", url="u")


@pytest.fixture
def db(archive):
    return archive.db


def test_a_later_correction_replaces_the_earlier_and_keeps_what_it_does_not_say(db):
    store_correction(db, TITLE)
    store_correction(db, replace(TITLE, value="The pier", at=LATE, who="", note=""))
    assert list_corrections(db) == [replace(TITLE, value="The pier", at=LATE)]
    store_correction(db, replace(TITLE, host="a.test", article_id=None))
    store_correction(db, replace(TITLE, field=CorrectedField.LANGUAGE, value="de"))
    assert len(list_corrections(db)) == 3


def test_one_that_is_taken_back_stays_with_its_time_and_a_new_one_says_all_anew(db):
    store_correction(db, TITLE)
    assert stored_correction(db, TITLE) == TITLE
    assert undo_correction(db, TITLE, LATE)
    assert not undo_correction(db, TITLE, LATE)
    assert stored_correction(db, TITLE) is None
    assert list_corrections(db) == [replace(TITLE, undone_at=LATE)]
    store_correction(db, replace(TITLE, who="", note=""))
    assert list_corrections(db) == [replace(TITLE, who="", note="")]


@pytest.mark.parametrize(
    ("undone", "value"), [((), "article"), ((0,), "host"), ((0, 1), "everywhere"), ((0, 1, 2), None), ((1,), "article")]
)
def test_the_narrowest_holds(db, undone, value):
    scopes = ({"article_id": 5}, {"article_id": None, "host": "a.test"}, {"article_id": None})
    made = [
        replace(TITLE, value=name, **scope)
        for name, scope in zip(("article", "host", "everywhere"), scopes, strict=True)
    ]  # type: ignore[arg-type]
    for correction in (*made, replace(TITLE, value="other", article_id=6), replace(made[1], value="b", host="b.test")):
        store_correction(db, correction)
    for number in undone:
        undo_correction(db, made[number], LATE)
    held = corrections_in_force(db, 5, "a.test")
    assert [correction.value for correction in held.values()] == ([] if value is None else [value])


SITE = "http://a.test"
FIELDS = {
    "title": "The mole",
    "authors": '["Ann Moor"]',
    "published": "2026-01-05",
    "tags": '["Harbour"]',
    "language": "fr",
}


def state(archive: Archive) -> list[tuple[Any, ...]]:
    names = "url, title, authors, published_day, tags, language, text"
    return archive.db.execute(f"SELECT {names} FROM articles ORDER BY url").fetchall()


def correct(archive: Archive, *, undo: bool = False, **scope: Any) -> None:
    with write_transaction(archive.db):
        for name, value in FIELDS.items():
            one = Correction(CorrectedField(name), value, at=EARLY, **scope)
            undo_correction(archive.db, one, LATE) if undo else store_correction(archive.db, one)
        apply_field_corrections(archive.db, LATE)


@pytest.mark.parametrize(
    ("scope", "pages"), [({"article_id": article_id(f"{SITE}/1")}, {1}), ({"host": "a.test"}, {1, 2}), ({}, {1, 2, 3})]
)
def test_fields_are_corrected_whatever_comes_later_and_put_back(archive, make, tmp_path, scope, pages):
    urls = (f"{SITE}/1", f"{SITE}/2", "http://b.test/3")
    outcomes = [make.outcome(url, f"Words of {url}", title=f"Title {url[-1]}") for url in urls]
    archive.save(outcomes)
    settle(archive.db, make.clock)
    before = state(archive)
    correct(archive, **scope)
    corrected = state(archive)
    said = ("The mole", '["Ann Moor"]', "2026-01-05", '["Harbour"]', "fr")
    assert {n for n, row in enumerate(corrected, 1) if row[1:6] == said} == pages
    assert [row for n, row in enumerate(corrected, 1) if n not in pages] == [
        row for n, row in enumerate(before, 1) if n not in pages
    ]
    archive.save([replace(outcome, fetched_at=make.clock()) for outcome in outcomes])
    for _ in range(2):
        settle(archive.db, make.clock)
        assert state(archive) == corrected
    reading = read_own_reading(archive.db, 1)
    assert reading
    assert reading.rows.metadata.title == "Title 1", "what the page says by itself stays known"
    assert verify(archive.db) == []
    archive.close()
    with Archive.open(tmp_path / "merged.db", make.clock) as merged:
        merge_archive(merged.db, archive.path, make.clock)
        settle(merged.db, make.clock)
        assert state(merged) == corrected
        assert verify(merged.db) == []
    with Archive.open(archive.path, make.clock) as again:
        correct(again, undo=True, **scope)
        assert state(again) == before
        assert again.db.execute(f"SELECT count(*) FROM {OWN_FIELDS}").fetchone() == (0,)
        assert verify(again.db) == []
