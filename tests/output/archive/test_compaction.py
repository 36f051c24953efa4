"""The index and the file give back what they no longer need, where that is worth it."""

import os
from types import SimpleNamespace

import pytest

from broadsheet.output.archive.archive_file import database_file
from broadsheet.output.archive.fulltext import compact_file
from broadsheet.output.read.verify import verify
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import found_by


def save_pages(archive: Archive, make, name: str, count: int, first: int = 0) -> None:
    """Save pages with words of their own, each in a transaction and so in a segment of its own."""
    for number in range(first, first + count):
        words = " ".join(f"{name}{number}x{word}" for word in range(400))
        archive.save([make.outcome(f"http://a.test/{number}", words)])


def segments(archive: Archive) -> int:
    return len(archive.db.execute("SELECT DISTINCT segid FROM articles_fts_idx").fetchall())


def free_pages(archive: Archive) -> int:
    return archive.db.execute("PRAGMA freelist_count").fetchone()[0]


def compact(archive: Archive) -> None:
    with archive.db.ensure_autocommit_on():
        compact_file(archive.db)


@pytest.fixture
def scattered(archive, make):
    """An archive whose articles are in several segments of the index."""
    save_pages(archive, make, "word", 7)
    assert segments(archive) > 1
    return archive


def test_the_index_becomes_one_segment_and_finds_the_same(scattered):
    compact(scattered)
    assert segments(scattered) == 1
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
    assert segments(archive) == 2
    compact(archive)
    assert segments(archive) == 2
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
    before = segments(scattered)
    compact(scattered)
    assert segments(scattered) == before
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
