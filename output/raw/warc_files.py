"""The WARC files of an archive: appended to in step with its transactions, or away in a store.

WARC files of an archive that are not beside it: a list, in a file beside it, of what lies in a store.

Such a file is complete. Nothing is appended to it, a payload that it holds is not stored again, and what is to be
erased in it waits until the file is there.

The WARC files of an archive: appended to in step with its transactions, truncated to what was committed.

Table `warc_files` holds the committed length of each file. A batch's records are appended and synced to disk before the
transaction that names them commits, so a row never names what is not there; what a run wrote and could not commit is
cut off when the next one begins. Files that the table does not know are never touched. A file may be away
(`away_files.py`): it counts as there, complete, and is not appended to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from sqlite_utils import Database

from broadsheet.output.archive.archive_errors import NotAnArchive
from broadsheet.output.archive.archive_file import database_file
from broadsheet.output.archive.atomic_writes import sync_folder, whole_file, write_transaction

AWAY_ENDING = ".away"
"""Appended to an archive's name for the list."""


@dataclass(frozen=True, slots=True)
class AwayFile:
    """A WARC file by its name relative to the archive, its length in bytes, its SHA-256 in hexadecimal digits, and the
    key of its bytes in the store."""

    name: str
    length: int
    sha256: str
    key: str

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Self:
        """A file as JSON lists it. KeyError, ValueError or TypeError if it is none."""
        return cls(str(values["name"]), int(str(values["length"])), str(values["sha256"]), str(values["key"]))


def read_away_files(database: Path) -> Mapping[str, AwayFile]:
    """The files of an archive that are away, by name; most archives have none. NotAnArchive if the list is damaged."""
    path = away_path(database)
    try:
        rows = json.loads(path.read_bytes())
        files = [AwayFile.from_values(row) for row in rows]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnArchive(f"{path} is damaged; it lists the WARC files that are in a store") from error
    return {file.name: file for file in files}


def write_away_files(database: Path, files: Iterable[AwayFile]) -> None:
    """Replace the list, whole or not at all; an empty one goes."""
    path, rows = away_path(database), [asdict(file) for file in files]
    if not rows:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as stream:
        stream.write(json.dumps(rows, indent=0).encode())


def away_path(database: Path) -> Path:
    """Where the list of an archive is."""
    return database.with_name(f"{database.name}{AWAY_ENDING}")


WARC_FILE_SIZE = 10**9
"""Bytes after which the next file begins: what the WARC standard recommends (annex C)."""

MERGED_ENDING = ".merged.warc"
"""Ending of the folder with copies of another archive's files. They may grow there, so nothing is appended here."""

sync_to_disk = getattr(os, "fdatasync", os.fsync)
"""Makes the disk confirm a file's bytes."""

_NEWEST_OWN_FILE = f"""SELECT name, length FROM _warc_files WHERE name NOT GLOB '*{MERGED_ENDING}/*'
    ORDER BY begun_at DESC, name DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class WrittenSpan:
    """Where appended bytes stand: the file's name relative to the database, offset and length in bytes."""

    file: str
    offset: int
    length: int


