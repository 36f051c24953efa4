"""Lines of plain text, and the shape of each as one letter.

P prose (a sentence of some length), C cut (ends in an ellipsis), D date, S short, R ruled (a phrase rule removes it at
any place), H heading of a boilerplate section.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ..document import Block, BlockKind, RemovalReason
from ..rules.matcher import RuleBook, count_words, fold_text
from ..rules.rule import AFTER_BODY, WITHIN_BODY, BodyPosition, Rule
from ..words import rough_word_count

PROSE_WORDS = 7
"""A line of this many words that ends like a sentence is prose; even news briefs have no shorter sentences."""
_UNSPACED_PROSE_WORDS = 12  # of a line whose words have no spaces between them
CUT_WORDS = 8
QUESTION_WORDS = 18
"""A question up to this length is an interviewer's question or a headline, not a paragraph."""

SENTENCE_END = re.compile(r"[.!。！？؟।][\"'”’»)\]」』]*$|[\"”»」』]$")
_QUESTION_END = re.compile(r"\?[\"'”’»)\]]*$")
_CUT_END = re.compile(r"(?:…|\.\.\.|\[…\]|\[\.\.\.\])$")


@dataclass(frozen=True, slots=True)
class TextLines:
    """Lines of a text, their folded texts and shapes (one letter a line), and the phrase rules that apply."""

    blocks: tuple[Block, ...]
    folded_lines: tuple[str, ...]
    shapes: str
    rules: RuleBook

    def matching_rule(self, index: int, position: BodyPosition) -> Rule | None:
        """Return the phrase rule that removes this line at this position, or None."""
        return self.rules.match(self.blocks[index], position)

    def prose_word_count(self, indices: Iterable[int]) -> int:
        """Return the number of words in those of the lines that are prose."""
        return sum(count_words(self.folded_lines[index]) for index in indices if self.shapes[index] == "P")


def blocks_of_text(text: str) -> tuple[Block, ...]:
    """Split a text into one block a line; hard-wrapped paragraphs are joined, verse and lists keep their lines."""
    groups = re.split(r"\n[ \t]*\n", unicodedata.normalize("NFC", text).replace("\r\n", "\n"))
    lines = [line for group in groups for line in _unwrapped_lines(group)]
    return tuple(Block(position, BlockKind.LINE, line, line) for position, line in enumerate(lines))


def read_lines(blocks: tuple[Block, ...], rules: RuleBook) -> TextLines:
    """Fold each line and determine its shape."""
    folded = tuple(fold_text(block.text) for block in blocks)
    shapes = "".join(_line_shape(block, text, rules) for block, text in zip(blocks, folded, strict=True))
    return TextLines(blocks, folded, shapes, rules)


def _line_shape(block: Block, folded_text: str, rules: RuleBook) -> str:
    tail_rule = rules.match(block, AFTER_BODY)
    if tail_rule and tail_rule.heads_section:
        return "H"
    if tail_rule and tail_rule.reason == RemovalReason.DATE:
        return "D"
    if rules.match(block, WITHIN_BODY):
        return "R"
    return _unruled_shape(block.text, count_words(folded_text))


def _unruled_shape(text: str, word_count: int) -> str:
    if _CUT_END.search(text):
        return "C" if word_count >= CUT_WORDS else "S"
    if _QUESTION_END.search(text):
        return "P" if word_count > QUESTION_WORDS else "S"
    is_long = word_count >= PROSE_WORDS or rough_word_count(text) >= _UNSPACED_PROSE_WORDS
    return "P" if SENTENCE_END.search(text) and is_long else "S"


def _unwrapped_lines(group: str) -> list[str]:
    lines = [" ".join(line.split()) for line in group.splitlines() if line.strip()]
    return [" ".join(lines)] if _is_wrapped(lines) else lines


def _is_wrapped(lines: list[str]) -> bool:
    """Return whether lines are one hard-wrapped paragraph: of similar width, some of them beginning in lower case."""
    widths = [len(line) for line in lines[:-1]]
    if not widths or min(widths) < 50 or max(widths) > 100 or min(widths) < 0.75 * max(widths):
        return False
    return len(lines[-1]) <= max(widths) + 10 and any(line[0].islower() for line in lines[1:])
