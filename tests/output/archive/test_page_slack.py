"""Bytes that no row uses: overwritten in place, so that no deleted word is left, and no row changes."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.page_slack import erase_slack

SECRET = "zanzibarine quillwork "


def made(file: Path, page_size: int = 4096) -> Database:
    """A file in WAL mode whose rows, short and of many pages, grew and shrank before those with the secret went."""
    db = Database(sqlite3.connect(file))
    db.conn.executescript(f"""PRAGMA page_size = {page_size}; PRAGMA auto_vacuum = INCREMENTAL;
        PRAGMA journal_mode = WAL;
        CREATE TABLE texts (id INTEGER PRIMARY KEY, name TEXT, text TEXT); CREATE INDEX names ON texts (name);
        CREATE TABLE words (word TEXT PRIMARY KEY, place) WITHOUT ROWID;""")
    chance = random.Random(3)
    for number in chance.sample(range(1_500), 1_500):
        word = SECRET if number % 3 == 0 else f"harbour {number} "
        text = word * chance.choice((1, 5, 40, 400, 2_000))
        db.execute("INSERT INTO texts VALUES (?, ?, ?)", [number, word * chance.choice((2, 60)), text])
        db.execute("INSERT INTO words VALUES (?, ?)", [f"{number} {word * chance.choice((1, 80))}", word])
    db.execute("UPDATE texts SET text = substr(text, 1, 400) WHERE id % 5 = 1")
    db.conn.commit()
    return db


def forgotten(db: Database) -> list[tuple[object, ...]]:
    """Delete the rows with the secret as a takedown does; the rows that are left."""
    db.conn.executescript(f"""PRAGMA secure_delete = ON; DELETE FROM texts WHERE name LIKE '{SECRET}%';
        DELETE FROM words WHERE place = '{SECRET}'; PRAGMA wal_checkpoint(TRUNCATE);""")
    return rows(db)


def rows(db: Database) -> list[tuple[object, ...]]:
    return [*db.execute("SELECT * FROM texts ORDER BY name"), *db.execute("SELECT * FROM words")]


def stored_bytes(file: Path) -> bytes:
    return b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))


def test_no_deleted_word_is_left_and_no_row_has_changed(tmp_path):
    file = tmp_path / "texts.db"
    with closing(made(file)) as db:
        left = forgotten(db)
        assert SECRET.encode() in stored_bytes(file), "SQLite leaves some by itself"
        assert erase_slack(db)
        assert SECRET.encode() not in stored_bytes(file)
        assert rows(db) == left
        db.execute("INSERT INTO texts SELECT id + 5000, name, text FROM texts WHERE id % 2")  # from pages in the cache
        db.conn.commit()
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert SECRET.encode() not in stored_bytes(file)


def test_the_locks_of_the_connection_stay(tmp_path):
    with closing(made(tmp_path / "texts.db")) as db, closing(sqlite3.connect(tmp_path / "texts.db")) as other:
        db.execute("PRAGMA busy_timeout = 0")
        other.execute("PRAGMA busy_timeout = 0")
        erase_slack(db)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("PRAGMA journal_mode = DELETE").fetchone()
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            erase_slack(db)


def test_nothing_is_done_while_a_reader_needs_the_log(tmp_path):
    file = tmp_path / "texts.db"
    with closing(made(file)) as db, closing(sqlite3.connect(file)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM texts").fetchone()
        db.execute("PRAGMA busy_timeout = 0")
        db.execute("INSERT INTO words VALUES ('a', 1)")
        db.conn.commit()
        assert not erase_slack(db)
        assert SECRET.encode() in stored_bytes(file)


def test_nothing_is_done_with_pages_of_another_size(tmp_path):
    with closing(made(tmp_path / "texts.db", page_size=8192)) as db:
        assert not erase_slack(db)
