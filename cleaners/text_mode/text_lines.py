"""Lines of text that another tool extracted, and the shape of each.

Shapes, one letter a line: P prose (a sentence of some length), C cut (it ends in an ellipsis), D date, S short,
R ruled (a phrase rule removes it wherever it stands), H head (it opens a furniture section).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from cleaners.document import Block, Kind
from cleaners.rules.matcher import RuleBook, count_words, fold
from cleaners.rules.rule import Place, Rule

PROSE_WORDS = 7
"""A line of so many words that ends like a sentence is prose; a brief's sentences are no shorter."""
CUT_WORDS = 8
QUESTION_WORDS = 18
"""A question up to this length is an interviewer's or a headline, not a paragraph."""

BEFORE = Place(before_body=True)
BETWEEN = Place(between=True)
AFTER = Place(after_body=True)
SENTENCE_END = re.compile(r"[.!。！？؟।][\"'”’»)\]]*$|[\"”»]$")
_QUESTION_END = re.compile(r"\?[\"'”’»)\]]*$")
_CUT_END = re.compile(r"(?:…|\.\.\.|\[…\]|\[\.\.\.\])$")


@dataclass(frozen=True, slots=True)
class Text:
    """Lines with their folded forms and shapes, and the rules they are judged by."""

    blocks: tuple[Block, ...]
    folded: tuple[str, ...]
    shapes: str
    rules: RuleBook

    def rule(self, index: int, place: Place) -> Rule | None:
        """The phrase rule that removes this line at this place."""
        return self.rules.match(self.blocks[index], place)

    def words(self, indices: Iterable[int]) -> int:
        """How many words of prose these lines have."""
        return sum(count_words(self.folded[index]) for index in indices if self.shapes[index] == "P")


def blocks_of_text(text: str) -> tuple[Block, ...]:
    """One block a line; the lines of a hard-wrapped paragraph are joined. Verse and lists keep their lines."""
    groups = re.split(r"\n[ \t]*\n", unicodedata.normalize("NFC", text).replace("\r\n", "\n"))
    lines = [line for group in groups for line in _lines_of(group)]
    return tuple(Block(position, Kind.LINE, line, line) for position, line in enumerate(lines))


def read_lines(blocks: tuple[Block, ...], rules: RuleBook) -> Text:
    """The lines with a shape each."""
    folded = tuple(fold(block.text) for block in blocks)
    shapes = "".join(_shape(block, text, rules) for block, text in zip(blocks, folded, strict=True))
    return Text(blocks, folded, shapes, rules)


def _shape(block: Block, folded: str, rules: RuleBook) -> str:
    outside = rules.match(block, AFTER)
    if outside and outside.heads_section:
        return "H"
    if outside and outside.reason == "date":
        return "D"
    if rules.match(block, BETWEEN):
        return "R"
    return _plain_shape(block.text, count_words(folded))


def _plain_shape(text: str, words: int) -> str:
    if _CUT_END.search(text):
        return "C" if words >= CUT_WORDS else "S"
    if _QUESTION_END.search(text):
        return "P" if words > QUESTION_WORDS else "S"
    unspaced = words < PROSE_WORDS and len(text) > 30 and not text.isascii()  # Chinese, Japanese, Thai
    return "P" if SENTENCE_END.search(text) and (words >= PROSE_WORDS or unspaced) else "S"


def _lines_of(group: str) -> list[str]:
    lines = [" ".join(line.split()) for line in group.splitlines() if line.strip()]
    return [" ".join(lines)] if _is_wrapped(lines) else lines


def _is_wrapped(lines: list[str]) -> bool:
    """Whether lines of about one width, some going on in lower case, are one paragraph broken at a margin."""
    widths = [len(line) for line in lines[:-1]]
    if not widths or min(widths) < 50 or max(widths) > 100 or min(widths) < 0.75 * max(widths):
        return False
    return len(lines[-1]) <= max(widths) + 10 and any(line[0].islower() for line in lines[1:])
