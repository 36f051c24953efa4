"""While an archive is settled its block texts are read as they were committed, and afterwards as ever."""

from __future__ import annotations

import sqlite3

import pytest

from output.db.transaction import write_transaction
from output.settle.committed_texts import committed_texts
from output.settle.judge_again import settle
from output.write.archive import Archive
from tests.output.conftest import Maker

URL = "http://a.test/story"
READ_TEXTS = "SELECT text FROM block_texts ORDER BY text"


@pytest.fixture
def stored(archive: Archive, make: Maker) -> Archive:
    archive.save([make.outcome(URL, "The mill stands by the river.")])
    return archive


def texts(archive: Archive) -> list[str]:
    return [text for (text,) in archive.db.execute(READ_TEXTS)]


def test_texts_are_those_that_were_committed(stored: Archive) -> None:
    committed = texts(stored)
    assert "The mill stands by the river." in committed
    with committed_texts(stored.db), write_transaction(stored.db):
        stored.db.execute("UPDATE main.block_texts SET text = 'Other words.'")
        assert texts(stored) == committed
    assert set(texts(stored)) == {"Other words."}


def test_nothing_of_it_stays_behind(stored: Archive) -> None:
    settle(stored.db)
    assert [name for _, name, _ in stored.db.execute("PRAGMA database_list")] in (["main"], ["main", "temp"])
    assert stored.db.execute("SELECT count(*) FROM temp.sqlite_master WHERE name = 'block_texts'").fetchone() == (0,)
    stored.db.execute("UPDATE block_texts SET text = text")


def test_no_text_can_be_changed_meanwhile(stored: Archive) -> None:
    with (
        pytest.raises(sqlite3.OperationalError, match="view"),
        committed_texts(stored.db),
        write_transaction(stored.db),
    ):
        stored.db.execute("UPDATE block_texts SET text = ''")


def test_inside_a_transaction_its_own_texts_are_read(stored: Archive, make: Maker) -> None:
    with write_transaction(stored.db):
        stored.db.execute("INSERT INTO block_texts (id, text) VALUES (7, 'Just written.')")
        with committed_texts(stored.db):
            assert "Just written." in texts(stored)
        settle(stored.db, make.clock)
    assert "Just written." in texts(stored)


def test_a_file_with_an_odd_name_is_settled(tmp_path, make: Maker) -> None:
    with Archive.open(tmp_path / "a? b%20&#'é.db") as archive:
        archive.save([make.outcome(URL, "The mill stands by the river. " * 8)])
        assert settle(archive.db, make.clock).articles == 1
