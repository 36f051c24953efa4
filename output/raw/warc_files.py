"""The WARC files of an archive: appended to in step with its transactions, cut back to what was committed.

Table `warc_files` holds how long each file is as far as the rows know. A batch's records are appended and synced to
disk before the transaction that names them commits, so a row never names what is not there; what a run wrote and
could not commit is cut off when the next one begins. Files that the table does not know are never touched.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlite_utils import Database

from output.db.errors import NotAnArchive
from output.db.transaction import writing

SIZE = 10**9
"""Bytes after which the next file begins: what the WARC standard recommends (annex C)."""

SYNC = getattr(os, "fdatasync", os.fsync)
"""Makes the disk confirm a file's bytes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: the file's name relative to the database, offset and length in bytes."""

    file: str
    offset: int
    length: int


class WarcFiles:
    """The files that one archive appends to. One owner at a time: whoever owns the archive."""

    def __init__(
        self, db: Database, database: Path, clock: Callable[[], str], begin: Callable[[str], bytes], size: int = SIZE
    ) -> None:
        self._db = db
        self._folder = database.parent
        self._own = f"{database.name}.warc"
        self._stem = database.stem
        self._clock = clock
        self._begin = begin  # a name to the record that begins, or goes on with, a file of that name
        self._size = size
        self._name = ""
        self._fd = -1
        self._length = self._sure = 0  # written, and committed
        self._dirty = self._greeted = False
        self.total = int(db.execute("SELECT coalesce(sum(length), 0) FROM warc_files").fetchone()[0])
        """Committed bytes of all files."""

    def make_room(self, size: int) -> None:
        """Have a file open that takes `size` more bytes within its bound, or an empty one."""
        if self._fd >= 0 and (not self._length or self._length + size <= self._size):
            return
        if self._fd < 0 and self._take_up(size):
            return
        self.close()
        self._new()

    def append(self, *parts: bytes) -> Place:
        """Write bytes at the end; they count only after `sync` and the commit that follows it."""
        self._dirty = True
        if not self._greeted:
            self._greeted = True
            self._write(self._begin(PurePosixPath(self._name).name))
        offset = self._length
        for part in parts:
            self._write(part)
        return Place(self._name, offset, self._length - offset)

    def sync(self) -> None:
        """Make the disk confirm what was appended, and note it; to be called inside the transaction that names it."""
        if self._dirty:
            SYNC(self._fd)
            self._db.execute("UPDATE warc_files SET length = ? WHERE name = ?", [self._length, self._name])

    def committed(self) -> None:
        """The transaction is in."""
        if self._dirty:
            self._dirty = False
            self.total += self._length - self._sure
            self._sure = self._length

    def undo(self) -> None:
        """The transaction failed: take back what was appended for it."""
        if self._dirty:
            self._dirty = self._greeted = False
            self._length = self._sure
            try:
                os.ftruncate(self._fd, self._sure)
            except OSError:
                self.close()  # the next batch finds it too long, and begins another

    def close(self) -> None:
        """Let the file go."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._greeted = -1, False

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, self._length)
            self._length += written
            view = view[written:]

    def _take_up(self, size: int) -> bool:
        """Go on with the newest file, if it is as it was left and has room."""
        row = self._db.execute(
            "SELECT name, length FROM warc_files ORDER BY begun_at DESC, name DESC LIMIT 1"
        ).fetchone()
        if row is None or (row[1] and row[1] + size > self._size):
            return False
        path = own_file(self._folder, row[0])
        if (path.is_file() and path.stat().st_size != row[1]) or (row[1] and not path.is_file()):
            return False
        self._open(*row)
        return True

    def _new(self) -> None:
        """Begin a file. Its row is committed first, so that a file without a row is never ours."""
        (self._folder / self._own).mkdir(exist_ok=True)
        name = self._free_name()
        with writing(self._db):
            self._db.execute("INSERT INTO warc_files (name, length, begun_at) VALUES (?, 0, ?)", [name, self._clock()])
        self._open(name, 0)

    def _free_name(self) -> str:
        """Prefix, time and serial number, as the standard advises (annex C)."""
        taken = {name for (name,) in self._db.execute("SELECT name FROM warc_files")}
        at, number = "".join(filter(str.isdigit, self._clock()[:19])), len(taken)
        while True:
            name = f"{self._own}/{self._stem}-{at}-{number:05d}.warc.gz"
            if name not in taken and not (self._folder / name).exists():
                return name
            number += 1

    def _open(self, name: str, length: int) -> None:
        path = own_file(self._folder, name)
        path.parent.mkdir(exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        self._name, self._length, self._sure, self._greeted = name, length, length, False
        _sync_folder(path.parent)


def own_file(folder: Path, name: str) -> Path:
    """The path of a file that we may change; NotAnArchive for a name that leads elsewhere, as a forged row's may."""
    parts = PurePosixPath(name).parts
    path = folder / name
    if len(parts) != 2 or ".." in parts or not parts[0].endswith(".warc") or path.is_symlink():
        raise NotAnArchive(f"table warc_files names {name}, which is no WARC file of this archive")
    return path


def cut_back(db: Database, folder: Path) -> tuple[int, tuple[str, ...]]:
    """Cut each file to its last committed record; returns the bytes cut off, and the files that are too short."""
    cut, short = 0, []
    for name, length in db.execute("SELECT name, length FROM warc_files").fetchall():
        path = own_file(folder, name)
        found = path.stat().st_size if path.is_file() else 0
        if found > length:
            cut += found - length
            os.truncate(path, length)
        elif found < length:
            short.append(name)
    return cut, tuple(short)


def _sync_folder(folder: Path) -> None:
    """A new file's name is on disk too."""
    with suppress(OSError):  # not every system lets a folder be opened
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
