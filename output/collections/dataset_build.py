"""The build of a data set: new rows go into new files, then the manifest names them, then old files go.

A run that is cut off before the manifest is replaced has changed nothing that counts; the next run removes what it
left. Nothing is written where nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..archive.archive_errors import InUse
from ..archive.stored_values import utc_now
from ..settle.likeness import Relation
from .dataset_catalogue import CARD, CATALOGUE, host_languages, write_card, write_catalogue
from .dataset_copies import Archives, assign_articles, duplicate_rows
from .dataset_files import (
    MANIFEST,
    ArchiveState,
    DatasetStore,
    Manifest,
    NotADataset,
    PartFile,
    PartWriter,
    known_files,
    read_manifest,
    write_manifest,
)
from .dataset_rows import (
    DatasetSource,
    HostReader,
    TakedownList,
    hosts_of,
    indexes_by_host,
)
from .dataset_tables import Row, dataset_tables, schema_fingerprint
from .source_archive import refuse_damage

_HOST_TABLES = ("articles", "removed", "pictures", "urls")


@dataclass(frozen=True, slots=True)
class DatasetChoices:
    """Choices of a person for a data set: a `use`, one of `USES`, and whether it has the bytes of pictures.

    With a use, articles that their sites refuse to it are left out, and so is what was removed from them, and their
    pictures.
    """

    use: str = ""
    picture_bytes: bool = False

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of a data set that is made so."""
        return schema_fingerprint(self.use, "picture bytes" if self.picture_bytes else "")


@dataclass(frozen=True, slots=True)
class DatasetResult:
    """The result of a run: the data set's state, the numbers of new and removed files, and the hosts read again."""

    manifest: Manifest
    new_files: int
    removed_files: int
    read_hosts: int

    @property
    def has_changed(self) -> bool:
        """Return whether the data set differs from the one before."""
        return bool(self.new_files or self.removed_files)


