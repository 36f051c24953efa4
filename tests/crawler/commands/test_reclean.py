from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.crawler.commands.earlier_cleaner import (
    SEEN,
    SITE,
    archive,
    as_article,
    kept_all,
    lost_last,
    no_article,
    tables,
    town,
)
from tests.crawler.shell import rows, verb
from tests.internal_tables import BLOCK_TEXTS, CLEANERS, RECLEAN_BEFORE, UNSETTLED

pytestmark = pytest.mark.usefixtures("workers_here")

MISSING = (
    "<html><head><title>Page not found</title></head><body><h1>Page not found</h1><p>It is not here.</p></body></html>"
)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """River kept too much, mill lost its end, ferry is as today; one page is an article wrongly, one wrongly none."""
    bodies, was = town(river=kept_all, mill=lost_last, quay=no_article)
    return archive(tmp_path, bodies | {"/missing": MISSING}, was | {"/missing": as_article})


def texts(db: Path) -> dict[str, str]:
    return {url.removeprefix(SITE): text for url, text in rows(db, "SELECT url, text FROM articles")}


def test_a_dry_run_says_what_would_change_and_changes_nothing(db):
    bytes_before = db.read_bytes()
    code, out, errors = verb("reclean", db, "--dry-run")
    assert (code, errors) == (0, "")
    assert "5 pages looked at" in out
    assert "Articles: texts changed 2, gained 1, lost 1; only metadata 0, unchanged 1" in out
    brought, removed = out.split("Blocks that would be brought back: 1, by rule")[1].split(
        "Blocks that would be removed"
    )
    assert "1  promo   old/promo" in brought
    assert "share" in removed
    assert "+ [promo old/promo] Mill paragraph 2" in out
    assert "Nothing was written" in out
    assert db.read_bytes() == bytes_before


def test_texts_change_in_place_with_their_lineage_and_one_change_each(db):
    tables_before = texts(db)
    code, out, _ = verb("reclean", db)
    assert code == 0
    tables_after = texts(db)
    assert "Share this story" in tables_before["/river"]
    assert "Share this story" not in tables_after["/river"]
    assert "Mill paragraph 2" in tables_after["/mill"]
    assert tables_before["/ferry"] == tables_after["/ferry"]
    assert (tables_before.keys() - tables_after.keys(), tables_after.keys() - tables_before.keys()) == (
        {"/missing"},
        {"/quay"},
    )
    assert "This was run 1; broadsheet reclean" in out
    change_rows = rows(
        db,
        "SELECT DISTINCT c.version <> '0', length(c.rules), c.site_rules FROM pages p"
        f" JOIN {CLEANERS} c ON c.id = p.cleaner_id",
    )
    assert change_rows == [(1, 16, "")]
    assert rows(db, f"SELECT DISTINCT first_seen, last_seen FROM articles WHERE last_seen <> '{SEEN}'") == []
    assert rows(db, "SELECT count(*), count(DISTINCT article_id) FROM revisions") == [(5, 5)]
    noted = rows(
        db, f"SELECT url, change FROM changes LEFT JOIN articles a ON a.id = article_id WHERE at > '{SEEN}' ORDER BY 1"
    )
    assert [(str(url).removeprefix(SITE), change) for url, change in noted] == [
        ("None", "removed"), ("/mill", "changed"), ("/quay", "added"), ("/river", "changed")
    ]  # fmt: skip
    stated_rows = rows(db, "SELECT u.url, u.reason, p.page_type FROM urls u JOIN pages p USING (id)")
    assert all(reason == page_type for _, reason, page_type in stated_rows)
    assert verb("verify", db)[0] == 0


def test_a_second_time_there_is_nothing_to_do(db):
    verb("reclean", db)
    tables_before = tables(db)
    code, out, _ = verb("reclean", db)
    assert code == 0
    assert "0 pages cleaned again" in out
    assert "5 made by this cleaner already" in out
    code, out, _ = verb("reclean", db, "--all")
    assert "texts changed 0, gained 0, lost 0; only metadata 0, unchanged 5" in out
    assert tables(db) == tables_before
    assert rows(db, "SELECT max(_reclean) FROM runs") == [(1,)]


