"""Rule files of phrases as TOML: those of a language read, and a new rule written from a block that a person removed.

There is one file for each language, and `any.toml` for all languages.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from ..document import RemovalReason
from .matcher import RuleBook, count_words, fold_text, strip_outer_marks
from .rule import SHORT_BLOCK_WORDS, AllowedPosition, Rule, rule_reason

COMMON_FILE = "any"
DEFAULT_LANGUAGE = "en"
"""English boilerplate is found on pages of every language, so its rules are in every book."""
LANGUAGES = (
    "en", "es", "de", "fr", "pt", "it", "nl", "pl", "ru", "zh", "ja", "ar",
    "sv", "da", "no", "fi", "cs", "tr", "ko", "uk", "id",
)  # fmt: skip
_READ_AS = {"nb": "no", "nn": "no", "ms": "id"}
"""Bokmål and Nynorsk have their phrases in the file of Norwegian, Malay in that of Indonesian."""
_FRAGMENT = re.compile(r"<<(\w+)>>")
_TUPLE_FIELDS = ("patterns", "anchors", "positive", "negative")


class RuleFileError(ValueError):
    """Rule file has an entry that is not a valid rule."""


def load_rules(language: str | None = None) -> RuleBook:
    """Return the rules for a page in this language (a BCP 47 tag), or all rules if the language is unknown.

    Each book is read once and cached. Raises `RuleFileError` for a malformed rule file.
    """
    primary = (language or "").lower().partition("-")[0]
    primary = _READ_AS.get(primary, primary)
    return _book(primary if primary in LANGUAGES else "")


@cache
def _book(primary: str) -> RuleBook:
    names = dict.fromkeys((COMMON_FILE, primary, DEFAULT_LANGUAGE)) if primary else (COMMON_FILE, *LANGUAGES)
    return RuleBook(tuple(rule for name in names for rule in read_rules(name)))


@cache
def read_rules(name: str) -> tuple[Rule, ...]:
    """Return the rules of one file (`en`, `any` …), in its order. Patterns are compiled when first needed."""
    return parse_rules(name, files(__package__).joinpath(f"phrases/{name}.toml").read_text("utf-8"))


def parse_rules(name: str, text: str) -> tuple[Rule, ...]:
    """Return the rules in a TOML text; `name` is the prefix of each rule's name.

    Raises `RuleFileError` if a rule lacks a field, has an unknown one, or has an invalid value.
    """
    table = tomllib.loads(text)
    fragments: dict[str, str] = table.get("fragments", {})
    return tuple(_rule(name, entry, fragments) for entry in table["rule"])


def _rule(file: str, entry: dict[str, Any], fragments: dict[str, str]) -> Rule:
    name = f"{file}/{entry.get('name', '?')}"
    try:
        values: dict[str, Any] = {key: tuple(value) if key in _TUPLE_FIELDS else value for key, value in entry.items()}
        patterns = tuple(_with_fragments(pattern, fragments) for pattern in entry["patterns"])
        values |= {
            "name": name,
            "patterns": patterns,
            "reason": rule_reason(entry["reason"]),
            "position": AllowedPosition(entry.get("position", AllowedPosition.ANY)),
        }
        rule = Rule(**values)
    except (TypeError, ValueError, KeyError) as error:
        raise RuleFileError(f"{name}: {error}") from error
    if not rule.whole and not rule.anchors:
        raise RuleFileError(f"{rule.name}: a rule that searches needs anchors")
    return rule


def _with_fragments(pattern: str, fragments: dict[str, str]) -> str:
    """Return a pattern with every `<<name>>` replaced by that fragment, which may contain others."""
    while match := _FRAGMENT.search(pattern):
        if match[1] not in fragments:
            raise ValueError(f"no fragment {match[1]}")
        pattern = pattern.replace(match[0], f"(?:{fragments[match[1]]})")
    return pattern


OWN_PREFIX = "own"
"""Prefix of these rules' names, in place of a language."""

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
    """Return whether a rule that `rule_from_text` made would remove a block of this text."""
    return count_words(fold_text(text)) <= rule.max_words and _matches(rule.patterns[0], text)


def rule_toml(rule: Rule) -> str:
    """Return the rule as an entry of a TOML rule file; its name there has no prefix."""
    lines = [
        "[[rule]]",
        f"name = {toml_string(rule.name.removeprefix(f'{OWN_PREFIX}/'))}",
        f"reason = {toml_string(rule.reason.key)}",
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
