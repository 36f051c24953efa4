"""Names in a byline: split, cleaned of what is no name, and people told from accounts and sites."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from cleaners.metadata.word_lists import any_of, words

MAX_AUTHORS = 30
_MAX_NAME = 60  # characters
_URL_LIKE = re.compile(r"https?:|www\.|/|@|\.(?:com|org|net|html?)\b", re.IGNORECASE)
_EMAIL = re.compile(r"[(<]?\b[\w.+-]+@[\w-]+\.[\w.]+[)>]?|mailto:")
_BRACKETS = re.compile(r"\s*(?:\([^)]*\)|\[[^\]]*\])\s*")
_HARD_BREAK = re.compile(r"\s*[;|•·⋅/»\n\t]\s*|\s+[–—-]\s+|\s*&\s*")
_COMMA = re.compile(r"\s*[,、，،]\s*")
_LAST_FIRST = re.compile(r"^(\w[\w'’-]+), (\w[\w.'’ -]+)$")
_DATE_TAIL = re.compile(
    r"\s+on (?:mon|tues|wednes|thurs|fri|satur|sun)day\b.*$"
    r"|\s*(?:\bon\b\s*)?\b(?:\d{1,2}[./ ]|\d{4}|\w+\.? \d{1,2},? \d{4}).*$", re.I
)  # fmt: skip
_DOTTED = re.compile(r"\w{2}\.\w{2}|_|^#|[{}<>=$%]")  # a template's variable, an account, a place in the page
_CHANGED = re.compile(
    r"\b(?:updated|edited|reviewed|fact[- ]checked|photos?|illustrations?|translated) by\b[^\n]*", re.I
)
_DATED = re.compile(r"\s*(?:\bon\b\s*)?\b[^\W\d]+\.? \d{1,2}, \d{4}[^\n]*")
_NUMBER = re.compile(r"\d")
_SUFFIXES = frozenset(
    {"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "phd", "ph.d.", "md", "m.d.", "rd", "mw", "esq", "mba"}
)
_PUNCTUATION = " \t\n.,:;|–—-*\"“”'()[]"


def split_names(text: str) -> Iterator[str]:
    """Yield the names of a byline such as `By Ann Lee, Bo Chen and Cy Roe`, in order, unjudged."""
    text = _BRACKETS.sub(" ", _EMAIL.sub(" ", _DATED.sub("", _CHANGED.sub(";", html.unescape(text)))))
    named = False
    for part in _HARD_BREAK.split(_without_prefix(text.strip())):
        for chunk in _joined_with_and().split(part):
            for name in _split_commas(_without_prefix(chunk)):
                if not named or not _is_role(name):
                    yield name
                named = True


def clean_names(values: Iterable[str], not_names: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the distinct people that the values name, in order.

    `not_names` are the site's own names: an author who is the site is nobody, unless it is named like a person.
    """
    refused = _refused(tuple(not_names))
    names: dict[str, str] = {}
    for value in values:
        if _URL_LIKE.match(value):
            continue
        for name in map(_tidy, split_names(value[:500])):
            key = key_of(name)
            if key and (key not in refused or is_personal(name)) and is_name(name):
                names.setdefault(key, name)
    return _without_groups(list(names.values()))[:MAX_AUTHORS]


@lru_cache(maxsize=64)
def _refused(not_names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(key_of(name) for name in not_names if name and not is_personal(name))


def _without_groups(names: list[str]) -> tuple[str, ...]:
    """Leave out teams and desks where a person is named."""
    people = [name for name in names if words("collective").isdisjoint(name.casefold().split())]
    return tuple(people if people and is_personal(people[0]) else names)


def is_name(text: str) -> bool:
    """Say whether a text can be a person's, a group's or an agency's name."""
    lowered = text.casefold()
    if not 1 < len(text) <= _MAX_NAME or lowered in words("nobody") or _URL_LIKE.search(text) or _DOTTED.search(text):
        return False
    return not _NUMBER.search(text) and len(text.split()) <= 7 and any(ch.isalpha() for ch in text)


def is_personal(name: str) -> bool:
    """Say whether a name has a person's form: two to four capitalised words, none of them a group's."""
    parts = name.split()
    return 2 <= len(parts) <= 4 and all(
        part[0].isupper() and not part.isupper() and part.casefold() not in words("group") for part in parts
    )


def key_of(name: str) -> str:
    """Return what two spellings of a name have in common: its letters and digits in lower case."""
    return "".join(filter(str.isalnum, name.casefold()))


def begins_with_by(text: str) -> bool:
    """Say whether a text begins as a byline does."""
    return bool(_by().match(text))


def _without_prefix(text: str) -> str:
    return _by().sub("", text, count=1).strip()


@cache
def _by() -> re.Pattern[str]:
    return re.compile(rf"^\s*(?:{any_of(words('by'))})(?:\s*[:：]\s*|\s+(?=\S))", re.IGNORECASE)


@cache
def _joined_with_and() -> re.Pattern[str]:
    return re.compile(rf"\s+(?:{any_of(words('and'))})\s+(?=[^\W\d_a-z])")


def _split_commas(text: str) -> Iterator[str]:
    """Yield the parts between commas; roles and titles after a name are left out, suffixes stay with it."""
    parts = [part for part in _COMMA.split(text) if part]
    name = ""
    for part in parts:
        if name and part.casefold() in _SUFFIXES:
            continue
        if name and _is_role(part):
            continue
        if name:
            yield name
        name = part
    if name:
        yield name


def _is_role(text: str) -> bool:
    found = words("roles")
    return any(word.strip(_PUNCTUATION) in found for word in text.casefold().split()) or text[:1].islower()


def _tidy(name: str) -> str:
    return " ".join(_DATE_TAIL.sub("", name).strip(_PUNCTUATION).split())
