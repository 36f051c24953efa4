"""Boilerplate that a page itself gives away: by markup, layout tables, or links as of teasers.

A teaser links to another page. A heading above teasers opens a section of them, which ends at the article's own text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from ..document import Block, BlockKind, RemovalReason
from ..page.running_text import (
    MAX_LINK_DENSITY,
    NON_ARTICLE_LANDMARKS,
    common_step_count,
    container_of,
    is_prose,
    most_worded,
)
from ..rules.layout_rules import box_apart, explain_layout
from ..rules.rule import BodyPosition, Rule
from ..words import rough_word_count

_TEASER_WORDS = 30
_CARD_TITLE_WORDS, _CARD_WORDS = 3, 60
_CARD_LINKED = 0.5  # link density
_EXCERPT_WORDS, _EXCERPT_LINKED = 50, 0.25  # from this length, and below this link density, a text is not an excerpt
_ELLIPSES = ("…", "...", "[…]", "[...]")


def opens_teaser_box(blocks: Sequence[Block], position: int) -> bool:
    """Return whether a heading within the article opens a box of teasers: one of the two blocks below is a teaser."""
    return any(is_teaser(block) for block in blocks[position + 1 : position + 3])


def continues_section(block: Block, selected_positions: frozenset[int], position: BodyPosition) -> bool:
    """Return whether a block still belongs to the boilerplate section that a heading above it opened.

    Above the last paragraph of the article, the section ends at the first block that is not a teaser; below it, at a
    longer block that was selected.
    """
    if position.between or position.before_body:
        return is_teaser(block)
    return block.position not in selected_positions or is_teaser(block) or block.words <= _TEASER_WORDS


def is_no_excerpt(block: Block) -> bool:
    """Return whether a block is not a teaser: long, with few links, and without a closing ellipsis."""
    is_long = block.words >= _EXCERPT_WORDS and block.link_density < _EXCERPT_LINKED
    return is_long and not block.text.rstrip().endswith(_ELLIPSES)


def is_teaser(block: Block) -> bool:
    """Return whether a block is a link to another page, or an excerpt that is cut with an ellipsis."""
    if block.kind in (BlockKind.QUOTE, BlockKind.CODE, BlockKind.TABLE):
        return False
    # A card is a linked headline with a date or an excerpt below.
    headline, _, details = block.text.partition("\n")
    is_linked = abs(block.link_chars - len(headline)) <= len(headline) // 5
    is_headline = is_linked and rough_word_count(headline) >= _CARD_TITLE_WORDS
    if bool(details) and is_headline and block.words <= _CARD_WORDS:
        return True
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
_ARTICLE_WORDS = 80
_BOX_WORDS = 8
_WORDS_OUTSIDE_BOXES = 100
_PASTED_WORDS = 25  # a shorter paragraph may be a caption
_PARAGRAPH = re.compile(r">p(?:[.#][^>]*)?$")
_LINE_NUMBERS = "layout/line-numbers"
_HEAD_BLOCKS = 3  # below the first paragraph, which may still be byline and date
_CELL = re.compile(r"t[dh](?:$|[.#])")
_COLUMN_SHARE = 0.5  # of the prose: if one column of a layout table holds so much, the others are boilerplate
_WRAPPER_SHARE = 0.95  # of the prose: a cell with so much is a frame around the page, and its inner cells count
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


def comment_blocks(blocks: Sequence[Block], selected_positions: frozenset[int]) -> frozenset[int]:
    """Find selected prose in the comments section, below an article of some length that stands outside of it."""
    prose_positions = [n for n in sorted(selected_positions) if is_prose(blocks[n])]
    comments = frozenset(n for n in prose_positions if _is_comment(blocks[n]))
    article_positions = [n for n in prose_positions if n not in comments]
    if sum(blocks[n].words for n in article_positions) < _ARTICLE_WORDS:
        return frozenset()
    return frozenset(n for n in comments if n > article_positions[-1])


def _is_comment(block: Block) -> bool:
    rule = explain_layout(block.path, block.landmarks)
    return rule is not None and rule.reason == RemovalReason.COMMENTS


def blocks_in_other_columns(blocks: Sequence[Block], selected_positions: frozenset[int]) -> frozenset[int]:
    """Find selected blocks in other columns of a layout table than the one that holds most of the page's prose."""
    cells_by_path = {path: chain for path in {block.path for block in blocks} if (chain := _layout_cells(path))}
    if not cells_by_path:
        return frozenset()
    cells = {block.position: cells_by_path[block.path] for block in blocks if block.path in cells_by_path}
    main_column = _main_column({n: blocks[n].words for n in cells if is_prose(blocks[n])}, cells)
    if not main_column:
        return frozenset()
    level = len(main_column) - 1
    return frozenset(
        n for n in selected_positions if len(cells.get(n, ())) > level and cells[n][level] != main_column[level]
    )


