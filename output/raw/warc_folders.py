"""WARC folders of an archive: their identity, their lock, and the journal of what is committed in their files.

An archive has two folders at most, with its own name and an ending for the role: `.warc` for what it fetched itself,
`.merged.warc` for copies of other archives' files. A row names role and file, as `.warc/FILE`. Appended to the path of
the database, whatever that is called by now, this is the file's path. So no archive names another's folder.

A folder is the only authority over its bytes. `folder.json` in it has a random id, which table `meta` of its archive
has too. `committed.jsonl` is its journal. Each commit adds a line with a file's name and its committed length. The
greatest length of a name counts.

A batch is stored in this order: its records are appended and synced, the database commits the rows and the file's
length, the journal gets its line and is synced. So after a crash the committed length is the greater one of the
journal and the row:

- before the database's commit both have the old length, and the bytes beyond it are torn;
- between commit and journal the row has the new one, and the journal is brought up to it;
- after an older database was put back the journal has more than the rows, and the bytes stay for
  `broadsheet import --own`.

Torn bytes are moved to `NAME.tail-N` beside the file. Nothing else is moved or cut. Files that the journal does not
name are left alone.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from secrets import token_hex
from shlex import quote
from typing import BinaryIO

from sqlite_utils import Database

from ..archive.archive_errors import ArchiveError, NotAnArchive
from ..archive.archive_file import database_file, folder_mode
from ..archive.archive_lock import ArchiveLock
from ..archive.atomic_writes import sync_folder, whole_file, write_transaction
from ..archive.stored_values import STORE_FACT

RAW_ENDING = ".warc"
"""Role and ending of the folder that an archive's own responses go to, after the database's name."""

MERGED_ENDING = ".merged.warc"
"""Role of the folder with copies of other archives' files. Those may grow at their source: append nothing to them."""

_ROLES = (RAW_ENDING, MERGED_ENDING)

IDENTITY_NAME = "folder.json"
JOURNAL_NAME = "committed.jsonl"
_LOCK_STEM = "folder"  # `ArchiveLock` appends its ending
_TAIL = ".tail-"
_JOURNAL_SLACK = 64 * 1024  # bytes of older lines with which a journal is left as it is
_MOST_BYTES = 64 << 20  # that are read of a folder's identity or journal: far more than either ever has
_ID_KEY = "warc_folder_id"
_READ_ID = "SELECT value FROM meta WHERE key = ?"
_LENGTHS = "SELECT name, length FROM _warc_files ORDER BY name"
_HAS_FILES = "SELECT 1 FROM _warc_files WHERE length > 0 AND name GLOB ? LIMIT 1"

sync_to_disk = getattr(os, "fdatasync", os.fsync)
"""Makes the disk confirm a file's bytes."""


class MisplacedFolder(ArchiveError):  # noqa: N818 - named by what it is
    """An archive whose WARC folder has the name of another database. Nothing was written."""

    def __init__(self, database: Path, found: Path, folder: Path) -> None:
        owner = found.with_name(found.name.removesuffix(MERGED_ENDING).removesuffix(RAW_ENDING))
        verb = "cp -r" if owner.is_file() else "mv"
        super().__init__(
            f"{database} is without its raw responses, and can only be read: their folder is called {found.name}; to"
            f" write to it too, {verb} {quote(str(found))} {quote(str(folder))}"
        )


class ForeignFolder(ArchiveError):  # noqa: N818
    """A folder with an archive's name that belongs to another archive. Nothing was written."""

    def __init__(self, database: Path, folder: Path) -> None:
        super().__init__(
            f"{folder} is the folder of another archive than {database}: put its own folder back, or move this one away"
        )


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
    for role, folder in zip(_ROLES, own_folders(database), strict=True):
        if not (folder_id := read_folder_id(folder)) or folder_id != stored_id(db):
            continue
        journal = read_committed(folder)
        rows = {str(name): int(length) for name, length in db.execute(_LENGTHS)}
        newer = (length - rows.get(f"{role}/{name}", 0) for name, length in journal.items())
        if byte_count := sum(count for count in newer if count > 0):
            yield _newer_text(folder.name, byte_count, database)


def _newer_text(folders: str, byte_count: int, database: Path) -> str:
    return (
        f"{folders}: {byte_count:,} bytes of raw responses are newer than the database, as after an older copy of it"
        f" was put back; broadsheet import --own --db {database} takes them in"
    )


