"""A file that may come from a stranger: nothing of it runs at a write but the schema's own triggers."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_errors import ForeignSchema
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.foreign_schema import ALLOWED_TRIGGERS_VARIABLE, trigger_mark
from tests.internal_tables import IMAGES, PAGE_BLOCKS

_BODY = "BEGIN DELETE FROM meta WHERE key = 'identity'; END"
_ON_A_TABLE = f"CREATE TRIGGER stranger AFTER INSERT ON urls {_BODY}"


@pytest.fixture
def planted(file):
    """Make an archive in which a stranger ran some SQL."""

    def plant(script: str) -> Path:
        open_database(file).close()
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(script)
        return file

    return plant


def refusal(file: Path) -> str:
    with pytest.raises(ForeignSchema) as caught:
        open_database(file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "script",
    [
        _ON_A_TABLE,
        f"CREATE TRIGGER URLS_COUNTED_INSERT2 AFTER DELETE ON {PAGE_BLOCKS} BEGIN SELECT 1; END",
        f"DROP TRIGGER urls_counted_insert; CREATE TRIGGER urls_counted_insert AFTER INSERT ON urls {_BODY}",
        f"""CREATE TABLE notes (page_id REFERENCES pages (id) ON DELETE CASCADE);
            CREATE TRIGGER stranger AFTER DELETE ON notes {_BODY}""",
    ],
    ids=["on a table", "on an internal table", "in place of the schema's", "on a table that a cascade changes"],
)
def test_an_unknown_trigger_is_refused_before_anything_is_written(planted, script):
    file = planted(script)
    before = file.read_bytes()
    assert "DROP TRIGGER" in refusal(file)
    assert file.read_bytes() == before


@pytest.mark.parametrize(("count", "names"), [
    (1, "trigger '" + "n" * 38 + "_0'"), (3, "triggers " + ", ".join(f"'{'n' * 38}_{n}'" for n in range(3))),
    (4, "triggers " + ", ".join(f"'{'n' * 38}_{n}'" for n in range(3)) + " and 1 more"),
])  # fmt: skip
def test_the_line_names_the_first_triggers_and_the_marks_of_all(planted, count, names):
    triggers = [_ON_A_TABLE.replace("stranger", f"{'n' * 38}_{number}rest") for number in range(count)]
    file = planted(";".join(triggers))
    assert refusal(file) == (
        f"{file} has the {names}, not of Broadsheet, which each write would run: look at its SQL (table "
        "sqlite_master), then DROP TRIGGER, or set BROADSHEET_TRIGGERS="
        f"{','.join(sorted(map(trigger_mark, triggers)))} to let it run"
    )


def test_a_mark_is_the_beginning_of_a_digest(planted):
    assert trigger_mark("CREATE TRIGGER x") == "e18ababd06c8"


def test_the_line_says_how_to_let_a_trigger_run_after_looking_at_it(planted, monkeypatch):
    line = refusal(planted(_ON_A_TABLE))
    assignment = re.search(rf"{ALLOWED_TRIGGERS_VARIABLE}=(\S+)", line)
    assert assignment
    monkeypatch.setenv(ALLOWED_TRIGGERS_VARIABLE, assignment[1])
    with closing(open_database(planted("CREATE TABLE mine (a)"))) as db:
        assert db["mine"].exists()


def test_a_permission_is_for_one_statement_not_for_its_name(planted, monkeypatch):
    monkeypatch.setenv(ALLOWED_TRIGGERS_VARIABLE, trigger_mark(_ON_A_TABLE.replace("INSERT", "DELETE")))
    refusal(planted(_ON_A_TABLE))


@pytest.mark.parametrize("column", ["type", "tbl_name"])
def test_a_trigger_whose_row_has_bytes_for_a_name_is_refused(planted, column):
    script = f"""{_ON_A_TABLE}; PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET {column} = CAST({column} AS BLOB) WHERE name = 'stranger'"""
    assert "DROP TRIGGER" in refusal(planted(script))


@pytest.mark.parametrize(
    "script",
    [
        "DROP VIEW blocks; CREATE VIEW blocks AS SELECT 1 AS page_id",
        f"DROP TABLE {IMAGES}; CREATE VIEW {IMAGES} AS SELECT 1 AS url",
        "DROP VIEW removed; CREATE VIEW removed AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
        "SELECT x FROM c",
        "DROP VIEW removed; CREATE VIEW removed AS SELECT randomblob(900000000) AS text",
    ],
)
def test_a_view_in_place_of_the_schema_s_is_refused(planted, script):
    file = planted(script)
    for read_only in (False, True):
        with pytest.raises(ForeignSchema, match=r"has a view '.*' that is not the schema's"):
            open_database(file, read_only=read_only)


def test_what_a_user_adds_that_does_not_run_stays(planted):
    script = """CREATE TABLE notes (a); CREATE INDEX notes_a ON notes (a); CREATE VIEW seen AS SELECT a FROM notes;
        CREATE TRIGGER tidy AFTER INSERT ON notes BEGIN DELETE FROM notes WHERE a IS NULL; END;
        CREATE TRIGGER articles AFTER INSERT ON notes BEGIN SELECT 1; END; CREATE VIRTUAL TABLE mine USING fts5(x);
        ALTER TABLE articles ADD COLUMN note TEXT; CREATE INDEX articles_note ON articles (note)"""
    file = planted(script)
    with closing(open_database(file, read_only=True)) as db:
        assert db.execute("SELECT count(*) FROM articles").fetchone() == (0,)
    with closing(open_database(file)) as db:
        db.execute("INSERT INTO notes (a) VALUES (NULL), (1)")
        assert db.execute("SELECT a FROM seen").fetchall() == [(1,)]


def test_a_file_with_a_trigger_can_be_read(planted):
    with closing(open_database(planted(_ON_A_TABLE), read_only=True)) as db:
        assert db.execute("PRAGMA trusted_schema").fetchone() == (0,)


def test_no_value_is_computed_that_fills_the_memory(file):
    db = open_database(file)
    with pytest.raises(sqlite3.DataError, match="too big"):
        db.execute("SELECT length(zeroblob(900000000))").fetchone()
