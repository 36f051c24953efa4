"""The article's title out of what headings and heads say, without the site's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_TITLE = 400  # characters
_SEPARATOR = re.compile(r"\s+[|\-–—·•»«:/~]+\s+|\s*[|｜»]\s*|\s::\s|(?<=\S):\s+(?=\S)")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Statement:
    """A title that a page states: its text, the source's name, and how far it is trusted."""

    text: str
    source: str
    weight: float


def choose_title(statements: Sequence[Statement], sites: Iterable[str]) -> tuple[str, str]:
    """Return the title that most sources agree on and the source it is taken from; empty if there is none.

    A source agrees with a title that it equals (fully), or contains at its beginning or end beside other words, such
    as the site's name (in part). `sites` are the site's names; a title that is one of them is none.
    """
    names = {fold_title(site) for site in sites if site} - {""}
    candidates = [
        (text, each) for each in statements for text in _versions(each.text, names) if fold_title(text) not in names
    ]
    if not candidates:
        return "", ""
    folded = [(fold_title(each.text), each) for each in statements]
    text, best = max(candidates, key=lambda pair: (_support(fold_title(pair[0]), pair[1], folded), pair[1].weight))
    return text, best.source


def fold_title(text: str) -> str:
    """Return a title's words in lower case, joined by single spaces."""
    return " ".join(_WORD.findall(text.casefold()))


def _versions(text: str, names: set[str]) -> list[str]:
    """Return the title without the site's name at either end; as it is if that name is not there."""
    if not 0 < len(text) <= MAX_TITLE:
        return []
    for match in _SEPARATOR.finditer(text):
        if _is_site(text[: match.start()], names):
            return _versions(text[match.end() :], names)
    for match in reversed(list(_SEPARATOR.finditer(text))):
        if _is_site(text[match.end() :], names):
            return _versions(text[: match.start()], names)
    return [text]


def _is_site(part: str, names: set[str]) -> bool:
    folded = fold_title(part)
    return folded in names or folded.replace(" ", "") in {name.replace(" ", "") for name in names}


def _support(title: str, own: Statement, folded: list[tuple[str, Statement]]) -> float:
    return own.weight + sum(other.weight * _agreement(title, text) for text, other in folded if other is not own)


def _agreement(title: str, other: str) -> float:
    if title == other:
        return 1.0
    if title and (other.startswith(title + " ") or other.endswith(" " + title)):
        return 0.6
    return 0.0
