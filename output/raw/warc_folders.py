"""WARC folders of an archive: their identity, their lock, and the journal of what is committed in their files.

A folder is the only authority over its bytes. `folder.json` in it has a random id, which table `meta` of its archive
has too, the folder's name in rows, and the name of the database that owns it. `committed.jsonl` is its journal. Each
commit adds a line with a file's name and its committed length. The greatest length of a name counts.

A batch is stored in this order: its records are appended and synced, the database commits the rows and the file's
length, the journal gets its line and is synced. So after a crash the committed length is the greater one of the
journal and the row:

- before the database's commit both have the old length, and the bytes beyond it are torn;
- between commit and journal the row has the new one, and the journal is brought up to it;
- after an older database was put back the journal has more than the rows, and the bytes stay for
  `broadsheet import --own`.

Torn bytes are moved to `NAME.tail-N` beside the file. Nothing else is moved or cut. Folders of other databases, and
files that the journal does not name, are left alone.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import BinaryIO

from sqlite_utils import Database

from ..archive.archive_errors import ArchiveError, NotAnArchive, NotReachable
from ..archive.archive_file import database_file
from ..archive.archive_lock import ArchiveLock
from ..archive.atomic_writes import sync_folder, whole_file, write_transaction
from ..archive.stored_values import STORE_FACT

RAW_ENDING = ".warc"
"""Ending of the folder that an archive's own responses go to, after the database's name."""

MERGED_ENDING = ".merged.warc"
"""Ending of the folder with copies of another archive's files. They may grow there, so nothing is appended here."""

IDENTITY_NAME = "folder.json"
JOURNAL_NAME = "committed.jsonl"
_LOCK_STEM = "folder"  # `ArchiveLock` appends its ending
_TAIL = ".tail-"
_JOURNAL_SLACK = 64 * 1024  # bytes of older lines with which a journal is left as it is
_MOST_BYTES = 64 << 20  # that are read of a folder's identity or journal: far more than either ever has
_ID_KEY = "warc_folder_id"
_READ_ID = "SELECT value FROM meta WHERE key = ?"
_LENGTHS = "SELECT name, length FROM _warc_files ORDER BY name"
_FILE_COLUMNS = (("_warc_files", "name"), ("captures", "warc_file"), ("_warc_erasures", "file"))

sync_to_disk = getattr(os, "fdatasync", os.fsync)
"""Makes the disk confirm a file's bytes."""


class CopiedArchive(ArchiveError):  # noqa: N818 - named by what it is
    """A database that is a copy, whose WARC folder belongs to the original. Nothing was written."""

    def __init__(self, database: Path, folder: Path, owner: str) -> None:
        own_folder = f"{database.name}{RAW_ENDING}"
        advice = (
            f"either copy the folder as well (cp -r {folder.name} {own_folder}), or have new responses go to"
            f" {own_folder} (broadsheet import --own-warc --db {database})"
        )
        if folder.name.startswith(f"{database.name}."):
            advice = f"give the folder its own name back, or {database.name} another one"
        super().__init__(
            f"{database} is a copy, and {folder.name} belongs to {owner}: it can be read; to write to it too, {advice}"
        )


class ForeignFolder(ArchiveError):  # noqa: N818
    """A folder with an archive's name that belongs to another archive. Nothing was written."""

    def __init__(self, database: Path, folder: Path) -> None:
        super().__init__(
            f"{folder} is the folder of another archive than {database}: put its own folder back, or move this one away"
        )


