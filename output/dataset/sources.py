"""The archives of a data set: where they are, and each as it stands while nobody writes to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.db.errors import NotReachable
from broadsheet.output.db.open import SQLITE_HEADER, archive_path
from broadsheet.output.merge.source_archive import SourceArchive, open_source

_ENDINGS = (".db", ".sqlite", ".sqlite3")
_CACHE_KB = 2_048  # of each archive: many are open at once
_PATTERNS = "SELECT pattern FROM takedowns"
_SEQ = "SELECT coalesce(max(seq), 0) FROM changes"


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """An archive that goes into a data set: the name that it has there, its connection, its first run, and a stamp
    that is another one whenever something was written to it."""

    name: str
    file: Path
    db: Database
    identity: str
    stamp: str

    @property
    def last_seq(self) -> int:
        """The last number in `changes`."""
        return int(self.db.execute(_SEQ).fetchone()[0])

    @property
    def takedown_patterns(self) -> list[str]:
        """What was taken down here: URLs, and patterns with `*`."""
        return [pattern for (pattern,) in self.db.execute(_PATTERNS)]


def find_archives(paths: Iterable[str]) -> list[Path]:
    """The archives that are named, and those in the folders that are, each once, in order.

    NotReachable if a path is not there, or a folder holds none.
    """
    files = [file for path in paths for file in _archives_at(Path(path))]
    return list(dict.fromkeys(files))


@contextmanager
def open_sources(files: Sequence[Path]) -> Iterator[list[DatasetSource]]:
    """All archives, locked against crawls and open for reading. ArchiveError if one of them cannot be used."""
    with ExitStack() as stack:
        yield [_make_source(stack.enter_context(open_source(file))) for file in files]


def _archives_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [archive_path(path)]
    files = [file for file in sorted(path.iterdir()) if file.suffix in _ENDINGS and _is_database(file)]
    if not files:
        raise NotReachable(f"{path} holds no archive")
    return [archive_path(file) for file in files]


def _is_database(file: Path) -> bool:
    """Whether a file is of SQLite; what else lies in a folder is left alone."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(len(SQLITE_HEADER)) == SQLITE_HEADER


def _make_source(archive: SourceArchive) -> DatasetSource:
    archive.db.execute(f"PRAGMA cache_size = {-_CACHE_KB}")
    return DatasetSource(_name_of(archive.file), archive.file, archive.db, archive.identity, archive.stamp)


def _name_of(file: Path) -> str:
    """A name that two archives of one data set never have, and that does not tell where the file lies."""
    stem = "".join(char if char.isalnum() or char in "-_." else "-" for char in file.stem)
    return f"{stem}-{hashlib.sha256(str(file).encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"
