"""The holdings of a reading room: one archive, all those of a folder, or a data set by its catalogue.

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
from ..archive.archive_file import archive_path, check_companions, open_database
from ..archive.foreign_schema import distrust_schema

_ENDINGS = (".db", ".sqlite", ".sqlite3")
_CATALOGUE, _MANIFEST = "catalogue.db", "manifest.json"
_CATALOGUE_TABLES = {"articles", "articles_fts", "archives", "hosts", "files", "duplicates"}


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An archive by the name that stands in addresses, and its file."""

    name: str
    path: Path

    def check(self) -> None:
        """Raise ArchiveError if it cannot be read."""
        with self.open():
            return

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


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """The catalogue of a data set, in whose folder it stands."""

    path: Path

    @property
    def name(self) -> str:
        """Return the name of the data set: that of its folder."""
        return self.path.parent.name or "collection"

    @contextmanager
    def open(self) -> Iterator[Database]:
        """Open the catalogue until the context closes.

        Raises ArchiveError if it cannot be read.
        """
        check_companions(self.path)
        try:
            connection = sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise NotReachable(f"{self.path} cannot be read: {error}") from error
        try:
            distrust_schema(connection)
            yield Database(connection)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise NotAnArchive(f"{self.path} cannot be read: {error}; run broadsheet dataset again") from error
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Library:
    """The archives by name, in the order in which they are listed; or the catalogue of a data set, and no archives."""

    archives: Mapping[str, ArchiveFile]
    catalogue: CatalogueFile | None = None

    @classmethod
    def at(cls, path: Path) -> Library:
        """Open the library at a path: an archive, the catalogue or the folder of a data set, or a folder of archives.

        In a folder, archives that cannot be read are left out. Raises ArchiveError if there is none.
        """
        catalogue = _find_catalogue(path)
        if catalogue:
            return cls({}, catalogue)
        files = [path] if not path.is_dir() else [file for file in sorted(path.iterdir()) if file.suffix in _ENDINGS]
        archives: dict[str, ArchiveFile] = {}
        for file in files:
            archive = ArchiveFile(_free_name(file.stem, archives), archive_path(file))
            if not path.is_dir() or _is_readable(archive):
                archives[archive.name] = archive
        if not path.is_dir():
            archives[next(iter(archives))].check()
        if not archives:
            raise NotReachable(f"{path} holds no archive that can be read")
        return cls(archives)


def _find_catalogue(path: Path) -> CatalogueFile | None:
    """Find the catalogue that a path names, by itself or by the data set's folder."""
    is_dataset = path.is_dir() and (path / _MANIFEST).is_file()
    file = archive_path(path / _CATALOGUE if is_dataset else path)
    if not file.is_file():
        return None
    catalogue = CatalogueFile(file)
    try:
        with catalogue.open() as db:
            return catalogue if set(db.table_names()) >= _CATALOGUE_TABLES else None
    except ArchiveError:
        return None


def _free_name(stem: str, taken: Mapping[str, object]) -> str:
    """Return a name for addresses, of letters and digits, that is not taken."""
    name = "".join(char if char.isalnum() or char in "-_." else "-" for char in stem).strip(".") or "archive"
    names = (name if number == 1 else f"{name}-{number}" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in names if candidate not in taken)


def _is_readable(archive: ArchiveFile) -> bool:
    try:
        archive.check()
        return True
    except ArchiveError:
        return False
