"""Boilerplate that a page itself gives away: by markup, layout tables, repetition, or links as of teasers.

A teaser links to another page. A heading above teasers opens a section of them, which ends at the article's own text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from broadsheet.cleaners.document import Block, BlockKind, RemovalReason
from broadsheet.cleaners.page.running_text import MAX_LINK_DENSITY, NON_ARTICLE_LANDMARKS, common_step_count, is_prose
from broadsheet.cleaners.rules.layout_rules import box_apart, explain_layout
from broadsheet.cleaners.rules.matcher import fold_text
from broadsheet.cleaners.rules.rule import BodyPosition, Rule
from broadsheet.cleaners.words import rough_word_count

_TEASER_WORDS = 30
_CARD_TITLE_WORDS, _CARD_WORDS = 3, 60
_CARD_LINKED = 0.5  # link density
_EXCERPT_WORDS, _EXCERPT_LINKED = 50, 0.25  # from so many words, and below this link density, a text is no excerpt
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
    """Return whether a block is too long for an excerpt of another page, hardly linked, and not cut by an ellipsis."""
    is_long = block.words >= _EXCERPT_WORDS and block.link_density < _EXCERPT_LINKED
    return is_long and not block.text.rstrip().endswith(_ELLIPSES)


def is_teaser(block: Block) -> bool:
    """Return whether a block is a link to another page, or an excerpt that is cut with an ellipsis."""
    if block.kind in (BlockKind.QUOTE, BlockKind.CODE, BlockKind.TABLE):
        return False
    if _is_card(block):
        return True
    is_short = block.words <= _TEASER_WORDS
    return is_short and (block.link_density > _CARD_LINKED or block.text.rstrip().endswith(_ELLIPSES))


def _is_card(block: Block) -> bool:
    """Return whether a block of several lines is a linked headline with a date or an excerpt below."""
    headline, _, details = block.text.partition("\n")
    is_linked = abs(block.link_chars - len(headline)) <= len(headline) // 5
    is_headline = is_linked and rough_word_count(headline) >= _CARD_TITLE_WORDS
    return bool(details) and is_headline and block.words <= _CARD_WORDS


_FEW_WORD_LINKS = "context/links", RemovalReason.NAVIGATION
_LINKED_TEASER = "context/teaser", RemovalReason.RELATED
_CAPTION, _DATE = ("context/caption", RemovalReason.CAPTION), ("context/date", RemovalReason.DATE)
_LEAD_WORDS = 8
_SECOND_RENDERING_WORDS = 120  # repeated in one run, at the same place in the markup
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
_LINE_NUMBERS = "layout/line-numbers"
_HEAD_BLOCKS = 3  # below the first paragraph, which may still be byline and date
_CELL = re.compile(r"t[dh](?:$|[.#])")
_COLUMN_SHARE = 0.5  # of the prose: if one column of a layout table holds so much, the others are boilerplate
_WRAPPER_SHARE = 0.95  # of the prose: a cell with so much is a frame around the page, and its inner cells count
_PULLED_SHARE = 0.8  # of a quote's runs of words: if one paragraph holds so many, the quote is pulled out of it
_MOST_QUOTES = 100  # on a page of more, quotes are the article
_TEXT_KINDS = frozenset((BlockKind.PARAGRAPH, BlockKind.LIST_ITEM))
_WORD = re.compile(r"\w+")
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
    words_outside = sum(blocks[n].words for n in selected_positions if n not in boxed_blocks and is_prose(blocks[n]))
    if words_outside >= _WORDS_OUTSIDE_BOXES:
        return boxed_blocks
    return {n: rule for n, rule in boxed_blocks.items() if rule.name == _LINE_NUMBERS}


def is_box_heading(blocks: Sequence[Block], position: int, kept_prose: Iterable[int]) -> bool:
    """Return whether a short line is the heading of a box: its container holds the block below it and no kept prose."""
    if blocks[position].words > _BOX_WORDS:
        return False
    steps, next_steps = (blocks[n].path.split(">") for n in (position, position + 1))
    common_steps = common_step_count(steps, next_steps)
    box_path = ">".join(steps[:common_steps]) + ">"
    return common_steps >= len(next_steps) - 2 and not any(blocks[n].path.startswith(box_path) for n in kept_prose)


def repeated_blocks(blocks: Sequence[Block], positions: Iterable[int]) -> set[int]:
    """Find selected blocks with the text of an earlier selected block, in another place of the markup.

    At the same place a text repeats itself: a note under each of several pictures, a refrain, a step of a how-to. In a
    long run of such blocks a whole passage is there twice. So it is where short lines repeat beside a longer block, one
    after the other as before; alone, short lines, items of lists and verse may repeat.
    """
    order = sorted(positions)
    first_copies: dict[str, int] = {}
    earlier_paths: dict[str, set[str]] = {}
    duplicates: dict[int, int] = {}  # by position, the index in `order` of the first copy
    own_repeats: list[int] = []
    for index, n in enumerate(order):
        text = fold_text(blocks[n].text)
        paths = earlier_paths.setdefault(text, set())
        if blocks[n].path in paths:
            own_repeats.append(n)
        elif paths:
            duplicates[index] = first_copies[text]
        first_copies.setdefault(text, index)
        paths.add(blocks[n].path)
    second_renderings = {n for n in _second_renderings(blocks, own_repeats) if blocks[n].words >= _LEAD_WORDS}
    return second_renderings | {order[index] for index in _with_witness(duplicates, [blocks[n] for n in order])}


def _with_witness(duplicates: Mapping[int, int], blocks: Sequence[Block]) -> set[int]:
    """Return the duplicates that are longer, but for items of lists, and those beside one, in the order of before.

    `duplicates` has, by the index in `blocks`, that of the first copy.
    """
    found = {n for n in duplicates if blocks[n].words >= _LEAD_WORDS and blocks[n].kind is not BlockKind.LIST_ITEM}
    for step in (1, -1):
        for n in sorted(duplicates, reverse=step < 0):
            if n - step in found and duplicates[n] - duplicates[n - step] == step:
                found.add(n)
    return found


def _second_renderings(blocks: Sequence[Block], repeats: Sequence[int]) -> set[int]:
    """Return the repeated blocks in runs of so many words that a whole passage is on the page twice."""
    run_starts = [i for i, n in enumerate(repeats) if i == 0 or n != repeats[i - 1] + 1]
    runs = [repeats[start:end] for start, end in pairwise([*run_starts, len(repeats)])]
    return {n for run in runs if sum(blocks[n].words for n in run) >= _SECOND_RENDERING_WORDS for n in run}


def pull_quotes(
    blocks: Sequence[Block], kept_positions: Collection[int], lead_positions: Collection[int] = ()
) -> set[int]:
    """Find kept quotes, and `lead_positions`, that repeat a part of a kept paragraph above or below them.

    An editor who pulls a sentence out may cut it, or change a word: runs of three words are compared.
    """
    candidates = [n for n in kept_positions if blocks[n].kind is BlockKind.QUOTE or n in lead_positions]
    candidates = [n for n in candidates if blocks[n].words >= _LEAD_WORDS]
    if not 0 < len(candidates) <= _MOST_QUOTES:
        return set()
    text_positions = [n for n in kept_positions if blocks[n].kind in _TEXT_KINDS and n not in lead_positions]
    text_runs = [_word_runs(blocks[n].text) for n in text_positions]
    quotes = set()
    for n in candidates:
        runs = _word_runs(blocks[n].text)
        if runs and any(len(runs & paragraph_runs) >= _PULLED_SHARE * len(runs) for paragraph_runs in text_runs):
            quotes.add(n)
    return quotes


def _word_runs(text: str) -> set[tuple[str, ...]]:
    """Return all runs of three words."""
    words = _WORD.findall(text.lower())
    return set(zip(words, words[1:], words[2:], strict=False))


def explain_by_content(block: Block) -> tuple[str, RemovalReason] | None:
    """Return the rule and the reason for a removed block by its links, kind and text; None if these say nothing."""
    if block.link_density > MAX_LINK_DENSITY:
        return _FEW_WORD_LINKS if block.words < 6 else _LINKED_TEASER
    if block.kind is BlockKind.CAPTION or "figure" in block.landmarks:
        return _CAPTION
    if block.words <= 6 and block.kind is not BlockKind.CODE and _CLOCK.search(block.text):
        return _DATE
    return None
