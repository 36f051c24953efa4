"""What a value of each column has to be: its type, a closed set of words, a pattern, a range of numbers.

Types come from the schema, words from the enumerations that write them, patterns and ranges from `columns.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.document import PageType, UrlSource
from broadsheet.output.db.table_columns import TableColumn
from broadsheet.output.db.url_words import UrlKind, UrlState
from broadsheet.output.store.articles import ArticleChange
from broadsheet.output.store.revisions import RevisionMark
from broadsheet.output.store.shelf import ShelvingReason

_TYPES: Mapping[str, tuple[type, ...]] = {
    "INTEGER": (int,),
    "TEXT": (str,),
    "REAL": (float, int),
    "BLOB": (bytes,),
}
_TYPE_NAMES = {int: "a number", float: "a number with a point", str: "text", bytes: "bytes"}
_NO_UTF8 = re.compile("[\udc80-\udcff]")
_EARLIER_CHANGES = ("text", "title")  # of revisions, in archives of version 1
_ARTICLE_TYPES = (PageType.ARTICLE, PageType.TEASER)
_WORDS: Mapping[str, frozenset[str]] = {
    column: frozenset(map(str, words))
    for column, words in (
        ("urls.kind", UrlKind),
        ("urls.state", UrlState),
        ("urls.found_via", UrlSource),
        ("url_counts.state", UrlState),
        ("pages.page_type", PageType),
        ("pages.own_type", PageType),
        ("articles.page_type", _ARTICLE_TYPES),
        ("shelved.page_type", _ARTICLE_TYPES),
        ("shelved.why", ShelvingReason),
        ("revisions.change", (*EditKind, *RevisionMark, *_EARLIER_CHANGES)),
        ("changes.change", ArticleChange),
        ("changes.kind", ("", *EditKind, *RevisionMark, *_EARLIER_CHANGES)),
        ("duplicates.kind", ("exact", "near", "version", "syndicated", "part")),
        ("layouts.kind", ("", PageType.ARTICLE, PageType.LIST, PageType.OTHER)),
        ("listed.kind", ("sitemap", "feed")),
        ("page_leads.way", ("next", "whole")),
        ("robots_files.access", ("rules", "all", "nothing")),
        ("recleans.state", ("running", "done", "undone")),
    )
}


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What a value of a column has to be. Empty and None where it may be anything of its type."""

    types: tuple[type, ...]
    is_required: bool
    words: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None
    meaning: str = ""
    bounds: tuple[float, float] | None = None

    def fault(self, value: object) -> str:
        """What is wrong with a value, as words that follow its place; empty if nothing is."""
        if value is None:
            return "is NULL, which it may not be" if self.is_required else ""
        if self.types and type(value) not in self.types:
            return f"is {_TYPE_NAMES[type(value)]}, not {_TYPE_NAMES[self.types[0]]}"
        return self._text_fault(value) if isinstance(value, str) else self._number_fault(value)

    def suspect_numbers(self, column: str) -> str:
        """SQL that holds for every value of a column of whole numbers that has a fault; empty for any other column."""
        if self.types != (int,) or self.words or self.pattern:
            return ""
        wrong_type = f"typeof({column}) <> 'integer'"
        if self.bounds is None:
            return wrong_type
        lowest, highest = self.bounds
        return f"{wrong_type} OR {column} NOT BETWEEN {lowest} AND {highest}"

    def _text_fault(self, text: str) -> str:
        if not text.isascii() and _NO_UTF8.search(text):
            return "is no valid UTF-8"
        if self.words and text not in self.words:
            return f"is {text[:40]!r}, which is no word of this column"
        if self.pattern and not self.pattern.fullmatch(text):
            return f"is {text[:40]!r}, not {self.meaning}"
        return ""

    def _number_fault(self, value: Any) -> str:
        if self.bounds is None or isinstance(value, bytes) or self.bounds[0] <= value <= self.bounds[1]:
            return ""
        return f"is {value}, not between {self.bounds[0]} and {self.bounds[1]}"


def rules_of(table: str, columns: Iterable[TableColumn]) -> tuple[ColumnRule, ...]:
    """The rules for the columns of a table, in their order."""
    return tuple(_rule_of(f"{table}.{column.name}", column) for column in columns)


def _rule_of(name: str, column: TableColumn) -> ColumnRule:
    shape, bounds = _shapes().get(name), _ranges().get(name)
    return ColumnRule(
        _TYPES.get(column.declared_type, ()),
        column.is_required,
        _WORDS.get(name, frozenset()),
        shape[0] if shape else None,
        shape[1] if shape else "",
        bounds,
    )


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("columns.toml").read_text("utf-8"))


@cache
def _shapes() -> dict[str, tuple[re.Pattern[str], str]]:
    """By `table.column` the pattern of its texts, and what they are."""
    return {
        name: (re.compile(shape["pattern"], re.DOTALL), shape["meaning"])
        for shape in _tables()["shapes"].values()
        for name in shape["columns"]
    }


@cache
def _ranges() -> dict[str, tuple[float, float]]:
    """By `table.column` its lowest and its highest number."""
    return {
        name: (bounds["lowest"], bounds["highest"])
        for bounds in _tables()["ranges"].values()
        for name in bounds["columns"]
    }


def ruled_columns() -> frozenset[str]:
    """Every `table.column` that has words, a pattern or a range."""
    return frozenset((*_WORDS, *_shapes(), *_ranges()))
