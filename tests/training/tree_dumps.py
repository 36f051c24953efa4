"""Trees as LightGBM dumps them, to the arrays that `broadsheet.cleaners.judge.tree_models` reads, and to a file."""

from typing import IO, Any

import numpy as np

from broadsheet.cleaners.document import Column
from broadsheet.cleaners.judge.tree_models import MOST_LEAVES, Trees


def trees_from_dump(names: list[str], dump: dict[str, Any]) -> Trees:
    """Return the arrays of a LightGBM model, given as its `dump_model()`."""
    roots = [tree["tree_structure"] for tree in dump["tree_info"]]
    flat_trees = [_flatten_tree(root) for root in roots]
    width = max(1, *(len(conditions) for conditions, _ in flat_trees))
    padded_conditions = [
        (*zip(*(c + [(0, np.inf, 0xFFFFFFFF)] * (width - len(c))), strict=True),) for c, _ in flat_trees
    ]
    values = np.zeros((len(flat_trees), MOST_LEAVES), np.float32)
    for row, (_, leaves) in zip(values, flat_trees, strict=True):
        row[: len(leaves)] = leaves
    feature, threshold, leaf_masks = (sum((tree[part] for tree in padded_conditions), ()) for part in range(3))
    return Trees(
        tuple(names),
        np.array(feature, np.uint16),
        _round_down(np.array(threshold)),
        np.array(leaf_masks, np.uint32),
        values,
    )


def _flatten_tree(root: dict[str, Any]) -> tuple[list[tuple[int, float, int]], list[float]]:
    """Flatten a tree into conditions (feature, threshold, mask of remaining leaves) and leaf values, left to right."""
    conditions: list[tuple[int, float, int]] = []
    leaves: list[float] = []

    def walk(node: dict[str, Any]) -> None:
        if "leaf_value" in node:
            leaves.append(node["leaf_value"])
            return
        start = len(leaves)
        walk(node["left_child"])
        left_leaves = (1 << len(leaves)) - (1 << start)
        conditions.append((node["split_feature"], float(node["threshold"]), 0xFFFFFFFF & ~left_leaves))
        walk(node["right_child"])

    walk(root)
    return conditions, leaves


def _round_down(thresholds: Column) -> Column:
    """Return the largest 32-bit number not above each threshold, so that a 32-bit feature compares with it the same."""
    rounded_thresholds = thresholds.astype(np.float32)
    return np.where(
        rounded_thresholds > thresholds, np.nextafter(rounded_thresholds, np.float32(-np.inf)), rounded_thresholds
    )


def save_trees(trees: Trees, stream: IO[bytes]) -> None:
    """Write the arrays; the same trees give the same bytes."""
    np.savez_compressed(
        stream,
        names=np.array(trees.feature_names),
        feature=trees.feature,
        threshold=trees.threshold,
        outruled=trees.leaf_masks,
        values=trees.values,
    )
