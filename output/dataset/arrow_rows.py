"""From rows as SQLite gives them to tables of Arrow: times, days and lists get their types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime

import pyarrow as pa

from broadsheet.output.dataset.tables import ARROW_TYPES, ColumnType, DatasetColumn, DatasetTable
from broadsheet.output.db.stored_values import decoding, json_texts

Row = tuple[object, ...]


def arrow_table(table: DatasetTable, rows: Sequence[Row]) -> pa.Table:
    """The rows as a table with the fixed schema. DamagedValue if a stored value cannot be what was stored."""
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
    """A stored time; None for an empty text. One without a zone is of UTC."""
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
