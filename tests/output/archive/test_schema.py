"""The schema: made and upgraded from scripts, documented column by column, with views of what the tables hold."""

import lzma
import os
import re
import signal
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from sqlite_utils import Database

from broadsheet.output.archive import archive_file, migrations
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.archive.migrations import run_statements, sql_statements
from broadsheet.output.archive.schema_doc import EXAMPLES, column_meanings, schema_columns
from broadsheet.output.archive.stored_values import BLOCK_KINDS, content_id, text_digest
from broadsheet.output.read.edit_history import ALL_KINDS, list_edits
from broadsheet.output.read.search import rank_articles
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.recleaned_pages import begin_reclean
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.person_verdicts import Ruling
from tests.data_reference import main, schema_page
from tests.internal_tables import (
    BLOCK_TEXTS,
    PAGE_BLOCKS,
    PENDING_REVISIONS,
    REASONS,
    RECLEAN_BEFORE,
    REVIEWS,
    REVISION_BLOCKS,
    SHELF,
    WARC_ERASURES,
    WARC_FILES,
)
from tests.output.filled_rows import put, rows


@pytest.fixture
def db():
    return new_schema()


def new_schema() -> Database:
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


def _stored_file(folder: Path, version: int) -> Path:
    """Unpack the archive of `broadsheet demo` as a version made it."""
    file = folder / "a.db"
    file.write_bytes(lzma.decompress(Path(__file__).with_name("versions").joinpath(f"{version}.db.xz").read_bytes()))
    return file


SECONDS_IN_UTC = {f"{second:02}Z" for second in range(60)}


@pytest.mark.parametrize("version", range(1, migrations.SCHEMA_VERSION))
def test_a_stored_file_of_each_earlier_version_is_upgraded_and_has_what_it_had(tmp_path, version):
    file = _stored_file(tmp_path, version)
    with closing(open_database(file)) as db, closing(open_database(tmp_path / "new.db")) as new:
        assert [problem.check for problem in verify(db)] == ["raw_responses"], "its WARC files are not here"
        assert _objects(db) == _objects(new)
        assert db.execute("SELECT count(*), sum(word_count) FROM articles").fetchone() == (27, 6479)
        assert db.execute("SELECT count(*), count(DISTINCT rule) FROM removed").fetchone() == (1606, 97)
        assert len(rank_articles(db, "ledgers", 9)) == 1
        assert {fetched_at[-3:] for (fetched_at,) in db.execute("SELECT fetched_at FROM captures")} <= SECONDS_IN_UTC
    with closing(sqlite3.connect(f"{file}.backup-v{version}")) as backup:
        assert backup.execute("PRAGMA user_version").fetchone() == (version,)


