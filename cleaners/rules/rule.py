"""Rule of phrases, and the positions on a page at which it may fire."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ..document import RemovalReason

REASONS = frozenset(RemovalReason) - {
    RemovalReason.TITLE, RemovalReason.DUPLICATE, RemovalReason.HEADER, RemovalReason.CLOSING,
    RemovalReason.BOILERPLATE, RemovalReason.ELSEWHERE, RemovalReason.NOT_SELECTED, RemovalReason.SITE_RULE,
    RemovalReason.REPEATED, RemovalReason.REMOVED_BY_PERSON,
}  # fmt: skip
"""Every reason that a rule may give: the others follow from where a block stands, from other pages or from a person."""

_REASON_BY_KEY = {reason.key: reason for reason in REASONS}

SHORT_BLOCK_WORDS = 12
"""A `not_between` rule may still fire between two article paragraphs on a block of up to this many words."""


class AllowedPosition(StrEnum):
    """Position at which a rule may fire, relative to the article's paragraphs."""

    ANY = "any"
    BEFORE_BODY = "before_body"
    AFTER_BODY = "after_body"
    OUTSIDE = "outside"  # never between two article paragraphs
    NOT_BETWEEN = "not_between"  # between two article paragraphs only when the block is short


class BodyPosition(NamedTuple):
    """Position of a block relative to the article's body: before its first paragraph, after its last, or between two.

    All three are false if that is not known yet; rules for before or after the body then do not fire.
    """

    before_body: bool = False
    after_body: bool = False
    between: bool = False


BEFORE_BODY, WITHIN_BODY, AFTER_BODY = (
    BodyPosition(before_body=True),
    BodyPosition(between=True),
    BodyPosition(after_body=True),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Named reason to remove a block whose folded text matches.

    `patterns` are regular expressions over folded text (see `matcher.fold_text`). With `whole` they must match the
    entire block, its outer punctuation aside; otherwise they may match anywhere, and a block is only searched when it
    contains one of the literal `anchors`. A match inside quotation marks does not count: somebody is quoted.
    `heads_section` marks a heading whose whole section is boilerplate. Link densities are shares from 0 to 1.
    `positive` and `negative` are example texts that the rule matches and does not match; tests check them.
    """

    name: str
    reason: RemovalReason
    patterns: tuple[str, ...] = ()
    whole: bool = False
    anchors: tuple[str, ...] = ()
    max_words: int = SHORT_BLOCK_WORDS
    min_link_density: float = 0.0
    max_link_density: float = 1.0
    position: AllowedPosition = AllowedPosition.ANY
    heads_section: bool = False
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    def may_fire_at(self, body_position: BodyPosition, word_count: int) -> bool:
        """Return whether the rule may fire on a block of this length at this position."""
        match self.position:
            case AllowedPosition.BEFORE_BODY:
                return body_position.before_body
            case AllowedPosition.AFTER_BODY:
                return body_position.after_body
            case AllowedPosition.OUTSIDE:
                return not body_position.between
            case AllowedPosition.NOT_BETWEEN:
                return not body_position.between or word_count <= SHORT_BLOCK_WORDS
        return True


def rule_reason(word: str) -> RemovalReason:
    """Return the reason that a rule file calls by this name. Raises ValueError if no rule may give it."""
    if word not in _REASON_BY_KEY:
        raise ValueError(f"unknown reason {word}")
    return _REASON_BY_KEY[word]
