"""Articles as rows for exporters: CSV, JSON lines, and the dictionary of their fields.

Exporters read one article at a time, with JSON columns as lists and mappings. The dictionary says for each field its
meaning and the type of its values.

A spreadsheet opens the CSV (RFC 4180) without running anything. It takes a cell as a formula if the first visible
character is `=`, `+`, `-`, `@`, tab or carriage return. Such a text gets an apostrophe in front, as the OWASP page on
CSV injection advises, and so does an entry of a list, since a spreadsheet may part cells at a semicolon.

JSON lines are UTF-8, one object each, all with the same keys and the same types of values. A loader that guesses types
from the first lines meets no null and no other shape later on: an unknown text is empty, and `metadata_sources` has all
its keys.
"""

from __future__ import annotations

import csv
import json
import unicodedata
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from sqlite_utils import Database

from ..archive.article_filter import USAGE_COLUMN
from ..archive.metadata_columns import JSON_COLUMNS, METADATA_FIELDS, SOURCES_COLUMN, column_kind
from ..archive.schema_doc import column_meanings
from ..archive.stored_text import escaped_json, inert_text
from ..archive.stored_values import json_object, stored_object, stored_texts
from ..archive.table_columns import TableColumn, quoted_name, table_columns


def article_columns(db: Database) -> list[str]:
    """Return the names of the columns of `articles` in their order, with those that a user added."""
    return [column.name for column in table_columns(db, "articles")]


def iter_articles(db: Database, condition: str = "true") -> Iterator[dict[str, object]]:
    """Yield every article as a mapping from column to value, ordered by id. Bytes are encoded in Base64.

    `condition` is SQL on `articles a`, as `chosen_articles` returns it.
    """
    names = article_columns(db)
    for row in db.execute(f"SELECT {', '.join(map(quoted_name, names))} FROM articles a WHERE {condition} ORDER BY id"):
        yield _article_values(names, row)


def chosen_articles(db: Database, *, one_per_cluster: bool) -> str:
    """Return an SQL condition on `articles a`: all articles, or the earliest of similar ones, which reads every text.

    Valid on this connection, for the archive's present content.
    """
    if not one_per_cluster:
        return "true"
    from .alike_articles import earliest_condition  # brings numpy

    return earliest_condition(db, "a.id")


def article_row(db: Database, article_id: int) -> dict[str, object] | None:
    """Return an article as `iter_articles` gives it; None for an unknown number."""
    names = article_columns(db)
    row = db.execute(f"SELECT {', '.join(map(quoted_name, names))} FROM articles WHERE id = ?", [article_id]).fetchone()
    return _article_values(names, row) if row else None


def _article_values(names: Sequence[str], row: Sequence[object]) -> dict[str, object]:
    values = dict(zip(names, row, strict=True))
    return {name: _export_value(name, value, values["id"]) for name, value in values.items()}


def _export_value(name: str, value: object, article_id: object) -> object:
    if name in (*JSON_COLUMNS, USAGE_COLUMN) and value is not None:
        if name == SOURCES_COLUMN:
            return stored_object(value, "articles", name, article_id)
        return list(stored_texts(value, "articles", name, article_id))
    return b64encode(value).decode() if isinstance(value, bytes) else value


GENERATOR = "Broadsheet"
_COMMENT = f"Written by {GENERATOR}"
_OWN_MEANING = "A column that somebody added to the archive."
_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_CSV_TYPES = {"integer": "integer", "instant": "string", "day": "string", "text": "string"}
_LIST_SEPARATOR = "; "


class DictionaryEntry(NamedTuple):
    """A field: its name, meaning and kind (`integer`, `instant`, `day`, `list`, `sources` or `text`).

    `is_own` marks a column that a user added: it `is_text` if it is declared as text, otherwise it may hold any value.
    """

    name: str
    meaning: str
    kind: str
    is_own: bool = False
    is_text: bool = True


def article_dictionary(columns: Sequence[TableColumn] = ()) -> tuple[DictionaryEntry, ...]:
    """Return the fields of `articles`: those of these columns, in their order; without any, those of the schema, and
    what an export adds to them.
    """
    meanings = {**column_meanings()["articles"], USAGE_COLUMN: column_meanings()["captures"]["usage"]}
    types = {column.name: column.declared_type for column in columns} or {name: "" for name in meanings if name}
    return tuple(_entry(name, meanings.get(name, ""), declared_type) for name, declared_type in types.items())


