"""Which files belong to an archive, so that nothing else is ever written over them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from glob import escape
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.db.open import COMPANION_ENDINGS, SQLITE_HEADER, database_file

_NAMED_FILES = "SELECT name FROM warc_files UNION SELECT file FROM imports"


class OwnFiles:
    """The files of one archive: database, lock, backups, WARC files, and the imported files that hold its records.

    `record_files` are the names of WARC files as the archive has them: relative to its folder, or absolute.
    """

    def __init__(self, database: Path, record_files: Iterable[str] = ()) -> None:
        self._database = Path(os.path.realpath(database))
        self._raw_folder = Path(os.path.realpath(f"{self._database}.warc"))
        self._companions = tuple(Path(f"{self._database}{ending}") for ending in COMPANION_ENDINGS)
        self._record_files = tuple(self._database.parent / name for name in record_files)

    @classmethod
    def of(cls, db: Database) -> OwnFiles:
        """The files of an open archive."""
        return cls(database_file(db), (name for (name,) in db.execute(_NAMED_FILES)))

    def refusal(self, path: Path) -> str:
        """Why nothing may be written to a path, in words that follow its name; empty where it may.

        The path counts by its name, which need not exist, and by the file that it leads to.
        """
        file = Path(os.path.realpath(path))
        return self.name_refusal(file) or (self.status_refusal(file.stat()) if file.exists() else "")

    def name_refusal(self, path: Path) -> str:
        """The same by the name alone."""
        file = Path(os.path.realpath(path))
        if file == self._database:
            return "is the archive itself"
        is_raw = file == self._raw_folder or self._raw_folder in file.parents
        return "belongs to the archive" if is_raw or file in self._companions or self._is_backup(file) else ""

    def status_refusal(self, status: os.stat_result) -> str:
        """The same for a file that is open or has another name, by its device and inode."""
        for file in self._existing_files():
            if os.path.samestat(file.stat(), status):
                return "is the archive itself" if file == self._database else "belongs to the archive"
        return ""

    def _is_backup(self, file: Path) -> bool:
        return file.parent == self._database.parent and file.name.startswith(f"{self._database.name}.backup-")

    def _existing_files(self) -> Iterator[Path]:
        backups = self._database.parent.glob(f"{escape(self._database.name)}.backup-*")
        candidates = (self._database, *self._companions, *backups, *self._record_files)
        return (file for file in candidates if file.is_file())


def is_sqlite_file(path: Path) -> bool:
    """Whether a path leads to a file that begins as SQLite's do. OSError if it cannot be read."""
    with path.open("rb") as stream:
        return stream.read(len(SQLITE_HEADER)) == SQLITE_HEADER
