"""Words hashed into buckets with a learned weight each: of blocks and the markup and heading above, of pages.

`tests.training.word_weights` learns a weight a bucket. A block's weights (`block_words.npz`) say how far
its words, the names of the markup around it and the heading above it speak for the article's text: three sums, above 0
if they do. A page's weights (`page_words.npz`) say how far its words speak for an article: those of its title, headings
and opening, those of the short lines around its text (menus, buttons, labels), and those that name its parts. The three
sums are signs of the page's kind. Words that no page of the training had weigh next to nothing.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, count, pairwise, repeat
from operator import add
from zlib import crc32

import numpy as np

from ..document import Block, BlockKind, Column, Verdict
from ..package_data import read_arrays

WORD_FEATURES = ("says", "named", "heading_says")
"""The names of the features: of the block's text, of the names around it, of the text of the heading above."""
BLOCK_BUCKETS = 2**16
BLOCK_WORDS_FILE = "block_words.npz"
FULL_WEIGHT_BLOCK_WORDS = 8  # below this, each word weighs no more than one of eight

_WORD, _ASCII_WORD = re.compile(r"[^\W\d_]+|\d+"), re.compile(rb"[a-z]+|0+")
# What an ASCII character counts as: a letter in lower case, a digit, or a space between words.
_ASCII_LETTERS = bytes(
    ord(c.lower()) if c.isalpha() else ord("0" if c.isdigit() else " ") for c in map(chr, [*range(128)] * 2)
)
_NAME_WORD = re.compile(r"[^\W\d_]{2,}")
_ID_OR_CLASS = re.compile(r"[.#]")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")  # kana and CJK ideographs
_SPACE = b" "
# The same word has another hash by what it is: a hash goes on from that of one of these.
_WORD_HERE, _WORDS_BESIDE, _WHOLE_LINE, _FIRST_WORD, _LAST_WORD, _FIRST_TWO_WORDS, _NAME_ANYWHERE = (
    crc32(start) for start in (b"u:", b"b:", b"l:", b"f:", b"e:", b"f2:", b"n:")
)
_NAMES_BY_NEARNESS = tuple(crc32(start) for start in (b"n0:", b"n1:", b"n2:"))
_FIRST_WORDS = 40  # of a block, that count, and its last one
_FIRST_CHARS, _LAST_CHARS = 400, 100  # of a block, that its words are looked for in
_LINE_CHARS = 80  # of a short line
_LABEL_WORDS = 6  # of a label, which counts as a whole too
_DIGITS = "####"  # stands for a number of four digits or more
_NEAR_STEPS = 3  # of the path, from the block up: the block's own, and those close to it
_ASCII_DIGITS = _DIGITS.encode()
_SIGN_BIT = 1 << 31
_HASH_BYTES = 4
_REMEMBERED = 1024

WordHashes = bytes
"""The hashes of distinct words, four bytes each as the machine has them: the bucket, and in the highest bit the sign
with which the word counts, so that two words in one bucket add up or cancel out."""


def hash_block_words(blocks: Sequence[Block]) -> Mapping[str, list[WordHashes]]:
    """Hash the words of each block of a page, by name of the feature."""
    return {
        "says": [_text_hashes(block.text) for block in blocks],
        "named": [_name_hashes(block.path) for block in blocks],
        "heading_says": _heading_hashes(blocks),
    }


def word_columns(blocks: Sequence[Block]) -> dict[str, Column]:
    """Return the features of each block, by name, with the weights that come with the package."""
    weights = load_block_word_weights()
    return {name: _sum_weights(hashes, weights[name]) for name, hashes in hash_block_words(blocks).items()}


def word_shares(hashes: Sequence[WordHashes]) -> tuple[Column, Column, Column]:
    """Return three columns over the words of all blocks, one block after the other.

    They are the number of the block, the bucket, and the word's share there, with its sign. Many words count as much as
    `FULL_WEIGHT_BLOCK_WORDS` do.
    """
    sizes = np.fromiter(map(len, hashes), np.int64, len(hashes)) // _HASH_BYTES
    rows = np.repeat(np.arange(len(hashes)), sizes)
    numbers = np.frombuffer(b"".join(hashes), np.uint32)
    shares = (1 / np.sqrt(np.maximum(sizes, FULL_WEIGHT_BLOCK_WORDS)))[rows]
    return rows, numbers % BLOCK_BUCKETS, np.where(numbers & _SIGN_BIT, -shares, shares)


