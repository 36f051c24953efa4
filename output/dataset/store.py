"""Where a data set lies: a folder, or a bucket of an object store. A file there is whole or not there.

What is put has been written elsewhere before, so that a failure leaves nothing that looks like a file of the data set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pyarrow.fs as pafs

from broadsheet.output.db.errors import NotReachable
from broadsheet.output.raw.whole_file import sync_folder

MANIFEST = "manifest.json"
"""The file by which a data set is known."""

_PART_ENDING = ".part"


class DatasetStore(Protocol):
    """A place for the files of a data set; names are relative, with slashes. All methods may raise OSError."""

    label: str
    """What messages call it."""

    def read_file(self, name: str) -> bytes | None:
        """A file's bytes; None if it is not there."""

    def put_file(self, file: Path, name: str) -> None:
        """Have a local file stand under a name, in place of what stood there; the local one may be moved."""

    def remove_file(self, name: str) -> None:
        """Remove a file; nothing happens if it is not there."""

    def file_names(self, folder: str) -> Iterator[str]:
        """The names of all files below a folder, those of unfinished ones too."""


class LocalStore:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.label = str(folder)

    def read_file(self, name: str) -> bytes | None:
        """A file's bytes; None if it is not there."""
        with suppress(FileNotFoundError):
            return (self.folder / name).read_bytes()
        return None

    def put_file(self, file: Path, name: str) -> None:
        """Move a file there, on the disk before it has its name."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part_file = target.with_name(f".{target.name}{_PART_ENDING}")
        try:
            shutil.move(file, part_file)
            with part_file.open("rb") as stream:
                os.fsync(stream.fileno())
            part_file.replace(target)
        except BaseException:
            part_file.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)

    def remove_file(self, name: str) -> None:
        """Remove a file, and its folder if it was the last one in it."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        if path.parent != self.folder:
            with suppress(OSError):
                path.parent.rmdir()

    def file_names(self, folder: str) -> Iterator[str]:
        """The names of all files below a folder."""
        for path in sorted((self.folder / folder).rglob("*")):
            if path.is_file():
                yield path.relative_to(self.folder).as_posix()


class ArrowStore:
    """A folder of any filesystem that Arrow knows, such as a bucket: an object appears when all of it was sent."""

    def __init__(self, filesystem: pafs.FileSystem, folder: str, label: str) -> None:
        self._filesystem = filesystem
        self._folder = folder.rstrip("/")
        self.label = label

    def read_file(self, name: str) -> bytes | None:
        """An object's bytes; None if it is not there."""
        if self._filesystem.get_file_info(self._path(name)).type == pafs.FileType.NotFound:
            return None
        with self._filesystem.open_input_stream(self._path(name)) as stream:
            return bytes(stream.read())

    def put_file(self, file: Path, name: str) -> None:
        """Send a file. One that could not be sent whole is removed again."""
        if self._filesystem.type_name != "s3":
            self._filesystem.create_dir(self._path(name).rpartition("/")[0])
        try:
            with file.open("rb") as source, self._filesystem.open_output_stream(self._path(name)) as target:
                shutil.copyfileobj(source, target, 1 << 20)
        except BaseException:
            with suppress(OSError):
                self.remove_file(name)
            raise
        file.unlink()

    def remove_file(self, name: str) -> None:
        """Remove an object; nothing happens if it is not there."""
        with suppress(FileNotFoundError):
            self._filesystem.delete_file(self._path(name))

    def file_names(self, folder: str) -> Iterator[str]:
        """The names of all objects below a folder."""
        selector = pafs.FileSelector(self._path(folder), allow_not_found=True, recursive=True)
        for info in self._filesystem.get_file_info(selector):
            if info.is_file:
                yield info.path.removeprefix(f"{self._folder}/")

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"


def open_folder(path: str) -> LocalStore:
    """A folder for a data set, made if missing. NotReachable if something else is there."""
    folder = Path(path).absolute()
    if folder.exists() and not folder.is_dir():
        raise NotReachable(f"{path} is a file; name a folder for the data set")
    names = [item.name for item in folder.iterdir() if not item.name.startswith(".")] if folder.exists() else []
    if names and MANIFEST not in names:
        raise NotReachable(f"{path} holds other files; name a folder that is empty, or holds a data set")
    folder.mkdir(parents=True, exist_ok=True)
    return LocalStore(folder)
