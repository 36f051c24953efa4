"""An archive file opened: made new, recognised, upgraded after a backup, or refused in one line.

The tables are in `broadsheet.output.archive.migrations`; this module decides whether a file may be used and how to
connect to it.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Collection
from contextlib import closing, suppress
from functools import reduce
from operator import and_
from pathlib import Path
from shlex import quote

from sqlite_utils import Database, Migrations

from .archive_errors import NotAnArchive, NotReachable, WrongSchema
from .archive_lock import is_owned
from .foreign_schema import distrust_schema, refuse_foreign_objects, refuse_misleading_views
from .fulltext import install_quick_glob
from .migrations import MIGRATIONS, SCHEMA_VERSION, schema_text
from .stored_values import STORE_FACT

BUSY_MS = 10_000  # how long a statement waits for another connection's lock
_RETRY_SECONDS = 0.05  # between two tries, where SQLite itself does not wait
_PAGE_BYTES = 4096
_CHECKPOINT_PAGES = 16_000  # of 4 KB: pages that several commits change are written back once, and ids are scattered
_CACHE_KB = (
    48 * 1024
)  # ids are scattered over their tables: storing a page touches as many B-tree pages as it has blocks
_LONGEST_VALUE = 1 << 28  # bytes: far more than any that is stored; a stranger's column may compute a thousand million

ARCHIVE_ID = 0x42734172
"""The application id of an archive, "BsAr", by which a file of ours is told; an exported file has another."""

_DESCRIBE = 'INSERT INTO dictionary ("table", "column", meaning, unit, "null") VALUES (?, ?, ?, ?, ?)'

MOST_WAL_BYTES = 2 * _CHECKPOINT_PAGES * _PAGE_BYTES
"""What the write-ahead log may grow to while readers come and go: SQLite alone begins it anew only between them."""

SQLITE_HEADER = b"SQLite format 3\0"
_JOURNAL_ENDING = "-journal"
_JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
"""Last bytes of a rollback journal that names a super-journal (SQLite's file format, 3)."""

_WAL_MODE = b"\x02"
_MODE_OFFSET = 18  # of the byte that says how the file is written (SQLite's file format, 1.3)
TORN_COPY = "it was copied while a command wrote it, when only broadsheet backup makes a whole copy"

COMPANION_ENDINGS = ("-wal", "-shm", "-journal", ".lock", ".away")
"""What SQLite, `ArchiveLock` and the list of WARC files in a store append to an archive's name for the files that they
make, and delete, beside it."""


def open_database(path: str | Path, *, read_only: bool = False) -> Database:
    """Open the archive at `path`; a missing or empty file is made new unless `read_only`.

    Raises ArchiveError if the file is of another program, of another schema, damaged, or in a folder that cannot be
    used. The connection may be handed to another thread, but only one thread may use it at a time.
    """
    file = archive_path(path)
    check_path(file, read_only=read_only)
    try:
        return _open_reader(file) if read_only else open_writer(file)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise NotAnArchive(f"{file} is not a SQLite database") from None
        raise _archive_error(file, error) from error
    except UnicodeDecodeError as error:  # Python meets it in SQLite's own message, which names what is damaged
        raise NotAnArchive(f"{file} is not a usable SQLite database: its schema is damaged") from error


def open_writer(file: Path, migrations: Migrations = MIGRATIONS, target_version: int = SCHEMA_VERSION) -> Database:
    """Open a file for writing at schema `target_version`, backed up and upgraded if it has an older one.

    Raises ForeignSchema before anything is written if the file has triggers that are not of the schema. What could not
    be made new, as on a full disk, is gone again.
    """
    is_new = not file.exists() or not file.stat().st_size
    db = _connect(f"{file.as_uri()}?mode=rwc")
    try:
        file_version = _version_of(db, file, target_version)
        if file_version:
            refuse_foreign_objects(db, file, migrations)
        if 0 < file_version < target_version:
            _back_up(db, Path(f"{file}.backup-v{file_version}"))
        if not file_version:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # later the file would have to be written anew
        _configure_writer(db)
        if file_version < target_version:
            _upgrade(db, migrations, target_version)
    except BaseException:
        db.close()
        for ending in ("", "-wal", "-shm", "-journal") if is_new else ():
            Path(f"{file}{ending}").unlink(missing_ok=True)
        raise
    return db


def database_bytes(db: Database) -> int:
    """Return the size in bytes of an open archive's database, the part in its write-ahead log included."""
    (pages,), (page_size,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return int(pages) * int(page_size)


def check_room(folder: Path, needed: int, purpose: str) -> None:
    """Raise NotReachable if the disk of a folder has less room, in bytes, than a purpose needs."""
    if needed > (free := shutil.disk_usage(folder).free):
        raise NotReachable(f"{folder} has {free / 1e6:,.1f} MB of room, and {purpose} needs {needed / 1e6:,.1f} MB")


def database_file(db: Database) -> Path:
    """Return the file of an open archive."""
    return Path(next(row[2] for row in db.execute("PRAGMA database_list") if row[1] == "main"))


def archive_path(path: str | Path) -> Path:
    """Return the absolute path of an archive file: what a link leads to, since lock and WARC files stand beside the
    file.
    """
    file = Path(path).absolute()
    return Path(os.path.realpath(file)) if file.is_symlink() else file


def _open_reader(file: Path) -> Database:
    """Open a file for reading; `immutable` where SQLite could not make the files beside it that WAL needs."""
    if Path(f"{file}-journal").exists() and not is_owned(file):
        _roll_back_journal(file)
    is_immutable = not os.access(file.parent, os.W_OK) and not wal_size(file)
    db = _connect(f"{file.as_uri()}?mode=ro{'&immutable=1' if is_immutable else ''}")
    try:
        file_version = _version_of(db, file, SCHEMA_VERSION)
        if file_version < SCHEMA_VERSION:
            torn = f": {TORN_COPY}" if is_torn_copy(file) else ""
            upgrading = f"broadsheet import --own --db {quote(str(file))} upgrades it, as any command that writes does"
            advice = upgrading if file_version else f"it is empty{torn}"
            raise WrongSchema(f"{file} has schema {file_version}, this version reads {SCHEMA_VERSION}: {advice}")
        refuse_misleading_views(db, file, MIGRATIONS, schema_text())
    except BaseException:
        db.close()
        raise
    return db


def is_torn_copy(file: Path, *, is_damaged: bool = False) -> bool:
    """Return whether a file without an owner is marked as being written, but lacks its write-ahead log.

    A killed crawl leaves the log, and no damage. Where there is damage, the log may be that of another moment.
    """
    mode = read_head(file, _MODE_OFFSET + 1)[_MODE_OFFSET:]
    return mode == _WAL_MODE and not is_owned(file) and (is_damaged or not wal_size(file))


def read_head(file: Path, size: int) -> bytes:
    """Read the first bytes of a database that this process may have open; OSError if they cannot be read.

    They are read by the descriptor of SQLite, if it has one. To close another one of the same file would drop the locks
    of all connections in this process. Another process then takes itself for the last, and deletes the write-ahead log
    with what is committed to it.
    """
    descriptor = own_descriptor(file)
    if descriptor is not None:
        return os.pread(descriptor, size, 0)
    with file.open("rb") as stream:
        return stream.read(size)


def own_descriptor(file: Path) -> int | None:
    """Return an open descriptor of this process for a file, or None."""
    with suppress(FileNotFoundError):
        status = file.stat()
        for number in map(int, os.listdir("/dev/fd")):
            with suppress(OSError):
                if os.path.samestat(os.fstat(number), status):
                    return number
    return None


def wal_size(file: Path) -> int:
    """Return the bytes of the write-ahead log beside an archive."""
    try:
        return os.stat(f"{file}-wal").st_size
    except FileNotFoundError:
        return 0


def _roll_back_journal(file: Path) -> None:
    """Undo the transaction of a process that died while it made a file an archive, or left WAL mode.

    SQLite does so for the next connection that may write, and lets no other one read until then. Not while a crawl owns
    the archive: such a connection removes the write-ahead log when it closes, if the crawl has lost its locks on the
    file, as it does when it opens the file once more and closes that. The crawl then ends with a "disk I/O error".
    """
    with suppress(sqlite3.OperationalError), closing(_connect(f"{file.as_uri()}?mode=rw")) as db:
        db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()


def _connect(uri: str) -> Database:
    """Return a connection that threads may hand over, with foreign keys enforced and `fold_case` for any language."""
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=BUSY_MS / 1000)
    distrust_schema(connection)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    connection.create_function("fold_case", 1, _fold_case, deterministic=True)
    db = Database(connection)
    db.execute("PRAGMA foreign_keys = ON")
    return db


def _fold_case(value: str | None) -> str | None:
    """Fold the case of a text of any language; SQLite's own `lower` knows ASCII alone."""
    return value.casefold() if isinstance(value, str) else None


def _configure_writer(db: Database) -> None:
    """Set WAL, so that readers never wait, and NORMAL, so that a commit survives a killed process without an fsync."""
    with db.ensure_autocommit_on():
        _enter_wal_mode(db.conn)
        db.conn.execute("PRAGMA synchronous = NORMAL")
        db.conn.execute(f"PRAGMA cache_size = {-_CACHE_KB}")
        db.conn.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        db.conn.execute("PRAGMA recursive_triggers = ON")  # a REPLACE then keeps the full-text index in step
        # The schema asks by GLOB, for which it must trust ours; what else it could run, `foreign_schema` has refused.
        db.conn.execute("PRAGMA trusted_schema = ON")
    install_quick_glob(db.conn)


def _enter_wal_mode(connection: sqlite3.Connection) -> None:
    """Set WAL; tried again while another connection holds a lock, since SQLite does not wait for it here."""
    deadline = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_SECONDS)


