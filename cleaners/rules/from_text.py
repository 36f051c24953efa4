"""A rule made from one text that a person took out, in the form of the rule files. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from cleaners.rules.matcher import core, count_words, fold
from cleaners.rules.rule import SHORT_WORDS, Rule

OWN = "own"
_SPECIAL = re.compile(r"[.^$*+?{}\[\]\\|()<>]")  # < and >, since << names a fragment
_NUMBER = re.compile(r"\d+(?:\\?[.,:]\d+)*")
_ANY_NUMBER = r"\d+(?:[.,:]\d+)*"
_SLUG_WORDS = 4
_MOST_POSITIVE = 4


def own_rule(text: str, number: int, reason: str, like: Iterable[str] = (), unlike: Iterable[str] = ()) -> Rule | None:
    """The rule that removes a block of exactly this text, whatever its numbers; None if it has no words.

    Of `like` those that it matches too become examples. Of `unlike`, nearest first, the first that it does not match
    is the example of what stays.
    """
    said = core(fold(text))
    if not said:
        return None
    pattern = _pattern(said)
    positive = [text, *(each for each in dict.fromkeys(like) if each != text and _matches(pattern, each))]
    positive = positive[:_MOST_POSITIVE]
    return Rule(
        name=f"{OWN}/{_name(said, number)}",
        reason=reason,
        patterns=(pattern,),
        whole=True,
        max_words=max(SHORT_WORDS, *(count_words(fold(each)) for each in positive)),
        positive=tuple(positive),
        negative=tuple([each for each in unlike if not _matches(pattern, each)][:1]),
    )


def rule_removes(rule: Rule, text: str) -> bool:
    """Whether a rule made here would remove a block of this text."""
    return count_words(fold(text)) <= rule.max_words and _matches(rule.patterns[0], text)


def rule_toml(rule: Rule) -> str:
    """The rule as an entry of a rule file, without the file's name."""
    lines = [
        "[[rule]]",
        f"name = {toml_string(rule.name.removeprefix(f'{OWN}/'))}",
        f"reason = {toml_string(rule.reason)}",
        "whole = true",
        f"patterns = {_strings(rule.patterns)}",
        f"max_words = {rule.max_words}",
        f"positive = {_strings(rule.positive)}",
    ]
    return "\n".join([*lines, f"negative = {_strings(rule.negative)}"] if rule.negative else lines)


def toml_string(text: str) -> str:
    """The text as a basic string of TOML; characters that are not printed stand as escapes."""
    return "".join(char if char.isprintable() else _escape(char) for char in json.dumps(text, ensure_ascii=False))


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _strings(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return f"[{toml_string(texts[0])}]"
    return "[\n" + "".join(f"  {toml_string(text)},\n" for text in texts) + "]"


def _pattern(said: str) -> str:
    escaped = _SPECIAL.sub(r"\\\g<0>", said)
    return _NUMBER.sub(_ANY_NUMBER.replace("\\", r"\\"), escaped) if any(map(str.isalpha, said)) else escaped


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, core(fold(text))) is not None


def _name(said: str, number: int) -> str:
    """A few of its words, and digits that tell it from others that begin alike."""
    words = re.findall("[a-z]+", said)[:_SLUG_WORDS]
    return "-".join([*words, f"{number % 1_000_000:06}"])
