"""The columns of an article's metadata: one for each field of `Metadata`, which declares them; three for a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

from broadsheet.cleaners.document import DATE_TEXT, Metadata
from broadsheet.output.db.stored_values import stored_object, stored_texts
from broadsheet.output.db.text import as_json, storable_text
from broadsheet.output.store.stated_date import read_stated_date

SOURCES_COLUMN = "metadata_sources"
"""The column of `Metadata.sources`."""

METADATA_FIELDS = tuple(field.name for field in fields(Metadata) if field.name != "sources")
"""What a page can state, in the order of the declaration."""

_TYPES = get_type_hints(Metadata, include_extras=True)
_LIST_FIELDS = frozenset(name for name in METADATA_FIELDS if get_origin(_TYPES[name]) is tuple)
_DATE_FIELDS = frozenset(name for name in METADATA_FIELDS if DATE_TEXT in get_args(_TYPES[name]))
_NEVER_NULL = frozenset(("title",))

_COLUMNS_OF_FIELD = {
    name: (name, f"{name}_day", f"{name}_raw") if name in _DATE_FIELDS else (name,) for name in METADATA_FIELDS
}
_STATING_COLUMN = {name: columns[-1] for name, columns in _COLUMNS_OF_FIELD.items()} | {"sources": SOURCES_COLUMN}

STATED_COLUMNS = tuple(column for columns in _COLUMNS_OF_FIELD.values() for column in columns)
"""The columns of what the page states: each has the name of its field, and the day and text of a date theirs."""

METADATA_COLUMNS = (*STATED_COLUMNS, SOURCES_COLUMN)

STATED_AS_FIELDS = ", ".join(f"{column} AS {name}" for name, column in _STATING_COLUMN.items())
"""SQL: the columns that hold what the page states, each under the name of its field."""

JSON_COLUMNS = frozenset((*_LIST_FIELDS, SOURCES_COLUMN))
"""The columns that hold a JSON array or object."""


def metadata_values(metadata: Metadata) -> dict[str, object]:
    """The values of the columns by name; NULL where the page states no text, and an empty array where no list."""
    values: dict[str, object] = {SOURCES_COLUMN: as_json(dict(metadata.sources))}
    for name, columns in _COLUMNS_OF_FIELD.items():
        values.update(zip(columns, _column_values(name, getattr(metadata, name)), strict=True))
    return values


def metadata_of_row(row: Mapping[str, Any], table: str, row_name: str) -> Metadata:
    """The metadata in a row that `STATED_AS_FIELDS` selects, by name.

    DamagedValue, with the table, the column and the row's name, if an array or object of it cannot be decoded.
    """
    return metadata_of_fields(
        {name: _field_value(row[name], (table, column, row_name)) for name, column in _STATING_COLUMN.items()}
    )


def _field_value(value: Any, location: tuple[str, str, str]) -> Any:
    """A field's value from that of its column; `location` is the table, the column and the row's name."""
    column = location[1]
    if column not in JSON_COLUMNS:
        return value or ""
    return stored_object(value, *location) if column == SOURCES_COLUMN else stored_texts(value, *location)


def metadata_of_fields(values: Mapping[str, Any]) -> Metadata:
    """The metadata from its fields as JSON holds them, with arrays for tuples; a field that is missing is empty."""
    field_values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return Metadata(**field_values)


def _column_values(name: str, value: Any) -> tuple[str | None, ...]:
    """The values of a field's columns, in their order."""
    if name in _LIST_FIELDS:
        return (as_json(list(value)),)
    if name not in _DATE_FIELDS:
        return (storable_text(value) or ("" if name in _NEVER_NULL else None),)
    date = read_stated_date(storable_text(value))
    return date.instant or None, date.day or None, date.text or None
