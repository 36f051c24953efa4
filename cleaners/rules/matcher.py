"""Matching of blocks against phrase rules, fast: most blocks are not tried with any regular expression.

For most patterns we know strings of which every matching text contains one; other texts are not tried.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from ahocorasick_rs import AhoCorasick

from ..document import Block, BlockKind
from .rule import BodyPosition, Rule

_REPEAT_OPERATIONS = frozenset(("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"))
_DIGITS = frozenset("0123456789")
_COMMON_CHARS = frozenset(" .,:;-'abcdefghijklmnopqrstuvwxyz")  # nearly every text has them
_MAX_RANGE = 20  # maximum size of a range, such as [a-f], that is listed

_Operations = Iterable[tuple[Any, Any]]
"""The (operation, argument) pairs of a pattern that `re` has parsed."""


@cache
def literals_of(pattern: str) -> frozenset[str]:
    """Return strings of which every text that matches the pattern contains one; empty if unknown.

    A digit of any script counts as one of 0 to 9.
    """
    parsed = _parser.parse(pattern)
    return _sequence_literals(parsed) if parsed.state.flags == re.UNICODE else frozenset()


def _sequence_literals(operations: _Operations) -> frozenset[str]:
    """Return the literals of the most selective part of a sequence: the longest ones, then the fewest."""
    literals_by_part: list[frozenset[str]] = []
    run = ""
    for operation, argument in operations:
        if str(operation) == "LITERAL":
            run += chr(argument)
        else:
            literals_by_part += frozenset((run,)), _part_literals(str(operation), argument)
            run = ""
    candidates = [literals for literals in (*literals_by_part, frozenset((run,))) if literals and "" not in literals]
    return max(candidates, key=_selectivity, default=frozenset())


def _selectivity(literals: frozenset[str]) -> tuple[int, int]:
    return min(0 if literal in _COMMON_CHARS else len(literal.strip()) for literal in literals), -len(literals)


def _part_literals(operation: str, argument: Any) -> frozenset[str]:
    if operation == "BRANCH":
        branches = [_sequence_literals(branch) for branch in argument[1]]
        return frozenset().union(*branches) if all(branches) else frozenset()
    if operation == "SUBPATTERN":
        _, added_flags, removed_flags, inner = argument
        return frozenset() if added_flags or removed_flags else _sequence_literals(inner)
    if operation in _REPEAT_OPERATIONS:
        min_count, _, inner = argument
        return _sequence_literals(inner) if min_count else frozenset()
    return _set_literals(argument) if operation == "IN" else frozenset()


def _set_literals(members: _Operations) -> frozenset[str]:
    """Return the characters of a set such as `[a-f0]`; empty for too many, and for classes other than digits."""
    chars: frozenset[str] = frozenset()
    for operation, argument in members:
        if str(operation) == "LITERAL":
            chars |= {chr(argument)}
        elif str(operation) == "RANGE" and argument[1] - argument[0] < _MAX_RANGE:
            chars |= {chr(code) for code in range(argument[0], argument[1] + 1)}
        elif str(argument) == "CATEGORY_DIGIT":
            chars |= _DIGITS
        else:
            return frozenset()
    return chars


_MARK_REPLACEMENTS = tuple(
    (dict.fromkeys("’‘´`", "'") | dict.fromkeys("“”„«»‟", '"') | dict.fromkeys("\u00ad\u200b\ufeff", "")).items()
)
_FULL_WIDTH_MARKS = str.maketrans(
    {
        "\uff1a": ":",
        "\uff08": "(",
        "\uff09": ")",
        "\uff01": "!",
        "\uff1f": "?",
        "\uff0c": ",",
        "\uff1b": ";",
        "\uff0f": "/",
        "\uff5c": "|",
        "\uff1d": "=",
        "\u3000": " ",
    }
)
"""The full-width punctuation of Chinese and Japanese, with its ASCII equivalent."""
_FULL_WIDTH_MARK = re.compile("[\u3000\uff01-\uff5c]")
_MAX_CACHED_FOLD_CHARS = 4000
"""Folded texts are cached, since several stages fold a block's text; a longer text is not worth its memory."""
_MATCH_CACHE_SIZE, _MAX_CACHED_MATCH_CHARS = 8192, 1000
"""Size of a book's cache of matches, and maximum length of its texts: a site's boilerplate is the same on each page."""
_NON_ASCII_DIGIT = re.compile(r"[^\D0-9]")
_ADDRESS = re.compile(r"https?://\S+")  # a bare address is not a phrase, whatever words its path has
_OUTER_MARKS = " :;,.!?¿¡…›>→‹<←|*•·–—-+#()[]{}/\"'▶►▸▼▾▲✓✔↓↑⟶➔➜"


def fold_text(text: str) -> str:
    r"""Return the text in lower case, with one kind of quotation mark and apostrophe and single spaces; accents stay.

    The capital I with a dot of Turkish becomes an i, not an i with a mark of its own.

    >>> fold_text("“Don’t”  Café")
    '"don\'t" café'
    """
    return _cached_fold(text) if len(text) <= _MAX_CACHED_FOLD_CHARS else _fold(text)


