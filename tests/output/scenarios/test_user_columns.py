"""What a user adds to an archive (columns, generated ones, indexes, triggers) is in nobody's way, and stays."""

import csv
import io
import json
import math
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from broadsheet.output.archive.archive_file import open_writer
from broadsheet.output.archive.foreign_schema import ALLOWED_TRIGGERS_VARIABLE, trigger_mark
from broadsheet.output.archive.metadata_columns import ARTICLE_COLUMNS
from broadsheet.output.archive.migrations import MIGRATIONS, SCHEMA_VERSION, run_statements
from broadsheet.output.archive.table_columns import table_columns
from broadsheet.output.read.article_rows import export_csv, export_jsonl
from broadsheet.output.read.report_figures import gather_report
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.alarms import survey
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.run_records import ImportedFile, note_import
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import IMPORTS, SHELF
from tests.output.conftest import Maker

STAYS, COPY = "http://a.test/story", "http://a.test/mirror/story"
NOTES = {STAYS: "read", COPY: "seen twice"}


@pytest.fixture
def copies(archive, make, words):
    """Two articles with one text; settling shelves `COPY`."""
    archive.save([make.outcome(url, words("w")) for url in (STAYS, COPY)])
    return archive


def add_note(db: Database, name: str = "note") -> None:
    """A user adds a column, and writes something beside each article."""
    db.execute(f"ALTER TABLE articles ADD COLUMN {name} TEXT")
    for url, note in NOTES.items():
        db.execute(f"UPDATE articles SET {name} = ? WHERE url = ?", [note, url])


def notes(db: Database, name: str = "note") -> dict[str, str]:
    return dict(db.execute(f"SELECT url, {name} FROM articles").fetchall())


def shelved_notes(db: Database, name: str = "note") -> dict[str, str]:
    query = f"SELECT json_extract(article, '$.url'), json_extract(article, ?) FROM {SHELF}"
    return dict(db.execute(query, [f"$.{name}"]).fetchall())


def bring_back(archive: Archive, make: Maker, words) -> None:
    """What `COPY` repeated reads otherwise now, so that it is an article again."""
    archive.save([make.outcome(STAYS, words("other"))])
    settle(archive.db, make.clock)


ANY_NAME = '"a ""b"", c"'
VALUES = (1.5, 3.0, -math.inf, 2**63 - 1, b"\x00\xff", b"", '{"base64": "AA=="}', "null", 'a\0\n"\\ \u2028 \U0001f600')
NOTED = "CASE url WHEN '{}' THEN '{}' ELSE '{}' END".format(STAYS, *NOTES.values())
COLUMNS = {
    "a note": ("note", ["note TEXT"], f"note = {NOTED}", NOTES),
    "the name of a column of the shelf": ("why", ["Why TEXT"], f"why = {NOTED}", NOTES),
    "the name of a count": ("pages", ["pages TEXT"], f"pages = {NOTED}", NOTES),
    "no type": ("anything", ["anything"], "anything = '007'", "007"),
    "empty where there is a default": ("mark", ["mark TEXT DEFAULT 'new'"], "mark = NULL", None),
    "a default for each row": ("note", ["note TEXT NOT NULL DEFAULT (1 + 1)", "later TEXT"], "", "2"),
    "generated": ("shout", ["shout TEXT AS (upper(url)) VIRTUAL"], "", {url: url.upper() for url in NOTES}),
}
"""Columns as a user declares and fills them, and the values of one of them by URL, or of both articles."""


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_travels_to_the_shelf_and_back(archive, make, words, name):
    column, declared, filled, expected = COLUMNS[name]
    expected = expected if isinstance(expected, dict) else dict.fromkeys(NOTES, expected)
    if "DEFAULT (" not in declared[0]:
        archive.save([make.outcome(url, words("w")) for url in NOTES])
    for each in declared:
        archive.db.execute(f"ALTER TABLE articles ADD COLUMN {each}")
    archive.save([make.outcome(url, words("w")) for url in NOTES])
    if filled:
        archive.db.execute(f"UPDATE articles SET {filled}")
    assert settle(archive.db, make.clock).removed_articles == 1
    assert notes(archive.db, column) == {STAYS: expected[STAYS]}
    assert archive.db.execute("SELECT url, why FROM shelved").fetchall() == [(COPY, "duplicate")]
    assert settle(archive.db, make.clock).removed_articles == 0
    bring_back(archive, make, words)
    assert notes(archive.db, column) == expected
    assert verify(archive.db) == []
    assert gather_report(archive.db).articles == 2


@pytest.mark.parametrize("value", VALUES)
def test_a_value_of_any_type_travels(copies, make, words, value):
    copies.db.execute(f"ALTER TABLE articles ADD COLUMN {ANY_NAME} [my type](3)")
    copies.db.execute(f"UPDATE articles SET {ANY_NAME} = ?", [value])
    typed = f"SELECT url, {ANY_NAME}, typeof({ANY_NAME}) FROM articles ORDER BY url"
    before = copies.db.execute(typed).fetchall()
    settle(copies.db, make.clock)
    assert copies.db.execute(typed).fetchall() != before
    bring_back(copies, make, words)
    assert copies.db.execute(typed).fetchall() == before


