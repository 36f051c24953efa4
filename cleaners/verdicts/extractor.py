"""What trafilatura selects, told block by block.

The only importer of trafilatura. Its output is plain lines; they are laid back over the page's blocks: first whole
lines against whole blocks in order, then what is left by words between those anchors.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from lxml import etree
from lxml.html import HtmlElement
from trafilatura import bare_extraction
from trafilatura.settings import Extractor

from cleaners.document import Block

_WORD = re.compile(r"\w+")
_ENOUGH_WORDS = 0.75  # share of a block's words that must stand in the gap's lines for it to count as selected
_SHORT = 4  # words; a shorter block must be found whole
_MANY = 5_000  # blocks or lines; aligning more takes time that grows with their product

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def selected_blocks(blocks: Sequence[Block], tree: HtmlElement, url: str = "") -> frozenset[int]:
    """Return the positions of the blocks that trafilatura takes for the article; none where it finds nothing."""
    return laid_back(blocks, extracted_text(tree, url))


def extracted_text(tree: HtmlElement, url: str = "", *, recall: bool = False) -> str:
    """Return trafilatura's text of the page, one element a line; empty where it finds nothing.

    It is asked in its fast mode, and to favour precision; with `recall`, as who uses it alone would ask it for all
    that there is. The tree is copied by trafilatura, not changed. A fault inside it or its fallbacks counts as "found
    nothing": our own judgement goes on without its vote.
    """
    options = Extractor(
        output_format="python", url=url or None, comments=False, fast=not recall, precision=not recall, recall=recall
    )
    try:
        document = bare_extraction(tree, options=options)
    except (etree.LxmlError, ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError):
        return ""
    return str(getattr(document, "text", None) or "")


def laid_back(blocks: Sequence[Block], extracted: str) -> frozenset[int]:
    """Return the positions of the blocks that `extracted` holds."""
    lines = [words for line in extracted.splitlines() if (words := _words(line))]
    sources = [_words(block.text) for block in blocks]
    if max(len(lines), len(sources)) > _MANY:
        return _without_order(sources, lines)
    chosen: set[int] = set()
    known: dict[tuple[str, ...], int] = {}  # numbers compare faster than lists of words
    one, other = ([known.setdefault(words, len(known)) for words in each] for each in (sources, lines))
    for tag, b1, b2, l1, l2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            chosen.update(range(b1, b2))
        elif tag == "replace":
            chosen.update(_inside_gap(sources, range(b1, b2), lines[l1:l2]))
    return frozenset(chosen)


def _without_order(sources: list[tuple[str, ...]], lines: list[tuple[str, ...]]) -> frozenset[int]:
    """Return the positions of the blocks that are a line, or whose words stand anywhere in the lines."""
    whole, known = frozenset(lines), frozenset(word for line in lines for word in line)
    return frozenset(n for n, words in enumerate(sources) if words in whole or _mostly_known(words, known))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def _inside_gap(sources: list[tuple[str, ...]], gap: range, lines: list[tuple[str, ...]]) -> list[int]:
    """Return the positions in `gap` whose words stand in the gap's lines."""
    flat = " " + " ".join(word for line in lines for word in line) + " "
    known = frozenset(word for line in lines for word in line)
    return [n for n in gap if sources[n] and _stands_in(sources[n], flat, known)]


def _stands_in(words: tuple[str, ...], flat: str, known: frozenset[str]) -> bool:
    if f" {' '.join(words)} " in flat:
        return True
    return _mostly_known(words, known)


def _mostly_known(words: tuple[str, ...], known: frozenset[str]) -> bool:
    return len(words) > _SHORT and sum(word in known for word in words) >= _ENOUGH_WORDS * len(words)
