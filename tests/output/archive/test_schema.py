"""The schema: made and upgraded from scripts, documented column by column, with views of what the tables hold."""

import lzma
import re
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.archive import migrations
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.migrations import run_statements, sql_statements
from broadsheet.output.archive.schema_doc import EXAMPLES, column_meanings, main, schema_columns, schema_page
from broadsheet.output.archive.stored_values import BLOCK_KINDS
from broadsheet.output.read.edit_history import ALL_KINDS, list_edits
from broadsheet.output.read.search import rank_articles
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from tests.internal_tables import BLOCKS, EDITS, PAGE_BLOCKS, SHELVED


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


DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture
def columns(db):
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


@pytest.fixture
def filled(archive, make, words):
    text = words("same", 200)
    archive.save([make.outcome("http://a.test/1", text, removed=("ad",), title="One")])
    archive.save([make.outcome("http://b.test/2", f"{text} but longer", title="Two")])
    archive.save([make.outcome("http://c.test/3", words("other", 90), title="Three")])
    archive.save([make.outcome("http://c.test/3", words("quite", 90), title="Three, corrected")])
    settle(archive.db, make.clock)
    return archive.db


def test_articles_without_their_texts(filled):
    rows = filled.query("SELECT url, title, kept, removed, revisions FROM articles_overview ORDER BY url")
    assert [tuple(row.values()) for row in rows] == [
        ("http://a.test/1", "One", 1, 1, 1),
        ("http://b.test/2", "Two", 1, 0, 1),
        ("http://c.test/3", "Three, corrected", 1, 0, 2),
    ]
    columns = {row[1] for row in filled.execute("PRAGMA table_info(articles_overview)")}
    assert not {"text", "markdown", "metadata_sources"} & columns


def test_edits_are_those_that_the_program_lists(filled):
    listed = [(edit.seq, edit.at, edit.kind, edit.title, edit.title_before, edit.rewritten, edit.url, edit.revision)
              for edit in list_edits(filled, kinds=ALL_KINDS)]  # fmt: skip
    columns = "seq, at, kind, title, coalesce(title_before, ''), rewritten, url, revision"
    assert filled.execute(f"SELECT {columns} FROM {EDITS} ORDER BY seq").fetchall() == listed
    assert {kind for _, _, kind, *_ in listed} > {"new"}
