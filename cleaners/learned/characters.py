"""What the characters of many texts are, counted in one pass over all of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from cleaners.document import Column

DIGIT, UPPER, LETTER, IDEOGRAPH, END, PAUSE, SPACE, MARK, OTHER = range(1, 10)
_CLASSES = 10
_PLANE = 0x10000  # characters beyond it are counted as its last: OTHER
_ENDS, _PAUSES = frozenset(".!?…。！？؟।"), frozenset(",;:،，、；：")
_SYLLABLES = range(0x2E80, 0xD800)  # scripts that write no space between words, from CJK radicals to Hangul
_WORD_CHARS = 2  # of such a script that count as a word


@dataclass(frozen=True, slots=True)
class Characters:
    """Characters of each text: how many, how many of each class (a column a class), the first's and last's class."""

    total: Column
    classes: Column
    first: Column
    last: Column

    @property
    def words(self) -> Column:
        """Words of each text, by its spaces; in scripts without spaces two characters are a word."""
        found: Column = self.classes[:, SPACE] + 1 + self.classes[:, IDEOGRAPH] / _WORD_CHARS
        return found

    def share(self, *classes: int) -> Column:
        """Share of each text's characters that belong to any of the classes."""
        found: Column = sum(self.classes[:, each] for each in classes) / self.total
        return found


def count_characters(texts: Sequence[str]) -> Characters:
    """Count the characters of each text. No text may be empty."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _table().take(codes, mode="clip")
    ends = np.cumsum(lengths)
    owners = np.repeat(np.arange(0, len(texts) * _CLASSES, _CLASSES), lengths)
    counts = np.bincount(owners + kinds, minlength=len(texts) * _CLASSES).reshape(-1, _CLASSES)
    return Characters(
        lengths.astype(np.float32), counts.astype(np.float32), kinds[ends - lengths], kinds[np.maximum(ends - 1, 0)]
    )


@cache
def _table() -> npt.NDArray[np.uint8]:
    return np.fromiter(map(_class_of, map(chr, range(_PLANE))), np.uint8, _PLANE)


def _class_of(character: str) -> int:
    if character in _ENDS or character in _PAUSES:
        return END if character in _ENDS else PAUSE
    category = unicodedata.category(character)
    if category == "Lo" and ord(character) in _SYLLABLES:
        return IDEOGRAPH
    if category[0] in "LM":
        return UPPER if category == "Lu" else LETTER
    if character.isspace():
        return SPACE
    return {"N": DIGIT, "P": MARK}.get(category[0], OTHER)