@dataclass(frozen=True, slots=True)
class FolderIdentity:
    """A WARC folder's random id, its name in the rows of its archive, and the file name of the owning database."""

    id: str
    name: str
    database: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """The findings of opening an archive in its folders.

    `torn_bytes` were moved to `tails`. `short_names` are files that are missing or shorter than was committed;
    `unnamed_bytes` are committed bytes of `unnamed_folders` that table `_warc_files` of the database does not know.
    `unfinished_takedown` is what keeps a takedown from being finished.
    """

    database: Path
    torn_bytes: int = 0
    tails: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()
    unnamed_bytes: int = 0
    unnamed_folders: tuple[str, ...] = ()
    unfinished_takedown: str = ""

    def notices(self, *, with_torn: bool = True) -> list[str]:
        """Return a line for each thing that the archive's owner should know, with what to do about it."""
        lines = []
        if self.torn_bytes and with_torn:
            lines.append(
                f"Moved {self.torn_bytes:,} bytes that the last run could not commit to {', '.join(self.tails)}."
            )
        if self.short_names:
            names = ", ".join(self.short_names)
            lines.append(f"Raw responses are missing from {names}; broadsheet verify says which.")
        if self.unnamed_bytes:
            lines.append(_newer_text(", ".join(self.unnamed_folders), self.unnamed_bytes, self.database))
        if self.unfinished_takedown:
            lines.append(f"A takedown is not finished: {self.unfinished_takedown}.")
        return lines


def newer_folders(db: Database, database: Path) -> Iterator[str]:
    """Yield a line for each folder of an archive that has more committed bytes than the archive's rows know.

    The journals are read before the rows, so that a crawl that goes on meanwhile is no reason for a line.
    """
    for folder in own_folders(database):
        identity = read_identity(folder)
        if identity is None or identity.database != database.name:
            continue
        journal = read_committed(folder)
        rows = {str(name): int(length) for name, length in db.execute(_LENGTHS)}
        newer = (length - rows.get(f"{identity.name}/{name}", 0) for name, length in journal.items())
        if byte_count := sum(count for count in newer if count > 0):
            yield _newer_text(folder.name, byte_count, database)


def _newer_text(folders: str, byte_count: int, database: Path) -> str:
    return (
        f"{folders}: {byte_count:,} bytes of raw responses are newer than the database, as after an older copy of it"
        f" was put back; broadsheet import --own --db {database} takes them in"
    )