def check_path(file: Path, *, read_only: bool) -> None:
    """Raise ArchiveError if the path cannot be an archive to read, or to write; nothing is made or changed."""
    if file.is_dir():
        raise NotReachable(f"{file} is a folder, not an archive file")
    check_companions(file)
    if read_only:
        _check_readable(file)
        return
    if file.name.endswith(COMPANION_ENDINGS):
        raise NotReachable(f"{file} has a name that is used beside an archive; choose another")
    if not file.parent.is_dir():
        raise NotReachable(f"the folder {file.parent} does not exist")
    if not os.access(file.parent, os.W_OK):
        raise NotReachable(f"the folder {file.parent} cannot be written")
    if file.exists() or file.is_symlink():  # a link that leads round in a circle
        _check_readable(file, allow_empty=True)
        if not os.access(file, os.W_OK):
            raise NotReachable(f"{file} cannot be written")


def make_private(path: str | Path, originals: Collection[Path] = ()) -> None:
    """Make an empty file for a new archive: for its owner alone, or, for a copy, for those who may use
    all its originals. What is there stays as it is.

    SQLite gives a database's mode to the files beside it, and we to its WARC folder.
    """
    mode = reduce(and_, (file.stat().st_mode for file in originals), 0o666) if originals else 0o600
    with suppress(OSError):  # it is there, or cannot be made, which opening the archive says
        os.close(os.open(archive_path(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode | stat.S_IRUSR | stat.S_IWUSR))


def folder_mode(file: Path) -> int:
    """Return the mode of a folder beside an archive: for those who may use the archive."""
    mode = file.stat().st_mode & 0o666
    return mode | stat.S_IRWXU | (mode & 0o044) >> 2


def check_companions(file: Path) -> None:
    """Raise NotReachable for links and special files in place of a database's companion files.

    SQLite would follow a link that a stranger has put there, and write what it leads to. It would also delete the file
    that a rollback journal names as its super-journal; archives never have one.
    """
    for ending in COMPANION_ENDINGS:
        path = Path(f"{file}{ending}")
        try:
            is_ordinary = stat.S_ISREG(path.lstat().st_mode)
        except OSError:
            continue
        if not is_ordinary:
            raise NotReachable(f"{path} is not an ordinary file: look at it, and move it away")
        if ending == _JOURNAL_ENDING and _ends_in(path, _JOURNAL_MAGIC):
            raise NotReachable(f"{path} names another file, as no journal of an archive does: move it away")


def _ends_in(path: Path, ending: bytes) -> bool:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - len(ending)))
        return stream.read() == ending