def _sum_weights(hashes: Sequence[WordHashes], weights: Column) -> Column:
    """Sum the weights of each block's words; words that blocks share, such as the names around them, once."""
    distinct_hashes = dict(zip(map(id, hashes), hashes, strict=True))
    numbers = dict(zip(distinct_hashes, count()))
    index = np.fromiter(map(numbers.__getitem__, map(id, hashes)), np.int64, len(hashes))
    rows, buckets, shares = word_shares(list(distinct_hashes.values()))
    sums: Column = np.bincount(rows, weights[buckets] * shares, len(distinct_hashes))[index]
    return sums


def _text_hashes(text: str) -> WordHashes:
    """Hash the words of a text, its pairs of neighbours, and its beginning and end."""
    if len(text) > _FIRST_CHARS + _LAST_CHARS:
        return _hash_text(f"{text[:_FIRST_CHARS]} {text[-_LAST_CHARS:]}")
    return _hash_short_text(text)


@lru_cache(maxsize=_REMEMBERED)
def _hash_short_text(text: str) -> WordHashes:
    """Hash a short text; cached, since menus and the like recur on the next page."""
    return _hash_text(text)


def _hash_text(text: str) -> WordHashes:
    words = _line_words(text).split() if len(text) <= _LINE_CHARS else _text_words(text)
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
    """Return the words of a text as they count, for blocks and pages alike.

    A number counts by its length, not its value; Chinese and Japanese, which have no spaces, by pairs of characters.
    """
    if text.isascii():
        words_or_digits = text.encode().translate(_ASCII_LETTERS)
        if b"0" not in words_or_digits:
            return words_or_digits.split()
        ascii_words = _ASCII_WORD.findall(words_or_digits)
        return [_ASCII_DIGITS[: len(word)] if word < b"a" else word for word in ascii_words]
    words = [
        _DIGITS[: len(word)] if word < "a" or (word > "\x7f" and word[0].isdigit()) else word
        for word in _WORD.findall(text.casefold())
    ]
    if _UNSPACED.search(text):
        words = [part for word in words for part in (_pairs(word) if _UNSPACED.search(word) else (word,))]
    return _encode_all(words)


@lru_cache(maxsize=_REMEMBERED)
def _line_words(line: str) -> bytes:
    """Return the words of a short line with spaces between; cached for the page's words, and for the next page."""
    return _SPACE.join(_text_words(line))


def _encode_all(words: Sequence[str]) -> list[bytes]:
    """Encode all words at once; none contains a NUL."""
    return _encode("\0".join(words)).split(b"\0") if words else []


