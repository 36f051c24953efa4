"""A ruling that is made while a crawl owns the file is applied once by the next owner, wherever somebody is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_errors import InUse
from broadsheet.output.archive.archive_lock import ArchiveLock
from broadsheet.output.write import ruling_journal
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.person_verdicts import Review, Ruling, list_reviews, list_rulings, store_review
from broadsheet.output.write.ruling_journal import (
    append_review,
    append_ruling,
    journal_path,
    waiting_reviews,
    waiting_rulings,
)
from tests.output.conftest import Maker

URL = "https://a.example/1"


@pytest.fixture
def block(file: Path, make: Maker) -> int:
    """The removed block of an archive's only article."""
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(URL, "The text of it.", removed=("Share this",))])
        [(block_id,)] = archive.db.execute("SELECT block_id FROM _page_blocks WHERE kept = 0").fetchall()
    return int(block_id)


def restored(block: int, **fields: object) -> Ruling:
    return Ruling(block, True, ruled_at="2026-02-01T00:00:00+00:00", **fields)


def reviewed(block: int | None, **fields: object) -> Review:
    verdict = {"is_kept": False, "reason": "share buttons", "rule": "share.icons", "is_right": True} | fields
    return Review(URL, "a.example", block, judged_at="2026-02-01T00:00:00+00:00", cleaner_version="9", **verdict)


def text_of(file: Path) -> str:
    with sqlite3.connect(file) as db:
        return str(db.execute("SELECT text FROM articles").fetchone()[0])


def test_the_next_owner_applies_it_and_deletes_the_journal(file, block, make):
    with Archive.open(file, make.clock):
        append_ruling(file, restored(block, note="mine"))
    assert [entry.ruling.note for entry in waiting_rulings(file)] == ["mine"]
    assert "Share" not in text_of(file)
    with Archive.open(file, make.clock) as archive:
        assert [(listed.ruling.note, listed.page_count) for listed in list_rulings(archive.db)] == [("mine", 1)]
    assert "Share" in text_of(file)
    assert sorted(path.name for path in file.parent.iterdir()) == ["a.db"]


def test_a_lock_that_a_killed_process_left_without_a_journal_goes(file, block):
    lock = Path(f"{journal_path(file)}.lock")
    lock.touch()
    with Archive.open(file):
        assert not lock.exists()


def test_rulings_are_applied_in_the_order_in_which_they_were_made(file, block):
    append_ruling(file, restored(block))
    append_ruling(file, restored(block), undo=True)
    with Archive.open(file) as archive:
        assert list_rulings(archive.db) == []
    assert "Share" not in text_of(file)


