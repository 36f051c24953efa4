from __future__ import annotations

from pathlib import Path

from sqlite_utils import Database

import output
from output.db.migrations import BLOCK_KINDS, MIGRATIONS
from output.db.schema_doc import column_meanings, schema_columns, schema_page

DOCS = Path(output.__file__).parent.parent / "docs" / "schema.md"


def test_every_column_has_its_meaning_and_no_meaning_is_left_over():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    documented_columns = {table: set(lines) - {""} for table, lines in column_meanings().items()}
    schema = {table: set(columns) for table, columns in schema_columns(db).items()}
    schema["shelved"] -= schema["articles"]
    assert documented_columns == schema
    assert all("" in lines for lines in column_meanings().values())


def test_shelved_has_the_columns_of_articles_in_their_order_and_a_reason():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    there = schema_columns(db)
    assert "why" in there["shelved"]
    assert [name for name in there["shelved"] if name != "why"] == there["articles"]


def test_the_page_is_current():
    assert DOCS.read_text(encoding="utf-8") == schema_page(), "run: python -m output.db.schema_doc > docs/schema.md"


def test_the_numbers_of_kinds_are_told_as_they_are():
    told = column_meanings()["page_blocks"]["kind"].rstrip(".").split(", ")
    assert told == [f"{number} {kind.replace('_', ' ')}" for number, kind in enumerate(BLOCK_KINDS)]
