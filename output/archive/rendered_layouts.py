"""Pages that a browser renders: whether one shows more, what a layout of them gained and cost, and the decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from broadsheet.cleaners.document import ARTICLE_TYPES, PageType

if TYPE_CHECKING:
    from sqlite_utils import Database

LEAST_GAIN = 1.3
"""Times the words of a response from which on its rendered document is better."""

TRIED_PAGES = 3
"""Pages of a layout that are rendered before it is decided, and that gain nothing in a row before it is given up."""

SAMPLED = 50
"""One in this many pages of a layout is still rendered after the layout is given up."""

BARREN_TYPES = (PageType.NEEDS_JAVASCRIPT, PageType.EMPTY)
"""The types of pages that have nothing to read."""

_LEAST_GAINED_WORDS = 20  # of a page that has some: fewer are a counter, a date, a button


def shows_more(rendered: tuple[PageType, int], received: tuple[PageType, int]) -> bool:
    """Return whether a rendered page has something to read where the response had nothing, or clearly more words.

    Each is the type of the page and the number of words of its text.

    >>> shows_more((PageType.ARTICLE, 300), (PageType.TEASER, 80))
    True
    """
    (rendered_type, rendered_words), (received_type, received_words) = rendered, received
    if received_type in ARTICLE_TYPES and rendered_type not in ARTICLE_TYPES:
        return False
    if received_type in BARREN_TYPES and rendered_type not in BARREN_TYPES:
        return True
    least_gained = max(_LEAST_GAINED_WORDS, (LEAST_GAIN - 1) * received_words) if received_words else 1
    return rendered_words >= received_words + least_gained


class RenderDecision(StrEnum):
    """Pages of a layout that are rendered."""

    TRYING = "trying"  # the first ones, to decide
    ALL = "all"
    FEW = "few"  # one in SAMPLED, to check the decision


@dataclass(frozen=True, slots=True)
class RenderedLayout:
    """Layout of a host whose pages were rendered; `signature` is that of its first page as it was received.

    Words and costs are sums over the rendered pages. `misses` counts the last ones in a row that gained nothing,
    `passed` the pages that were left out since.
    """

    host: str
    signature: bytes
    decision: RenderDecision = RenderDecision.TRYING
    rendered: int = 0
    gained: int = 0
    misses: int = 0
    passed: int = 0
    words_before: int = 0
    words_after: int = 0
    requests: int = 0
    milliseconds: int = 0

    @property
    def is_next_rendered(self) -> bool:
        """Return whether the layout's next page is to be rendered."""
        return self.decision is not RenderDecision.FEW or self.passed + 1 >= SAMPLED

    def with_passed(self) -> RenderedLayout:
        """Return the layout after a page that was left out."""
        return replace(self, passed=self.passed + 1)

    def with_rendered(self, words: tuple[int, int], cost: tuple[int, int], *, has_gained: bool) -> RenderedLayout:
        """Return the layout after a rendered page: its words before and after, its requests and milliseconds."""
        counted = replace(
            self,
            rendered=self.rendered + 1,
            gained=self.gained + has_gained,
            misses=0 if has_gained else self.misses + 1,
            passed=0,
            words_before=self.words_before + words[0],
            words_after=self.words_after + words[1],
            requests=self.requests + cost[0],
            milliseconds=self.milliseconds + cost[1],
        )
        return replace(counted, decision=_decide(counted, has_gained=has_gained))


def _decide(layout: RenderedLayout, *, has_gained: bool) -> RenderDecision:
    """Decide by the words of the first pages; later by pages that gain, or by several in a row that do not."""
    if layout.rendered < TRIED_PAGES:
        return RenderDecision.TRYING
    if layout.decision is RenderDecision.TRYING:
        is_better = layout.gained and layout.words_after > LEAST_GAIN * layout.words_before
        return RenderDecision.ALL if is_better else RenderDecision.FEW
    if has_gained:
        return RenderDecision.ALL
    return RenderDecision.FEW if layout.misses >= TRIED_PAGES else layout.decision


_NAMES = [field.name for field in fields(RenderedLayout)]
_COLUMNS = ", ".join(_NAMES)
_SELECT = f"SELECT {_COLUMNS} FROM _rendered_layouts ORDER BY host, signature"
_PUT = f"""INSERT INTO _rendered_layouts ({_COLUMNS}) VALUES ({", ".join("?" * len(_NAMES))})
    ON CONFLICT (host, signature) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _NAMES[2:])}
    WHERE excluded.rendered >= _rendered_layouts.rendered"""


def put_rendered_layout(db: Database, layout: RenderedLayout) -> None:
    """Store a layout in place of an earlier state. Runs in the caller's transaction."""
    db.execute(_PUT, list(astuple(layout)))


def stored_rendered_layouts(db: Database) -> Iterator[RenderedLayout]:
    """Yield the layouts of all hosts."""
    for host, signature, decision, *counts in db.execute(_SELECT).fetchall():
        yield RenderedLayout(host, bytes(signature), RenderDecision(decision), *counts)
