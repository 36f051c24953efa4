"""The tables of a data set: their columns, the type of each, and what it means in the words of the archive's schema."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from broadsheet.output.db.schema_doc import column_meanings

FORMAT_VERSION = 1
"""Raised when files of earlier versions cannot stand beside those of this one."""

_FOLDER = Path(__file__).parent


class ColumnType(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    INSTANT = "instant"
    DAY = "day"
    TEXTS = "texts"


ARROW_TYPES: Mapping[ColumnType, pa.DataType] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.INSTANT: pa.timestamp("us", tz="UTC"),
    ColumnType.DAY: pa.date32(),
    ColumnType.TEXTS: pa.list_(pa.string()),
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
        """The names of its columns in order."""
        return tuple(column.name for column in self.columns)

    def arrow_schema(self) -> pa.Schema:
        """The schema of its files; the meanings are in the metadata, under `description`."""
        fields = [
            pa.field(column.name, ARROW_TYPES[column.type], metadata={"description": column.meaning})
            for column in self.columns
        ]
        return pa.schema(fields, metadata={"description": self.meaning})


@cache
def dataset_tables() -> Mapping[str, DatasetTable]:
    """The tables by name, as `tables.toml` lists them."""
    declarations = tomllib.loads((_FOLDER / "tables.toml").read_text("utf-8"))
    return {name: _make_table(name, table) for name, table in declarations.items()}


def schema_fingerprint() -> str:
    """What changes when files of an earlier data set have other columns, types or meanings than those written now."""
    words = [str(FORMAT_VERSION), *(repr(table) for table in dataset_tables().values())]
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


def _make_table(name: str, declaration: Mapping[str, Any]) -> DatasetTable:
    meanings = {**column_meanings()[declaration["from"]], **declaration.get("meanings", {})}
    pairs = [column.split() for column in declaration["columns"]]
    columns = tuple(DatasetColumn(column, ColumnType(kind), meanings[column]) for column, kind in pairs)
    return DatasetTable(name, declaration["meaning"], columns, declaration["rows"], declaration["row_group"])
