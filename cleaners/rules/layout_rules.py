"""Layout rules: a reason for a block's removal, by the tags, ids and classes around it.

They only explain blocks that no extractor selected, and never remove a selected one, since there is article text in
containers with misleading names. A few names of boxes apart from the text are the exception.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from ..document import RemovalReason
from ..package_data import read_toml
from .rule import Rule, rule_reason

_WORDS = re.compile(r"[A-Z]?[a-zà-ÿ]+|[A-Z]+(?![a-z])|\d+")
_FILE = "layout.toml"
_NO_RULE = 1_000_000  # an index that no rule has
_SHOWN_BY_FIGURE = re.compile(r">figure\b.*>(?:blockquote|table|pre)\b")  # content that a figure shows, not its caption
_PAGE_TAGS = frozenset({"html", "body", "main", "article"})
_NEGATING_WORDS = frozenset({"no", "has", "with", "without", "not", "non", "js"})


class _LayoutRule(NamedTuple):
    """Rule with the tags, the words of ids and classes, and the landmarks to which it applies.

    It does not apply by the other words of an id or class that has one of `excepted_tokens`.
    """

    rule: Rule
    tags: frozenset[str]
    tokens: frozenset[str]
    excepted_tokens: frozenset[str]
    landmarks: frozenset[str]


@lru_cache(maxsize=2048)
def explain_layout(path: str, landmarks: frozenset[str] = frozenset()) -> Rule | None:
    """Return the layout rule for a block at this path (`body>main>div#x.related-posts>ul>li`), or None.

    The innermost element with a rule wins, but a byline in a box about the author is that box's. Ids and classes are
    read as words, split at hyphens, underscores and capitals. The landmarks count only if no element of the path has a
    rule.
    """
    for step in reversed(path.split(">")):
        rule = _explain_step(step)
        if rule and rule.reason == RemovalReason.BYLINE and (box_rule := author_box(path)):
            return box_rule
        if rule:
            return rule
    return _explain_landmarks(landmarks - {"figure"} if _SHOWN_BY_FIGURE.search(path) else landmarks)


@lru_cache(maxsize=2048)
def author_box(path: str) -> Rule | None:
    """Return the rule for the box about an author around a block at this path, or None."""
    rules = (_explain_step(step) for step in path.split(">"))
    return next((rule for rule in rules if rule and rule.reason == RemovalReason.AUTHOR_BIO), None)


@lru_cache(maxsize=2048)
def box_apart(path: str) -> Rule | None:
    """Return the rule for the box apart from the text around a block at this path, or None."""
    return next((rule for step in path.split(">") if (rule := _box_of_step(step))), None)


@cache
def box_rule_names() -> frozenset[str]:
    """Return the names of the rules for boxes apart from the text."""
    return frozenset(rule.name for rules in _box_rules() for rule in rules.values())


@lru_cache(maxsize=2048)
def _box_of_step(step: str) -> Rule | None:
    tag, *names = _tag_and_names(step)
    if tag in _PAGE_TAGS:
        return None
    rules_by_tag, rules_by_token = _box_rules()
    rules = (rules_by_token[token] for name in names for token in _tokens(name) if token in rules_by_token)
    return rules_by_tag.get(tag) or next(rules, None)


def _tag_and_names(step: str) -> list[str]:
    """Split a step of a path into its tag, its id and its classes."""
    return step.replace("#", ".").split(".")


@lru_cache(maxsize=1024)
def _explain_landmarks(landmarks: frozenset[str]) -> Rule | None:
    return next((layout_rule.rule for layout_rule in _layout_rules() if layout_rule.landmarks & landmarks), None)


@lru_cache(maxsize=2048)
def _explain_step(step: str) -> Rule | None:
    tag, *names = _tag_and_names(step)
    if tag in ("body", "html"):
        return None
    rules_by_tag, _ = _first_rules()
    index = min([rules_by_tag.get(tag, _NO_RULE), *map(_first_rule_of_name, names)])
    return _layout_rules()[index].rule if index != _NO_RULE else None


@lru_cache(maxsize=2048)
def _first_rule_of_name(name: str) -> int:
    """Return the index of the first rule that has a word of this id or class among its tokens."""
    _, rules_by_token = _first_rules()
    tokens = _tokens(name)
    indices = {rules_by_token[token] for token in tokens if token in rules_by_token}
    return min((n for n in indices if _layout_rules()[n].excepted_tokens.isdisjoint(tokens)), default=_NO_RULE)


def _tokens(name: str) -> list[str]:
    """Return the words of an id or class and each pair of neighbours; empty after `no-`, `has-` and similar."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if words and words[0] in _NEGATING_WORDS:
        return []
    return words + [f"{first} {second}" for first, second in pairwise(words)] if len(words) > 1 else words


@cache
def _first_rules() -> tuple[dict[str, int], dict[str, int]]:
    """Return the index of the first rule for each tag, and of the first rule for each token."""
    rules_by_tag: dict[str, int] = {}
    rules_by_token: dict[str, int] = {}
    for index, layout_rule in enumerate(_layout_rules()):
        rules_by_tag = dict.fromkeys(layout_rule.tags, index) | rules_by_tag
        rules_by_token = dict.fromkeys(layout_rule.tokens, index) | rules_by_token
    return rules_by_tag, rules_by_token


@cache
def _layout_rules() -> tuple[_LayoutRule, ...]:
    return tuple(_layout_rule(entry) for entry in read_toml(__package__, _FILE)["rule"])


@cache
def _box_rules() -> tuple[dict[str, Rule], dict[str, Rule]]:
    """Return the rules for boxes apart from the text, by each of their tags and by each of their tokens."""
    rules = [_layout_rule(entry) for entry in read_toml(__package__, _FILE)["apart"]]
    return (
        {tag: layout_rule.rule for layout_rule in rules for tag in layout_rule.tags},
        {token: layout_rule.rule for layout_rule in rules for token in layout_rule.tokens},
    )


def _layout_rule(entry: dict[str, str | list[str]]) -> _LayoutRule:
    rule = Rule(name=f"layout/{entry['name']}", reason=rule_reason(str(entry["reason"])))
    return _LayoutRule(rule, *(frozenset(entry.get(key, ())) for key in ("tags", "tokens", "except", "landmarks")))
