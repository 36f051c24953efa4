"""Which blocks of a page share a path in its markup, the tags of the path, its last steps or a container."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from broadsheet.cleaners.document import Block, Column, RemovalReason
from broadsheet.cleaners.learned.column_math import group_numbers
from broadsheet.cleaners.rules.layout import explain_layout

_LANDMARKS = ("nav", "header", "footer", "aside", "main", "article", "form", "figure", "blockquote")
_IDS_AND_CLASSES = re.compile(r"[.#][^>]*")
_OTHER_FAMILY = "other"
_REASON_FAMILIES = {
    RemovalReason.RELATED: "related",
    RemovalReason.NAVIGATION: "navigation",
    RemovalReason.BREADCRUMB: "navigation",
    RemovalReason.COMMENTS: "comments",
    RemovalReason.SHARE: "share",
    RemovalReason.BYLINE: "byline",
    RemovalReason.DATE: "byline",
    RemovalReason.TAGS: "tags",
    RemovalReason.AUTHOR_BIO: "bio",
    RemovalReason.CAPTION: "caption",
    RemovalReason.FOOTER: "footer",
    RemovalReason.LEGAL: "footer",
    RemovalReason.COPYRIGHT: "footer",
    RemovalReason.LICENCE: "footer",
    RemovalReason.SIDEBAR: "sidebar",
} | dict.fromkeys(
    map(RemovalReason, "newsletter advertisement promo donation membership paywall consent app form dialog".split()),
    "promotion",
)
"""Families of the layout rules' reasons."""
_FAMILY_NUMBERS = {family: n for n, family in enumerate(dict.fromkeys((*_REASON_FAMILIES.values(), _OTHER_FAMILY)))}
_LABEL_NAMES = (*(f"in_{name}" for name in _LANDMARKS), *(f"says_{family}" for family in _FAMILY_NUMBERS))


@dataclass(frozen=True, slots=True)
class MarkupGroups:
    """Group numbers, a column a kind of group and a row a block: equal numbers stand for the same path, container …

    A location is a path with its landmarks; `location_steps` holds the steps of each location's path, by the location's
    number. `tags` groups by the path without ids and classes, `leaf` by its last two steps, and `containers` by the
    containers one, two and three steps up. `label_columns` say, 0 or 1, which landmarks a block stands in and which
    family of layout rules matches its path.
    """

    location: Column
    path: Column
    tags: Column
    leaf: Column
    containers: tuple[Column, Column, Column]
    location_steps: Sequence[Sequence[str]]
    label_columns: dict[str, Column]


def read_markup_groups(blocks: Sequence[Block]) -> MarkupGroups:
    """Return the group numbers of the blocks, in order. There must be a block."""
    numbers: dict[tuple[str, frozenset[str]], int] = {}
    location = np.array([numbers.setdefault((block.path, block.landmarks), len(numbers)) for block in blocks], np.int64)
    locations = list(numbers)
    paths = [path for path, _ in locations]
    parents = [path.rpartition(">")[0] for path in paths]
    grandparents = [path.rpartition(">")[0] for path in parents]
    great_grandparents = [path.rpartition(">")[0] for path in grandparents]
    leaves = [path[len(start) + 1 :] if start else path for path, start in zip(paths, grandparents, strict=True)]
    return MarkupGroups(
        location=location,
        path=group_numbers(paths)[location],
        tags=group_numbers([_tag_path(path) for path in paths])[location],
        leaf=group_numbers(leaves)[location],
        containers=(
            group_numbers(parents)[location],
            group_numbers(grandparents)[location],
            group_numbers(great_grandparents)[location],
        ),
        location_steps=[path.split(">") for path in paths],
        label_columns=dict(zip(_LABEL_NAMES, _label_columns(locations).T.take(location, axis=1), strict=True)),
    )


@lru_cache(maxsize=2048)
def _tag_path(path: str) -> str:
    """The path without its ids and classes."""
    return _IDS_AND_CLASSES.sub("", path)


def _label_columns(locations: Sequence[tuple[str, frozenset[str]]]) -> Column:
    """A row a location, a column a name of `_LABEL_NAMES`: its landmarks, and the family of its layout rule, if any."""
    rules = [explain_layout(path, landmarks) for path, landmarks in locations]
    families = [_REASON_FAMILIES.get(rule.reason, _OTHER_FAMILY) if rule else None for rule in rules]
    numbers = np.array([-1 if family is None else _FAMILY_NUMBERS[family] for family in families])
    in_landmark = np.array([[name in landmarks for name in _LANDMARKS] for _, landmarks in locations])
    return np.concatenate((in_landmark, numbers[:, None] == np.arange(len(_FAMILY_NUMBERS))), axis=1)
