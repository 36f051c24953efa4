"""Word lists of `word_lists.toml`, loaded once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from ..package_data import read_toml

_FILE = "word_lists.toml"


@cache
def meta_names(field_name: str) -> tuple[str, ...]:
    """Return the names of the `<meta>` elements that state a field, the most reliable first."""
    return tuple(read_toml(__package__, _FILE)["meta"][field_name])


@cache
def load_words(list_name: str) -> frozenset[str]:
    """Return a word list by its name: english, updated, published, by, and, nobody, roles, collective, group, ..."""
    return frozenset(read_toml(__package__, _FILE)["words"][list_name])


@cache
def month_numbers() -> dict[str, int]:
    """Return the number (1 to 12) of each month name and abbreviation in all languages, in lower case."""
    numbers_by_name: dict[str, int] = {}
    for names in read_toml(__package__, _FILE)["months"].values():
        for number, forms in enumerate(names, 1):
            for form in forms.split():
                numbers_by_name.setdefault(form, number)
    return numbers_by_name


def alternatives_pattern(names: Iterable[str]) -> str:
    """Return a regular expression that matches any of the names, the longest first."""
    return "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in sorted(names, key=len, reverse=True))
