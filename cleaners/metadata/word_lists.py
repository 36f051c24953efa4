"""The word lists of `metadata.toml`, loaded once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("word_lists.toml").read_text(encoding="utf-8"))


@cache
def meta_names(what: str) -> tuple[str, ...]:
    """Return the names of the `<meta>` elements that state `what`, the most trustworthy first."""
    return tuple(_data()["meta"][what])


@cache
def words(what: str) -> frozenset[str]:
    """Return a word list: updated, published, by, and, nobody, roles."""
    return frozenset(_data()["words"][what])


@cache
def months() -> dict[str, int]:
    """Return month names and their abbreviations in every language that is read, lower case, to 1 to 12."""
    table: dict[str, int] = {}
    for names in _data()["months"].values():
        for number, forms in enumerate(names, 1):
            for form in forms.split():
                table.setdefault(form, number)
    return table


def any_of(names: Iterable[str]) -> str:
    """Return a regular expression that matches any of the names, the longest first."""
    return "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in sorted(names, key=len, reverse=True))
