"""Sections of teasers inside a page: where one opens, and what still belongs to it."""

from __future__ import annotations

from collections.abc import Sequence

from cleaners.document import Block, Kind
from cleaners.rules.rule import Place

_TEASER_WORDS = 30
_CARD_TITLE, _CARD_WORDS = 3, 60
_LINKED = 0.5
_ENDINGS = ("…", "...", "[…]", "[...]")


def opens(blocks: Sequence[Block], position: int) -> bool:
    """Whether a heading in the midst of the article opens a box of teasers: a linked or cut block follows it."""
    following = blocks[position + 1 : position + 3]
    return any(is_teaser(block) for block in following)


def continues(block: Block, selected: frozenset[int], place: Place) -> bool:
    """Whether a block still belongs to the furniture section that a heading above it opened.

    The section ends at a paragraph of the article. After the last one everything belongs to it.
    """
    if place.between or place.before_body:
        return is_teaser(block)
    return block.position not in selected or is_teaser(block) or len(block.text.split()) <= _TEASER_WORDS


def is_teaser(block: Block) -> bool:
    """Whether a block is a link to another page, or an excerpt that is cut with an ellipsis."""
    if block.kind in (Kind.QUOTE, Kind.CODE, Kind.TABLE):
        return False
    if _is_card(block):
        return True
    short = len(block.text.split()) <= _TEASER_WORDS
    return short and (block.link_density > _LINKED or block.text.rstrip().endswith(_ENDINGS))


def _is_card(block: Block) -> bool:
    """Whether a block of several lines is a linked headline with what it leads to below: a date, an excerpt."""
    first, _, rest = block.text.partition("\n")
    linked = abs(block.link_chars - len(first)) <= len(first) // 5
    return bool(rest) and linked and len(first.split()) >= _CARD_TITLE and len(block.text.split()) <= _CARD_WORDS
