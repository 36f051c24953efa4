"""The target of an export: a file written atomically, or a pipe, but never a file of the archive.

A link is followed, so that it stays a link. New content has a name of its own in the target's folder until it is
complete and on the disk. A pipe, a device or a descriptor is written to as a stream and never replaced.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from sqlite_utils import Database

from ..archive.archive_file import COMPANION_ENDINGS, SQLITE_HEADER, database_file, read_head
from ..raw.warc_folders import is_warc_folder, shown_name

_NAMED_FILES = "SELECT name FROM _warc_files UNION SELECT file FROM _imports"


class OwnFiles:
    """All files of one archive: database, lock, backups, WARC files, and imported files that hold its records.

    `record_files` are the names of WARC files in the archive's rows.
    """

    def __init__(self, database: Path, record_files: Iterable[str] = ()) -> None:
        self._database = Path(os.path.realpath(database))
        self._raw_folder = Path(os.path.realpath(f"{self._database}.warc"))
        self._companions = tuple(Path(f"{self._database}{ending}") for ending in COMPANION_ENDINGS)
        self._record_files = tuple(self._database.parent / shown_name(self._database, name) for name in record_files)

    @classmethod
    def of(cls, db: Database) -> OwnFiles:
        """Return the files of an open archive."""
        return cls(database_file(db), (name for (name,) in db.execute(_NAMED_FILES)))

    def refusal(self, path: Path) -> str:
        """Return why a path must not be written; empty if it may.

        The reason follows the path's name in a sentence. Both the name, which need not exist, and the file behind it
        are checked.
        """
        file = Path(os.path.realpath(path))
        return self.name_refusal(file) or (self.status_refusal(file.stat()) if file.exists() else "")

    def name_refusal(self, path: Path) -> str:
        """Return why a path must not be written, judged by its name alone."""
        file = Path(os.path.realpath(path))
        if file == self._database:
            return "is the archive itself"
        is_raw = file == self._raw_folder or self._raw_folder in file.parents or is_warc_folder(file.parent)
        return "belongs to the archive" if is_raw or file in self._companions or self._is_backup(file) else ""

    def status_refusal(self, status: os.stat_result) -> str:
        """Return why an open file must not be written, judged by its device and inode."""
        backups = self._database.parent.glob(f"{escape(self._database.name)}.backup-*")
        candidates = (self._database, *self._companions, *backups, *self._record_files)
        for file in (file for file in candidates if file.is_file()):
            if os.path.samestat(file.stat(), status):
                return "is the archive itself" if file == self._database else "belongs to the archive"
        return ""

    def _is_backup(self, file: Path) -> bool:
        return file.parent == self._database.parent and file.name.startswith(f"{self._database.name}.backup-")


def is_sqlite_file(path: Path) -> bool:
    """Return whether a file begins as an SQLite database does.

    Raises OSError if the file cannot be read.
    """
    return read_head(path, len(SQLITE_HEADER)) == SQLITE_HEADER


STANDARD_OUTPUT = "-"

_STANDARD_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,9})")


class TargetRefused(Exception):  # noqa: N818 - the name says it all
    """A refused target; nothing was written. The message says why, in one line."""


class TargetWriteError(Exception):
    """A failed write; the old target is unchanged. The message says why, in one line."""


@contextmanager
def open_target(own_files: OwnFiles, target: str) -> Iterator[BinaryIO]:
    """Open a stream to the target, a path or `-`; an ordinary file appears when the `with` block ends.

    Raises TargetRefused if nothing can be begun, TargetWriteError if writing fails, and BrokenPipeError if the reader
    of a pipe closes it.
    """
    opened_stream = _standard_output(own_files) if target == STANDARD_OUTPUT else _open_stream(own_files, target)
    try:
        with opened_stream or _whole_file(_checked_file(own_files, target)) as stream:
            yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TargetWriteError(f"cannot write {target}: {error.strerror or error}") from error


def is_ordinary_file(target: str) -> bool:
    """Return whether a written target is an ordinary named file, which may have another file beside it."""
    return target != STANDARD_OUTPUT and _descriptor_of(target) is None and Path(target).is_file()


@contextmanager
def database_target(own_files: OwnFiles, target: str, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Open the path of a SQLite file to write: an existing one, or a new one that gets its name when the block ends.

    `is_ours` decides whether an existing file may be written. Raises TargetRefused if not, or if writing cannot begin,
    and TargetWriteError if the file cannot be completed.
    """
    if target == STANDARD_OUTPUT or _descriptor_of(target) is not None:
        raise TargetRefused("a SQLite file cannot be written to a stream: name a file")
    file = _named_file(own_files, target)
    try:
        is_empty = not file.stat().st_size
    except FileNotFoundError:
        is_empty = True
    except OSError as error:
        raise TargetRefused(f"cannot write {target}: {error.strerror}") from error
    try:
        if file.exists() and not (file.is_file() and (is_empty or is_ours(file))):
            raise TargetRefused(f"{target} is not a SQLite file of an earlier export, and is not overwritten")
        if file.exists():
            _check_writable(file, target)
        with _new_file(file) if is_empty else nullcontext(file) as written_file:
            yield written_file
    except OSError as error:
        raise TargetWriteError(f"cannot write {target}: {error.strerror or error}") from error


@contextmanager
def _new_file(file: Path) -> Iterator[Path]:
    """Yield a temporary path beside a file; it is renamed to the file when the block ends."""
    part_file = file.with_name(f".broadsheet-{token_hex(6)}.part")
    try:
        yield part_file
        with part_file.open("rb") as stream:
            os.fsync(stream.fileno())
        part_file.replace(file)
    finally:
        for left in (part_file, Path(f"{part_file}-journal")):
            left.unlink(missing_ok=True)


