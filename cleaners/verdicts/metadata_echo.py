"""Blocks that only say again what the page's metadata holds: the title, the authors, the tags, the way to the page."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from cleaners.document import Block, Kind, Metadata
from cleaners.html.prose import LINKED, is_prose
from cleaners.metadata.title_line import SLACK_CHARS, folded_core, says_title
from cleaners.rules.matcher import core, fold

_SAME_TITLE = 0.9
_TRAIL_CHARS = 60
_BELOW_TITLE = 0.75  # of the prose below the title, before what stands above is furniture


def metadata_blocks(blocks: Sequence[Block], metadata: Metadata, body: range) -> dict[int, str]:
    """Blocks that only repeat the page's metadata, with the field: title, byline, date, tags."""
    found: dict[int, str] = {}
    title = core(fold(metadata.title))
    names = {core(fold(name)) for name in metadata.authors}
    tags = {core(fold(tag)) for tag in metadata.tags}
    longest = max(2 * len(title), *map(len, (*names, *tags)), 0) + SLACK_CHARS + _TRAIL_CHARS
    for block in blocks:
        if len(block.text) > longest and block.kind is not Kind.HEADING:
            continue
        text = folded_core(block.text)
        if title and _may_be_title(block, text, title) and _is_title(block, text, title, body):
            found[block.position] = "title"
        elif title and (" > " in text or " » " in text) and _is_trail(text, title):
            found[block.position] = "breadcrumb"
        elif text in names:
            found[block.position] = "byline"
        elif text in tags and block.link_density > LINKED:
            found[block.position] = "tags"
    return found


def above_title(blocks: Sequence[Block], selected: frozenset[int], line: int | None) -> frozenset[int]:
    """Selected blocks above the line that says the title, where nearly all the prose stands below it."""
    if line is None:
        return frozenset()
    upper = frozenset(n for n in selected if n < line)
    above = sum(blocks[n].words for n in upper if is_prose(blocks[n]))
    below = sum(b.words for b in blocks[line + 1 :] if is_prose(b))
    return upper if below and below >= _BELOW_TITLE * (above + below) else frozenset()


def _is_title(block: Block, text: str, title: str, body: range) -> bool:
    if says_title(text, title) and block.words > 2:
        return True
    if block.position >= body.start and block.kind is not Kind.HEADING:
        return text == title and block.position > body.start
    if block.kind is Kind.HEADING and block.level == 1 and block.position <= body.start:
        return text in title or title in text or _alike(text, title)
    return _nearly_as_long(text, title) and _alike(text, title)


def _may_be_title(block: Block, text: str, title: str) -> bool:
    """Whether it is worth a closer look: most lines are too long or short, and no heading."""
    return block.kind is Kind.HEADING or title.startswith(text) or _nearly_as_long(text, title)


def _nearly_as_long(text: str, title: str) -> bool:
    return abs(len(text) - len(title)) <= len(title) // 5


def _is_trail(text: str, title: str) -> bool:
    """Whether a line with marks between its parts is a path of short names that ends in the title."""
    lead, _, last = text.rpartition(" > " if " > " in text else " » ")
    return len(lead) <= _TRAIL_CHARS and says_title(core(last), title)


def _alike(one: str, other: str) -> bool:
    """Whether two texts are nearly the same; what their lengths and letters rule out is not compared."""
    if one == other:
        return True
    if 2 * min(len(one), len(other)) < _SAME_TITLE * (len(one) + len(other)):
        return False
    matcher = SequenceMatcher(None, one, other)
    return matcher.quick_ratio() >= _SAME_TITLE and matcher.ratio() >= _SAME_TITLE
