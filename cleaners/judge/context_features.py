"""Features of a block's surroundings: path, containers, neighbours, and the chances of the blocks there.

`context_features` needs only the page. `chance_features` adds how likely the first look finds the blocks around to be
the article's.
"""

from __future__ import annotations

import numpy as np

from ..document import Column, Columns
from ..page.running_text import common_step_count
from .page_columns import (
    PageColumns,
    group_means,
    group_sums,
    leave_one_out_means,
    neighbour_values,
    previous_marked,
    signed_log,
    window_sums,
)


def context_features(page: PageColumns) -> Columns:
    """Compute all columns that need only the page, by name."""
    features: Columns = {}
    for compute in (
        _group_features,
        _container_features,
        _main_location_features,
        _neighbour_features,
        _window_features,
    ):
        features |= compute(page)
    return features


def _group_features(page: PageColumns) -> Columns:
    """Compute means over blocks of the same path: by tags and classes, by tags alone, by its last two steps."""
    features: Columns = {}
    for name, group in (("path", page.markup.path), ("tags", page.markup.tags), ("leaf", page.markup.leaf)):
        sizes = np.bincount(group)
        for quantity, column in (("links", page.link_density), ("words", page.log_words)):
            features[f"{name}_{quantity}"] = (np.bincount(group, column) / sizes)[group]
        features[f"{name}_count"] = np.log1p(sizes - 1)[group]
    return features


def _container_features(page: PageColumns) -> Columns:
    """Count words, links and blocks of the containers around a block, one, two and three steps up."""
    features: Columns = {}
    words = page.words
    for up, group in enumerate(page.markup.containers, 1):
        features[f"up{up}_words"] = (group_sums(group, words) - words) / words.sum()
        features[f"up{up}_links"] = group_means(group, words, page.link_density)
        features[f"up{up}_count"] = np.log1p(np.bincount(group)[group])
    return features


def _main_location_features(page: PageColumns) -> Columns:
    """Measure a block's depth in the markup, and its steps up and down from the location with the most prose."""
    paths, location = page.markup.location_steps, page.markup.location
    main_location = int(np.bincount(location, page.words * page.is_prose).argmax())
    common_steps = np.array([common_step_count(path, paths[main_location]) for path in paths])
    depths = np.array([len(path) for path in paths])
    return {
        "depth": depths[location],
        "main_up": (depths[main_location] - common_steps)[location],
        "main_down": (depths - common_steps)[location],
    }


def _neighbour_features(page: PageColumns) -> Columns:
    features: Columns = {}
    parent = page.markup.containers[0]
    for step in (-3, -2, -1, 1, 2, 3):
        features[f"words_{step:+d}"] = neighbour_values(page.log_words, step)
    for step in (-2, -1, 1, 2):
        features[f"links_{step:+d}"] = neighbour_values(page.link_density, step)
    for step in (-1, 1):
        features[f"heading_{step:+d}"] = neighbour_values(page.is_heading, step)
        features[f"same_parent_{step:+d}"] = neighbour_values(parent, step, -1) == parent
    return features


def _window_features(page: PageColumns) -> Columns:
    """Measure words and links within 5 and 12 blocks, the nearest heading above, and the block's place in the page."""
    features: Columns = {}
    for reach in (5, 12):
        words = window_sums(page.words, reach)
        features[f"near{reach}_words"] = np.log1p(words)
        features[f"near{reach}_links"] = window_sums(page.words * page.link_density, reach) / words
    heading, positions = previous_marked(page.is_heading), page.positions
    for name, column in (("links", page.link_density), ("words", page.log_words)):
        features[f"heading_{name}"] = np.where(heading < 0, -1, column[heading])
    features["heading_distance"] = np.where(heading < 0, -1, np.log1p(positions - heading))
    return features | {
        "words_before": (np.cumsum(page.words) - page.words) / page.words.sum(),
        "place": positions / len(positions),
    }


_NO_BLOCK = -8.0  # log-odds that stand for a block that is not there
_LONG_WORDS, _HALF = 15, 0.5  # of a block that the text may begin or end with, and its chance


def chance_features(page: PageColumns, log_odds: Column) -> Columns:
    """Compute the columns of the first look's chances on and around a block, by name; `log_odds` are those chances'."""
    chances, weights = 1 / (1 + np.exp(-log_odds)), page.words + 1.0
    hits, reads_like_text = weights * chances, (page.words > _LONG_WORDS) & (chances > _HALF)
    features: Columns = {"odds": log_odds}
    for step in (-1, 1, -2, 2, -3, 3, -4, 4):
        features[f"odds_{step:+d}"] = neighbour_values(log_odds, step, _NO_BLOCK)
    groups = {"path": page.markup.path, "tags": page.markup.tags, "leaf": page.markup.leaf}
    groups |= {f"up{up}": group for up, group in enumerate(page.markup.containers, 1)}
    for name, group in groups.items():
        features[f"{name}_hits"] = leave_one_out_means(group, weights, chances)
        features[f"{name}_chance"] = leave_one_out_means(group, np.ones(len(weights)), chances)
    for reach in (5, 12, 30):
        features[f"near{reach}_hits"] = window_sums(hits, reach) / window_sums(weights, reach)
    text = np.flatnonzero(reads_like_text)
    start, end = (int(text[0]), int(text[-1])) if len(text) else (0, len(log_odds) - 1)
    values = {
        "page_hits": np.log1p(hits.sum()),
        "page_chance": hits.sum() / weights.sum(),
        "page_doubt": (hits * (1 - chances)).sum() / hits.sum(),
    }
    return features | {
        "hits_before": (np.cumsum(hits) - hits) / hits.sum(),
        "from_start": signed_log(page.positions - start),
        "from_end": signed_log(page.positions - end),
        **{name: np.full(len(log_odds), value) for name, value in values.items()},
    }
