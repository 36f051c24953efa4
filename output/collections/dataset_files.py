"""The files of a data set: the folder or bucket, the manifest, and the Parquet parts.

A file is whole or absent: it is written elsewhere before it is put, so a failure leaves nothing that looks like a file
of the data set. Files have names made of their content and are never written over.

A file counts when the manifest names it. The manifest is replaced in one step, which begins a new state of the data
set. It also says how far each archive is in it.

The rows of a table's partition go into Parquet files of a bounded size, each named by a digest of its rows. Rows that
were written before, by any run, make the same digest, and their file is neither made nor sent again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from ..archive.archive_errors import ArchiveError, NotReachable
from ..archive.atomic_writes import sync_folder
from ..archive.stored_values import json_value
from .dataset_tables import (
    DatasetTable,
    Row,
    arrow_table,
    dataset_tables,
)

MANIFEST = "manifest.json"
"""The file by which a data set is known."""

_PART_ENDING = ".part"


class DatasetStore(Protocol):
    """A place for the files of a data set; names are relative, with slashes. All methods may raise OSError."""

    label: str
    """What messages call it."""

    def read_file(self, name: str) -> bytes | None:
        """Read a file's bytes; None if it is not there."""

    def put_file(self, file: Path, name: str) -> None:
        """Have a local file stand under a name, in place of what stood there; the local one may be moved."""

    def remove_file(self, name: str) -> None:
        """Remove a file; nothing happens if it is not there."""

    def file_names(self, folder: str) -> Iterator[str]:
        """Yield the names of all files below a folder, those of unfinished ones too."""


class LocalStore:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.label = str(folder)

    def read_file(self, name: str) -> bytes | None:
        """Read a file's bytes; None if it is not there."""
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
        """Yield the names of all files below a folder."""
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
        """Read an object's bytes; None if it is not there."""
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
        """Yield the names of all objects below a folder."""
        selector = pafs.FileSelector(self._path(folder), allow_not_found=True, recursive=True)
        for info in self._filesystem.get_file_info(selector):
            if info.is_file:
                yield info.path.removeprefix(f"{self._folder}/")

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"


def open_folder(path: str) -> LocalStore:
    """Open a folder for a data set, made if missing.

    Raises NotReachable if something else is there.
    """
    folder = Path(path).absolute()
    if folder.exists() and not folder.is_dir():
        raise NotReachable(f"{path} is a file; name a folder for the data set")
    names = [item.name for item in folder.iterdir() if not item.name.startswith(".")] if folder.exists() else []
    if names and MANIFEST not in names:
        raise NotReachable(f"{path} holds other files; name a folder that is empty, or holds a data set")
    folder.mkdir(parents=True, exist_ok=True)
    return LocalStore(folder)


class NotADataset(ArchiveError):  # noqa: N818 - named by what it is
    """The manifest cannot be read, so that nothing is known of the files beside it."""


