"""The phrase rules, read from their TOML files: one file for each language, and `any.toml` for all languages."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from broadsheet.cleaners.rules.matcher import RuleBook
from broadsheet.cleaners.rules.rule import AllowedPosition, Rule, rule_reason

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
    """A rule file has an entry that is not a valid rule."""


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
    return parse_rules(
        name, files(__package__).joinpath(f"phrases/{name}.toml").read_text("utf-8"), trust_patterns=True
    )


def parse_rules(name: str, text: str, *, trust_patterns: bool = False) -> tuple[Rule, ...]:
    """Return the rules in a TOML text; `name` is the prefix of each rule's name.

    With `trust_patterns` the patterns are not compiled to check that they are valid regular expressions.
    Raises `RuleFileError` if a rule lacks a field, has an unknown one, or has an invalid value.
    """
    table = tomllib.loads(text)
    fragments: dict[str, str] = table.get("fragments", {})
    rules = tuple(_rule(name, entry, fragments) for entry in table["rule"])
    for rule in () if trust_patterns else rules:
        _check_patterns(rule)
    return rules


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
    return _checked_rule(rule)


def _check_patterns(rule: Rule) -> None:
    try:
        re.compile("|".join(rule.patterns))
    except re.error as error:
        raise RuleFileError(f"{rule.name}: {error}") from error


def _with_fragments(pattern: str, fragments: dict[str, str]) -> str:
    """Return a pattern with every `<<name>>` replaced by that fragment, which may contain others."""
    while match := _FRAGMENT.search(pattern):
        if match[1] not in fragments:
            raise ValueError(f"no fragment {match[1]}")
        pattern = pattern.replace(match[0], f"(?:{fragments[match[1]]})")
    return pattern


def _checked_rule(rule: Rule) -> Rule:
    if not rule.whole and not rule.anchors:
        raise RuleFileError(f"{rule.name}: a rule that searches needs anchors")
    return rule
