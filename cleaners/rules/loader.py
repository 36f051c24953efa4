"""Read the phrase rules from their TOML files: one file a language, `any.toml` for all of them."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from cleaners.rules.matcher import RuleBook
from cleaners.rules.rule import REASONS, Position, Rule

COMMON = "any"
DEFAULT = "en"
"""English furniture stands on pages of every language, so its rules are in every book."""
LANGUAGES = ("en", "es", "de", "fr", "pt", "it", "nl", "pl", "ru", "zh", "ja", "ar")
_FRAGMENT = re.compile(r"<<(\w+)>>")
_TUPLES = ("patterns", "anchors", "positive", "negative")


class RuleFileError(ValueError):
    """A rule file says something that no rule can mean."""


def load_rules(language: str | None = None) -> RuleBook:
    """The rules for a page in this language (a BCP 47 tag), or every rule if the language is unknown.

    Books are read once and kept. Raises `RuleFileError` on a malformed rule file.
    """
    primary = (language or "").lower().partition("-")[0]
    return _book(primary if primary in LANGUAGES else "")


@cache
def _book(primary: str) -> RuleBook:
    names = dict.fromkeys((COMMON, primary, DEFAULT)) if primary else (COMMON, *LANGUAGES)
    return RuleBook(tuple(rule for name in names for rule in read_rules(name)))


@cache
def read_rules(name: str) -> tuple[Rule, ...]:
    """The rules of one file, in its order: `en` or `any`. Its patterns are compiled when a text first meets them."""
    return parse_rules(name, files(__package__).joinpath(f"phrases/{name}.toml").read_text("utf-8"), tested=True)


def parse_rules(name: str, text: str, *, tested: bool = False) -> tuple[Rule, ...]:
    """The rules that a TOML text holds; each rule's name begins with the given one.

    `tested` patterns are known to be regular expressions, which saves compiling them all to see it.
    Raises `RuleFileError` when a rule lacks a field, has an unknown one, or says what no rule can mean.
    """
    table = tomllib.loads(text)
    fragments: dict[str, str] = table.get("fragments", {})
    rules = tuple(_rule(name, entry, fragments) for entry in table["rule"])
    for rule in () if tested else rules:
        _try_patterns(rule)
    return rules


def _rule(file: str, entry: dict[str, Any], fragments: dict[str, str]) -> Rule:
    name = f"{file}/{entry.get('name', '?')}"
    try:
        values: dict[str, Any] = {key: tuple(value) if key in _TUPLES else value for key, value in entry.items()}
        patterns = tuple(_with_fragments(pattern, fragments) for pattern in entry["patterns"])
        values |= {"name": name, "patterns": patterns, "position": Position(entry.get("position", Position.ANY))}
        rule = Rule(**values)
    except (TypeError, ValueError, KeyError) as error:
        raise RuleFileError(f"{name}: {error}") from error
    return _checked(rule)


def _try_patterns(rule: Rule) -> None:
    try:
        re.compile("|".join(rule.patterns))
    except re.error as error:
        raise RuleFileError(f"{rule.name}: {error}") from error


def _with_fragments(pattern: str, fragments: dict[str, str]) -> str:
    """A pattern with every `<<name>>` replaced by its fragment, which may itself name others."""
    while found := _FRAGMENT.search(pattern):
        if found[1] not in fragments:
            raise ValueError(f"no fragment {found[1]}")
        pattern = pattern.replace(found[0], f"(?:{fragments[found[1]]})")
    return pattern


def _checked(rule: Rule) -> Rule:
    if rule.reason not in REASONS:
        raise RuleFileError(f"{rule.name}: unknown reason {rule.reason}")
    if not rule.whole and not rule.anchors:
        raise RuleFileError(f"{rule.name}: a rule that searches needs anchors")
    return rule
