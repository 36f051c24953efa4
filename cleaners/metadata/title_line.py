"""Which line of a page says its title, and how lines are compared with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from cleaners.document import Block, Kind, Metadata
from cleaners.html.prose import LINKED
from cleaners.rules.matcher import core, fold

_TITLE_WORDS = 3  # a shorter line that is no heading may say it by chance
_MOST_OF_TITLE = 0.6
SLACK_CHARS = 40  # characters of marks and spaces that a line may have around what it says
_REMEMBERED_CHARS = 4000  # several stages compare a block's text; a longer one is not worth its memory


def title_line(blocks: Sequence[Block], metadata: Metadata) -> int | None:
    """The position of the line that says the title: a heading if there is one, else a paragraph that is no link."""
    title = core(fold(metadata.title))
    lengths = range(int(_MOST_OF_TITLE * len(title)), len(title) + SLACK_CHARS)
    says = [b for b in blocks if len(b.text) in lengths and says_title(folded_core(b.text), title)] if title else []
    headings = [b for b in says if b.kind is Kind.HEADING]
    lines = [b for b in headings if b.link_density < LINKED] or headings or [b for b in says if _says_it_alone(b)]
    return lines[0].position if lines else None


def folded_core(text: str) -> str:
    """A block's text as it is compared."""
    return _remembered(text) if len(text) <= _REMEMBERED_CHARS else core(fold(text))


@lru_cache(maxsize=2048)
def _remembered(text: str) -> str:
    return core(fold(text))


def _says_it_alone(block: Block) -> bool:
    return block.kind is Kind.PARAGRAPH and block.link_density < LINKED and block.words >= _TITLE_WORDS


def says_title(text: str, title: str) -> bool:
    """Whether a folded text is the title, or what the page's head gives as title less the site's name behind it."""
    return len(text) >= _MOST_OF_TITLE * len(title) and title.startswith(text)
