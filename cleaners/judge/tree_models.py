"""Trained decision trees: the probability that each block is the article's, for all trees and rows at once.

A model is a sum of small trees, read from a file that `tests/training/block_model.py` writes (that of text without
markup: `tests/training/line_model.py`). A failing condition rules out the leaves on its left side. The row's leaf is
the first that no condition rules out.

`LeafFinder` finds the leaves of all trees and rows at once. The rows at a node are bits of 64-bit numbers, a bit a row.
So one operation takes 64 rows from a node to its children. All nodes of one depth are handled at once, and equal
conditions of different trees are evaluated once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from ..document import Column
from ..package_data import read_arrays

MOST_LEAVES = 32
"""The most leaves that a tree may have."""

_BITS = 64
_ALL_BITS, _NO_BITS = np.uint64(0xFFFF_FFFF_FFFF_FFFF), np.uint64(0)

_Subtree = tuple[int, int, int]  # the tree, its first leaf and its last


@dataclass(frozen=True, slots=True)
class LeafFinder:
    """All trees, with their nodes numbered by depth: the roots first, then at each depth left children before right.

    `feature` and `threshold` are the distinct conditions; `conditions` holds the number of each inner node's condition,
    by depth. `levels` are the inner nodes of each depth. `leaf_nodes` (leaf, tree) is the node of each leaf of each
    tree; a leaf that a tree does not have is at the node after the last one, which no row reaches.
    """

    tree_count: int
    feature: Column
    threshold: Column
    conditions: Column
    levels: tuple[Column, ...]
    leaf_nodes: Column

    def find_leaves(self, rows: Column) -> Column:
        """Return the number of the leaf that each row ends in, by tree and row."""
        condition_bits = self._condition_bits(rows)
        node_count = self.tree_count + 2 * len(self.conditions)
        row_bits = np.empty((node_count + 1, condition_bits.shape[1]), np.uint64)
        row_bits[: self.tree_count], row_bits[node_count] = _ALL_BITS, _NO_BITS
        inner_count = 0  # inner nodes of the levels above
        for level in self.levels:
            parents, size = row_bits.take(level, axis=0), len(level)
            left_children = row_bits[(start := self.tree_count + 2 * inner_count) : start + size]
            np.bitwise_and(parents, condition_bits[inner_count : inner_count + size], out=left_children)
            np.bitwise_xor(parents, left_children, out=row_bits[start + size : start + 2 * size])
            inner_count += size
        return _leaf_numbers(row_bits.take(self.leaf_nodes, axis=0))[:, : len(rows)]

    def _condition_bits(self, rows: Column) -> Column:
        """Return, for each inner node by depth, the rows for which its condition holds, a bit a row."""
        columns = np.zeros((rows.shape[1], -(-len(rows) // _BITS) * _BITS), rows.dtype)
        columns[:, : len(rows)] = rows.T
        condition_holds = columns.take(self.feature, axis=0) <= self.threshold[:, None]
        bits: Column = np.packbits(condition_holds, axis=1, bitorder="little").view(np.uint64)
        return bits.take(self.conditions, axis=0)


def _leaf_numbers(row_bits: Column) -> Column:
    """Return the number of the leaf that each row ends in, by tree and row.

    `row_bits` are the rows in each leaf and tree.
    """
    numbers: Column = np.zeros(1, np.uint8)
    while len(row_bits) > 1:  # the half of the leaves that a row is in is one more bit of its leaf's number
        lower_half, upper_half = row_bits[: len(row_bits) // 2], row_bits[len(row_bits) // 2 :]
        bit = np.unpackbits(np.bitwise_or.reduce(upper_half, axis=0).view(np.uint8), axis=1, bitorder="little")
        numbers = numbers + numbers | bit
        row_bits = lower_half | upper_half
    return numbers


def build_leaf_finder(feature: Column, threshold: Column, leaf_masks: Column) -> LeafFinder:
    """Build the finder for conditions and their leaf masks; see `Trees`, with the masks as (tree, condition)."""
    tree_count, width = leaf_masks.shape
    pairs = list(zip(feature.tolist(), threshold.tolist(), strict=True))
    pair_numbers = {pair: n for n, pair in enumerate(sorted(set(pairs)))}
    condition_numbers = np.array([pair_numbers[pair] for pair in pairs]).reshape(tree_count, width)
    ruled_out = ~leaf_masks & 0xFFFFFFFF
    first_leaves = (np.frexp(ruled_out & -ruled_out)[1] - 1).tolist()  # on each condition's left side; -1 without one
    conditions_by_leaf: defaultdict[tuple[int, int], list[int]] = defaultdict(list)  # those whose left side begins so
    for tree, leaves in enumerate(first_leaves):
        for n, leaf in enumerate(leaves):
            conditions_by_leaf[tree, leaf].append(n)
    subtrees: list[_Subtree] = [(tree, 0, sum(leaf >= 0 for leaf in row)) for tree, row in enumerate(first_leaves)]
    leaf_nodes = np.full((MOST_LEAVES, tree_count), tree_count + 2 * sum(last for _, _, last in subtrees))
    levels, conditions, node_count = [], [], 0
    while subtrees:  # all of one depth
        inner_subtrees = [n for n, (_, first, last) in enumerate(subtrees) if first < last]
        for n, (tree, first, last) in enumerate(subtrees):
            if first == last:
                leaf_nodes[first, tree] = node_count + n
        levels.append(np.array(inner_subtrees, np.int64) + node_count)
        node_count += len(subtrees)
        # the root of a subtree is the widest of the conditions whose left side begins with its first leaf
        splits = [(subtrees[n], conditions_by_leaf[subtrees[n][:2]].pop()) for n in inner_subtrees]
        conditions += [condition_numbers[tree, root] for (tree, _, _), root in splits]
        subtrees = [(tree, first, root) for (tree, first, _), root in splits]
        subtrees += [(tree, root + 1, last) for (tree, _, last), root in splits]
    return LeafFinder(
        tree_count,
        np.array([number for number, _ in pair_numbers], np.int64),
        np.array([limit for _, limit in pair_numbers], threshold.dtype),
        np.array(conditions, np.int64),
        tuple(levels),
        leaf_nodes,
    )


MODELS_PACKAGE = "broadsheet.cleaners.judge.models"
FIRST_LOOK_MODEL = "first_look.npz"
SECOND_LOOK_MODEL = "second_look.npz"  # sees the first look's chances too
LINE_MODEL = "lines.npz"  # of the text mode

_BLOCKS_AT_ONCE = 500  # so that the working arrays of all trees fit a processor's cache

EARLY_STOP_TREES = 80  # trees after which plain boilerplate is not evaluated further
_EARLY_STOP_LOG_ODDS = -3.0  # log-odds: one in twenty, and the other trees mostly lower it


class ModelError(Exception):
    """Model file does not fit this code: it was trained on other features."""


@dataclass(frozen=True)
class Trees:
    """Decision trees as arrays. A condition is `feature <= threshold`; each tree has the same number of conditions.

    `feature` holds column numbers of `feature_names`. `leaf_masks` holds, for each condition, the leaves that remain
    possible where it does not hold, a bit a leaf. `values` are the leaves' values (tree, leaf), in log-odds.
    """

    feature_names: tuple[str, ...]
    feature: Column
    threshold: Column
    leaf_masks: Column
    values: Column

    def log_odds(self, rows: Column, early_stop: int = 0) -> Column:
        """Sum the trees for each row of features.

        With `early_stop`, rows that the first `early_stop` trees find plainly boilerplate keep the sum of these trees.
        """
        if len(rows) > _BLOCKS_AT_ONCE:
            starts = range(0, len(rows), _BLOCKS_AT_ONCE)
            return np.concatenate([self.log_odds(rows[n : n + _BLOCKS_AT_ONCE], early_stop) for n in starts])
        leaf_numbers, tree_count = self._leaf_finder.find_leaves(rows), len(self.values)
        if not 0 < early_stop < tree_count:
            return self._sum_leaves(leaf_numbers, range(tree_count))
        sums = self._sum_leaves(leaf_numbers, range(early_stop))
        undecided_rows = np.flatnonzero(sums > _EARLY_STOP_LOG_ODDS)
        if len(undecided_rows):
            sums[undecided_rows] += self._sum_leaves(leaf_numbers[:, undecided_rows], range(early_stop, tree_count))
        return sums

    @cached_property
    def _leaf_finder(self) -> LeafFinder:
        return build_leaf_finder(self.feature, self.threshold, self.leaf_masks.reshape(len(self.values), -1))

    def _sum_leaves(self, leaf_numbers: Column, trees: range) -> Column:
        """Return, for each row, the sum of the values of the leaves that it ends in, over a range of trees."""
        cells = leaf_numbers[trees.start : trees.stop] + MOST_LEAVES * np.arange(trees.start, trees.stop)[:, None]
        sums: Column = self.values.ravel().take(cells).sum(axis=0)
        return sums


def log_odds(names: Sequence[str], rows: Column, file: str) -> Column:
    """Return each row's log-odds to be the article's, by the model in `file`.

    `names` are the columns of `rows`. Raises ModelError if the model was trained on other features.
    """
    trees = load_trees(file)
    if tuple(names) != trees.feature_names:
        raise ModelError(f"{file} was trained on other features than this version computes: make train")
    return trees.log_odds(rows, EARLY_STOP_TREES if file == FIRST_LOOK_MODEL else 0)


def predict(names: Sequence[str], rows: Column, file: str) -> Column:
    """Return each row's probability, 0 to 1, as `log_odds` gives it."""
    probabilities: Column = 1 / (1 + np.exp(-log_odds(names, rows, file)))
    return probabilities


@cache
def load_trees(file: str) -> Trees:
    """Read a model that comes with the package; each is read once in a process."""
    arrays = read_arrays(MODELS_PACKAGE, file)
    names = tuple(map(str, arrays["names"]))
    return Trees(names, arrays["feature"], arrays["threshold"], arrays["outruled"], arrays["values"])


def expected_f1(words: Column, probabilities: Column) -> float:
    """Return the word F1 that the best choice of blocks is expected to have, if the probabilities are right.

    `words` holds the words of each block, `probabilities` how likely each is the article's.

    Half of it is the probability from which one more block makes the expected F1 better: a high threshold on a page of
    which the model is sure, and a low one if it doubts every block.
    """
    words = words + 1
    order = np.argsort(-probabilities, kind="stable")
    expected_hits, chosen_words = np.cumsum((words * probabilities)[order]), np.cumsum(words[order])
    return float((2 * expected_hits / (chosen_words + expected_hits[-1])).max())
