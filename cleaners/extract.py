"""What trafilatura selects, told block by block.

The only importer of trafilatura. It is given the page's outline (`outline.py`): the blocks in their containers, a fifth
of the page's elements, marked so that what it takes is known by its marks. Where its choice and the page's main
container of prose are at odds, it is given the whole page. Then its output is plain lines; they are laid back over the
page's blocks: first whole lines against whole blocks in order, then what is left by words between those anchors.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any

from lxml import etree
from lxml.html import HtmlElement
from trafilatura import bare_extraction
from trafilatura.settings import Extractor

from cleaners.outline import marked, outline
from cleaners.prose import main_prose, word_count
from cleaners.record import Block

_WORD = re.compile(r"\w+")
_ENOUGH_WORDS = 0.75  # share of a block's words that must stand in the gap's lines for it to count as selected
_SHORT = 4  # words; a shorter block must be found whole
_COVERED, _HELD = 0.9, 0.7  # shares of the main prose that is chosen, and of the chosen prose that is the main
_MANY = 5_000  # blocks or lines; aligning more takes time that grows with their product
_OPTIONS: dict[str, Any] = {"comments": False, "recall": True}
_OUTLINED = Extractor(output_format="txt", **_OPTIONS)  # whose text is not laid out: the marks are enough

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def selected_blocks(blocks: Sequence[Block], page: Callable[[], HtmlElement], url: str = "") -> frozenset[int]:
    """Return the positions of the blocks that trafilatura takes for the article; none where it finds nothing.

    `page` gives the parsed page, and is asked for it only where the outline was not enough.
    """
    chosen = outlined_blocks(blocks)
    return chosen if _is_plain(blocks, chosen) else laid_back(blocks, extracted_text(page(), url))


def outlined_blocks(blocks: Sequence[Block]) -> frozenset[int]:
    """Return the positions of the blocks that trafilatura takes when it is given the page's outline."""
    body = getattr(_extracted(outline(blocks), _OUTLINED), "body", None)
    return marked(body.itertext()) if body is not None else frozenset()


def _is_plain(blocks: Sequence[Block], chosen: frozenset[int]) -> bool:
    """Whether a choice is nearly all of the prose in the page's main container, and little prose from elsewhere."""
    prose, main = main_prose(blocks)
    both = _words_in(blocks, main & chosen)
    return both >= _COVERED * _words_in(blocks, main) > 0 and both >= _HELD * _words_in(blocks, prose & chosen)


def _words_in(blocks: Sequence[Block], positions: frozenset[int]) -> int:
    return sum(word_count(blocks[n]) for n in positions)


def extracted_text(tree: HtmlElement, url: str = "") -> str:
    """Return trafilatura's text of the page, one element a line; empty where it finds nothing. It copies the tree."""
    options = Extractor(output_format="python", url=url or None, **_OPTIONS)
    return str(getattr(_extracted(tree, options), "text", None) or "")


def _extracted(tree: HtmlElement, options: Extractor) -> object:
    """What trafilatura finds in a tree. A fault inside it or its fallbacks counts as "found nothing".

    Our own judgement then goes on without its vote.
    """
    try:
        return bare_extraction(tree, options=options)
    except (etree.LxmlError, ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError):
        return None


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
