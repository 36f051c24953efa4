"""Facets of a list: the values by which it can be narrowed, and how many articles each of them would leave. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_CHOICES = 12  # of a facet, the most frequent ones


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """A value of a facet, how many articles it would leave, and whether it is chosen."""

    value: str
    articles: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet with its most frequent values; `others` counts the values that are not listed."""

    name: str
    choices: tuple[FacetChoice, ...]
    others: int


@dataclass(frozen=True, slots=True)
class FacetedList:
    """A page of a list that is narrowed by a query and by chosen values of facets; `sorts` are those there are."""

    query: str
    sort: str
    sorts: tuple[str, ...]
    facets: tuple[Facet, ...]
    chosen: Mapping[str, str]
    page: int
    page_count: int
    page_size: int
    total: int


def count_passing(rows: Iterable[Sequence[Any]], names: Sequence[str], chosen: Mapping[str, str]) -> int:
    """How many articles have all chosen values. A row has a value for each of the facets `names`, then a count."""
    return sum(row[-1] for row in rows if _passes(row, names, chosen))


def make_facet(rows: Iterable[Sequence[Any]], names: Sequence[str], name: str, chosen: Mapping[str, str]) -> Facet:
    """A facet's values, counted among the articles that the other facets leave."""
    counts: Counter[str] = Counter()
    other_values = {facet: value for facet, value in chosen.items() if facet != name}
    for row in rows:
        if _passes(row, names, other_values):
            counts[str(row[names.index(name)])] += row[-1]
    values = sorted(counts, key=lambda value: (-counts[value], value))
    listed = values[:MOST_CHOICES]
    if name in chosen and chosen[name] not in listed:
        listed.append(chosen[name])
    choices = tuple(FacetChoice(value, counts[value], chosen.get(name) == value) for value in listed)
    return Facet(name, choices, len(values) - min(len(values), MOST_CHOICES))


def _passes(row: Sequence[Any], names: Sequence[str], chosen: Mapping[str, str]) -> bool:
    return all(row[names.index(name)] == value for name, value in chosen.items())
