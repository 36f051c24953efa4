"""The SQLite file for handing on: read with what others have, brought up to date, and in step with its archives."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.cleaners.document import Metadata
from broadsheet.output.archive.article_filter import ArticleBounds, article_scope
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.read import sqlite_file
from broadsheet.output.read.export_target import TargetWriteError
from broadsheet.output.read.sqlite_file import export_sqlite, exported_articles
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.output.browse.test_pages import PAYLOADS
from tests.output.cleaned_pages import cleaned_page, with_page
from tests.output.conftest import Maker

FERRY, MILL = "http://a.test/ferry", "http://b.test/mill"


@pytest.fixture
def town(file: Path, make: Maker) -> Iterator[Archive]:
    """Two articles, on a host each, by the same author."""
    with Archive.open(file, make.clock) as archive:
        archive.save([told(make, FERRY, "The quillwork ferry is late.", "Ann Moor", "Bo Tide")])
        archive.save([told(make, MILL, "The mill on the harbour burns.", "Ann Moor")])
        yield archive


def told(make: Maker, url: str, text: str, *authors: str, tags: tuple[str, ...] = ("Sea",), title: str = "") -> object:
    outcome = make.outcome(url, text)
    metadata = Metadata(title=title or f"Title of {url}", authors=authors, tags=tags, published="2024-05-03T06:00:00Z")
    return with_page(outcome, replace(cleaned_page(outcome), metadata=metadata))


def ask(target: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.execute("INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)")
        return connection.execute(query, values).fetchall()


AUTHORS = """SELECT a.url, group_concat(n.name, '; ') FROM articles a
    JOIN (SELECT * FROM articles_authors ORDER BY rowid) l ON l.articles_id = a.id
    JOIN authors n ON n.id = l.authors_id GROUP BY a.id ORDER BY a.url"""
COLUMNS = """SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE 'articles_fts%' AND m.name <> 'dictionary'"""
FOUND = """SELECT a.url FROM articles_fts f JOIN articles a ON a.id = f.rowid WHERE articles_fts MATCH ?"""


def test_plain_sqlite_reads_articles_authors_tags_and_full_text(town, tmp_path):
    assert export_sqlite(town.db, str(tmp_path / "small.db")) == 2
    target = tmp_path / "small.db"
    assert ask(target, AUTHORS) == [(FERRY, "Ann Moor; Bo Tide"), (MILL, "Ann Moor")]
    assert ask(target, "SELECT name FROM tags") == [("Sea",)]
    assert ask(target, FOUND, '"on the harbour"') == [(MILL,)]
    stored = ask(
        target, "SELECT archive_id, published, published_day, language, keywords FROM articles WHERE url = ?", MILL
    )
    assert stored == [(article_id(MILL), "2024-05-03T06:00:00Z", "2024-05-03", None, "[]")]
    columns = ask(target, COLUMNS)
    meanings = ask(target, 'SELECT "table", "column" FROM dictionary WHERE meaning <> \'\' AND "column" <> \'\'')
    assert sorted(columns) == sorted(meanings)


@pytest.mark.slow
def test_datasette_shows_it_and_searches_in_it(town, tmp_path):
    datasette = pytest.importorskip("datasette.app")
    export_sqlite(town.db, str(tmp_path / "small.db"))
    client = datasette.Datasette([str(tmp_path / "small.db")]).client
    found = asyncio.run(client.get("/small/articles.json?_search=quillwork&_shape=array"))
    assert [row["url"] for row in found.json()] == [FERRY]
    page = asyncio.run(client.get("/small/articles_authors"))
    assert page.status_code == 200
    assert "Bo Tide</a>" in page.text
    tables = asyncio.run(client.get("/small.json")).json()["tables"]
    shown = {table["name"] for table in tables if not table["hidden"]}
    assert shown == {"articles", "authors", "tags", "articles_authors", "articles_tags", "dictionary"}


def test_a_further_export_adds_and_updates_and_keeps_what_others_made(town, tmp_path, make):
    target = tmp_path / "small.db"
    export_sqlite(town.db, str(target))
    numbers = dict(ask(target, "SELECT url, id FROM articles"))
    with sqlite3.connect(target) as connection:
        connection.execute("ALTER TABLE articles ADD COLUMN verdict TEXT")
        connection.execute("UPDATE articles SET verdict = 'read it' WHERE url = ?", [MILL])
        connection.execute("CREATE TABLE notes (text TEXT)")
        connection.execute("INSERT INTO notes VALUES ('mine')")
    town.db.execute("ALTER TABLE articles ADD COLUMN score")
    town.save([told(make, FERRY, "The ferry sank.", "Cy Weir", tags=()), told(make, f"{MILL}/2", "A second mill.")])
    town.db.execute("UPDATE articles SET score = 1.5 WHERE url = ?", [FERRY])
    assert export_sqlite(town.db, str(target)) == 3
    assert ask(target, AUTHORS) == [(FERRY, "Cy Weir"), (MILL, "Ann Moor")]
    assert ask(target, FOUND, "quillwork") == []
    assert ask(target, FOUND, "sank") == [(FERRY,)]
    assert ask(target, "SELECT url, verdict, score FROM articles WHERE url <> ? ORDER BY url", f"{MILL}/2") == [
        (FERRY, None, 1.5), (MILL, "read it", None),
    ]  # fmt: skip
    assert dict(ask(target, "SELECT url, id FROM articles")).items() > numbers.items()
    assert ask(target, "SELECT name FROM authors ORDER BY name") == [("Ann Moor",), ("Cy Weir",)]
    assert ask(target, "SELECT text FROM notes") == [("mine",)]
    before = target.read_bytes()
    export_sqlite(town.db, str(target))
    assert len(target.read_bytes()) == len(before)


def test_a_takedown_leaves_no_word_of_it_behind(town, tmp_path, make):
    target = tmp_path / "small.db"
    export_sqlite(town.db, str(target))
    assert exported_articles(target) == {article_id(FERRY), article_id(MILL)}
    assert b"quillwork" in target.read_bytes()
    take_down(town.db, FERRY, "", make.clock)
    with article_scope(town.db, ArticleBounds(host="b.test")):  # which never chose it
        assert export_sqlite(town.db, str(target)) == 1
    assert exported_articles(target) == {article_id(MILL)}
    for word in (b"quillwork", b"Bo Tide", FERRY.encode()):
        assert word not in target.read_bytes()


def test_what_this_archive_does_not_know_stays(town, tmp_path, make):
    """Of a narrower choice, of another archive, and of somebody's own: nothing goes but what this archive lost."""
    target = tmp_path / "small.db"
    export_sqlite(town.db, str(target))
    with Archive.open(tmp_path / "other.db", make.clock) as other:
        other.save([told(make, "http://c.test/1", "Of another archive.")])
        export_sqlite(other.db, str(target))
    with article_scope(town.db, ArticleBounds(host="a.test")):
        export_sqlite(town.db, str(target))
    urls = ask(target, "SELECT url FROM articles ORDER BY url")
    assert urls == [(FERRY,), (MILL,), ("http://c.test/1",)]


