"""Boilerplate that a page itself gives away: by markup, or links as of teasers.

A teaser links to another page. A heading above teasers opens a section of them, which ends at the article's own text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..document import Block, BlockKind, RemovalReason
from ..page.running_text import (
    MAX_LINK_DENSITY,
    NON_ARTICLE_LANDMARKS,
    common_step_count,
    is_prose,
)
from ..rules.layout_rules import box_apart, explain_layout
from ..rules.rule import BodyPosition, Rule

_TEASER_WORDS = 30
_CARD_LINKED = 0.5  # link density
_EXCERPT_WORDS, _EXCERPT_LINKED = 50, 0.25  # from so many words, and below this link density, a text is no excerpt
_SENTENCE_ENDS = (".", "!", "。", "！")
_ELLIPSES = ("…", "...", "[…]", "[...]")


def opens_teaser_box(blocks: Sequence[Block], position: int) -> bool:
    """Return whether a heading within the article opens a box of teasers: one of the two blocks below is a teaser."""
    return any(is_teaser(block) for block in blocks[position + 1 : position + 3])


def continues_section(block: Block, selected_positions: frozenset[int], position: BodyPosition) -> bool:
    """Return whether a block still belongs to the boilerplate section that a heading above it opened.

    Above the last paragraph of the article, the section ends at the first block that is no teaser; below it, at a
    longer block that was selected.
    """
    if position.between or position.before_body:
        return is_teaser(block)
    return block.position not in selected_positions or is_teaser(block) or block.words <= _TEASER_WORDS


def is_no_excerpt(block: Block) -> bool:
    """Return whether a block is no teaser: long, with few links, and without a closing ellipsis."""
    is_long = block.words >= _EXCERPT_WORDS and block.link_density < _EXCERPT_LINKED
    return is_long and not block.text.rstrip().endswith(_ELLIPSES)


def is_teaser(block: Block) -> bool:
    """Return whether a block is a link to another page, or an excerpt that is cut with an ellipsis."""
    if block.kind in (BlockKind.QUOTE, BlockKind.CODE, BlockKind.TABLE):
        return False
    is_short = block.words <= _TEASER_WORDS
    return is_short and (block.link_density > _CARD_LINKED or block.text.rstrip().endswith(_ELLIPSES))


_FEW_WORD_LINKS = "context/links", RemovalReason.NAVIGATION
_LINKED_TEASER = "context/teaser", RemovalReason.RELATED
_CAPTION, _DATE = ("context/caption", RemovalReason.CAPTION), ("context/date", RemovalReason.DATE)
# Reasons of layout rules that remove a block of any length, if its links or landmarks agree.
_STRONG_REASONS = frozenset(
    (
        RemovalReason.NAVIGATION,
        RemovalReason.CONSENT,
        RemovalReason.NEWSLETTER,
        RemovalReason.SHARE,
        RemovalReason.COMMENTS,
        RemovalReason.RELATED,
        RemovalReason.SIDEBAR,
        RemovalReason.BREADCRUMB,
    )
)
# Reasons of layout rules that remove a short line near the edges of the article.
_SHORT_LINE_REASONS = frozenset(
    (
        RemovalReason.BYLINE,
        RemovalReason.DATE,
        RemovalReason.TAGS,
        RemovalReason.PRINT,
        RemovalReason.CAPTION,
        RemovalReason.AUTHOR_BIO,
    )
)
_SHORT_LINE_WORDS = 14
_BOX_WORDS = 8
_WORDS_OUTSIDE_BOXES = 100
_LINE_NUMBERS = "layout/line-numbers"
_HEAD_BLOCKS = 3  # below the first paragraph, which may still be byline and date
_CLOCK = re.compile(r"\d{1,2}[:.h]\d{2}|\d{4}|\d{1,2}[./-]\d{1,2}")


def boilerplate_rule(block: Block, body: range) -> Rule | None:
    """Return the layout rule by which a selected block is boilerplate, or None.

    Class names alone mislead, so they decide only about a teaser, a short line, or a block that is mostly links or in a
    landmark outside the article. `body` is the range from the first to the last article paragraph.
    """
    rule = explain_layout(block.path, block.landmarks)
    if rule is not None and rule.reason == RemovalReason.RELATED and is_teaser(block):
        return rule
    if rule is None or is_prose(block):
        return None
    is_inside_body = body.start < block.position < body.stop - 1
    if rule.reason in _SHORT_LINE_REASONS:
        near_edge = (
            not is_inside_body or block.position <= body.start + _HEAD_BLOCKS or rule.reason == RemovalReason.CAPTION
        )
        return rule if near_edge and block.words <= _SHORT_LINE_WORDS else None
    if rule.reason not in _STRONG_REASONS:
        return None
    outside_article = bool(block.landmarks & NON_ARTICLE_LANDMARKS)
    return rule if outside_article or block.link_density >= MAX_LINK_DENSITY else None


def blocks_in_boxes(blocks: Sequence[Block], selected_positions: frozenset[int]) -> dict[int, Rule]:
    """Return the blocks in boxes apart from the text, each with its rule.

    If hardly any text is outside them, these are the numbers of lines of code alone.
    """
    boxed_blocks = {block.position: rule for block in blocks if (rule := box_apart(block.path))}
    if not boxed_blocks:
        return {}
    outside = [blocks[n] for n in sorted(selected_positions) if n not in boxed_blocks and is_prose(blocks[n])]
    if sum([block.words for block in outside]) >= _WORDS_OUTSIDE_BOXES:
        return boxed_blocks
    return {n: rule for n, rule in boxed_blocks.items() if rule.name == _LINE_NUMBERS}


def is_box_heading(blocks: Sequence[Block], position: int, kept_prose: Iterable[int]) -> bool:
    """Return whether a short line is the heading of a box: its container holds the block below it and no kept prose.

    Neither a sentence nor a line that is marked up as the one below, such as the link above in a menu, is a heading.
    """
    heading = blocks[position]
    is_one_of_several = heading.path == blocks[position + 1].path
    if heading.words > _BOX_WORDS or is_one_of_several or heading.text.endswith(_SENTENCE_ENDS):
        return False
    steps, next_steps = (blocks[n].path.split(">") for n in (position, position + 1))
    common_steps = common_step_count(steps, next_steps)
    box_path = ">".join(steps[:common_steps]) + ">"
    return common_steps >= len(next_steps) - 2 and not any(blocks[n].path.startswith(box_path) for n in kept_prose)


def explain_by_content(block: Block) -> tuple[str, RemovalReason] | None:
    """Return the rule and the reason for a removed block by its links, kind and text; None if these say nothing."""
    if block.link_density > MAX_LINK_DENSITY:
        return _FEW_WORD_LINKS if block.words < 6 else _LINKED_TEASER
    if block.kind is BlockKind.CAPTION or "figure" in block.landmarks:
        return _CAPTION
    if block.words <= 6 and block.kind is not BlockKind.CODE and _CLOCK.search(block.text):
        return _DATE
    return None
