"""What reads like running text, and which container of the page holds it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from operator import eq

from cleaners.document import Block, Kind

_BODY_WORDS = 15  # a kept block of so many words, mostly not links, is a paragraph of the article
LINKED = 0.5
_BRIEF_WORDS = 6
_BRIEF_REACH = 3  # steps that a brief's text may stand above its heading: article > header > h1
OUTSIDE = frozenset(("nav", "aside", "form", "dialog", "button"))
_TEXT_LEVEL = re.compile(r"(?:p|blockquote|ul|ol|li|dl|dt|dd|pre|h[2-6])(?:$|[.#])")


def is_prose(block: Block) -> bool:
    """Whether a block reads like running text: long enough, and mostly not links."""
    return block.words >= _BODY_WORDS and block.link_density < LINKED


def body_span(blocks: Sequence[Block], selected: frozenset[int]) -> range:
    """From the first to the last selected paragraph of prose; empty where there is none."""
    prose = sorted(n for n in selected if is_prose(blocks[n])) or sorted(selected)
    return range(prose[0], prose[-1] + 1) if prose else range(0)


def main_container(blocks: Sequence[Block]) -> frozenset[int]:
    """The prose of the container that holds most of it, for a page where the extractor found nothing."""
    weight: Counter[str] = Counter()
    for block in blocks:
        if not block.landmarks & OUTSIDE and block.link_density < LINKED and not block.landmarks & {"footer"}:
            weight[container_of(block)] += block.words if block.words >= 5 else 0
    if not weight:
        return frozenset()
    best = max(weight, key=lambda path: (weight[path], path))
    return frozenset(b.position for b in blocks if weight[best] and b.path.startswith(best) and b.link_density < LINKED)


def container_of(block: Block) -> str:
    """The path of the container that a block's text stands in: lists, quotes and paragraphs are no containers."""
    return _container(block.path)


@lru_cache(maxsize=1024)
def _container(path: str) -> str:
    steps = path.split(">")[:-1]
    while steps and _TEXT_LEVEL.match(steps[-1]):
        steps.pop()
    return ">".join(steps)


def brief(blocks: Sequence[Block], line: Block) -> frozenset[int]:
    """The text of a very short article: what follows the line that says its title, in the same container.

    `blocks` are those that no phrase rule takes for furniture.
    """
    home = line.path.split(">")
    found = []
    for block in blocks:
        if block.position <= line.position:
            continue
        if block.kind is Kind.HEADING or shared_steps(home, block.path.split(">")) < len(home) - _BRIEF_REACH:
            break
        if block.words >= _BRIEF_WORDS and block.link_density < LINKED and not block.landmarks & OUTSIDE:
            found.append(block.position)
    return frozenset(found)


def shared_steps(one: Sequence[str], other: Sequence[str]) -> int:
    """How many steps two paths have in common from the top."""
    same = list(map(eq, one, other))
    return len(same) if all(same) else same.index(False)
