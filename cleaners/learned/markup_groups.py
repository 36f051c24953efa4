"""Where a page's blocks stand in its markup: which share a path, its tags, its end or a container."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cleaners.document import Block, Column
from cleaners.learned.column_math import numbered
from cleaners.rules.layout import explain_layout

_LANDMARKS = ("nav", "header", "footer", "aside", "main", "article", "form", "figure", "blockquote")
_NAMES = re.compile(r"[.#][^>]*")
_OTHER = "other"
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
_SAID = {family: n for n, family in enumerate(dict.fromkeys((*_FAMILIES.values(), _OTHER)))}
_COLUMNS = (*(f"in_{name}" for name in _LANDMARKS), *(f"says_{family}" for family in _SAID))


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
    steps: Sequence[Sequence[str]]
    columns: dict[str, Column]


def read_markup(blocks: Sequence[Block]) -> Markup:
    """Return the groups of the blocks, in order."""
    numbers: dict[tuple[str, frozenset[str]], int] = {}
    place = np.array([numbers.setdefault((block.path, block.landmarks), len(numbers)) for block in blocks], np.int64)
    known = list(numbers)
    paths = [path for path, _ in known]
    parents = [path.rpartition(">")[0] for path in paths]
    grandparents = [path.rpartition(">")[0] for path in parents]
    above = (parents, grandparents, [path.rpartition(">")[0] for path in grandparents])
    leaves = [path[len(up) + 1 :] if up else path for path, up in zip(paths, grandparents, strict=True)]
    one, two, three = (numbered(each)[place] for each in above)
    return Markup(
        place=place,
        path=numbered(paths)[place],
        tags=numbered([_tags(path) for path in paths])[place],
        leaf=numbered(leaves)[place],
        containers=(one, two, three),
        steps=[path.split(">") for path in paths],
        columns=dict(zip(_COLUMNS, _columns(known).T.take(place, axis=1), strict=True)),
    )


@lru_cache(maxsize=2048)
def _tags(path: str) -> str:
    """The path without ids and classes."""
    return _NAMES.sub("", path)


def _columns(known: Sequence[tuple[str, frozenset[str]]]) -> Column:
    """For each place, which landmarks it stands in and what its part of the page calls itself, as `_COLUMNS` say."""
    rules = [explain_layout(path, landmarks) for path, landmarks in known]
    says = np.array([_SAID[_FAMILIES.get(rule.reason, _OTHER)] if rule else -1 for rule in rules])
    stands = np.array([[name in landmarks for name in _LANDMARKS] for _, landmarks in known])
    return np.concatenate((stands, says[:, None] == np.arange(len(_SAID))), axis=1)
