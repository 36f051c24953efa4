"""Columns of a page's blocks, from which features are computed, with sums and means over like blocks.

A column is a numpy array with one value a block. Like blocks share a path in the markup, the tags of the path, its last
steps or a container; sums and means go over them, over neighbours, or over a window around a block.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import NamedTuple

import numpy as np

from ..document import Block, BlockKind, Column, Metadata, RemovalReason
from ..rules.layout_rules import explain_layout
from .characters import Characters, count_characters

MISSING = -1  # stands for a block that is not there


def group_numbers(values: Iterable[Hashable]) -> Column:
    """Assign numbers to the values, from 0 in order of first appearance; equal values have the same number."""
    every_value = list(values)
    numbers = dict(zip(dict.fromkeys(every_value), count(), strict=False))
    return np.fromiter(map(numbers.__getitem__, every_value), np.int64, len(every_value))


def neighbour_values(column: Column, step: int, missing: float = 0) -> Column:
    """Return the value of the block `step` blocks below each block (above, if negative), or `missing` without one."""
    neighbours = np.full_like(column, missing)
    if step > 0:
        neighbours[:-step] = column[step:]
    elif -step < len(column):
        neighbours[-step:] = column[:step]
    return neighbours


def group_sums(groups: Column, weights: Column) -> Column:
    """Return, for each block, the sum of the weights over its group.

    >>> group_sums(np.array([0, 0, 1]), np.array([1.0, 2.0, 4.0])).tolist()
    [3.0, 3.0, 4.0]
    """
    sums: Column = np.bincount(groups, weights)[groups]
    return sums


def group_means(groups: Column, weights: Column, column: Column) -> Column:
    """Return, for each block, the weighted mean of a column over its group."""
    means: Column = group_sums(groups, weights * column) / np.maximum(group_sums(groups, weights), 1e-6)
    return means


def leave_one_out_means(groups: Column, weights: Column, column: Column) -> Column:
    """Return, for each block, the weighted mean of a column over the others of its group; `MISSING` without others."""
    other_weights = np.round(group_sums(groups, weights) - weights, 3)
    sums = group_sums(groups, weights * column) - weights * column
    return np.where(other_weights > 0, sums / np.maximum(other_weights, 1e-6), MISSING)


def window_sums(column: Column, reach: int) -> Column:
    """Return, for each block, the sum of a column from `reach` blocks above it to `reach` blocks below."""
    running_sums, positions = np.concatenate(([0.0], np.cumsum(column))), np.arange(len(column))
    ends, starts = np.minimum(positions + reach + 1, len(column)), np.maximum(positions - reach, 0)
    sums: Column = running_sums[ends] - running_sums[starts]
    return sums


def previous_marked(is_marked: Column) -> Column:
    """Return, for each block, the position of the nearest marked block above it; `MISSING` if there is none."""
    marked_positions = np.where(is_marked, np.arange(len(is_marked)), MISSING)
    return np.concatenate(([MISSING], np.maximum.accumulate(marked_positions)[:-1]))


def signed_log(distances: Column) -> Column:
    """Return signed logarithms of distances: differences between near blocks count more than those between far ones."""
    logs: Column = np.sign(distances) * np.log1p(np.abs(distances))
    return logs


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


class MarkupGroups(NamedTuple):
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
    every_location = [(block.path, block.landmarks) for block in blocks]
    location, locations = group_numbers(every_location), list(dict.fromkeys(every_location))
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
    """Return the path without its ids and classes."""
    return _IDS_AND_CLASSES.sub("", path)


def _label_columns(locations: Sequence[tuple[str, frozenset[str]]]) -> Column:
    """Return a row a location, a column a name of `_LABEL_NAMES`: landmarks, and the layout rule's family, if any."""
    rules = [explain_layout(path, landmarks) for path, landmarks in locations]
    families = [_REASON_FAMILIES.get(rule.reason, _OTHER_FAMILY) if rule else None for rule in rules]
    numbers = np.array([-1 if family is None else _FAMILY_NUMBERS[family] for family in families])
    in_landmark = np.array([[name in landmarks for name in _LANDMARKS] for _, landmarks in locations])
    return np.concatenate((in_landmark, numbers[:, None] == np.arange(len(_FAMILY_NUMBERS))), axis=1)


_PROSE_WORDS, _LINKED = 15, 0.5


@dataclass(frozen=True, slots=True)
class PageColumns:
    """Page's blocks in columns, one row a block, before anything has judged them."""

    blocks: Sequence[Block]
    metadata: Metadata
    characters: Characters
    words: Column
    log_words: Column
    link_density: Column  # share of the characters that are link text
    is_heading: Column
    is_prose: Column
    markup: MarkupGroups

    @property
    def positions(self) -> Column:
        """Return the position of each block."""
        return np.arange(len(self.blocks))


def read_page_columns(blocks: Sequence[Block], metadata: Metadata) -> PageColumns:
    """Compute the page's columns. The page must have a block."""
    characters = count_characters([block.text for block in blocks])
    link_density = np.minimum(np.array([block.link_chars for block in blocks]) / characters.length, 1)
    return PageColumns(
        blocks=blocks,
        metadata=metadata,
        characters=characters,
        words=characters.words,
        log_words=np.log1p(characters.words),
        link_density=link_density,
        is_heading=np.array([block.kind is BlockKind.HEADING for block in blocks]),
        is_prose=(characters.words >= _PROSE_WORDS) & (link_density < _LINKED),
        markup=read_markup_groups(blocks),
    )
