"""Articles as JSON lines: one object a line, UTF-8, each with the same keys, whose values have the same types.

A loader that guesses the types of a column from its first values meets no null later on, nor another shape: a text that
is not known is empty, and `metadata_sources` has all its keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TextIO

from sqlite_utils import Database

from broadsheet.output.db.table_columns import table_columns
from broadsheet.output.db.text import escaped_json
from broadsheet.output.exports.dictionary import DictionaryEntry, article_dictionary
from broadsheet.output.exports.rows import iter_articles
from broadsheet.output.store.metadata_columns import METADATA_FIELDS

_EMPTY_VALUES: Mapping[str, object] = {"integer": 0, "list": (), "sources": {}}


def export_jsonl(db: Database, stream: TextIO, *, one_per_cluster: bool = False) -> int:
    """Write the articles to the stream and return how many. Control and direction characters are escaped."""
    entries, count = article_dictionary(table_columns(db, "articles")), 0
    for article in iter_articles(db, one_per_cluster=one_per_cluster):
        values = {entry.name: fixed_value(entry, article[entry.name]) for entry in entries}
        stream.write(escaped_json(json.dumps(values, ensure_ascii=False)) + "\n")
        count += 1
    return count


def fixed_value(entry: DictionaryEntry, value: Any) -> object:
    """A field's value in its one type; a column of a user's stays as it is, but for a text that is NULL."""
    if entry.kind == "sources":
        return {name: (value or {}).get(name, "") for name in METADATA_FIELDS}
    if value is not None:
        return value
    return None if entry.is_own and not entry.is_text else _EMPTY_VALUES.get(entry.kind, "")
