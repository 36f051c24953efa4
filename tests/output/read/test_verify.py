from __future__ import annotations

import sqlite3

import pytest

from output.db.open import open_database
from output.read.verify import verify


@pytest.fixture
def filled(archive, make):
    archive.save([make.outcome(f"http://a.test/{n}", f"text {n}", removed=("x",)) for n in range(3)])
    return archive


def test_a_sound_archive_has_no_problem_also_read_only(filled, file):
    assert verify(filled.db) == []
    assert verify(open_database(file, read_only=True)) == []


@pytest.mark.parametrize(
    ("check", "damage"),
    [
        ("foreign_keys", "DELETE FROM captures"),
        ("schema_version", "PRAGMA user_version = 7"),
        ("full_text", "DROP TRIGGER articles_fts_insert; UPDATE articles SET id = 5 WHERE url LIKE '%1'"),
        ("full_text", "DROP TRIGGER articles_fts_after; UPDATE articles SET text = 'other' WHERE url LIKE '%1'"),
        ("articles_and_pages", "UPDATE pages SET article_id = NULL WHERE id = 1"),
        ("articles_and_pages", "UPDATE pages SET article_id = 12 WHERE id = 1"),
        ("ledger_counts", "DELETE FROM page_blocks WHERE page_id = 1 AND kept = 0"),
        ("article_texts", "UPDATE articles SET text = 'other' WHERE url LIKE '%1'"),
    ],
)
def test_damage_is_named(filled, file, check, damage):
    plain = sqlite3.connect(file)
    plain.executescript(damage)
    plain.close()
    assert check in {problem.check for problem in verify(filled.db)}


def test_a_torn_file_is_a_problem_not_a_traceback(filled, file):
    query = "SELECT rootpage FROM sqlite_master WHERE name = 'page_blocks'"
    (page,), (size,) = filled.db.execute(query).fetchone(), filled.db.execute("PRAGMA page_size").fetchone()
    filled.close()
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(content)
    assert verify(open_database(file, read_only=True))
