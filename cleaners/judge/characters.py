"""Characters of each class in many texts, counted in one pass over all of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ..document import Column

DIGIT, UPPER, LETTER, IDEOGRAPH, END, PAUSE, SPACE, MARK, OTHER = range(1, 10)
_CLASS_COUNT = 10
_TABLE_SIZE = 0x10000  # characters beyond it are counted as its last: OTHER
_SENTENCE_ENDS, _PAUSES = frozenset(".!?…。！？؟।"), frozenset(",;:،，、；：")
_UNSPACED_SCRIPTS = range(0x2E80, 0xD800)  # scripts that write no space between words, from CJK radicals to Hangul
_CHARS_A_WORD = 2  # of such a script that count as a word


@dataclass(frozen=True, slots=True)
class Characters:
    """Character counts, a row a text: length, count of each class (a column a class), first and last class."""

    length: Column
    class_counts: Column
    first_class: Column
    last_class: Column

    @property
    def words(self) -> Column:
        """Count the words of each text by its spaces; in scripts without spaces two characters count as a word."""
        words: Column = self.class_counts[:, SPACE] + 1 + self.class_counts[:, IDEOGRAPH] / _CHARS_A_WORD
        return words

    def class_share(self, *classes: int) -> Column:
        """Return the share of each text's characters that belong to any of the classes."""
        share: Column = sum(self.class_counts[:, number] for number in classes) / self.length
        return share


def count_characters(texts: Sequence[str]) -> Characters:
    """Count the characters of each text. No text may be empty."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    classes = _class_table().take(codes, mode="clip")
    ends = np.cumsum(lengths)
    first_cells = np.repeat(np.arange(0, len(texts) * _CLASS_COUNT, _CLASS_COUNT), lengths)
    counts = np.bincount(first_cells + classes, minlength=len(texts) * _CLASS_COUNT).reshape(-1, _CLASS_COUNT)
    return Characters(
        lengths.astype(np.float32), counts.astype(np.float32), classes[ends - lengths], classes[np.maximum(ends - 1, 0)]
    )


@cache
def _class_table() -> npt.NDArray[np.uint8]:
    return np.fromiter(map(_class_of, map(chr, range(_TABLE_SIZE))), np.uint8, _TABLE_SIZE)


def _class_of(character: str) -> int:
    if character in _SENTENCE_ENDS or character in _PAUSES:
        return END if character in _SENTENCE_ENDS else PAUSE
    category = unicodedata.category(character)
    if category == "Lo" and ord(character) in _UNSPACED_SCRIPTS:
        return IDEOGRAPH
    if category[0] in "LM":
        return UPPER if category == "Lu" else LETTER
    if character.isspace():
        return SPACE
    return {"N": DIGIT, "P": MARK}.get(category[0], OTHER)
