"""Backups: what they hold, what a kill leaves of one, and that neither half reaches into the other's bytes."""

import gzip
import os
import shutil
import signal
import sqlite3
import time
from collections import namedtuple
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_files import AwayFile, StoredPiece, read_away_files, write_away_files
from broadsheet.output.raw.warc_folders import ForeignFolder
from broadsheet.output.read import archive_backup
from broadsheet.output.read.archive_backup import BackupResult, back_up, dated_copies
from broadsheet.output.read.verify import RAW_CHECKS, verify
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import WARC_FILES
from tests.output.conftest import Maker
from tests.output.merging import merge_archive
from tests.output.wires import archive_with_warcs, bodies, contents, crawl, exit_code, fetched
from tests.sampling import sampled

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


@pytest.mark.parametrize(("mode", "folder_mode"), [(0o600, 0o700), (0o640, 0o750), (0o644, 0o755)])
def test_a_copy_is_for_those_alone_who_may_read_the_archive(news, tmp_path, mode, folder_mode):
    news.chmod(mode)
    back_up(news, tmp_path / "copy.db")
    back_up(tmp_path / "copy.db", tmp_path / "again.db")
    with dated_copies(news, tmp_path) as copies:
        dated, _ = copies.make()
    for copy in (tmp_path / "copy.db", tmp_path / "again.db", dated):
        assert copy.stat().st_mode & 0o777 == mode
        assert Path(f"{copy}.warc").stat().st_mode & 0o777 == folder_mode


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


def test_what_others_are_merged_into_is_put_back_whole_and_shares_no_folder(news, tmp_path):
    """As somebody does who moves the database of the copy alone to the place of the old one."""
    merged, copy = tmp_path / "all.db", tmp_path / "monday.db"
    make = Maker()
    with Archive.open(merged, make.clock) as archive:
        merge_archive(archive.db, news, make.clock, lambda host: None)
    pages = whole_bodies(merged)
    back_up(merged, copy)
    for own in (merged, copy):
        with closing(open_database(own, read_only=True)) as db:
            names = [name for (name,) in db.execute("SELECT DISTINCT warc_file FROM captures")]
        assert {name.partition("/")[0] for name in names} == {".merged.warc"}, "no database's name"
    merged.unlink()
    shutil.rmtree(tmp_path / "all.db.merged.warc")
    back_up(copy, merged)
    with Archive.open(merged) as archive:
        take_down(archive.db, f"{SITE}1")
    assert (whole_bodies(copy), whole_bodies(merged)) == (pages, pages[1:])


def test_a_copy_is_put_back_beside_the_folder_which_has_grown_since(news, tmp_path):
    copy, folder = tmp_path / "copy.db", news.with_name("news.db.warc")
    back_up(news, copy)
    with archive_with_warcs(news, 10**9) as archive:
        archive.save([fetched(f"{SITE}4", 4, b"page 4")])
        archive.save([fetched(f"{SITE}5", 5, b"page 5")])
    before = contents(folder)
    news.unlink()
    assert back_up(copy, news) == BackupResult(linked=2, copied=1)
    assert contents(folder) == before, "nothing over a file that is there"
    with Archive.open(news) as archive:
        assert archive.recovery.torn_bytes == 0
        assert archive.recovery.unnamed_bytes > 0, "what is newer is told, and import --own takes it in"
    assert contents(folder) == before
    assert bodies(news) == [b"page 1", b"page 2", b"page 3"]


def test_a_file_that_would_be_lost_is_not_put_over(news, tmp_path):
    copy = tmp_path / "copy.db"
    back_up(news, copy)
    (worn, *_) = sorted(news.with_name("news.db.warc").glob("*.gz"))
    os.replace(shutil.copy(worn, tmp_path / "other"), worn)
    worn.write_bytes(b"somebody else's")
    news.unlink()
    with pytest.raises(NotReachable, match="is not the archive's own file: move it away"):
        back_up(copy, news)
    assert worn.read_bytes() == b"somebody else's"
    assert not news.exists()


