from __future__ import annotations

from pathlib import Path

from sqlite_utils import Database

import output
from output.db.migrations import BLOCK_KINDS, MIGRATIONS
from output.db.schema_doc import document, meanings, structure

DOCS = Path(output.__file__).parent.parent / "docs" / "schema.md"


def test_every_column_has_its_meaning_and_no_meaning_is_left_over():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    said = {table: set(lines) - {""} for table, lines in meanings().items()}
    there = {table: set(columns) for table, columns in structure(db).items()}
    there["shelved"] -= there["articles"]
    assert said == there
    assert all("" in lines for lines in meanings().values())


def test_shelved_has_the_columns_of_articles_in_their_order():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    there = structure(db)
    assert there["shelved"] == [*there["articles"], "why"]


def test_the_page_is_current():
    assert DOCS.read_text(encoding="utf-8") == document(), "run: python -m output.db.schema_doc > docs/schema.md"


def test_the_numbers_of_kinds_are_told_as_they_are():
    told = meanings()["page_blocks"]["kind"].rstrip(".").split(", ")
    assert told == [f"{number} {kind.replace('_', ' ')}" for number, kind in enumerate(BLOCK_KINDS)]
