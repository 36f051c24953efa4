"""Explain from tags, ids and classes why a block that no extractor selected is not the article.

These names only explain: they never remove what an extractor selected, since real text sits in oddly named
containers.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

from cleaners.rules.rule import REASONS, Rule

_WORDS = re.compile(r"[A-Z]?[a-zà-ÿ]+|[A-Z]+(?![a-z])|\d+")
_NO_RULE = 1_000_000  # a number that no rule has
_NEGATIONS = frozenset({"no", "has", "with", "without", "not", "non", "js"})


@dataclass(frozen=True, slots=True)
class _LayoutRule:
    rule: Rule
    tags: frozenset[str]
    tokens: frozenset[str]
    landmarks: frozenset[str]


@lru_cache(maxsize=8192)
def explain_layout(path: str, landmarks: frozenset[str] = frozenset()) -> Rule | None:
    """The layout rule for a block at this path (`body>main>div#x.related-posts>ul>li`); the innermost element wins.

    Ids and classes are read as words, split at hyphens, underscores and capitals. The landmarks decide only when
    no element of the path does. None when nothing there explains anything.
    """
    for element in reversed(path.split(">")):
        found = _explain_element(element)
        if found:
            return found
    return _explain_landmarks(landmarks)


@lru_cache(maxsize=1024)
def _explain_landmarks(landmarks: frozenset[str]) -> Rule | None:
    return next((each.rule for each in _layout_rules() if each.landmarks & landmarks), None)


@lru_cache(maxsize=8192)
def _explain_element(element: str) -> Rule | None:
    tag, *names = element.replace("#", ".").split(".")
    if tag in ("body", "html"):
        return None
    tags, _ = _first_by_tag_and_token()
    first = min([tags.get(tag, _NO_RULE), *map(_first_by_name, names)])
    return _layout_rules()[first].rule if first != _NO_RULE else None


@lru_cache(maxsize=8192)
def _first_by_name(name: str) -> int:
    """The number of the first rule that a word of an id or class speaks for."""
    _, tokens = _first_by_tag_and_token()
    return min([tokens[word] for word in _tokens(name) if word in tokens], default=_NO_RULE)


def _tokens(name: str) -> list[str]:
    """The words of an id or class and each pair of neighbours; not those that `no-` or `has-` takes back."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if words and words[0] in _NEGATIONS:
        return []
    return words + [f"{first} {second}" for first, second in pairwise(words)] if len(words) > 1 else words


@cache
def _first_by_tag_and_token() -> tuple[dict[str, int], dict[str, int]]:
    """The number of the first rule that names a tag, and of the first that names a token."""
    tags: dict[str, int] = {}
    tokens: dict[str, int] = {}
    for n, each in enumerate(_layout_rules()):
        tags = dict.fromkeys(each.tags, n) | tags
        tokens = dict.fromkeys(each.tokens, n) | tokens
    return tags, tokens


@cache
def _layout_rules() -> tuple[_LayoutRule, ...]:
    text = files(__package__).joinpath("layout.toml").read_text("utf-8")
    return tuple(_layout_rule(entry) for entry in tomllib.loads(text)["rule"])


def _layout_rule(entry: dict[str, str | list[str]]) -> _LayoutRule:
    reason = str(entry["reason"])
    if reason not in REASONS:
        raise ValueError(f"layout.toml: unknown reason {reason}")
    rule = Rule(name=f"layout/{entry['name']}", reason=reason)
    return _LayoutRule(rule, *(frozenset(entry.get(key, ())) for key in ("tags", "tokens", "landmarks")))
