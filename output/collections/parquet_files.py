"""Parquet files with the archive's public columns: their schema, and the one writer of them.

`parquet.toml` lists tables and columns; meanings are in the words of the archive's schema. Times, days and lists get
their Arrow types. Rows are tuples with the columns' values as an archive stores them, and only a group of them is in
memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from broadsheet.cleaners.package_data import read_toml

from ..archive.metadata_columns import column_kind
from ..archive.schema_doc import column_meanings
from ..archive.stored_values import decoding, json_texts

Row = tuple[object, ...]
_GROUP_ROWS = 100_000
_GROUP_BYTES = 32 * 2**20  # of texts, before they are packed; a group is in memory as a whole
_FILE_GROUPS = 16  # some 150 MB of articles, packed
_VALUE_BYTES = 8  # what a value takes that is no text
_LEVEL = 6  # of zstd; 3 packs a tenth worse, 12 takes five times as long for a twentieth


class ParquetTable(NamedTuple):
    """A table: its name, its schema with the meanings under `description`, and each column's conversion."""

    name: str
    schema: pa.Schema
    conversions: tuple[Callable[[object], object], ...]

    @property
    def column_names(self) -> list[str]:
        """Return the names of its columns in order."""
        return list(self.schema.names)


@cache
def parquet_tables() -> Mapping[str, ParquetTable]:
    """Return the tables by name, as `parquet.toml` lists them."""
    tables = {}
    for table, declared in read_toml(__package__, "parquet.toml").items():
        meanings = {**column_meanings()[declared["from"]], **declared.get("meanings", {})}
        pairs = [*_schema_columns(declared), *(column.split() for column in declared["columns"])]
        fields = [
            pa.field(column, _TYPES[kind][0], metadata={"description": meanings[column]}) for column, kind in pairs
        ]
        schema = pa.schema(fields, metadata={"description": declared["meaning"]})
        tables[table] = ParquetTable(table, schema, tuple(_TYPES[kind][1] for _, kind in pairs))
    return tables


def _schema_columns(declared: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the columns that a table takes from the schema, each with its type; nothing if it lists its own."""
    left_out = ("", *declared.get("all_but", ()))
    names = column_meanings()[declared["from"]] if "all_but" in declared else ()
    return ((name, _KINDS.get(kind := column_kind(name), kind)) for name in names if name not in left_out)


class RowWriter:
    """A writer of rows, one after the other, to one file. Use it in a `with`; only a group is in memory at a time.

    DamagedValue if a stored value is damaged. `groups` counts what is written.
    """

    def __init__(self, table: ParquetTable, file: Path | BinaryIO) -> None:
        self._table = table
        self._writer = pq.ParquetWriter(file, table.schema, compression="zstd", compression_level=_LEVEL)
        self._group: list[Row] = []
        self._size = self.groups = 0

    def add(self, row: Row) -> None:
        """Write a row, at the latest at the end."""
        self._group.append(row)
        self._size += sum(len(value) if isinstance(value, str) else _VALUE_BYTES for value in row)
        if len(self._group) >= _GROUP_ROWS or self._size >= _GROUP_BYTES:
            self._write_group()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        try:
            if self._group and error_type is None:
                self._write_group()
        finally:
            self._writer.close()

    def _write_group(self) -> None:
        columns = zip(self._table.schema, self._table.conversions, zip(*self._group, strict=True), strict=True)
        arrays = [_array(self._table.name, field, convert, values) for field, convert, values in columns]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._table.schema))
        self._group, self._size = [], 0
        self.groups += 1


def write_parts(table: ParquetTable, rows: Iterable[Row], folder: Path) -> int:
    """Write rows to as many files of a new folder as their size asks for, at least one, and return how many rows."""
    folder.mkdir()
    waiting, count, number = iter(rows), 0, 1
    row = next(waiting, None)
    while row is not None or number == 1:
        with RowWriter(table, folder / f"part-{number:05}.parquet") as writer:
            while row is not None and writer.groups < _FILE_GROUPS:
                writer.add(row)
                count, row = count + 1, next(waiting, None)
        number += 1
    return count


def _array(table: str, field: pa.Field, convert: Callable[[object], object], values: Iterable[object]) -> pa.Array:
    with decoding(table, field.name, "in Parquet"):
        try:
            return pa.array([None if value is None else convert(value) for value in values], field.type)
        except pa.ArrowException as error:
            raise ValueError(str(error)) from error


def _number(value: object) -> object:
    return value


def _instant(value: object) -> datetime | None:
    """Return a stored time; None for an empty text. One without a zone is of UTC."""
    if value == "":
        return None
    moment = datetime.fromisoformat(_text(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(value: object) -> date | None:
    return date.fromisoformat(_text(value)) if value != "" else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


_KINDS = {"list": "texts", "sources": "text"}
"""The types of columns that hold JSON."""

_TYPES: Mapping[str, tuple[pa.DataType, Callable[[object], object]]] = {
    "text": (pa.string(), _text),
    "integer": (pa.int64(), _number),
    "number": (pa.float64(), _number),
    "instant": (pa.timestamp("us", tz="UTC"), _instant),
    "day": (pa.date32(), _day),
    "texts": (pa.list_(pa.string()), json_texts),
}
