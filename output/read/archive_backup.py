"""A backup of an archive, which is an archive: made while its readers and its writer go on.

The database is copied by SQLite's backup API, as one transaction sees it. Then come its WARC files up to the lengths
that these rows have, by hard link or copy. The database gets its name last. So a killed backup does not look like one,
and the same command goes on with it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from sqlite_utils import Database

from ..archive.archive_errors import InUse, NotReachable
from ..archive.archive_file import check_path, open_database
from ..archive.archive_lock import hold_lock
from ..archive.atomic_writes import sync_folder, whole_file, write_transaction
from ..raw.warc_files import AwayFile, read_away_files, write_away_files
from ..raw.warc_folders import (
    FolderIdentity,
    ForeignFolder,
    own_folders,
    put_identity,
    put_journal,
    read_identity,
    rename_file,
    stored_id,
    warc_path,
)

_STEP_PAGES = 4_096  # of 4 KB: between two steps a signal is heard
_PATIENCE = 10.0  # seconds for a writer that begins until it has entered WAL mode
_CHUNK = 1 << 20  # bytes copied at a time
_FILES = "SELECT name, length FROM _warc_files WHERE length > 0 ORDER BY begun_at DESC, name DESC"
_IMPORTED = """SELECT DISTINCT warc_file FROM captures
    WHERE warc_file IS NOT NULL AND warc_file NOT IN (SELECT name FROM _warc_files)"""


class BackupResult(NamedTuple):
    """The WARC files of a backup: how many are hard links, how many are copies, and the names of those that are not
    there.

    `imported` files are read where they are, and `away` ones lie in a store.
    """

    linked: int = 0
    copied: int = 0
    missing: tuple[str, ...] = ()
    imported: int = 0
    away: int = 0


@dataclass(frozen=True, slots=True)
class _WarcFile:
    """A WARC file, its name in the rows of the archive, its path and that in the backup, and its length in bytes.

    One that may be appended to is copied, since a hard link would grow with it.
    """

    name: str
    path: Path
    target: Path
    length: int
    may_be_linked: bool

    @property
    def is_there(self) -> bool:
        """Return whether an earlier attempt has put the file there."""
        return self.target.is_file() and self.target.stat().st_size == self.length


def back_up(source: Path, target: Path, *, with_raw: bool = True) -> BackupResult:
    """Back an archive up to a new file, and its WARC files to the folders beside that.

    ArchiveError if the target is there already, or its disk has too little room.
    """
    check_path(source, read_only=True)
    _check_target(target)
    part = Path(f"{target}.part")
    _remove_part(part)
    away = read_away_files(source)
    try:
        _copy_database(source, target, part, with_raw=with_raw)
        with closing(sqlite3.connect(part)) as connection:
            result = _put_files(Database(connection), source, target, away if with_raw else None)
        part.replace(target)
    finally:
        _remove_part(part)
    sync_folder(target.parent)
    return result


def _check_target(target: Path) -> None:
    check_path(target, read_only=False)
    for ending in ("", "-wal", "-journal"):
        if os.path.lexists(path := f"{target}{ending}"):
            raise NotReachable(f"{path} exists already: name a new file for the backup")


def _remove_part(part: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        Path(f"{part}{ending}").unlink(missing_ok=True)


def _copy_database(source: Path, target: Path, part: Path, *, with_raw: bool) -> None:
    with closing(open_database(source, read_only=True)) as db, ExitStack() as stack:
        _hold_still(db, source, stack)
        with db.conn:
            db.execute("BEGIN")
            _check_room(db, source, target, with_raw=with_raw)
            with closing(sqlite3.connect(part)) as copy:
                db.conn.backup(copy, pages=_STEP_PAGES)
                copy.execute("PRAGMA journal_mode = DELETE")


def _hold_still(db: Database, source: Path, stack: ExitStack) -> None:
    """Keep writers from beginning where a reader would stop them; one that is at work goes on, in WAL mode."""
    deadline = time.monotonic() + _PATIENCE
    while db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            stack.enter_context(hold_lock(source))
        except InUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        except NotReachable:  # in a folder where nobody can write
            return
        else:
            return


def _check_room(db: Database, source: Path, target: Path, *, with_raw: bool) -> None:
    """Raise NotReachable if the target's disk has less room than the database and the files to be copied take."""
    (pages,), (page_size,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    on_one_disk = source.parent.stat().st_dev == target.parent.stat().st_dev
    files = [file for file in _planned_files(db, source, target) if with_raw and not file.is_there]
    needed = pages * page_size + sum(file.length for file in files if not (on_one_disk and file.may_be_linked))
    if needed > (free := shutil.disk_usage(target.parent).free):
        room = f"{free / 1e6:,.1f} MB of room, and the backup needs {needed / 1e6:,.1f} MB"
        raise NotReachable(f"{target.parent} has {room}")


def _planned_files(db: Database, source: Path, target: Path) -> Iterator[_WarcFile]:
    """Yield the WARC files that are whole where the rows say; those of other archives go to the folder of copies."""
    owned = dict(zip(own_folders(source), own_folders(target), strict=True))
    newest: Path | None = None  # of its own files, the one that is appended to
    for name, length in db.execute(_FILES).fetchall():
        path = warc_path(source, name)
        is_own = path.parent == own_folders(source)[0]
        newest = newest or (path if is_own else None)
        size = path.stat().st_size if path.is_file() else 0
        if size < length:
            continue
        folder = owned.get(path.parent, own_folders(target)[1])
        may_be_linked = size == length and is_own and path != newest
        yield _WarcFile(name, path, folder / path.name, length, may_be_linked)


def _put_files(db: Database, source: Path, target: Path, away: Mapping[str, AwayFile] | None) -> BackupResult:
    """Put the WARC files beside the backup, none if `away` is None, and have the rows of its database name them."""
    imported = [name for (name,) in db.execute(_IMPORTED).fetchall()]
    files = list(_planned_files(db, source, target)) if away is not None else []
    names = {file.name for file in files}
    kept_away = [stored for stored in (away or {}).values() if stored.name not in names]
    names |= {stored.name for stored in kept_away}
    missing = tuple(name for name, _ in db.execute(_FILES).fetchall() if away is not None and name not in names)
    folder_id = stored_id(db) or token_hex(16)
    linked = 0
    for folder in dict.fromkeys(file.target.parent for file in files):
        _begin_folder(folder, FolderIdentity(folder_id, folder.name, target.name), target)
        own_files = [file for file in files if file.target.parent == folder]
        linked += sum(map(_put_file, own_files))
        put_journal(folder, {file.target.name: file.length for file in own_files})
    write_away_files(target, kept_away)
    with write_transaction(db):
        for file in files:
            rename_file(db, file.name, f"{file.target.parent.name}/{file.target.name}")
        for name in imported if source.parent != target.parent else ():
            rename_file(db, name, os.path.normpath(source.parent / name))
    return BackupResult(linked, len(files) - linked, missing, len(imported), len(kept_away))


def _begin_folder(folder: Path, identity: FolderIdentity, target: Path) -> None:
    """Make a folder and state whose it is; ForeignFolder if it is that of another archive than an earlier attempt's."""
    stored = read_identity(folder)
    if stored.id != identity.id if stored else folder.is_dir() and any(folder.iterdir()):
        raise ForeignFolder(target, folder)
    folder.mkdir(exist_ok=True)
    put_identity(folder, identity, stored)


def _put_file(file: _WarcFile) -> bool:
    """Link or copy a file, unless it is there; return whether it is a hard link.

    NotReachable if bytes would be lost.
    """
    if file.is_there:
        return file.target.samefile(file.path)
    if file.target.is_file() and file.target.stat().st_size > file.length:
        raise NotReachable(f"{file.target} has more than the archive: move it away")
    if file.may_be_linked:
        with suppress(OSError):  # on another disk, or none that has hard links
            file.target.unlink(missing_ok=True)
            os.link(file.path, file.target)
            sync_folder(file.target.parent)
            return True
    with whole_file(file.target) as stream, file.path.open("rb") as original:
        for position in range(0, file.length, _CHUNK):
            stream.write(original.read(min(_CHUNK, file.length - position)))
    return False