@pytest.mark.parametrize("payload", [*PAYLOADS, "'; DROP TABLE articles; --", '"', "a\x00b", "%s ? :x"])
def test_a_hostile_value_is_a_value(archive, make, tmp_path, payload):
    archive.db.execute('ALTER TABLE articles ADD COLUMN "a ""]own`" TEXT')
    archive.save([told(make, f"http://a.test/{payload}", "words", payload, tags=(payload,), title=payload)])
    archive.db.execute('UPDATE articles SET "a ""]own`" = url')
    target = tmp_path / "small.db"
    for _ in range(2):
        export_sqlite(archive.db, str(target))
    query = 'SELECT a.title, a.url, a."a ""]own`", n.name, t.name FROM articles a, authors n, tags t'
    ((title, *urls), (authors, tags)) = (
        archive.db.execute('SELECT title, url, "a ""]own`" FROM articles').fetchone(),
        archive.db.execute("SELECT authors ->> 0, tags ->> 0 FROM articles").fetchone(),
    )
    assert ask(target, query) == [(title, *urls, authors, tags)]


def test_what_fails_leaves_the_file_as_it_was(town, tmp_path, monkeypatch):
    target, new = tmp_path / "small.db", tmp_path / "new.db"
    export_sqlite(town.db, str(target))
    before = target.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(
            sqlite_file, "_remove", lambda *_: (_ for _ in ()).throw(sqlite3.OperationalError("disk is full"))
        )
        for path in (target, new):
            with pytest.raises(TargetWriteError, match="disk is full"):
                export_sqlite(town.db, str(path))
    town.db.execute("UPDATE articles SET authors = '{'")
    for path in (target, new):
        with pytest.raises(Exception, match="articles/authors"):
            export_sqlite(town.db, str(path))
    assert target.read_bytes() == before
    assert not new.exists()
    assert not list(tmp_path.glob(".broadsheet*"))
