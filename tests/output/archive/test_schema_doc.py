from __future__ import annotations

import re
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.archive.migrations import MIGRATIONS
from broadsheet.output.archive.schema_doc import (
    BOOKKEEPING_TABLES,
    PUBLIC_TABLES,
    column_meanings,
    schema_columns,
    schema_page,
)
from broadsheet.output.archive.stored_values import BLOCK_KINDS

DOCS = Path(__file__).resolve().parents[3] / "docs" / "schema.md"


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
    assert DOCS.read_text(encoding="utf-8") == schema_page(), (
        "run: python -m broadsheet.output.archive.schema_doc > docs/schema.md"
    )


def test_the_numbers_of_kinds_are_told_as_they_are():
    told = column_meanings()["page_blocks"]["kind"].rstrip(".").split(", ")
    assert told == [f"{number} {kind.replace('_', ' ')}" for number, kind in enumerate(BLOCK_KINDS)]


def test_public_tables_come_first_and_bookkeeping_last():
    names = [line.removeprefix("### ") for line in schema_page().splitlines() if line.startswith("### ")]
    assert tuple(names[: len(PUBLIC_TABLES)]) == PUBLIC_TABLES
    assert set(names[-len(BOOKKEEPING_TABLES) :]) == set(BOOKKEEPING_TABLES)
    assert sorted(names) == sorted(column_meanings())


def test_the_diagram_names_columns_that_are_there():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    columns = schema_columns(db)
    arrows = re.findall(r"^    (\w+) \}o--o\| (\w+) : (\w+)$", schema_page(), re.MULTILINE)
    assert len(arrows) >= 10
    assert [arrow for arrow in arrows if arrow[2] not in columns[arrow[0]] or arrow[1] not in columns] == []
    assert {table for table, _, _ in arrows} | {target for _, target, _ in arrows} >= set(PUBLIC_TABLES) - {"runs"}