class DatasetBuild:
    """One run that brings a data set up to date with its archives. Files of one with other choices do not count."""

    def __init__(
        self,
        store: DatasetStore,
        sources: Sequence[DatasetSource],
        scratch: Path,
        choices: DatasetChoices = DatasetChoices(),
    ) -> None:
        self._store, self._sources, self._scratch = store, sources, scratch
        self._old_manifest = read_manifest(store)
        self._fingerprint = choices.fingerprint
        self._is_same_schema = self._old_manifest.schema == self._fingerprint
        self._unchanged = frozenset(index for index, source in enumerate(sources) if self._is_unchanged(source))
        for index, source in enumerate(sources):
            if index not in self._unchanged:
                refuse_damage(source.db, source.file)
        takedowns = TakedownList.of(pattern for source in sources for pattern in source.takedown_patterns)
        hosts_by_index = [self._hosts_at(index, source) for index, source in enumerate(sources)]
        by_host = indexes_by_host(hosts_by_index)
        self._reader = HostReader(sources, takedowns, by_host, choices.use, has_files=choices.picture_bytes)
        self._old_files = self._old_manifest.files_by_partition()
        self._old_holders = self._old_manifest.archives_by_host()
        self._writer = PartWriter(store, scratch, known_files(self._old_manifest) if self._is_same_schema else {})

    def run(
        self, title: str, clock: Callable[[], str] = utc_now, on_host: Callable[[str], None] | None = None
    ) -> DatasetResult:
        """Write what is new, and have it count. ArchiveError or OSError, with the data set as it was, if that fails."""
        if self._has_nothing_new():
            return DatasetResult(self._old_manifest, 0, self._remove_strangers(self._old_manifest), 0)
        if self._store.read_file(MANIFEST) is None:  # by which a run that is cut off is known again
            self._put_manifest(self._old_manifest)
        stale_hosts = [host for host in self._reader.hosts if self._is_stale(host)]
        self._reader.prepare({index for host in stale_hosts for index in self._reader.hosts[host]})
        files = list(self._host_files(stale_hosts, on_host)) + list(self._change_files())
        archives = Archives(self._reader, assign_articles(self._reader), self._unchanged)
        duplicates = list(duplicate_rows(archives, self._earlier_relations()))
        files += self._writer.write("duplicates", "", duplicates)
        manifest = self._make_manifest(files, archives, clock())
        self._put_companions(title, manifest, archives, duplicates)
        self._commit(manifest)
        return DatasetResult(manifest, len(self._writer.new_files), self._remove_strangers(manifest), len(stale_hosts))

    def _is_unchanged(self, source: DatasetSource) -> bool:
        state = self._old_manifest.archives.get(source.name)
        return self._is_same_schema and state is not None and state.stamp == source.stamp

    def _hosts_at(self, index: int, source: DatasetSource) -> tuple[str, ...]:
        return self._old_manifest.archives[source.name].hosts if index in self._unchanged else hosts_of(source)

    def _has_nothing_new(self) -> bool:
        names = {source.name for source in self._sources}
        return len(self._unchanged) == len(self._sources) and names == set(self._old_manifest.archives)

    def _is_stale(self, host: str) -> bool:
        """Return whether a host's rows have to be read again."""
        if not self._is_same_schema or self._old_manifest.takedowns != self._reader.takedowns.digest:
            return True
        indexes = self._reader.hosts[host]
        holders = {self._sources[index].name for index in indexes}
        return holders != self._old_holders.get(host) or not self._unchanged.issuperset(indexes)

    def _host_files(self, stale_hosts: Sequence[str], on_host: Callable[[str], None] | None) -> Iterator[PartFile]:
        hosts_to_read = set(stale_hosts)
        for host in self._reader.hosts:
            if on_host and host in hosts_to_read:
                on_host(host)
            for table in _HOST_TABLES:
                yield from self._table_files(table, host, is_stale=host in hosts_to_read)

    def _table_files(self, table: str, host: str, *, is_stale: bool) -> Iterator[PartFile]:
        if not is_stale:
            yield from self._old_files.get((table, f"host={host}"), ())
            return
        rows: Callable[[str], Iterator[Row]] = getattr(self._reader, table)
        yield from self._writer.write(table, f"host={host}", rows(host))

    def _change_files(self) -> Iterator[PartFile]:
        columns = ", ".join(dataset_tables()["changes"].column_names)
        for index, source in enumerate(self._sources):
            partition = f"archive={source.name}"
            if index in self._unchanged:
                yield from self._old_files.get(("changes", partition), ())
            else:
                rows = source.db.execute(f"SELECT {columns} FROM temp.dataset_changes ORDER BY seq")
                yield from self._writer.write("changes", partition, rows)

    def _earlier_relations(self) -> Iterator[Relation]:
        """Yield the relations that the data set has now; none where another version wrote it."""
        names = ["article_id", "duplicate_id", "kind", "similarity", "contained"]
        for file in self._old_files.get(("duplicates", ""), ()) if self._unchanged else ():
            data = self._store.read_file(file.name)
            if data is None:
                raise NotADataset(
                    f"{self._store.label}/{file.name} is missing; write the data set anew, in an empty folder"
                )
            rows = pq.read_table(pa.BufferReader(data), columns=names).to_pylist()
            yield from (Relation(*(row[name] for name in names)) for row in rows)

    def _make_manifest(self, files: Sequence[PartFile], archives: Archives, made_at: str) -> Manifest:
        counts = [0] * len(self._sources)
        for index in archives.index_by_article.values():
            counts[index] += 1
        states = {
            source.name: ArchiveState(
                source.identity, source.stamp, source.last_seq,
                tuple(host for host, indexes in self._reader.hosts.items() if index in indexes), counts[index],
            )
            for index, source in enumerate(self._sources)
        }  # fmt: skip
        return Manifest(self._fingerprint, made_at, self._reader.takedowns.digest, states, tuple(files))

    def _put_companions(self, title: str, manifest: Manifest, archives: Archives, duplicates: Sequence[Row]) -> None:
        """Write the catalogue and the card; they are ahead of the manifest for a moment."""
        write_catalogue(self._scratch / CATALOGUE, manifest, archives, duplicates)
        self._store.put_file(self._scratch / CATALOGUE, CATALOGUE)
        write_card(self._scratch / CARD, title, manifest, host_languages(archives))
        self._store.put_file(self._scratch / CARD, CARD)

    def _commit(self, manifest: Manifest) -> None:
        if read_manifest(self._store) != self._old_manifest:
            raise InUse(f"{self._store.label} was written by another run meanwhile; run the same command again")
        self._put_manifest(manifest)

    def _put_manifest(self, manifest: Manifest) -> None:
        write_manifest(manifest, self._scratch / MANIFEST)
        self._store.put_file(self._scratch / MANIFEST, MANIFEST)

    def _remove_strangers(self, manifest: Manifest) -> int:
        """Remove what the manifest does not name: files of an earlier state, and of runs that were cut off."""
        current_names = {file.name for file in manifest.files}
        strangers = [
            name for table in dataset_tables() for name in self._store.file_names(table) if name not in current_names
        ]
        for name in strangers:
            self._store.remove_file(name)
        return len(strangers)
