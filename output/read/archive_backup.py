"""Backups of an archive, which are archives themselves, made while it is read and written.

The database is copied by SQLite's backup API, as one transaction sees it. Then come its WARC files up to the lengths
that these rows have, by hard link or copy. The database gets its name last. So a killed backup does not look like one,
and the same command goes on with it. To put a copy back is a backup of the copy.

A folder may hold dated copies of an archive. One that is as it was made has the second of its name as its time, so a
copy that somebody has worked with since is told from it, and stays.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from sqlite_utils import Database

from ..archive.archive_errors import InUse, NotReachable
from ..archive.archive_file import check_path, folder_mode, make_private, open_database
from ..archive.archive_lock import hold_lock
from ..archive.atomic_writes import sync_folder, whole_file, write_transaction
from ..raw.warc_files import AwayFile, read_away_files, write_away_files
from ..raw.warc_folders import (
    ForeignFolder,
    make_folder,
    own_folders,
    put_folder_id,
    put_journal,
    read_committed,
    read_folder_id,
    record_file,
    shown_name,
    stored_id,
    warc_path,
)

_STEP_PAGES = 4_096  # of 4 KB: signals are handled between two steps
_PATIENCE = 10.0  # seconds for a writer that begins until it has entered WAL mode
_CHUNK = 1 << 20  # bytes copied at a time
_FILES = "SELECT name, length FROM _warc_files WHERE length > 0 ORDER BY begun_at DESC, name DESC"
_CREATED_AT = "SELECT applied_at FROM _sqlite_migrations ORDER BY id LIMIT 1"
_DATE_FORM = "%Y%m%dT%H%M%SZ"
_IMPORTED = """SELECT DISTINCT warc_file FROM captures
    WHERE warc_file IS NOT NULL AND warc_file NOT IN (SELECT name FROM _warc_files)"""


class BackupResult(NamedTuple):
    """Counts of an archive's WARC files in a backup, as hard links and as copies, and the names of missing files.

    `imported` files are read where they are, and `away` files lie in a store.
    """

    linked: int = 0
    copied: int = 0
    missing: tuple[str, ...] = ()
    imported: int = 0
    away: int = 0


@dataclass(frozen=True, slots=True)
class _WarcFile:
    """A WARC file, its name in rows, its path and that in the backup, and its length in bytes.

    One that may be appended to is copied, since a hard link would grow with it. `earlier` is the path of the same file
    in an earlier copy, if that is as long.
    """

    name: str
    path: Path
    target: Path
    length: int
    may_be_linked: bool
    earlier: Path | None = None

    @property
    def is_there(self) -> bool:
        """Return whether the target has the file, or a longer version because the copy is restored beside the old
        folder.
        """
        return self.target.is_file() and self.target.stat().st_size >= self.length


def back_up(source: Path, target: Path, *, with_raw: bool = True, earlier: Path | None = None) -> BackupResult:
    """Back up an archive to a new file, and its WARC files to the folders beside it.

    Files that the copy `earlier` has too become hard links. Raises ArchiveError if the target exists, or if its disk is
    too full.
    """
    check_path(source, read_only=True)
    check_path(target, read_only=False)
    for ending in ("", "-wal", "-journal"):
        if os.path.lexists(path := f"{target}{ending}"):
            raise NotReachable(f"{path} exists already: name a new file for the backup")
    part = Path(f"{target}.part")
    _remove_part(part)
    away = read_away_files(source)

    def planned(db: Database) -> list[_WarcFile]:
        return list(_planned_files(db, source, target, earlier)) if with_raw else []

    try:
        _copy_database(source, target, part, planned)
        with closing(sqlite3.connect(part)) as connection:
            db = Database(connection)
            result = _put_files(db, source, target, planned(db), away if with_raw else None)
        part.replace(target)
    finally:
        _remove_part(part)
    sync_folder(target.parent)
    return result


@contextmanager
def dated_copies(source: Path, folder: Path) -> Iterator[DatedCopies]:
    """Lock a folder of dated copies, and remove what killed backups left in it.

    Raises InUse if another process makes a copy there.
    """
    check_path(source, read_only=True)
    if not folder.is_dir():
        raise NotReachable(f"the folder {folder} does not exist")
    with hold_lock(folder / f"{source.name}.copies"):
        copies = DatedCopies(source, folder)
        copies.clear_remains()
        yield copies


@dataclass(frozen=True, slots=True)
class DatedCopies:
    """The dated copies of one archive in a folder; copies of other archives are left alone."""

    source: Path
    folder: Path

    def make(self, *, with_raw: bool = True) -> tuple[Path, BackupResult]:
        """Make a copy named by the time; files that are also in the newest copy become hard links."""
        now = datetime.now(UTC).replace(microsecond=0)
        copy = self.folder / f"{self.source.stem}-{now:{_DATE_FORM}}{self.source.suffix}"
        earlier = self.unchanged()[-1:]
        result = back_up(self.source, copy, with_raw=with_raw, earlier=earlier[0] if earlier else None)
        os.utime(copy, (now.timestamp(), now.timestamp()))
        return copy, result

    def unchanged(self) -> list[Path]:
        """Return the unchanged copies, the oldest first."""
        created_at = _created_at(self.source)
        return [
            path
            for path, made_at in sorted(self._dated().items())
            if path.is_file() and path.stat().st_mtime == made_at and _created_at(path) == created_at
        ]

    def remove_older(self, kept_count: int) -> list[Path]:
        """Remove all but the newest unchanged copies, with their WARC files; return the removed ones."""
        copies = self.unchanged()[:-kept_count]
        for copy in copies:
            copy.unlink()
            _remove_beside(copy)
        return copies

    def clear_remains(self) -> None:
        """Remove what a killed backup or a killed removal left behind."""
        with closing(open_database(self.source, read_only=True)) as db:
            own_ids = ("", stored_id(db))
        for path in self._dated():
            if not os.path.lexists(path) and all(read_folder_id(folder) in own_ids for folder in own_folders(path)):
                _remove_part(Path(f"{path}.part"))
                _remove_beside(path)

    def _dated(self) -> dict[Path, float]:
        """Return the databases that are called as a copy is, also those of which only other files are there, and the
        time of each name.
        """
        stem, suffix = re.escape(self.source.stem), re.escape(self.source.suffix)
        form = re.compile(rf"({stem}-(\d{{8}}T\d{{6}}Z){suffix})(?:\..+)?", re.ASCII)
        found = filter(None, (form.fullmatch(path.name) for path in self.folder.iterdir()))
        with_zone = _DATE_FORM.replace("Z", "%z")
        return {self.folder / match[1]: datetime.strptime(match[2], with_zone).timestamp() for match in found}


def _created_at(database: Path) -> str:
    """Return when an archive was made, which identifies it; empty if unreadable."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return str(connection.execute(_CREATED_AT).fetchone())
    return ""