def open_regular(path: Path, *, follows_links: bool = True) -> BinaryIO:
    """Open an ordinary file for reading. OSError for any other: opening a pipe would wait for its other end."""
    flags = getattr(os, "O_NONBLOCK", 0) | (0 if follows_links else getattr(os, "O_NOFOLLOW", 0))
    stream = os.fdopen(os.open(path, os.O_RDONLY | flags), "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(0, "no ordinary file")
    return stream


def read_folder_id(folder: Path) -> str:
    """Read the id that a folder states; empty if it states none. NotAnArchive if it cannot be read."""
    path = folder / IDENTITY_NAME
    try:
        with open_regular(path, follows_links=False) as stream:
            return str(json.loads(stream.read(_MOST_BYTES))["id"])
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotAnArchive(f"{path} is damaged; it says whose WARC files are beside it") from error


def is_warc_folder(folder: Path) -> bool:
    """Return whether a folder is the WARC folder of some archive, by its identity file and journal."""
    return (folder / IDENTITY_NAME).is_file() and (folder / JOURNAL_NAME).is_file()


def leads_astray(folder: Path) -> bool:
    """Return whether a folder is a link to a folder of other things than WARC files, as a stranger may plant.

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


def own_folders(database: Path) -> tuple[Path, Path]:
    """Return the folders of an archive's own WARC files, and of its copies of others'; either may be missing.

    >>> own_folders(Path("/tmp/news.db"))
    (PosixPath('/tmp/news.db.warc'), PosixPath('/tmp/news.db.merged.warc'))
    """
    return Path(f"{database}{RAW_ENDING}"), Path(f"{database}{MERGED_ENDING}")


def shown_name(database: Path, name: str) -> str:
    """Return the name of a file in rows as a person sees it from the archive's folder.

    >>> shown_name(Path("/tmp/news.db"), ".warc/news-2026.warc.gz")
    'news.db.warc/news-2026.warc.gz'
    """
    return f"{database.name}{name}" if _has_role(name) else name


def row_name(database: Path, path: Path) -> str:
    """Return the name of a file in rows: role and file in the archive's own folders; else the path, relative to the
    archive's folder for what lies below it.

    >>> row_name(Path("/tmp/news.db"), Path("/tmp/news.db.warc/a.warc.gz"))
    '.warc/a.warc.gz'
    >>> row_name(Path("/tmp/news.db"), Path("/tmp/old/a.warc.gz"))
    'old/a.warc.gz'
    """
    file = Path(os.path.abspath(path))
    for role, folder in zip(_ROLES, own_folders(database), strict=True):
        if file.parent == folder:
            return f"{role}/{file.name}"
    name = file.relative_to(database.parent).as_posix() if file.is_relative_to(database.parent) else ""
    return str(file) if _has_role(name) else name or str(file)


def _has_role(name: str) -> bool:
    return str.startswith(name, tuple(f"{role}/" for role in _ROLES))


def split_name(name: str) -> tuple[str, str]:
    """Split the name of an archive's own WARC file into role and file.

    NotAnArchive for a name that leads elsewhere, as a forged row's may.
    """
    parts = PurePosixPath(name).parts
    if len(parts) != 2 or parts[1] == ".." or parts[0] not in _ROLES:
        raise NotAnArchive(f"table _warc_files names {name}, which is not a WARC file of this archive")
    return parts[0], parts[1]


def warc_path(database: Path, name: str) -> Path:
    """Return the path of an archive's own WARC file, which may be missing; NotAnArchive if it is no ordinary file."""
    path = Path("".join((str(database), "/".join(split_name(name)))))
    if leads_astray(path.parent):
        raise NotAnArchive(f"{path.parent} is a link that does not lead to a WARC folder")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise NotAnArchive(f"table _warc_files names {name}, which is not a WARC file of this archive")
    return path


def tail_files(database: Path) -> list[str]:
    """Return the files beside an archive's WARC files to which torn bytes were moved; no takedown reaches into them."""
    return sorted(str(path) for folder in own_folders(database) for path in folder.glob(f"*{_TAIL}*"))


def unknown_files(database: Path) -> list[str]:
    """Return unknown files in an archive's WARC folders, such as conflict copies; takedowns cannot reach them."""
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

    `base` is the archive's file, or a folder for files without an archive. OSError for a file that a link leads out of
    its WARC folder.
    """
    if base.is_dir() or not _has_role(name):
        return (base if base.is_dir() else base.parent) / name
    path = Path(f"{base}{name}")
    folder = Path(f"{base}{name.partition('/')[0]}")
    if leads_astray(folder):
        raise OSError(0, "in a folder that is a link, but not to a WARC folder")
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
    """The WARC folders of one archive, by their roles, as its owner may write them.

    `claim` makes one. An instance that was not claimed owns no folder yet.
    """

    def __init__(self, db: Database, database: Path) -> None:
        self._db = db
        self._database = database
        self._owned: dict[str, _OwnedFolder] = {}

    @classmethod
    def claim(cls, db: Database, database: Path) -> RawFolders:
        """Lock the folders of an archive, until `release`.

        MisplacedFolder if one that it lacks has the name of another database, as after a copy of the database alone.
        ForeignFolder if another archive's folder has the name of this one's. InUse if another process writes one.
        """
        folders = cls(db, database)
        try:
            for role, folder in zip(_ROLES, own_folders(database), strict=True):
                folders._claim(role, folder)
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
        role, name = split_name(file)
        return self._owned[role].committed.get(name, 0) if role in self._owned else 0

    def committed_files(self) -> Iterator[tuple[str, int]]:
        """Yield each file of the owned folders that has committed bytes: its name in rows, and its length."""
        for role, folder in self._owned.items():
            for name, length in folder.committed.items():
                if length:
                    yield f"{role}/{name}", length

    def begin(self, file: str) -> None:
        """Register a file before it is made. The folder is made if it is missing."""
        role, name = split_name(file)
        if role not in self._owned:
            self._own(role)
        self._owned[role].note(name, 0)

    def note(self, file: str, length: int) -> None:
        """Note that a file is committed up to this length; to be called after the database's commit."""
        role, name = split_name(file)
        self._owned[role].note(name, length)

    def recover(self, away_names: Mapping[str, object]) -> Recovery:
        """Set torn bytes aside, and compare files with the database's table; files in a store are left alone."""
        rows = {str(name): int(length) for name, length in self._db.execute(_LENGTHS)}
        recovery = Recovery(self._database)
        journal_names = [f"{role}/{name}" for role, folder in self._owned.items() for name in folder.committed]
        for name in dict.fromkeys((*rows, *journal_names)):
            if name not in away_names:
                recovery = self._recover_file(name, rows.get(name, 0), recovery)
        return recovery

    def _recover_file(self, name: str, row_length: int, recovery: Recovery) -> Recovery:
        role, file_name = split_name(name)
        path, folder = warc_path(self._database, name), self._owned.get(role)
        size = path.stat().st_size if path.is_file() else 0
        journal_length = folder.committed.get(file_name) if folder else None
        length = max(row_length, journal_length or 0)
        if size < length:
            recovery = replace(recovery, short_names=(*recovery.short_names, shown_name(self._database, name)))
        if folder is None:
            return recovery
        if journal_length is None:  # it came by another way than this archive's writer: all of it stays
            folder.note(file_name, max(row_length, size))
            return recovery
        folder.note(file_name, length)
        if size > length and (tail := set_aside(path, length)):
            tails = (*recovery.tails, f"{tail.parent.name}/{tail.name}")
            recovery = replace(recovery, torn_bytes=recovery.torn_bytes + size - length, tails=tails)
        if length > row_length:
            unnamed_folders = tuple(dict.fromkeys((*recovery.unnamed_folders, path.parent.name)))
            unnamed_bytes = recovery.unnamed_bytes + length - row_length
            recovery = replace(recovery, unnamed_bytes=unnamed_bytes, unnamed_folders=unnamed_folders)
        return recovery

    def _claim(self, role: str, folder: Path) -> None:
        folder_id, own_id = read_folder_id(folder), self._id()
        if leads_astray(folder) or (own_id and folder_id and folder_id != own_id):
            raise ForeignFolder(self._database, folder)
        if folder.is_dir():
            if os.access(folder, os.W_OK):
                self._own(role)
        elif own_id and self._db.execute(_HAS_FILES, [f"{role}/*"]).fetchone():
            for found in sorted(folder.parent.glob(f"*{role}")):
                if read_folder_id(found) == own_id and found.name.endswith(MERGED_ENDING) == (role == MERGED_ENDING):
                    raise MisplacedFolder(self._database, found, folder)

    def _own(self, role: str) -> None:
        """Lock a folder, made if it is missing, and write its owner's id."""
        folder = Path(f"{self._database}{role}")
        make_folder(folder, folder_mode(self._database))
        self._owned[role] = _OwnedFolder(folder)
        folder_id = read_folder_id(folder)
        own_id = self._id() or folder_id or token_hex(16)
        if own_id != self._id():
            with write_transaction(self._db):
                self._db.execute(STORE_FACT, [_ID_KEY, own_id])
        put_folder_id(folder, own_id, folder_id)

    def _id(self) -> str:
        return stored_id(self._db)


_CLAIMS: dict[str, RawFolders] = {}
"""Folders that this process has claimed, by the real path of their database."""


def claimed_folders(db: Database) -> RawFolders:
    """Return the folders that this process has claimed for an open archive; of another archive, none is owned."""
    database = database_file(db)
    return _CLAIMS.get(os.path.realpath(database)) or RawFolders(db, database)


def stated_id(database: Path) -> str:
    """Return the id of the WARC folders that another database states; empty if it states none that can be read."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return stored_id(Database(connection))
    return ""


def stored_id(db: Database) -> str:
    """Return the id of its WARC folders that a database states; empty if it has none yet."""
    row = db.execute(_READ_ID, [_ID_KEY]).fetchone()
    return str(row[0]) if row else ""


def unshare(path: Path) -> None:
    """Break a file's hard links (of backups) before it is written."""
    if path.stat().st_nlink > 1:
        with whole_file(path) as copy, path.open("rb") as stream:
            shutil.copyfileobj(stream, copy)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder if it is missing, and make the disk confirm its name."""
    if not folder.is_dir():
        folder.mkdir(mode, exist_ok=True)
        sync_folder(folder.parent)


def put_folder_id(folder: Path, folder_id: str, stored: str) -> None:
    """Write the id of a folder, unless it is `stored` there already."""
    if folder_id != stored:
        with whole_file(folder / IDENTITY_NAME) as stream:
            stream.write(json.dumps({"id": folder_id}).encode())
