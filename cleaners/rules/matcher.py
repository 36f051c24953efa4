"""Match a block against a book of phrase rules, fast: most blocks meet no regular expression at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

from ahocorasick_rs import AhoCorasick

from cleaners.document import Block, Kind
from cleaners.rules.literals import literals_of
from cleaners.rules.rule import Place, Rule

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
_REMEMBERED, _REMEMBERED_RULES_CHARS = 8192, 1000
"""Texts whose rules a book remembers, and their length: the furniture of a site is the same on its every page."""
_OTHER_DIGIT = re.compile(r"[^\D0-9]")
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
    """What a text must contain for a rule to match it, looked for at once for all rules of a book."""

    def __init__(self, anchors: Sequence[Iterable[str]]) -> None:
        rules: dict[str, list[int]] = {}
        for n, its in enumerate(anchors):
            for anchor in its:
                rules.setdefault(anchor, []).append(n)
        self._rules = tuple(rules.values())
        self._automaton = AhoCorasick(list(rules))

    def rules_in(self, folded: str) -> list[int]:
        """The numbers of the rules that have an anchor in the text, in order."""
        try:
            met = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        except UnicodeEncodeError:  # half of a surrogate pair: no rule has one
            return self.rules_in(folded.encode("utf-8", "replace").decode("utf-8"))
        return sorted(set().union(*[self._rules[anchor] for anchor, _, _ in met])) if met else []


class RuleBook:
    """The rules that hold for a page, in order; the first that matches names the reason."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        whole = tuple(rule for rule in rules if rule.whole)
        search = tuple(rule for rule in rules if not rule.whole)
        self._tried = (*whole, *search)
        self._whole = range(len(whole))
        self._whole_words = max((rule.max_words for rule in whole), default=0)
        self._most_words = max((rule.max_words for rule in rules), default=0)
        literals, anchors = [_literals(rule) for rule in whole], [rule.anchors for rule in search]
        self._any_text = frozenset(n for n, its in enumerate(literals) if not its)
        self._in_short = _Anchors([*literals, *anchors])
        self._in_long = _Anchors([*[()] * len(whole), *anchors])
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._find)

    def match(self, block: Block, place: Place) -> Rule | None:
        """The first rule that removes this block at this place; a rule on the whole block comes first."""
        text = block.text
        words, rules = self._remembered(text) if len(text) <= _REMEMBERED_RULES_CHARS else self._find(text)
        for rule in rules:
            if _may_fire(rule, block, place, words):
                return rule
        return None

    def _find(self, text: str) -> tuple[int, tuple[Rule, ...]]:
        """How many words a text has, and the rules that match it."""
        folded = fold(text)
        words = count_words(folded)
        if words > self._most_words:
            return words, ()
        tried = self._may_match(folded) if words <= self._whole_words else self._in_long.rules_in(folded)
        rules = [self._tried[n] for n in tried]
        return words, tuple([rule for rule in rules if words <= rule.max_words and _matches(rule, folded)])

    def _may_match(self, folded: str) -> Sequence[int]:
        """The rules that may match a short text, in order: those on the whole block come first."""
        found = self._in_short.rules_in(folded)
        if not folded.isascii() and _OTHER_DIGIT.search(folded):
            return sorted({*found, *self._whole})
        return sorted({*found, *self._any_text}) if self._any_text else found


def _matches(rule: Rule, folded: str) -> bool:
    if not rule.whole:
        return _found_unquoted(rule, folded)
    text = core(folded)
    return bool(text) and _compiled(rule.patterns).fullmatch(text) is not None


def _literals(rule: Rule) -> frozenset[str]:
    """Texts of which one stands in every text that the rule matches; empty where none are known."""
    told = [literals_of(pattern) for pattern in rule.patterns]
    return frozenset[str]().union(*told) if all(told) else frozenset()


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
