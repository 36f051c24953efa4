"""Labels of an annotated page's blocks: its article's, by aligning its text with them, or by its snippets.

A block is matched by its runs of words, in the order of the annotated text; a block too short for a run is matched if
it stands between two matched blocks.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from broadsheet.cleaners.document import Block, Column

Words = list[str]

_UNSPACED = "\u3040-\u30ff\u4e00-\u9fff"  # kana and CJK ideographs: each is a word of its own
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_RUN_WORDS = 3
_LONG_WORDS, _LONG_SHARE = 8, 0.8  # a block of so many words may match out of order, if so much of it is in the text
_HALF = 0.5
_SNIPPET_CHARS = 25  # a shorter block inside a longer snippet may match by chance


def words_of(text: str) -> Words:
    """Return a text's words in lower case as the corpora's scorer counts them; of Chinese and Japanese, characters."""
    return _WORD.findall(text.lower())


def word_f1(extracted_words: Counter[str], expected_words: Counter[str]) -> float:
    """Compute the F1 of two bags of words, 0 to 1; 1 if both are empty."""
    total_words = extracted_words.total() + expected_words.total()
    return 2 * (extracted_words & expected_words).total() / total_words if total_words else 1.0


def covered_shares(blocks: Sequence[Words], text: Words) -> Column:
    """Return the share of each block's words, 0 to 1, that the annotated text holds, in order."""
    overlay = _TextOverlay(blocks, text)
    overlay.match_in_order()
    overlay.match_out_of_order()
    overlay.match_short_blocks()
    return np.array(overlay.shares)


class _TextOverlay:
    """Alignment of an annotated text with blocks.

    `is_matched` marks the matched words of the text. `shares` is how much of each block is matched. `spans` is the part
    of the text, from word to word, that a block has matched in order.
    """

    def __init__(self, blocks: Sequence[Words], text: Words) -> None:
        self.blocks = blocks
        self.text = text
        self.runs = _word_runs(text)
        self.is_matched = np.zeros(len(text) + 1, bool)
        self.shares = [0.0] * len(blocks)
        self.spans: dict[int, tuple[int, int]] = {}

    def match_in_order(self) -> None:
        """Match the longest common runs, and record what part of each block they cover."""
        text_runs = frozenset(self.runs)
        starts = [
            (n, start)
            for n, words in enumerate(self.blocks)
            for start, run in enumerate(_word_runs(words))
            if run in text_runs
        ]
        block_runs = [tuple(self.blocks[n][start : start + _RUN_WORDS]) for n, start in starts]
        matched_words: defaultdict[int, set[int]] = defaultdict(set)  # by block, numbers of its words
        matcher = SequenceMatcher(None, block_runs, self.runs, autojunk=False)
        for first_run, text_start, size in matcher.get_matching_blocks():
            self.is_matched[text_start : text_start + size + _RUN_WORDS - 1 if size else text_start] = True
            for step in range(size):
                n, start = starts[first_run + step]
                matched_words[n].update(range(start, start + _RUN_WORDS))
                low, high = self.spans.get(n, (text_start + step, 0))
                self.spans[n] = (min(low, text_start + step), max(high, text_start + step + _RUN_WORDS))
        for n, words in matched_words.items():
            self.shares[n] = len(words) / len(self.blocks[n])

    def match_out_of_order(self) -> None:
        """Match long blocks whose words are in a part of the text that no block has matched yet."""
        unmatched_starts: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)  # by run, its starts in the text
        for start, run in enumerate(self.runs):
            if not self.is_matched[start : start + _RUN_WORDS].all():
                unmatched_starts[run].append(start)
        for n, words in enumerate(self.blocks):
            if self.shares[n] < _HALF and len(words) >= _LONG_WORDS:
                runs = _word_runs(words)
                run_starts = [start for start, run in enumerate(runs) if run in unmatched_starts]
                matched_words = {start + step for start in run_starts for step in range(_RUN_WORDS)}
                if len(matched_words) > _LONG_SHARE * len(words):
                    self.shares[n] = len(matched_words) / len(words)
                    for run in runs:
                        for start in unmatched_starts.get(run, ()):
                            self.is_matched[start : start + _RUN_WORDS] = True

    def match_short_blocks(self) -> None:
        """Match blocks too short for a run, in the gap of the text between the blocks matched above and below."""
        ends, end = [0] * len(self.blocks), len(self.text)
        for n in reversed(range(len(self.blocks))):
            ends[n] = end
            if n in self.spans and self.shares[n] >= _HALF:
                end = self.spans[n][0]
        start = 0
        for n, words in enumerate(self.blocks):
            if n in self.spans and self.shares[n] >= _HALF:
                start = max(start, self.spans[n][1])
            elif 0 < len(words) < _RUN_WORDS and (match := self._unmatched_start(words, start, ends[n])) >= 0:
                self.shares[n], start = 1.0, match + len(words)
                self.is_matched[match:start] = True

    def _unmatched_start(self, words: Words, start: int, end: int) -> int:
        """Return the first position from `start` to `end` that has the words, all unmatched; -1 if there is none."""
        size = len(words)
        matches = (n for n in range(start, end - size + 1) if self.text[n : n + size] == words)
        return next((n for n in matches if not self.is_matched[n : n + size].any()), -1)


def _word_runs(words: Words) -> list[tuple[str, ...]]:
    """Return the runs of `_RUN_WORDS` words, by their start; fewer words have none."""
    return [tuple(words[start : start + _RUN_WORDS]) for start in range(len(words) - _RUN_WORDS + 1)]


def fold_whitespace(text: str) -> str:
    """Return the text with runs of white space made one space, as snippets are compared."""
    return " ".join(text.split())


def snippet_labels(
    blocks: Sequence[Block], article_snippets: Sequence[str], boilerplate_snippets: Sequence[str]
) -> Column:
    """Label blocks with a snippet of the article 1, those with one of boilerplate 0, and all others NaN."""
    labels = np.full(len(blocks), np.nan)
    for n, block in enumerate(blocks):
        text = fold_whitespace(block.text)
        is_article = any(_text_has_snippet(text, snippet) for snippet in article_snippets)
        is_boilerplate = any(_text_has_snippet(text, snippet) for snippet in boilerplate_snippets)
        if is_article != is_boilerplate:
            labels[n] = is_article
    return labels


def _text_has_snippet(text: str, snippet: str) -> bool:
    return snippet in text or (len(text) > _SNIPPET_CHARS and text in snippet)
