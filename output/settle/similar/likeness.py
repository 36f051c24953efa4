"""How alike two texts are: the share of their runs of words in common, and a small sketch to find such texts by.

A text's *shingles* are its runs of three words; of scripts without spaces, runs of five characters. The sketch is the
eighth of the shingles whose hash is smallest: what two sketches have in common estimates both how alike two texts are
and how much of the smaller stands in the larger, whatever their lengths, which a MinHash signature of fixed size
cannot. Case, punctuation and line breaks do not count. The method is Broder's ("On the resemblance and containment of
documents", 1997, section 4: sketches modulo m).

Pure. A text is a function of nothing else, so sketches of two archives may be compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from output.db.fulltext import CJK_CHARACTER, CJK_RANGES
from output.db.text import spaced_out

SHORT_TOKENS = 40
"""Texts below this many words or characters are not compared: what they share is a phrase, not a story."""

SHARE = 8  # one in so many shingles is in the sketch
_MOST = 1024  # hashes of one sketch: a text of some 8,000 words; of a longer one the smallest
_WORDS, _CHARACTERS = 3, 5

_TOKEN = re.compile(rf"[{CJK_RANGES}]|[^\W_{CJK_RANGES}]+")
HASH_BITS = 29
"""Bits of a sketch's hashes: the first three of 32 are 0, as of one in `SHARE`."""

_BITS = 32
_LIMIT = np.uint64(2**64 // SHARE)
_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))

H = TypeVar("H", np.uint32, np.uint64)
Shingles = NDArray[np.uint64]
Sketch = NDArray[np.uint32]
"""The hashes of a sketch, each once, in order."""

_PACKED = np.dtype("<u4")


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two texts are, from 0 to 1: shingles of both in those of either, and in those of the smaller."""

    similarity: float
    contained: float


def shingles(text: str) -> Shingles:
    """The text's shingles as distinct 64-bit hashes, sorted; none of a short text."""
    hashed, size = _hashed(text)
    return _distinct(_runs(hashed, size)) if len(hashed) >= SHORT_TOKENS else np.empty(0, np.uint64)


def sketch_of(text: str) -> Sketch:
    """The sketch of a text; a short one has none."""
    hashed, size = _hashed(text)
    if len(hashed) < SHORT_TOKENS:
        return np.empty(0, np.uint32)
    runs = _runs(hashed, size)
    return sketch(_distinct(runs[runs < _LIMIT]))


def sketch(found: Shingles) -> Sketch:
    """The smallest eighth of the hashes, as numbers below 2**29."""
    few = found[: int(np.searchsorted(found, _LIMIT))][:_MOST]
    return _distinct((few >> np.uint64(64 - _BITS)).astype(np.uint32))


def packed(made: Sketch) -> bytes:
    """A sketch as it is stored: four bytes a hash, the low one first."""
    return made.astype(_PACKED).tobytes()


def unpacked(stored: bytes) -> Sketch:
    """A sketch from how it is stored."""
    return np.frombuffer(stored, _PACKED)


def likeness(one: Shingles, other: Shingles) -> Likeness:
    """Compare two texts by their shingles. Nothing is like a text without any."""
    smaller = min(len(one), len(other))
    if not smaller:
        return Likeness(0.0, 0.0)
    common = len(np.intersect1d(one, other, assume_unique=True))
    return Likeness(common / (len(one) + len(other) - common), common / smaller)


def _hashed(text: str) -> tuple[NDArray[np.uint64], int]:
    """The hash of each token of a text, and how many tokens make a shingle."""
    lowered = text.lower()
    if (parted := spaced_out(lowered)) is not None:
        words = parted.split()
        return np.fromiter(map(crc32, words), np.uint64, len(words)), _WORDS
    tokens = _TOKEN.findall(lowered)
    spaced = len(CJK_CHARACTER.findall(text)) * 2 < len(tokens)
    hashed = np.fromiter((crc32(token.encode("utf-8", "replace")) for token in tokens), np.uint64, len(tokens))
    return hashed, _WORDS if spaced else _CHARACTERS


def _distinct(hashes: NDArray[H]) -> NDArray[H]:
    """The hashes in order, each once."""
    ordered = np.sort(hashes)
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def _runs(hashed: NDArray[np.uint64], size: int) -> Shingles:
    """Hash each run of so many tokens; the last step is that of splitmix64, so that the smallest are a fair sample."""
    count = len(hashed) - size + 1
    mixed = np.zeros(count, np.uint64)
    for place in range(size):
        mixed = (mixed + hashed[place : place + count]) * _ODD[0]
        mixed ^= mixed >> np.uint64(29)
    for shift, factor in ((30, _ODD[1]), (27, _ODD[2])):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * factor
    return mixed ^ (mixed >> np.uint64(31))
