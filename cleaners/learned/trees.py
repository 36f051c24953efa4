"""Which leaf of each tree each row of features ends in, computed for all trees and all rows at once.

The rows that reach a node are bits of 64-bit numbers, a bit a row, so that one operation takes 64 rows from a node to
its children. All nodes of one depth are handled at once, and equal conditions of different trees are evaluated once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from broadsheet.cleaners.document import Column

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
        """For each inner node, by depth, the rows for which its condition holds, a bit a row."""
        columns = np.zeros((rows.shape[1], -(-len(rows) // _BITS) * _BITS), rows.dtype)
        columns[:, : len(rows)] = rows.T
        condition_holds = columns.take(self.feature, axis=0) <= self.threshold[:, None]
        bits: Column = np.packbits(condition_holds, axis=1, bitorder="little").view(np.uint64)
        return bits.take(self.conditions, axis=0)


def _leaf_numbers(row_bits: Column) -> Column:
    """The number of the leaf that each row ends in, by tree and row; `row_bits` are the rows in each leaf and tree."""
    numbers: Column = np.zeros(1, np.uint8)
    while len(row_bits) > 1:  # the half of the leaves that a row is in is one more bit of its leaf's number
        lower_half, upper_half = row_bits[: len(row_bits) // 2], row_bits[len(row_bits) // 2 :]
        bit = np.unpackbits(np.bitwise_or.reduce(upper_half, axis=0).view(np.uint8), axis=1, bitorder="little")
        numbers = numbers + numbers | bit
        row_bits = lower_half | upper_half
    return numbers


def build_leaf_finder(feature: Column, threshold: Column, leaf_masks: Column) -> LeafFinder:
    """Build the finder for conditions and their leaf masks; see `model.Trees`, with the masks as (tree, condition)."""
    tree_count, width = leaf_masks.shape
    pairs = list(zip(feature.tolist(), threshold.tolist(), strict=True))
    pair_numbers = {pair: n for n, pair in enumerate(sorted(set(pairs)))}
    condition_numbers = np.array([pair_numbers[pair] for pair in pairs]).reshape(tree_count, width)
    first_leaves = [[_lowest_bit(0xFFFFFFFF & ~mask) for mask in masks] for masks in leaf_masks.tolist()]
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
        splits = [(subtrees[n], _root_condition(first_leaves[subtrees[n][0]], subtrees[n])) for n in inner_subtrees]
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


def _lowest_bit(bits: int) -> int:
    """The number of the lowest bit that is set, from 0; -1 where none is."""
    return (bits & -bits).bit_length() - 1


def _root_condition(first_leaves: Sequence[int], subtree: _Subtree) -> int:
    """The condition at the root of a subtree: of those whose left side begins with its first leaf, the widest."""
    _, first, last = subtree
    return max(n for n in range(first, last) if first_leaves[n] == first)
