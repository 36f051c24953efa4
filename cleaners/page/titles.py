"""Titles that a page states: the article's is chosen, and the site's name removed from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_TITLE_CHARS = 400
_SEPARATOR = re.compile(r"\s+[|\-–—·•»«:/~]+\s+|\s*[|｜»]\s*|\s::\s|(?<=\S):\s+(?=\S)")
_SHOWN = "markup"  # the source of the titles that the page shows as its heading
_WORD = re.compile(r"\w+")


class TitleCandidate(NamedTuple):
    """Title that a page states: its text, its source, and the weight of that source."""

    text: str
    source: str
    weight: float


def choose_title(titles: Sequence[TitleCandidate], site_names: Iterable[str]) -> tuple[str, str]:
    """Return the title that most sources agree on, and its source; empty without candidates.

    A source agrees fully with a title that it equals, and in part with one at its beginning or end; the other words may
    be the site's name. A title that is one of `site_names` is left out. A beginning that the page's heading has stays:
    `Rust: a new release` on a site named Rust.
    """
    folded_site_names = {fold_title(site) for site in site_names if site} - {""}
    own_beginnings = tuple(_beginning(candidate.text) for candidate in titles if candidate.source == _SHOWN)
    candidates = [
        (text, candidate)
        for candidate in titles
        for text in _without_site_name(candidate.text, folded_site_names, own_beginnings)
        if fold_title(text) not in folded_site_names
        and not any(candidate.source == _SHOWN and candidate.text.startswith(f'{text} "') for candidate in titles)
    ]
    if not candidates:
        return "", ""
    folded_titles = [(fold_title(candidate.text), candidate) for candidate in titles]
    text, best_candidate = max(
        candidates, key=lambda pair: (_support(fold_title(pair[0]), pair[1], folded_titles), pair[1].weight)
    )
    return text.strip(), best_candidate.source


def fold_title(text: str) -> str:
    """Return a title's words in lower case, joined by single spaces.

    >>> fold_title("The Mill – Burned!")
    'the mill burned'
    """
    return " ".join(_WORD.findall(text.casefold()))


def title_parts(title: str) -> dict[str, str]:
    """Return what stands before a title's first separator and behind its last, each with it, by its side.

    >>> title_parts("Rain comes | News - The Paper")
    {'beginning': 'Rain comes | ', 'end': ' - The Paper'}
    """
    separators = list(_SEPARATOR.finditer(title))
    return {"beginning": title[: separators[0].end()], "end": title[separators[-1].start() :]} if separators else {}


def _beginning(title: str) -> str:
    """Return the part of a title before its first separator, folded; empty without a separator."""
    match = _SEPARATOR.search(title)
    return fold_title(title[: match.start()]) if match else ""


def _without_site_name(text: str, folded_site_names: set[str], own_beginnings: tuple[str, ...] = ()) -> list[str]:
    """Return the title without the site's name at either end, in a list; empty if the title is empty or too long."""
    if not 0 < len(text) <= MAX_TITLE_CHARS:
        return []
    for match in _SEPARATOR.finditer(text):
        beginning = text[: match.start()]
        if _is_site_name(beginning, folded_site_names) and fold_title(beginning) not in own_beginnings:
            return _without_site_name(text[match.end() :], folded_site_names, own_beginnings)
    for match in reversed(list(_SEPARATOR.finditer(text))):
        if _is_site_name(text[match.end() :], folded_site_names):
            return _without_site_name(text[: match.start()], folded_site_names, own_beginnings)
    return [text]


def _is_site_name(part: str, folded_site_names: set[str]) -> bool:
    return fold_title(part).replace(" ", "") in {name.replace(" ", "") for name in folded_site_names}


def _support(title: str, candidate: TitleCandidate, folded_titles: list[tuple[str, TitleCandidate]]) -> float:
    """Add up the candidate's own weight and, by their agreement with it, those of the others."""
    return candidate.weight + sum(
        other_candidate.weight * _agreement(title, text)
        for text, other_candidate in folded_titles
        if other_candidate is not candidate
    )


def _agreement(title: str, other_title: str) -> float:
    """Rate how far another title agrees, 0 to 1; both are folded."""
    if title == other_title:
        return 1.0
    if title and (other_title.startswith(title + " ") or other_title.endswith(" " + title)):
        return 0.6
    return 0.0
