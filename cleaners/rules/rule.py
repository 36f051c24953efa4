"""What a phrase rule is, and where on a page it may fire. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_REASONS = (
    "advertisement app author_bio breadcrumb byline caption comments consent copyright date dialog donation feedback"
    " footer form hidden legal licence membership navigation newsletter notes paywall print promo related share"
    " sidebar tags"
)
REASONS = frozenset(_REASONS.split())
"""Every reason that a rule may give."""

SHORT_WORDS = 12
"""A `not_between` rule may still fire between two article paragraphs on a block of at most this many words."""


class Position(StrEnum):
    """Where a rule may fire, seen from the article's paragraphs."""

    ANY = "any"
    BEFORE_BODY = "before_body"
    AFTER_BODY = "after_body"
    OUTSIDE = "outside"  # never between two article paragraphs
    NOT_BETWEEN = "not_between"  # between two article paragraphs only when the block is short


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block stands: before the first article paragraph, after the last, or between two of them.

    All three false means that nobody knows yet; a rule that asks for a certain side then stays silent.
    """

    before_body: bool = False
    after_body: bool = False
    between: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A named reason to remove a block whose folded text matches.

    `patterns` are regular expressions over folded text (see `fold`). With `whole` they must match the entire
    block, its outer punctuation aside; otherwise they may match anywhere, and a block is only searched when it
    contains one of the literal `anchors`. A match inside quotation marks does not count: somebody is quoted.
    `heads_section` marks a heading that opens a furniture section. Link densities are shares from 0 to 1.
    """

    name: str
    reason: str
    patterns: tuple[str, ...] = ()
    whole: bool = False
    anchors: tuple[str, ...] = ()
    max_words: int = SHORT_WORDS
    min_link_density: float = 0.0
    max_link_density: float = 1.0
    position: Position = Position.ANY
    heads_section: bool = False
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    def may_stand(self, place: Place, words: int) -> bool:
        """Whether the rule may fire at this place on a block of so many words."""
        match self.position:
            case Position.BEFORE_BODY:
                return place.before_body
            case Position.AFTER_BODY:
                return place.after_body
            case Position.OUTSIDE:
                return not place.between
            case Position.NOT_BETWEEN:
                return not place.between or words <= SHORT_WORDS
        return True
