import os
import re
import shutil
import socket
import sqlite3
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Migrations

from broadsheet.output.archive import archive_file
from broadsheet.output.archive.archive_errors import InUse, NotAnArchive, NotReachable, WrongSchema
from broadsheet.output.archive.archive_file import TORN_COPY, is_torn_copy, open_database, open_writer
from broadsheet.output.archive.archive_lock import hold_lock
from broadsheet.output.archive.migrations import MIGRATIONS, SCHEMA_VERSION, run_statements
from broadsheet.output.read.verify import verify
from broadsheet.output.write.archive_writer import Archive
from tests.new_archives import copied_schemas
from tests.output.wires import fetched


def test_a_new_file_states_its_version(file):
    db = open_database(file)
    assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert db["meta"].get("schema_version")["value"] == str(SCHEMA_VERSION)


def test_what_other_tests_take_for_a_new_file_is_one(tmp_path):
    dumps = []
    for name, test_file in [("made.db", Path(__file__)), ("copied.db", Path(__file__).parent.parent / "test_else.py")]:
        with copied_schemas(test_file):
            db = open_database(tmp_path / name)
        names = ("journal_mode", "user_version", "page_size", "auto_vacuum")
        settings = [db.execute(f"PRAGMA {name}").fetchone() for name in names]
        rows = {table: list(db[table].rows) for table in db.table_names() if table != MIGRATIONS.migrations_table}
        dumps.append((db.schema, settings, rows))
        db.close()
    assert dumps[0] == dumps[1]


SETTINGS = {
    "journal_mode": ("wal", "delete"), "foreign_keys": (1, 1), "synchronous": (1, 2), "cache_size": (-49152, -2000),
    "wal_autocheckpoint": (16000, 1000), "trusted_schema": (1, 0),
    "busy_timeout": (10000, 10000), "auto_vacuum": (2, 2),
}  # fmt: skip


def test_a_writer_and_a_reader_are_set_up(file):
    for number, read_only in enumerate((False, True)):
        with closing(open_database(file, read_only=read_only)) as db:
            settings = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS}
            assert settings == {name: values[number] for name, values in SETTINGS.items()}
            assert read_only or db.execute("PRAGMA recursive_triggers").fetchone() == (1,)
            assert db.conn.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) == 268_435_456
            assert db.execute("SELECT fold_case('ÄRGER'), fold_case(NULL)").fetchone() == ("ärger", None)
            if not read_only:  # only a function that always gives the same may be in an index
                db.execute("CREATE INDEX folded ON articles (fold_case(section), url GLOB 'x*')")
                db.execute("DROP INDEX folded")
        if not read_only:
            Archive.open(file).close()  # leaves WAL mode


def test_a_file_without_tables_is_made_an_archive_by_a_writer_and_empty_to_a_reader(file):
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("CREATE TABLE x (a); DROP TABLE x")
    with pytest.raises(WrongSchema) as caught:
        open_database(file, read_only=True)
    assert str(caught.value) == f"{file} has schema 0, this version reads {SCHEMA_VERSION}: it is empty"
    open_database(file).close()
    open_database(file, read_only=True).close()


def test_what_may_not_be_written_is_said(file, monkeypatch):
    open_database(file).close()
    refused = {file.parent: f"the folder {file.parent} cannot be written", file: f"{file} cannot be written"}
    for place, message in refused.items():
        monkeypatch.setattr(os, "access", lambda path, mode, place=place: mode == os.R_OK or Path(path) != place)
        with pytest.raises(NotReachable) as caught:
            open_database(file)
        assert str(caught.value) == message


def test_opening_twice_changes_nothing_and_names_with_url_characters_are_files(tmp_path):
    file = tmp_path / "a?b#c%20.db"
    open_database(file).close()
    before = file.read_bytes()
    open_database(file).close()
    assert (file.read_bytes(), os.listdir(tmp_path)) == (before, [file.name])
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        open_database(file, read_only=True).execute("INSERT INTO meta VALUES ('a', 'b')")


