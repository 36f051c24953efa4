"""The learned voices: how sure they are of each block, from the block's features.

Each is a sum of small decision trees, read from a file that `train.py` or `train_lines.py` makes. Each condition that
does not hold rules out the leaves on its other side, and the first leaf left is where a block ends. `descent.py` finds
it for all trees and blocks at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import IO, Any

import numpy as np

from cleaners.document import Column
from cleaners.learned.trees import LEAVES, Descent, descent

FILE = "model.npz"
FIRST = "first_look.npz"  # of the first look, before anybody else was heard
LINES = "lines.npz"  # of the text mode

_BLOCKS_AT_ONCE = 500  # what all trees need to know of them fits a processor's cache

GLANCE = 80  # trees, after which a block that is plainly none of the article's is looked at no more
_PLAINLY_NONE = -3.0  # log-odds: one in twenty, and the other trees mostly lower it


class ModelError(Exception):
    """The model file does not fit this code: it was trained on other features."""


@dataclass(frozen=True)
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
        ends, trees = self._descent.ends(rows), len(self.values)
        if not 0 < glance < trees:
            return self._sums(ends, range(trees))
        found = self._sums(ends, range(glance))
        left = np.flatnonzero(found > _PLAINLY_NONE)
        if len(left):
            found[left] += self._sums(ends[:, left], range(glance, trees))
        return found

    @cached_property
    def _descent(self) -> Descent:
        return descent(self.feature, self.threshold, self.outruled.reshape(len(self.values), -1))

    def _sums(self, ends: Column, trees: range) -> Column:
        leaves = ends[trees.start : trees.stop] + LEAVES * np.arange(trees.start, trees.stop)[:, None]
        found: Column = self.values.ravel().take(leaves).sum(axis=0)
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


def expected_f1(words: Column, chances: Column) -> float:
    """The F1, over words, that the best choice of blocks is expected to have, as far as the model can tell.

    `words` are the words of each block.

    Half of it is the chance from which one more block makes the page's text better: strict on a page that the model
    reads well, and lenient where it is in doubt about everything.
    """
    words = words + 1
    order = np.argsort(-chances, kind="stable")
    hits, taken = np.cumsum((words * chances)[order]), np.cumsum(words[order])
    return float((2 * hits / (taken + hits[-1])).max())
