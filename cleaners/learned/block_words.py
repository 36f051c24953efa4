"""What a block says, what the markup around it is called, and what the heading above it says, each as one number.

Words are hashed into buckets. A weight a bucket (`block_words.npz`, learned by
`broadsheet.cleaners.training.block_word_weights`) says whether a word speaks for the article's text: the sum is above 0
where they do on the whole, and 0 for words that no page of the training had. Chinese and Japanese, which have no
spaces, count by pairs of characters.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain, repeat
from zlib import crc32

import numpy as np

from broadsheet.cleaners.document import Block, BlockKind, Column

WORD_FEATURES = ("says", "named", "heading_says")
"""The names of the features: of the block's text, of the names around it, of the text of the heading above."""
BUCKETS = 2**16
WORDS_FILE = "block_words.npz"
FULL_WEIGHT_WORDS = 8  # of fewer words each weighs no more than of so many

_WORD = re.compile(r"[^\W\d_]+|\d+")
_NAME_WORD = re.compile(r"[^\W\d_]{2,}")
_ID_OR_CLASS = re.compile(r"[.#]")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")  # kana and CJK ideographs
_DIGIT = re.compile(r"\d")  # beside ASCII other signs are digits too
_SPACE = b" "
# The same word has another hash by what it is: a hash goes on from that of one of these.
_WORD_HERE, _WORDS_BESIDE, _WHOLE_LINE, _FIRST_WORD, _LAST_WORD, _FIRST_TWO_WORDS, _NAME_ANYWHERE = (
    crc32(start) for start in (b"u:", b"b:", b"l:", b"f:", b"e:", b"f2:", b"n:")
)
_NAMES_BY_NEARNESS = tuple(crc32(start) for start in (b"n0:", b"n1:", b"n2:"))
_FIRST_WORDS = 40  # of a block, that count, and its last one
_FIRST_CHARS, _LAST_CHARS = 400, 100  # of a block, that its words are looked for in
_LABEL_WORDS = 6  # of a short line, which counts as a whole too
_MOST_DIGITS = 4
_NEAR_STEPS = 3  # of the path, from the block up: the block's own, and those close to it
_SIGN_BIT = 1 << 31
_HASH_BYTES = 4
_REMEMBERED = 4096

WordHashes = bytes
"""The hashes of distinct words, four bytes each as the machine has them: the bucket, and in the highest bit the sign
with which the word counts, so that two words in one bucket add up or cancel out."""


def hash_block_words(blocks: Sequence[Block]) -> Mapping[str, list[WordHashes]]:
    """By name of the feature, the hashed words of each block of a page."""
    return {
        "says": [_text_hashes(block.text) for block in blocks],
        "named": [_name_hashes(block.path) for block in blocks],
        "heading_says": _heading_hashes(blocks),
    }


def word_columns(blocks: Sequence[Block]) -> dict[str, Column]:
    """The features of each block, by name, with the weights that come with the package."""
    weights = load_word_weights()
    return {name: _sum_weights(hashes, weights[name]) for name, hashes in hash_block_words(blocks).items()}


def word_shares(hashes: Sequence[WordHashes]) -> tuple[Column, Column, Column]:
    """Of the words of all blocks, one after the other: the number of the block, the bucket, and what the word counts
    there, with its sign. Many words count as much as `FULL_WEIGHT_WORDS` do."""
    sizes = np.array([len(block_hashes) for block_hashes in hashes], np.int64) // _HASH_BYTES
    rows = np.repeat(np.arange(len(hashes)), sizes)
    numbers = np.frombuffer(b"".join(hashes), np.uint32)
    shares = (1 / np.sqrt(np.maximum(sizes, FULL_WEIGHT_WORDS)))[rows]
    return rows, numbers % BUCKETS, np.where(numbers & _SIGN_BIT, -shares, shares)


def _sum_weights(hashes: Sequence[WordHashes], weights: Column) -> Column:
    """The sum of each block's words. What blocks have in common, such as the names around them, is summed once."""
    numbers: dict[int, int] = {}
    distinct_hashes: list[WordHashes] = []
    index = np.empty(len(hashes), np.int64)
    for n, block_hashes in enumerate(hashes):
        index[n] = number = numbers.setdefault(id(block_hashes), len(distinct_hashes))
        if number == len(distinct_hashes):
            distinct_hashes.append(block_hashes)
    rows, buckets, shares = word_shares(distinct_hashes)
    sums: Column = np.bincount(rows, weights[buckets] * shares, len(distinct_hashes))[index]
    return sums