def test_a_reader_finds_an_archive_whose_writer_died_as_it_was_before(file, tmp_path):
    """As while it left WAL mode: SQLite then lets no connection read that may not write."""
    open_database(file).close()
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
        db.execute("PRAGMA cache_size = 1")
        db.execute("INSERT INTO meta VALUES ('half', 'written')")
        for number in range(500):
            db.execute("INSERT INTO meta VALUES (?, ?)", [number, "x" * 999])
        for ending in ("", "-journal"):
            shutil.copy(f"{file}{ending}", tmp_path / f"died.db{ending}")
    assert (tmp_path / "died.db-journal").stat().st_size
    with closing(open_database(tmp_path / "died.db", read_only=True)) as db:
        assert verify(db) == []
        assert db.execute("SELECT count(*) FROM meta WHERE key = 'half'").fetchone() == (0,)
    assert not (tmp_path / "died.db-journal").exists()


def _two_steps() -> Migrations:
    later = Migrations(MIGRATIONS.name)
    later._migrations = list(MIGRATIONS._migrations)

    @later()
    def m0009_colour(db):
        run_statements(db, ["ALTER TABLE articles ADD COLUMN colour TEXT"])

    return later


def test_an_older_file_is_upgraded_after_a_backup(file, make):
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome("http://a.test/1", "one two three")])
    db = open_writer(file, _two_steps(), SCHEMA_VERSION + 1)
    assert "colour" in db["articles"].columns_dict
    assert db["articles"].count == 1
    assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
    backup = open_database(f"{file}.backup-v{SCHEMA_VERSION}", read_only=True)
    assert backup["articles"].count == 1
    assert "colour" not in backup["articles"].columns_dict


@pytest.mark.parametrize("fails", ["a step", "the version"])
def test_a_failed_upgrade_leaves_the_old_version(file, monkeypatch, fails):
    open_database(file).close()
    steps = _two_steps()
    if fails == "a step":

        @steps()
        def m0010_fails(db):
            raise sqlite3.OperationalError("no")

    else:
        monkeypatch.setattr(archive_file, "STORE_FACT", "no SQL")
    with pytest.raises(sqlite3.OperationalError):
        open_writer(file, steps, SCHEMA_VERSION + 1)
    monkeypatch.undo()
    with closing(open_database(file)) as db:
        assert "colour" not in db["articles"].columns_dict


@pytest.mark.parametrize("content", [None, b""])
def test_what_could_not_be_begun_is_gone_again(file, content):
    """As on a full disk, after the first page of the file."""
    full = _two_steps()

    @full()
    def m0010_is_full(db):
        db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
        db.execute("CREATE TABLE texts AS SELECT randomblob(99999)")

    if content is not None:
        file.write_bytes(content)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        open_writer(file, full, SCHEMA_VERSION + 1)
    assert os.listdir(file.parent) == []


def refused(file, error, match):
    """Neither a writer nor a reader takes the file, says why in one line, and changes it."""
    before = file.read_bytes()
    for read_only in (False, True):
        with pytest.raises(error, match=match) as caught:
            open_database(file, read_only=read_only)
        assert "\n" not in str(caught.value)
    assert file.read_bytes() == before
    assert list(file.parent.glob("*.backup*")) == []


def test_a_newer_file_is_refused_untouched(file):
    open_writer(file, _two_steps(), SCHEMA_VERSION + 1).close()
    for backup in file.parent.glob("*.backup*"):
        backup.unlink()
    refused(file, WrongSchema, "newer")


@pytest.mark.parametrize(("version", "draft"), [(8, 7), (SCHEMA_VERSION, 12)])
def test_a_file_of_a_draft_is_refused_untouched(file, version, draft):
    open_database(file).close()
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(version)])
        other.execute("INSERT INTO meta (key, value) VALUES ('schema_draft', ?)", [str(draft)])
        other.execute(f"PRAGMA user_version = {version}")
    refused(file, WrongSchema, re.escape(f"broadsheet import {file}.warc/*.warc.gz"))


@pytest.mark.parametrize("content", [b"hello, this is no database", b"%PDF-1.7", b"SQLite format 3\0" + b"x" * 4096])
def test_what_is_not_sqlite_is_refused_untouched(file, content):
    file.write_bytes(content)
    refused(file, NotAnArchive, re.escape(str(file)))


