"""Match a block against a book of phrase rules, fast: most blocks meet no regular expression at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

from ahocorasick_rs import AhoCorasick

from cleaners.record import Block, Kind
from cleaners.rules.model import Place, Rule

_FOLDED_MARKS = tuple(
    (dict.fromkeys("’‘´`", "'") | dict.fromkeys("“”„«»‟", '"') | dict.fromkeys("\u00ad\u200b\ufeff", "")).items()
)
_WIDE = str.maketrans(
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
"""The full-width marks of Chinese and Japanese."""
_ANY_WIDE = re.compile("[\u3000\uff01-\uff5c]")
_REMEMBERED_CHARS = 4000
"""The stages fold a block's text several times; a longer text is not worth its memory."""
_REMEMBERED = 8192
"""Texts whose rules a book remembers: the furniture of a site is the same on its every page."""
_OUTER_MARKS = " :;,.!?¿¡…›>→‹<←|*•·–—-+#()[]{}/\"'▶►▸▼▾▲✓✔↓↑⟶➔➜"


def fold(text: str) -> str:
    """Lower case, one kind of quotation mark and apostrophe, one space between words; accents stay."""
    return _remembered_fold(text) if len(text) <= _REMEMBERED_CHARS else _fold(text)


def _fold(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        for mark, plain in _FOLDED_MARKS:
            if mark in text:
                text = text.replace(mark, plain)
        if _ANY_WIDE.search(text):
            text = text.translate(_WIDE)
    return " ".join(text.lower().split())


_remembered_fold = lru_cache(maxsize=2048)(_fold)


def core(folded: str) -> str:
    """A folded text without the punctuation, bullets and arrows at its two ends."""
    return folded.strip(_OUTER_MARKS)


def count_words(folded: str) -> int:
    """How many words a folded text has."""
    return folded.count(" ") + 1 if folded else 0


class _Anchors:
    """The anchors of all search rules, looked for at once, with the rules' positions."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        found = [(anchor, n) for n, rule in enumerate(rules) for anchor in rule.anchors]
        self._rules = tuple(n for _, n in found)
        self._automaton = AhoCorasick([anchor for anchor, _ in found])

    def rules_in(self, folded: str) -> set[int]:
        """The rules that have an anchor in the text."""
        try:
            met = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        except UnicodeEncodeError:  # half of a surrogate pair: no rule has one
            return self.rules_in(folded.encode("utf-8", "replace").decode("utf-8"))
        return {self._rules[anchor] for anchor, _, _ in met}


class RuleBook:
    """The rules that hold for a page, in order; the first that matches names the reason."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self._whole = tuple(rule for rule in rules if rule.whole)
        self._search = tuple(rule for rule in rules if not rule.whole)
        self._whole_words = max((rule.max_words for rule in self._whole), default=0)
        self._most_words = max((rule.max_words for rule in rules), default=0)
        self._any_whole = _compiled(tuple(pattern for rule in self._whole for pattern in rule.patterns))
        self._anchors = _Anchors(self._search)
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
        for index in sorted(self._anchors.rules_in(folded)):
            rule = self._search[index]
            if words <= rule.max_words and _found_unquoted(rule, folded):
                yield rule


def _found_unquoted(rule: Rule, folded: str) -> bool:
    found = _compiled(rule.patterns).search(folded)
    return found is not None and folded.count('"', 0, found.start()) % 2 == 0


def _may_fire(rule: Rule, block: Block, place: Place, words: int) -> bool:
    return _fits_links(rule, block) and rule.may_stand(place, words)


def _fits_links(rule: Rule, block: Block) -> bool:
    if block.kind is Kind.LINE:  # its links are unknown: a rule that needs links stays silent
        return rule.min_link_density == 0
    return rule.min_link_density <= block.link_density <= rule.max_link_density


@cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
