"""Teasers, which link to other pages: what is one, where a section of them opens and where it ends."""

from __future__ import annotations

from collections.abc import Sequence

from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.cleaners.rules.rule import BodyPosition
from broadsheet.cleaners.words import rough_word_count

_TEASER_WORDS = 30
_CARD_TITLE_WORDS, _CARD_WORDS = 3, 60
_LINKED = 0.5  # link density
_EXCERPT_WORDS, _EXCERPT_LINKED = 50, 0.25  # from so many words, and below this link density, a text is no excerpt
_ELLIPSES = ("…", "...", "[…]", "[...]")


def opens_teaser_box(blocks: Sequence[Block], position: int) -> bool:
    """Whether a heading within the article opens a box of teasers: one of the two blocks below it is a teaser."""
    return any(is_teaser(block) for block in blocks[position + 1 : position + 3])


def continues_section(block: Block, selected_positions: frozenset[int], position: BodyPosition) -> bool:
    """Whether a block still belongs to the boilerplate section that a heading above it opened.

    Above the last paragraph of the article, the section ends at the first block that is no teaser; below it, at a
    longer block that was selected.
    """
    if position.between or position.before_body:
        return is_teaser(block)
    return block.position not in selected_positions or is_teaser(block) or block.words <= _TEASER_WORDS


def is_no_excerpt(block: Block) -> bool:
    """Whether a block is too long for an excerpt of another page, mostly no link, and not cut with an ellipsis."""
    is_long = block.words >= _EXCERPT_WORDS and block.link_density < _EXCERPT_LINKED
    return is_long and not block.text.rstrip().endswith(_ELLIPSES)


def is_teaser(block: Block) -> bool:
    """Whether a block is a link to another page, or an excerpt that is cut with an ellipsis."""
    if block.kind in (BlockKind.QUOTE, BlockKind.CODE, BlockKind.TABLE):
        return False
    if _is_card(block):
        return True
    is_short = block.words <= _TEASER_WORDS
    return is_short and (block.link_density > _LINKED or block.text.rstrip().endswith(_ELLIPSES))


def _is_card(block: Block) -> bool:
    """Whether a block of several lines is a linked headline with a date or an excerpt below."""
    headline, _, details = block.text.partition("\n")
    is_linked = abs(block.link_chars - len(headline)) <= len(headline) // 5
    is_headline = is_linked and rough_word_count(headline) >= _CARD_TITLE_WORDS
    return bool(details) and is_headline and block.words <= _CARD_WORDS
