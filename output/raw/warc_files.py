"""WARC files of an archive: records appended in step with its transactions, and the list of files in a store.

Table `_warc_files` holds the length of each file as far as rows know, the journal of its folder
(`broadsheet.output.raw.warc_folders`) the length that was committed. A batch's records are appended and synced to disk
before the transaction that names them commits, and the journal is written after it, so a row never names what is not
there. Files that the journal does not name are never touched.

A file may be away: a list beside the archive names the files that lie in a store. Such a file is complete. Nothing is
appended to it, a payload that it holds is not stored again, and what is to be erased in it waits until the file is
there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Self

from sqlite_utils import Database

from ..archive.archive_errors import NotAnArchive
from ..archive.atomic_writes import sync_folder, whole_file, write_transaction
from ..archive.stored_values import json_value
from .warc_folders import MERGED_ENDING, RAW_ENDING, claimed_folders, shown_name, sync_to_disk, warc_path

AWAY_ENDING = ".away"
"""Appended to an archive's name for the list."""


@dataclass(frozen=True, slots=True)
class StoredPiece:
    """An object of a store: its key, its length in bytes, and its SHA-256 in hexadecimal digits."""

    key: str
    length: int
    sha256: str

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Self:
        """Read a piece from its JSON. KeyError, ValueError or TypeError if that is malformed."""
        return cls(str(values["key"]), int(str(values["length"])), str(values["sha256"]))


@dataclass(frozen=True, slots=True)
class AwayFile:
    """A WARC file that lies in a store: its name in rows, and the pieces that it consists of."""

    name: str
    pieces: tuple[StoredPiece, ...]

    @property
    def length(self) -> int:
        """Return the number of bytes of the file."""
        return sum(piece.length for piece in self.pieces)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Read a file as JSON lists it, also by the name that schema 1 had for it. KeyError, ValueError or TypeError if
        it is none.
        """
        folder, _, name = str(values["name"]).rpartition("/")
        role = MERGED_ENDING if folder.endswith(MERGED_ENDING) else RAW_ENDING
        return cls(f"{role}/{name}", tuple(map(StoredPiece.from_values, values["pieces"])))


def read_away_files(database: Path) -> Mapping[str, AwayFile]:
    """Return the files of an archive that are away, by name; most archives have none. NotAnArchive if the list is
    damaged.
    """
    path = away_path(database)
    try:
        rows = json_value(path.read_text("utf-8"))
        files = [AwayFile.from_values(row) for row in rows]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnArchive(f"{path} is damaged; it lists the WARC files that are in a store") from error
    return {file.name: file for file in files}


def write_away_files(database: Path, files: Iterable[AwayFile]) -> None:
    """Replace the list atomically; an empty list removes the file."""
    path, rows = away_path(database), [asdict(file) for file in files]
    if not rows:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as stream:
        stream.write(json.dumps(rows, indent=0).encode())


def away_path(database: Path) -> Path:
    """Return the path of an archive's list."""
    return database.with_name(f"{database.name}{AWAY_ENDING}")


WARC_FILE_SIZE = 10**9
"""Bytes after which the next file begins: what the WARC standard recommends (annex C)."""

_OWN_FILES = f"""SELECT name, length FROM _warc_files WHERE name GLOB '{RAW_ENDING}/*'
    ORDER BY begun_at DESC, name DESC"""
_COMMITTED = "SELECT length FROM _warc_files WHERE name = ?"