class WarcFiles:
    """The WARC files that one archive appends to. Only the owner of the archive may use it.

    `first_record` makes the record that begins a file, or a run's part of it, from the file's name.
    """

    def __init__(
        self,
        db: Database,
        database: Path,
        clock: Callable[[], str],
        first_record: Callable[[str], bytes],
        size_limit: int = WARC_FILE_SIZE,
    ) -> None:
        self._db = db
        self._folder = database.parent
        self._away_files = read_away_files(database)
        self._folder_name = f"{database.name}.warc"
        self._stem = database.stem
        self._clock = clock
        self._first_record = first_record
        self._size_limit = size_limit
        self._name = ""
        self._fd = -1
        self._length = self._committed_length = 0
        self._has_uncommitted = self._has_first_record = False
        self.total_bytes = int(db.execute("SELECT coalesce(sum(length), 0) FROM _warc_files").fetchone()[0])
        """Committed bytes of all files."""

    def make_room(self, size: int) -> None:
        """Have a file open that takes `size` more bytes within the size limit, or an empty one."""
        if self._fd >= 0 and (not self._length or self._length + size <= self._size_limit):
            return
        if self._fd < 0 and self._reopen_newest(size):
            return
        self.close()
        self._begin_file()

    def append(self, *parts: bytes) -> WrittenSpan:
        """Write bytes at the end; they count only after `sync` and the commit that follows it."""
        self._has_uncommitted = True
        if not self._has_first_record:
            self._has_first_record = True
            self._write(self._first_record(PurePosixPath(self._name).name))
        offset = self._length
        for part in parts:
            self._write(part)
        return WrittenSpan(self._name, offset, self._length - offset)

    def sync(self) -> None:
        """Make the disk confirm what was appended, and note it; to be called inside the transaction that names it.

        OSError if the file has been deleted or replaced since it was opened: what is appended would go with it.
        """
        if self._has_uncommitted:
            self._check_in_place()
            sync_to_disk(self._fd)
            self._db.execute("UPDATE _warc_files SET length = ? WHERE name = ?", [self._length, self._name])

    def mark_committed(self) -> None:
        """To be called after the transaction was committed."""
        if self._has_uncommitted:
            self._has_uncommitted = False
            self.total_bytes += self._length - self._committed_length
            self._committed_length = self._length

    def roll_back(self) -> None:
        """To be called after the transaction failed: cut off what was appended for it."""
        if self._has_uncommitted:
            self._has_uncommitted = self._has_first_record = False
            self._length = self._committed_length
            try:
                os.ftruncate(self._fd, self._committed_length)
            except OSError:
                self.close()  # the next batch finds it too long, and begins another

    def close(self) -> None:
        """Close the file; a later `make_room` opens one again."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._has_first_record = -1, False

    def _check_in_place(self) -> None:
        opened_file = os.fstat(self._fd)
        with suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samestat(opened_file, os.stat(self._folder / self._name)):
                return
        raise OSError(f"{self._name} is gone: it was deleted or replaced while it was written")

    def holds(self, name: str, end: int) -> bool:
        """Whether a WARC file is there, or away, and reaches to the byte `end`."""
        if name in self._away_files:
            return self._away_files[name].length >= end
        path = self._folder / name
        return path.is_file() and path.stat().st_size >= end

    def _write(self, data: bytes) -> None:
        for written in write_pieces(self._fd, data, self._length):
            self._length += written

    def _reopen_newest(self, size: int) -> bool:
        """Open the newest file if it is as long as was committed and has room; return whether it is open."""
        row = self._db.execute(_NEWEST_OWN_FILE).fetchone()
        if row is None or row[0] in self._away_files or (row[1] and row[1] + size > self._size_limit):
            return False
        path = warc_path(self._folder, row[0])
        if (path.is_file() and path.stat().st_size != row[1]) or (row[1] and not path.is_file()):
            return False
        self._open(*row)
        return True

    def _begin_file(self) -> None:
        """Begin a file. Its row is committed first, so that a file without a row is never ours.

        A file of somebody else that comes to have this name meanwhile is left as it is, and another name is taken.
        """
        while self._fd < 0:
            name, begun_at = self._free_name(), self._clock()
            with write_transaction(self._db):
                self._db.execute("INSERT INTO _warc_files (name, length, begun_at) VALUES (?, 0, ?)", [name, begun_at])
            try:
                self._open(name, 0, os.O_EXCL)
            except FileExistsError:
                with write_transaction(self._db):
                    self._db.execute("DELETE FROM _warc_files WHERE name = ?", [name])

    def _free_name(self) -> str:
        """A new name of prefix, time and serial number, as the standard advises (annex C)."""
        used_names = {name for (name,) in self._db.execute("SELECT name FROM _warc_files")}
        timestamp, number = "".join(filter(str.isdigit, self._clock()[:19])), len(used_names)
        while True:
            name = f"{self._folder_name}/{self._stem}-{timestamp}-{number:05d}.warc.gz"
            if name not in used_names and not os.path.lexists(self._folder / name):  # a link that leads nowhere too
                return name
            number += 1

    def _open(self, name: str, length: int, extra_flags: int = 0) -> None:
        """Open a file, made if missing, to append after its `length` committed bytes."""
        path = warc_path(self._folder, name)
        make_folder(path.parent)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | extra_flags, 0o666)
        self._name, self._length, self._committed_length, self._has_first_record = name, length, length, False
        sync_folder(path.parent)


def warc_path(folder: Path, name: str) -> Path:
    """The path of an archive's own WARC file; NotAnArchive for a name that leads elsewhere, as a forged row's may."""
    parts = PurePosixPath(name).parts
    path = folder / name
    if len(parts) != 2 or ".." in parts or not parts[0].endswith(".warc") or path.is_symlink():
        raise NotAnArchive(f"table warc_files names {name}, which is no WARC file of this archive")
    return path


def truncate_to_committed(db: Database, folder: Path) -> tuple[int, tuple[str, ...]]:
    """Truncate each file to its committed length; return the bytes cut off, and the names of too short files.

    A file that is away is as long as it was when it went.
    """
    cut_bytes, short_names, away_files = 0, [], read_away_files(database_file(db))
    rows = db.execute("SELECT name, length FROM _warc_files").fetchall()
    for name, length in (row for row in rows if row[0] not in away_files):
        path = warc_path(folder, name)
        actual_length = path.stat().st_size if path.is_file() else 0
        if actual_length > length:
            cut_bytes += actual_length - length
            os.truncate(path, length)
        elif actual_length < length:
            short_names.append(name)
    return cut_bytes, tuple(short_names)


def write_pieces(fd: int, data: bytes, offset: int) -> Iterator[int]:
    """Write bytes at an offset of an open file; gives how many the system took, each time that it took some."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        offset += written
        view = view[written:]
        yield written


def make_folder(folder: Path) -> None:
    """Make a folder if it is missing, and make the disk confirm its name."""
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
