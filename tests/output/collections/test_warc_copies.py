"""Copies of WARC files: their names, and which files two archives share."""

import gzip
import hashlib
import os
import sqlite3
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_errors import InUse, NotReachable
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.collections import archive_merge as warc_copies
from broadsheet.output.collections.archive_merge import WarcCopy, plan_copies
from broadsheet.output.collections.source_archive import (
    MergeConflict,
    SourceArchive,
    attached,
    former_identity,
    give_identity,
    identity_of,
    open_source,
)
from broadsheet.output.raw.warc_folders import claimed_folders
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import BLOCK_TEXTS, REASONS, WARC_FILES
from tests.output.filled_rows import put

HEAD = gzip.compress(b"WARC/1.1 id 1")
NAME = ".warc/x.warc.gz"
FILE = f"a.db{NAME}"


@pytest.fixture
def pair(tmp_path, make):
    """Two archives of one name and one WARC file of it, each in a folder of its own."""
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        with Archive.open(tmp_path / name / "a.db", make.clock) as archive:
            put(archive.db, WARC_FILES, 1, name=NAME, length=40, begun_at="2026")
            archive.db.conn.commit()
        write(tmp_path / name, HEAD + b"." * 40)
    with Archive.open(tmp_path / "here" / "a.db", make.clock) as target, open_source(tmp_path / "there/a.db") as source:
        yield target, source


def write(folder: Path, data: bytes) -> None:
    (folder / "a.db.warc").mkdir(exist_ok=True)
    (folder / FILE).write_bytes(data)


def planned(pair: tuple[Archive, SourceArchive]) -> list[WarcCopy]:
    return plan_copies(pair[0].db, pair[1])


def test_two_states_of_one_archive_share_a_file(pair):
    assert planned(pair) == [WarcCopy(NAME, NAME, 40, 40, "2026")]


@pytest.mark.parametrize(
    "other",
    [gzip.compress(b"WARC/1.1 id 2") + b"." * 40, b"no gzip" * 9, HEAD + b"x" * 9000],
    ids=["another record", "no gzip", "as the other"],
)
def test_files_are_the_same_that_begin_with_the_same_record(pair, tmp_path, other):
    write(tmp_path / "there", other)
    digits = hashlib.sha256(other[:512]).hexdigest()[:8]
    copy = WarcCopy(NAME, f".merged.warc/x-{digits}.warc.gz", 0, 40, "2026")
    shared = WarcCopy(NAME, NAME, 40, 40, "2026")
    assert planned(pair) == [shared if other.startswith(HEAD) else copy]


def test_files_of_other_lengths_are_not_the_same(pair):
    pair[0].db.execute(f"UPDATE {WARC_FILES} SET length = 39")
    assert [copy.copied_length for copy in planned(pair)] == [0]


def test_a_file_without_bytes_is_not_copied(pair, tmp_path):
    there = open_database(tmp_path / "there" / "a.db", read_only=False)
    there.execute(f"UPDATE {WARC_FILES} SET length = 0")
    there.conn.commit()
    assert planned(pair) == []


@pytest.mark.parametrize(("committed", "row", "copied"), [(7, 5, 7), (5, 7, 7)])
def test_a_copy_reaches_as_far_as_the_journal_or_the_row_says(pair, tmp_path, committed, row, copied):
    write(tmp_path / "there", b"another" * 9)
    (copy,) = planned(pair)
    claimed_folders(pair[0].db).begin(copy.target_name)
    claimed_folders(pair[0].db).note(copy.target_name, committed)
    put(pair[0].db, WARC_FILES, 2, name=copy.target_name, length=row)
    assert [plan.copied_length for plan in planned(pair)] == [copied]


def test_a_file_that_is_missing_here_is_copied_and_there_refused(pair, tmp_path):
    (tmp_path / "here" / FILE).unlink()
    assert [copy.source_name == copy.target_name for copy in planned(pair)] == [False]
    os.truncate(tmp_path / "there" / FILE, 39)
    message = f"{tmp_path}/there/{FILE} is missing or shorter than {tmp_path}/there/a.db says; nothing merged"
    for _ in range(2):
        with pytest.raises(MergeConflict) as refused:
            planned(pair)
        assert str(refused.value) == message
        (tmp_path / "there" / FILE).unlink(missing_ok=True)