def test_a_stored_generated_column_is_worked_out_anew(copies, make, words):
    add_generated(copies.db)
    settle(copies.db, make.clock)
    bring_back(copies, make, words)
    assert notes(copies.db, "shout") == {url: f"TITLE OF {url.upper()}" for url in NOTES}


def add_generated(db: Database) -> None:
    """It cannot be added to a table that is there: the schema is written over, as its users do."""
    (table_sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'articles'").fetchone()
    others = "SELECT sql FROM sqlite_master WHERE tbl_name = 'articles' AND type <> 'table' AND sql IS NOT NULL"
    statements = [sql for (sql,) in db.execute(others).fetchall()]
    own_columns = ", ".join(row[1] for row in db.execute("PRAGMA table_info(articles)"))
    db.execute("PRAGMA legacy_alter_table = ON")
    db.execute("ALTER TABLE articles RENAME TO articles_before")
    db.execute(f"{table_sql.rstrip(')')}, shout TEXT AS (upper(title)) STORED)")
    db.execute(f"INSERT INTO articles ({own_columns}) SELECT {own_columns} FROM articles_before")
    db.execute("DROP TABLE articles_before")
    for statement in statements:
        db.execute(statement)


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("note TEXT NOT NULL DEFAULT 'new'", "new"),
        ("note TEXT DEFAULT unread", "unread"),
        ("note INTEGER DEFAULT -1", -1),
        ("note TEXT", None),
    ],
)
def test_an_article_that_was_shelved_before_there_was_the_column_gets_its_default(copies, make, words, declared, value):
    settle(copies.db, make.clock)
    copies.db.execute(f"ALTER TABLE articles ADD COLUMN {declared}")
    copies.save([make.outcome(f"{STAYS}/{name}", words("n")) for name in ("new", "newer")])
    assert settle(copies.db, make.clock).removed_articles == 1
    bring_back(copies, make, words)
    assert notes(copies.db)[COPY] == value


def test_a_column_that_a_user_adds_while_articles_are_shelved_and_takes_away_again_hurts_nothing(copies, make, words):
    add_note(copies.db)
    settle(copies.db, make.clock)
    copies.db.execute("ALTER TABLE articles DROP COLUMN note")
    bring_back(copies, make, words)
    assert copies.db.execute("SELECT url FROM shelved").fetchall() == []


def test_an_index_and_a_trigger_go_on_working(copies, make, words):
    add_note(copies.db)
    copies.db.execute("CREATE UNIQUE INDEX users_index ON articles (note) WHERE note IS NOT NULL")
    copies.db.execute("CREATE TABLE users_log (what TEXT)")
    for event, row in (("INSERT", "new"), ("DELETE", "old"), ("UPDATE", "new")):
        copies.db.execute(
            f"""CREATE TRIGGER users_{event} AFTER {event} ON articles
                BEGIN INSERT INTO users_log VALUES ('{event} ' || {row}.note); END"""
        )
    settle(copies.db, make.clock)
    bring_back(copies, make, words)
    log_lines = [what for (what,) in copies.db.execute("SELECT what FROM users_log WHERE what IS NOT NULL")]
    assert [what for what in log_lines if "twice" in what] == ["DELETE seen twice", "INSERT seen twice"]
    assert "UPDATE read" in log_lines
    assert copies.db.execute("SELECT url FROM articles INDEXED BY users_index WHERE note = 'read'").fetchone() == (
        STAYS,
    )
    assert verify(copies.db) == []


def test_a_changed_article_keeps_a_user_s_values(copies, make, words):
    add_note(copies.db)
    settle(copies.db, make.clock)
    copies.save([make.outcome(url, words("changed"), title="Another") for url in NOTES])
    assert notes(copies.db) | shelved_notes(copies.db) == NOTES


