"""The baseline is a script of statements; a migration renames what a user made where it takes the name."""

import lzma
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.archive import migrations
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.migrations import run_statements, sql_statements
from broadsheet.output.archive.stored_values import BLOCK_KINDS
from broadsheet.output.read.search import rank_articles
from broadsheet.output.read.verify import verify
from tests.internal_tables import BLOCKS


@pytest.fixture
def db():
    db = Database(memory=True)
    migrations.MIGRATIONS.apply(db)
    return db


def test_statements_come_whole_and_without_comments():
    script = "-- of a table;\nCREATE TABLE a (b);\n\nCREATE TRIGGER c AFTER INSERT ON a BEGIN\n    SELECT 1;\nEND;\n"
    assert list(sql_statements(script)) == [
        "CREATE TABLE a (b);",
        "CREATE TRIGGER c AFTER INSERT ON a BEGIN\n    SELECT 1;\nEND;",
    ]


def _objects(db: Database) -> set[tuple[str, str, str]]:
    return set(db.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall())


@pytest.mark.parametrize("version", range(1, migrations.SCHEMA_VERSION + 1))
def test_a_stored_file_of_each_version_is_upgraded_and_has_what_it_had(tmp_path, version):
    """Each is the archive of `broadsheet demo` as that version made it, packed by xz."""
    file = tmp_path / "a.db"
    stored = Path(__file__).with_name("versions") / f"{version}.db.xz"
    file.write_bytes(lzma.decompress(stored.read_bytes()))
    with closing(open_database(file)) as db, closing(open_database(tmp_path / "new.db")) as new:
        assert [problem.check for problem in verify(db)] == ["raw_responses"], "its WARC files are not here"
        assert _objects(db) == _objects(new)
        assert db.execute("SELECT count(*), sum(word_count) FROM articles").fetchone() == (27, 6479)
        assert db.execute("SELECT count(*), count(DISTINCT rule) FROM removed").fetchone() == (1606, 97)
        assert len(rank_articles(db, "ledgers", 9)) == 1
    assert Path(f"{file}.backup-v{version}").exists() == (version < migrations.SCHEMA_VERSION)


def test_the_kinds_of_blocks_are_those_that_are_stored(db):
    [(view,)] = db.execute(f"SELECT sql FROM sqlite_master WHERE name = '{BLOCKS}'").fetchall()
    names = [f"WHEN {number} THEN '{name}'" for number, name in enumerate(BLOCK_KINDS)]
    assert " ".join(names) in " ".join(view.split())


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE Pictures (x)",
        "CREATE VIEW pictures AS SELECT title AS x FROM articles",
        "create view [pictures] (x) as select title from articles",
        "CREATE INDEX pictures ON articles (title)",
        'CREATE UNIQUE INDEX "pictures" ON articles (title, id)',
    ],
)
def test_what_a_user_made_gives_up_its_name_where_the_schema_takes_it(db, statement):
    db.execute(statement)
    run_statements(db, ["CREATE VIEW pictures AS SELECT url FROM articles"])
    query = "SELECT type FROM sqlite_master WHERE lower(name) = ?"
    assert db.execute(query, ["pictures"]).fetchall() == [("view",)]
    [(kind,)] = db.execute(query, ["pictures_own"]).fetchall()
    assert kind in statement.lower()
    if kind != "index":
        assert {row[1] for row in db.execute("PRAGMA table_info(pictures_own)")} == {"x"}