@pytest.mark.slow
def test_an_upgrade_that_is_killed_at_any_statement_goes_back_and_then_on(tmp_path):
    """Two dozen statements, spread over all that the upgrade runs."""
    kept = _stored_file(tmp_path, 1).read_bytes()
    count = len(_dying_upgrade(tmp_path / "a.db", dies_at=None))
    whole = _dump(tmp_path / "a.db")
    for dies_at in range(0, count, max(1, count // 24)):
        for left in tmp_path.iterdir():
            left.unlink()
        file = tmp_path / "a.db"
        file.write_bytes(kept)
        assert _dying_upgrade(file, dies_at) == "killed"
        with closing(sqlite3.connect(file)) as db:
            assert db.execute("PRAGMA user_version").fetchone() in [(1,), (migrations.SCHEMA_VERSION,)]
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        open_database(file).close()
        assert _dump(file) == whole
        with closing(sqlite3.connect(f"{file}.backup-v1")) as backup:
            assert backup.execute("PRAGMA user_version").fetchone() == (1,)


def _dying_upgrade(file: Path, dies_at: int | None) -> Any:
    """Upgrade a file in a process that is killed before a statement; give what ran where none is named."""
    seen: list[str] = []

    def trace(statement: str) -> None:
        if len(seen) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append(statement)

    def connect(uri: str) -> Database:
        db = connect_untraced(uri)
        db.conn.set_trace_callback(trace)
        return db

    connect_untraced = archive_file._connect
    with mock.patch.object(archive_file, "_connect", connect):
        if dies_at is None:
            open_database(file).close()
            return seen
        if not (child := os.fork()):
            open_database(file)
            os._exit(0)
    return "killed" if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL else "ended"


def _dump(file: Path) -> list[str]:
    """Return all of a file but when its migrations ran."""
    with closing(sqlite3.connect(file)) as db:
        return [line for line in db.iterdump() if '"_sqlite_migrations"' not in line]


def test_version_2_closes_the_gaps_in_the_numbers_of_revisions(tmp_path):
    """Whatever names a number follows: the blocks of replaced revisions, and the changes."""
    file = _stored_file(tmp_path, 1)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("DELETE FROM revisions")
        put(Database(db), "revisions", 6, article_id=7, number=6, change="pending")
        for number in (1, 3, 4, 7):
            put(Database(db), "revisions", number, article_id=7, number=number, change="body", title=f"was {number}")
            put(Database(db), "changes", number, article_id=7, revision=number, kind=f"was {number}", change="changed")
        (block,), (reason,) = (db.execute(f"SELECT min(id) FROM {name}").fetchone() for name in (BLOCK_TEXTS, REASONS))
        for number in (1, 2, 3, 4):  # 2 is of no revision
            put(Database(db), REVISION_BLOCKS, number, article_id=7, number=number, block_id=block, reason_id=reason)
    with closing(open_database(file)) as db:
        query = "SELECT {0}, {1} FROM {2} WHERE article_id = 7 ORDER BY {0}"
        numbered = [(1, "was 1"), (2, "was 3"), (3, "was 4"), (4, "was 7")]
        assert db.execute(query.format("number", "title", "revisions")).fetchall() == numbered
        assert db.execute(query.format("revision", "kind", "changes")).fetchall() == numbered
        blocks = db.execute(query.format("number", "position", REVISION_BLOCKS)).fetchall()
        assert [(number, position // 1000) for number, position in blocks] == [(1, 1), (2, 3), (3, 4)]
        assert [finding for finding in verify(db) if finding.check == "ledgers"] == []
        [waiting] = rows(db, PENDING_REVISIONS)
    assert waiting == {
        "article_id": 7, "seen_at": "seen_at 6", "capture_id": 6002, "title": "title 6",
        "text_digest": "text_digest 6", "before": "note 6",
    }  # fmt: skip


@pytest.mark.parametrize(("state", "next_number"), [("done", 4), ("running", 3)])
def test_version_2_keeps_what_a_reclean_can_be_undone_by(tmp_path, state, next_number):
    """Of an undone one nothing is kept. One that was killed, and taken up by a second run, is one reclean."""
    file = _stored_file(tmp_path, 1)
    with closing(sqlite3.connect(file)) as db, db:
        (page_id,) = db.execute("SELECT min(id) FROM pages").fetchone()
        run = "INSERT INTO runs (started_at, command, options, versions, outcome) VALUES (?, ?, '{}', '{}', ?)"
        outcome = "finished" if state == "done" else "killed"
        db.executemany(run, [
            ("2030-01", "reclean", "finished"), ("2030-02", "reclean", "finished"), ("2030-03", "reclean", "killed"),
            ("2030-04", "reclean", outcome), ("2030-05", "crawl", "finished"),
        ])  # fmt: skip
        reclean = "INSERT INTO _recleans (id, started_at, finished_at, state, options) VALUES (?, ?, ?, ?, '{}')"
        db.executemany(reclean, [
            (1, "2030-01", "2030-01", "done"), (2, "2030-02", "2030-02", "undone"),
            (3, "2030-03", "2030-04" if state == "done" else None, state),
        ])  # fmt: skip
        before = [(page_id, 1, b"one"), (page_id, 3, b"three")]
        db.executemany("INSERT INTO _reclean_before (page_id, reclean_id, before) VALUES (?, ?, ?)", before)
    with closing(open_database(file)) as db:
        query = "SELECT started_at, _reclean FROM runs WHERE _reclean ORDER BY started_at"
        assert db.execute(query).fetchall() == [("2030-01", 1), ("2030-04", 3)]
        assert db.execute(f"SELECT page_id, reclean_id, before FROM {RECLEAN_BEFORE}").fetchall() == before
        (run_id,) = db.execute("SELECT id FROM runs WHERE started_at = '2030-05'").fetchone()
        assert begin_reclean(db, run_id) == next_number


def test_version_2_keeps_what_a_page_states_and_what_a_user_made_of_it(tmp_path):
    """A user's view follows a column that gets another name; one that names nothing any more stops no upgrade."""
    file = _stored_file(tmp_path, 1)
    own = (
        "CREATE VIEW mine AS SELECT id, published_raw AS stated FROM articles",
        "CREATE VIEW stale AS SELECT column_of_old FROM articles",
        "CREATE TRIGGER stale_too AFTER DELETE ON notes BEGIN INSERT INTO gone VALUES (old.text); END",
        "ALTER TABLE articles ADD COLUMN Published_Stated TEXT DEFAULT 'a note'",
    )
    stated = "SELECT id, {0}, {1} FROM {2} ORDER BY id"
    with closing(sqlite3.connect(file)) as db, db:
        for statement in ("CREATE TABLE notes (text)", *own):
            db.execute(statement)
        db.execute("UPDATE articles SET modified_raw = 'in spring' WHERE id = (SELECT min(id) FROM articles)")
        before = [db.execute(stated.format("published_raw", "modified_raw", name)).fetchall()
                  for name in ("articles", "_shelved")]  # fmt: skip
        assert all(before)
    with closing(open_database(file)) as db:
        names = ("published_stated", "modified_stated")
        assert [db.execute(stated.format(*names, name)).fetchall() for name in ("articles", "shelved")] == before
        assert db.execute("SELECT count(stated) FROM mine").fetchone() == (sum(bool(row[1]) for row in before[0]),)
        assert db.execute("SELECT DISTINCT Published_Stated_own FROM articles").fetchall() == [("a note",)]
        for sql in own[1:3]:
            assert db.execute("SELECT count(*) FROM sqlite_master WHERE sql = ?", [sql]).fetchone() == (1,)


@pytest.mark.parametrize("damaged", ["substr(article, 1, 40)", "'[]'", "''"])
def test_version_2_keeps_a_shelved_article_that_is_damaged_and_verify_names_it(tmp_path, damaged):
    file = _stored_file(tmp_path, 1)
    with closing(sqlite3.connect(file)) as db, db:
        [(number, count)] = db.execute(f"SELECT min(id), count(*) FROM {SHELF}")
        db.execute(f"UPDATE {SHELF} SET article = {damaged} WHERE id = ?", [number])
    with closing(open_database(file)) as db:
        assert db.execute(f"SELECT count(*) FROM {SHELF}").fetchone() == (count,)
        named = [f"{problem.check} {problem.detail}" for problem in verify(db)]
    assert [text for text in named if SHELF in text and str(number) in text] != []


def test_version_2_shortens_the_numbers_of_blocks(tmp_path):
    """Verdicts of people follow, with numbers of their own that are made from them."""
    file = _stored_file(tmp_path, 1)
    blocks = "SELECT p.position, p.kept, t.text FROM {0} p JOIN {1} t ON t.id = p.block_id ORDER BY page_id, position"
    with closing(sqlite3.connect(file)) as db, db:
        before = db.execute(blocks.format(PAGE_BLOCKS, BLOCK_TEXTS)).fetchall()
        [(number, text)] = db.execute(f"SELECT id, text FROM {BLOCK_TEXTS} ORDER BY length(text) DESC LIMIT 1")
        assert number == content_id(text, bits=63)
        ruling = {"field": "block", "value": "kept", "article_id": None, "host": "a.test", "undone_at": None}
        put(Database(db), "corrections", 1, block_id=number, **ruling)
        put(Database(db), "corrections", 2, **{**ruling, "field": "title"}, block_id=None)
        put(Database(db), REVIEWS, 1, block_id=number, url="http://a.test/1")
        put(Database(db), REVIEWS, 2, block_id=None)
    with closing(open_database(file)) as db:
        assert db.execute(blocks.format(PAGE_BLOCKS, BLOCK_TEXTS)).fetchall() == before
        for table, query in (("corrections", "field = 'block'"), (REVIEWS, "block_id IS NOT NULL")):
            rows_of_block = db.execute(f"SELECT id, block_id FROM {table} WHERE {query}").fetchall()
            parts = ("a.test",) if table == "corrections" else ()
            head = (str(block_id(text)), "") if parts else ("review", "http://a.test/1", str(block_id(text)))
            assert rows_of_block == [(content_id(*head, *parts), block_id(text))]
        assert db.execute(f"SELECT max(id) FROM {BLOCK_TEXTS}").fetchone()[0] < 2**53
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("SELECT count(*) FROM corrections").fetchone() == (2,)


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (["old.db.warc"], {"old.db.warc": ".warc"}),
        (["old.db.warc", "a.db.warc"], {"a.db.warc": ".warc"}),
        (["b.db.merged.warc", "a.db.merged.warc"], {"a.db.merged.warc": ".merged.warc"}),
        (["monday.db.merged.warc", "news.db.warc"], {"monday.db.merged.warc": ".merged.warc", "news.db.warc": ".warc"}),
        (["one.db.warc", "two.db.warc"], {"two.db.warc": ".warc"}),
    ],
    ids=["renamed", "read in another's folder", "two of merged files", "both", "the later one"],
)
def test_version_2_names_files_by_their_role(tmp_path, folders, named):
    """What stays is read as an imported file is, at the same place."""
    file = _stored_file(tmp_path, 1)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        for table in (WARC_FILES, "captures"):
            db.execute(f"DELETE FROM {table}")
        for number, folder in enumerate([*folders, "imported"]):
            name = f"{folder}/{number}.warc.gz"
            put(Database(db), "captures", number, warc_file=name)
            if folder in folders:
                put(Database(db), WARC_FILES, number, name=name)
                put(Database(db), WARC_ERASURES, number, file=name)
    with closing(open_database(file)) as db:
        places = [(folder, number) for number, folder in enumerate(folders)]
        own = [f"{named[folder]}/{number}.warc.gz" for folder, number in places if folder in named]
        for table, column in ((WARC_FILES, "name"), (WARC_ERASURES, "file")):
            assert sorted(row[column] for row in rows(db, table)) == sorted(own)
        others = [f"{folder}/{number}.warc.gz" for folder, number in places if folder not in named]
        others.append(f"imported/{len(folders)}.warc.gz")
        assert sorted(row["warc_file"] for row in rows(db, "captures")) == sorted([*own, *others])


def test_the_kinds_of_blocks_are_those_that_are_stored(db):
    [(view,)] = db.execute("SELECT sql FROM sqlite_master WHERE name = 'blocks'").fetchall()
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
UNITS = DOCS.parent / "output/archive/units.toml"


@pytest.fixture
def columns(db):
    return schema_columns(db)


@pytest.mark.cause
def test_every_column_has_its_meaning_and_no_meaning_is_left_over():
    """What is shelved has the columns of articles, a reason, and the article that stands for it."""
    columns = schema_columns(new_schema())
    meanings = {table: set(lines) - {""} for table, lines in column_meanings().items()}
    schema = {table: set(names) for table, names in columns.items()}
    schema["shelved"] -= schema["articles"]
    assert meanings == schema, "a column that was added or renamed has its meaning in output/archive/schema.toml"
    assert all("" in lines for lines in column_meanings().values())
    assert {*columns["shelved"]} == {*columns["articles"], "why", "article_id"}


def test_the_dictionary_of_a_file_says_what_its_columns_mean(tmp_path):
    """It has each public table and column, and what NULL stands for wherever one is, or may be, in a table."""
    with closing(open_database(_stored_file(tmp_path, 1))) as db, closing(open_database(tmp_path / "new.db")) as new:
        query = 'SELECT "table", "column", meaning, unit, "null" FROM dictionary'
        described = {(table, column): texts for table, column, *texts in db.execute(query)}
        assert new.execute(query).fetchall() == [(*names, *texts) for names, texts in described.items()]
        for table in EXAMPLES:
            names = [name for name in schema_columns(db)[table] if not name.startswith("_")]
            assert sorted(column for name, column in described if name == table) == sorted(["", *names])
            empty = {row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[2] and not (row[3] or row[5])}
            is_table = db.execute("SELECT 1 FROM sqlite_master WHERE name = ? AND sql LIKE 'CREATE TABLE%'", [table])
            may_be_null = empty.intersection(names) if is_table.fetchone() else set()
            for name in names:
                if db.execute(f'SELECT 1 FROM {table} WHERE "{name}" IS NULL LIMIT 1').fetchone():
                    may_be_null.add(name)
            assert [name for name in sorted(may_be_null) if not described[table, name][2]] == []
    assert described["captures", "warc_offset"] == [
        "Where its record begins, in bytes.", "bytes", "if no raw response was kept",
    ]  # fmt: skip
    assert described["pages", "certainty"][1:] == ["0 to 1", "if it is no article"]
    assert [names for names, texts in described.items() if "`" in "".join(texts) or not texts[0]] == []
    timed = {column: unit for (_, column), (_, unit, _) in described.items() if re.search("(_at|_day)$", column)}
    assert set(timed.values()) == {"UTC, ISO 8601", "day, ISO 8601"}
    units = tomllib.loads(UNITS.read_text("utf-8"))
    assert {name for names in units.values() for name in names} <= {column for _, column in described}


def test_an_archive_is_told_by_its_application_id(tmp_path):
    _stored_file(tmp_path, 1)
    for name in ("a.db", "new.db"):
        with closing(open_database(tmp_path / name)) as db:
            assert db.execute("PRAGMA application_id").fetchone() == (archive_file.ARCHIVE_ID,)
    assert f"`0x{archive_file.ARCHIVE_ID:x}`" in schema_page()
    assert archive_file.ARCHIVE_ID.to_bytes(4, "big") == b"BsAr"


def test_the_page_is_current(tmp_path):
    main(str(tmp_path))
    assert (tmp_path / "schema.md").read_text("utf-8") == schema_page()
    current = (DOCS / "schema.md").read_text(encoding="utf-8")
    assert current == schema_page(), "run: python -m tests.data_reference docs"


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


def test_pages_have_their_urls_and_captures_their_pages(archive, make, words):
    """The verdict is of the last of two captures; a page that failed has none."""
    url = "http://a.test/1"
    for name in ("first", "other"):
        archive.save([make.outcome(url, words(name, 90), title="One")])
    archive.save([make.failure("http://a.test/2", "http_410")])
    pages = archive.db.execute(
        "SELECT url, host, page_type, state, article_id, capture_id FROM pages_overview"
    ).fetchall()
    [(article, capture)] = archive.db.execute("SELECT id, capture_id FROM articles").fetchall()
    assert pages == [(url, "a.test", "article", "done", article, capture)]
    captures = "SELECT url, page_type, article_id, judged FROM captures_overview ORDER BY fetched_at, judged"
    assert archive.db.execute(captures).fetchall() == [
        (url, "article", article, int(id == capture))
        for (id,) in archive.db.execute("SELECT id FROM captures ORDER BY fetched_at")
    ]


def test_edits_are_those_that_the_program_lists(filled):
    listed = [(edit.seq, edit.at, edit.kind, edit.title, edit.title_before, edit.rewritten, edit.url, edit.revision)
              for edit in list_edits(filled, kinds=ALL_KINDS)]  # fmt: skip
    columns = "seq, at, kind, title, coalesce(title_before, ''), rewritten, url, revision"
    assert filled.execute(f"SELECT {columns} FROM edits ORDER BY seq").fetchall() == listed
    assert {kind for _, _, kind, *_ in listed} > {"new"}


def test_versions_have_the_text_of_their_day(filled, archive, make, words):
    """That of the latest one stands in the article; it has one only while a capture brought none."""
    query = "SELECT number, day, text, text_digest, change FROM versions WHERE url = 'http://c.test/3' ORDER BY number"
    old, new = words("other", 90), words("quite", 90)
    stated = [
        (1, "2026-01-01", old, text_digest(old), "first"),
        (2, "2026-01-01", new, text_digest(new), "headline"),
    ]
    assert filled.execute(query).fetchall() == stated
    archive.save([make.failure("http://c.test/3", "http_410")])
    settle(filled, make.clock)
    assert filled.execute("SELECT max(number) FROM revisions").fetchone() == (3,)
    assert filled.execute(query).fetchall() == stated
    archive.save([make.outcome("http://c.test/3", "A text that is not settled yet.")])
    assert [(number, text) for number, _, text, *_ in filled.execute(query)] == [(1, old), (2, new)]


def test_links_of_texts_lead_to_articles_by_copies_and_redirects(archive, make, words):
    """They follow the text that a ruling changes."""
    site, gone = "http://a.test", "Read [more](/moved) of it"
    text = "[The *old* mill](/mill#top), [its twin](/twin?utm_source=x), [elsewhere](//b.test/), [us](mailto:a@b.test)"
    archive.save([
        *(make.outcome(f"{site}/{name}", words("mill"), title="Mill") for name in ("mill", "twin")),
        make.outcome(f"{site}/1", text, gone, title="One"),
    ])  # fmt: skip
    put(archive.db, "urls", 1, url=f"{site}/moved", location=f"{site}/mill", kind="page", state="done")
    settle(archive.db, make.clock)
    links = """SELECT l.anchor, l.target, a.title FROM links l LEFT JOIN articles a ON a.id = l.target_id
        WHERE l.url = 'http://a.test/1' ORDER BY position"""
    read = [
        ("The old mill", f"{site}/mill", "Mill"), ("its twin", f"{site}/twin", "Mill"),
        ("elsewhere", "http://b.test/", None), ("us", "mailto:a@b.test", None), ("more", f"{site}/moved", "Mill"),
    ]  # fmt: skip
    assert archive.db.execute(links).fetchall() == read
    carry_out_ruling(archive.db, Ruling(block_id(gone), is_kept=False, host="a.test", ruled_at=make.clock()))
    assert archive.db.execute(links).fetchall() == read[:4]
    assert archive.db.execute("SELECT count(*) FROM links").fetchone() == (4,)
    addresses = "SELECT kind, url FROM article_urls WHERE article_id = (SELECT id FROM articles WHERE title = 'Mill')"
    kinds = {("own", f"{site}/mill"), ("copy", f"{site}/twin"), ("redirect", f"{site}/moved")}
    assert set(archive.db.execute(addresses).fetchall()) == kinds
    shelved = "SELECT s.url, s.why, a.title FROM shelved s JOIN articles a ON a.id = s.article_id"
    assert archive.db.execute(shelved).fetchall() == [(f"{site}/twin", "duplicate", "Mill")]
