"""Sums and means over a page's blocks, as columns: of a block's neighbours, of a group, of a stretch."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np

from cleaners.document import Column

NOWHERE = -1  # stands for a block that is not there


def numbered(values: Iterable[Hashable]) -> Column:
    """A number for each value: equal values have the same."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)


def neighbour(column: Column, step: int, missing: float = 0) -> Column:
    """What stands `step` blocks below (above, if negative) each block; `missing` where there is none."""
    found = np.full_like(column, missing)
    if step > 0:
        found[:-step] = column[step:]
    elif -step < len(column):
        found[-step:] = column[:step]
    return found


def total(groups: Column, weights: Column) -> Column:
    """The sum of the weights over each block's group."""
    found: Column = np.bincount(groups, weights)[groups]
    return found


def mean(groups: Column, weights: Column, column: Column) -> Column:
    """The weighted mean of a column over each block's group."""
    found: Column = total(groups, weights * column) / np.maximum(total(groups, weights), 1e-6)
    return found


def others(groups: Column, weights: Column, column: Column) -> tuple[Column, Column]:
    """The weighted mean of a column over the others of each block's group, -1 where there are none; their weight."""
    weight = np.round(total(groups, weights) - weights, 3)
    found = total(groups, weights * column) - weights * column
    return np.where(weight > 0, found / np.maximum(weight, 1e-6), NOWHERE), weight


def around(column: Column, reach: int) -> Column:
    """The sum of a column from `reach` blocks above each block to `reach` below."""
    sums, place = np.concatenate(([0.0], np.cumsum(column))), np.arange(len(column))
    found: Column = sums[np.minimum(place + reach + 1, len(column))] - sums[np.maximum(place - reach, 0)]
    return found


def last_before(marked: Column) -> Column:
    """The position of the nearest marked block above each block, -1 where there is none."""
    places = np.where(marked, np.arange(len(marked)), NOWHERE)
    return np.concatenate(([NOWHERE], np.maximum.accumulate(places)[:-1])) if len(marked) else places


def signed_log(distance: Column) -> Column:
    """A distance with its sign, near ones told apart better than far ones."""
    found: Column = np.sign(distance) * np.log1p(np.abs(distance))
    return found
