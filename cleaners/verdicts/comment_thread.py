"""Readers' comments below an article, where neither a class nor a container sets them apart from its text.

Old weblogs have them in the article's own container, as paragraphs like its own. What tells them is a heading above,
in any language of the phrase rules, and below it line after line that signs a comment with its date.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from broadsheet.cleaners.document import Block, BlockKind, RemovalReason
from broadsheet.cleaners.html.prose import is_prose
from broadsheet.cleaners.rules.matcher import RuleBook
from broadsheet.cleaners.rules.rule import BodyPosition

COMMENT_THREAD = "layout/comment-thread"
"""The rule that removes the thread, whatever the models say: each comment reads like the article's text."""

_BELOW_TEXT = BodyPosition(after_body=True)
_HEADING_WORDS, _SIGNATURE_WORDS = 6, 16  # at most
_LEAST_TEXT_WORDS = 20  # selected above the heading: where there are fewer, it may head the page's only text
_LEAST_SIGNATURES = 2
_FIRST_SIGNATURE_WITHIN, _WITHIN_MARKED = 12, 30  # blocks below the heading; below one that is marked `comments`
_DATE = re.compile(r"\b(?:19|20)\d\d\b|\d{1,2}[:.]\d\d\b|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d年|\d月")


def comment_thread_start(blocks: Sequence[Block], selected_positions: frozenset[int], rules: RuleBook) -> int | None:
    """Return the position of the heading that opens the comments; None where there are none to be told.

    `selected_positions` are the blocks taken for the article: a thread without any of them need not be told.
    """
    text_words = 0
    for block in blocks:
        is_heading = _heads_comments(block, rules)
        if is_heading and text_words >= _LEAST_TEXT_WORDS and _is_thread(block, blocks, selected_positions):
            return block.position
        if block.position in selected_positions and not is_heading:
            text_words += block.words
    return None


def _heads_comments(block: Block, rules: RuleBook) -> bool:
    """Whether a block is a heading, by its kind, class or id, that a phrase rule takes for that of comments."""
    if block.words > _HEADING_WORDS or not (block.kind is BlockKind.HEADING or "comment" in _last_step(block)):
        return False
    rule = rules.match(block, _BELOW_TEXT)
    return rule is not None and rule.heads_section and rule.reason == RemovalReason.COMMENTS


def _is_thread(heading: Block, blocks: Sequence[Block], selected_positions: frozenset[int]) -> bool:
    """Whether selected prose stands below a heading, and lines beside prose that sign it, of one tag and class."""
    blocks_below = blocks[heading.position + 1 :]
    prose_positions = {block.position for block in blocks_below if is_prose(block)}
    if prose_positions.isdisjoint(selected_positions):
        return False
    signatures = [block for block in blocks_below if _signs_comment(block)]
    signatures = [b for b in signatures if not prose_positions.isdisjoint((b.position - 1, b.position + 1))]
    counts = Counter(map(_last_step, signatures))
    step, count = max(counts.items(), key=lambda pair: (pair[1], pair[0]), default=("", 0))
    if count < _LEAST_SIGNATURES:
        return False
    first_position = next(block.position for block in signatures if _last_step(block) == step)
    is_marked = "comments" in _last_step(heading)
    return first_position - heading.position <= (_WITHIN_MARKED if is_marked else _FIRST_SIGNATURE_WITHIN)


def _signs_comment(block: Block) -> bool:
    """Whether a line is short and states a date or a time."""
    return block.kind is not BlockKind.HEADING and block.words <= _SIGNATURE_WORDS and bool(_DATE.search(block.text))


def _last_step(block: Block) -> str:
    return block.path.rpartition(">")[2]
