"""A file that is there as a whole or not at all."""

import os
import sqlite3
from contextlib import closing, suppress

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.atomic_writes import whole_file, write_transaction
from broadsheet.output.archive.stored_values import STORE_FACT


def test_a_file_has_its_name_when_its_bytes_are_on_the_disk_and_nothing_else_stays(tmp_path, monkeypatch):
    path, synced = tmp_path / "list.json", []
    path.with_name("list.json.part").write_bytes(b"what a killed writer left, which is longer")
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append((os.fstat(fd).st_size, path.exists())))
    with whole_file(path) as stream:
        stream.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    assert synced == [(3, False), (tmp_path.stat().st_size, True)]


def test_after_a_fault_the_file_is_as_it_was(tmp_path):
    path = tmp_path / "list.json"
    path.write_bytes(b"old")
    with suppress(ZeroDivisionError), whole_file(path) as stream:
        stream.write(b"new")
        raise ZeroDivisionError
    assert [(each, each.read_bytes()) for each in tmp_path.iterdir()] == [(path, b"old")]


def stored(db: Database) -> list[str]:
    return [key for (key,) in db.execute("SELECT key FROM meta WHERE key LIKE 'fact %' ORDER BY key")]


def put_fact(db: Database, key: str) -> None:
    db.execute(STORE_FACT, [f"fact {key}", "x"])


def test_a_transaction_within_another_is_undone_alone_and_the_outer_with_all(archive, file):
    db = archive.db
    with write_transaction(db):
        with (
            closing(sqlite3.connect(file, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")  # the lock is taken at once
        put_fact(db, "a")
        with suppress(ZeroDivisionError), write_transaction(db):
            put_fact(db, "b")
            raise ZeroDivisionError
        with write_transaction(db):
            put_fact(db, "c")
    assert (stored(db), db.conn.in_transaction) == (["fact a", "fact c"], False)
    with suppress(KeyboardInterrupt), write_transaction(db):
        with write_transaction(db):
            put_fact(db, "d")
        raise KeyboardInterrupt
    assert (stored(db), db.conn.in_transaction) == (["fact a", "fact c"], False)
