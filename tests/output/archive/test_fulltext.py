"""The full-text index: articles enter and leave it a batch at a time, and patterns are matched as SQLite does."""

import random
import sqlite3

import pytest

from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.fulltext import (
    has_unspaced_script,
    index_postponed,
    install_quick_glob,
    postpone_indexing,
    remove_from_index,
)
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.archive.stored_text import CJK_RANGES
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
