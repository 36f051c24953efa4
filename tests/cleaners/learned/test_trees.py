"""The way down all trees at once; `test_model.py` holds it against walking each tree."""

from __future__ import annotations

import numpy as np

from broadsheet.cleaners.learned.trees import build_leaf_finder

ALL = 0xFFFFFFFF


def test_each_row_ends_in_a_leaf_of_each_tree() -> None:
    split, stump = [ALL & ~1, ALL], [ALL, ALL]  # a condition that does not hold rules out the leaf on its left
    features, thresholds = np.array([1, 0, 0, 0]), np.array([0.5, 0, 0, 0], np.float32)
    finder = build_leaf_finder(features, thresholds, np.array([split, stump], np.uint32))
    rows = np.array([[9, 0.5], [9, 0.6], [0, 0]], np.float32)
    assert finder.find_leaves(rows).tolist() == [[0, 1, 0], [0, 0, 0]]


def test_more_rows_than_a_word_has_bits() -> None:
    finder = build_leaf_finder(np.array([0]), np.array([99.5], np.float32), np.array([[ALL & ~1]], np.uint32))
    rows = np.arange(200, dtype=np.float32)[:, None]
    assert finder.find_leaves(rows).tolist() == [[0] * 100 + [1] * 100]
