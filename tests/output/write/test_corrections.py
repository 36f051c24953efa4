"""Corrections of any field as rows: one for each subject, field and scope, kept when they are taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlite_utils import Database

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

EARLY, LATE = "2026-01-01T00:00:00+00:00", "2026-02-02T00:00:00+00:00"
TITLE = Correction(CorrectedField.TITLE, "The mole", article_id=5, at=EARLY, who="Ann", note="as printed", url="u")


@pytest.fixture
def db(archive: Archive) -> Database:
    return archive.db


def test_a_later_correction_replaces_the_earlier_and_keeps_what_it_does_not_say(db: Database) -> None:
    store_correction(db, TITLE)
    store_correction(db, replace(TITLE, value="The pier", at=LATE, who="", note=""))
    assert list_corrections(db) == [replace(TITLE, value="The pier", at=LATE)]
    store_correction(db, replace(TITLE, host="a.test", article_id=None))
    store_correction(db, replace(TITLE, field=CorrectedField.LANGUAGE, value="de"))
    assert len(list_corrections(db)) == 3


def test_one_that_is_taken_back_stays_with_its_time_and_a_new_one_says_all_anew(db: Database) -> None:
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
def test_the_narrowest_holds(db: Database, undone: tuple[int, ...], value: str | None) -> None:
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
