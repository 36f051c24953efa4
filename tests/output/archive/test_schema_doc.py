from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.migrations import MIGRATIONS
from broadsheet.output.archive.schema_doc import (
    EXAMPLES,
    column_meanings,
    schema_columns,
    schema_page,
)
from broadsheet.output.archive.stored_values import BLOCK_KINDS
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker

DOCS = Path(__file__).resolve().parents[3] / "docs" / "schema.md"


def test_every_column_has_its_meaning_and_no_meaning_is_left_over():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    documented_columns = {table: set(lines) - {""} for table, lines in column_meanings().items()}
    schema = {table: set(columns) for table, columns in schema_columns(db).items()}
    schema["_shelved"] -= schema["articles"]
    assert documented_columns == schema
    assert all("" in lines for lines in column_meanings().values())


def test_shelved_has_the_columns_of_articles_in_their_order_and_a_reason():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    there = schema_columns(db)
    assert "why" in there["_shelved"]
    assert [name for name in there["_shelved"] if name != "why"] == there["articles"]


def test_the_page_is_current():
    assert DOCS.read_text(encoding="utf-8") == schema_page(), (
        "run: python -m broadsheet.output.archive.schema_doc > docs/schema.md"
    )


def test_the_numbers_of_kinds_are_told_as_they_are():
    told = column_meanings()["_page_blocks"]["kind"].rstrip(".").split(", ")
    assert told == [f"{number} {kind.replace('_', ' ')}" for number, kind in enumerate(BLOCK_KINDS)]


def test_the_contract_comes_first_and_all_else_begins_with_an_underscore():
    names = [line.removeprefix("### ") for line in schema_page().splitlines() if line.startswith("### ")]
    assert names[: len(EXAMPLES)] == list(EXAMPLES)
    assert [name for name in names if not name.startswith("_")] == list(EXAMPLES)
    assert sorted(names) == sorted(column_meanings())


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_asks_its_table(archive: Archive, make: Maker, name: str):
    archive.save([make.outcome("http://a.test/story", "a river of words", removed=("Donate now",))])
    assert re.search(rf"\bFROM {name}\b", EXAMPLES[name])
    assert archive.db.execute(EXAMPLES[name]).description


def test_the_diagram_names_columns_that_are_there():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    columns = schema_columns(db)
    arrows = re.findall(r"^    (\w+) \}o--o\| (\w+) : (\w+)$", schema_page(), re.MULTILINE)
    assert len(arrows) >= 10
    assert [arrow for arrow in arrows if arrow[2] not in columns[arrow[0]] or arrow[1] not in columns] == []
    assert {table for table, _, _ in arrows} | {target for _, target, _ in arrows} >= {
        "articles",
        "captures",
        "pages",
        "urls",
    }
