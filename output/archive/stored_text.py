"""Text for SQLite, the full-text index and terminals: storable, split into words, without control characters.

The full-text index reads scripts without spaces between words (Chinese, Japanese) as overlapping pairs and triples. Its
SQL in `schema.sql` has these ranges. What searches, counts words or compares texts must take the
same ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from broadsheet.cleaners.document import ARTICLE_TYPES
from broadsheet.cleaners.words import CJK_CHARACTER, CJK_RANGES, word_pattern

_FIRST_CHARACTER = CJK_RANGES[0]
_ASCII, _JOINER = bytes(range(128)), b"'"
_WORDS_ONLY = bytes(n if n > 127 or chr(n).isalnum() else 32 for n in range(256))
"""Translation table for UTF-8: an ASCII character that is in no word becomes a space."""
_WORDS_AND_JOINERS = bytes(39 if n in (39, 45) else byte for n, byte in enumerate(_WORDS_ONLY))
"""The same, but "'" and "-" both become "'", which joins two words."""


def storable_text(text: str) -> str:
    """Return the text without NUL, and with U+FFFD for code points that UTF-8 has no bytes for.

    SQLite's own functions stop at a NUL, and the driver refuses a lone surrogate.
    """
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def count_words(text: str) -> int:
    """Count words; each Chinese or Japanese character counts as one, as word processors count them."""
    separated_words = space_separated_words(text.replace("’", "'"), _WORDS_AND_JOINERS)
    if separated_words is None:
        return len(word_pattern().findall(text))
    words = separated_words.replace(_JOINER * 2, b" ").split()
    return len(words) - words.count(_JOINER)


def space_separated_words(text: str, translation: bytes = _WORDS_ONLY) -> bytes | None:
    """Return the text in UTF-8 with a space for every character that is in no word; None if it has CJK characters.

    `translation` is the table for ASCII characters. Splitting the result takes a fifth of the time of a search for each
    word.
    """
    encoded = text.encode("utf-8", "surrogatepass")
    if not text.isascii():
        for char in set(encoded.translate(None, _ASCII).decode("utf-8", "surrogatepass")):
            if char >= _FIRST_CHARACTER and CJK_CHARACTER.match(char):
                return None
            if not char.isalnum():
                encoded = encoded.replace(char.encode("utf-8"), b" ")
    return encoded.translate(translation)


# Control characters but tab and line break, and the characters that change the direction of the text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: no output can encode it


def inert_text(text: str) -> str:
    """Return the text without control characters and those that change the direction of text."""
    text = text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))


def escaped_json(json_text: str) -> str:
    r"""Return JSON with the characters that `inert_text` removes as `\uXXXX`, so that its values stay exact."""
    return _SURROGATE.sub(_escape_match, _CONTROL.sub(_escape_match, json_text))


def _escape_match(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def sql_words(words: Iterable[str]) -> str:
    """Return the words as a list in SQL: `('done', 'failed')`."""
    quoted = [word.replace("'", "''") for word in words]
    return "(" + ", ".join(f"'{word}'" for word in quoted) + ")"


SQL_ARTICLE_TYPES = sql_words(ARTICLE_TYPES)
"""The types of the pages that enter the table `articles`, as a list in SQL."""


_encode = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would make an encoder each time


def as_json(value: object) -> str:
    """Return JSON as the archive writes it: readable Unicode, storable."""
    return storable_text(_encode(value))
