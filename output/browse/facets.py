"""Facets: values by which a list can be narrowed, each with the number of articles that it would leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

MOST_CHOICES = 12  # of a facet, the most frequent ones
MOST_YEARS = 40  # the latest ones
_UNSTATED = {"year": "no date"}


class FacetChoice(NamedTuple):
    """A value of a facet, how many articles it would leave, and whether it is chosen."""

    value: str
    articles: int
    is_chosen: bool


class Facet(NamedTuple):
    """A facet with the values that are listed; `others` counts those that are not."""

    name: str
    choices: tuple[FacetChoice, ...]
    others: int


def facet_value_text(name: str, value: str) -> str:
    """Return a facet's value as a person reads it.

    >>> facet_value_text("year", ""), facet_value_text("section", ""), facet_value_text("host", "a.example")
    ('no date', 'none stated', 'a.example')
    """
    return value or _UNSTATED.get(name, "none stated")


def count_passing(rows: Iterable[Sequence[Any]], names: Sequence[str], chosen: Mapping[str, str]) -> int:
    """Count the articles that have all chosen values.

    A row has a value for each of the facets `names`, then a count.
    """
    return sum(row[-1] for row in rows if _passes(row, names, chosen))


def make_facet(rows: Iterable[Sequence[Any]], names: Sequence[str], name: str, chosen: Mapping[str, str]) -> Facet:
    """Make a facet of values, counted among the articles that the other facets leave."""
    counts: Counter[str] = Counter()
    other_values = {facet: value for facet, value in chosen.items() if facet != name}
    for row in rows:
        if _passes(row, names, other_values):
            counts[str(row[names.index(name)])] += row[-1]
    values, is_year = _in_order(name, counts), name == "year"
    extra = [*([chosen[name]] if name in chosen else []), *(values[-1:] if is_year else [])]
    listed = dict.fromkeys((*values[: MOST_YEARS if is_year else MOST_CHOICES], *extra))
    choices = tuple(FacetChoice(value, counts[value], chosen.get(name) == value) for value in listed)
    return Facet(name, choices, len(values) - sum(value in counts for value in listed))


def _in_order(name: str, counts: Mapping[str, int]) -> list[str]:
    """Sort a facet's values as people read them: years from the latest on, then no date; others by frequency."""
    if name == "year":
        return sorted(counts, reverse=True)
    return sorted(counts, key=lambda value: (-counts[value], value))


def _passes(row: Sequence[Any], names: Sequence[str], chosen: Mapping[str, str]) -> bool:
    return all(row[names.index(name)] == value for name, value in chosen.items())