def _encode(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def _pairs(word: str) -> list[str]:
    return list(map(add, word, word[1:])) or [word]


@lru_cache(maxsize=_REMEMBERED)
def _name_hashes(path: str) -> WordHashes:
    """Hash the words in ids and classes along a path, each alone and with its nearness, and the last two tags."""
    steps = path.split(">")
    step_hashes = [
        _hash_step(step, 0 if up == 0 else 1 if up < _NEAR_STEPS else 2) for up, step in enumerate(reversed(steps))
    ]
    leaf, parent = (_ID_OR_CLASS.split(step, maxsplit=1)[0] for step in (steps[-1], *steps[-2:-1], "")[:2])
    tags = f"leaf:{leaf}<{parent}"
    return _pack((*chain.from_iterable(step_hashes), crc32(_encode(tags))))


@lru_cache(maxsize=_REMEMBERED)
def _hash_step(step: str, nearness: int) -> tuple[int, ...]:
    names = _encode_all(_step_names(step))
    return (*map(crc32, names, repeat(_NAMES_BY_NEARNESS[nearness])), *map(crc32, names, repeat(_NAME_ANYWHERE)))


def _step_names(step: str) -> list[str]:
    """Return the words in a step's ids and classes, and each id and class as a whole."""
    names: list[str] = []
    for name in _ID_OR_CLASS.split(step.lower())[1:]:
        words = _NAME_WORD.findall(name)
        names += words if len(words) < 2 else [*words, "-".join(words)]
    return names


def _heading_hashes(blocks: Sequence[Block]) -> list[WordHashes]:
    """Return, for each block, the hashed words of the last heading above it; empty above the first heading."""
    positions = [n for n, block in enumerate(blocks) if block.kind is BlockKind.HEADING]
    headings = [b"", *(_text_hashes(blocks[n].text) for n in positions)]
    bounds = pairwise((-1, *positions, len(blocks) - 1))
    return [heading for heading, (start, end) in zip(headings, bounds, strict=True) for _ in range(start, end)]


def _pack(hashes: Iterable[int]) -> WordHashes:
    return array("I", dict.fromkeys(hashes)).tobytes()


@cache
def load_block_word_weights() -> Mapping[str, Column]:
    """Read the weights that come with the package: by name of the feature, one a bucket."""
    weights = read_arrays("broadsheet.cleaners.judge.models", BLOCK_WORDS_FILE)
    return {name: weights[name].astype(np.float32) for name in WORD_FEATURES}


PAGE_BUCKETS = 2**14
PAGE_WORDS_FILE = "page_words.npz"
_OPENING_CHARS = 1_500  # of the kept text, and of its headings
_LABEL_CHARS = 40  # of a line that is not kept, for all of it to count
_FULL_WEIGHT_PAGE_WORDS = 32  # fewer words weigh no more each: a page of bare markup has few names, and they say little


@dataclass(frozen=True, slots=True)
class HashedWords:
    """Buckets that words fall into, and the share of each: many words weigh as much as `_FULL_WEIGHT_PAGE_WORDS` do.

    Two words in one bucket add up or cancel out, by their hashes' signs.
    """

    buckets: Column
    shares: Column

    def points(self, weights: Column) -> float:
        """Sum up how far the words speak for an article, by a weight a bucket."""
        return float(weights[self.buckets] @ self.shares)


PageWords = Mapping[str, HashedWords]
"""By the name of its sign, the words of a page: `words_text` what it says, `words_around` what stands around that,
`words_names` how its parts are named."""

PageWordWeights = Mapping[str, Column]
"""By the name of the sign, a weight a bucket."""


def page_words(title: str, blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> PageWords:
    """Hash the words of a page, by name of the sign.

    They come from its title, headings and first kept text, from short removed lines, and from the names of its blocks'
    surroundings.
    """
    kept_blocks = [block for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept]
    headings = " ".join(block.text for block in kept_blocks if block.kind is BlockKind.HEADING)
    title_words = _text_words(title)
    return {
        "words_text": _hash_parts(
            {
                "title": {*title_words, *map(_SPACE.join, pairwise(title_words))},
                "heading": set(_text_words(headings[:_OPENING_CHARS])),
                "opening": set(_text_words(_opening(kept_blocks))),
            }
        ),
        "words_around": _hash_parts(_words_around(blocks, verdicts)),
        "words_names": _hash_parts({"name": _name_words({block.path for block in blocks})}),
    }


def word_signs(words: PageWords, weights: PageWordWeights) -> dict[str, float]:
    """Sum up how far the page's words speak for an article, by name of the sign."""
    return {name: words[name].points(weights[name]) for name in words}


def _opening(kept_blocks: Sequence[Block]) -> str:
    texts, size = [], 0
    for block in kept_blocks:
        texts.append(block.text)
        size += len(block.text) + 1
        if size > _OPENING_CHARS:
            break
    return " ".join(texts)[:_OPENING_CHARS]


def _words_around(blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> dict[str, set[bytes]]:
    """Return the words of the short lines that are not kept, and the shortest of these lines as a whole."""
    lines = {
        block.text
        for block, verdict in zip(blocks, verdicts, strict=True)
        if not verdict.kept and len(block.text) <= _LINE_CHARS
    }
    return {
        "around": set(_SPACE.join([_line_words(line) for line in lines]).split()),
        "label": {_line_words(line) for line in lines if len(line) <= _LABEL_CHARS},
    }


def _name_words(paths: Iterable[str]) -> set[bytes]:
    """Return the words in the tags, ids and classes on the blocks' paths."""
    steps = set(">".join(paths).split(">"))
    return set(_encode_all(_NAME_WORD.findall(">".join(steps).lower())))


def _hash_parts(parts: Mapping[str, set[bytes]]) -> HashedWords:
    hashed = [_hash_words(part, words) for part, words in parts.items() if words]
    if not hashed:
        return HashedWords(np.zeros(0, np.int64), np.zeros(0))
    return HashedWords(*(np.concatenate(columns) for columns in zip(*hashed, strict=True)))


def _hash_words(part: str, words: set[bytes]) -> tuple[Column, Column]:
    hashes = np.array(sorted(map(crc32, words, repeat(crc32(_encode(f"{part}:"))))), np.int64)
    share = 1 / np.sqrt(max(len(words), _FULL_WEIGHT_PAGE_WORDS))
    return hashes % PAGE_BUCKETS, np.where(hashes & _SIGN_BIT, -share, share)


@cache
def load_page_word_weights() -> PageWordWeights:
    """Read the weights that come with the package."""
    return {name: column.astype(np.float64) for name, column in read_arrays(__package__, PAGE_WORDS_FILE).items()}
