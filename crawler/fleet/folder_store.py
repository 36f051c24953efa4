"""A store in a folder: on a disk, or on a network file system that all machines mount.

An object is a file that appears whole under its name. A record is a folder with a file for each of its last versions,
named by number; the next number is taken by a hard link, which succeeds for one of all who try, also on NFS.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from broadsheet.output.archive.atomic_writes import sync_folder
from broadsheet.output.raw.warc_folders import sync_to_disk

from .object_store import (
    CHUNK_BYTES,
    DamagedObject,
    NotInStore,
    StoreFull,
    StoreRefused,
    StoreUnreachable,
    VersionedRecord,
    VersionMoved,
)

_PART_PREFIX = ".part-"
_STALE_SECONDS = 24 * 3600.0  # a part that nobody has written to for so long has lost its writer
_KEPT_VERSIONS = 8  # of a record: who reads the newest one has time to open it
_READ_TRIES = 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
_LINKLESS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


class FolderStore:
    """Objects and records below a folder, which has to be there: one that is not mounted is no empty store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = str(folder)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write bytes under a name of their own, have the disk confirm them, give them their name, and read them."""
        self._write(key, data)
        if b"".join(FolderStore.chunks(self, key)) != data:
            raise DamagedObject(f"{self.address} does not give back what was put there as {key}")

    def put_file(self, key: str, file: Path) -> None:
        """Copy a file, whole or not at all."""

        def copy(part: Path) -> None:
            shutil.copyfile(file, part)
            with part.open("rb+") as stream:
                sync_to_disk(stream.fileno())

        self._bring(key, copy, os.replace)

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of an object; from the disk rather than from memory, where the system allows that."""
        with self._errors(key), (self._folder / key).open("rb") as stream:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            stream.seek(start)
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    def length(self, key: str) -> int | None:
        """Return the number of bytes of an object; None if there is none."""
        try:
            with self._errors(key):
                return (self._folder / key).stat().st_size
        except NotInStore:
            return None

    def keys(self, prefix: str) -> list[str]:
        """List the keys of the objects directly or further below a folder."""
        self._check_mounted()
        with self._errors(prefix):
            paths = [path for path in (self._folder / prefix).rglob("*") if path.is_file()]
        keys = (path.relative_to(self._folder).as_posix() for path in paths if not _is_partial(path))
        return sorted(keys)

    def delete(self, key: str) -> None:
        """Remove an object, or a record with all its versions, if it is there."""
        path = self._folder / key
        with suppress(NotInStore), self._errors(key):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def read_record(self, key: str) -> VersionedRecord | None:
        """Read the newest version of a record. If it is pruned between looking and reading, there is a newer one."""
        for _ in range(_READ_TRIES):
            number = self._newest(key)
            if not number:
                return None
            with suppress(NotInStore), self._errors(key):
                return VersionedRecord(self._version_path(key, number).read_bytes(), str(number))
        raise StoreUnreachable(f"{self.address}/{key} changes faster than it can be read")

    def replace_record(self, key: str, data: bytes, version: str) -> str:
        """Link the next version into its place.

        A number that was pruned long ago does not count, as a higher one is there: then it is taken away again.
        """
        number = int(version or 0) + 1
        path = self._version_path(key, number)
        self._write(f"{key}/{path.name}", data, _link_new)
        if self._newest(key) != number:
            path.unlink(missing_ok=True)
            raise VersionMoved(f"{key} was replaced meanwhile")
        self._prune(key, number)
        return str(number)

    def _write(self, key: str, data: bytes, give_name: Callable[[Path, Path], object] = os.replace) -> None:
        self._bring(key, lambda part: _write_part(part, data), give_name)

    def _bring(self, key: str, write: Callable[[Path], object], give_name: Callable[[Path, Path], object]) -> None:
        target = self._folder / key
        part = target.with_name(f"{_PART_PREFIX}{token_hex(8)}")
        with self._errors(key):
            self._make_folders(target.parent)
            try:
                write(part)
                give_name(part, target)
            finally:
                part.unlink(missing_ok=True)
            _remove_stale_parts(target.parent)
            sync_folder(target.parent)

    def _make_folders(self, folder: Path) -> None:
        """Make the folders below the store's own, but not that: a store that is not mounted is out of reach."""
        self._check_mounted()
        folder.mkdir(parents=True, exist_ok=True)

    def _version_path(self, key: str, number: int) -> Path:
        return self._folder / key / f"{number:010d}"

    def _newest(self, key: str) -> int:
        """Return the highest version of a record; 0 if there is none."""
        return max(self._versions(key), default=0)

    def _versions(self, key: str) -> list[int]:
        self._check_mounted()
        try:
            with self._errors(key):
                return [int(name) for name in os.listdir(self._folder / key) if name.isdigit()]
        except NotInStore:
            return []

    def _prune(self, key: str, newest: int) -> None:
        for number in self._versions(key):
            if number <= newest - _KEPT_VERSIONS:
                self._version_path(key, number).unlink(missing_ok=True)

    def _check_mounted(self) -> None:
        if not self._folder.is_dir():
            raise StoreUnreachable(f"the folder {self._folder} is not there; is it mounted?")

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Turn an error of the file system into one of a store."""
        try:
            yield
        except FileNotFoundError as error:
            self._check_mounted()
            raise NotInStore(f"{self.address} holds no {key}") from error
        except OSError as error:
            message = f"{self.address}/{key}: {error.strerror or error}"
            if error.errno in _FULL:
                raise StoreFull(message) from error
            raise (StoreRefused if error.errno in _REFUSED else StoreUnreachable)(message) from error


def _write_part(part: Path, data: bytes) -> None:
    with part.open("xb") as stream:
        stream.write(data)
        stream.flush()
        sync_to_disk(stream.fileno())


def _remove_stale_parts(folder: Path) -> None:
    """Remove what runners that were killed have left of files that they were writing."""
    oldest = time.time() - _STALE_SECONDS
    with suppress(OSError), os.scandir(folder) as entries:  # another runner may remove it first
        for entry in entries:
            if entry.name.startswith(_PART_PREFIX) and entry.stat().st_mtime < oldest:
                os.unlink(entry.path)


def _link_new(part: Path, target: Path) -> None:
    """Give a file a second name that nobody may have yet."""
    try:
        os.link(part, target)
    except FileExistsError as error:
        raise VersionMoved(f"{target.parent.name} was replaced meanwhile") from error
    except OSError as error:
        if error.errno not in _LINKLESS:
            raise
        raise StoreRefused(f"{target.parent} is on a file system without hard links, which a store needs") from error


def _is_partial(path: Path) -> bool:
    return path.name.startswith(_PART_PREFIX)
