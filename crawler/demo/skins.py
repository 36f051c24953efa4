"""The three generations of page templates, and the wording of each language.

A skin file holds named HTML fragments with `$slots`. Slots that a caller leaves out are filled with the
language's phrases and paths, so that `$related` is the heading inside the fragment `related` and the whole
box inside the fragment `article`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from html import escape
from string import Template
from typing import Any

from broadsheet.crawler.demo.content import SITE, as_datetime

_FRAGMENT_MARK = re.compile(r"^<!-- fragment: (\w+) -->\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Promo:
    """A dated notice about the site's own campaigns."""

    title: str
    day: str
    text: str


@dataclass(frozen=True)
class Wording:
    """The phrases of the site in one language, the paths of its pages, and its format of dates."""

    language: str
    words: dict[str, str]
    paths: dict[str, str]
    promos: tuple[Promo, ...]
    months: tuple[str, ...]
    date: str
    conjunction: str

    def date_text(self, iso: str) -> str:
        """A date in the language's format."""
        day = as_datetime(iso)
        return self.date.format(day=day.day, month=self.months[day.month - 1], year=day.year)

    def month_text(self, iso: str) -> str:
        """The month and year of a date."""
        day = as_datetime(iso)
        return f"{self.months[day.month - 1]} {day.year}"


@dataclass(frozen=True)
class Skin:
    """A generation of templates, in one language."""

    fragments: dict[str, Template]
    wording: Wording

    def fill(self, fragment: str, **slots: str) -> str:
        """The fragment with its slots filled with HTML; KeyError for a slot that has no value."""
        return self.fragments[fragment].substitute(self._default_slots() | slots)

    def _default_slots(self) -> dict[str, str]:
        paths = {f"{name}_path": path for name, path in self.wording.paths.items()}
        return self.wording.words | paths


@cache
def load_skin(name: str, language: str) -> Skin:
    """The skin called `name` (modern, blocks, tables) in a language of the site."""
    return Skin(_fragments(name), load_wording(language))


@cache
def load_wording(language: str) -> Wording:
    """The phrases of a language of the site."""
    data: dict[str, Any] = tomllib.loads((SITE / "phrases" / f"{language}.toml").read_text("utf-8"))
    return Wording(
        language=language,
        words={name: escape(text) for name, text in data["words"].items()},
        paths=data["paths"],
        promos=tuple(Promo(**entry) for entry in data["promo"]),
        months=tuple(data["months"]),
        date=data["date"],
        conjunction=data["and"],
    )


@cache
def _fragments(name: str) -> dict[str, Template]:
    parts = _FRAGMENT_MARK.split((SITE / "skins" / f"{name}.html").read_text("utf-8"))
    return {title: Template(text.rstrip("\n")) for title, text in zip(parts[1::2], parts[2::2], strict=True)}
