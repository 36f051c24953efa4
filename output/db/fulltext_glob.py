"""SQLite's GLOB, with an answer at once to what the full-text index asks of every text: whether it has characters of
scripts without spaces.

SQLite tries each character of a text against each range: 1 ms for an article of 10,000 characters, most of what the
index costs. A text that has such characters is then asked of twice for each character. A connection without this
function gives the same answers.
"""

from __future__ import annotations

import re
import sqlite3

from output.db.fulltext import CJK_CHARACTER, CJK_RANGES

_ANYWHERE, _ALONE = f"*[{CJK_RANGES}]*", f"[{CJK_RANGES}]"
_BELOW = bytes(range(ord(CJK_RANGES[0]) >> 8))  # high bytes in UTF-16 of the characters below the first range
_Value = str | bytes | int | float | None
_WILD = re.compile(r"[*?\[]")


def answer_glob(connection: sqlite3.Connection) -> None:
    """Make GLOB quick on a connection that writes articles."""
    connection.create_function("glob", 2, _Glob(), deterministic=True)


class _Glob:
    """What GLOB says: SQLite itself is asked for patterns that are neither a beginning nor the one asked of texts."""

    def __init__(self) -> None:
        self._other = sqlite3.connect(":memory:", check_same_thread=False)

    def __call__(self, pattern: _Value, text: _Value) -> bool | None:
        if isinstance(pattern, str) and isinstance(text, str) and "\0" not in text:
            if pattern == _ALONE:
                return len(text) == 1 and text >= CJK_RANGES[0] and CJK_CHARACTER.match(text) is not None
            if pattern == _ANYWHERE:
                return has_characters(text)
            if pattern.endswith("*") and "\0" not in pattern and not _WILD.search(pattern, 0, len(pattern) - 1):
                return text.startswith(pattern[:-1])
        found = self._other.execute("SELECT ?2 GLOB ?1", (pattern, text)).fetchone()[0]
        return None if found is None else bool(found)

    def __del__(self) -> None:
        self._other.close()


def has_characters(text: str) -> bool:
    """Whether a text has a character of a script without spaces."""
    if text.isascii() or not text.encode("utf-16-be", "replace")[::2].translate(None, _BELOW):
        return False
    return CJK_CHARACTER.search(text) is not None
