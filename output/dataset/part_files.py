"""The Parquet files of a table's partition: rows go into files of a bounded size, each named by a digest of its rows.

Rows that were written before, by whatever run, make the same digest, and their file is neither made nor sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq

from broadsheet.output.dataset.arrow_rows import Row, arrow_table
from broadsheet.output.dataset.manifest import PartFile
from broadsheet.output.dataset.store import DatasetStore
from broadsheet.output.dataset.tables import DatasetTable, dataset_tables

_MOST_BYTES = 48 * 2**20  # of the texts of a file, before it is packed; it is in memory as a whole
_VALUE_BYTES = 8  # what a value takes that is no text
_LEVEL = 6  # of zstd; 3 packs a tenth worse, 12 takes five times as long for a twentieth


@dataclass(frozen=True, slots=True)
class PartWriter:
    """Writes partitions to a store. `known` has the files that are there, by table, partition and digest."""

    store: DatasetStore
    scratch: Path
    known: Mapping[tuple[str, str, str], PartFile]
    new_files: list[str] = field(default_factory=list)
    """The names of all files that were put."""

    def write(self, table_name: str, partition: str, rows: Iterable[Row]) -> Iterator[PartFile]:
        """The files of a partition, written where they are not there yet. `partition` is as in `host=news.example`."""
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
    """The name of a file: its folders say what it is a part of, as Hive's do."""
    key, _, value = partition.partition("=")
    folder = f"{table}/{key}={quote(value, safe='')}" if key else table
    return f"{folder}/part-{digest}.parquet"


def _split_rows(rows: Iterable[Row], most_rows: int) -> Iterator[list[Row]]:
    """The rows in lists that are not too long, nor too large."""
    part: list[Row] = []
    size = 0
    for row in rows:
        part.append(row)
        size += sum(len(value) if isinstance(value, str) else _VALUE_BYTES for value in row)
        if len(part) >= most_rows or size >= _MOST_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _digest_of(rows: list[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr(row).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:20]
