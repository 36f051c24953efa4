"""The three generations of page templates, and each language's wording.

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

from crawler.demo.content import SITE, instant

_MARK = re.compile(r"^<!-- fragment: (\w+) -->\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Promo:
    """A dated notice about the site's own campaigns."""

    title: str
    day: str
    text: str


@dataclass(frozen=True)
class Wording:
    """What the site says in one language, where its pages live, and how it writes a date."""

    language: str
    words: dict[str, str]
    paths: dict[str, str]
    promos: tuple[Promo, ...]
    months: tuple[str, ...]
    date: str
    conjunction: str

    def spoken(self, iso: str) -> str:
        """A date as the site's readers write it."""
        day = instant(iso)
        return self.date.format(day=day.day, month=self.months[day.month - 1], year=day.year)

    def month(self, iso: str) -> str:
        """The month and year of a date."""
        day = instant(iso)
        return f"{self.months[day.month - 1]} {day.year}"


@dataclass(frozen=True)
class Skin:
    """A generation of templates, spoken in one language."""

    fragments: dict[str, Template]
    wording: Wording

    def fill(self, fragment: str, **slots: str) -> str:
        """The fragment with its slots filled. Slots are HTML; a slot that nobody fills is a KeyError."""
        return self.fragments[fragment].substitute(self._phrases() | slots)

    def _phrases(self) -> dict[str, str]:
        paths = {f"{name}_path": path for name, path in self.wording.paths.items()}
        return self.wording.words | paths


@cache
def skin(name: str, language: str) -> Skin:
    """The skin called `name` (modern, blocks, tables) in a language of the site."""
    return Skin(_fragments(name), wording(language))


@cache
def wording(language: str) -> Wording:
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
    parts = _MARK.split((SITE / "skins" / f"{name}.html").read_text("utf-8"))
    return {title: Template(text.rstrip("\n")) for title, text in zip(parts[1::2], parts[2::2], strict=True)}
