"""Another article below the article, on a page that goes on with the next one as the reader scrolls.

What tells it is a heading that is marked up like the line of the title, and has a byline or a date beside it as that
has one, with a text of its own below. A page without a line for its title, such as a list, has none.
"""

from __future__ import annotations

from collections.abc import Sequence

from broadsheet.cleaners.document import Block, BlockKind, RemovalReason
from broadsheet.cleaners.html.prose import is_prose
from broadsheet.cleaners.rules.layout import explain_layout
from broadsheet.cleaners.rules.matcher import RuleBook
from broadsheet.cleaners.rules.rule import BodyPosition

NEXT_ARTICLE = "layout/next-article"
"""The rule that removes it, whatever the models say: it reads like the article's text."""

_LEAST_WORDS = 60  # of prose between the two headings, and below the second
_ABOVE, _BELOW = 3, 8  # blocks beside a heading in which its byline or date stands
_STEPS = 2  # of the path, from its end, that two such headings share
_HEAD_REASONS = frozenset((RemovalReason.BYLINE, RemovalReason.DATE))
_BEFORE_TEXT = BodyPosition(before_body=True)


def next_article_start(blocks: Sequence[Block], title_position: int | None, rules: RuleBook) -> int | None:
    """Return the position of the next article's heading; None where there is none to be told."""
    if title_position is None or blocks[title_position].kind is not BlockKind.HEADING:
        return None
    title = blocks[title_position]
    candidates = [block for block in blocks[title_position + 1 :] if _is_made_like(block, title)]
    if not candidates or not _has_byline(title, blocks[: candidates[0].position], rules):
        return None
    for heading in candidates:
        text, next_text = blocks[title_position + 1 : heading.position], blocks[heading.position + 1 :]
        has_texts = min(map(_prose_words, (text, next_text))) >= _LEAST_WORDS
        if has_texts and not _is_in_text(heading, text) and _has_byline(heading, blocks, rules):
            return heading.position
    return None


def _is_made_like(block: Block, title: Block) -> bool:
    if block.kind is not BlockKind.HEADING or block.level != title.level or block.text == title.text:
        return False
    return block.path.split(">")[-_STEPS:] == title.path.split(">")[-_STEPS:]


def _is_in_text(heading: Block, text: Sequence[Block]) -> bool:
    """Whether a heading stands in the container of the prose above it, as that of a section does."""
    container = heading.path.rpartition(">")[0]
    return any(is_prose(block) and block.path.rpartition(">")[0] == container for block in text)


def _has_byline(heading: Block, blocks: Sequence[Block], rules: RuleBook) -> bool:
    """Whether one of the blocks beside a heading is a byline or a date, by its markup or its words."""
    first = max(0, heading.position - _ABOVE)
    beside = (*blocks[first : heading.position], *blocks[heading.position + 1 : heading.position + 1 + _BELOW])
    return any(_is_byline(block, rules) for block in beside)


def _is_byline(block: Block, rules: RuleBook) -> bool:
    if is_prose(block):
        return False
    rule = explain_layout(block.path, block.landmarks) or rules.match(block, _BEFORE_TEXT)
    return rule is not None and rule.reason in _HEAD_REASONS


def _prose_words(blocks: Sequence[Block]) -> int:
    return sum(block.words for block in blocks if is_prose(block))
