"""The words of a page, hashed into buckets: those of its title, headings and opening, those of the short lines around
its text (menus, buttons, labels), and those that name its parts.

A weight a bucket (`page_words.npz`, learned by `broadsheet.cleaners.training.word_weights`) says whether a word speaks
for an article; the three sums are signs of the page's kind. Words that no page of the training had weigh next to
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from zlib import crc32

import numpy as np

from broadsheet.cleaners.document import Block, BlockKind, Column, Verdict

BUCKETS = 2**14
WORDS_FILE = "page_words.npz"
_WORD = re.compile(r"[^\W\d_]+|\d+")
_NAME_WORD = re.compile(r"[^\W\d_]{2,}")
_PATH_STEPS = re.compile(r"[>.#]")
_OPENING_CHARS = 1_500  # of the kept text, and of its headings
_LINE_CHARS, _LABEL_CHARS = 80, 40  # of a line that is not kept, for its words and for all of it to count
_MOST_DIGITS = 4
_FULL_WEIGHT_WORDS = 32  # of fewer words each weighs no more: a page of bare markup has few names, and they say little
_SIGN_BIT = 1 << 31


@dataclass(frozen=True, slots=True)
class HashedWords:
    """The buckets that words fall into, and what each counts: many words weigh as much as `_FULL_WEIGHT_WORDS` do.

    Two words in one bucket add up or cancel out, by their hashes' signs.
    """

    buckets: Column
    shares: Column

    def points(self, weights: Column) -> float:
        """How much the words speak for an article, by a weight a bucket."""
        return float(weights[self.buckets] @ self.shares)


PageWords = Mapping[str, HashedWords]
"""By the name of its sign, the words of a page: `words_text` what it says, `words_around` what stands around that,
`words_names` how its parts are named."""

WordWeights = Mapping[str, Column]
"""By the name of the sign, a weight a bucket."""


def page_words(title: str, blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> PageWords:
    """The words of a page's title, headings and first kept text, of short lines that are not kept, and those that name
    what its blocks stand in."""
    kept_blocks = [block for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept]
    headings = " ".join(block.text for block in kept_blocks if block.kind is BlockKind.HEADING)
    title_words = _words(title)
    return {
        "words_text": _hash_parts(
            {
                "title": {*title_words, *map(" ".join, pairwise(title_words))},
                "heading": set(_words(headings[:_OPENING_CHARS])),
                "opening": set(_words(_opening(kept_blocks))),
            }
        ),
        "words_around": _hash_parts(_words_around(blocks, verdicts)),
        "words_names": _hash_parts({"name": _name_words({block.path for block in blocks})}),
    }


def word_signs(words: PageWords, weights: WordWeights) -> dict[str, float]:
    """How much each of the page's words speak for an article, by name of the sign."""
    return {name: words[name].points(weights[name]) for name in words}


def _words(text: str) -> list[str]:
    """The words of a text; of a number counts how long it is, not which."""
    return [
        "#" * min(len(word), _MOST_DIGITS) if word[0].isdigit() else word for word in _WORD.findall(text.casefold())
    ]


def _opening(kept_blocks: Sequence[Block]) -> str:
    texts, size = [], 0
    for block in kept_blocks:
        texts.append(block.text)
        size += len(block.text) + 1
        if size > _OPENING_CHARS:
            break
    return " ".join(texts)[:_OPENING_CHARS]


def _words_around(blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> dict[str, set[str]]:
    """The words of the short lines that are not kept, and the shortest of these lines as a whole."""
    lines = {
        block.text
        for block, verdict in zip(blocks, verdicts, strict=True)
        if not verdict.kept and len(block.text) <= _LINE_CHARS
    }
    words_by_line = {line: _words(line) for line in lines}
    return {
        "around": {word for words in words_by_line.values() for word in words},
        "label": {" ".join(words) for line, words in words_by_line.items() if len(line) <= _LABEL_CHARS},
    }


def _name_words(paths: Iterable[str]) -> set[str]:
    """The words in the tags, ids and classes on the blocks' paths."""
    steps = {step for path in paths for step in path.split(">")}
    names = {name for step in steps for name in _PATH_STEPS.split(step.lower())}
    return {word for name in names for word in _NAME_WORD.findall(name.replace("_", "-"))}


def _hash_parts(parts: Mapping[str, set[str]]) -> HashedWords:
    hashed = [_hash_words(part, words) for part, words in parts.items() if words]
    if not hashed:
        return HashedWords(np.zeros(0, np.int64), np.zeros(0))
    return HashedWords(*(np.concatenate(columns) for columns in zip(*hashed, strict=True)))


def _hash_words(part: str, words: set[str]) -> tuple[Column, Column]:
    hashes = np.array(sorted(crc32(f"{part}:{word}".encode("utf-8", "surrogatepass")) for word in words), np.int64)
    share = 1 / np.sqrt(max(len(words), _FULL_WEIGHT_WORDS))
    return hashes % BUCKETS, np.where(hashes & _SIGN_BIT, -share, share)


@cache
def load_word_weights() -> WordWeights:
    """Read the weights that come with the package."""
    with files(__package__).joinpath(WORDS_FILE).open("rb") as stream, np.load(stream) as arrays:
        return {name: arrays[name].astype(np.float64) for name in arrays.files}