def _check_readable(file: Path, *, allow_empty: bool = False) -> None:
    """Raise ArchiveError for anything but a file with content.

    SQLite says whether it is a database: see `read_head` for why the file is not opened here.
    """
    try:
        status = file.stat()
    except FileNotFoundError as error:
        raise NotReachable(f"{file} does not exist") from error
    except OSError as error:
        raise NotReachable(f"{file} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for its other end
        raise NotReachable(f"{file} is not an ordinary file")
    if not os.access(file, os.R_OK):
        raise NotReachable(f"{file} cannot be read: {os.strerror(errno.EACCES)}")
    if not status.st_size and not allow_empty:
        raise NotAnArchive(f"{file} is not a SQLite database")


def _version_of(db: Database, file: Path, newest_version: int) -> int:
    """Return the file's schema version, 0 for a file without tables."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    tables -= {MIGRATIONS.migrations_table, "sqlite_sequence"}
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if not tables and not version:
        return 0
    facts = _facts(db) if "meta" in tables else {}
    if facts.get("schema_version") != str(version):
        raise NotAnArchive(f"{file} is a SQLite database of another program")
    if draft := facts.get("schema_draft"):
        raise WrongSchema(
            f"{file} has draft {draft} of the schema, from before 0.1.0: "
            f"make it anew with broadsheet import {file}.warc/*.warc.gz --db NEW.db"
        )
    if version > newest_version:
        raise WrongSchema(f"{file} has schema {version}, newer than the {newest_version} that this version knows")
    return int(version)


def _facts(db: Database) -> dict[str, str]:
    """Return what table `meta` states of the schema; nothing if the table is not ours."""
    columns = {row[1] for row in db.execute("PRAGMA table_info(meta)")}
    if not {"key", "value"} <= columns:
        return {}
    rows = db.execute("SELECT key, value FROM meta WHERE key GLOB 'schema*'").fetchall()
    return {str(key): str(value) for key, value in rows}


def _upgrade(db: Database, migrations: Migrations, version: int) -> None:
    """Apply all missing migrations and write the new version, in one transaction."""
    from .schema_doc import dictionary_rows  # which most starts do without

    with db.atomic():
        migrations.apply(db)
        db.execute("DELETE FROM dictionary")
        db.conn.executemany(_DESCRIBE, list(dictionary_rows(db)))
        db.execute(f"PRAGMA application_id = {ARCHIVE_ID}")
        db.execute(STORE_FACT, ["schema_version", str(version)])
        db.execute(f"PRAGMA user_version = {version}")


def _back_up(db: Database, target: Path) -> None:
    """Copy the whole database, as SQLite sees it, to `target`, which appears only when the copy is complete."""
    partial_copy = Path(f"{target}.part")
    partial_copy.unlink(missing_ok=True)
    make_private(partial_copy, [database_file(db)])
    connection = sqlite3.connect(partial_copy)
    try:
        db.conn.backup(connection)
    finally:
        connection.close()
    partial_copy.replace(target)


def _archive_error(file: Path, error: sqlite3.DatabaseError) -> NotAnArchive | NotReachable:
    """Translate an error of SQLite while opening into one for the user."""
    if isinstance(error, sqlite3.OperationalError):
        return NotReachable(f"{file} cannot be opened: {error}")
    torn = f"; {TORN_COPY}" if is_torn_copy(file, is_damaged=True) else ""
    return NotAnArchive(f"{file} is not a usable SQLite database: {error}{torn}")