@pytest.fixture
def clock(monkeypatch):
    """The seconds at which copies are made."""
    seconds = iter(range(60))

    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 12, 2, 9, 0, next(seconds), 999, tz)

    monkeypatch.setattr(archive_backup, "datetime", Stopped)


def dated(folder: Path) -> list[str]:
    return sorted(path.name.removeprefix("news-20261202T0900") for path in folder.iterdir())


def copies_made(news: Path, folder: Path, count: int) -> list[Path]:
    with dated_copies(news, folder) as copies:
        return [copies.make()[0] for _ in range(count)]


@pytest.mark.slow
def test_older_copies_go_and_only_those_that_nobody_has_worked_with(news, tmp_path, clock):
    folder = tmp_path / "days"
    folder.mkdir()
    first, second, third, fourth = copies_made(news, folder, 4)
    with Archive.open(second) as archive:  # a person's, from now on
        take_down(archive.db, f"{SITE}1")
    (folder / "news-20261202T0900.db").touch()
    (folder / "news-20261202T090059Z.db").write_text("not a copy")
    with closing(sqlite3.connect(shutil.copy2(first, folder / "news-20261201T090000Z.db"))) as other, other:
        other.execute("UPDATE _sqlite_migrations SET applied_at = 'another archive of the name'")
    os.utime(folder / "news-20261201T090000Z.db", (1796115600, 1796115600))
    before = set(dated(folder))
    with dated_copies(news, folder) as copies:
        assert copies.unchanged() == [first, third, fourth]
        assert copies.remove_older(2) == [first]
        assert copies.remove_older(2) == []
    assert before - set(dated(folder)) == {"00Z.db", "00Z.db.warc"}
    assert whole_bodies(third) == whole_bodies(fourth) == [b"page 1", b"page 2", b"page 3"]
    assert bodies(second) == [b"page 2", b"page 3"]


def test_equal_files_of_copies_are_links_and_what_was_taken_down_since_is_not_brought_back(news, tmp_path, clock):
    folder = tmp_path / "days"
    folder.mkdir()
    first, _ = copies_made(news, folder, 2)
    assert [path.stat().st_nlink for path in sorted(first.with_name(f"{first.name}.warc").glob("*.gz"))] == [3, 3, 2]
    with Archive.open(news) as archive:
        take_down(archive.db, f"{SITE}1")
    with dated_copies(news, folder) as copies:
        third, _ = copies.make()
    assert whole_bodies(third) == [b"page 2", b"page 3"]
    assert b"page 1" not in b"".join(map(gzip.decompress, contents(third.with_name(f"{third.name}.warc")).values()))


@pytest.mark.slow
@pytest.mark.parametrize("step", ["_put_file", "_remove_beside"])
def test_what_a_kill_leaves_of_a_dated_copy_goes_with_the_next(news, tmp_path, monkeypatch, step):
    folder = tmp_path / "days"
    folder.mkdir()

    def work() -> None:
        with dated_copies(news, folder) as copies:
            for second in range(2):
                copies.make()
                time.sleep(1 - second)
            copies.remove_older(1)

    def kill(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(archive_backup, step, kill)
        assert exit_code(work) == -signal.SIGKILL
    left = {path.name.partition(".db")[0] for path in folder.iterdir() if not path.name.endswith(".lock")}
    assert len(left) == {"_put_file": 1, "_remove_beside": 2}[step]
    with dated_copies(news, folder) as copies:
        whole = copies.unchanged()
    assert {path.name for path in folder.iterdir()} == {f"{copy.name}{end}" for copy in whole for end in ("", ".warc")}


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
    names = [f".warc/{name}" for name in contents(news.with_name("news.db.warc"))]
    files = [Path(f"{news}{name}") for name in names]
    write_away_files(news, [AwayFile(names[0], (StoredPiece("k", files[0].stat().st_size, "s"),))])
    for file in files[:2]:
        file.unlink()
    target = tmp_path / "b.db"
    assert back_up(news, target) == BackupResult(copied=1, missing=(f"news.db{names[1]}",), away=1)
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


@pytest.mark.parametrize("step", sampled(KILLED_BEFORE, 3))
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
