"""Span of the article's text on a page: its first and last paragraph, readers' comments, the next article.

A note on the author, a licence or an appeal below the text is as long as a paragraph, and none. If it counted as one,
the lines above it would seem to stand within the text, where rules for the surroundings of a text do not apply.

Old weblogs have readers' comments in the article's own container, as paragraphs like its own. They are told by a
heading above, in any language of the phrase rules, and below it line after line that signs a comment with its date.

A page may go on with another article as the reader scrolls, or begin with one that stands above the article which its
title names. Another article is told by its heading: marked up like the title, with a byline or a date beside it, as the
title has, and a text of its own below. A page without a line for its title, such as a list, has none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ..document import Block, BlockKind, Metadata, RemovalReason
from ..page.running_text import body_span, container_of, is_prose, most_worded, prose_of
from ..rules.layout_rules import explain_layout
from ..rules.matcher import RuleBook, fold_text
from ..rules.rule import AFTER_BODY, BEFORE_BODY, WITHIN_BODY
from .page_boilerplate import is_teaser

_LEAST_TEXT_SHARE = 0.5  # of the words of all paragraphs: where less would be left, nothing is taken off
_SECOND_NAME_CHARS = 80  # after the first mention of a name, in which the second begins a note
_LEAST_NAME_CHARS = 6


def text_span(
    blocks: Sequence[Block], selected_positions: frozenset[int], rules: RuleBook, metadata: Metadata
) -> range:
    """Return the positions from the first to the last selected paragraph, less those at the end that are no text.

    No text are paragraphs that a phrase rule matches wherever they stand, and notes on the authors.
    """
    span = body_span(blocks, selected_positions)
    paragraphs = _paragraphs(blocks, selected_positions, span)
    container = most_worded(paragraphs, container_of)
    end, names = len(paragraphs), _full_names(metadata)
    while end and _is_no_text(paragraphs[end - 1], rules, names, container):
        end -= 1
    text_words = sum(block.words for block in paragraphs[:end])
    if not end or text_words < _LEAST_TEXT_SHARE * sum(block.words for block in paragraphs):
        return span
    return range(span.start, paragraphs[end - 1].position + 1)


def author_notes(
    blocks: Sequence[Block], selected_positions: frozenset[int], span: range, metadata: Metadata
) -> set[int]:
    """Return the positions of the notes on the page's authors.

    These are notes below the text that `span` holds, and notes further up that say the name twice at once ("Ann Lee,
    reporter. Ann Lee joined …").
    """
    names = _full_names(metadata)
    if not span or not names:
        return set()
    container = most_worded(_paragraphs(blocks, selected_positions, span), container_of)
    notes = {block.position for block in blocks[span.stop :] if _is_author_note(block, names, container)}
    return notes | {n for n in span[1:] if is_prose(blocks[n]) and _says_name_twice(blocks[n], names)}


def _paragraphs(blocks: Sequence[Block], selected_positions: frozenset[int], span: range) -> list[Block]:
    return [blocks[n] for n in span if n in selected_positions and is_prose(blocks[n])]


def _is_no_text(block: Block, rules: RuleBook, names: tuple[str, ...], container: str) -> bool:
    return rules.match(block, WITHIN_BODY) is not None or _is_author_note(block, names, container)


def _is_author_note(block: Block, names: tuple[str, ...], container: str) -> bool:
    """Return whether a block begins with the full name of an author and is outside the container of the text.

    Within it such a note may be how the author signs: there the model decides. A card of another article may begin so
    too.
    """
    if not names or not (text := fold_text(block.text)).startswith(names) or is_teaser(block):
        return False
    return any(_begins_with_name(text, name) for name in names) and not f"{block.path}>".startswith(f"{container}>")


def _says_name_twice(block: Block, names: Sequence[str]) -> bool:
    """Return whether a block begins with an author's full name and repeats it at once."""
    text = fold_text(block.text)
    return any(
        _begins_with_name(text, name) and name in text[len(name) : len(name) + _SECOND_NAME_CHARS] for name in names
    )


def _full_names(metadata: Metadata) -> tuple[str, ...]:
    """Return the full names of the authors, folded as texts are to be compared."""
    return tuple(name for name in map(fold_text, metadata.authors) if len(name) >= _LEAST_NAME_CHARS)


def _begins_with_name(text: str, name: str) -> bool:
    return text.startswith(name) and not text[len(name) : len(name) + 1].isalpha()


COMMENT_THREAD = "layout/comment-thread"
"""The rule that removes the thread, whatever the models say: each comment reads like the article's text."""

_HEADING_WORDS, _SIGNATURE_WORDS = 6, 16  # at most
_LEAST_TEXT_WORDS = 20  # selected above the heading: where there are fewer, it may head the page's only text
_LEAST_SIGNATURES = 2
_FIRST_SIGNATURE_WITHIN, _WITHIN_MARKED = 12, 30  # blocks below the heading; below one that is marked `comments`
_COMMENT_DATE = re.compile(r"\b(?:19|20)\d\d\b|\d{1,2}[:.]\d\d\b|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d年|\d月")


def comment_thread_start(blocks: Sequence[Block], selected_positions: frozenset[int], rules: RuleBook) -> int | None:
    """Return the position of the heading that opens the comments; None if no comments are recognised.

    `selected_positions` are the blocks taken for the article: a thread without any of them need not be told.
    """
    text_words = 0
    for block in blocks:
        may_head = block.words <= _HEADING_WORDS and (block.kind is BlockKind.HEADING or "comment" in block.path)
        is_heading = may_head and _heads_comments(block, rules)
        if is_heading and text_words >= _LEAST_TEXT_WORDS and _is_thread(block, blocks, selected_positions):
            return block.position
        if block.position in selected_positions and not is_heading:
            text_words += block.words
    return None


def _heads_comments(block: Block, rules: RuleBook) -> bool:
    """Return whether a short block is a heading, by its kind, class or id, that a phrase rule takes for comments'."""
    if not (block.kind is BlockKind.HEADING or "comment" in _last_step(block)):
        return False
    rule = rules.match(block, AFTER_BODY)
    return rule is not None and rule.heads_section and rule.reason == RemovalReason.COMMENTS


def _is_thread(heading: Block, blocks: Sequence[Block], selected_positions: frozenset[int]) -> bool:
    """Return whether selected prose stands below a heading, and lines of one tag and class beside prose sign it."""
    blocks_below = blocks[heading.position + 1 :]
    prose_positions = {block.position for block in prose_of(blocks_below)}
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
    """Return whether a line is short and states a date or a time."""
    return (
        block.kind is not BlockKind.HEADING
        and block.words <= _SIGNATURE_WORDS
        and bool(_COMMENT_DATE.search(block.text))
    )


def _last_step(block: Block) -> str:
    return block.path.rpartition(">")[2]


NEXT_ARTICLE, PREVIOUS_ARTICLE = "layout/next-article", "layout/previous-article"
"""The rules that remove them, whatever the models say: they read like the article's text."""

_LEAST_WORDS_OF_NEXT = 60  # of prose between the two headings, and below the second
_ABOVE, _BELOW = 3, 8  # blocks beside a heading in which its byline or date stands
_RIGHT_BELOW = 2  # blocks in which the byline of a heading stands that is in one container with its text
_COMPARED_STEPS = 2  # of the path, from its end, that two such headings share
_HEAD_REASONS = frozenset((RemovalReason.BYLINE, RemovalReason.DATE))


def other_articles(blocks: Sequence[Block], title_position: int | None, rules: RuleBook) -> dict[int, str]:
    """Return the positions of the articles above and below the page's own, each with the rule that removes it."""
    if title_position is None or blocks[title_position].kind is not BlockKind.HEADING:
        return {}
    title = blocks[title_position]
    headings = [block for block in blocks if block.kind is BlockKind.HEADING and _is_made_like(block, title)]
    if not headings or not _has_byline(title, blocks[: _first_below(headings, title, len(blocks))], rules):
        return {}
    above = _previous_articles(blocks, title, headings, rules)
    below = _next_articles(blocks, title, headings, rules)
    return dict.fromkeys(above, PREVIOUS_ARTICLE) | dict.fromkeys(below, NEXT_ARTICLE)


def _first_below(headings: Sequence[Block], title: Block, end: int) -> int:
    """Return the position of the first heading below the title; `end` where there is none."""
    return next((heading.position for heading in headings if heading.position > title.position), end)


def _next_articles(blocks: Sequence[Block], title: Block, headings: Sequence[Block], rules: RuleBook) -> range:
    """Return the positions from the heading of the next article to the end of the page; none without one.

    `headings` are those that are made like the title's.
    """
    for heading in headings:
        text, next_text = blocks[title.position + 1 : heading.position], blocks[heading.position + 1 :]
        has_texts = min(map(_prose_words, (text, next_text))) >= _LEAST_WORDS_OF_NEXT
        if has_texts and _heads_article(heading, title, text, blocks, rules):
            return range(heading.position, len(blocks))
    return range(0)


def _previous_articles(blocks: Sequence[Block], title: Block, headings: Sequence[Block], rules: RuleBook) -> range:
    """Return the positions of the articles above the title, from the first one's heading to its last prose.

    `headings` are those that are made like the title's.
    """
    for heading in headings:
        text = prose_of(blocks[heading.position + 1 : title.position])
        has_text = _prose_words(text) >= _LEAST_WORDS_OF_NEXT
        if has_text and _heads_article(heading, title, text, blocks, rules):
            return range(heading.position, text[-1].position + 1)
    return range(0)


def _heads_article(
    heading: Block, title: Block, text: Sequence[Block], blocks: Sequence[Block], rules: RuleBook
) -> bool:
    """Return whether a heading has a byline or a date beside it and is no section's; `text` stands between the two.

    One that stands in the container of this text, as a section's does, heads an article if both it and the title are in
    an `article` and have a byline right below.
    """
    # A section's heading stands in the container of its prose.
    container = heading.path.rpartition(">")[0]
    if any(is_prose(block) and block.path.rpartition(">")[0] == container for block in text):
        is_article = "article" in heading.landmarks & title.landmarks
        return is_article and _is_signed(heading, blocks, rules) and _is_signed(title, blocks, rules)
    end = title.position if heading.position < title.position else len(blocks)
    return _has_byline(heading, blocks[:end], rules)


def _is_made_like(block: Block, title: Block) -> bool:
    if block.level != title.level or block.text == title.text:
        return False
    return block.path.split(">")[-_COMPARED_STEPS:] == title.path.split(">")[-_COMPARED_STEPS:]


def _is_signed(heading: Block, blocks: Sequence[Block], rules: RuleBook) -> bool:
    """Return whether a byline, more than a date, stands right below a heading."""
    below = blocks[heading.position + 1 : heading.position + 1 + _RIGHT_BELOW]
    return any(_head_reason(block, rules) == RemovalReason.BYLINE for block in below)


def _has_byline(heading: Block, blocks: Sequence[Block], rules: RuleBook) -> bool:
    """Return whether one of the blocks beside a heading is a byline or a date, by its markup or its words."""
    first = max(0, heading.position - _ABOVE)
    beside = (*blocks[first : heading.position], *blocks[heading.position + 1 : heading.position + 1 + _BELOW])
    return any(_head_reason(block, rules) in _HEAD_REASONS for block in beside)


def _head_reason(block: Block, rules: RuleBook) -> RemovalReason | None:
    """Return the reason that a line's markup or words suggest: a byline, a date …"""
    if is_prose(block):
        return None
    rule = explain_layout(block.path, block.landmarks) or rules.match(block, BEFORE_BODY)
    return None if rule is None else rule.reason


def _prose_words(blocks: Sequence[Block]) -> int:
    return sum([block.words for block in prose_of(blocks)])
