"""Which leaf of each tree each row of features ends in, found for all trees and all rows at once.

What holds of the rows is kept as bits, a bit a row, so that one step from a node to its children is taken by 64 rows
together. All nodes of one depth are passed at once, and equal conditions of different trees are looked at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleaners.document import Column

LEAVES = 32
"""The most leaves that a tree may have."""

_BITS = 64
_ALL, _NONE = np.uint64(0xFFFF_FFFF_FFFF_FFFF), np.uint64(0)

_Subtree = tuple[int, int, int]  # the tree, its first leaf and its last


@dataclass(frozen=True, slots=True)
class Descent:
    """The way down all trees. Nodes are numbered by depth: the roots, then all left children, then all right ones.

    `feature` and `threshold` are the different conditions, `conditions` the number of each inner node's, by depth.
    `levels` are the inner nodes of each depth; `leaves` is the node of each leaf of each tree, leaf by leaf, with the
    number of nodes for a leaf that the tree does not have.
    """

    trees: int
    feature: Column
    threshold: Column
    conditions: Column
    levels: tuple[Column, ...]
    leaves: Column

    def ends(self, rows: Column) -> Column:
        """The leaf that each row ends in, by tree and row."""
        holds = self._holds(rows)
        nodes = self.trees + 2 * len(self.conditions)
        reached = np.empty((nodes + 1, holds.shape[1]), np.uint64)
        reached[: self.trees], reached[nodes] = _ALL, _NONE
        done = 0
        for level in self.levels:
            parents, size = reached.take(level, axis=0), len(level)
            left = reached[(start := self.trees + 2 * done) : start + size]
            np.bitwise_and(parents, holds[done : done + size], out=left)
            np.bitwise_xor(parents, left, out=reached[start + size : start + 2 * size])
            done += size
        return _numbers(reached.take(self.leaves, axis=0))[:, : len(rows)]

    def _holds(self, rows: Column) -> Column:
        """For each inner node, of which rows its condition holds."""
        columns = np.zeros((rows.shape[1], -(-len(rows) // _BITS) * _BITS), rows.dtype)
        columns[:, : len(rows)] = rows.T
        holds = columns.take(self.feature, axis=0) <= self.threshold[:, None]
        found: Column = np.packbits(holds, axis=1, bitorder="little").view(np.uint64).take(self.conditions, axis=0)
        return found


def _numbers(reached: Column) -> Column:
    """The number of the leaf that each row reached, by tree and row; `reached` are the rows, by leaf and tree."""
    found: Column = np.zeros(1, np.uint8)
    while len(reached) > 1:  # the half of the leaves that a row is in is one more bit of its leaf's number
        lower, upper = reached[: len(reached) // 2], reached[len(reached) // 2 :]
        bit = np.unpackbits(np.bitwise_or.reduce(upper, axis=0).view(np.uint8), axis=1, bitorder="little")
        found = found + found | bit
        reached = lower | upper
    return found


def descent(feature: Column, threshold: Column, outruled: Column) -> Descent:
    """The way down trees whose conditions, by tree, rule out leaves where they do not hold (see `model.Trees`)."""
    trees, width = outruled.shape
    pairs = list(zip(feature.tolist(), threshold.tolist(), strict=True))
    known = {pair: n for n, pair in enumerate(sorted(set(pairs)))}
    number = np.array([known[pair] for pair in pairs]).reshape(trees, width)
    firsts = [[_lowest(0xFFFFFFFF & ~mask) for mask in masks] for masks in outruled.tolist()]
    front: list[_Subtree] = [(tree, 0, sum(first >= 0 for first in each)) for tree, each in enumerate(firsts)]
    leaves = np.full((LEAVES, trees), trees + 2 * sum(last for _, _, last in front))
    levels, conditions, nodes = [], [], 0
    while front:
        inner = [n for n, (_, first, last) in enumerate(front) if first < last]
        for n, (tree, first, last) in enumerate(front):
            if first == last:
                leaves[first, tree] = nodes + n
        levels.append(np.array(inner, np.int64) + nodes)
        nodes += len(front)
        split = [(front[n], _root(firsts[front[n][0]], front[n])) for n in inner]
        conditions += [number[tree, root] for (tree, _, _), root in split]
        front = [(tree, first, root) for (tree, first, _), root in split]
        front += [(tree, root + 1, last) for (tree, _, last), root in split]
    told = list(known)
    return Descent(
        trees,
        np.array([each for each, _ in told], np.int64),
        np.array([limit for _, limit in told], threshold.dtype),
        np.array(conditions, np.int64),
        tuple(levels),
        leaves,
    )


def _lowest(bits: int) -> int:
    """The place of the lowest bit that is set; -1 where none is."""
    return (bits & -bits).bit_length() - 1


def _root(firsts: Sequence[int], subtree: _Subtree) -> int:
    """The condition on top of a subtree: the one with the most leaves on its left, beginning with the first."""
    _, first, last = subtree
    return max(n for n in range(first, last) if firsts[n] == first)
