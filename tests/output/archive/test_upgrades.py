"""A stored file of each earlier version is upgraded, and everything that it held is there and works.

The files in `tests/output/data` were made from pages of the sample site by the code of version 4: four URLs that a
crawl fetched, a copy that settling shelved, a ruling, URLs that failed and wait. Those of versions 1 to 3 are its rows
in their tables, and those of versions 5 and 6 are the same file, upgraded, the last one settled too.
"""

from __future__ import annotations

import gzip
import shutil
import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.migrations import SCHEMA_VERSION
from broadsheet.output.archive.schema_doc import schema_columns
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.own_reading import read_own_reading
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker

DATA = Path(__file__).parents[1] / "data"
VERSIONS = range(1, SCHEMA_VERSION)
KEPT_AS_THEY_ARE = {
    "articles": "id, url, title, authors, tags, text, markdown, first_seen, last_seen, metadata_sources",
    "shelved": "id, url, title, text, why",
    "urls": "url, kind, state, reason, found_via, found_on, depth, fetched_at",
    "pages": "id, page_type, own_type, evidence, text_digest, word_count, kept, removed",
    "captures": "id, url, fetched_at, payload_digest",
    "page_blocks": "page_id, position, block_id, kind, kept",
    "changes": "seq, article_id, at, change",
}


def rows(db: sqlite3.Connection | Database) -> dict[str, list[tuple[object, ...]]]:
    queries = {table: f"SELECT {columns} FROM {table} ORDER BY 1, 2" for table, columns in KEPT_AS_THEY_ARE.items()}
    return {table: db.execute(query).fetchall() for table, query in queries.items()}


def stored_file(version: int, folder: Path) -> Path:
    """The stored file of a version, unpacked into a folder."""
    file = folder / f"v{version}.db"
    file.write_bytes(gzip.decompress((DATA / f"schema-{version}.db.gz").read_bytes()))
    return file


@pytest.fixture(params=VERSIONS, ids=lambda version: f"v{version}")
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return stored_file(request.param, tmp_path)


@pytest.fixture(scope="module")
def upgraded_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The stored file of a version after its upgrade, which is made once for all tests that begin with it."""
    folder = tmp_path_factory.mktemp("upgraded")

    @cache
    def upgraded_file(version: int) -> Path:
        file = stored_file(version, folder)
        open_database(file).close()
        return file

    return upgraded_file


@pytest.fixture(params=VERSIONS, ids=lambda version: f"v{version}")
def upgraded(request: pytest.FixtureRequest, upgraded_files: Callable[[int], Path], tmp_path: Path) -> Path:
    return Path(shutil.copy(upgraded_files(request.param), tmp_path))


def test_there_is_a_stored_file_of_every_earlier_version() -> None:
    assert sorted(file.name for file in DATA.glob("*.db.gz")) == [f"schema-{version}.db.gz" for version in VERSIONS]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stored_file_has_its_version(tmp_path: Path, version: int) -> None:
    db = sqlite3.connect(stored_file(version, tmp_path))
    assert db.execute("PRAGMA user_version").fetchone() == (version,)
    db.close()


def test_an_upgrade_keeps_what_the_file_holds(stored: Path) -> None:
    before = sqlite3.connect(stored)
    rows_before = rows(before)
    before.close()
    assert all(rows_before.values())
    db = open_database(stored)
    assert rows(db) == rows_before
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert len(list(stored.parent.glob("*.backup-v*"))) == 1
    db.close()


def test_an_upgraded_file_has_the_columns_of_a_new_one(upgraded: Path, tmp_path: Path) -> None:
    db, new = open_database(upgraded), open_database(tmp_path / "new.db")
    assert schema_columns(db) == schema_columns(new)
    db.close()
    new.close()


def test_articles_of_before_have_no_keywords_until_they_are_cleaned_again(upgraded: Path) -> None:
    db = open_database(upgraded)
    for table in ("articles", "shelved"):
        assert db.execute(f"SELECT DISTINCT keywords FROM {table}").fetchall() == [("[]",)]
    db.close()


def test_articles_of_before_have_no_standfirst_until_they_are_cleaned_again(upgraded: Path) -> None:
    db = open_database(upgraded)
    for table in ("articles", "shelved"):
        assert db.execute(f"SELECT DISTINCT standfirst FROM {table}").fetchall() == [(None,)]
    db.close()


def test_an_upgraded_file_is_written_settled_and_read_again(upgraded: Path, make: Maker) -> None:
    with Archive.open(upgraded, make.clock) as archive:
        [(url, page_id)] = archive.db.execute("SELECT url, page_id FROM articles ORDER BY id LIMIT 1").fetchall()
        reading = read_own_reading(archive.db, page_id)
        assert reading is not None
        assert reading.equals(reading.rows)
        archive.save([make.outcome(url, "another text of it", "and more"), make.outcome("http://a.test/new", "a text")])
        settle(archive.db, make.clock)
        assert archive.db.execute("SELECT text FROM articles WHERE url = ?", [url]).fetchall() == [
            ("another text of it\nand more",)
        ]
        assert verify(archive.db) == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE Articles_Overview (x)",
        "CREATE VIEW articles_overview AS SELECT title AS x FROM articles",
        "create view [articles_overview] (x) as select title from articles",
        "CREATE INDEX articles_overview ON articles (title)",
        'CREATE UNIQUE INDEX "articles_overview" ON articles (title, id)',
    ],
)
def test_what_a_user_made_gives_up_its_name_where_a_view_takes_it(tmp_path: Path, statement: str) -> None:
    file = stored_file(5, tmp_path)
    with sqlite3.connect(file) as before:
        before.execute(statement)
    before.close()
    db = open_database(file)
    query = "SELECT type FROM sqlite_master WHERE lower(name) = ?"
    assert db.execute(query, ["articles_overview"]).fetchall() == [("view",)]
    [(kind,)] = db.execute(query, ["articles_overview_own"]).fetchall()
    assert kind in statement.lower()
    if kind != "index":
        assert {row[1] for row in db.execute("PRAGMA table_info(articles_overview_own)")} == {"x"}
    db.close()
