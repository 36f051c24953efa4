"""Values as an archive stores them: times, ids that derive from content, JSON decoded or refused.

Times are UTC, to the second. Two archives of one site agree on the ids and can be merged. JSON and packed values are
decoded here. Whichever library meets damage, the error is one line with table, column and row.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from .archive_errors import DamagedValue


def utc_now() -> str:
    """Return the current time in UTC as ISO 8601, to the second."""
    return utc_text(datetime.now(UTC))


def utc_text(moment: datetime) -> str:
    """Return a time that has a zone as an archive writes it: UTC, ISO 8601, to the second.

    >>> utc_text(datetime.fromisoformat("2024-05-03T15:47:42.5+02:00"))
    '2024-05-03T13:47:42Z'
    """
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


STORE_FACT = """INSERT INTO meta (key, value) VALUES (?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value"""
"""The statement that stores a fact of the file in `meta`, by its key; the same fact again changes nothing."""

RECORD_BITS = 53  # exact in JavaScript, in JSON numbers and in a pandas float column
LARGEST_INTEGER = 2**63 - 1
"""The largest that SQLite takes: a person's number that is larger has to be told apart from it, or bounded by it."""


def content_id(*parts: str, bits: int = RECORD_BITS) -> int:
    """Return the first `bits` bits of the SHA-256 of the parts, joined by NUL, as a non-negative integer."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits)


def text_digest(text: str) -> str:
    """Return 128 bits of the SHA-256 of the text, white space folded, as hexadecimal; empty for no text."""
    folded = " ".join(text.split())
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:32] if folded else ""


BLOCK_KINDS = ("paragraph", "heading", "list_item", "table", "quote", "code", "caption", "line")
"""What the numbers of kinds in `page_blocks` stand for."""

_DECODING_ERRORS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, zlib.error, struct.error)
"""The exceptions that decoding a damaged value raises; JSON and Unicode errors are ValueErrors."""


_LONGEST_UNPACKED = 1 << 27  # bytes of a page's layout or reading: more than the bytes of any page


def unpacked(value: bytes) -> bytes:
    """Unpack a value that zlib has packed. ValueError if it is damaged, or larger than any page's.

    >>> unpacked(zlib.compress(b"words"))
    b'words'
    """
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(value, _LONGEST_UNPACKED)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof:
        raise ValueError("it is cut off, or unpacks to too much")
    return data


def location_of(table: str, column: str, row: object) -> str:
    """Name the place of a stored value as messages do: the row by its number or key.

    >>> location_of("pages", "evidence", 12)
    'pages/evidence row 12'
    """
    return f"{table}/{column} row {row}"


@contextmanager
def decoding(table: str, column: str, row: object) -> Iterator[None]:
    """Turn decoding errors within the context into DamagedValue, which names this value."""
    try:
        yield
    except _DECODING_ERRORS as error:
        raise DamagedValue(location_of(table, column, row)) from error


def stored_texts(value: object, table: str, column: str, row: object) -> tuple[str, ...]:
    """Return a JSON array of strings. Raises DamagedValue if it is not one."""
    with decoding(table, column, row):
        return json_texts(value)


def stored_object(value: object, table: str, column: str, row: object) -> dict[str, Any]:
    """Return a JSON object. Raises DamagedValue if it is not one."""
    with decoding(table, column, row):
        return json_object(value)


def json_texts(value: object) -> tuple[str, ...]:
    """Return a JSON array of strings.

    Raises ValueError or TypeError if it is not one.
    """
    texts = json_value(value)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("no JSON array of strings")
    return tuple(texts)


def json_object(value: object) -> dict[str, Any]:
    """Return a JSON object. Raises ValueError or TypeError if it is not one."""
    values = json_value(value)
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    return values


def json_value(value: object) -> Any:
    """Return any JSON that was stored as text.

    Raises ValueError or TypeError if it is not one, or is nested too deeply to be ours.
    """
    if not isinstance(value, str):
        raise TypeError("no text")
    try:
        return json.loads(value)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
