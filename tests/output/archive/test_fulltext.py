"""The full-text index: articles enter and leave it a batch at a time, it is made compact, and globs as SQLite does."""

import os
import random
import sqlite3
from types import SimpleNamespace

import pytest

from broadsheet.cleaners.words import CJK_RANGES
from broadsheet.output.archive.archive_file import database_file
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.fulltext import (
    compact_file,
    has_unspaced_script,
    index_postponed,
    install_quick_glob,
    postpone_indexing,
    remove_from_index,
)
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.read.verify import verify
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.internal_tables import UNINDEXED
from tests.output.conftest import found_by

URL = "http://a.test/one"


def pieces(archive: Archive) -> int:
    """Of how many pieces the index is made."""
    return len(archive.db.execute("SELECT DISTINCT segid FROM articles_fts_idx").fetchall())


def test_the_articles_of_a_batch_are_one_piece_of_the_index(archive, make):
    texts = [" ".join(f"w{n}x{m}" for m in range(60)) for n in range(12)]
    archive.save([make.outcome(f"http://a.test/{n}", text) for n, text in enumerate(texts)])
    assert pieces(archive) == 1
    assert found_by(archive.db, "w7x9") == ["http://a.test/7"]
    assert archive.db[UNINDEXED].count == 0
    assert verify(archive.db) == []


def test_an_article_that_comes_twice_in_a_batch_is_indexed_as_it_is_at_the_end(archive, make):
    archive.save([make.outcome(URL, "The first words."), make.outcome(URL, "The second words.")])
    assert (found_by(archive.db, "first"), found_by(archive.db, "second")) == ([], [URL])
    archive.save([make.outcome("http://a.test/two", "Others."), make.outcome(URL, "The third words.")])
    assert (found_by(archive.db, "second"), found_by(archive.db, "third")) == ([], [URL])
    assert verify(archive.db) == []


def test_an_article_that_goes_again_before_the_end_is_not_indexed(archive, make):
    archive.save([make.outcome(URL, "The first words.")])
    [row] = archive.db["articles"].rows
    other = row | {"id": article_id("http://a.test/two"), "url": "http://a.test/two", "text": "The second words."}
    names = ", ".join(other)
    with write_transaction(archive.db):
        postpone_indexing(archive.db, other["id"])
        archive.db.execute(f"INSERT INTO articles ({names}) VALUES ({', '.join('?' * len(other))})", [*other.values()])
        archive.db.execute("UPDATE articles SET text = 'Third words.' WHERE id = ?", [other["id"]])
        archive.db.execute("DELETE FROM articles WHERE id = ?", [other["id"]])
        index_postponed(archive.db)
    assert found_by(archive.db, "words") == [URL]
    assert verify(archive.db) == []


def test_a_batch_that_fails_leaves_nothing_waiting(archive, make):
    broken = Outcome("http://a.test/x", "no such state", "")
    with pytest.raises(Exception, match="CHECK"):
        archive.save([make.outcome(URL, "The first words."), broken])
    assert archive.db[UNINDEXED].count == archive.db["articles"].count == 0
    archive.save([make.outcome(URL, "The first words.")])
    assert found_by(archive.db, "first") == [URL]
    assert verify(archive.db) == []


def test_articles_whose_texts_change_leave_the_index_and_come_back_together(archive, make):
    urls = [f"http://a.test/{n}" for n in range(12)]
    archive.save([make.outcome(url, f"Old words, {n}.") for n, url in enumerate(urls)])
    before = pieces(archive)
    pages = [page_id for (page_id,) in archive.db.execute("SELECT page_id FROM articles ORDER BY url LIMIT 6")]
    with write_transaction(archive.db):
        remove_from_index(archive.db, pages)
        assert len(found_by(archive.db, "old")) == 6
        for page_id in pages:
            archive.db.execute("UPDATE articles SET text = 'New words.' WHERE page_id = ?", [page_id])
        index_postponed(archive.db)
    assert pieces(archive) == before + 2  # what left it, and what came
    assert (len(found_by(archive.db, "old")), len(found_by(archive.db, "new"))) == (6, 6)
    assert archive.db[UNINDEXED].count == 0
    archive.db.execute("INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)")


def test_an_article_that_waits_for_the_index_is_not_taken_out_of_it(archive, make):
    archive.save([make.outcome(URL, "The first words.")])
    [row] = archive.db["articles"].rows
    with write_transaction(archive.db):
        remove_from_index(archive.db, [row["page_id"]])
        remove_from_index(archive.db, [row["page_id"], row["page_id"] + 1])
        index_postponed(archive.db)
    assert found_by(archive.db, "first") == [URL]
    assert verify(archive.db) == []


_TEXT, _ONE = f"*[{CJK_RANGES}]*", f"[{CJK_RANGES}]"


@pytest.fixture
def sqlite_and_ours():
    """GLOB as SQLite has it, and as an archive's writer has it."""
    plain, quick = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    install_quick_glob(quick)
    yield lambda pattern, text: [db.execute("SELECT ? GLOB ?", (text, pattern)).fetchone()[0] for db in (plain, quick)]
    plain.close()
    quick.close()


