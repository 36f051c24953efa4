"""Stored values on their way out of SQLite: JSON and packed values are decoded here, or refused with their place.

Whoever reads such a value decodes it here, so that a damaged file ends in one line that names table, column and row,
whatever was read and whichever library met the damage.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from broadsheet.output.db.errors import DamagedValue

BLOCK_KINDS = ("paragraph", "heading", "list_item", "table", "quote", "code", "caption", "line")
"""What the numbers of kinds in `page_blocks` stand for."""

_DECODING_ERRORS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, zlib.error, struct.error)
"""What decoding a value raises that is not what was stored; JSON and Unicode errors are ValueErrors."""


def location_of(table: str, column: str, row: object) -> str:
    """How messages name a value: `pages/evidence row 12`; the row by its number or key."""
    return f"{table}/{column} row {row}"


@contextmanager
def decoding(table: str, column: str, row: object) -> Iterator[None]:
    """Within it, what cannot be decoded is a DamagedValue that names this value."""
    try:
        yield
    except _DECODING_ERRORS as error:
        raise DamagedValue(location_of(table, column, row)) from error


def stored_texts(value: object, table: str, column: str, row: object) -> tuple[str, ...]:
    """A JSON array of strings. DamagedValue if it is none."""
    with decoding(table, column, row):
        return json_texts(value)


def stored_object(value: object, table: str, column: str, row: object) -> dict[str, Any]:
    """A JSON object. DamagedValue if it is none."""
    with decoding(table, column, row):
        return json_object(value)


def json_texts(value: object) -> tuple[str, ...]:
    """A JSON array of strings; ValueError or TypeError if it is none."""
    texts = json_value(value)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("no JSON array of strings")
    return tuple(texts)


def json_object(value: object) -> dict[str, Any]:
    """A JSON object; ValueError or TypeError if it is none."""
    values = json_value(value)
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    return values


def json_value(value: object) -> Any:
    """Any JSON that was stored as text; ValueError or TypeError if it is none, or is nested too deeply to be ours."""
    if not isinstance(value, str):
        raise TypeError("no text")
    try:
        return json.loads(value)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
