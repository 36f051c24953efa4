"""The trained models: their trees are evaluated as LightGBM would, and their files fit the features computed here."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from broadsheet.cleaners import package_data
from broadsheet.cleaners.document import Column
from broadsheet.cleaners.judge import tree_models as model
from broadsheet.cleaners.judge.block_features import judge_page
from tests.cleaners.judge.test_block_features import reading
from tests.training.tree_dumps import save_trees, trees_from_dump

Node = dict[str, Any]


def leaf(value: float) -> Node:
    return {"leaf_value": value}


def node(feature: int, threshold: float, left: Node, right: Node) -> Node:
    return {"split_feature": feature, "threshold": threshold, "left_child": left, "right_child": right}


DEEP = node(0, 0.5, node(1, 0.1, leaf(1), node(0, 0.2, leaf(2), leaf(3))), node(1, 0.7, leaf(4), leaf(5)))
DUMP = {"tree_info": [{"tree_structure": tree} for tree in (DEEP, node(1, 0.3, leaf(10), leaf(20)), leaf(100))]}


def walk_tree(tree: Node, row: Column) -> float:
    """The leaf that a row ends in, by walking the tree."""
    while "leaf_value" not in tree:
        tree = tree["left_child"] if row[tree["split_feature"]] <= tree["threshold"] else tree["right_child"]
    return float(tree["leaf_value"])


def random_tree(random: np.random.Generator, leaves: int) -> Node:
    """A tree of so many leaves, however it grows."""
    if leaves == 1:
        return leaf(float(random.integers(-50, 50)))
    left_leaves = int(random.integers(1, leaves))
    threshold = float(random.integers(0, 9)) / 8
    return node(
        int(random.integers(3)), threshold, random_tree(random, left_leaves), random_tree(random, leaves - left_leaves)
    )


def test_trees_of_any_shape_give_what_walking_each_gives():
    random = np.random.default_rng(5)
    trees = [random_tree(random, size) for size in (1, 2, 31, 32, *random.integers(1, 33, 60).tolist())]
    rows = (random.integers(0, 9, (130, 3)) / 8).astype(np.float32)
    sums = [sum(walk_tree(tree, row) for tree in trees) for row in rows]
    model_trees = trees_from_dump(["a", "b", "c"], {"tree_info": [{"tree_structure": tree} for tree in trees]})
    assert model_trees.log_odds(rows).tolist() == sums
    assert model_trees.log_odds(rows[:1]).tolist() == sums[:1]


def test_a_page_of_very_many_blocks_is_seen_as_its_parts_are():
    rows = np.random.default_rng(4).random((1203, 2)).astype(np.float32)
    trees = trees_from_dump(["a", "b"], DUMP)
    for glance in (0, 1):
        parts = [trees.log_odds(rows[n : n + 100], glance) for n in range(0, len(rows), 100)]
        assert trees.log_odds(rows, glance).tolist() == np.concatenate(parts).tolist()


def test_a_feature_at_the_threshold_goes_left():
    trees = trees_from_dump(["a"], {"tree_info": [{"tree_structure": node(0, 0.1, leaf(1), leaf(2))}]})
    at = np.float32(0.1)  # a little above 0.1
    assert trees.log_odds(np.array([[at], [np.nextafter(at, np.float32(0))]])).tolist() == [2, 1]


def test_a_tree_of_the_most_leaves_fits_and_the_last_leaf_is_reached():
    tree = leaf(model.MOST_LEAVES - 1)
    for n in reversed(range(model.MOST_LEAVES - 1)):
        tree = node(0, n, leaf(n), tree)
    rows = np.arange(model.MOST_LEAVES + 5, dtype=np.float32)[:, None]
    log_odds = trees_from_dump(["a"], {"tree_info": [{"tree_structure": tree}]}).log_odds(rows)
    assert log_odds.tolist() == [min(n, model.MOST_LEAVES - 1) for n in range(model.MOST_LEAVES + 5)]


def test_a_block_that_the_first_trees_are_sure_is_none_is_not_looked_at_any_more():
    first, later = node(0, 0.5, leaf(-0.1), leaf(0)), node(0, 0.5, leaf(1), leaf(1))
    trees = trees_from_dump(["a"], {"tree_info": [{"tree_structure": first}] * 40 + [{"tree_structure": later}]})
    log_odds = trees.log_odds(np.array([[0], [1], [0]], np.float32), early_stop=40)
    assert log_odds.tolist() == pytest.approx([-4, 1, -4], abs=1e-4)


def test_a_saved_model_is_the_same_when_read_and_the_same_bytes_when_saved_again(tmp_path, monkeypatch):
    streams = [io.BytesIO(), io.BytesIO()]
    for stream in streams:
        save_trees(trees_from_dump(["a", "b"], DUMP), stream)
    assert streams[0].getvalue() == streams[1].getvalue()
    (tmp_path / model.FIRST_LOOK_MODEL).write_bytes(streams[0].getvalue())
    monkeypatch.setattr(package_data, "files", lambda package: tmp_path)
    rows = np.random.default_rng(5).random((9, 2)).astype(np.float32)
    loaded_trees = model.load_trees.__wrapped__(model.FIRST_LOOK_MODEL)
    assert isinstance(loaded_trees, model.Trees)
    assert loaded_trees.log_odds(rows).tolist() == trees_from_dump(["a", "b"], DUMP).log_odds(rows).tolist()


def test_the_models_that_come_along_know_these_features_and_tell_story_from_menu():
    page = reading()
    found = judge_page(page.blocks, page.metadata).probabilities.tolist()
    chances = dict(zip([block.text[:8] for block in page.blocks], found, strict=True))
    assert all(0 <= chance <= 1 for chance in chances.values())
    assert chances["Two witn"] > 0.5 > chances["First me"]


def test_other_features_are_refused():
    with pytest.raises(model.ModelError, match="make train"):
        model.predict(["a"], np.zeros((1, 1), np.float32), model.LINE_MODEL)


ALL = 0xFFFFFFFF


def test_each_row_ends_in_a_leaf_of_each_tree():
    split, stump = [ALL & ~1, ALL], [ALL, ALL]  # a condition that does not hold rules out the leaf on its left
    features, thresholds = np.array([1, 0, 0, 0]), np.array([0.5, 0, 0, 0], np.float32)
    finder = model.build_leaf_finder(features, thresholds, np.array([split, stump], np.uint32))
    rows = np.array([[9, 0.5], [9, 0.6], [0, 0]], np.float32)
    assert finder.find_leaves(rows).tolist() == [[0, 1, 0], [0, 0, 0]]