def csv_dictionary(file_name: str, entries: Sequence[DictionaryEntry], names: Sequence[str]) -> str:
    """Describe the columns of a CSV file, by the names in its head, as CSV on the Web does (W3C)."""
    columns = [_csv_column(entry, name) for entry, name in zip(entries, names, strict=True)]
    metadata = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": file_name,
        "dc:creator": GENERATOR,
        "tableSchema": {"columns": columns, "primaryKey": "id"},
    }
    return json.dumps(metadata, ensure_ascii=True, indent=1) + "\n"


def json_dictionary(entries: Sequence[DictionaryEntry]) -> str:
    """Return the JSON Schema of a line of JSON lines."""
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
    """Return whether a file is a data dictionary written by an export."""
    try:
        values = json_object(file.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return values.get("dc:creator") == GENERATOR or values.get("$comment") == _COMMENT


def _entry(name: str, meaning: str, declared_type: str) -> DictionaryEntry:
    kind = "list" if name == USAGE_COLUMN else column_kind(name)
    plain_meaning = meaning.replace("`", "").replace("NULL", "empty").replace("a JSON array", "a list")
    if name == "capture_id":
        plain_meaning = f"{plain_meaning} 0 if there is none."
    is_text = declared_type.upper() == "TEXT"
    return DictionaryEntry(name, plain_meaning or _OWN_MEANING, kind, not meaning, is_text)


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


_FORMULA_STARTS = frozenset("=+-@\u2212")
_INVISIBLE_CATEGORIES = frozenset(("Cc", "Cf", "Mn", "Zl", "Zp", "Zs"))
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")  # fillers of Hangul
_BYTE_ORDER_MARK = "\ufeff"
_SEPARATOR = "; "  # of authors or tags in one cell


def export_csv(db: Database, stream: TextIO, *, one_per_cluster: bool = False, byte_order_mark: bool = False) -> int:
    """Write a header and the articles to the stream, opened with newline=''; return the number of articles.

    With the byte order mark at its start, Excel reads the file as UTF-8.
    """
    stream.write(_BYTE_ORDER_MARK if byte_order_mark else "")
    writer = csv.writer(stream)
    names = article_columns(db)
    writer.writerow(map(csv_cell, names))
    count = 0
    for article in iter_articles(db, chosen_articles(db, one_per_cluster=one_per_cluster)):
        writer.writerow([csv_cell(article[name]) for name in names])
        count += 1
    return count


def csv_cell(value: object) -> object:
    """Make a CSV cell of a value: numbers unchanged, lists joined, texts safe in a spreadsheet.

    >>> csv_cell("=1+1"), csv_cell(["a", "-b"])
    ("'=1+1", "a; '-b")
    """
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, dict):
        value = [f"{key}={source}" for key, source in value.items()]
    return _SEPARATOR.join(map(_inert_cell, value)) if isinstance(value, list) else _inert_cell(value)


def _inert_cell(value: object) -> str:
    text = inert_text(str(value))
    return "'" + text if text.startswith("\t") or _begins_formula(text) else text


def _begins_formula(text: str) -> bool:
    """Return whether a spreadsheet may take a text as a formula.

    Its first visible character decides, after folding variants such as full-width signs.
    """
    for char in text:
        if char not in _INVISIBLE_LETTERS and unicodedata.category(char) not in _INVISIBLE_CATEGORIES:
            return unicodedata.normalize("NFKC", char)[0] in _FORMULA_STARTS
    return False


_EMPTY_VALUES: Mapping[str, object] = {"integer": 0, "list": (), "sources": {}}


def export_jsonl(db: Database, stream: TextIO, *, one_per_cluster: bool = False) -> int:
    """Write the articles to the stream and return how many. Control and direction characters are escaped."""
    entries, count = article_dictionary(table_columns(db, "articles")), 0
    for article in iter_articles(db, chosen_articles(db, one_per_cluster=one_per_cluster)):
        values = {entry.name: fixed_value(entry, article[entry.name]) for entry in entries}
        stream.write(escaped_json(json.dumps(values, ensure_ascii=False)) + "\n")
        count += 1
    return count


def fixed_value(entry: DictionaryEntry, value: Any) -> object:
    """Convert a field's value to its one type; a user's column is left unchanged, except that NULL text
    becomes empty.
    """
    if entry.kind == "sources":
        return {name: (value or {}).get(name, "") for name in METADATA_FIELDS}
    if value is not None:
        return value
    return None if entry.is_own and not entry.is_text else _EMPTY_VALUES.get(entry.kind, "")
