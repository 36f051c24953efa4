"""The learned voices: how sure they are of each block, from the block's features.

Each is a sum of small decision trees, read from a file that `train.py` or `train_lines.py` makes. A few trees at once
see all blocks: each condition that does not hold rules out the leaves on its other side, and the first leaf left is
where a block ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import IO, Any

import numpy as np

from cleaners.columns import Column

LEAVES = 32
"""The most leaves that a tree may have: one bit each."""

FILE = "model.npz"
FIRST = "first.npz"  # of the first look, before anybody else was heard
LINES = "lines.npz"  # of the text mode

_AT_ONCE, _BLOCKS_AT_ONCE = 10, 500  # trees and blocks: what they need to know of them fits a processor's cache

GLANCE = 80  # trees, after which a block that is plainly none of the article's is looked at no more
_PLAINLY_NONE = -3.0  # log-odds: one in twenty, and the other trees mostly lower it


class ModelError(Exception):
    """The model file does not fit this code: it was trained on other features."""


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees as arrays. A condition is `feature <= threshold`; each tree has the same number of conditions.

    `outruled` holds, for each condition, the leaves that stay possible where it does not hold, a bit a leaf.
    `values` are the leaves' values (tree, leaf), in log-odds.
    """

    names: tuple[str, ...]
    feature: Column
    threshold: Column
    outruled: Column
    values: Column

    def log_odds(self, rows: Column, glance: int = 0) -> Column:
        """The trees' sum for each row of features; of the first `glance` alone where these are sure that it is none."""
        if len(rows) > _BLOCKS_AT_ONCE:
            starts = range(0, len(rows), _BLOCKS_AT_ONCE)
            return np.concatenate([self.log_odds(rows[n : n + _BLOCKS_AT_ONCE], glance) for n in starts])
        columns, trees = np.ascontiguousarray(rows.T), len(self.values)
        if not 0 < glance < trees:
            return self._sums(columns, range(trees))
        found = self._sums(columns, range(glance))
        left = np.flatnonzero(found > _PLAINLY_NONE)
        if len(left):
            found[left] += self._sums(columns[:, left], range(glance, trees))
        return found

    def _sums(self, columns: Column, trees: range) -> Column:
        parts = [trees[n : n + _AT_ONCE] for n in range(0, len(trees), _AT_ONCE)]
        ends = np.concatenate([self._ends(columns, part) for part in parts])
        leaves = ends + LEAVES * np.arange(trees.start, trees.stop)[:, None]
        found: Column = self.values.ravel().take(leaves).sum(axis=0)
        return found

    def _ends(self, columns: Column, trees: range) -> Column:
        """The leaf that each block ends in, by tree and block; `columns` hold the blocks of one feature each."""
        width = len(self.feature) // len(self.values)
        conditions = slice(trees.start * width, trees.stop * width)
        left = (columns[self.feature[conditions]] <= self.threshold[conditions, None]).astype(np.uint32)
        np.negative(left, out=left)  # all leaves where the condition holds
        left |= self.outruled[conditions, None]
        possible = np.bitwise_and.reduce(left.reshape(len(trees), width, -1), axis=1)
        found: Column = np.bitwise_count((possible & (~possible + np.uint32(1))) - np.uint32(1))
        return found

    def chances(self, rows: Column, glance: int = 0) -> Column:
        """How likely each row is a block of the article, 0 to 1."""
        found: Column = 1 / (1 + np.exp(-self.log_odds(rows, glance)))
        return found

    def save(self, stream: IO[bytes]) -> None:
        """Write the arrays; the same trees give the same bytes."""
        np.savez_compressed(
            stream,
            names=np.array(self.names),
            feature=self.feature,
            threshold=self.threshold,
            outruled=self.outruled,
            values=self.values,
        )


def probabilities(names: list[str], rows: Column, file: str = FILE) -> Column:
    """How likely each block is the article's, 0 to 1. `names` are the columns of `rows`."""
    trees = load_trees(file)
    if tuple(names) != trees.names:
        raise ModelError(f"{file} was trained on other features than this version computes: make train")
    return trees.chances(rows, 0 if file == LINES else GLANCE)


@cache
def load_trees(file: str = FILE) -> Trees:
    """Read a model that comes with the package."""
    with files(__package__).joinpath(file).open("rb") as stream, np.load(stream) as held:
        return Trees(
            tuple(map(str, held["names"])), *(held[key] for key in ("feature", "threshold", "outruled", "values"))
        )


def flatten(names: list[str], dumped: dict[str, Any]) -> Trees:
    """Return the arrays of a LightGBM model, given as its `dump_model()`."""
    roots = [tree["tree_structure"] for tree in dumped["tree_info"]]
    flat = [_flat_tree(root) for root in roots]
    width = max(1, *(len(conditions) for conditions, _ in flat))
    padded = [(*zip(*(c + [(0, np.inf, 0xFFFFFFFF)] * (width - len(c))), strict=True),) for c, _ in flat]
    values = np.zeros((len(flat), LEAVES), np.float32)
    for row, (_, leaves) in zip(values, flat, strict=True):
        row[: len(leaves)] = leaves
    feature, threshold, outruled = (sum((tree[part] for tree in padded), ()) for part in range(3))
    return Trees(
        tuple(names),
        np.array(feature, np.uint16),
        _rounded_down(np.array(threshold)),
        np.array(outruled, np.uint32),
        values,
    )


def _flat_tree(root: dict[str, Any]) -> tuple[list[tuple[int, float, int]], list[float]]:
    """A tree's conditions (feature, threshold, leaves left where it fails) and its leaves from left to right."""
    conditions: list[tuple[int, float, int]] = []
    leaves: list[float] = []

    def walk(node: dict[str, Any]) -> None:
        if "leaf_value" in node:
            leaves.append(node["leaf_value"])
            return
        start = len(leaves)
        walk(node["left_child"])
        lost = (1 << len(leaves)) - (1 << start)
        conditions.append((node["split_feature"], float(node["threshold"]), 0xFFFFFFFF & ~lost))
        walk(node["right_child"])

    walk(root)
    return conditions, leaves


def _rounded_down(thresholds: Column) -> Column:
    """The largest 32-bit number not above each threshold: a 32-bit feature compares with it the same."""
    found = thresholds.astype(np.float32)
    return np.where(found > thresholds, np.nextafter(found, np.float32(-np.inf)), found)