def test_what_was_applied_before_a_kill_is_not_applied_again(file, block, monkeypatch):
    append_ruling(file, restored(block))
    monkeypatch.setattr(ruling_journal, "_put_away", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        Archive.open(file)
    monkeypatch.undo()
    content = journal_path(file).read_bytes()
    journal_path(file).unlink()
    with Archive.open(file) as archive:  # somebody takes it back by hand
        carry_out_ruling(archive.db, restored(block), undo=True)
    journal_path(file).write_bytes(content)
    append_ruling(file, restored(block, note="later", host="b.example"))
    with Archive.open(file) as archive:
        assert [listed.ruling.note for listed in list_rulings(archive.db)] == ["later"]
    assert not journal_path(file).exists()


def test_a_line_that_was_torn_by_a_kill_is_nothing(file, block):
    append_ruling(file, restored(block, note="whole"))
    with journal_path(file).open("ab") as stream:
        stream.write(b'{"id": "x", "block_id": 12')
    assert len(waiting_rulings(file)) == 1
    append_ruling(file, restored(block, note="after"))
    assert [entry.ruling.note for entry in waiting_rulings(file)] == ["whole", "after"]


@pytest.mark.parametrize("line", [b"no JSON", b"[]", b'{"id": "x"}', b"\xff", b'{"id": 1, "block_id": "y", "kept": 1}'])
def test_a_line_that_is_no_ruling_is_kept_for_a_person_and_costs_nothing_else(file, block, line):
    journal_path(file).write_bytes(line + b"\n")
    append_ruling(file, restored(block))
    with Archive.open(file):
        pass
    assert "Share" in text_of(file)
    assert line in Path(f"{journal_path(file)}.unread").read_bytes()


def test_a_block_that_was_taken_down_is_passed_over(file, block):
    append_ruling(file, restored(77))
    append_ruling(file, restored(block))
    with Archive.open(file) as archive:
        assert len(list_rulings(archive.db)) == 1


def test_who_cannot_have_the_journal_is_told(file, block, monkeypatch):
    monkeypatch.setattr(ruling_journal, "_PATIENCE", 0.0)
    lock = ArchiveLock(journal_path(file))
    lock.acquire()
    with pytest.raises(InUse):
        append_ruling(file, restored(block))
    lock.release()


def test_reviews_wait_beside_rulings_and_are_stored_once(file, block, make):
    with Archive.open(file, make.clock):
        append_review(file, reviewed(block))
        append_review(file, reviewed(None, is_kept=True, reason="article", is_right=False))
        append_ruling(file, restored(block))
    assert [entry.review.is_of_page for entry in waiting_reviews(file)] == [False, True]
    assert len(waiting_rulings(file)) == 1
    with Archive.open(file, make.clock) as archive:
        stored = [(review.block_id, review.is_kept, review.is_right) for review in list_reviews(archive.db)]
    assert sorted(stored, key=str) == sorted([(block, False, True), (None, True, False)], key=str)
    assert "Share" in text_of(file)
    assert not journal_path(file).exists()


def test_a_waiting_review_takes_an_earlier_one_back(file, block):
    with Archive.open(file) as archive:
        store_review(archive.db, reviewed(block))
    append_review(file, reviewed(block), undo=True)
    with Archive.open(file) as archive:
        assert list_reviews(archive.db) == []


def test_a_review_of_what_was_taken_down_meanwhile_is_passed_over(file, block):
    append_review(file, reviewed(77))
    append_review(file, replace(reviewed(None), url="https://a.example/gone"))
    with Archive.open(file) as archive:
        assert list_reviews(archive.db) == []


def test_what_is_about_to_be_deleted_is_on_the_disk_first(file, block, monkeypatch):
    levels, applied_ids = [], ruling_journal._applied_ids

    def spying_ids(db):
        levels.append(db.execute("PRAGMA synchronous").fetchone())
        return applied_ids(db)

    monkeypatch.setattr(ruling_journal, "_applied_ids", spying_ids)
    append_ruling(file, restored(block))
    with Archive.open(file) as archive:
        assert (levels, archive.db.execute("PRAGMA synchronous").fetchone()) == ([(2,)], (1,))
        archive.db.execute("UPDATE meta SET value = 'no list' WHERE key = 'applied_rulings'")
        archive.db.conn.commit()
    append_ruling(file, restored(block), undo=True)
    with Archive.open(file) as archive:
        assert list_rulings(archive.db) == []


STEPS = ("fsync", "read_journal", "_applied_ids", "carry_out_ruling", "store_review", "_put_away", "sync_folder")
KILLED = """
import os, signal, sys
from pathlib import Path
from broadsheet.output.write import ruling_journal
from broadsheet.output.write.person_verdicts import Ruling
from broadsheet.output.write.archive_writer import Archive

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

file, step, block = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
if step in ("fsync",):
    ruling_journal.os.fsync = die
    ruling_journal.append_ruling(file, Ruling(block, True, ruled_at="2026-02-01"))
owner = ruling_journal if hasattr(ruling_journal, step) else ruling_journal.Path
setattr(owner, step, die)
Archive.open(file)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX has them")
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_loses_nothing_and_applies_nothing_twice(file, block, step):
    if step != "fsync":
        append_ruling(file, restored(block))
        append_review(file, reviewed(block))
    process = subprocess.run([sys.executable, "-c", KILLED, str(file), step, str(block)], check=False, timeout=60)
    assert process.returncode == -signal.SIGKILL
    with Archive.open(file) as archive:
        assert len(list_rulings(archive.db)) == 1
        assert archive.db.execute("SELECT count(*) FROM changes WHERE change = 'changed'").fetchone() == (1,)
        assert len(list_reviews(archive.db)) == (step != "fsync")
    assert "Share" in text_of(file)
    assert not journal_path(file).exists()
