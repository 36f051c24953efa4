"""A faster GLOB for SQLite, for the patterns that the full-text index evaluates: does a text have CJK characters?

SQLite tries each character of a text against each range: 1 ms for an article of 10,000 characters, most of what the
index costs. For a text with such characters the index then evaluates GLOB twice for each character. A connection
without this function gives the same answers.
"""

from __future__ import annotations

import re
import sqlite3

from broadsheet.output.db.fulltext.unspaced_scripts import CJK_CHARACTER, CJK_RANGES

_CONTAINS_PATTERN, _CHARACTER_PATTERN = f"*[{CJK_RANGES}]*", f"[{CJK_RANGES}]"
_LOWER_HIGH_BYTES = bytes(range(ord(CJK_RANGES[0]) >> 8))
"""High bytes in UTF-16 of the characters below the first range."""
_SqlValue = str | bytes | int | float | None
_WILDCARD = re.compile(r"[*?\[]")


def install_quick_glob(connection: sqlite3.Connection) -> None:
    """Replace GLOB on a connection that writes articles."""
    connection.create_function("glob", 2, _QuickGlob(), deterministic=True)


class _QuickGlob:
    """GLOB in Python for the index's two patterns and for prefixes; SQLite's own for every other pattern."""

    def __init__(self) -> None:
        self._sqlite = sqlite3.connect(":memory:", check_same_thread=False)

    def __call__(self, pattern: _SqlValue, text: _SqlValue) -> bool | None:
        if isinstance(pattern, str) and isinstance(text, str) and "\0" not in text:
            if pattern == _CHARACTER_PATTERN:
                return len(text) == 1 and text >= CJK_RANGES[0] and CJK_CHARACTER.match(text) is not None
            if pattern == _CONTAINS_PATTERN:
                return has_unspaced_script(text)
            if pattern.endswith("*") and "\0" not in pattern and not _WILDCARD.search(pattern, 0, len(pattern) - 1):
                return text.startswith(pattern[:-1])
        answer = self._sqlite.execute("SELECT ?2 GLOB ?1", (pattern, text)).fetchone()[0]
        return None if answer is None else bool(answer)

    def __del__(self) -> None:
        self._sqlite.close()


def has_unspaced_script(text: str) -> bool:
    """Whether a text has a character of CJK_RANGES; most texts are decided by their bytes, without the expression."""
    if text.isascii() or not text.encode("utf-16-be", "replace")[::2].translate(None, _LOWER_HIGH_BYTES):
        return False
    return CJK_CHARACTER.search(text) is not None
