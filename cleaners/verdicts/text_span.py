"""Where on a page the article's text begins and ends: from its first paragraph to its last.

A note on the author, a licence or an appeal below the text is as long as a paragraph, and none. Where it counted as
one, the lines above it would seem to stand within the text, where rules for what surrounds a text do not hold.
"""

from __future__ import annotations

from collections.abc import Sequence

from broadsheet.cleaners.document import Block, Metadata
from broadsheet.cleaners.html.prose import body_span, container_of, is_prose, most_worded
from broadsheet.cleaners.rules.matcher import RuleBook, fold_text
from broadsheet.cleaners.rules.rule import BodyPosition

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
    """Return the positions of the notes on the page's authors below the text that `span` holds, and of those further up
    that say the name twice at once ("Ann Lee, reporter. Ann Lee joined …")."""
    names = _full_names(metadata)
    if not span or not names:
        return set()
    container = most_worded(_paragraphs(blocks, selected_positions, span), container_of)
    notes = {block.position for block in blocks[span.stop :] if _is_author_note(block, names, container)}
    return notes | {n for n in span[1:] if is_prose(blocks[n]) and _says_name_twice(blocks[n], names)}


def _paragraphs(blocks: Sequence[Block], selected_positions: frozenset[int], span: range) -> list[Block]:
    return [blocks[n] for n in span if n in selected_positions and is_prose(blocks[n])]


def _is_no_text(block: Block, rules: RuleBook, names: Sequence[str], container: str) -> bool:
    return rules.match(block, _WITHIN) is not None or _is_author_note(block, names, container)


def _is_author_note(block: Block, names: Sequence[str], container: str) -> bool:
    """Whether a block begins with the full name of an author and is outside the container of the text.

    Within it such a note may be how the author signs: there the model decides.
    """
    text = fold_text(block.text) if names else ""
    return any(_begins_with_name(text, name) for name in names) and not f"{block.path}>".startswith(f"{container}>")


def _says_name_twice(block: Block, names: Sequence[str]) -> bool:
    """Whether a block begins with the full name of an author and has it again at once."""
    text = fold_text(block.text)
    return any(
        _begins_with_name(text, name) and name in text[len(name) : len(name) + _SECOND_NAME_CHARS] for name in names
    )


def _full_names(metadata: Metadata) -> list[str]:
    """The full names of the authors, folded as texts are to be compared."""
    return [name for name in map(fold_text, metadata.authors) if len(name) >= _LEAST_NAME_CHARS]


def _begins_with_name(text: str, name: str) -> bool:
    return text.startswith(name) and not text[len(name) : len(name) + 1].isalpha()