def allow_triggers(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the triggers of a file run, as its user may after looking at them."""
    with closing(Database(file)) as db:
        statements = db.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    monkeypatch.setenv(ALLOWED_TRIGGERS_VARIABLE, ",".join(trigger_mark(sql) for (sql,) in statements))


def upgrade(file: Path) -> Database:
    """Open a file at a next version of the schema, which takes the name of a column."""
    migrations = Migrations(MIGRATIONS.name)
    migrations._migrations = list(MIGRATIONS._migrations)

    @migrations()
    def m0009_colour(db: Database) -> None:
        run_statements(db, ["ALTER TABLE articles ADD COLUMN colour TEXT"])

    return open_writer(file, migrations, SCHEMA_VERSION + 1)


def test_an_upgrade_keeps_columns_indexes_and_triggers(file, make, words, monkeypatch):
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(url, words("w")) for url in (STAYS, COPY)])
        add_note(archive.db)
        archive.db.execute("ALTER TABLE articles ADD COLUMN shout TEXT AS (upper(title)) VIRTUAL")
        archive.db.execute("CREATE INDEX users_index ON articles (note)")
        archive.db.execute("CREATE TRIGGER users_trigger AFTER DELETE ON articles BEGIN SELECT 1; END")
    allow_triggers(file, monkeypatch)
    db = upgrade(file)
    assert notes(db) == NOTES
    settle(db, make.clock)
    assert notes(db) | shelved_notes(db) == NOTES
    names = db.execute("SELECT name FROM sqlite_master WHERE name GLOB 'users_*' ORDER BY name").fetchall()
    assert names == [("users_index",), ("users_trigger",)]
    assert notes(db, "shout") == {STAYS: f"TITLE OF {STAYS.upper()}"}
    db.close()


def test_a_column_whose_name_a_new_version_takes_is_renamed_and_keeps_its_values(file, make, words, monkeypatch):
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(url, words("w")) for url in (STAYS, COPY)])
        add_note(archive.db, "Colour")
        settle(archive.db, make.clock)
        archive.db.execute("CREATE INDEX users_index ON articles (colour)")
        archive.db.execute("CREATE VIEW users_view AS SELECT colour FROM articles")
        archive.db.execute("CREATE TABLE users_log (what TEXT)")
        archive.db.execute(
            """CREATE TRIGGER users_trigger AFTER DELETE ON articles
                BEGIN INSERT INTO users_log (what) VALUES (old.colour); END"""
        )
    allow_triggers(file, monkeypatch)
    db = upgrade(file)
    assert notes(db, "colour_own") == {STAYS: "read"}
    assert shelved_notes(db, "Colour_own") == {COPY: "seen twice"}
    assert shelved_notes(db, "Colour") == {COPY: None}
    assert notes(db, "colour") == {STAYS: None}
    assert db.execute("SELECT colour_own FROM users_view").fetchall() == [("read",)]
    take_down(db, STAYS, clock=make.clock)
    assert db.execute("SELECT what FROM users_log").fetchall() == [("read",)]
    db.close()


def test_columns_are_exported_generated_ones_and_bytes_too(copies):
    add_note(copies.db)
    copies.db.execute("ALTER TABLE articles ADD COLUMN shout TEXT AS (upper(title)) VIRTUAL")
    copies.db.execute("ALTER TABLE articles ADD COLUMN vector BLOB")
    copies.db.execute("UPDATE articles SET vector = x'00ff'")
    lines, cells = io.StringIO(), io.StringIO(newline="")
    assert (export_jsonl(copies.db, lines), export_csv(copies.db, cells)) == (2, 2)
    for rows in (map(json.loads, lines.getvalue().splitlines()), csv.DictReader(io.StringIO(cells.getvalue()))):
        exported = {row["url"]: (row["note"], row["shout"], row["vector"]) for row in rows}
        assert exported == {url: (note, f"TITLE OF {url.upper()}", "AP8=") for url, note in NOTES.items()}


def test_a_report_tells_withdrawn_articles_whatever_the_columns_are(copies, make):
    add_note(copies.db)
    copies.save([make.failure(COPY, "http_410")])
    settle(copies.db, make.clock)
    copies.db.execute(f"ALTER TABLE {SHELF} ADD COLUMN of_the_shelf TEXT")
    assert gather_report(copies.db).articles == 1


def test_a_column_on_every_table_is_in_nobody_s_way(file, make, words):
    with Archive.open(file, make.clock) as archive:
        for name in archive.db.table_names():
            if not name.startswith(("sqlite_", "articles_fts")):
                archive.db.execute(f"ALTER TABLE {name} ADD COLUMN users_note TEXT")
        run = archive.runs.start("crawl", {}, {})
        archive.save([make.outcome(url, words("w"), discovered_urls=(make.discovered(COPY),)) for url in (STAYS, COPY)])
        archive.save([make.outcome(f"{STAYS}/{name}", words(name), words("s")) for name in "abcdef"])
        settle(archive.db, make.clock)
        survey(archive.db, run, make.clock())
        note_import(archive.db, ImportedFile("a.warc.gz", 1, "1"), {}, make.clock(), {})
        bring_back(archive, make, words)
        take_down(archive.db, COPY, clock=make.clock)
        assert verify(archive.db) == []
    with Archive.open(file, make.clock) as archive:
        assert archive.db["articles"].count == 7


def test_a_file_that_is_imported_again_keeps_what_is_noted_beside_it(archive, make):
    file = ImportedFile("a.warc.gz", 1, "1")
    note_import(archive.db, file, {}, make.clock(), {})
    archive.db.execute(f"ALTER TABLE {IMPORTS} ADD COLUMN note TEXT DEFAULT 'from the library'")
    archive.db.execute(f"UPDATE {IMPORTS} SET note = 'mine'")
    note_import(archive.db, file, {"again": True}, make.clock(), {"response": 1})
    assert archive.db.execute(f"SELECT note, records FROM {IMPORTS}").fetchall() == [("mine", '{"response": 1}')]


def test_the_columns_that_are_no_user_s_are_those_of_the_schema(archive):
    assert sorted(column.name for column in table_columns(archive.db, "articles")) == sorted(ARTICLE_COLUMNS)
