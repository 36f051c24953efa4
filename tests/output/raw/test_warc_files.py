"""WARC files in step with the archive, here or in a store: after kills and full disks rows and records agree."""

import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastwarc import ArchiveIterator
from sqlite_utils import Database

from broadsheet.output.archive.archive_errors import NotAnArchive
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.raw import warc_files
from broadsheet.output.raw.erasure import erase_records
from broadsheet.output.raw.warc_files import (
    AwayFile,
    StoredPiece,
    WarcFiles,
    away_path,
    read_away_files,
    write_away_files,
)
from broadsheet.output.raw.warc_folders import row_name, warc_path
from broadsheet.output.raw.warc_reader import read_record, read_response
from broadsheet.output.read.verify import raw_responses
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.fleet.sites import store_pages
from tests.internal_tables import WARC_ERASURES, WARC_FILES
from tests.output.wires import AT, archive_with_warcs, fetched, warcs


def kinds(path: Path) -> list[str]:
    with path.open("rb") as stream:
        return [str(record.record_type) for record in ArchiveIterator(stream)]


def count_checked_captures(file: Path) -> int:
    """Open the archive as the next run does, check that each row has its record and the file nothing else; captures."""
    with Archive.open(file) as archive:
        assert list(raw_responses(archive.db)) == []
        [(captures,)] = archive.db.execute("SELECT count(*) FROM captures WHERE warc_file IS NOT NULL").fetchall()
        lengths = dict(archive.db.execute(f"SELECT name, length FROM {WARC_FILES}"))
    file_sizes = {f".warc/{path.name}": path.stat().st_size for path in warcs(file)}
    assert file_sizes == {name: length for name, length in lengths.items() if length or name in file_sizes}
    answers = [kind for path in warcs(file) for kind in kinds(path) if kind in ("response", "revisit")]
    assert len(answers) == captures
    return captures


def test_a_capture_names_its_record(file):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/1"), fetched("http://a.test/2", body=b"other")])
        rows = archive.db.execute("SELECT final_url, warc_file, warc_offset, warc_length FROM captures").fetchall()
        for url, *location in rows:
            assert read_record(file, *location).url == url
        numbers = [number for (number,) in archive.db.execute("SELECT id FROM captures")]
        bodies = {read_response(archive.db, file, number).body for number in numbers}
        assert bodies == {b"hello", b"other"}
    (path,) = warcs(file)
    assert kinds(path) == ["warcinfo", "response", "request", "response", "request"]
    assert count_checked_captures(file) == 2


def test_the_same_payload_is_kept_once_also_within_a_batch(file):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/1"), fetched("http://a.test/2", 1)])
        archive.save([fetched("http://a.test/1", 2), fetched("http://a.test/3", 3, b""), fetched("http://a.test/1")])
        rows = archive.db.execute("SELECT id, refers_to FROM captures ORDER BY fetched_at").fetchall()
        assert [refers for _, refers in rows] == [None, rows[0][0], rows[0][0], None]
        for number, _ in rows[:3]:
            assert read_response(archive.db, file, number).body == b"hello"
    assert count_checked_captures(file) == 4


