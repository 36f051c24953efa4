"""The columns of an article's metadata: one for each field of `Metadata`, three for a date, which is taken apart.

A stated date gives the instant where it is known, and the day in the publisher's zone. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from broadsheet.cleaners.document import DECLARED, FieldKind, Metadata, MetadataFields

from .stored_text import as_json, storable_text
from .stored_values import decoding, stored_object, stored_texts

_DATE = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?!\d)"
    r"(?:[T ](?P<clock>\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(?P<zone>Z|[+-]\d{2}:\d{2})?)?",
    re.ASCII,
)
_NO_ZONE_SO_FAR = timedelta(hours=15)  # from UTC: the farthest in use is 14 hours


class StatedDate(NamedTuple):
    """A date that a page states.

    `instant` is UTC (`2024-05-03T13:47:42Z`), known where a time is stated with its zone; `day` (`2024-05-03`) is the
    one in the publisher's zone; `text` is what the page states. Empty if unknown.
    """

    instant: str
    day: str
    text: str


def read_stated_date(text: str) -> StatedDate:
    """Read an ISO 8601 date, or a date and time with or without a zone; fractions of a second are cut off.

    What else is stated is `text` alone: no day is made up for a month, no instant for a day or a time without a zone.
    """
    match = _DATE.match(text)
    if not match or not _is_day(match["day"]):
        return StatedDate("", "", text)
    return StatedDate(_instant(match) if match.end() == len(text) else "", match["day"], text)


def _is_day(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _instant(match: re.Match[str]) -> str:
    """Return the instant in UTC; empty without a zone, and where date, time or zone is impossible or UTC has no such
    year.
    """
    if not match["zone"]:
        return ""
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['clock']}{match['zone']}")
        is_possible = abs(moment.utcoffset() or timedelta()) < _NO_ZONE_SO_FAR
        return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z" if is_possible else ""
    except (ValueError, OverflowError):
        return ""


SOURCES_COLUMN = "metadata_sources"
"""The column of `Metadata.sources`."""

METADATA_FIELDS = tuple(DECLARED)
"""What a page can state, in the order of the declaration."""

_LIST_FIELDS = frozenset(name for name, one in DECLARED.items() if one.kind is FieldKind.LIST)
_DATE_FIELDS = frozenset(name for name, one in DECLARED.items() if one.kind is FieldKind.DATE)
_NEVER_NULL = frozenset(("title",))

_COLUMNS_OF_FIELD = {
    name: (name, f"{name}_day", f"{name}_stated") if name in _DATE_FIELDS else (name,) for name in METADATA_FIELDS
}
STATED_MEANINGS = {
    column: meaning
    for name, columns in _COLUMNS_OF_FIELD.items()
    for column, meaning in zip(columns, DECLARED[name].meanings, strict=True)
}
"""What each column of a field means."""

STATING_COLUMNS = {name: columns[-1] for name, columns in _COLUMNS_OF_FIELD.items()} | {"sources": SOURCES_COLUMN}
"""The column that holds what the page states, for each field."""

STATED_COLUMNS = tuple(column for columns in _COLUMNS_OF_FIELD.values() for column in columns)
"""The columns of what the page states: each has the name of its field, and the day and text of a date theirs."""

METADATA_COLUMNS = (*STATED_COLUMNS, SOURCES_COLUMN)

STATED_AS_FIELDS = ", ".join(f"{column} AS {name}" for name, column in STATING_COLUMNS.items())
"""SQL: the columns that hold what the page states, each under the name of its field."""

JSON_COLUMNS = frozenset((*_LIST_FIELDS, SOURCES_COLUMN))
"""The columns that hold a JSON array or object."""

ARTICLE_COLUMNS = (
    *("id", "url", "host", *METADATA_COLUMNS, "text", "markdown", "word_count", "page_type"),
    *("first_seen", "last_seen", "page_id", "capture_id", "cleaner_version"),
)
"""The columns of `articles` in the schema; every other one was added by a user."""

INTEGER_COLUMNS = frozenset(("id", "word_count", "page_id", "capture_id"))
INSTANT_COLUMNS = frozenset((*_DATE_FIELDS, "first_seen", "last_seen"))
DAY_COLUMNS = frozenset(f"{name}_day" for name in _DATE_FIELDS)
"""The columns of `articles` whose values are no texts: whole numbers, times in UTC, days."""


def added_columns(version: int) -> str:
    """Return the SQL that adds to `articles` the columns of the fields that came with a version of the schema."""
    columns = [column for name, one in DECLARED.items() if one.since == version for column in _COLUMNS_OF_FIELD[name]]
    types = {column: "TEXT NOT NULL DEFAULT '[]'" if column in _LIST_FIELDS else "TEXT" for column in columns}
    return "\n".join(f"ALTER TABLE articles ADD COLUMN {column} {type_text};" for column, type_text in types.items())


def column_kind(name: str) -> str:
    """Return what a column of `articles` holds: `integer`, `instant`, `day`, `list`, `sources` or `text`."""
    if name == SOURCES_COLUMN:
        return "sources"
    kinds = {"integer": INTEGER_COLUMNS, "instant": INSTANT_COLUMNS, "day": DAY_COLUMNS, "list": JSON_COLUMNS}
    return next((kind for kind, columns in kinds.items() if name in columns), "text")


def metadata_values(metadata: Metadata) -> dict[str, str | None]:
    """Return the columns' values by name: NULL for a text that the page does not state, an empty array for a list."""
    values: dict[str, str | None] = {SOURCES_COLUMN: sources_value(metadata.sources)}
    for name, columns in _COLUMNS_OF_FIELD.items():
        values.update(zip(columns, _column_values(name, getattr(metadata, name)), strict=True))
    return values