@dataclass(frozen=True, slots=True)
class PartFile:
    """A Parquet file: its name, what it is a part of, its rows and bytes, and a digest of its rows."""

    name: str
    table: str
    partition: str
    rows: int
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """An archive as it is in the data set: its first run, a stamp of its file, its last number in `changes`, its hosts,
    and its articles.
    """

    identity: str
    stamp: str
    seq: int
    hosts: tuple[str, ...]
    articles: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A state of a data set. `takedowns` is a digest of all that was taken down in any archive."""

    schema: str
    made_at: str
    takedowns: str
    archives: Mapping[str, ArchiveState]
    files: tuple[PartFile, ...]

    def files_by_partition(self) -> Mapping[tuple[str, str], list[PartFile]]:
        """Return the files by table and partition."""
        files: dict[tuple[str, str], list[PartFile]] = {}
        for file in self.files:
            files.setdefault((file.table, file.partition), []).append(file)
        return files

    def archives_by_host(self) -> Mapping[str, set[str]]:
        """Return the names of the archives that have each host."""
        names: dict[str, set[str]] = {}
        for name, state in self.archives.items():
            for host in state.hosts:
                names.setdefault(host, set()).add(name)
        return names

    def rows_of(self, table: str) -> int:
        """Count the rows of a table."""
        return sum(file.rows for file in self.files if file.table == table)

    @property
    def host_count(self) -> int:
        """Count the hosts that have articles."""
        return len({file.partition for file in self.files if file.table == "articles"})


EMPTY = Manifest("", "", "", {}, ())


def read_manifest(store: DatasetStore) -> Manifest:
    """Read the manifest as it stands; an empty one where there is none.

    Raises NotADataset if it cannot be read.
    """
    data = store.read_file(MANIFEST)
    if data is None:
        return EMPTY
    try:
        values = json_value(data.decode())
        archives = {
            name: ArchiveState(**{**state, "hosts": tuple(state["hosts"])})
            for name, state in values["archives"].items()
        }
        files = tuple(PartFile(**file) for file in values["files"])
        return Manifest(values["schema"], values["made_at"], values["takedowns"], archives, files)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotADataset(f"{store.label}/{MANIFEST} is no manifest of a data set: {error!r}") from error


def known_files(manifest: Manifest) -> Mapping[tuple[str, str, str], PartFile]:
    """Return the files by table, partition and digest."""
    return {(file.table, file.partition, file.digest): file for file in manifest.files}


def write_manifest(manifest: Manifest, file: Path) -> None:
    """Write a manifest to a local file."""
    text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1, sort_keys=True)
    file.write_text(text + "\n", "utf-8")


_MOST_BYTES = 48 * 2**20  # of the texts of a file, before it is packed; it is in memory as a whole
_VALUE_BYTES = 8  # what a value takes that is no text
_LEVEL = 6  # of zstd; 3 packs a tenth worse, 12 takes five times as long for a twentieth


@dataclass(frozen=True, slots=True)
class PartWriter:
    """A writer of partitions to a store. `known` has the files that are there, by table, partition and digest."""

    store: DatasetStore
    scratch: Path
    known: Mapping[tuple[str, str, str], PartFile]
    new_files: list[str] = field(default_factory=list)
    """The names of all files that were put."""

    def write(self, table_name: str, partition: str, rows: Iterable[Row]) -> Iterator[PartFile]:
        """Yield the files of a partition, written where they are not there yet.

        `partition` is as in `host=news.example`.
        """
        table = dataset_tables()[table_name]
        for part_rows in _split_rows(rows, table.file_rows):
            digest = _digest_of(part_rows)
            known_file = self.known.get((table_name, partition, digest))
            yield known_file or self._write_part(table, partition, part_rows, digest)

    def _write_part(self, table: DatasetTable, partition: str, rows: list[Row], digest: str) -> PartFile:
        path = self.scratch / f"{digest}.parquet"
        pq.write_table(
            arrow_table(table, rows), path, compression="zstd", compression_level=_LEVEL,
            row_group_size=table.group_rows,
        )  # fmt: skip
        size, name = path.stat().st_size, part_name(table.name, partition, digest)
        self.new_files.append(name)
        self.store.put_file(path, name)
        return PartFile(name, table.name, partition, len(rows), size, digest)


def part_name(table: str, partition: str, digest: str) -> str:
    """Return the name of a file: its folders say what it is a part of, as Hive's do."""
    key, _, value = partition.partition("=")
    folder = f"{table}/{key}={quote(value, safe='')}" if key else table
    return f"{folder}/part-{digest}.parquet"


def _split_rows(rows: Iterable[Row], most_rows: int) -> Iterator[list[Row]]:
    """Split the rows into lists that are not too long, nor too large."""
    part: list[Row] = []
    size = 0
    for row in rows:
        part.append(row)
        size += sum(len(value) if isinstance(value, str | bytes) else _VALUE_BYTES for value in row)
        if len(part) >= most_rows or size >= _MOST_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _digest_of(rows: list[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        short = [hashlib.sha256(value).digest() if isinstance(value, bytes) else value for value in row]
        digest.update(repr(tuple(short)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:20]
