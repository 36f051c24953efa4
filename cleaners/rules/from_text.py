"""A phrase rule made from the text of one block that a person removed, in the format of the rule files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from broadsheet.cleaners.document import RemovalReason
from broadsheet.cleaners.rules.matcher import count_words, fold_text, strip_outer_marks
from broadsheet.cleaners.rules.rule import SHORT_BLOCK_WORDS, Rule

OWN_PREFIX = "own"
"""What the names of these rules begin with, in place of a language."""

_SPECIAL_CHARS = re.compile(r"[.^$*+?{}\[\]\\|()<>]")  # with < and >, since << begins the name of a fragment
_NUMBER = re.compile(r"\d+(?:\\?[.,:]\d+)*")
_ANY_NUMBER = r"\d+(?:[.,:]\d+)*"
_MAX_NAME_WORDS = 4
_MAX_POSITIVE = 4


def rule_from_text(
    text: str,
    number: int,
    reason: RemovalReason,
    positive_candidates: Iterable[str] = (),
    negative_candidates: Iterable[str] = (),
) -> Rule | None:
    """Return a rule that removes blocks of this text with any numbers in it; None if the text has no words.

    Its positive examples are `text` and those of `positive_candidates` that it matches too; its negative example is the
    first of `negative_candidates` that it does not match. `number` makes the rule's name unique.
    """
    core_text = strip_outer_marks(fold_text(text))
    if not core_text:
        return None
    pattern = _pattern(core_text)
    similar_texts = (candidate for candidate in dict.fromkeys(positive_candidates) if candidate != text)
    positive = [text, *(candidate for candidate in similar_texts if _matches(pattern, candidate))]
    positive = positive[:_MAX_POSITIVE]
    return Rule(
        name=f"{OWN_PREFIX}/{_rule_name(core_text, number)}",
        reason=reason,
        patterns=(pattern,),
        whole=True,
        max_words=max(SHORT_BLOCK_WORDS, *(count_words(fold_text(example)) for example in positive)),
        positive=tuple(positive),
        negative=tuple([candidate for candidate in negative_candidates if not _matches(pattern, candidate)][:1]),
    )


def rule_removes(rule: Rule, text: str) -> bool:
    """Whether a rule that `rule_from_text` made would remove a block of this text."""
    return count_words(fold_text(text)) <= rule.max_words and _matches(rule.patterns[0], text)


def rule_toml(rule: Rule) -> str:
    """Return the rule as an entry of a TOML rule file; its name there has no prefix."""
    lines = [
        "[[rule]]",
        f"name = {toml_string(rule.name.removeprefix(f'{OWN_PREFIX}/'))}",
        f"reason = {toml_string(rule.reason)}",
        "whole = true",
        f"patterns = {_toml_array(rule.patterns)}",
        f"max_words = {rule.max_words}",
        f"positive = {_toml_array(rule.positive)}",
    ]
    return "\n".join([*lines, f"negative = {_toml_array(rule.negative)}"] if rule.negative else lines)


def toml_string(text: str) -> str:
    """Return the text as a basic string of TOML, with unprintable characters escaped."""
    return "".join(char if char.isprintable() else _escape(char) for char in json.dumps(text, ensure_ascii=False))


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _toml_array(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return f"[{toml_string(texts[0])}]"
    return "[\n" + "".join(f"  {toml_string(text)},\n" for text in texts) + "]"


def _pattern(core_text: str) -> str:
    """Return a regular expression for the text, in which any number matches each of its numbers."""
    escaped = _SPECIAL_CHARS.sub(r"\\\g<0>", core_text)
    return _NUMBER.sub(_ANY_NUMBER.replace("\\", r"\\"), escaped) if any(map(str.isalpha, core_text)) else escaped


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, strip_outer_marks(fold_text(text))) is not None


def _rule_name(core_text: str, number: int) -> str:
    """Return the text's first words, with digits that distinguish it from other rules with the same words."""
    words = re.findall("[a-z]+", core_text)[:_MAX_NAME_WORDS]
    return "-".join([*words, f"{number % 1_000_000:06}"])