@pytest.mark.parametrize("table", ["notes (id)", "meta (key, value)", "meta (other)", "urls (id)"])
def test_the_database_of_another_program_is_refused_untouched(file, table):
    with closing(sqlite3.connect(file)) as other:
        other.execute(f"CREATE TABLE {table}")
    refused(file, NotAnArchive, "another program")


def test_places_that_cannot_be_used(tmp_path):
    with pytest.raises(NotReachable, match="is a folder"):
        open_database(tmp_path)
    with pytest.raises(NotReachable, match="does not exist"):
        open_database(tmp_path / "none" / "a.db")
    with pytest.raises(NotReachable, match="does not exist"):
        open_database(tmp_path / "a.db", read_only=True)
    (tmp_path / "empty.db").touch()
    with pytest.raises(NotAnArchive):
        open_database(tmp_path / "empty.db", read_only=True)


def _as_nobody(work: Callable[[], str]) -> str:
    """Do the work as a user for whom a folder's permissions count; root is above them.

    A fork, since that user may not be allowed to start the interpreter that runs the tests.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            stdout = work() if os.access(__file__, os.R_OK) else ""
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent tells it
            stdout = f"failed: {error!r}"
        os.write(writing, stdout.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as stream:
        return stream.read().decode() or pytest.skip("needs a checkout that other users may enter")


@pytest.fixture
def sealed(tmp_path_factory):
    """A folder that everybody may enter and nobody may write."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("wal", [False, True], ids=["finished", "left in WAL mode"])
def test_a_finished_file_opens_from_a_folder_that_cannot_be_written(sealed, make, wal):
    with Archive.open(sealed / "a.db", make.clock) as archive:
        archive.save([make.outcome("http://a.test/1", "one two three")])
    if wal:
        sqlite3.connect(sealed / "a.db").execute("PRAGMA journal_mode = WAL").connection.close()
    sealed.chmod(0o555)
    file = sealed / "a.db"
    said = _as_nobody(lambda: str([row["url"] for row in open_database(file, read_only=True)["articles"].rows]))
    assert said == "['http://a.test/1']"


def test_a_folder_that_cannot_be_written_is_refused_in_one_line(sealed):
    sealed.chmod(0o555)
    said = _as_nobody(lambda: Archive.open(sealed / "a.db").close() or "opened")
    assert "NotReachable" in said
    assert ("cannot be written" in said, r"\n" in said) == (True, False)


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "link"])
def test_what_is_no_file_is_refused(tmp_path, monkeypatch, kind, read_only):
    monkeypatch.chdir(tmp_path)
    if kind == "pipe":
        os.mkfifo("odd")
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind("odd")
    elif kind == "link":
        os.symlink("odd", "odd")
    elif os.geteuid():
        os.symlink("/dev/null", "odd")
    else:  # root's faults must not make files beside the machine's devices
        os.mknod("odd", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    with pytest.raises(NotReachable, match=r"is not an ordinary file|cannot be read"):
        open_database("odd", read_only=read_only)
    with pytest.raises(NotReachable):
        Archive.open("odd")
    assert os.listdir() == ["odd"]


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal", ".lock"])
def test_a_name_that_another_archive_needs_is_refused(file, ending):
    with pytest.raises(NotReachable, match="beside an archive"):
        Archive.open(f"{file}{ending}")
    with Archive.open(file):
        assert {path.name for path in file.parent.iterdir()} <= {"a.db", "a.db.lock", "a.db-wal", "a.db-shm"}
        with pytest.raises(NotReachable, match="beside an archive"):
            Archive.open(f"{file}{ending}")


def test_a_link_to_an_archive_is_that_archive(file, tmp_path, make):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(file)
    for path in (link, file):
        with Archive.open(path) as archive:
            archive.keep_raw({"software": "test"})
            archive.save([fetched(f"http://a.test/{path.name}")])
            with pytest.raises(InUse):
                Archive.open(link if path == file else file)
    assert [path.name for path in link.parent.iterdir()] == ["link.db"]
    assert verify(open_database(link, read_only=True)) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "a.db.warc", "elsewhere"]


