"""All rows of the tables and public views that two crawls and a person's verdicts leave in an archive."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlite_utils import Database

from tests.internal_tables import labelled, named
from tests.output.harbour import fill_harbour
from tests.output.told import as_json, expected, sections, told, unpacked

FILE = Path(__file__).with_name("whole_tables.txt")
NAMES = """SELECT name FROM sqlite_master WHERE (type = 'table' OR type = 'view' AND substr(name, 1, 1) <> '_')
    AND name NOT LIKE 'sqlite%' AND name NOT LIKE '_sqlite%' AND name NOT LIKE 'articles_fts%'"""


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Database:
    file = tmp_path_factory.mktemp("archive") / "ebb.db"
    fill_harbour(file)
    return Database(file)


def test_every_table_is_looked_at(db: Database) -> None:
    assert sorted(sections(FILE)) == sorted(labelled(name) for (name,) in db.execute(NAMES))


@pytest.mark.parametrize("name", sections(FILE))
def test_a_table_has_these_rows(db: Database, name: str) -> None:
    text = told(sorted(map(as_json, unpacked(db.query(f"SELECT * FROM {named(name)}")))))
    assert text == expected(FILE, name, text)
