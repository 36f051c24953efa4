"""Where an export is written: a file that appears whole or not at all, or a pipe, a device or a descriptor.

A link is followed, so that it stays one. What is written has a name of its own in the target's folder until it is
complete and on the disk. What is no ordinary file is written to as a stream and never replaced.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from broadsheet.output.exports.own_files import OwnFiles, is_sqlite_file

STANDARD_OUTPUT = "-"

_STANDARD_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,9})")


class TargetRefused(Exception):  # noqa: N818 - named by what it is
    """Nothing is written to the target; the message says why, in one line."""


class TargetWriteError(Exception):
    """Writing failed on the way, and nothing stands under the target's name that did not before; one line says why."""


@contextmanager
def open_target(own_files: OwnFiles, target: str) -> Iterator[BinaryIO]:
    """A stream to the target, a path or `-`; an ordinary file stands there once the `with` block is done.

    TargetRefused if nothing can be begun, TargetWriteError if writing fails. What reads a pipe may close it:
    BrokenPipeError.
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
    """Whether a target that was written is a file with a name of its own, which something may stand beside."""
    return target != STANDARD_OUTPUT and _descriptor_of(target) is None and Path(target).is_file()


def write_file(own_files: OwnFiles, path: Path, data: bytes) -> None:
    """Write one of many files of a folder; it is replaced by a whole one or not at all. TargetWriteError if not."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise TargetWriteError(f"{path} is there already, and is no ordinary file")
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
    """The folder for many files, made if missing. TargetRefused if it cannot be, or is the archive's."""
    folder = Path(target)
    if reason := own_files.refusal(folder):
        raise TargetRefused(f"cannot make the folder {target}: it {reason}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetRefused(f"cannot make the folder {target}: {error.strerror}") from error
    return folder


def _standard_output(own_files: OwnFiles) -> AbstractContextManager[BinaryIO]:
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # something in its place that is no file, or nothing
        return nullcontext(sys.stdout.buffer)
    return _duplicate(own_files, "standard output", descriptor)


def _open_stream(own_files: OwnFiles, target: str) -> BinaryIO | None:
    """A stream to an open descriptor, a pipe or a device; None if the target is a file or not there."""
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
    """The number of the descriptor that a target names: opening its path anew would begin at the file's start."""
    match = _DESCRIPTOR.fullmatch(target)
    return int(match[1]) if match else _STANDARD_STREAMS.get(target)


def _duplicate(own_files: OwnFiles, target: str, descriptor: int) -> BinaryIO:
    sys.stdout.flush()
    if reason := own_files.status_refusal(os.fstat(descriptor)):
        raise TargetRefused(f"{target} {reason}")
    return os.fdopen(os.dup(descriptor), "wb")


def _checked_file(own_files: OwnFiles, target: str) -> Path:
    """The file that a target leads to, which may be written or made."""
    file = Path(os.path.realpath(target))
    if not target:
        raise TargetRefused("name a file to write")
    if file.is_dir() or target.endswith("/"):
        raise TargetRefused(f"{target} is a folder; name a file")
    if reason := own_files.refusal(file):
        raise TargetRefused(f"{target} {reason}")
    if not file.parent.is_dir():
        raise TargetRefused(f"cannot write {target}: there is no folder {file.parent}")
    if file.exists():
        _check_existing(file, target)
    return file


def _check_existing(file: Path, target: str) -> None:
    if not os.access(file, os.W_OK):
        raise TargetRefused(f"cannot write {target}: Permission denied")
    with suppress(OSError):  # what cannot be read is not known to be one
        if is_sqlite_file(file):
            raise TargetRefused(f"{target} is a SQLite database, which is not written over")


@contextmanager
def _whole_file(file: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file at the end of the `with` block; after an exception it is as it was."""
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
    """Have all bytes written, on the disk if `sync`, with the permissions of the file that they replace."""
    stream.flush()
    with suppress(FileNotFoundError):
        os.fchmod(stream.fileno(), stat.S_IMODE(file.stat().st_mode))
    if sync:
        os.fsync(stream.fileno())