def open_regular(path: Path, *, follows_links: bool = True) -> BinaryIO:
    """Open an ordinary file for reading. OSError, at once, for any other: to open a pipe waits for its other end."""
    flags = getattr(os, "O_NONBLOCK", 0) | (0 if follows_links else getattr(os, "O_NOFOLLOW", 0))
    stream = os.fdopen(os.open(path, os.O_RDONLY | flags), "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(0, "no ordinary file")
    return stream


def read_identity(folder: Path) -> FolderIdentity | None:
    """Read what a folder says of itself; None if it says nothing. NotAnArchive if it cannot be read."""
    path = folder / IDENTITY_NAME
    try:
        with open_regular(path, follows_links=False) as stream:
            values = json.loads(stream.read(_MOST_BYTES))
        return FolderIdentity(*(str(values[name]) for name in ("id", "name", "database")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotAnArchive(f"{path} is damaged; it says whose WARC files are beside it") from error


def is_warc_folder(folder: Path) -> bool:
    """Return whether a folder says that it is the WARC folder of an archive, of whichever."""
    return (folder / IDENTITY_NAME).is_file() and (folder / JOURNAL_NAME).is_file()


def leads_astray(folder: Path) -> bool:
    """Return whether a folder is a link to one that has other things than WARC files, as a stranger's may be.

    An operator may have the folder on another disk: there it is empty, or says whose it is.
    """
    if not folder.is_symlink() or not folder.is_dir():
        return False
    return any(folder.iterdir()) and not (folder / IDENTITY_NAME).is_file()


def read_committed(folder: Path) -> dict[str, int]:
    """Read the committed length of each file from a folder's journal. A line that a crash cut short counts nothing."""
    lengths: dict[str, int] = {}
    try:
        with open_regular(folder / JOURNAL_NAME, follows_links=False) as stream:
            lines = stream.read(_MOST_BYTES).split(b"\n")[:-1]
    except (FileNotFoundError, NotADirectoryError):
        return lengths
    except OSError as error:
        raise NotAnArchive(f"{folder / JOURNAL_NAME} cannot be read: {error.strerror}") from error
    for line in lines:
        try:
            name, length = json.loads(line)
            lengths[str(name)] = max(int(length), lengths.get(str(name), 0))
        except (ValueError, TypeError, OverflowError, RecursionError):
            continue
    return lengths


def raw_folder(base: Path, name: str) -> Path:
    """Find the folder that rows call `name`, also under the name that it was given since, with its database.

    `base` is the archive's file, or just its folder. The archive's own folders come first, since the folder `name` may
    be another archive's by now, or its original's.

    >>> raw_folder(Path("/tmp"), "news.db.warc")
    PosixPath('/tmp/news.db.warc')
    """
    own: tuple[Path, ...] = () if base.is_dir() else own_folders(base)
    parent = base if base.is_dir() else base.parent
    folder = parent / name
    if folder in own and folder.is_dir():
        return folder
    others = () if folder.is_dir() else sorted(parent.glob(f"*{RAW_ENDING}"))
    for candidate in (*own, *others):
        if (identity := read_identity(candidate)) and identity.name == name:
            return Path(candidate)
    return folder


def own_folders(database: Path) -> tuple[Path, Path]:
    """Return the folders of an archive's own WARC files, and of its copies of others'; either may be missing."""
    return database.with_name(f"{database.name}{RAW_ENDING}"), database.with_name(f"{database.name}{MERGED_ENDING}")


def split_name(name: str) -> tuple[str, str]:
    """Split the name of an archive's own WARC file into folder and file.

    NotAnArchive for a name that leads elsewhere, as a forged row's may.
    """
    parts = PurePosixPath(name).parts
    if len(parts) != 2 or ".." in parts or not parts[0].endswith(RAW_ENDING):
        raise NotAnArchive(f"table _warc_files names {name}, which is no WARC file of this archive")
    return parts[0], parts[1]


def warc_path(base: Path, name: str) -> Path:
    """Return the path of an archive's own WARC file, an ordinary one or none; NotAnArchive for anything else.

    `base` is as for `raw_folder`.
    """
    folder_name, file_name = split_name(name)
    path = raw_folder(base, folder_name) / file_name
    if leads_astray(path.parent):
        raise NotAnArchive(f"{path.parent} is a link to what is no WARC folder")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise NotAnArchive(f"table _warc_files names {name}, which is no WARC file of this archive")
    return path


def tail_files(database: Path) -> list[str]:
    """Return the files beside an archive's WARC files to which torn bytes were moved; no takedown reaches into them."""
    return sorted(str(path) for folder in own_folders(database) for path in folder.glob(f"*{_TAIL}*"))


def unknown_files(database: Path) -> list[str]:
    """Return what else lies in an archive's WARC folders, as a cloud's doubled file; no takedown reaches into it."""
    found: list[str] = []
    for folder in own_folders(database):
        if known := read_committed(folder).keys():
            own = {IDENTITY_NAME, JOURNAL_NAME, f"{_LOCK_STEM}.lock", *known}
            found += (str(path) for path in folder.iterdir() if path.name not in own and _TAIL not in path.name)
    return sorted(found)


def discard_files(database: Path, files: Iterable[tuple[str, int]]) -> None:
    """Remove WARC files, by name and length in rows, and their folders if nothing else is in them.

    Only for files whose bytes are in a store, and for the sample of the demonstration, which is made anew. A file that
    is longer than its row stays.
    """
    folders = set()
    for name, length in files:
        path = warc_path(database, name)
        folders.add(path.parent)
        if path.is_file() and path.stat().st_size <= length:
            path.unlink()
    for folder in folders:
        others = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        if others <= {IDENTITY_NAME, JOURNAL_NAME, f"{_LOCK_STEM}.lock"}:
            shutil.rmtree(folder, ignore_errors=True)


def record_file(base: Path, name: str) -> Path:
    """Return the path of the file that a capture names, an archive's own or an imported one.

    `base` is as for `raw_folder`. OSError for a file that a link leads out of its WARC folder.
    """
    parts = PurePosixPath(name).parts
    if len(parts) != 2 or not parts[0].endswith(RAW_ENDING):
        return (base if base.is_dir() else base.parent) / name
    folder = raw_folder(base, parts[0])
    if leads_astray(folder):
        raise OSError(0, "in a folder that is a link to what is no WARC folder")
    path = folder / parts[1]
    if not os.path.realpath(path).startswith(f"{os.path.realpath(folder)}{os.sep}"):
        raise OSError(0, "a link that leads out of the folder")
    return path


def set_aside(path: Path, committed_length: int) -> Path | None:
    """Move the bytes of a file beyond its committed length to `NAME.tail-N`; return that file, None if there are none.

    A crash in between leaves them in both places.
    """
    unshare(path)
    with path.open("r+b") as stream:
        if os.fstat(stream.fileno()).st_size <= committed_length:
            return None
        number = 1
        while os.path.lexists(tail := path.with_name(f"{path.name}{_TAIL}{number}")):
            number += 1
        stream.seek(committed_length)
        with whole_file(tail) as copy:
            shutil.copyfileobj(stream, copy)
        stream.truncate(committed_length)
        sync_to_disk(stream.fileno())
    return tail


class _OwnedFolder:
    """A folder that this process may write: its lock, and its journal open to append to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = ArchiveLock(path / _LOCK_STEM)
        self._lock.acquire()
        self._fd = -1
        try:
            self.committed = read_committed(path)
            self._rewrite_journal()
            self._fd = os.open(path / JOURNAL_NAME, os.O_WRONLY | os.O_APPEND)
        except BaseException:
            self._lock.release()
            raise

    def note(self, name: str, length: int) -> None:
        """Note that a file is committed up to this length, and have the disk confirm it."""
        if length <= self.committed.get(name, -1):
            return
        os.write(self._fd, _journal_line(name, length))
        sync_to_disk(self._fd)
        self.committed[name] = length

    def close(self) -> None:
        """Unlock the folder."""
        os.close(self._fd)
        self._lock.release()

    def _rewrite_journal(self) -> None:
        """Leave one line for each file where there are many, and no line cut short that the next one would continue.

        Else nothing is written, since the disk may be full.
        """
        path = self.path / JOURNAL_NAME
        length = sum(len(_journal_line(name, length)) for name, length in self.committed.items())
        data = path.read_bytes() if path.is_file() else b"no journal yet"
        if data[-1:] not in (b"", b"\n") or len(data) >= length + _JOURNAL_SLACK:
            put_journal(self.path, self.committed)


def put_journal(folder: Path, lengths: Mapping[str, int]) -> None:
    """Write the journal of a folder: the committed length in bytes of each file."""
    with whole_file(folder / JOURNAL_NAME) as stream:
        stream.write(b"".join(_journal_line(name, length) for name, length in lengths.items()))


def _journal_line(name: str, length: int) -> bytes:
    return json.dumps([name, length]).encode() + b"\n"


class RawFolders:
    """The WARC folders of one archive, as its owner may use them: those that it may write, and those only to read.

    `claim` makes one. An instance that was not claimed owns no folder yet.
    """

    def __init__(self, db: Database, database: Path) -> None:
        self._db = db
        self._database = database
        self._parent = database.parent
        self._own_names = (f"{database.name}{RAW_ENDING}", f"{database.name}{MERGED_ENDING}")
        self._owned: dict[str, _OwnedFolder] = {}

    @classmethod
    def claim(cls, db: Database, database: Path, *, own_warc: bool = False) -> RawFolders:
        """Lock the folders that an archive owns, until `release`.

        CopiedArchive if a folder belongs to the database that this one is a copy of; with `own_warc` such a folder is
        only read from then on. ForeignFolder if another archive's folder has the name of this one's. InUse if another
        process writes one.
        """
        folders = cls(db, database)
        try:
            folders._claim(own_warc=own_warc)
        except BaseException:
            folders.release()
            raise
        _CLAIMS[os.path.realpath(database)] = folders
        return folders

    def release(self) -> None:
        """Unlock all folders."""
        while self._owned:
            self._owned.popitem()[1].close()
        if _CLAIMS.get(os.path.realpath(self._database)) is self:
            del _CLAIMS[os.path.realpath(self._database)]

    def owns(self, file: str) -> bool:
        """Return whether a WARC file, by its name in rows, is in a folder that this archive may write."""
        return split_name(file)[0] in self._owned

    def committed(self, file: str) -> int:
        """Return the committed length of a WARC file by the journal of its folder; 0 for one that it does not name."""
        folder_name, name = split_name(file)
        return self._owned[folder_name].committed.get(name, 0) if folder_name in self._owned else 0

    def committed_files(self) -> Iterator[tuple[str, int]]:
        """Yield each file of the owned folders that has committed bytes: its name in rows, and its length."""
        for folder_name, folder in self._owned.items():
            for name, length in folder.committed.items():
                if length:
                    yield f"{folder_name}/{name}", length

    def begin(self, file: str) -> None:
        """Note that a file is this archive's, before it is made. The folder is made if it is missing."""
        folder_name, name = split_name(file)
        if folder_name not in self._owned:
            self._own(folder_name)
        self._owned[folder_name].note(name, 0)

    def note(self, file: str, length: int) -> None:
        """Note that a file is committed up to this length; to be called after the database's commit."""
        folder_name, name = split_name(file)
        self._owned[folder_name].note(name, length)

    def recover(self, away_names: Mapping[str, object]) -> Recovery:
        """Set torn bytes aside, and compare files with the database's table. Files that are away are as they were."""
        rows = {str(name): int(length) for name, length in self._db.execute(_LENGTHS)}
        recovery = Recovery(self._database)
        journal_names = [
            f"{folder_name}/{name}" for folder_name, folder in self._owned.items() for name in folder.committed
        ]
        for name in dict.fromkeys((*rows, *journal_names)):
            if name not in away_names:
                recovery = self._recover_file(name, rows.get(name, 0), recovery)
        return recovery

    def _recover_file(self, name: str, row_length: int, recovery: Recovery) -> Recovery:
        folder_name, file_name = split_name(name)
        path, folder = warc_path(self._database, name), self._owned.get(folder_name)
        size = path.stat().st_size if path.is_file() else 0
        journal_length = folder.committed.get(file_name) if folder else None
        length = max(row_length, journal_length or 0)
        if size < length:
            recovery = replace(recovery, short_names=(*recovery.short_names, name))
        if folder is None:
            return recovery
        if journal_length is None:  # it came by another way than this archive's writer: all of it stays
            folder.note(file_name, max(row_length, size))
            return recovery
        folder.note(file_name, length)
        if size > length and (tail := set_aside(path, length)):
            torn_bytes = recovery.torn_bytes + size - length
            recovery = replace(recovery, torn_bytes=torn_bytes, tails=(*recovery.tails, f"{folder_name}/{tail.name}"))
        if length > row_length:
            unnamed_folders = tuple(dict.fromkeys((*recovery.unnamed_folders, folder_name)))
            unnamed_bytes = recovery.unnamed_bytes + length - row_length
            recovery = replace(recovery, unnamed_bytes=unnamed_bytes, unnamed_folders=unnamed_folders)
        return recovery

    def _claim(self, *, own_warc: bool) -> None:
        for name in self._own_names:
            if leads_astray(self._parent / name):
                raise ForeignFolder(self._database, self._parent / name)
        for name in self._own_names:
            self._follow_rename(name)
        named_folders = (split_name(str(name))[0] for (name,) in self._db.execute("SELECT name FROM _warc_files"))
        names = [name for name in dict.fromkeys((*self._own_names, *named_folders)) if (self._parent / name).is_dir()]
        owners = {name: self._other_owner(name) for name in names if self._is_ours(name)}
        for name in filter(owners.get, owners):
            if not own_warc or name in self._own_names:
                raise CopiedArchive(self._database, self._parent / name, owners[name])
        if any(owners.values()):
            self._put_id(token_hex(16))
        for name in (name for name, owner in owners.items() if not owner):
            if os.access(self._parent / name, os.W_OK):
                self._own(name)

    def _is_ours(self, name: str) -> bool:
        """Return whether a folder is this archive's by its id. ForeignFolder if only its name is."""
        identity, own_id = read_identity(self._parent / name), self._id()
        is_own_name = name in self._own_names
        if identity is None or identity.id == own_id or (is_own_name and not own_id):
            return True
        if is_own_name:
            raise ForeignFolder(self._database, self._parent / name)
        return False

    def _other_owner(self, name: str) -> str:
        """Return the name of the other database beside a folder that owns it; empty if there is none any more.

        The copy of a folder that still stands beside it states that one's owner, and is not owned by it.
        """
        identity = read_identity(self._parent / name)
        if identity and identity.name != name and read_identity(self._parent / identity.name) == identity:
            return ""
        owner = identity.database if identity else _default_owner(name)
        file = self._parent / PurePosixPath(owner).name
        if not file.is_file() or file.samefile(self._database):
            return ""
        return "" if identity and stated_id(file) not in ("", identity.id) else owner

    def _own(self, name: str) -> None:
        """Lock a folder, made if it is missing, and state whose it is."""
        path = self._parent / name
        if name not in self._own_names and not path.is_dir():
            raise NotReachable(f"{path} is no folder that {self._database} may write")
        found = raw_folder(self._parent, name)
        if found != path and not Path(str(found).removesuffix(RAW_ENDING)).is_file():  # not that of a complete copy
            raise NotReachable(f"{found} was {path}: give it its name back")
        make_folder(path, is_private=not self._database.stat().st_mode & _OTHERS)
        identity = read_identity(path)
        self._owned[name] = _OwnedFolder(path)
        own_id = self._id() or (identity.id if identity else token_hex(16))
        if own_id != self._id():
            self._put_id(own_id)
        put_identity(path, FolderIdentity(own_id, name, self._database.name), identity)

    def _follow_rename(self, name: str) -> None:
        """Have the rows name a folder that was moved, or copied, together with its database as it is named now."""
        path = self._parent / name
        identity = read_identity(path)
        if identity is None or identity.name == name or identity.id != self._id():
            return
        old_start = f"{identity.name}/"
        with write_transaction(self._db):
            for table, column in _FILE_COLUMNS:
                self._db.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    [f"{name}/", len(old_start) + 1, len(old_start), old_start],
                )
        put_identity(path, FolderIdentity(identity.id, name, self._database.name), identity)

    def _id(self) -> str:
        return stored_id(self._db)

    def _put_id(self, folder_id: str) -> None:
        with write_transaction(self._db):
            self._db.execute(STORE_FACT, [_ID_KEY, folder_id])


_CLAIMS: dict[str, RawFolders] = {}
"""Folders that this process has claimed, by the real path of their database."""


def claimed_folders(db: Database) -> RawFolders:
    """Return the folders that this process has claimed for an open archive; of another archive, none is owned."""
    database = database_file(db)
    return _CLAIMS.get(os.path.realpath(database)) or RawFolders(db, database)


def stored_id(db: Database) -> str:
    """Return the id of its WARC folders that a database states; empty if it has none yet."""
    row = db.execute(_READ_ID, [_ID_KEY]).fetchone()
    return str(row[0]) if row else ""


def rename_file(db: Database, name: str, new_name: str) -> None:
    """Have all rows call a WARC file by another name. Runs in the caller's transaction."""
    for table, column in _FILE_COLUMNS if name != new_name else ():
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [new_name, name])


def unshare(path: Path) -> None:
    """Give a file bytes of its own, before it is written, if it has other names: those of backups by hard link."""
    if path.stat().st_nlink > 1:
        with whole_file(path) as copy, path.open("rb") as stream:
            shutil.copyfileobj(stream, copy)


_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_folder(folder: Path, *, is_private: bool = False) -> None:
    """Make a folder if it is missing, for its owner alone if it is private; make the disk confirm its name."""
    if not folder.is_dir():
        folder.mkdir(0o700 if is_private else 0o777, exist_ok=True)
        sync_folder(folder.parent)


def _default_owner(name: str) -> str:
    """Return the database that a folder without a record of its owner is named after."""
    ending = MERGED_ENDING if name.endswith(MERGED_ENDING) else RAW_ENDING
    return name.removesuffix(ending)


def stated_id(database: Path) -> str:
    """Return the id of the WARC folder that another database states; empty if it states none that can be read."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute(_READ_ID, [_ID_KEY]).fetchone()
        return str(row[0]) if row else ""
    return ""


def put_identity(folder: Path, identity: FolderIdentity, stored: FolderIdentity | None) -> None:
    """State whose a folder is, unless that is what is `stored` in it."""
    if identity != stored:
        with whole_file(folder / IDENTITY_NAME) as stream:
            stream.write(json.dumps(asdict(identity)).encode())
