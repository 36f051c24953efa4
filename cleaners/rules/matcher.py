"""Match a block against a book of phrase rules, fast: most blocks meet no regular expression at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

from cleaners.record import Block, Kind
from cleaners.rules.model import Place, Rule

_FOLDED_MARKS = str.maketrans(
    {"’": "'", "‘": "'", "`": "'", "´": "'"} | dict.fromkeys("“”„«»‟", '"') | dict.fromkeys("\u00ad\u200b\ufeff")
)
_GRAM = 4
_REMEMBERED = 8192
"""Texts whose rules a book remembers: the furniture of a site is the same on its every page."""
_OUTER_MARKS = " :;,.!?¿¡…›>→‹<←|*•·–—-+#()[]{}/\"'▶►▸▼▾▲✓✔↓↑⟶➔➜"


def fold(text: str) -> str:
    """Lower case, one kind of quotation mark and apostrophe, one space between words; accents stay."""
    plain = text if text.isascii() else unicodedata.normalize("NFC", text).translate(_FOLDED_MARKS)
    return " ".join(plain.lower().split())


def core(folded: str) -> str:
    """A folded text without the punctuation, bullets and arrows at its two ends."""
    return folded.strip(_OUTER_MARKS)


def count_words(folded: str) -> int:
    """How many words a folded text has."""
    return folded.count(" ") + 1 if folded else 0


class RuleBook:
    """The rules that hold for a page, in order; the first that matches names the reason."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self._whole = tuple(rule for rule in rules if rule.whole)
        self._search = tuple(rule for rule in rules if not rule.whole)
        self._whole_words = max((rule.max_words for rule in self._whole), default=0)
        self._most_words = max((rule.max_words for rule in rules), default=0)
        self._any_whole = _compiled(tuple(pattern for rule in self._whole for pattern in rule.patterns))
        self._anchors = _by_beginning(self._search)
        self._matches = lru_cache(maxsize=_REMEMBERED)(self._find)

    def match(self, block: Block, place: Place) -> Rule | None:
        """The first rule that removes this block at this place; a rule on the whole block comes first."""
        folded = fold(block.text)
        words = count_words(folded)
        for rule in self._matches(folded) if words <= self._most_words else ():
            if _may_fire(rule, block, place, words):
                return rule
        return None

    def _find(self, folded: str) -> tuple[Rule, ...]:
        words = count_words(folded)
        whole = self._matching_whole(core(folded), words) if words <= self._whole_words else ()
        return (*whole, *self._matching_part(folded, words))

    def _matching_whole(self, text: str, words: int) -> Iterator[Rule]:
        if text and self._any_whole.fullmatch(text):
            for rule in self._whole:
                if words <= rule.max_words and _compiled(rule.patterns).fullmatch(text):
                    yield rule

    def _matching_part(self, folded: str, words: int) -> Iterator[Rule]:
        for index in sorted(set(self._anchored(folded))):
            rule = self._search[index]
            if words <= rule.max_words and _found_unquoted(rule, folded):
                yield rule

    def _anchored(self, folded: str) -> Iterator[int]:
        """The search rules that have an anchor in the text, looked up by the first letters of the anchors."""
        beginnings = set(folded).union([folded[at : at + _GRAM] for at in range(len(folded) - _GRAM + 1)])
        for beginning in self._anchors.keys() & beginnings:
            for anchor, index in self._anchors[beginning]:
                if anchor in folded:
                    yield index


def _found_unquoted(rule: Rule, folded: str) -> bool:
    found = _compiled(rule.patterns).search(folded)
    return found is not None and folded.count('"', 0, found.start()) % 2 == 0


def _may_fire(rule: Rule, block: Block, place: Place, words: int) -> bool:
    return _fits_links(rule, block) and rule.may_stand(place, words)


def _fits_links(rule: Rule, block: Block) -> bool:
    if block.kind is Kind.LINE:  # its links are unknown: a rule that needs links stays silent
        return rule.min_link_density == 0
    return rule.min_link_density <= block.link_density <= rule.max_link_density


def _by_beginning(rules: tuple[Rule, ...]) -> dict[str, list[tuple[str, int]]]:
    """Anchors with their rules by their first letters, or by the first alone if the anchor is a mark or two."""
    found: dict[str, list[tuple[str, int]]] = {}
    for index, rule in enumerate(rules):
        for anchor in rule.anchors:
            length = _GRAM if len(anchor) >= _GRAM else 1
            found.setdefault(anchor[:length], []).append((anchor, index))
    return found


@cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
