"""The data dictionary of an export: what each field of an article means, and which type its values have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broadsheet.output.db.schema_doc import column_meanings
from broadsheet.output.db.stored_values import json_object
from broadsheet.output.db.table_columns import TableColumn
from broadsheet.output.store.metadata_columns import JSON_COLUMNS, METADATA_FIELDS, SOURCES_COLUMN

GENERATOR = "Broadsheet"
_COMMENT = f"Written by {GENERATOR}"
_INTEGERS = ("id", "word_count", "page_id", "capture_id")
_INSTANTS = ("published", "modified", "first_seen", "last_seen")
_DAYS = ("published_day", "modified_day")
_OWN_MEANING = "A column that somebody added to the archive."
_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_CSV_TYPES = {"integer": "integer", "instant": "string", "day": "string", "text": "string"}
_LIST_SEPARATOR = "; "


@dataclass(frozen=True, slots=True)
class DictionaryEntry:
    """A field: its name, its meaning, and its kind: `integer`, `instant`, `day`, `list`, `sources` or `text`.

    `is_own` says that a user added it; then it `is_text` if it is declared so, and else may hold anything.
    """

    name: str
    meaning: str
    kind: str
    is_own: bool = False
    is_text: bool = True


def article_dictionary(columns: Sequence[TableColumn] = ()) -> tuple[DictionaryEntry, ...]:
    """The fields of `articles`: those of these columns, in their order; without any, those of the schema."""
    meanings = column_meanings()["articles"]
    types = {column.name: column.declared_type for column in columns} or {name: "" for name in meanings if name}
    return tuple(_entry(name, meanings.get(name, ""), declared_type) for name, declared_type in types.items())


def csv_dictionary(file_name: str, entries: Sequence[DictionaryEntry], names: Sequence[str]) -> str:
    """Metadata of a CSV file in the form of CSV on the Web (W3C), for the columns with these names in its head."""
    columns = [_csv_column(entry, name) for entry, name in zip(entries, names, strict=True)]
    metadata = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": file_name,
        "dc:creator": GENERATOR,
        "tableSchema": {"columns": columns, "primaryKey": "id"},
    }
    return json.dumps(metadata, ensure_ascii=True, indent=1) + "\n"


def json_dictionary(entries: Sequence[DictionaryEntry]) -> str:
    """The JSON Schema of a line of JSON lines."""
    schema = {
        "$schema": _SCHEMA,
        "$comment": _COMMENT,
        "title": "An article",
        "type": "object",
        "properties": {entry.name: _json_type(entry) | {"description": entry.meaning} for entry in entries},
        "required": [entry.name for entry in entries],
        "additionalProperties": False,
    }
    return json.dumps(schema, ensure_ascii=True, indent=1) + "\n"


def is_own_dictionary(file: Path) -> bool:
    """Whether a file is a data dictionary that an export wrote."""
    try:
        values = json_object(file.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return values.get("dc:creator") == GENERATOR or values.get("$comment") == _COMMENT


def _entry(name: str, meaning: str, declared_type: str) -> DictionaryEntry:
    kinds = {SOURCES_COLUMN: "sources", **dict.fromkeys(_INTEGERS, "integer"), **dict.fromkeys(_INSTANTS, "instant")}
    kinds |= dict.fromkeys(_DAYS, "day") | {column: "list" for column in JSON_COLUMNS if column != SOURCES_COLUMN}
    plain_meaning = meaning.replace("`", "").replace("NULL", "empty").replace("a JSON array", "a list")
    if name == "capture_id":
        plain_meaning = f"{plain_meaning} 0 if there is none."
    is_text = declared_type.upper() == "TEXT"
    return DictionaryEntry(name, plain_meaning or _OWN_MEANING, kinds.get(name, "text"), not meaning, is_text)


def _csv_column(entry: DictionaryEntry, name: str) -> dict[str, Any]:
    column: dict[str, Any] = {"titles": name, "dc:description": entry.meaning}
    if not entry.is_own:
        column["name"] = entry.name
    if entry.kind in ("list", "sources"):
        column |= {"separator": _LIST_SEPARATOR}
    return column | {"datatype": _CSV_TYPES.get(entry.kind, "string")}


def _json_type(entry: DictionaryEntry) -> dict[str, Any]:
    if entry.is_own:
        return {"type": "string"} if entry.is_text else {}
    if entry.kind == "list":
        return {"type": "array", "items": {"type": "string"}}
    if entry.kind == "sources":
        properties = {name: {"type": "string"} for name in METADATA_FIELDS}
        return {"type": "object", "properties": properties, "required": list(METADATA_FIELDS)}
    return {"type": "integer" if entry.kind == "integer" else "string"}