def test_of_every_range_the_first_the_last_and_the_characters_beside_are_told(sqlite_and_ours):
    for text in (chr(ord(char) + step) for char in CJK_RANGES if char != "-" for step in (-1, 0, 1)):
        for pattern, asked in ((_TEXT, f"a {text} b"), (_ONE, text), (_ONE, f"{text}b"), (_ONE, f"a{text}")):
            plain, quick = sqlite_and_ours(pattern, asked)
            assert plain == quick
            assert pattern == _ONE or has_unspaced_script(asked) == plain


@pytest.mark.parametrize("pattern", [None, 5, "5", "5*", "nul*", _TEXT, _ONE, b"5*", "*\0"])
def test_values_of_any_kind_are_compared_as_sqlite_does(sqlite_and_ours, pattern):
    for value in (None, 5, 5.5, b"5", "", "5", "nul \0 5", "\u4e00\0", "caf\u00e9 \u2e7f", "\U0001f600"):
        plain, quick = sqlite_and_ours(pattern, value)
        assert plain == quick, value


def test_patterns_are_those_of_sqlite(sqlite_and_ours):
    source = random.Random(11)
    for _ in range(3_000):
        pattern = "".join(source.choices("ab*?[]^-\u00e9", k=source.randint(0, 6)))
        text = "".join(source.choices("ab[]*\u00e9-", k=source.randint(0, 5)))
        plain, quick = sqlite_and_ours(pattern, text)
        assert plain == quick, (pattern, text)


def save_pages(archive: Archive, make, name: str, count: int, first: int = 0) -> None:
    """Save pages with words of their own, each in a transaction and so in a segment of its own."""
    for number in range(first, first + count):
        words = " ".join(f"{name}{number}x{word}" for word in range(400))
        archive.save([make.outcome(f"http://a.test/{number}", words)])


def free_pages(archive: Archive) -> int:
    return archive.db.execute("PRAGMA freelist_count").fetchone()[0]


def compact(archive: Archive) -> None:
    with archive.db.ensure_autocommit_on():
        compact_file(archive.db)


@pytest.fixture
def scattered(archive, make):
    """An archive whose articles are in several segments of the index."""
    save_pages(archive, make, "word", 7)
    assert pieces(archive) > 1
    return archive


def test_the_index_becomes_one_segment_and_finds_the_same(scattered):
    compact(scattered)
    assert pieces(scattered) == 1
    assert found_by(scattered.db, "word5x7") == ["http://a.test/5"]
    assert verify(scattered.db) == []


def test_pages_that_were_given_up_leave_the_file(scattered):
    file = database_file(scattered.db)
    scattered.db.execute("CREATE TABLE ballast (bytes BLOB)")
    scattered.db.execute("INSERT INTO ballast (bytes) VALUES (zeroblob(2000000))")
    scattered.db.execute("DROP TABLE ballast")
    scattered.db.commit()
    scattered.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    large = os.path.getsize(file)
    assert free_pages(scattered) > 400
    scattered.close()
    assert os.path.getsize(file) < large - 1_900_000
    with Archive.open(file) as archive:
        assert free_pages(archive) == 0
        assert verify(archive.db) == []


def test_little_that_is_new_waits(archive, make):
    save_pages(archive, make, "word", 12)
    compact(archive)
    save_pages(archive, make, "later", 1, first=12)
    assert pieces(archive) == 2
    compact(archive)
    assert pieces(archive) == 2
    assert found_by(archive.db, "later12x7") == ["http://a.test/12"]


def test_a_compact_file_is_not_written_again(scattered):
    file = database_file(scattered.db)
    scattered.close()
    before = file.read_bytes()
    Archive.open(file).close()
    assert len(file.read_bytes()) == len(before)
    with Archive.open(file) as archive:
        changed = archive.db.conn.total_changes
        compact(archive)
        assert archive.db.conn.total_changes == changed


def test_a_file_that_is_full_stays_as_it_is(scattered):
    (pages,) = scattered.db.execute("PRAGMA page_count").fetchone()
    scattered.db.execute(f"PRAGMA max_page_count = {pages - free_pages(scattered)}").fetchone()
    before = pieces(scattered)
    compact(scattered)
    assert pieces(scattered) == before
    assert found_by(scattered.db, "word5x7") == ["http://a.test/5"]
    assert verify(scattered.db) == []


@pytest.mark.parametrize(
    ("sizes", "free", "pages", "done"),
    [
        ([3, 1], 1, 32, ["optimize", "vacuum"]), ([31, 10], 1, 33, []), ([], 3, 96, ["vacuum"]),
        ([1, 1, 2], 0, 0, ["optimize"]), ([4], 0, 9, []),
    ],
)  # fmt: skip
def test_a_quarter_of_the_index_and_a_32nd_of_the_file_are_worth_it(sizes, free, pages, done):
    ran = []
    answers = {"freelist_count": [(free,)], "page_count": [(pages,)]}

    class Cursor(list):
        def fetchone(self):
            return self[0]

    def execute(statement):
        ran.extend(["optimize"] * ("optimize" in statement))
        return Cursor(answers.get(statement.rpartition(" ")[2], [(size,) for size in sizes]))

    vacuum = SimpleNamespace(executescript=lambda _: ran.append("vacuum"))
    compact_file(SimpleNamespace(execute=execute, conn=vacuum))
    assert ran == done
