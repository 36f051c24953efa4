"""The columns of an article's metadata: one for each field of `Metadata`, which alone declares them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_origin, get_type_hints

from cleaners.document import Metadata
from output.db.text import as_json, storable_text

SOURCES_COLUMN = "metadata_sources"
"""The column of `Metadata.sources`; every other one has the name of its field."""

METADATA_FIELDS = tuple(field.name for field in fields(Metadata) if field.name != "sources")
"""What a page can state, in the order of the declaration."""

METADATA_COLUMNS = (*METADATA_FIELDS, SOURCES_COLUMN)
_LIST_COLUMNS = tuple(name for name, kind in get_type_hints(Metadata).items() if get_origin(kind) is tuple)
_NEVER_NULL = frozenset(("title",))

JSON_COLUMNS = frozenset((*_LIST_COLUMNS, SOURCES_COLUMN))
"""The columns that hold a JSON array or object."""


def metadata_values(metadata: Metadata) -> dict[str, object]:
    """The values of the columns by name; NULL where the page states no text, and an empty array where no list."""
    values: dict[str, object] = {name: _column_value(name, getattr(metadata, name)) for name in METADATA_FIELDS}
    return values | {SOURCES_COLUMN: as_json(dict(metadata.sources))}


def metadata_of_row(values: Mapping[str, Any]) -> Metadata:
    """The metadata in the values of the columns, by name."""
    field_values = {name: json.loads(values[name]) if name in JSON_COLUMNS else values[name] or "" for name in values}
    return metadata_of_fields({"sources": field_values.pop(SOURCES_COLUMN), **field_values})


def metadata_of_fields(values: Mapping[str, Any]) -> Metadata:
    """The metadata from its fields as JSON holds them, with arrays for tuples; a field that is missing is empty."""
    field_values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return Metadata(**field_values)


def _column_value(name: str, value: Any) -> str | None:
    if name in _LIST_COLUMNS:
        return as_json(list(value))
    return storable_text(value) or ("" if name in _NEVER_NULL else None)
