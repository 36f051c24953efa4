"""The archives of a reading room: a single one, or all in a folder.

Each file is opened for a single request, and no connection outlives it. A crawl that begins and ends under an open page
leaves one file, out of WAL mode.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from ..archive.archive_errors import ArchiveError, NotAnArchive, NotReachable
from ..archive.archive_file import archive_path, open_database

_ENDINGS = (".db", ".sqlite", ".sqlite3")


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An archive: its name in addresses, and its file."""

    name: str
    path: Path

    def check(self) -> None:
        """Raise ArchiveError if it cannot be read."""
        with self.open():
            return

    @property
    def is_readable(self) -> bool:
        """Return whether it can be read."""
        try:
            self.check()
        except ArchiveError:
            return False
        return True

    @contextmanager
    def open(self) -> Iterator[Database]:
        """Open the archive as it stands at one moment, until the context closes.

        Raises ArchiveError if it cannot be read.
        """
        db = open_database(self.path, read_only=True)
        try:
            db.conn.execute("BEGIN")
            yield db
        except sqlite3.DatabaseError as error:
            raise NotAnArchive(f"{self.path} cannot be read: {error}") from error
        finally:
            db.close()


@dataclass(slots=True)
class Library:
    """The archives by name, in the order in which they are listed.

    A desk puts another mapping in place when archives come or go, so that who reads the one before is not disturbed.
    """

    archives: Mapping[str, ArchiveFile]

    @property
    def only_archive(self) -> ArchiveFile | None:
        """Return the only archive of a library; None if it has several."""
        return next(iter(self.archives.values())) if len(self.archives) == 1 else None

    @classmethod
    def at(cls, path: Path) -> Library:
        """Open the library at a path: an archive, or a folder of archives.

        In a folder, archives that cannot be read are left out. Raises ArchiveError if there is none.
        """
        files = [path] if not path.is_dir() else [file for file in sorted(path.iterdir()) if file.suffix in _ENDINGS]
        archives: dict[str, ArchiveFile] = {}
        for file in files:
            archive = ArchiveFile(_free_name(file.stem, archives), archive_path(file))
            if not path.is_dir() or archive.is_readable:
                archives[archive.name] = archive
        if not path.is_dir():
            archives[next(iter(archives))].check()
        if not archives:
            raise NotReachable(f"{path} holds no archive that can be read")
        return cls(archives)


def _free_name(stem: str, taken: Mapping[str, object]) -> str:
    """Return a name for addresses, of letters and digits, that is not taken."""
    name = "".join(char if char.isalnum() or char in "-_." else "-" for char in stem).strip(".") or "archive"
    names = (name if number == 1 else f"{name}-{number}" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in names if candidate not in taken)