def test_the_name_of_a_copy_of_a_copy_does_not_grow(tmp_path):
    (tmp_path / "x.warc.gz").write_bytes(b"1" * 600)
    name = warc_copies._copy_name(tmp_path / "x.warc.gz")
    digits = hashlib.sha256(b"1" * 512).hexdigest()[:8]
    assert name == f".merged.warc/x-{digits}.warc.gz"
    (tmp_path / Path(name).name).write_bytes(b"1" * 600)
    assert warc_copies._copy_name(tmp_path / Path(name).name) == name
    assert "-e3b0c442." in warc_copies._copy_name(tmp_path / "none.warc.gz")


def test_the_identity_of_an_archive(pair, tmp_path, make):
    target, source = pair
    db, file = target.db, tmp_path / "here" / "a.db"
    assert identity_of(db, file) == str(file)
    assert source.identity == f"{tmp_path}/there/a.db"
    first = str(target.runs.start("crawl", {}, {}))
    assert identity_of(db, file) == first
    give_identity(db)
    given = identity_of(db, file)
    assert (former_identity(given), len(given)) == (first, len(first) + 17)
    assert former_identity(first) == first
    give_identity(db)
    assert identity_of(db, file) == given


def test_the_stamp_of_an_archive_changes_with_its_log(pair):
    _, source = pair
    stamp = source.stamp
    assert (source.stamp, len(stamp)) == (stamp, 16)
    wal = Path(f"{source.file}-wal")
    wal.write_bytes((wal.read_bytes() if wal.exists() else b"") + b"x")
    assert source.stamp != stamp
    stamp, status = source.stamp, source.file.stat()
    for place, is_told in ((100, False), (99, True)):  # of the file's header, at the same time and size
        with source.file.open("r+b") as stream:
            stream.seek(place)
            stream.write(b"\xee")
        os.utime(source.file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (source.stamp != stamp) is is_told


def test_a_source_is_only_read_and_not_locked_where_no_crawl_could_own_it(pair, tmp_path, monkeypatch):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        pair[1].db.execute("DELETE FROM runs")
    with pytest.raises(InUse), open_source(tmp_path / "here/a.db"):
        pass
    monkeypatch.setattr("broadsheet.output.collections.source_archive.os.access", lambda _, mode: mode == os.R_OK)
    with open_source(tmp_path / "here/a.db") as source:
        assert source.folder == tmp_path / "here"


def test_a_source_is_detached_whatever_was_going_on(pair):
    db = pair[0].db
    with attached(db, pair[1]):
        db.execute("BEGIN IMMEDIATE")
        db.execute(f"INSERT INTO {REASONS} (reason, rule) SELECT 'a', count(*) FROM merged.urls")
    assert [row[1] for row in db.execute("PRAGMA database_list")] == ["main"]
    assert not db.conn.in_transaction


def test_a_source_that_is_gone_is_not_reachable(pair, tmp_path):
    gone = SourceArchive(tmp_path / "none.db", pair[1].db)
    refused = pytest.raises(NotReachable, match=rf"^{tmp_path}/none\.db cannot be read: unable to open")
    with refused, attached(pair[0].db, gone):
        pass


def test_texts_that_clash_are_shown_in_a_line(pair, tmp_path, make):
    there = open_database(tmp_path / "there" / "a.db", read_only=False)
    for db, text in ((pair[0].db, f"Here  \n{'long ' * 20}"), (there, "There")):
        db.execute(f"INSERT INTO {BLOCK_TEXTS} (id, text) VALUES (7, ?)", [text])
        db.conn.commit()
    there.close()
    with pytest.raises(MergeConflict) as clash, attached(pair[0].db, pair[1]):
        pass
    here = f"Here {'long ' * 11}"
    assert str(clash.value) == (f"{tmp_path}/there/a.db: block 7 is “There” there and “{here}” here; nothing merged")
    assert [row[1] for row in pair[0].db.execute("PRAGMA database_list")] == ["main"]
