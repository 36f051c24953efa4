"""WARC folders: whose they are, what is committed in them, and that nothing but a takedown takes a byte from them."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from fastwarc import ArchiveIterator

from broadsheet.output.archive.archive_errors import InUse, NotAnArchive
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw import warc_files, warc_folders
from broadsheet.output.raw.warc_folders import (
    IDENTITY_NAME,
    JOURNAL_NAME,
    ForeignFolder,
    MisplacedFolder,
    RawFolders,
    Recovery,
    claimed_folders,
    leads_astray,
    newer_folders,
    read_committed,
    read_folder_id,
    record_file,
    set_aside,
    tail_files,
    unknown_files,
    warc_path,
)
from broadsheet.output.raw.warc_reader import RecordError, read_span
from broadsheet.output.read.verify import raw_responses
from broadsheet.output.write import archive_writer
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import WARC_ERASURES, WARC_FILES
from tests.output.wires import archive_with_warcs, bodies, contents, crawl, exit_code, fetched

SITE = "http://a.test/"


def urls_in(folder: Path) -> list[str]:
    """The URLs of all responses in a folder, as another reader finds them. It fails at a file that is not valid."""
    urls = []
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, strict_mode=True, parse_http=False):
                assert record.verify_block_digest()
                if str(record.record_type) == "response":
                    urls.append(record.headers["WARC-Target-URI"])
    return urls


@pytest.fixture
def news(tmp_path):
    """An archive of two pages."""
    crawl(tmp_path / "news.db", 1, 2)
    return tmp_path / "news.db"


@pytest.fixture
def folder(news):
    return news.with_name("news.db.warc")


@pytest.mark.parametrize("owner_stays", [True, False])
def test_a_database_without_the_folder_that_has_another_s_name_is_not_written(news, folder, owner_stays):
    """A copy, made while the original is crawled too, or a database that alone was renamed; the line mends it."""
    other, later = news.with_name("my copy.db"), news.with_name("later.db")
    with archive_with_warcs(news) as archive:
        archive.save([fetched(f"{SITE}3", 3, b"page 3")])
        shutil.copy(news, later)
        with pytest.raises(MisplacedFolder):
            Archive.open(later)
        archive.save([fetched(f"{SITE}4", 4, b"page 4")])
    shutil.copy(news, other)
    if not owner_stays:
        news.unlink()
    before = contents(folder)
    with pytest.raises(MisplacedFolder) as refusal:
        Archive.open(other)
    line = str(refusal.value)
    assert "\n" not in line
    with closing(open_database(other, read_only=True)) as db:
        assert next(iter(raw_responses(db))).detail.startswith("my copy.db.warc is not there")
    assert contents(folder) == before
    verb = "cp -r " if owner_stays else "mv "
    subprocess.run(verb + line.partition(f"write to it too, {verb}")[2], shell=True, check=True)
    crawl(other, 5)
    assert len(bodies(other)) == 5
    if owner_stays:
        assert contents(folder) == before


def test_a_copy_of_database_and_folder_is_an_archive_of_its_own(news, folder):
    copy = Path(shutil.copy(news, news.with_name("copy.db")))
    shutil.copytree(folder, news.with_name("copy.db.warc"))
    before = contents(folder)
    crawl(copy, 3)
    assert bodies(copy) == [b"page 1", b"page 2", b"page 3"]
    assert (contents(folder), len(urls_in(news.with_name("copy.db.warc")))) == (before, 3)


def test_two_archives_share_no_folder_whatever_becomes_of_either(news, folder):
    copy = Path(shutil.copy(news, news.with_name("copy.db")))
    shutil.copytree(folder, news.with_name("copy.db.warc"))
    with Archive.open(news) as archive:
        take_down(archive.db, f"{SITE}1")
    assert (bodies(news), bodies(copy)) == ([b"page 2"], [b"page 1", b"page 2"])
    news.rename(news.with_name("kept.db"))
    folder.rename(news.with_name("kept.warc"))
    crawl(news, 9)
    assert bodies(news) == [b"page 9"], "a complete copy is not taken for the folder that another database lacks"
    shutil.rmtree(folder)
    news.unlink()
    copy.rename(news)
    news.with_name("copy.db.warc").rename(folder)
    assert bodies(news) == [b"page 1", b"page 2"], "in the place of the old one"


def test_a_strangers_row_of_length_0_empties_nothing(news, folder):
    before, stranger = contents(folder), news.with_name("stranger.db")
    with Archive.open(stranger) as archive:
        row = [f"../news.db.warc/{next(iter(before))}"]
        archive.db.execute(f"INSERT INTO {WARC_FILES} (name, length, begun_at) VALUES (?, 0, '2026')", row)
        archive.db.execute(f"INSERT INTO {WARC_ERASURES} (file, offset, following) VALUES (?, 0, 9999)", row)
        archive.db.conn.commit()
    with pytest.raises(NotAnArchive, match="which is not a WARC file of this archive"):
        Archive.open(stranger)
    with closing(sqlite3.connect(stranger)) as db, db:
        for table in (WARC_FILES, WARC_ERASURES):
            db.execute(f"DELETE FROM {table}")
    crawl(stranger, 7)
    os.replace(stranger, news)  # even in the place of the database that owns the folder
    with pytest.raises(ForeignFolder):
        Archive.open(news)
    assert contents(folder) == before


def test_a_backup_that_is_put_back_cuts_nothing_and_says_what_to_do(news, folder):
    backup = Path(shutil.copy(news, news.with_name("backup")))
    crawl(news, 3, 4)
    before = contents(folder)
    os.replace(backup, news)
    with Archive.open(news) as archive:
        assert archive.recovery.torn_bytes == 0
        assert archive.recovery.unnamed_bytes > 0
        (line,) = archive.recovery.notices()
        assert f"broadsheet import --own --db {news}" in line
        assert "\n" not in line
        Archive.open(news.with_name("other.db")).close()  # of whose folders there is nothing to say
        foreign = Path(shutil.copytree(folder, news.with_name("news.db.merged.warc"))) / IDENTITY_NAME
        foreign.write_text('{"id": "other"}')
        assert [*newer_folders(archive.db, news), *newer_folders(archive.db, news.with_name("other.db"))] == [line]
        shutil.rmtree(foreign.parent)
    assert contents(folder) == before
    crawl(news, 5)
    assert {name: data for name, data in contents(folder).items() if name in before} == before
    assert sorted(urls_in(folder)) == [f"{SITE}{number}" for number in range(1, 6)]
    assert bodies(news) == [b"page 1", b"page 2", b"page 5"]


def test_another_archives_folder_in_the_place_of_its_own_is_refused(news, folder, tmp_path):
    (tmp_path / "other").mkdir()
    crawl(tmp_path / "other" / "news.db", 9)
    shutil.rmtree(folder)
    (tmp_path / "other" / "news.db.warc").rename(folder)
    before = contents(folder)
    with pytest.raises(ForeignFolder, match="another archive"):
        Archive.open(news)
    assert contents(folder) == before


def test_database_and_folder_may_be_renamed_together(news, folder):
    renamed, renamed_folder = news.with_name("paper.db"), news.with_name("paper.db.warc")
    news.rename(renamed)
    folder.rename(renamed_folder)
    assert bodies(renamed) == [b"page 1", b"page 2"]
    crawl(renamed, 3)
    assert bodies(renamed) == [b"page 1", b"page 2", b"page 3"]
    assert len(contents(renamed_folder)) == 1, "the same file is gone on with"
    assert not folder.exists()
    with Archive.open(renamed) as archive:
        assert archive.recovery.notices() == []
        assert list(raw_responses(archive.db)) == []


def test_a_folder_has_one_writer_at_a_time(news, folder):
    with Archive.open(news) as archive, pytest.raises(InUse, match=r"news\.db\.warc"):
        RawFolders.claim(archive.db, news)
    left = {path.name for path in folder.iterdir() if ".warc" not in path.name}
    assert left == {"committed.jsonl", "folder.json"}, "the lock is gone"


def test_the_journal_says_what_is_committed(news, folder):
    ((name, data),) = contents(folder).items()
    assert read_committed(folder) == {name: len(data)}
    unreadable = ('["x.warc.gz", Infinity]', '["x.warc.gz", 1e999]', '[[1], "x"]', "[" * 200_000)
    with (folder / "committed.jsonl").open("ab") as stream:
        stream.write("\n".join((*unreadable, f'["{name}", 99999999')).encode())  # the last as a crash cuts it short
    assert read_committed(folder) == {name: len(data)}
    crawl(news, 3)
    assert read_committed(folder) == {name: (folder / name).stat().st_size}


@pytest.mark.parametrize(("older", "is_short"), [(65_535, False), (65_536, True)])
def test_a_long_journal_is_made_short_when_the_archive_is_opened(news, folder, older, is_short):
    path = folder / "committed.jsonl"
    ((name, length),) = read_committed(folder).items()
    line = b'["%s", %d]\n' % (name.encode(), length)
    long = b"x" * (older - 1) + b"\n" + line
    path.write_bytes(long)
    Archive.open(news).close()
    assert path.read_bytes() == (line if is_short else long)


def no_room(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_disk_that_is_full_at_the_journal_costs_no_row_and_opens(news, monkeypatch):
    """As to take something down, which makes room."""
    with archive_with_warcs(news) as archive:
        archive.save([fetched(f"{SITE}3", 3, b"page 3")])
        monkeypatch.setattr(warc_folders._OwnedFolder, "note", no_room)
        with pytest.raises(OSError, match="No space"):
            archive.save([fetched(f"{SITE}4", 4, b"page 4")])
        monkeypatch.undo()
    monkeypatch.setattr(warc_folders, "whole_file", no_room)
    assert _checked_urls(news) == [f"{SITE}{number}" for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"name": "x"}', b"\xff", b"[" * 200_000])
def test_a_damaged_identity_is_one_clear_line(news, folder, damage):
    (folder / "folder.json").write_bytes(damage)
    with pytest.raises(NotAnArchive, match=r"folder\.json is damaged"):
        Archive.open(news)


def test_a_folder_without_identity_gets_one_and_loses_nothing(news, folder):
    for name in ("folder.json", "committed.jsonl"):
        (folder / name).unlink()
    (path,) = folder.glob("*.warc.gz")
    path.write_bytes(path.read_bytes() + b"not known to anybody")
    before = contents(folder)
    assert read_folder_id(folder) == ""
    Archive.open(news).close()
    assert len(read_folder_id(folder)) == 32
    assert contents(folder) == before


def test_torn_bytes_are_kept_beside_the_file_and_other_files_stay(news, folder):
    ((name, data),) = contents(folder).items()
    (folder / "other.warc.gz").write_bytes(b"somebody else's")
    for number, torn in enumerate((b"torn once", b"torn twice"), 1):
        (folder / name).write_bytes(data + torn)
        with Archive.open(news) as archive:
            assert archive.recovery.tails == (f"news.db.warc/{name}.tail-{number}",)
            assert (archive.recovery.torn_bytes, archive.recovery.short_names) == (len(torn), ())
    tails = {f"{name}.tail-1": b"torn once", f"{name}.tail-2": b"torn twice"}
    assert contents(folder) == {name: data, "other.warc.gz": b"somebody else's"} | tails


def test_setting_aside_keeps_the_bytes_when_the_disk_is_full(tmp_path, monkeypatch):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"committed and torn")

    monkeypatch.setattr(warc_folders.shutil, "copyfileobj", no_room)
    with pytest.raises(OSError, match="No space"):
        set_aside(path, 9)
    assert path.read_bytes() == b"committed and torn"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_read(news, folder, monkeypatch):
    """As on media that are read-only."""
    real_access = os.access
    monkeypatch.setattr(warc_folders.os, "access", lambda path, mode: path != folder and real_access(path, mode))
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    with Archive.open(news) as archive:
        assert list(raw_responses(archive.db)) == []
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before


@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_a_special_file_in_place_of_a_warc_file_is_told_at_once(news, folder, kind):
    (path,) = folder.glob("*.warc.gz")
    path.unlink()
    {"fifo": os.mkfifo, "folder": os.mkdir, "device": lambda path: path.symlink_to("/dev/zero")}[kind](path)
    with closing(open_database(news, read_only=True)) as db:
        assert list(raw_responses(db))
        with pytest.raises(RecordError):
            read_span(news, f".warc/{path.name}", 0, 10)
    with pytest.raises(NotAnArchive):
        Archive.open(news)


Patch = Callable[[], None]


def _dying(owner: object, name: str, *, after: bool, call: int = 1) -> Patch:
    """Have a function kill this process before or after its work, at its `call`-th call from now on."""

    def patch() -> None:
        real, calls = getattr(owner, name), iter(range(1, 1000))

        def dying(*arguments: object, **options: object) -> object:
            is_due = next(calls) == call
            if is_due and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments, **options)
            if is_due:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, dying)

    return patch


STEPS = {
    "before the append": _dying(warc_files.WarcFiles, "append", after=False),
    "half of the records appended": _dying(warc_files.WarcFiles, "_write", after=True, call=1),
    "after the append": _dying(warc_files.WarcFiles, "append", after=True),
    "before the sync": _dying(warc_files, "sync_to_disk", after=False),
    "after the sync": _dying(warc_files, "sync_to_disk", after=True),
    "before the commit": _dying(warc_files.WarcFiles, "sync", after=True),
    "after the commit": _dying(warc_files.WarcFiles, "mark_committed", after=False),
    "before a line of the journal": _dying(warc_folders, "_journal_line", after=False),
    "after the journal": _dying(warc_files.WarcFiles, "mark_committed", after=True),
    "before a file is begun": _dying(RawFolders, "begin", after=False),
    "a file is in the journal": _dying(RawFolders, "begin", after=True),
    "the folder is there without an identity": _dying(warc_folders, "make_folder", after=True),
    "before the identity": _dying(warc_folders, "put_folder_id", after=False),
    "before the file is made": _dying(warc_files.WarcFiles, "_open", after=False),
    "the file is made": _dying(warc_files.WarcFiles, "_open", after=True),
}
RECOVERY_STEPS = {
    "before torn bytes are set aside": _dying(warc_folders, "set_aside", after=False),
    "torn bytes are copied and not cut": _dying(warc_folders.shutil, "copyfileobj", after=True),
    "the tail has its name": _dying(warc_folders, "sync_to_disk", after=False),
    "after torn bytes are set aside": _dying(warc_folders, "set_aside", after=True),
    "the journal is rewritten": _dying(warc_folders._OwnedFolder, "_rewrite_journal", after=True),
    "after recovery": _dying(archive_writer, "erase_records", after=False),
}


def _in_killed_process(patch: Patch, work: Callable[[], None]) -> None:
    """Run some work in a process that a patch has killed on its way."""

    def patched_work() -> None:
        patch()
        work()

    assert exit_code(patched_work) == -signal.SIGKILL, "the work did not come to this step"


def _checked_urls(news: Path) -> list[str]:
    """Open the archive as the next run does; the URLs of its captures, each of which has its record, and no other."""
    with Archive.open(news) as archive:
        assert archive.recovery.short_names == ()
        assert archive.recovery.unnamed_bytes == 0
        assert list(raw_responses(archive.db)) == []
        urls = [url for (url,) in archive.db.execute("SELECT final_url FROM captures ORDER BY 1")]
    assert sorted(urls_in(news.with_name("news.db.warc"))) == urls
    return urls


_STEPS_OF_NEW_FOLDERS = {"the folder is there without an identity", "the file is made", "before the identity"}
_LATER_STEPS = [
    pytest.param(step, False, marks=pytest.mark.slow) for step in STEPS if step not in _STEPS_OF_NEW_FOLDERS
]


@pytest.mark.parametrize(("step", "is_new"), [*((step, True) for step in STEPS), *_LATER_STEPS])
def test_a_kill_at_each_step_of_a_commit_loses_nothing(tmp_path, step, is_new):
    news = tmp_path / "news.db"
    committed = [] if is_new else [1, 2]
    if not is_new:
        crawl(news, *committed)
    else:
        Archive.open(news).close()
    before = contents(news.with_name("news.db.warc"))
    _in_killed_process(STEPS[step], lambda: crawl(news, 3, 4))
    after_kill = contents(news.with_name("news.db.warc"))
    urls = _checked_urls(news)
    assert set(urls) <= {f"{SITE}{number}" for number in (*committed, 3, 4)}
    assert set(urls) >= {f"{SITE}{number}" for number in committed}
    if step in ("after the commit", "after the journal"):
        assert f"{SITE}3" in urls
    assert _all_bytes(tmp_path, after_kill), "no byte is lost, torn or not"
    assert all((tmp_path / "news.db.warc" / name).read_bytes().startswith(data) for name, data in before.items())
    crawl(news, 3, 4)
    crawl(tmp_path / "undisturbed.db", *committed, 3, 4)
    assert _checked_urls(news) == [f"{SITE}{number}" for number in (*committed, 3, 4)]
    assert bodies(news) == bodies(tmp_path / "undisturbed.db")


def _all_bytes(parent: Path, before: dict[str, bytes]) -> bool:
    """Whether each file, with its tails, still has the bytes that it had."""
    now = contents(parent / "news.db.warc")
    return all(
        data in {now[name] + now.get(f"{name}.tail-{number}", b"") for number in range(5)}
        for name, data in before.items()
        if ".tail-" not in name
    )


@pytest.mark.parametrize("step", RECOVERY_STEPS)
def test_a_kill_while_torn_bytes_are_set_aside_loses_nothing(news, folder, step):
    ((name, data),) = contents(folder).items()
    (folder / name).write_bytes(data + b"torn bytes")
    _in_killed_process(RECOVERY_STEPS[step], lambda: Archive.open(news).close())
    assert _checked_urls(news) == [f"{SITE}1", f"{SITE}2"]
    assert (folder / name).read_bytes() == data
    tails = {data for name, data in contents(folder).items() if ".tail-" in name}
    assert tails == {b"torn bytes"}


def test_a_commit_of_which_the_database_knows_is_not_cut_off(news, monkeypatch):
    """As when an error comes after the disk had the commit."""
    real = archive_writer.write_transaction

    class Late:
        def __init__(self, db: object) -> None:
            self.inner = real(db)

        def __enter__(self) -> None:
            self.inner.__enter__()

        def __exit__(self, *error: object) -> None:
            self.inner.__exit__(*error)
            raise OSError(5, "Input/output error")

    with archive_with_warcs(news) as archive:
        archive.save([fetched(f"{SITE}3", 3, b"page 3")])
        monkeypatch.setattr(archive_writer, "write_transaction", Late)
        with pytest.raises(OSError, match="Input"):
            archive.save([fetched(f"{SITE}4", 4, b"page 4")])
        monkeypatch.undo()
    assert _checked_urls(news) == [f"{SITE}{number}" for number in (1, 2, 3, 4)]


def test_a_folder_may_be_on_another_disk_but_a_link_to_other_things_is_not_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    folder = tmp_path / "a.db.warc"
    folder.symlink_to(tmp_path / "disk")
    assert not leads_astray(folder), "empty, as before the first crawl"
    (tmp_path / "disk" / "letters.txt").write_text("private")
    assert leads_astray(folder)
    with pytest.raises(NotAnArchive, match="is a link"):
        warc_path(tmp_path / "a.db", ".warc/letters.txt")
    with pytest.raises(OSError, match="is a link"):
        record_file(tmp_path / "a.db", ".warc/letters.txt")
    with pytest.raises(ForeignFolder, match=r"a\.db\.warc is the folder of another archive than .*a\.db: put"):
        Archive.open(tmp_path / "a.db")
    (tmp_path / "disk" / IDENTITY_NAME).write_text("{}")
    assert not leads_astray(folder)
    (tmp_path / "letters.txt").write_text("private")
    (tmp_path / "disk" / "b.warc.gz").symlink_to(tmp_path / "letters.txt")
    with pytest.raises(OSError, match="leads out"):
        record_file(tmp_path / "a.db", ".warc/b.warc.gz")


@pytest.mark.parametrize(("name", "read"), [(IDENTITY_NAME, read_folder_id), (JOURNAL_NAME, read_committed)])
def test_what_a_folder_says_of_itself_is_not_read_through_a_link(tmp_path, name, read):
    (tmp_path / "outside").write_text('{"id": "1"}')
    (tmp_path / name).symlink_to("outside")
    with pytest.raises(NotAnArchive):
        read(tmp_path)


def test_a_journal_that_cannot_be_read_leaves_no_lock(news, folder):
    (folder / JOURNAL_NAME).unlink()
    (folder / JOURNAL_NAME).mkdir()
    for _ in range(2):
        with pytest.raises(NotAnArchive, match=r"committed\.jsonl cannot be read"):
            Archive.open(news)


def test_what_is_noted_or_cut_is_on_the_disk_before_it_counts(news, tmp_path, monkeypatch):
    sizes: list[int] = []
    monkeypatch.setattr(warc_folders, "sync_to_disk", lambda fd: sizes.append(os.fstat(fd).st_size))
    (tmp_path / "file").write_bytes(b"committed and torn")
    set_aside(tmp_path / "file", 9)
    with Archive.open(news) as archive:
        claimed_folders(archive.db).begin(".warc/x.warc.gz")
        assert sizes == [9, (news.with_name("news.db.warc") / JOURNAL_NAME).stat().st_size]


def test_what_an_owner_should_know_of_a_recovery():
    recovery = Recovery(Path("a.db"), 1200, ("x.tail", "y.tail"), ("x", "y"), 3400, ("a.db.warc", "b"))
    torn = "Moved 1,200 bytes that the last run could not commit to x.tail, y.tail."
    rest = [
        "Raw responses are missing from x, y; broadsheet verify says which.",
        "a.db.warc, b: 3,400 bytes of raw responses are newer than the database, as after an older copy of it was put"
        " back; broadsheet import --own --db a.db takes them in",
    ]
    assert recovery.notices() == [torn, *rest]
    assert recovery.notices(with_torn=False) == rest
    assert Recovery(Path("a.db")).notices() == []


def test_what_lies_in_a_folder_and_is_not_of_the_archive(tmp_path):
    crawl(tmp_path / "a.db", 1)
    folder = tmp_path / "a.db.warc"
    assert unknown_files(tmp_path / "a.db") == []
    (file,) = folder.glob("*.warc.gz")
    for name in ("b (1).warc.gz", "a.txt", f"{file.name}.tail-1"):
        (folder / name).write_bytes(b"x")
    (tmp_path / "a.db.merged.warc").mkdir()
    (tmp_path / "a.db.merged.warc" / "c.txt").write_bytes(b"x")
    assert tail_files(tmp_path / "a.db") == [f"{file}.tail-1"]
    assert unknown_files(tmp_path / "a.db") == [str(folder / "a.txt"), str(folder / "b (1).warc.gz")]
