"""Splits bylines into names, cleans them, and tells people from accounts, groups and sites."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from broadsheet.cleaners.metadata.word_lists import alternatives_pattern, load_words

MAX_AUTHORS = 30
_MAX_NAME_CHARS = 60
_URL_LIKE = re.compile(r"https?:|www\.|/|@|\.(?:com|org|net|html?)\b", re.IGNORECASE)
_EMAIL = re.compile(r"[(<]?\b[\w.+-]+@[\w-]+\.[\w.]+[)>]?|mailto:")
_BRACKETS = re.compile(r"\s*(?:\([^)]*\)|\[[^\]]*\])\s*")
_HARD_BREAK = re.compile(r"\s*[;|•·⋅/»\n\t]\s*|\s+[–—-]\s+|\s*&\s*")
_COMMA = re.compile(r"\s*[,、，،]\s*")
_DATE_TAIL = re.compile(
    r"\s+on (?:mon|tues|wednes|thurs|fri|satur|sun)day\b.*$"
    r"|\s*(?:\bon\b\s*)?\b(?:\d{1,2}[./ ]|\d{4}|\w+\.? \d{1,2},? \d{4}).*$", re.I
)  # fmt: skip
_ACCOUNT_LIKE = re.compile(r"\w{2}\.\w{2}|_|^#|[{}<>=$%]")  # a template variable, an account, a fragment
_OTHER_CREDIT = re.compile(
    r"\b(?:updated|edited|reviewed|fact[- ]checked|photos?|illustrations?|translated) by\b[^\n]*", re.I
)
_DATE_BEHIND = re.compile(r"\s*(?:\bon\b\s*)?\b[^\W\d]+\.? \d{1,2}, \d{4}[^\n]*")
_DIGIT = re.compile(r"\d")
_SUFFIXES = frozenset(
    {"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "phd", "ph.d.", "md", "m.d.", "rd", "mw", "esq", "mba"}
)
_PUNCTUATION = " \t\n.,:;|–—-*\"“”'()[]"


def split_names(text: str) -> Iterator[str]:
    """Yield the parts of a byline such as `By Ann Lee, Bo Chen and Cy Roe` in order; not all of them are names."""
    text = _BRACKETS.sub(" ", _EMAIL.sub(" ", _DATE_BEHIND.sub("", _OTHER_CREDIT.sub(";", html.unescape(text)))))
    has_name = False
    for part in _HARD_BREAK.split(_strip_by(text.strip())):
        for chunk in _and_pattern().split(part):
            for name in _split_commas(_strip_by(chunk)):
                if not has_name or not _is_role(name):
                    yield name
                has_name = True


def clean_names(values: Iterable[str], site_names: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the distinct author names in the values (bylines), in order.

    A name that is one of `site_names` is left out, unless it has the form of a person's name.
    """
    refused_keys = _refused_keys(tuple(site_names))
    names: dict[str, str] = {}
    for value in values:
        if _URL_LIKE.match(value):
            continue
        for name in map(_strip_name, split_names(value[:500])):
            key = name_key(name)
            if key and (key not in refused_keys or is_personal(name)) and is_name(name):
                names.setdefault(key, name)
    return _without_groups(list(names.values()))[:MAX_AUTHORS]


@lru_cache(maxsize=64)
def _refused_keys(site_names: tuple[str, ...]) -> frozenset[str]:
    """The keys of the site's names that do not have the form of a person's name."""
    return frozenset(name_key(name) for name in site_names if name and not is_personal(name))


def _without_groups(names: list[str]) -> tuple[str, ...]:
    """Leave out teams and desks if a person is named as well."""
    people = [name for name in names if load_words("collective").isdisjoint(name.casefold().split())]
    return tuple(people if people and is_personal(people[0]) else names)


def is_name(text: str) -> bool:
    """Whether a text can be the name of a person, a group or an agency."""
    folded_text = text.casefold()
    if (
        not 1 < len(text) <= _MAX_NAME_CHARS
        or folded_text in load_words("nobody")
        or _URL_LIKE.search(text)
        or _ACCOUNT_LIKE.search(text)
    ):
        return False
    return not _DIGIT.search(text) and len(text.split()) <= 7 and any(ch.isalpha() for ch in text)


def is_personal(name: str) -> bool:
    """Whether a name has the form of a person's: two to four capitalised words, none of them a word for a group."""
    parts = name.split()
    return 2 <= len(parts) <= 4 and all(
        part[0].isupper() and not part.isupper() and part.casefold() not in load_words("group") for part in parts
    )


def name_key(name: str) -> str:
    """Return the letters and digits of a name in lower case, by which spellings of it are compared."""
    return "".join(filter(str.isalnum, name.casefold()))


def begins_with_by(text: str) -> bool:
    """Whether a text begins with `by` in any language of the word list."""
    return bool(_by_pattern().match(text))


def _strip_by(text: str) -> str:
    return _by_pattern().sub("", text, count=1).strip()


@cache
def _by_pattern() -> re.Pattern[str]:
    return re.compile(rf"^\s*(?:{alternatives_pattern(load_words('by'))})(?:\s*[:：]\s*|\s+(?=\S))", re.IGNORECASE)


@cache
def _and_pattern() -> re.Pattern[str]:
    return re.compile(rf"\s+(?:{alternatives_pattern(load_words('and'))})\s+(?=[^\W\d_a-z])")


def _split_commas(text: str) -> Iterator[str]:
    """Yield the parts between commas without roles, titles and suffixes (`Jr.`) that follow a name."""
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
    """Whether a part of a byline is a role such as `staff writer`, or begins in lower case."""
    role_words = load_words("roles")
    return any(word.strip(_PUNCTUATION) in role_words for word in text.casefold().split()) or text[:1].islower()


def _strip_name(name: str) -> str:
    return " ".join(_DATE_TAIL.sub("", name).strip(_PUNCTUATION).split())
