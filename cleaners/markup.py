"""Where a page's blocks stand in its markup: which share a path, its tags, its end or a container."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleaners.columns import Column, numbered
from cleaners.record import Block
from cleaners.rules import explain_layout

_LANDMARKS = ("nav", "header", "footer", "aside", "main", "article", "form", "figure", "blockquote")
_NAMES = re.compile(r"[.#][^>]*")
_OTHER, _NONE = "other", "none"
_FAMILIES = {
    "related": "related",
    "navigation": "navigation",
    "breadcrumb": "navigation",
    "comments": "comments",
    "share": "share",
    "byline": "byline",
    "date": "byline",
    "tags": "tags",
    "author_bio": "bio",
    "caption": "caption",
    "footer": "footer",
    "legal": "footer",
    "copyright": "footer",
    "licence": "footer",
    "sidebar": "sidebar",
} | dict.fromkeys(
    "newsletter advertisement promo donation membership paywall consent app form dialog".split(), "promotion"
)
"""Reasons of layout rules, by what they have in common."""


@dataclass(frozen=True, slots=True)
class Markup:
    """For each block the numbers of its groups: equal numbers stand for the same place, path, container.

    A place is a path with its landmarks. `steps` are the steps of each place's path, by the place's number.
    `containers` are the containers one, two and three steps up. `columns` say for each block which landmarks it
    stands in and what its part of the page calls itself.
    """

    place: Column
    path: Column
    tags: Column
    leaf: Column
    containers: tuple[Column, Column, Column]
    steps: tuple[tuple[str, ...], ...]
    columns: dict[str, Column]


def read_markup(blocks: Sequence[Block]) -> Markup:
    """Return the groups of the blocks, in order."""
    numbers: dict[tuple[str, frozenset[str]], int] = {}
    place = np.array([numbers.setdefault((block.path, block.landmarks), len(numbers)) for block in blocks], np.int64)
    known = list(numbers)
    steps = tuple(tuple(path.split(">")) for path, _ in known)
    parents = [path.rpartition(">")[0] for path, _ in known]
    grandparents = [path.rpartition(">")[0] for path in parents]
    above = (parents, grandparents, (path.rpartition(">")[0] for path in grandparents))
    one, two, three = (numbered(paths)[place] for paths in above)
    return Markup(
        place=place,
        path=numbered(path for path, _ in known)[place],
        tags=numbered(_NAMES.sub("", path) for path, _ in known)[place],
        leaf=numbered(each[-2:] for each in steps)[place],
        containers=(one, two, three),
        steps=steps,
        columns={name: column[place] for name, column in _columns(known).items()},
    )


def _columns(known: Sequence[tuple[str, frozenset[str]]]) -> dict[str, Column]:
    rules = [explain_layout(path, landmarks) for path, landmarks in known]
    families = [_FAMILIES.get(rule.reason, _OTHER) if rule else _NONE for rule in rules]
    found = {f"in_{name}": np.array([name in landmarks for _, landmarks in known]) for name in _LANDMARKS}
    names = dict.fromkeys((*_FAMILIES.values(), _OTHER))
    return found | {f"says_{name}": np.array([family == name for family in families]) for name in names}
