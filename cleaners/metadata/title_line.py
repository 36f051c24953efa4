"""Finds the block of a page that is its title, and compares texts with the title."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from broadsheet.cleaners.document import Block, BlockKind, Metadata
from broadsheet.cleaners.html.prose import MAX_LINK_DENSITY
from broadsheet.cleaners.rules.matcher import fold_text, strip_outer_marks

_TITLE_WORDS = 3  # a shorter paragraph may equal the title by chance
_MIN_TITLE_SHARE = 0.6
SLACK_CHARS = 40  # characters of marks and spaces that a text may have around the title
_CACHED_CHARS = 4000  # several stages compare a block's text; longer ones are not cached to save memory


def find_title_line(blocks: Sequence[Block], metadata: Metadata) -> int | None:
    """The position of the block that is the title: a heading if there is one, else a paragraph that is no link."""
    title = strip_outer_marks(fold_text(metadata.title))
    lengths = range(int(_MIN_TITLE_SHARE * len(title)), len(title) + SLACK_CHARS)
    candidates = (
        [block for block in blocks if len(block.text) in lengths and is_title_text(comparable_text(block.text), title)]
        if title
        else []
    )
    headings = [block for block in candidates if block.kind is BlockKind.HEADING]
    title_blocks = (
        [block for block in headings if block.link_density < MAX_LINK_DENSITY]
        or headings
        or [block for block in candidates if _is_title_paragraph(block)]
    )
    return title_blocks[0].position if title_blocks else None


def comparable_text(text: str) -> str:
    """A block's text in the form in which it is compared: folded, without marks around it."""
    return _cached_comparable_text(text) if len(text) <= _CACHED_CHARS else strip_outer_marks(fold_text(text))


@lru_cache(maxsize=2048)
def _cached_comparable_text(text: str) -> str:
    return strip_outer_marks(fold_text(text))


def _is_title_paragraph(block: Block) -> bool:
    return block.kind is BlockKind.PARAGRAPH and block.link_density < MAX_LINK_DENSITY and block.words >= _TITLE_WORDS


def is_title_text(text: str, title: str) -> bool:
    """Whether a folded text is the title, or the title without the site's name at its end."""
    return len(text) >= _MIN_TITLE_SHARE * len(title) and title.startswith(text)
