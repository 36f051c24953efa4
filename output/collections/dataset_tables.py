"""The tables of a data set: their columns and meanings, and rows of SQLite as tables of Arrow.

Meanings are in the words of the archive's schema. Times, days and lists get their Arrow types.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..archive.schema_doc import column_meanings
from ..archive.stored_values import decoding, json_texts

FORMAT_VERSION = 1
"""Raised when files of earlier versions cannot stand beside those of this one."""

_FOLDER = Path(__file__).parent


class ColumnType(StrEnum):
    """The type of a column's values."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    INSTANT = "instant"
    DAY = "day"
    TEXTS = "texts"
    BYTES = "bytes"


ARROW_TYPES: Mapping[ColumnType, pa.DataType] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.INSTANT: pa.timestamp("us", tz="UTC"),
    ColumnType.DAY: pa.date32(),
    ColumnType.TEXTS: pa.list_(pa.string()),
    ColumnType.BYTES: pa.binary(),
}


@dataclass(frozen=True, slots=True)
class DatasetColumn:
    """A column: its name, its type, and its meaning in one line."""

    name: str
    type: ColumnType
    meaning: str


@dataclass(frozen=True, slots=True)
class DatasetTable:
    """A table: its meaning, its columns, and how many rows a file and a row group of it hold at most."""

    name: str
    meaning: str
    columns: tuple[DatasetColumn, ...]
    file_rows: int
    group_rows: int

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the names of its columns in order."""
        return tuple(column.name for column in self.columns)

    def arrow_schema(self) -> pa.Schema:
        """Return the schema of its files; the meanings are in the metadata, under `description`."""
        fields = [
            pa.field(column.name, ARROW_TYPES[column.type], metadata={"description": column.meaning})
            for column in self.columns
        ]
        return pa.schema(fields, metadata={"description": self.meaning})


@cache
def dataset_tables() -> Mapping[str, DatasetTable]:
    """Return the tables by name, as `tables.toml` lists them."""
    declarations = tomllib.loads((_FOLDER / "tables.toml").read_text("utf-8"))
    return {name: _make_table(name, table) for name, table in declarations.items()}


def schema_fingerprint(*choices: str) -> str:
    """Return a digest of the columns, types and meanings, and of what was chosen for the data set.

    Files of a data set with another one are written anew.
    """
    words = [str(FORMAT_VERSION), *(repr(table) for table in dataset_tables().values()), *filter(None, choices)]
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


def _make_table(name: str, declaration: Mapping[str, Any]) -> DatasetTable:
    meanings = {**column_meanings()[declaration["from"]], **declaration.get("meanings", {})}
    pairs = [column.split() for column in declaration["columns"]]
    columns = tuple(DatasetColumn(column, ColumnType(kind), meanings[column]) for column, kind in pairs)
    return DatasetTable(name, declaration["meaning"], columns, declaration["rows"], declaration["row_group"])


Row = tuple[object, ...]


def arrow_table(table: DatasetTable, rows: Sequence[Row]) -> pa.Table:
    """Return the rows as a table with the fixed schema.

    Raises DamagedValue if a stored value cannot be what was stored.
    """
    values_by_column = zip(*rows, strict=True) if rows else [()] * len(table.columns)
    arrays = [
        _array(table.name, column, values) for column, values in zip(table.columns, values_by_column, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=table.arrow_schema())


def _array(table: str, column: DatasetColumn, values: Sequence[object]) -> pa.Array:
    with decoding(table, column.name, "in the data set"):
        convert = _CONVERSIONS.get(column.type)
        converted = [None if value is None else convert(value) for value in values] if convert else list(values)
        try:
            return pa.array(converted, ARROW_TYPES[column.type])
        except pa.ArrowException as error:
            raise ValueError(str(error)) from error


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


_CONVERSIONS: Mapping[ColumnType, Callable[[object], object]] = {
    ColumnType.TEXT: _text,
    ColumnType.INSTANT: _instant,
    ColumnType.DAY: _day,
    ColumnType.TEXTS: json_texts,
}