class WrittenSpan(NamedTuple):
    """The place of appended bytes: the file's name in rows, offset and length in bytes."""

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
        self._database = database
        self._away_files = read_away_files(database)
        self._folders = claimed_folders(db)
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
        """Ensure that a file is open with room for `size` more bytes, or an empty one."""
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
        """Sync the appended bytes to the disk and note their length. Call it inside the transaction that names them.

        OSError if the file was deleted or replaced since it was opened: what is appended would go with it.
        """
        if self._has_uncommitted:
            self._check_in_place()
            sync_to_disk(self._fd)
            self._db.execute("UPDATE _warc_files SET length = ? WHERE name = ?", [self._length, self._name])

    def mark_committed(self) -> None:
        """Write the journal's lines for the appended bytes. Call it after the transaction is committed."""
        if self._has_uncommitted:
            self._has_uncommitted = False
            self.total_bytes += self._length - self._committed_length
            self._committed_length = self._length
            self._folders.note(self._name, self._length)

    def roll_back(self) -> None:
        """Cut off the bytes that a failed transaction appended, which no row names. Call it after the failure.

        DatabaseError if the database does not say whether it has committed; nothing is cut then.
        """
        if self._has_uncommitted and self._db.execute(_COMMITTED, [self._name]).fetchone() == (self._length,):
            self.mark_committed()
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
            if os.path.samestat(opened_file, os.stat(f"{self._database}{self._name}")):
                return
        name = shown_name(self._database, self._name)
        raise OSError(f"{name} is gone: it was deleted or replaced while it was written")

    def holds(self, name: str, end: int) -> bool:
        """Return whether a WARC file exists, here or in a store, and has at least `end` bytes."""
        if name in self._away_files:
            return self._away_files[name].length >= end
        path = warc_path(self._database, name)
        return self._folders.owns(name) and path.is_file() and path.stat().st_size >= end

    def _write(self, data: bytes) -> None:
        for written in write_pieces(self._fd, data, self._length):
            self._length += written

    def _reopen_newest(self, size: int) -> bool:
        """Open the newest file if its length is the committed one and it has room; return whether it is open."""
        rows = self._db.execute(_OWN_FILES)
        row = next((row for row in rows if self._folders.owns(row[0]) or self._is_new(row[0])), None)
        if row is None or row[0] in self._away_files or (row[1] and row[1] + size > self._size_limit):
            return False
        path = warc_path(self._database, row[0])
        actual_length = path.stat().st_size if path.is_file() else 0
        if actual_length != row[1] or self._folders.committed(row[0]) > row[1]:
            return False
        if path.is_file() and path.stat().st_nlink > 1:  # a backup by hard link would grow with it
            return False
        self._folders.begin(row[0])
        self._open(*row)
        return True

    def _is_new(self, name: str) -> bool:
        """Return whether a file would be in this archive's own folder, and that folder is not there."""
        return not warc_path(self._database, name).parent.is_dir()

    def _begin_file(self) -> None:
        """Begin a file. Journal and row name it first, so that a file without them is never ours.

        A file of somebody else that comes to have this name meanwhile is left as it is, and another name is taken.
        """
        while self._fd < 0:
            name, begun_at = self._free_name(), self._clock()
            self._folders.begin(name)
            with write_transaction(self._db):
                self._db.execute("INSERT INTO _warc_files (name, length, begun_at) VALUES (?, 0, ?)", [name, begun_at])
            try:
                self._open(name, 0, os.O_EXCL)
            except FileExistsError:
                with write_transaction(self._db):
                    self._db.execute("DELETE FROM _warc_files WHERE name = ?", [name])

    def _free_name(self) -> str:
        """Return a new name of prefix, time and serial number, as the standard advises (annex C)."""
        used_names = {name for (name,) in self._db.execute("SELECT name FROM _warc_files")}
        timestamp, number = "".join(filter(str.isdigit, self._clock()[:19])), len(used_names)
        while True:
            name = f"{RAW_ENDING}/{self._stem}-{timestamp}-{number:05d}.warc.gz"
            is_free = name not in used_names and not self._folders.committed(name)
            if is_free and not os.path.lexists(f"{self._database}{name}"):  # a link that leads nowhere too
                return name
            number += 1

    def _open(self, name: str, length: int, extra_flags: int = 0) -> None:
        """Open a file, made if missing, to append after its `length` committed bytes."""
        path = warc_path(self._database, name)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | extra_flags, 0o666)
        self._name, self._length, self._committed_length, self._has_first_record = name, length, length, False
        sync_folder(path.parent)


def put_file_lengths(db: Database, files: Iterable[tuple[str, int, str]]) -> None:
    """State (name, length, time of its beginning) of files; a greater length stays. Inside the caller's transaction."""
    db.conn.executemany(
        """INSERT INTO _warc_files (name, length, begun_at) VALUES (?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET length = max(length, excluded.length)""",
        files,
    )


def write_pieces(fd: int, data: bytes, offset: int) -> Iterator[int]:
    """Write bytes at an offset of an open file. Yield how many the system took, each time that it took some."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        offset += written
        view = view[written:]
        yield written
