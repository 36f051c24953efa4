"""What the archive does to text on its way into SQLite: make it storable, count its words."""

from __future__ import annotations

import json
import re

from output.db.fulltext import CJK_CHARACTER, CJK_RANGES

_FIRST_CHARACTER = CJK_RANGES[0]
_ASCII, _JOINER = bytes(range(128)), b"'"
_APART = bytes(n if n > 127 or chr(n).isalnum() else 32 for n in range(256))
"""Of UTF-8: what is in no word becomes a space."""
_JOINED = bytes(39 if n in (39, 45) else kept for n, kept in enumerate(_APART))  # "'" and "-" join two words
_WORD = re.compile(rf"[{CJK_RANGES}]|[^\W_{CJK_RANGES}]+(?:['’\-][^\W_{CJK_RANGES}]+)*")


def storable(text: str) -> str:
    """Return the text without NUL, and with U+FFFD for code points that UTF-8 has no bytes for.

    SQLite's own functions stop at a NUL, and the driver refuses a lone surrogate.
    """
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def words_of(text: str) -> list[str]:
    """The text's words in lower case, in order; each Chinese or Japanese character is one."""
    return _WORD.findall(text.lower())


def count_words(text: str) -> int:
    """Count words; each Chinese or Japanese character counts as one, as word processors count them."""
    parted = spaced_out(text.replace("’", "'"), _JOINED)
    if parted is None:
        return len(_WORD.findall(text))
    words = parted.replace(_JOINER * 2, b" ").split()
    return len(words) - words.count(_JOINER)


def spaced_out(text: str, table: bytes = _APART) -> bytes | None:
    """The text in UTF-8 with spaces for what is in no word; None of one with characters of scripts without spaces.

    `table` says it of ASCII characters. To split what comes back takes a fifth of the time of looking for each word.
    """
    encoded = text.encode("utf-8", "surrogatepass")
    if not text.isascii():
        for char in set(encoded.translate(None, _ASCII).decode("utf-8", "surrogatepass")):
            if char >= _FIRST_CHARACTER and CJK_CHARACTER.match(char):
                return None
            if not char.isalnum():
                encoded = encoded.replace(char.encode("utf-8"), b" ")
    return encoded.translate(table)


# Control characters but tab and line break, and the characters that turn the direction of what follows.
_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: no output can encode it


def inert(text: str) -> str:
    """Return the text without characters that act on a terminal or on the order of the text around them."""
    text = text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return _SURROGATE.sub("\ufffd", _ACTIVE.sub("", text))


def escaped(json_text: str) -> str:
    r"""Return JSON with the same characters as `\uXXXX`: the value is exact, and the file does nothing on a screen."""
    return _SURROGATE.sub(_escape, _ACTIVE.sub(_escape, json_text))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def as_json(value: object) -> str:
    """JSON as the archive writes it: readable Unicode, storable."""
    return storable(json.dumps(value, ensure_ascii=False))
