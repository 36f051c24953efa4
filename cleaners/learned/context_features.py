"""Features of a block's surroundings: blocks of the same path, its containers, its neighbours, the heading above.

They need only the page; features of what was selected around a block are in `selection_features.py`.
"""

from __future__ import annotations

import numpy as np

from broadsheet.cleaners.document import Column
from broadsheet.cleaners.html.prose import common_step_count
from broadsheet.cleaners.learned.column_math import (
    group_means,
    group_sums,
    neighbour_values,
    previous_marked,
    window_sums,
)
from broadsheet.cleaners.learned.page_columns import PageColumns

Columns = dict[str, Column]


def context_features(page: PageColumns) -> Columns:
    """All feature columns of this module, by name."""
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
    """Means over the blocks of the same path: by tags and classes, by tags alone, by its last two steps."""
    features: Columns = {}
    for name, group in (("path", page.markup.path), ("tags", page.markup.tags), ("leaf", page.markup.leaf)):
        sizes = np.bincount(group)
        for quantity, column in (("links", page.link_density), ("words", page.log_words)):
            features[f"{name}_{quantity}"] = (np.bincount(group, column) / sizes)[group]
        features[f"{name}_count"] = np.log1p(sizes - 1)[group]
    return features


def _container_features(page: PageColumns) -> Columns:
    """Words, links and blocks of the containers around a block, one, two and three steps up."""
    features: Columns = {}
    words = page.words
    for up, group in enumerate(page.markup.containers, 1):
        features[f"up{up}_words"] = (group_sums(group, words) - words) / words.sum()
        features[f"up{up}_links"] = group_means(group, words, page.link_density)
        features[f"up{up}_count"] = np.log1p(np.bincount(group)[group])
    return features


def _main_location_features(page: PageColumns) -> Columns:
    """How deep a block is in the markup, and how many steps from the location with the most prose."""
    location = page.markup.location
    main_location = int(np.bincount(location, page.words * page.is_prose).argmax())
    depths = np.array([len(steps) for steps in page.markup.location_steps])
    return {"depth": depths[location]} | steps_from(page, main_location, "main")


def steps_from(page: PageColumns, origin: int, name: str) -> Columns:
    """Steps up from a location to the container that it shares with a block, and steps down from there to the block."""
    paths, location = page.markup.location_steps, page.markup.location
    common_steps = np.array([common_step_count(path, paths[origin]) for path in paths])
    depths = np.array([len(path) for path in paths])
    return {
        f"{name}_up": (depths[origin] - common_steps)[location],
        f"{name}_down": (depths - common_steps)[location],
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
    """Words and links of the blocks within 5 and 12 blocks, and the nearest heading above."""
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