def sources_value(sources: Mapping[str, str]) -> str:
    """Return the value of the column of sources: the fields stand in the order of their declaration."""
    return as_json({name: sources[name] for name in METADATA_FIELDS if name in sources})


def field_columns(name: str, value: str | tuple[str, ...]) -> dict[str, str | None]:
    """Return the values of one field's columns by name."""
    return dict(zip(_COLUMNS_OF_FIELD[name], _column_values(name, value), strict=True))


def metadata_of_row(row: Mapping[str, Any], table: str, row_name: str) -> Metadata:
    """Return the metadata in a row that `STATED_AS_FIELDS` selects, by name.

    DamagedValue, with the table, the column and the row's name, if an array or object of it cannot be decoded.
    """
    return metadata_of_fields(
        {name: _field_value(row[name], (table, column, row_name)) for name, column in STATING_COLUMNS.items()}
    )


def _field_value(value: Any, location: tuple[str, str, str]) -> Any:
    """Return a field's value from that of its column; `location` is the table, the column and the row's name."""
    column = location[1]
    if column not in JSON_COLUMNS:
        return value or ""
    return stored_object(value, *location) if column == SOURCES_COLUMN else stored_texts(value, *location)


def metadata_of_fields(values: Mapping[str, Any]) -> Metadata:
    """Make metadata of its fields as JSON holds them, with arrays for tuples; a missing field is empty."""
    field_values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return Metadata(**field_values)


def _column_values(name: str, value: Any) -> tuple[str | None, ...]:
    """Return the values of a field's columns, in their order."""
    if name in _LIST_FIELDS:
        return (as_json(list(value)),)
    if name not in _DATE_FIELDS:
        return (storable_text(value) or ("" if name in _NEVER_NULL else None),)
    date = read_stated_date(storable_text(value))
    return date.instant or None, date.day or None, date.text or None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedMetadata(MetadataFields[str | None, datetime | None]):
    """Values that a page states about its article, with types of Python; None for a text, time or day that it does not.

    `published` and `modified` are instants in UTC, known where the page states a time with its zone; `published_day`
    and `modified_day` are days in the publisher's zone; `published_stated` and `modified_stated` are what it states.
    `metadata_sources` says where on the page each value was stated.
    """

    published_day: date | None
    published_stated: str | None
    modified_day: date | None
    modified_stated: str | None
    metadata_sources: Mapping[str, str] = field(repr=False)


def typed_value(name: str, value: Any, row: object) -> Any:
    """Return the value of a column of `articles` with its type of Python; NULL is None.

    Raises DamagedValue, with the column and the row's name, if it is damaged.
    """
    if name == SOURCES_COLUMN:
        return stored_object(value, "articles", name, row)
    if name in JSON_COLUMNS:
        return stored_texts(value, "articles", name, row)
    if value and name in INSTANT_COLUMNS | DAY_COLUMNS:
        with decoding("articles", name, row):
            return datetime.fromisoformat(value) if name in INSTANT_COLUMNS else date.fromisoformat(value)
    return value


def typed_metadata(metadata: Metadata) -> dict[str, Any]:
    """Return the values of the fields of `StatedMetadata` by name."""
    return {name: typed_value(name, value, "") for name, value in metadata_values(metadata).items()}


def stated_values(stated: StatedMetadata) -> dict[str, str | None]:
    """Return the columns' values by name of what a page states, as `metadata_values` does."""
    fields_stated: dict[str, Any] = {name: getattr(stated, column) for name, column in STATING_COLUMNS.items()}
    return metadata_values(
        metadata_of_fields({n: "" if value is None else value for n, value in fields_stated.items()})
    )
