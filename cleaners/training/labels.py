"""Which blocks of an annotated page are its article: its text laid over the blocks, or its snippets looked up in them.

A block is known by its runs of words, in the order of the annotated text; what is too short to be known by itself
counts where it stands between two known blocks.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from cleaners.document import Block, Column

Words = list[str]

_WORD = re.compile(r"\w+")
_RUN = 3  # words
_LONG, _MOST = 8, 0.8  # a block of so many words may stand out of order, if so much of it is in the text
_HALF = 0.5
_SNIPPET_CHARS = 25  # a shorter block inside a longer snippet may be there by chance


def words_of(text: str) -> Words:
    """The words as the scorer counts them."""
    return _WORD.findall(text.lower())


def word_f1(got: Counter[str], want: Counter[str]) -> float:
    """F1 of two bags of words, 0 to 1."""
    both = got.total() + want.total()
    return 2 * (got & want).total() / both if both else 1.0


def covered(blocks: Sequence[Words], text: Words) -> Column:
    """The share of each block's words that the annotated text holds, in order."""
    overlay = _Overlay(blocks, text)
    overlay.in_order()
    overlay.out_of_order()
    overlay.between()
    return np.array(overlay.shares)


class _Overlay:
    """An annotated text being laid over blocks."""

    def __init__(self, blocks: Sequence[Words], text: Words) -> None:
        self.blocks = blocks
        self.text = text
        self.runs = _runs(text)
        self.taken = np.zeros(len(text) + 1, bool)
        self.shares = [0.0] * len(blocks)
        self.spans: dict[int, tuple[int, int]] = {}

    def in_order(self) -> None:
        """Find the longest common runs, and what part of each block they cover."""
        known = frozenset(self.runs)
        places = [(n, at) for n, words in enumerate(self.blocks) for at, run in enumerate(_runs(words)) if run in known]
        own = [tuple(self.blocks[n][at : at + _RUN]) for n, at in places]
        hit: defaultdict[int, set[int]] = defaultdict(set)
        for start, there, size in SequenceMatcher(None, own, self.runs, autojunk=False).get_matching_blocks():
            self.taken[there : there + size + _RUN - 1 if size else there] = True
            for step in range(size):
                n, at = places[start + step]
                hit[n].update(range(at, at + _RUN))
                low, high = self.spans.get(n, (there + step, 0))
                self.spans[n] = (min(low, there + step), max(high, there + step + _RUN))
        for n, found in hit.items():
            self.shares[n] = len(found) / len(self.blocks[n])

    def out_of_order(self) -> None:
        """Long blocks whose words stand in a part of the text that no other block has taken."""
        free: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for at, run in enumerate(self.runs):
            if not self.taken[at : at + _RUN].all():
                free[run].append(at)
        for n, words in enumerate(self.blocks):
            if self.shares[n] < _HALF and len(words) >= _LONG:
                own = _runs(words)
                hit = {at + step for at, run in enumerate(own) if run in free for step in range(_RUN)}
                if len(hit) > _MOST * len(words):
                    self.shares[n] = len(hit) / len(words)
                    for run in own:
                        for at in free.get(run, ()):
                            self.taken[at : at + _RUN] = True

    def between(self) -> None:
        """Blocks too short to have a run, in the gap of the text between what stands before and after them."""
        ends, end = [0] * len(self.blocks), len(self.text)
        for n in reversed(range(len(self.blocks))):
            ends[n] = end
            if n in self.spans and self.shares[n] >= _HALF:
                end = self.spans[n][0]
        start = 0
        for n, words in enumerate(self.blocks):
            if n in self.spans and self.shares[n] >= _HALF:
                start = max(start, self.spans[n][1])
            elif 0 < len(words) < _RUN and (at := self._free_place(words, start, ends[n])) >= 0:
                self.shares[n], start = 1.0, at + len(words)
                self.taken[at:start] = True

    def _free_place(self, words: Words, start: int, end: int) -> int:
        size = len(words)
        places = (at for at in range(start, end - size + 1) if self.text[at : at + size] == words)
        return next((at for at in places if not self.taken[at : at + size].any()), -1)


def _runs(words: Words) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)]


def squeezed(text: str) -> str:
    """The text with white space folded, as snippets are compared."""
    return " ".join(text.split())


def by_snippets(blocks: Sequence[Block], inside: Sequence[str], outside: Sequence[str]) -> Column:
    """1 for blocks with a snippet of the article, 0 for those with one of the rest, NaN where nothing is known."""
    found = np.full(len(blocks), np.nan)
    for n, block in enumerate(blocks):
        text = squeezed(block.text)
        yes, no = (any(_shares(text, snippet) for snippet in snippets) for snippets in (inside, outside))
        if yes != no:
            found[n] = yes
    return found


def _shares(text: str, snippet: str) -> bool:
    return snippet in text or (len(text) > _SNIPPET_CHARS and text in snippet)
