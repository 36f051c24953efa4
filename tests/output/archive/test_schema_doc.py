from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.migrations import MIGRATIONS
from broadsheet.output.archive.schema_doc import (
    EXAMPLES,
    column_meanings,
    main,
    schema_columns,
    schema_pages,
)
from broadsheet.output.archive.stored_values import BLOCK_KINDS
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker

DOCS = Path(__file__).resolve().parents[3] / "docs"


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


@pytest.mark.parametrize("name", ["schema.md", "internals.md"])
def test_the_page_is_current(name: str):
    assert (DOCS / name).read_text(encoding="utf-8") == schema_pages()[name], (
        "run: python -m broadsheet.output.archive.schema_doc docs"
    )


def test_the_pages_are_written_into_a_folder(tmp_path: Path):
    main(str(tmp_path))
    assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == schema_pages()


def test_the_numbers_of_kinds_are_told_as_they_are():
    told = column_meanings()["_page_blocks"]["kind"].rstrip(".").split(", ")
    assert told == [f"{number} {kind.replace('_', ' ')}" for number, kind in enumerate(BLOCK_KINDS)]


def headings(page: str) -> list[str]:
    return re.findall(r"^#{2,3} ([a-z_]+)$", schema_pages()[page], re.MULTILINE)


def test_one_page_has_the_contract_and_the_other_what_begins_with_an_underscore():
    assert headings("schema.md") == list(EXAMPLES)
    internals = headings("internals.md")
    assert [name for name in internals if not name.startswith("_")] == ["urls"], "some columns of it"
    assert sorted({*EXAMPLES, *internals}) == sorted(column_meanings())
    for page, is_internal in (("schema.md", False), ("internals.md", True)):
        columns = re.findall(r"^\| `(\w+)` \|", schema_pages()[page].split("# urls\n")[1].split("\n#")[0], re.MULTILINE)
        assert {column.startswith("_") for column in columns} == {is_internal}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_asks_its_table(archive: Archive, make: Maker, name: str):
    archive.save([make.outcome("http://a.test/story", "a river of words", removed=("Donate now",))])
    assert re.search(rf"\bFROM {name}\b", EXAMPLES[name])
    assert archive.db.execute(EXAMPLES[name]).description


def test_the_references_lead_from_columns_to_tables_that_are_there():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    columns = schema_columns(db)
    references = re.findall(r"^\| `(\w+)\.(\w+)` \| `(\w+)` \|$", schema_pages()["schema.md"], re.MULTILINE)
    assert len(references) >= 10
    assert [each for each in references if each[1] not in columns[each[0]] or each[2] not in columns] == []
    assert {target for _, _, target in references} >= {"articles", "captures", "pages", "urls"}