def write_file(own_files: OwnFiles, path: Path, data: bytes) -> None:
    """Write one of many files of a folder; it replaces an older one completely or not at all.

    Raises TargetWriteError if it cannot be written.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise TargetWriteError(f"{path} exists already, and is not an ordinary file")
    except FileNotFoundError:
        pass
    if reason := own_files.name_refusal(path):
        raise TargetWriteError(f"{path} {reason}")
    try:
        with _whole_file(path, sync=False) as stream:
            stream.write(data)
    except OSError as error:
        raise TargetWriteError(f"cannot write {path}: {error.strerror or error}") from error


def checked_folder(own_files: OwnFiles, target: str) -> Path:
    """Return the folder for many files, made if missing.

    Raises TargetRefused if it cannot be made, or belongs to the archive.
    """
    folder = Path(target)
    if reason := own_files.refusal(folder):
        raise TargetRefused(f"cannot make the folder {target}: it {reason}")
    return _made_folder(folder, target)


def _made_folder(folder: Path, target: str) -> Path:
    """Return a folder for what becomes the target, made if missing. Raises TargetRefused if it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetRefused(f"cannot make the folder {target}: {error.strerror}") from error
    return folder


@contextmanager
def whole_folder(own_files: Sequence[OwnFiles], target: Path) -> Iterator[Path]:
    """Open a folder for many files: an existing one, or a new one that gets its name when the block ends.

    After an exception no new folder is left; a kill leaves `.NAME.part`, which the next export removes. Raises
    TargetRefused if the folder cannot be made, or belongs to an archive.
    """
    for own in own_files:
        if reason := own.refusal(target):
            raise TargetRefused(f"cannot make the folder {target}: it {reason}")
    is_new = not os.path.lexists(target)
    part = target.with_name(f".{target.name}.part")
    if is_new:
        shutil.rmtree(part, ignore_errors=True)
    try:
        yield _made_folder(part if is_new else target, str(target))
        if is_new:
            part.rename(target)
    except OSError as error:
        raise TargetWriteError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        if is_new:
            shutil.rmtree(part, ignore_errors=True)


def _standard_output(own_files: OwnFiles) -> AbstractContextManager[BinaryIO]:
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # no such file, or a folder in its place
        return nullcontext(sys.stdout.buffer)
    return _duplicate(own_files, "standard output", descriptor)


def _open_stream(own_files: OwnFiles, target: str) -> BinaryIO | None:
    """Open a stream to an open descriptor, a pipe or a device; None if the target is a file or not there."""
    try:
        if (descriptor := _descriptor_of(target)) is not None:
            return _duplicate(own_files, target, descriptor)
        status = os.stat(target)
        if stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode):
            return os.fdopen(os.open(target, os.O_WRONLY | os.O_NOCTTY), "wb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TargetRefused(f"cannot write {target}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise TargetRefused(f"{target} is neither a file nor a pipe")
    return None


def _descriptor_of(target: str) -> int | None:
    """Return the descriptor that a target names: reopening its path would start at the beginning of the file."""
    match = _DESCRIPTOR.fullmatch(target)
    return int(match[1]) if match else _STANDARD_STREAMS.get(target)


def _duplicate(own_files: OwnFiles, target: str, descriptor: int) -> BinaryIO:
    sys.stdout.flush()
    if reason := own_files.status_refusal(os.fstat(descriptor)):
        raise TargetRefused(f"{target} {reason}")
    return os.fdopen(os.dup(descriptor), "wb")


def _checked_file(own_files: OwnFiles, target: str) -> Path:
    """Return the file behind a target, which may be replaced or created."""
    file = _named_file(own_files, target)
    if file.exists():
        _check_writable(file, target)
        with suppress(OSError):  # what cannot be read is not known to be one
            if is_sqlite_file(file):
                raise TargetRefused(f"{target} is a SQLite database, which is not overwritten")
    return file


def _named_file(own_files: OwnFiles, target: str) -> Path:
    """Return the file that a target leads to, existing or not. TargetRefused if it belongs to the archive."""
    file = Path(os.path.realpath(target))
    if not target:
        raise TargetRefused("name a file to write")
    if file.is_dir() or target.endswith("/"):
        raise TargetRefused(f"{target} is a folder; name a file")
    if reason := own_files.refusal(file):
        raise TargetRefused(f"{target} {reason}")
    if not file.parent.is_dir():
        raise TargetRefused(f"cannot write {target}: there is no folder {file.parent}")
    return file


def _check_writable(file: Path, target: str) -> None:
    if not os.access(file, os.W_OK):
        raise TargetRefused(f"cannot write {target}: Permission denied")


@contextmanager
def _whole_file(file: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """Open a stream whose bytes replace the file when the `with` block ends; an exception leaves the old file."""
    part_file = file.with_name(f".broadsheet-{token_hex(6)}.part")
    try:
        descriptor = os.open(part_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise TargetRefused(f"cannot write {file}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            _complete(stream, file, sync=sync)
        part_file.replace(file)
    except BaseException:
        part_file.unlink(missing_ok=True)
        raise


def _complete(stream: BinaryIO, file: Path, *, sync: bool) -> None:
    """Flush all bytes, to the disk if `sync`, and keep the permissions of the replaced file."""
    stream.flush()
    with suppress(FileNotFoundError):
        os.fchmod(stream.fileno(), stat.S_IMODE(file.stat().st_mode))
    if sync:
        os.fsync(stream.fileno())