@pytest.mark.slow
def test_room_is_looked_for_before_anything_is_written(db, monkeypatch):
    usage, before = shutil.disk_usage("/")._replace(free=db.stat().st_size - 1), tables(db)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    code, out, errors = verb("reclean", db)
    assert (code, out, errors.count("\n")) == (1, "", 1)
    assert f"broadsheet: {db.parent} has " in errors
    assert " MB of room, and cleaning again needs " in errors
    assert tables(db) == before
    assert rows(db, "SELECT count(_reclean) FROM runs") == [(0,)]
    monkeypatch.undo()
    assert verb("reclean", db)[0] == 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    code, out, errors = verb("reclean", db)
    assert (code, errors) == (0, ""), "where nothing is to be cleaned no room is needed"
    assert "Left as they are: 5 made by this cleaner already" in out


def test_undo_puts_back_what_stood_before(db):
    tables_before, stood = (
        tables(db),
        rows(db, "SELECT id, title, text, markdown, first_seen, last_seen FROM articles ORDER BY id"),
    )
    verb("reclean", db)
    code, out, _ = verb("reclean", db, "--undo")
    assert code == 0
    assert rows(db, "SELECT id, title, text, markdown, first_seen, last_seen FROM articles ORDER BY id") == stood
    assert "4 pages are as they were before" in out
    tables_after = tables(db)
    same = rows(db, "SELECT id FROM pages WHERE cleaner_version <> '0'")  # the cleaner of today reads it as it was read
    assert len(same) == 1
    left_out = ("pages", "articles", BLOCK_TEXTS)  # texts that no ledger names may stay
    assert {name: table_rows for name, table_rows in tables_after.items() if name not in left_out} == {
        name: table_rows for name, table_rows in tables_before.items() if name not in left_out
    }
    assert verb("verify", db)[0] == 0
    code, _, errors = verb("reclean", db, "--undo")
    assert (code, "no reclean run to undo" in errors) == (1, True)


@pytest.mark.slow
def test_going_back_to_a_run_undoes_those_after_it(db, tmp_path):
    at_first = texts(db)
    verb("reclean", db)
    after_one = texts(db)
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.example.txt").write_text("body: //article\nstrip: //p[2]\n")
    code, _, _ = verb("reclean", db, "--site-rules", rules)
    after_two = texts(db)
    assert code == 0
    assert after_two["/ferry"] != after_one["/ferry"]
    code, out, _ = verb("reclean", db)  # the rules of the last run hold
    assert "0 pages cleaned again" in out
    assert rows(db, f"SELECT DISTINCT length(site_rules) FROM {CLEANERS} c JOIN pages p ON p.cleaner_id = c.id") == [
        (16,)
    ]
    assert verb("reclean", db, "--back-to", 1)[0] == 0
    assert texts(db) == after_one
    assert verb("reclean", db, "--back-to", 0)[0] == 0
    assert texts(db) == at_first
    assert rows(db, "SELECT count(_reclean) FROM runs") == [(0,)]
    for run in (3, 10**20):
        code, out, errors = verb("reclean", db, "--back-to", run)
        assert (code, out, f"nothing to undo after run {run}" in errors, errors.count("\n")) == (1, "", True, 1)
    assert texts(db) == at_first


