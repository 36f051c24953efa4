"""Sums and means over a page's blocks, one value a block: over its neighbours, its group, a window around it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np

from broadsheet.cleaners.document import Column

MISSING = -1  # stands for a block that is not there


def group_numbers(values: Iterable[Hashable]) -> Column:
    """Number the values from 0 in order of first appearance; equal values have the same number."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)


def neighbour_values(column: Column, step: int, missing: float = 0) -> Column:
    """The value of the block `step` blocks below each block (above, if negative); `missing` where there is none."""
    neighbours = np.full_like(column, missing)
    if step > 0:
        neighbours[:-step] = column[step:]
    elif -step < len(column):
        neighbours[-step:] = column[:step]
    return neighbours


def group_sums(groups: Column, weights: Column) -> Column:
    """For each block, the sum of the weights over its group."""
    sums: Column = np.bincount(groups, weights)[groups]
    return sums


def group_means(groups: Column, weights: Column, column: Column) -> Column:
    """For each block, the weighted mean of a column over its group."""
    means: Column = group_sums(groups, weights * column) / np.maximum(group_sums(groups, weights), 1e-6)
    return means


def leave_one_out_means(groups: Column, weights: Column, column: Column) -> tuple[Column, Column]:
    """For each block, the weighted mean of a column over the other blocks of its group, and the weight of these.

    The mean is `MISSING` for a block that is alone in its group.
    """
    other_weights = np.round(group_sums(groups, weights) - weights, 3)
    sums = group_sums(groups, weights * column) - weights * column
    return np.where(other_weights > 0, sums / np.maximum(other_weights, 1e-6), MISSING), other_weights


def window_sums(column: Column, reach: int) -> Column:
    """For each block, the sum of a column from `reach` blocks above it to `reach` blocks below."""
    running_sums, positions = np.concatenate(([0.0], np.cumsum(column))), np.arange(len(column))
    ends, starts = np.minimum(positions + reach + 1, len(column)), np.maximum(positions - reach, 0)
    sums: Column = running_sums[ends] - running_sums[starts]
    return sums


def previous_marked(is_marked: Column) -> Column:
    """For each block, the position of the nearest marked block above it; `MISSING` where there is none."""
    marked_positions = np.where(is_marked, np.arange(len(is_marked)), MISSING)
    return (
        np.concatenate(([MISSING], np.maximum.accumulate(marked_positions)[:-1]))
        if len(is_marked)
        else marked_positions
    )


def signed_log(distances: Column) -> Column:
    """Signed logarithms of distances: differences between near blocks count more than those between far ones."""
    logs: Column = np.sign(distances) * np.log1p(np.abs(distances))
    return logs