def _remove_beside(database: Path) -> None:
    """Remove the WARC folders of a database, and the list of those in a store."""
    for folder in own_folders(database):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
    write_away_files(database, ())


def _remove_part(part: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        Path(f"{part}{ending}").unlink(missing_ok=True)


def _copy_database(source: Path, target: Path, part: Path, planned: Callable[[Database], list[_WarcFile]]) -> None:
    with closing(open_database(source, read_only=True)) as db, ExitStack() as stack:
        _hold_still(db, source, stack)
        with db.conn:
            db.execute("BEGIN")
            _check_room(db, target.parent, planned(db))
            make_private(part, [source])
            with closing(sqlite3.connect(part)) as copy:
                db.conn.backup(copy, pages=_STEP_PAGES)
                copy.execute("PRAGMA journal_mode = DELETE")


def _hold_still(db: Database, source: Path, stack: ExitStack) -> None:
    """Keep new writers out where the backup would block them; a running one goes on, in WAL mode."""
    deadline = time.monotonic() + _PATIENCE
    while db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            stack.enter_context(hold_lock(source))
        except InUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        except NotReachable:  # in a read-only folder
            return
        else:
            return


def _check_room(db: Database, folder: Path, files: Iterable[_WarcFile]) -> None:
    """Raise NotReachable if the folder's disk has less room than the database and the files to be copied take."""
    (pages,), (page_size,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    device = folder.stat().st_dev
    copied = (
        file.length
        for file in files
        if not (file.is_there or file.earlier or (file.may_be_linked and file.path.stat().st_dev == device))
    )
    if (needed := pages * page_size + sum(copied)) > (free := shutil.disk_usage(folder).free):
        room = f"{free / 1e6:,.1f} MB of room, and the backup needs {needed / 1e6:,.1f} MB"
        raise NotReachable(f"{folder} has {room}")


def _planned_files(db: Database, source: Path, target: Path, earlier: Path | None) -> Iterator[_WarcFile]:
    """Yield the WARC files that exist and are complete."""
    newest: Path | None = None  # of its own files, the one that is appended to
    for name, length in db.execute(_FILES).fetchall():
        path = warc_path(source, name)
        is_own = path.parent == own_folders(source)[0]
        newest = newest or (path if is_own else None)
        size = path.stat().st_size if path.is_file() else 0
        if size < length:
            continue
        may_be_linked = size == length and is_own and path != newest
        other = warc_path(earlier, name) if earlier else None
        is_as_long = other is not None and other.is_file() and other.stat().st_size == length
        yield _WarcFile(name, path, warc_path(target, name), length, may_be_linked, other if is_as_long else None)


def _put_files(
    db: Database, source: Path, target: Path, files: Sequence[_WarcFile], away: Mapping[str, AwayFile] | None
) -> BackupResult:
    """Put WARC files beside the backup, and rename imported ones in its rows relative to its folder.

    `away` is None for a copy without raw responses.
    """
    imported = [name for (name,) in db.execute(_IMPORTED).fetchall()]
    names = {file.name for file in files}
    kept_away = [stored for stored in (away or {}).values() if stored.name not in names]
    names |= {stored.name for stored in kept_away}
    rows = db.execute(_FILES).fetchall() if away is not None else []
    missing = tuple(shown_name(source, name) for name, _ in rows if name not in names)
    folder_id = stored_id(db) or token_hex(16)
    linked = 0
    for folder in dict.fromkeys(file.target.parent for file in files):
        _begin_folder(folder, folder_id, target)
        own_files = [file for file in files if file.target.parent == folder]
        linked += sum(map(_put_file, own_files))
        committed = read_committed(folder)
        lengths = {file.target.name: file.length for file in own_files}
        put_journal(folder, {name: max(lengths.get(name, 0), committed.get(name, 0)) for name in committed | lengths})
    write_away_files(target, kept_away)
    with write_transaction(db):
        for name in imported if source.parent != target.parent else ():
            place = [os.path.normpath(record_file(source, name)), name]
            db.execute("UPDATE captures SET warc_file = ? WHERE warc_file = ?", place)
    return BackupResult(linked, len(files) - linked, missing, len(imported), len(kept_away))


def _begin_folder(folder: Path, folder_id: str, target: Path) -> None:
    """Make a folder and write its owner's id; ForeignFolder if it belongs to another archive."""
    stored = read_folder_id(folder)
    if stored != folder_id if stored else folder.is_dir() and any(folder.iterdir()):
        raise ForeignFolder(target, folder)
    make_folder(folder, folder_mode(Path(f"{target}.part")))
    put_folder_id(folder, folder_id, stored)


def _put_file(file: _WarcFile) -> bool:
    """Link or copy a file unless it exists; return whether it is a hard link.

    A shorter one gives way if the file begins with it. NotReachable if bytes would be lost.
    """
    if file.is_there:
        return file.target.samefile(file.path)
    if file.target.is_file():
        if not _begins_with(file.path, file.target):
            raise NotReachable(f"{file.target} is not the archive's own file: move it away")
        file.target.unlink()
    with suppress(OSError):  # on another disk, or on one without hard links
        if file.earlier and filecmp.cmp(file.path, file.earlier, shallow=False):
            os.link(file.earlier, file.target)
            return True
        if file.may_be_linked:
            os.link(file.path, file.target)
            return True
    with whole_file(file.target) as stream, file.path.open("rb") as original:
        for position in range(0, file.length, _CHUNK):
            stream.write(original.read(min(_CHUNK, file.length - position)))
    return False


def _begins_with(path: Path, beginning: Path) -> bool:
    """Return whether a file has all bytes of a shorter one at its beginning."""
    with path.open("rb") as stream, beginning.open("rb") as other:
        return all(stream.read(len(chunk)) == chunk for chunk in iter(lambda: other.read(_CHUNK), b""))