def test_rules_that_are_gone_are_told_in_one_line(db, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    verb("reclean", db, "--site-rules", rules)
    rules.rmdir()
    code, _, errors = verb("reclean", db)
    assert (code, errors.count("\n")) == (2, 1)
    assert "--no-site-rules" in errors
    assert verb("reclean", db, "--no-site-rules")[0] == 0


def test_what_a_person_ruled_holds(db):
    ((kept,),) = rows(db, "SELECT block_id FROM blocks WHERE text LIKE 'Mill paragraph 0%'")
    ((share, *_), *_) = rows(db, "SELECT DISTINCT block_id FROM blocks WHERE text = 'Donate now'")
    verb("remove", db, kept, "--article", f"{SITE}/mill")
    verb("restore", db, share, "--article", f"{SITE}/ferry")
    text_before = rows(db, "SELECT * FROM rulings ORDER BY id")
    verb("reclean", db)
    text_after = texts(db)
    assert "Mill paragraph 0" not in text_after["/mill"]
    assert "Mill paragraph 2" in text_after["/mill"]
    assert "Donate now" in text_after["/ferry"]
    assert "Share this story" not in text_after["/river"]
    verb("reclean", db, "--undo")
    assert "Mill paragraph 0" not in texts(db)["/mill"]
    assert "Donate now" in texts(db)["/ferry"]
    assert rows(db, "SELECT * FROM rulings ORDER BY id") == text_before


def test_pages_without_a_raw_response_stay_as_they_are(db):
    connection = sqlite3.connect(db)
    connection.execute(f"UPDATE captures SET warc_file = NULL WHERE url = '{SITE}/river'")
    connection.execute(f"UPDATE captures SET warc_file = 'gone.warc.gz' WHERE url = '{SITE}/mill'")
    connection.commit()
    connection.close()
    tables_before = texts(db)
    code, out, errors = verb("reclean", db)
    assert code == 0
    assert "1 without a raw response, 1 whose raw response is not there" in out
    assert errors.count("\n") == 1
    assert f"{SITE}/mill: raw_missing: gone.warc.gz" in errors
    assert {path: text for path, text in texts(db).items() if path in ("/river", "/mill")} == {
        path: tables_before[path] for path in ("/river", "/mill")
    }


@pytest.mark.slow
def test_a_takedown_takes_what_stood_before_along(db):
    verb("reclean", db)
    assert rows(
        db, f"SELECT count(*) FROM {RECLEAN_BEFORE} b JOIN urls u ON u.id = b.page_id WHERE url = '{SITE}/river'"
    ) == [(1,)]
    assert verb("forget", db, f"{SITE}/river", "--yes")[0] == 0
    assert rows(
        db, f"SELECT count(*) FROM {RECLEAN_BEFORE} b LEFT JOIN pages p ON p.id = b.page_id WHERE p.id IS NULL"
    ) == [(0,)]
    assert rows(db, f"SELECT count(*) FROM {RECLEAN_BEFORE}") == [(3,)]


def write_beside(db: Path, column: str = "note TEXT") -> dict[str, str]:
    """A user adds a column and notes something beside each article; the notes by URL."""
    connection = sqlite3.connect(db)
    with connection:
        connection.execute(f"ALTER TABLE articles ADD COLUMN {column}")
        connection.execute("UPDATE articles SET note = 'of ' || url")
        connection.execute("ALTER TABLE articles ADD COLUMN shout TEXT AS (upper(title)) VIRTUAL")
    connection.close()
    return dict(rows(db, "SELECT url, note FROM articles"))


@pytest.mark.slow
def test_what_a_user_wrote_beside_articles_stays_and_comes_back_with_those_that_were_lost(db):
    rows_before = write_beside(db)
    assert verb("reclean", db)[0] == 0
    rows_after = dict(rows(db, "SELECT url, note FROM articles"))
    assert rows_after == {url: rows_before.get(url) for url in rows_after}
    assert rows_before.keys() - rows_after.keys() == {f"{SITE}/missing"}
    assert verb("reclean", db, "--undo")[0] == 0
    assert dict(rows(db, "SELECT url, note FROM articles")) == rows_before
    assert verb("verify", db)[0] == 0


@pytest.mark.slow
def test_undo_leaves_what_a_user_wrote_since_and_brings_bytes_back(db):
    write_beside(db, "note BLOB DEFAULT x'00'")
    connection = sqlite3.connect(db)
    with connection:
        connection.execute("UPDATE articles SET note = x'00ff'")
    verb("reclean", db)
    with connection:
        connection.execute("UPDATE articles SET note = 'since'")
    connection.close()
    verb("reclean", db, "--undo")
    notes = dict(rows(db, "SELECT url, note FROM articles"))
    assert notes.pop(f"{SITE}/missing") == b"\x00\xff"
    assert set(notes.values()) == {"since"}


def test_what_a_run_killed_before_it_settled_left_is_settled_by_the_same_verb(db):
    assert verb("reclean", db, "-q")[0] == 0
    with closing(sqlite3.connect(db)) as connection, connection:  # as after the last batch of a run
        connection.execute("DELETE FROM meta WHERE key = 'settled'")
        connection.execute(f"INSERT INTO {UNSETTLED} (page_id, host) SELECT id, '' FROM pages")
    code, out, _ = verb("reclean", db)
    assert (code, out.splitlines()[0][:22]) == (0, "0 pages cleaned again ")
    assert rows(db, "SELECT count(*) FROM meta WHERE key = 'settled'") == [(1,)]
    assert rows(db, f"SELECT * FROM {UNSETTLED}") == []
