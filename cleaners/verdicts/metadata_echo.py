"""Blocks that only repeat the page's metadata: the title, the authors, the tags, the breadcrumb."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from broadsheet.cleaners.document import Block, BlockKind, Metadata, RemovalReason
from broadsheet.cleaners.html.prose import MAX_LINK_DENSITY, is_prose
from broadsheet.cleaners.metadata.title_line import SLACK_CHARS, comparable_text, is_title_text
from broadsheet.cleaners.rules.matcher import fold_text, strip_outer_marks

_SAME_TITLE = 0.9  # similarity, by difflib, from which two titles are the same
_TRAIL_CHARS = 60  # of a breadcrumb before its last part
_BELOW_TITLE = 0.75  # of the prose: if so much is below the title, what is above it is boilerplate


def metadata_blocks(blocks: Sequence[Block], metadata: Metadata, body: range) -> dict[int, RemovalReason]:
    """The reason (title, breadcrumb, byline, tags) for each block, by position, that only repeats the metadata."""
    reasons: dict[int, RemovalReason] = {}
    title = strip_outer_marks(fold_text(metadata.title))
    authors = {strip_outer_marks(fold_text(name)) for name in metadata.authors}
    tags = {strip_outer_marks(fold_text(tag)) for tag in metadata.tags}
    most_chars = max(2 * len(title), *map(len, (*authors, *tags)), 0) + SLACK_CHARS + _TRAIL_CHARS
    for block in blocks:
        if len(block.text) > most_chars and block.kind is not BlockKind.HEADING:
            continue
        text = comparable_text(block.text)
        if title and _may_be_title(block, text, title) and _is_title(block, text, title, body):
            reasons[block.position] = RemovalReason.TITLE
        elif title and (" > " in text or " » " in text) and _is_trail(text, title):
            reasons[block.position] = RemovalReason.BREADCRUMB
        elif text in authors:
            reasons[block.position] = RemovalReason.BYLINE
        elif text in tags and block.link_density > MAX_LINK_DENSITY:
            reasons[block.position] = RemovalReason.TAGS
    return reasons


def blocks_above_title(
    blocks: Sequence[Block], selected_positions: frozenset[int], title_position: int | None
) -> frozenset[int]:
    """Selected blocks above the line that repeats the title, where most of the prose is below it."""
    if title_position is None:
        return frozenset()
    positions = frozenset(n for n in selected_positions if n < title_position)
    words_above = sum(blocks[n].words for n in positions if is_prose(blocks[n]))
    words_below = sum(block.words for block in blocks[title_position + 1 :] if is_prose(block))
    mostly_below = words_below and words_below >= _BELOW_TITLE * (words_above + words_below)
    return positions if mostly_below else frozenset()


def _is_title(block: Block, text: str, title: str, body: range) -> bool:
    if is_title_text(text, title) and block.words > 2:
        return True
    if block.position >= body.start and block.kind is not BlockKind.HEADING:
        return text == title and block.position > body.start
    if block.kind is BlockKind.HEADING and block.level == 1 and block.position <= body.start:
        return text in title or title in text or _nearly_equal(text, title)
    return _nearly_as_long(text, title) and _nearly_equal(text, title)


def _may_be_title(block: Block, text: str, title: str) -> bool:
    """Whether the slow comparison is worth it: most lines are too long or short, and no heading."""
    return block.kind is BlockKind.HEADING or title.startswith(text) or _nearly_as_long(text, title)


def _nearly_as_long(text: str, title: str) -> bool:
    return abs(len(text) - len(title)) <= len(title) // 5


def _is_trail(text: str, title: str) -> bool:
    """Whether a line is a breadcrumb: short names with marks between them, the title at the end."""
    parents, _, last_name = text.rpartition(" > " if " > " in text else " » ")
    return len(parents) <= _TRAIL_CHARS and is_title_text(strip_outer_marks(last_name), title)


def _nearly_equal(text: str, title: str) -> bool:
    """Whether two texts are nearly the same; those that differ too much in length or letters are not aligned."""
    if text == title:
        return True
    if 2 * min(len(text), len(title)) < _SAME_TITLE * (len(text) + len(title)):
        return False
    matcher = SequenceMatcher(None, text, title)
    return matcher.quick_ratio() >= _SAME_TITLE and matcher.ratio() >= _SAME_TITLE