def _main_column(prose_words: dict[int, int], cells: dict[int, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the nested cells down to the column with most of the words; empty where no column has most of them.

    `prose_words` and `cells` are by the block's position; `cells` as `_layout_cells` gives them.
    """
    level, positions = 0, list(prose_words)
    while positions := [n for n in positions if len(cells[n]) > level]:
        words_by_cell: Counter[str] = Counter()  # by the cell's path, which says in which cells it is
        for n in positions:
            words_by_cell[cells[n][level]] += prose_words[n]
        largest_cell, words = max(words_by_cell.items(), key=lambda pair: (pair[1], pair[0]))
        positions = [n for n in positions if cells[n][level] == largest_cell]
        if words < _WRAPPER_SHARE * words_by_cell.total():
            return cells[positions[0]][: level + 1] if words >= _COLUMN_SHARE * words_by_cell.total() else ()
        level += 1
    return ()


@lru_cache(maxsize=1024)
def _layout_cells(path: str) -> tuple[str, ...]:
    """Return the paths of the table cells that a path goes through, the outermost first."""
    if ">td" not in path and ">th" not in path and path[:1] != "t":
        return ()
    steps = path.split(">")
    return tuple(">".join(steps[: n + 1]) for n, step in enumerate(steps) if _CELL.match(step))


def blocks_in_boxes(blocks: Sequence[Block], selected_positions: frozenset[int]) -> dict[int, Rule]:
    """Return the blocks in boxes apart from the text, each with its rule.

    If hardly any text is outside them, these are the numbers of lines of code alone.
    """
    boxed_blocks = {block.position: rule for block in blocks if (rule := box_apart(block.path))}
    if not boxed_blocks:
        return {}
    outside = [blocks[n] for n in sorted(selected_positions) if n not in boxed_blocks and is_prose(blocks[n])]
    if sum([block.words for block in outside]) >= _WORDS_OUTSIDE_BOXES:
        return {n: rule for n, rule in boxed_blocks.items() if not _is_pasted(blocks[n], outside)}
    return {n: rule for n, rule in boxed_blocks.items() if rule.name == _LINE_NUMBERS}


def _is_pasted(block: Block, text: Sequence[Block]) -> bool:
    """Return whether a paragraph between others of the text's container is named like a box, as pasted text may be.

    `text` is the prose outside of boxes. What is named so as the text's own container goes on around it is not a box.
    """
    is_paragraph = _PARAGRAPH.search(block.path) and block.words > _PASTED_WORDS and is_prose(block)
    if not is_paragraph or not text[0].position < block.position < text[-1].position:
        return False
    return container_of(block) == most_worded(text, container_of)


def is_box_heading(blocks: Sequence[Block], position: int, kept_prose: Iterable[int]) -> bool:
    """Return whether a short line is the heading of a box: its container holds the block below it and no kept prose."""
    if blocks[position].words > _BOX_WORDS:
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
