"""Extractor: the blocks of a page that trafilatura selects.

This is the only importer of trafilatura. Its output is plain lines, which are aligned with the page's blocks: first
whole lines with whole blocks, in order; then, between those anchors, by words.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement
from trafilatura import bare_extraction
from trafilatura.settings import Extractor

from ..document import Block

_WORD = re.compile(r"\w+")
_WORDS_SHARE = 0.75  # of a block's words in the gap's lines, from which it counts as selected
_SHORT_WORDS = 4  # a block of no more words must be in the lines as a whole
_LINE_TAGS = ("p",)  # whose parts trafilatura collects one by one
_MOST_IN_LINE = 2_000  # elements in one of them; of 1,000 pages the most were 231
_MOST_ALIGNED = 5_000  # blocks or lines; aligning more takes time that grows with their product

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def selected_blocks(blocks: Sequence[Block], tree: HtmlElement, url: str = "") -> frozenset[int]:
    """Return the positions of the blocks that trafilatura extracts; empty if it extracts nothing."""
    return blocks_in_text(blocks, extracted_text(tree, url))


def extracted_text(tree: HtmlElement, url: str = "", *, recall: bool = False) -> str:
    """Return the text that trafilatura extracts from the page, one element a line; empty where it extracts nothing.

    It runs in its fast mode with `favor_precision`; with `recall` in its full mode with `favor_recall`, as by those who
    use it alone. The tree is copied by trafilatura, not changed. An error inside it or its fallbacks counts as an empty
    text, and so does a paragraph of very many parts, which would take it minutes: the verdicts are then made without
    its vote.
    """
    # Trafilatura's time grows with the square of the elements in a line of text.
    lines = (line for line in tree.iter(*_LINE_TAGS) if len(line))
    if any(next(islice(line.iter(), _MOST_IN_LINE, None), None) is not None for line in lines):
        return ""
    options = Extractor(
        output_format="python", url=url or None, comments=False, fast=not recall, precision=not recall, recall=recall
    )
    try:
        document = bare_extraction(tree, options=options)
    except (etree.LxmlError, ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError):
        return ""
    return str(getattr(document, "text", None) or "")


def blocks_in_text(blocks: Sequence[Block], text: str) -> frozenset[int]:
    """Return the positions of the blocks whose words are in `text`, which is matched line by line."""
    lines = [words for line in text.splitlines() if (words := _words(line))]
    block_words = [_words(block.text) for block in blocks]
    if max(len(lines), len(block_words)) > _MOST_ALIGNED:
        whole_lines, line_words = frozenset(lines), frozenset(word for line in lines for word in line)
        return frozenset(
            n for n, words in enumerate(block_words) if words in whole_lines or _has_most_words_in(words, line_words)
        )
    positions: set[int] = set()
    numbers: dict[tuple[str, ...], int] = {}  # numbers compare faster than lists of words
    block_numbers = [numbers.setdefault(words, len(numbers)) for words in block_words]
    line_numbers = [numbers.setdefault(words, len(numbers)) for words in lines]
    for tag, b1, b2, l1, l2 in SequenceMatcher(None, block_numbers, line_numbers, autojunk=False).get_opcodes():
        if tag == "equal":
            positions.update(range(b1, b2))
        elif tag == "replace":
            positions.update(_blocks_in_gap(block_words, range(b1, b2), lines[l1:l2]))
    return frozenset(positions)


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def _blocks_in_gap(block_words: list[tuple[str, ...]], gap: range, lines: list[tuple[str, ...]]) -> list[int]:
    """Return the positions in `gap` whose words, or most of them, are in the lines between the same anchors."""
    joined_lines = " " + " ".join(word for line in lines for word in line) + " "
    line_words = frozenset(word for line in lines for word in line)
    return [n for n in gap if block_words[n] and _is_in_lines(block_words[n], joined_lines, line_words)]


def _is_in_lines(words: tuple[str, ...], joined_lines: str, line_words: frozenset[str]) -> bool:
    if f" {' '.join(words)} " in joined_lines:
        return True
    return _has_most_words_in(words, line_words)


def _has_most_words_in(words: tuple[str, ...], line_words: frozenset[str]) -> bool:
    return len(words) > _SHORT_WORDS and sum(word in line_words for word in words) >= _WORDS_SHARE * len(words)
