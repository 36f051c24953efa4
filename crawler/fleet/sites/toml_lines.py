"""The line of a TOML file in which a key stands, for messages about its value. The parser of Python keeps no lines."""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any


def line_of(text: str, path: Sequence[str]) -> int:
    """The number, from 1 on, of the line in which the key at `path` begins, or the first header of the table.

    `text` is TOML as a whole, and so is its beginning wherever a statement ends. The key is in the statement with which
    a beginning holds it for the first time; halving finds that in some twenty readings.
    """
    lines = text.splitlines(keepends=True)

    def is_there(line_number: int) -> bool:
        """Whether the text up to the end of the statement in this line holds the key."""
        return _holds(_beginning(lines, line_number), path)

    return 1 + bisect_left(range(1, len(lines)), True, key=is_there)


def _beginning(lines: Sequence[str], line_number: int) -> dict[str, Any]:
    """What the first lines say, up to the end of the statement that this one is in."""
    for end in range(line_number, len(lines)):
        try:
            return tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
    return tomllib.loads("".join(lines))


def _holds(document: Any, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True