def _fold(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).replace("\u0130", "i")
        for mark, plain in _MARK_REPLACEMENTS:
            if mark in text:
                text = text.replace(mark, plain)
        if _FULL_WIDTH_MARK.search(text):
            text = text.translate(_FULL_WIDTH_MARKS)
    return " ".join(text.lower().split())


_cached_fold = lru_cache(maxsize=2048)(_fold)


def strip_outer_marks(folded: str) -> str:
    """Return a folded text without the punctuation, bullets and arrows at both ends."""
    return folded.strip(_OUTER_MARKS)


def count_words(folded: str) -> int:
    """Return how many words a folded text has."""
    return folded.count(" ") + 1 if folded else 0


class _AnchorIndex:
    """Strings of which a text must contain one for a rule to match, searched in one pass for all rules of a book."""

    def __init__(self, anchors_by_rule: Sequence[Iterable[str]]) -> None:
        rules_by_anchor: dict[str, list[int]] = {}
        for rule_index, anchors in enumerate(anchors_by_rule):
            for anchor in anchors:
                rules_by_anchor.setdefault(anchor, []).append(rule_index)
        self._rules = tuple(rules_by_anchor.values())
        self._automaton = AhoCorasick(list(rules_by_anchor))

    def rules_in(self, folded: str) -> list[int]:
        """Return the indices of the rules that have an anchor in the text, in order."""
        try:
            matches = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        except UnicodeEncodeError:  # the text has half of a surrogate pair, which is in no anchor
            return self.rules_in(folded.encode("utf-8", "replace").decode("utf-8"))
        return sorted(set().union(*[self._rules[anchor] for anchor, _, _ in matches])) if matches else []


class RuleBook:
    """Rules for the pages of a language, in order; the first that matches a block gives the reason."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        whole = tuple(rule for rule in rules if rule.whole)
        search = tuple(rule for rule in rules if not rule.whole)
        self._ordered_rules = (*whole, *search)
        self._whole_indices = range(len(whole))
        self._max_whole_words = max((rule.max_words for rule in whole), default=0)
        self._max_words = max((rule.max_words for rule in rules), default=0)
        whole_anchors, search_anchors = [_rule_literals(rule) for rule in whole], [rule.anchors for rule in search]
        self._unanchored = frozenset(index for index, anchors in enumerate(whole_anchors) if not anchors)
        self._all_anchors = _AnchorIndex([*whole_anchors, *search_anchors])
        self._search_anchors = _AnchorIndex([*[()] * len(whole), *search_anchors])
        self._cached_matches = lru_cache(maxsize=_MATCH_CACHE_SIZE)(self._matching_rules)

    def match(self, block: Block, body_position: BodyPosition) -> Rule | None:
        """Return the first rule that removes this block at this position; rules on the whole block are tried first."""
        text = block.text
        cached = len(text) <= _MAX_CACHED_MATCH_CHARS
        word_count, rules = self._cached_matches(text) if cached else self._matching_rules(text)
        for rule in rules:
            if _fits_link_density(rule, block) and rule.may_fire_at(body_position, word_count):
                return rule
        return None

    def _matching_rules(self, text: str) -> tuple[int, tuple[Rule, ...]]:
        """Return how many words a text has, and the rules that match it."""
        folded = fold_text(text)
        word_count = count_words(folded)
        if word_count > self._max_words or _ADDRESS.fullmatch(folded):
            return word_count, ()
        is_short = word_count <= self._max_whole_words
        candidates = self._short_text_candidates(folded) if is_short else self._search_anchors.rules_in(folded)
        if not candidates:
            return word_count, ()
        rules, text = [self._ordered_rules[index] for index in candidates], strip_outer_marks(folded)
        rules = [rule for rule in rules if word_count <= rule.max_words]
        return word_count, tuple([rule for rule in rules if _matches(rule, folded, text)])

    def _short_text_candidates(self, folded: str) -> Sequence[int]:
        """Return the indices of the rules that may match a short text, in order: first those on the whole block."""
        anchored = self._all_anchors.rules_in(folded)
        if not folded.isascii() and _NON_ASCII_DIGIT.search(folded):
            return sorted({*anchored, *self._whole_indices})
        return sorted({*anchored, *self._unanchored}) if self._unanchored else anchored


def _matches(rule: Rule, folded: str, text: str) -> bool:
    """Return whether a rule matches a folded text, or the same without its outer marks, `text`."""
    if not rule.whole:
        # The match is outside of quotes if an even number of quotation marks precedes it.
        match = _compiled(rule.patterns).search(folded)
        return match is not None and folded.count('"', 0, match.start()) % 2 == 0
    return bool(text) and _compiled(rule.patterns).fullmatch(text) is not None


def _rule_literals(rule: Rule) -> frozenset[str]:
    """Return strings of which every text that matches the rule contains one; empty if unknown."""
    literals_by_pattern = [literals_of(pattern) for pattern in rule.patterns]
    return frozenset[str]().union(*literals_by_pattern) if all(literals_by_pattern) else frozenset()


def _fits_link_density(rule: Rule, block: Block) -> bool:
    if block.kind is BlockKind.LINE:  # its links are unknown, so a rule that needs links does not fire
        return rule.min_link_density == 0
    return rule.min_link_density <= block.link_density <= rule.max_link_density


@cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