def _text_hashes(text: str) -> WordHashes:
    """The words of a text, what stands beside what, and how it begins and ends, in order."""
    if len(text) > _FIRST_CHARS + _LAST_CHARS:
        return _hash_text(f"{text[:_FIRST_CHARS]} {text[-_LAST_CHARS:]}")
    return _hash_short_text(text)


@lru_cache(maxsize=_REMEMBERED)
def _hash_short_text(text: str) -> WordHashes:
    """Menus and the like come again on the next page."""
    return _hash_text(text)


def _hash_text(text: str) -> WordHashes:
    words = _text_words(text)
    first_words = words[:_FIRST_WORDS]
    hashes = list(map(crc32, first_words, repeat(_WORD_HERE)))
    hashes_before = map(crc32, repeat(_SPACE), map(crc32, first_words, repeat(_WORDS_BESIDE)))
    hashes += map(crc32, first_words[1:], hashes_before)
    if len(words) <= _LABEL_WORDS:
        hashes.append(crc32(_SPACE.join(words), _WHOLE_LINE))
    if words:
        hashes += [crc32(words[0], _FIRST_WORD), crc32(words[-1], _LAST_WORD)]
    if len(words) > 1:
        hashes.append(crc32(_SPACE.join(words[:2]), _FIRST_TWO_WORDS))
    return _pack(hashes)


def _text_words(text: str) -> list[bytes]:
    """The words of a text as they count: of a number how long it is, not which; of an unspaced script the pairs of its
    characters."""
    words = _WORD.findall(text.casefold())
    if not text.isascii() or _DIGIT.search(text):
        words = ["#" * min(len(word), _MOST_DIGITS) if word[0].isdigit() else word for word in words]
    if _UNSPACED.search(text):
        words = [part for word in words for part in (_pairs(word) if _UNSPACED.search(word) else (word,))]
    return [word.encode("utf-8", "surrogatepass") for word in words]


def _pairs(word: str) -> list[str]:
    return [word[start : start + 2] for start in range(max(1, len(word) - 1))]


@lru_cache(maxsize=_REMEMBERED)
def _name_hashes(path: str) -> WordHashes:
    """The words in ids and classes along a path, each by itself and with how near it is; and the last two tags."""
    steps = path.split(">")
    step_hashes = [
        _hash_step(step, 0 if up == 0 else 1 if up < _NEAR_STEPS else 2) for up, step in enumerate(reversed(steps))
    ]
    leaf, parent = (_ID_OR_CLASS.split(step, maxsplit=1)[0] for step in (steps[-1], *steps[-2:-1], "")[:2])
    tags = f"leaf:{leaf}<{parent}".encode("utf-8", "surrogatepass")
    return _pack((*chain.from_iterable(step_hashes), crc32(tags)))


@lru_cache(maxsize=_REMEMBERED)
def _hash_step(step: str, nearness: int) -> tuple[int, ...]:
    names = [name.encode("utf-8", "surrogatepass") for name in _step_names(step)]
    return tuple(crc32(name, start) for name in names for start in (_NAMES_BY_NEARNESS[nearness], _NAME_ANYWHERE))


def _step_names(step: str) -> list[str]:
    """The words of a step's ids and classes, and each of these as a whole."""
    names: list[str] = []
    for name in _ID_OR_CLASS.split(step.lower())[1:]:
        words = _NAME_WORD.findall(name.replace("_", "-"))
        names += words if len(words) < 2 else [*words, "-".join(words)]
    return names


def _heading_hashes(blocks: Sequence[Block]) -> list[WordHashes]:
    """Of each block, the hashed words of the last heading above it; none above the first one."""
    hashes: list[WordHashes] = []
    heading = b""
    for block in blocks:
        hashes.append(heading)
        if block.kind is BlockKind.HEADING:
            heading = _text_hashes(block.text)
    return hashes


def _pack(hashes: Iterable[int]) -> WordHashes:
    return array("I", dict.fromkeys(hashes)).tobytes()


@cache
def load_word_weights() -> Mapping[str, Column]:
    """Read the weights that come with the package: by name of the feature, one a bucket."""
    with (
        files("broadsheet.cleaners.learned.models").joinpath(WORDS_FILE).open("rb") as stream,
        np.load(stream) as arrays,
    ):
        return {name: arrays[name].astype(np.float32) for name in WORD_FEATURES}