def test_a_batch_that_fails_leaves_neither_rows_nor_records(file, monkeypatch):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/1")])
        size = warcs(file)[0].stat().st_size

        def full(fd: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(warc_files, "sync_to_disk", full)
        with pytest.raises(OSError, match="No space"):
            archive.save([fetched("http://a.test/2", 1, os.urandom(9000))])
        monkeypatch.undo()
        assert warcs(file)[0].stat().st_size == size
        archive.save([fetched("http://a.test/3", 2, b"third")])
    assert count_checked_captures(file) == 2


def test_files_rotate_and_none_is_over_its_size_but_by_one_batch(file):
    with archive_with_warcs(file, 20_000) as archive:
        for number in range(12):
            archive.save([fetched(f"http://a.test/{number}", number, os.urandom(7000))])
    assert len(warcs(file)) == 6
    assert all(path.stat().st_size <= 20_000 for path in warcs(file))
    assert all(kinds(path)[0] == "warcinfo" for path in warcs(file))
    assert count_checked_captures(file) == 12


def test_a_file_that_lost_its_end_is_told_and_not_gone_on_with(file):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/1")])
    (path,) = warcs(file)
    os.truncate(path, path.stat().st_size - 10)
    with archive_with_warcs(file) as archive:
        assert archive.recovery.short_names == (f"a.db.warc/{path.name}",)
        archive.save([fetched("http://a.test/2", 1, b"second")])
        assert len(list(raw_responses(archive.db))) == 1
    assert len(warcs(file)) == 2


@pytest.mark.parametrize("name", ["../x.warc.gz", "/etc/x", ".warc/../../x", ".warc/..", "notes/x.txt", ".warc"])
def test_a_forged_name_leads_to_no_other_file(file, name):
    victim = file.parent.parent / "x.warc.gz"
    with pytest.raises(NotAnArchive):
        warc_path(file, name)
    with Archive.open(file) as archive:
        archive.db.execute(f"INSERT INTO {WARC_FILES} VALUES (?, 0, '')", [name])
        archive.db.conn.commit()
    with pytest.raises(NotAnArchive):
        Archive.open(file)
    assert not victim.exists()


BEGAN = "2026-01-01T00:00:00Z"


@dataclass
class AppendedFiles:
    """The WARC files of an empty archive, and a time that a test sets, before which it may have something done."""

    db: Database
    database: Path
    now: str = BEGAN
    at_clock: Callable[[], None] = lambda: None

    def clock(self) -> str:
        self.at_clock()
        return self.now

    def append(self, data: bytes, size_limit: int = 100) -> str:
        """Append in a run of its own as a batch does; the name of the file that took it, without its folder."""
        files = WarcFiles(self.db, self.database, self.clock, lambda name: b"", size_limit)
        files.make_room(len(data))
        with write_transaction(self.db):
            span = files.append(data)
            files.sync()
        files.mark_committed()
        files.close()
        return span.file.removeprefix(".warc/")


@pytest.fixture
def appended(file):
    with Archive.open(file) as archive:
        yield AppendedFiles(archive.db, file)


def file_name(number: int) -> str:
    return f"a-20260101000000-{number:05d}.warc.gz"


def test_a_file_of_the_next_name_that_the_table_does_not_know_is_left_as_it_is(appended):
    """As after the database alone was put back from a copy, and the second of the clock comes again."""
    folder = appended.database.with_name("a.db.warc")
    folder.mkdir()
    foreign_files = [folder / file_name(0), folder / file_name(1)]
    for foreign_file in foreign_files:
        foreign_file.write_bytes(b"somebody else's records")
    (folder / file_name(2)).symlink_to("nowhere")
    assert appended.append(b"ours") == file_name(3)
    assert [path.read_bytes() for path in foreign_files] == [b"somebody else's records"] * 2


def test_a_file_that_comes_to_have_the_name_meanwhile_is_left_too(appended):
    folder = appended.database.with_name("a.db.warc")
    folder.mkdir()
    looks = itertools.count()

    def make_file_at_second_look() -> None:
        if next(looks) == 1:  # after the name was chosen, before the file is made
            (folder / file_name(0)).write_bytes(b"somebody else's records")

    appended.at_clock = make_file_at_second_look
    assert appended.append(b"ours") == file_name(1)
    assert (folder / file_name(0)).read_bytes() == b"somebody else's records"
    rows = appended.db.execute(f"SELECT name, length FROM {WARC_FILES}").fetchall()
    assert rows == [(f".warc/{file_name(1)}", 4)]


def test_a_file_whose_row_alone_is_there_is_begun_by_the_next_run(appended):
    """The row is committed first; a run that is killed then leaves no file."""
    row = [f".warc/{file_name(7)}", AT]
    appended.db.execute(f"INSERT INTO {WARC_FILES} (name, length, begun_at) VALUES (?, 0, ?)", row)
    assert appended.append(b"ours") == file_name(7)


def test_the_newest_file_is_the_one_begun_last_whatever_the_order_of_names(appended):
    appended.append(b"x" * 60)
    appended.now = "2027-01-01T00:00:00Z"
    newest_name = appended.append(b"x" * 60)
    appended.db.execute(f"UPDATE {WARC_FILES} SET begun_at = '2028' WHERE name LIKE ?", [f"%{file_name(0)}"])
    assert newest_name > file_name(0)
    assert appended.append(b"x") == file_name(0)


@pytest.mark.parametrize(("sizes", "places"), [((90, 80, 10), (0, 1, 1)), ((60, 40, 1), (0, 0, 1))])
def test_the_newest_file_is_gone_on_with_up_to_its_limit_and_not_over(appended, sizes, places):
    assert [appended.append(b"x" * size) for size in sizes] == list(map(file_name, places))


def test_a_file_takes_a_gigabyte_and_everybody_may_read_it_whom_the_umask_lets(appended):
    before = os.umask(0)
    try:
        path = appended.database.with_name("a.db.warc") / appended.append(b"x", warc_files.WARC_FILE_SIZE)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o7777 == 0o666
    os.truncate(path, 999_999_998)
    appended.db.execute(f"UPDATE {WARC_FILES} SET length = 999999998")
    names = [appended.append(b"x" * size, warc_files.WARC_FILE_SIZE) for size in (1, 2)]
    assert names == [file_name(0), file_name(1)]


def test_a_file_that_cannot_be_cut_is_not_gone_on_with(file, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/1")])
        size = archive.raw_bytes
        monkeypatch.setattr(warc_files, "sync_to_disk", fail)
        monkeypatch.setattr(warc_files.os, "ftruncate", fail)
        with pytest.raises(OSError, match="Input"):
            archive.save([fetched("http://a.test/2", 1, b"two")])
        monkeypatch.undo()
        assert archive.raw_bytes == size == sum(archive.db.execute(f"SELECT length FROM {WARC_FILES}").fetchone())
        archive.save([fetched("http://a.test/3", 2, b"three")])
        assert archive.raw_bytes == sum(row[0] for row in archive.db.execute(f"SELECT length FROM {WARC_FILES}"))
        assert len(warcs(file)) == 2


def test_the_names_of_file_and_folder_are_on_disk_before_a_row_counts_on_them(appended, monkeypatch):
    """A file whose bytes are synced and whose name is not may be gone after a loss of power."""
    synced_files: list[int] = []

    def note_sync(fd: int) -> None:
        committed_bytes = appended.db.execute(f"SELECT sum(length) FROM {WARC_FILES}").fetchone()[0]
        assert not committed_bytes, "a row counts on a file whose name may be lost"
        synced_files.append(os.fstat(fd).st_ino)

    monkeypatch.setattr(warc_files.os, "fsync", note_sync)
    appended.append(b"x")
    folder = appended.database.parent
    inodes = [folder.stat().st_ino, (folder / "a.db.warc").stat().st_ino]
    assert (synced_files[0], synced_files[-1]) == tuple(inodes), "both folders have a new name"


@pytest.mark.parametrize("harm", ["the folder is deleted", "the file is deleted", "another file is there"])
def test_a_file_that_is_gone_stops_the_batch_and_going_on_works(file, harm):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/1", 1, b"one")])
        (path,) = warcs(file)
        if harm == "the folder is deleted":
            shutil.rmtree(path.parent)
        else:
            path.unlink()
        if harm == "another file is there":
            path.write_bytes(b"something else")
        for _ in range(2):
            with pytest.raises(OSError, match="is gone"):
                archive.save([fetched("http://a.test/2", 2, b"two")])
        urls = [url for (url,) in archive.db.execute("SELECT url FROM captures")]
        assert urls == ["http://a.test/1"], "nothing is committed that has no raw record"
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/2", 3, b"two"), fetched("http://a.test/1", 4, b"one")])
        rows = archive.db.execute("SELECT id, refers_to FROM captures WHERE fetched_at > ?", [AT.format(2)]).fetchall()
        assert [refers_to for _, refers_to in rows] == [None, None], "nothing refers to a record that is gone"
        bodies = {read_response(archive.db, file, number).body for number, _ in rows}
        assert bodies == {b"one", b"two"}


PIECES = (StoredPiece("sites/a/pieces/1-ab", 10, "ab"), StoredPiece("sites/a/pieces/2-cd", 5, "cd"))
AWAY = AwayFile(".warc/a-1.warc.gz", PIECES)


def test_a_list_is_read_as_it_was_written_and_an_empty_one_goes(tmp_path):
    database = tmp_path / "a.db"
    assert read_away_files(database) == {}
    write_away_files(database, [AWAY])
    assert read_away_files(database) == {AWAY.name: AWAY}
    assert away_path(database).read_text().startswith('[\n{\n"name": ".warc/a-1.warc.gz",\n"pieces": [\n{\n"key"')
    assert AWAY.length == 15
    write_away_files(database, [])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_list_is_said_to_be(tmp_path):
    away_path(tmp_path / "a.db").write_text("[{}]")
    with pytest.raises(NotAnArchive, match=r"a\.db\.away is damaged"):
        read_away_files(tmp_path / "a.db")


def send_away(archive: Path) -> Path:
    """Have the archive's one WARC file be elsewhere; returns where it was."""
    (file,) = archive.parent.rglob("*.warc.gz")
    name = row_name(archive, file)
    write_away_files(archive, [AwayFile(name, (StoredPiece("key", file.stat().st_size, "ab"),))])
    file.unlink()
    return file


def test_nothing_is_appended_to_a_file_that_is_away_and_it_is_not_missed(tmp_path):
    archive = tmp_path / "a.db"
    store_pages(archive, ["one"])
    file = send_away(archive)
    with Archive.open(archive) as opened:
        assert opened.recovery.short_names == ()
    store_pages(archive, ["two"])
    assert not file.exists()
    assert len(list(tmp_path.rglob("*.warc.gz"))) == 1


def test_what_is_to_be_erased_in_a_file_that_is_away_stays_noted(tmp_path):
    archive = tmp_path / "a.db"
    store_pages(archive, ["one"])
    file = send_away(archive)
    name = row_name(archive, file)
    with Archive.open(archive) as opened:
        opened.db.execute(f"INSERT INTO {WARC_ERASURES} (file, offset, following) VALUES (?, 0, 9)", [name])
        assert erase_records(opened.db, archive, lambda: "2026-01-01T00:00:00Z") == 0
        assert opened.db.execute(f"SELECT count(*) FROM {WARC_ERASURES}").fetchone() == (1,)
