import re
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.migrations import MIGRATIONS
from broadsheet.output.archive.schema_doc import EXAMPLES, column_meanings, main, schema_columns, schema_page
from broadsheet.output.archive.stored_values import BLOCK_KINDS
from tests.internal_tables import PAGE_BLOCKS, SHELVED

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture(scope="module")
def columns():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    return schema_columns(db)


def test_every_column_has_its_meaning_and_no_meaning_is_left_over(columns):
    """What is shelved has the columns of articles in their order, and a reason."""
    meanings = {table: set(lines) - {""} for table, lines in column_meanings().items()}
    schema = {table: set(names) for table, names in columns.items()}
    schema[SHELVED] -= schema["articles"]
    assert meanings == schema
    assert all("" in lines for lines in column_meanings().values())
    assert [name for name in columns[SHELVED] if name != "why"] == columns["articles"]


def test_the_page_is_current(tmp_path):
    main(str(tmp_path))
    assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == {"schema.md": schema_page()}
    current = (DOCS / "schema.md").read_text(encoding="utf-8")
    assert current == schema_page(), "run: python -m broadsheet.output.archive.schema_doc docs"


def test_the_numbers_of_kinds_are_told_as_they_are():
    told = column_meanings()[PAGE_BLOCKS]["kind"].rstrip(".").split(", ")
    assert told == [f"{number} {kind.replace('_', ' ')}" for number, kind in enumerate(BLOCK_KINDS)]


def test_the_page_has_the_contract_and_nothing_that_begins_with_an_underscore():
    page = schema_page()
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == list(EXAMPLES)
    assert {name for name in column_meanings() if not name.startswith("_")} == set(EXAMPLES)
    assert re.findall(r"^\| `(_\w+)` \|", page, re.MULTILINE) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_asks_its_table(archive, make, name):
    archive.save([make.outcome("http://a.test/story", "a river of words", removed=("Donate now",))])
    assert re.search(rf"\bFROM {name}\b", EXAMPLES[name])
    assert archive.db.execute(EXAMPLES[name]).description


def test_the_references_lead_from_columns_to_tables_that_are_there(columns):
    references = re.findall(r"^\| `(\w+)\.(\w+)` \| `(\w+)` \|$", schema_page(), re.MULTILINE)
    assert len(references) >= 10
    assert [each for each in references if each[1] not in columns[each[0]] or each[2] not in columns] == []
    assert {target for _, _, target in references} >= {"articles", "captures", "pages", "urls"}
