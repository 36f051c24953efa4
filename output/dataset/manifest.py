"""The manifest of a data set: which files it consists of, and how far each archive is in it.

A file counts when the manifest names it, and the manifest is replaced in one step: that is the moment at which a new
state of the data set begins. Files have names made of their content and are never written over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from broadsheet.output.dataset.store import MANIFEST, DatasetStore
from broadsheet.output.dataset.tables import schema_fingerprint
from broadsheet.output.db.errors import ArchiveError


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
    and its articles."""

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
        """The files by table and partition."""
        files: dict[tuple[str, str], list[PartFile]] = {}
        for file in self.files:
            files.setdefault((file.table, file.partition), []).append(file)
        return files

    def archives_by_host(self) -> Mapping[str, set[str]]:
        """The names of the archives that have each host."""
        names: dict[str, set[str]] = {}
        for name, state in self.archives.items():
            for host in state.hosts:
                names.setdefault(host, set()).add(name)
        return names

    def rows_of(self, table: str) -> int:
        """How many rows a table has."""
        return sum(file.rows for file in self.files if file.table == table)

    @property
    def host_count(self) -> int:
        """How many hosts have articles."""
        return len({file.partition for file in self.files if file.table == "articles"})


EMPTY = Manifest("", "", "", {}, ())


def read_manifest(store: DatasetStore) -> Manifest:
    """The manifest as it stands; an empty one where there is none. NotADataset if it cannot be read."""
    data = store.read_file(MANIFEST)
    if data is None:
        return EMPTY
    try:
        values = json.loads(data)
        archives = {
            name: ArchiveState(**{**state, "hosts": tuple(state["hosts"])})
            for name, state in values["archives"].items()
        }
        files = tuple(PartFile(**file) for file in values["files"])
        return Manifest(values["schema"], values["made_at"], values["takedowns"], archives, files)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotADataset(f"{store.label}/{MANIFEST} is no manifest of a data set: {error!r}") from error


def known_files(manifest: Manifest) -> Mapping[tuple[str, str, str], PartFile]:
    """The files by table, partition and digest; none if another version's schema wrote them."""
    files: Iterable[PartFile] = manifest.files if manifest.schema == schema_fingerprint() else ()
    return {(file.table, file.partition, file.digest): file for file in files}


def write_manifest(manifest: Manifest, file: Path) -> None:
    """Write a manifest to a local file."""
    text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1, sort_keys=True)
    file.write_text(text + "\n", "utf-8")