def test_a_lock_that_stays_is_a_line_after_a_bounded_time(file, make, monkeypatch):
    Archive.open(file).close()
    monkeypatch.setattr("broadsheet.output.archive.archive_file.BUSY_MS", 200)
    with closing(sqlite3.connect(file, isolation_level=None)) as other_program:
        other_program.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotReachable, match="database is locked"):
            open_database(file)
    open_database(file).close()


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal", ".lock", ".away"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_ordinary_file_beside_an_archive_is_not_followed(tmp_path, ending, kind):
    file, outside = tmp_path / "a.db", tmp_path / "outside"
    open_database(file).close()
    outside.write_bytes(b"kept")
    beside = Path(f"{file}{ending}")
    beside.symlink_to(outside) if kind == "link" else os.mkfifo(beside)
    for read_only in (True, False):
        with pytest.raises(NotReachable, match=f"{re.escape(ending)} is not an ordinary file"):
            open_database(file, read_only=read_only)
    assert outside.read_bytes() == b"kept"


def test_a_journal_that_names_another_file_does_not_have_it_removed(tmp_path):
    file, outside = tmp_path / "a.db", tmp_path / "outside"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
    outside.write_bytes(b"kept")
    magic, name = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", bytes(outside)
    journal = magic + b"\xff" * 20 + bytes(484) + name + struct.pack(">II", len(name), sum(name)) + magic
    Path(f"{file}-journal").write_bytes(journal)
    with pytest.raises(NotReachable, match="names another file"):
        open_database(file)
    assert outside.read_bytes() == b"kept"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT * FROM t").fetchall()
    assert not outside.exists(), "SQLite by itself removes it"


def test_a_damaged_schema_whose_message_is_no_text_is_one_line(tmp_path):
    file = tmp_path / "a.db"
    open_database(file).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE INDEX mine ON meta (length(value))")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET name = x'ff00ff' WHERE name = 'runs'")
    for read_only in (True, False):
        with pytest.raises(NotAnArchive, match="is damaged"):
            open_database(file, read_only=read_only)


@pytest.mark.slow
def test_a_reader_leaves_the_journal_of_a_crawl_that_owns_the_archive_alone(file, tmp_path):
    """A second connection that may write takes the write-ahead log away from a writer that has lost its locks."""
    read = "import sys, pathlib; from broadsheet.output.archive.archive_file import open_database as o; "
    read += "o(pathlib.Path(sys.argv[1]), read_only=True).close()"
    with hold_lock(file), closing(open_database(file)) as db:
        db.execute("INSERT INTO meta (key, value) VALUES ('a', '1')")
        db.conn.commit()
        file.open("rb").close()  # drops the locks that this process has on the file
        Path(f"{file}-journal").touch()
        log = os.stat(f"{file}-wal").st_ino
        subprocess.run([sys.executable, "-c", read, file], check=True)
        assert os.stat(f"{file}-wal").st_ino == log
        db.execute("INSERT INTO meta (key, value) VALUES ('b', '1')")
        db.conn.commit()


def test_a_journal_is_rolled_back_unless_a_crawl_owns_the_archive(file, monkeypatch):
    rolled_back = []
    monkeypatch.setattr(archive_file, "_roll_back_journal", rolled_back.append)
    open_database(file).close()
    Path(f"{file}-journal").touch()
    with hold_lock(file):
        open_database(file, read_only=True).close()
    assert rolled_back == []
    open_database(file, read_only=True).close()
    assert rolled_back == [file]


def test_a_file_that_was_copied_without_its_log_is_told_from_one_that_a_kill_left(file, make):
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome("https://a.test/", "text")])
        copy = Path(shutil.copy(file, file.with_name("copy.db")))
        assert not is_torn_copy(file), "its owner is at work"
        left = [shutil.copy(f"{file}{ending}", f"{file.with_name('left.db')}{ending}") for ending in ("", "-wal")]
    assert is_torn_copy(copy)
    with pytest.raises(WrongSchema, match=f"it is empty: {TORN_COPY}"):
        open_database(copy, read_only=True)
    assert not is_torn_copy(Path(left[0]))
    with closing(open_database(left[0], read_only=True)) as db:
        assert db["articles"].count == 1
    assert not is_torn_copy(file), "it is at rest"
