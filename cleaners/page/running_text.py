"""Prose among a page's blocks: what reads like running text, and the container that holds it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import eq

from ..document import Block, BlockKind

_MIN_PROSE_WORDS = 15  # minimum words of a kept block, mostly not links, that counts as a paragraph
MAX_LINK_DENSITY = 0.5
"""A block with this share of link text, or more, is not running text."""
LITTLE_PROSE_WORDS = 100
"""Words of prose: a page that shows or keeps fewer is searched for text that it holds otherwise."""
_MIN_BRIEF_WORDS = 6  # of a block of a very short article
_BRIEF_LEVELS_UP = 3  # levels from a brief's heading up to the container of its text: article > header > h1
NON_ARTICLE_LANDMARKS = frozenset(("nav", "aside", "form", "dialog", "button"))
"""Landmarks whose text does not belong to the article."""
_TEXT_STEP = re.compile(r"(?:p|blockquote|ul|ol|li|dl|dt|dd|pre|h[2-6])(?:$|[.#])")


def is_prose(block: Block) -> bool:
    """Return whether a block reads like running text: long enough, and mostly not links."""
    return block.words >= _MIN_PROSE_WORDS and block.link_density < MAX_LINK_DENSITY


def prose_of(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks that read like running text, as `is_prose` says, without a call for each."""
    return [block for block in blocks if block.words >= _MIN_PROSE_WORDS and block.link_density < MAX_LINK_DENSITY]


def prose_words(blocks: Iterable[Block], outside: frozenset[str] = NON_ARTICLE_LANDMARKS) -> int:
    """Count the words of the blocks that read like running text, outside of some landmarks (navigation, forms)."""
    return sum([block.words for block in prose_of(blocks) if not block.landmarks & outside])


def body_span(blocks: Sequence[Block], selected: frozenset[int]) -> range:
    """Return the positions from the first to the last selected block of prose; without prose, of any kind."""
    positions = sorted(n for n in selected if is_prose(blocks[n])) or sorted(selected)
    return range(positions[0], positions[-1] + 1) if positions else range(0)


def main_container_positions(blocks: Sequence[Block]) -> frozenset[int]:
    """Return the positions of the blocks in the container with the most words of text outside of links.

    This replaces the extractor where it found nothing.
    """
    words_by_container: Counter[str] = Counter()
    for block in blocks:
        if (
            not block.landmarks & NON_ARTICLE_LANDMARKS
            and block.link_density < MAX_LINK_DENSITY
            and not block.landmarks & {"footer"}
        ):
            words_by_container[container_of(block)] += block.words if block.words >= 5 else 0
    if not words_by_container:
        return frozenset()
    best = max(words_by_container, key=lambda path: (words_by_container[path], path))
    return frozenset(
        b.position
        for b in blocks
        if words_by_container[best] and f"{b.path}>".startswith(f"{best}>") and b.link_density < MAX_LINK_DENSITY
    )


def most_worded(blocks: Iterable[Block], key: Callable[[Block], str]) -> str:
    """Return the key whose blocks have most words together, of equals the greatest; empty without any block."""
    words: Counter[str] = Counter()
    for block in blocks:
        words[key(block)] += block.words
    return max(words, key=lambda name: (words[name], name), default="")


def container_of(block: Block) -> str:
    """Return the path of the container around a block; paragraphs, lists, quotes and headings are not containers."""
    return _container(block.path)


@lru_cache(maxsize=1024)
def _container(path: str) -> str:
    steps = path.split(">")[:-1]
    while steps and _TEXT_STEP.match(steps[-1]):
        steps.pop()
    return ">".join(steps)


def brief_positions(blocks: Sequence[Block], title_block: Block) -> frozenset[int]:
    """Return the positions of a very short article's text: the blocks after its title in the same container.

    `blocks` are the blocks that no phrase rule removes.
    """
    title_path = title_block.path.split(">")
    positions = []
    for block in blocks:
        if block.position <= title_block.position:
            continue
        if (
            block.kind is BlockKind.HEADING
            or common_step_count(title_path, block.path.split(">")) < len(title_path) - _BRIEF_LEVELS_UP
        ):
            break
        if (
            block.words >= _MIN_BRIEF_WORDS
            and block.link_density < MAX_LINK_DENSITY
            and not block.landmarks & NON_ARTICLE_LANDMARKS
        ):
            positions.append(block.position)
    return frozenset(positions)


def common_step_count(path: Sequence[str], other_path: Sequence[str]) -> int:
    """Return how many steps two paths have in common from the top."""
    equal_steps = list(map(eq, path, other_path))
    return len(equal_steps) if all(equal_steps) else equal_steps.index(False)
