"""Backups: what they hold, what a kill leaves of one, and that neither half reaches into the other's bytes."""

import os
import shutil
import signal
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_files import AwayFile, StoredPiece, read_away_files, write_away_files
from broadsheet.output.raw.warc_folders import ForeignFolder
from broadsheet.output.read import archive_backup
from broadsheet.output.read.archive_backup import BackupResult, back_up
from broadsheet.output.read.verify import RAW_CHECKS, verify
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import WARC_FILES
from tests.output.wires import bodies, contents, crawl, exit_code

SITE = "http://a.test/"
Usage = namedtuple("Usage", "total used free")


def whole_bodies(file):
    """The raw bodies of an archive that has no problem."""
    with closing(open_database(file, read_only=True)) as db:
        assert verify(db) == []
    return bodies(file)


@pytest.fixture
def news(tmp_path):
    """An archive of three pages, each in a WARC file of its own."""
    (tmp_path / "news").mkdir()
    crawl(tmp_path / "news/news.db", 1, 2, 3, size=1)
    return tmp_path / "news/news.db"


@pytest.mark.parametrize("name", ["copy.db", "../copies/news.db"])
def test_a_backup_is_an_archive_and_shares_only_what_is_complete(news, tmp_path, name):
    (tmp_path / "copies").mkdir()
    copy = Path(os.path.normpath(news.parent / name))
    assert back_up(news, copy) == BackupResult(linked=2, copied=1)
    folder, copies = news.with_name("news.db.warc"), copy.with_name(f"{copy.name}.warc")
    assert [os.stat(path).st_nlink for path in sorted(copies.glob("*.gz"))] == [2, 2, 1]
    assert whole_bodies(copy) == whole_bodies(news) == [b"page 1", b"page 2", b"page 3"]
    before = contents(folder)

    with Archive.open(copy) as archive:
        assert archive.recovery.notices() == []
        take_down(archive.db, f"{SITE}1")
    crawl(copy, 4)
    assert contents(folder) == before, "neither a takedown nor a crawl in the backup reaches the original"
    assert whole_bodies(copy) == [b"page 2", b"page 3", b"page 4"]
    before = contents(copies)
    with Archive.open(news) as archive:
        take_down(archive.db, f"{SITE}2")
    crawl(news, 5)
    assert contents(copies) == before
    assert whole_bodies(news) == [b"page 1", b"page 3", b"page 5"]
    news.unlink()
    shutil.rmtree(folder)
    crawl(news, 6)
    assert whole_bodies(news) == [b"page 6"], "the folder of the backup is not taken for one that was renamed"


def test_nothing_is_appended_to_a_file_with_other_names(news):
    """As `cp -al` makes them, also of the newest file; what is set aside goes from one of the names only."""
    linked = news.with_name("linked")
    shutil.copytree(news.with_name("news.db.warc"), linked, copy_function=os.link)
    before = contents(linked)
    crawl(news, 4)
    assert contents(linked) == before
    newest = sorted(linked.glob("*.gz"))[-1]
    with newest.open("ab") as stream:
        stream.write(b"torn")
    with Archive.open(news) as archive:
        assert archive.recovery.torn_bytes == 4
    assert contents(linked) == before | {newest.name: before[newest.name] + b"torn"}


def test_a_backup_of_a_backup_that_reads_anothers_folder_has_all_of_it(news, tmp_path):
    copy = Path(shutil.copy(news, news.with_name("copy.db")))
    Archive.open(copy, own_warc=True).close()
    crawl(copy, 4)
    target = tmp_path / "backup.db"
    assert back_up(copy, target) == BackupResult(copied=4), "those of the other folder too, which it may not share"
    shutil.rmtree(news.parent)
    assert whole_bodies(target) == [b"page 1", b"page 2", b"page 3", b"page 4"]
    crawl(target, 5)
    assert len(whole_bodies(target)) == 5


def test_imported_files_are_read_where_they_are(tmp_path):
    crawl(tmp_path / "a.db", 1)
    [file] = (tmp_path / "a.db.warc").glob("*.gz")
    shutil.move(file, tmp_path / "in.warc.gz")
    with Archive.open(tmp_path / "a.db") as archive:
        archive.db.execute("UPDATE captures SET warc_file = 'in.warc.gz'")
        archive.db.execute(f"DELETE FROM {WARC_FILES}")
    (tmp_path / "other").mkdir()
    assert back_up(tmp_path / "a.db", tmp_path / "other/b.db") == BackupResult(imported=1)
    assert whole_bodies(tmp_path / "other/b.db") == [b"page 1"]


def test_what_is_away_or_missing_is_told(news, tmp_path):
    names = [f"news.db.warc/{name}" for name in contents(news.with_name("news.db.warc"))]
    files = [news.parent / name for name in names]
    write_away_files(news, [AwayFile(names[0], (StoredPiece("k", files[0].stat().st_size, "s"),))])
    for file in files[:2]:
        file.unlink()
    target = tmp_path / "b.db"
    assert back_up(news, target) == BackupResult(copied=1, missing=(names[1],), away=1)
    assert list(read_away_files(target)) == names[:1]


def test_without_raw_responses_there_is_only_the_database(news, tmp_path):
    target = tmp_path / "b.db"
    assert back_up(news, target, with_raw=False) == BackupResult()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.db", "news"]
    with closing(open_database(target, read_only=True)) as db:
        assert verify(db, left_out=RAW_CHECKS) == []


def test_a_target_that_is_there_or_has_no_room_is_refused(news, tmp_path, monkeypatch):
    target = tmp_path / "b.db"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 10_000))
    with pytest.raises(NotReachable, match=r"has 0\.0 MB of room, and the backup needs 0\.\d MB"):
        back_up(news, target)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["news"]
    for ending in ("", "-wal"):
        Path(f"{target}{ending}").touch()
        with pytest.raises(NotReachable, match="exists already"):
            back_up(news, target)
        Path(f"{target}{ending}").unlink()
    crawl(target, 9)
    other = contents(tmp_path / "b.db.warc")
    target.unlink()
    with pytest.raises(ForeignFolder):
        back_up(news, target)
    assert contents(tmp_path / "b.db.warc") == other
    assert not target.exists()


KILLED_BEFORE = ("_copy_database", "_put_files", "_begin_folder", "_put_file", "put_journal", "write_away_files")


@pytest.mark.parametrize("step", KILLED_BEFORE)
def test_a_killed_backup_is_none_and_the_same_command_goes_on(news, tmp_path, monkeypatch, step):
    target, before = tmp_path / "b.db", contents(news.with_name("news.db.warc"))

    def kill(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(archive_backup, step, kill)
        assert exit_code(lambda: back_up(news, target)) == -signal.SIGKILL
    assert not target.exists()
    assert contents(news.with_name("news.db.warc")) == before
    crawl(news, 4)
    back_up(news, target)
    assert not list(tmp_path.glob("*.part*"))
    assert whole_bodies(target) == whole_bodies(news) == [b"page 1", b"page 2", b"page 3", b"page 4"]
