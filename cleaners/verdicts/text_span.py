"""Where on a page the article's text begins and ends: from its first paragraph to its last.

A note on the author, a licence or an appeal below the text is as long as a paragraph, and none. Where it counted as
one, the lines above it would seem to stand within the text, where rules for what surrounds a text do not hold.
"""

from __future__ import annotations

from collections.abc import Sequence

from cleaners.document import Block, Metadata
from cleaners.html.prose import body_span, container_of, is_prose, most_worded
from cleaners.rules.matcher import RuleBook, fold_text
from cleaners.rules.rule import BodyPosition

_LEAST_TEXT_SHARE = 0.5  # of the words of all paragraphs: where less would be left, nothing is taken off
_SECOND_NAME_CHARS = 80  # after the first mention of a name, in which the second begins a note
_LEAST_NAME_CHARS = 6
_WITHIN = BodyPosition(between=True)


def text_span(
    blocks: Sequence[Block], selected_positions: frozenset[int], rules: RuleBook, metadata: Metadata
) -> range:
    """Return the positions from the first to the last selected paragraph, less those at the end that are no text.

    No text are paragraphs that a phrase rule matches wherever they stand, and notes on the authors.
    """
    span = body_span(blocks, selected_positions)
    paragraphs = _paragraphs(blocks, selected_positions, span)
    container = most_worded(paragraphs, container_of)
    end = len(paragraphs)
    while end and _is_no_text(paragraphs[end - 1], rules, metadata, container):
        end -= 1
    text_words = sum(block.words for block in paragraphs[:end])
    if not end or text_words < _LEAST_TEXT_SHARE * sum(block.words for block in paragraphs):
        return span
    return range(span.start, paragraphs[end - 1].position + 1)


def author_notes(
    blocks: Sequence[Block], selected_positions: frozenset[int], span: range, metadata: Metadata
) -> set[int]:
    """Return the positions of the notes on the page's authors below the text that `span` holds, and of those further up
    that say the name twice at once ("Ann Lee, reporter. Ann Lee joined …")."""
    if not span or not metadata.authors:
        return set()
    container = most_worded(_paragraphs(blocks, selected_positions, span), container_of)
    notes = {block.position for block in blocks[span.stop :] if _is_author_note(block, metadata, container)}
    return notes | {n for n in span[1:] if is_prose(blocks[n]) and _says_name_twice(blocks[n], metadata)}


def _paragraphs(blocks: Sequence[Block], selected_positions: frozenset[int], span: range) -> list[Block]:
    return [blocks[n] for n in span if n in selected_positions and is_prose(blocks[n])]


def _is_no_text(block: Block, rules: RuleBook, metadata: Metadata, container: str) -> bool:
    return rules.match(block, _WITHIN) is not None or _is_author_note(block, metadata, container)


def _is_author_note(block: Block, metadata: Metadata, container: str) -> bool:
    """Whether a block begins with the full name of an author and is outside the container of the text.

    Within it such a note may be how the author signs: there the model decides.
    """
    return any(_names_at_start(fold_text(block.text), metadata)) and not f"{block.path}>".startswith(f"{container}>")


def _says_name_twice(block: Block, metadata: Metadata) -> bool:
    """Whether a block begins with the full name of an author and has it again at once."""
    text = fold_text(block.text)
    names = _names_at_start(text, metadata)
    return any(name in text[len(name) : len(name) + _SECOND_NAME_CHARS] for name in names)


def _names_at_start(folded_text: str, metadata: Metadata) -> list[str]:
    """The full names of authors that the text begins with."""
    names = [name for name in map(fold_text, metadata.authors) if len(name) >= _LEAST_NAME_CHARS]
    return [name for name in names if _begins_with_name(folded_text, name)]


def _begins_with_name(text: str, name: str) -> bool:
    return text.startswith(name) and not text[len(name) : len(name) + 1].isalpha()
