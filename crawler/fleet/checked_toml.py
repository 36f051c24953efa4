"""TOML files that a person writes: a mistake is one line with the file and the line.

Python's parser keeps no line numbers; `line_of` finds the line of a key.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..cli.command_line import CommandError


def line_of(text: str, path: Sequence[str]) -> int:
    """Return the number, from 1 on, of the line in which the key at `path` begins, or the first header of the table.

    `text` is TOML as a whole, and so is its beginning wherever a statement ends. The key is in the statement with which
    a beginning holds it for the first time; halving finds that in some twenty readings.

    >>> line_of("delay = 1", ("delay",))
    1
    """
    lines = text.splitlines(keepends=True)

    def is_there(line_number: int) -> bool:
        """Tell whether the text up to the end of the statement in this line holds the key."""
        return _holds(_beginning(lines, line_number), path)

    return 1 + bisect_left(range(1, len(lines)), True, key=is_there)


def _beginning(lines: Sequence[str], line_number: int) -> dict[str, Any]:
    """Parse the first lines, up to the end of the statement that this one is in."""
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


Table = Mapping[str, Any]
_Value = TypeVar("_Value")


class TomlMistake(Exception):  # noqa: N818 - named by what it is
    """A mistake in a file, and the path of the key at which it is."""

    def __init__(self, text: str, *path: str) -> None:
        super().__init__(text)
        self.path = path


def read_checked(file: Path, build: Callable[[Table], _Value], missing_hint: str = "") -> _Value:
    """Read a file and return what `build` makes of it; `build` raises TomlMistake.

    CommandError with the place of the first mistake. `missing_hint` is said of a file that is not there.
    """
    try:
        text = file.read_text("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        hint = missing_hint if isinstance(error, FileNotFoundError) else ""
        raise CommandError(f"cannot read {file}: {error.strerror}{hint}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"{file} is no TOML: {error}") from error
    try:
        return build(document)
    except TomlMistake as mistake:
        line = f", line {line_of(text, mistake.path)}" if mistake.path else ""
        raise CommandError(f"{file}{line}: {mistake}") from mistake


def check_keys(table: Table, allowed_keys: Sequence[str], *path: str) -> None:
    """Raise TomlMistake for a key of the table at `path` that is none of these."""
    for key in table:
        if key not in allowed_keys:
            raise TomlMistake(f"{key} is not known here; there are {', '.join(allowed_keys)}", *path, key)


def subtable(document: Table, key: str) -> Table:
    """Return a table of a document; an empty one if there is none. TomlMistake if something else is there."""
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise TomlMistake(f"{key} must be a table: [{key}]", key)
    return table
