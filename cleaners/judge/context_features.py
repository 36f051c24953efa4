"""Features of a block's surroundings: path, containers, neighbours, and what is selected among them.

`context_features` needs only the page. `selection_features` adds what the extractor selected, and the rules kept,
around a block.
"""

from __future__ import annotations

import numpy as np

from ..document import Columns
from ..page.running_text import common_step_count
from .page_columns import (
    JudgedColumns,
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
    """Measure a block's depth in the markup, and its steps from the location with the most prose."""
    location = page.markup.location
    main_location = int(np.bincount(location, page.words * page.is_prose).argmax())
    depths = np.array([len(steps) for steps in page.markup.location_steps])
    return {"depth": depths[location]} | steps_from(page, main_location, "main")


def steps_from(page: PageColumns, origin: int, name: str) -> Columns:
    """Count the steps up from a location to the container that it shares with a block, and down to the block."""
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


_FAR = 500  # blocks; larger distances count as this one


def selection_features(columns: JudgedColumns) -> Columns:
    """Compute all columns of what is selected around a block, by name."""
    features: Columns = {}
    for compute in (
        _selection_in_groups,
        _selection_in_containers,
        _selection_at_main_location,
        _selection_span,
        _selected_neighbours,
        _selection_in_windows,
        _selection_on_page,
    ):
        features |= compute(columns)
    return features


def _selection_in_groups(columns: JudgedColumns) -> Columns:
    """Return the share selected, or kept by the rules, of the other blocks of the same path."""
    page = columns.page
    features: Columns = {}
    unit_weights = np.ones(len(page.words))
    for name, group in (("path", page.markup.path), ("tags", page.markup.tags), ("leaf", page.markup.leaf)):
        features[f"{name}_selected"] = leave_one_out_means(group, unit_weights, columns.selected)[0]
        features[f"{name}_selected_words"] = leave_one_out_means(group, page.words, columns.selected)[0]
    return features | {"path_judged": leave_one_out_means(page.markup.path, unit_weights, columns.kept_by_rules)[0]}


def _selection_in_containers(columns: JudgedColumns) -> Columns:
    """Return the share of words selected in the containers around a block, one, two and three steps up."""
    page = columns.page
    features: Columns = {}
    selected_words = page.words * columns.selected
    for up, group in enumerate(page.markup.containers, 1):
        features[f"up{up}_selected"] = leave_one_out_means(group, page.words, columns.selected)[0]
        features[f"up{up}_share_of_selected"] = group_sums(group, selected_words) / max(selected_words.sum(), 1)
    return features | {
        "up1_judged": leave_one_out_means(page.markup.containers[0], page.words, columns.kept_by_rules)[0]
    }


def _selection_at_main_location(columns: JudgedColumns) -> Columns:
    """Count the steps from the location with most selected prose to a block; measure how much main prose is selected.

    Where the most selected prose is not at the location of most prose, the selection is in doubt.
    """
    page = columns.page
    location, prose_words = page.markup.location, page.words * page.is_prose
    selected_words = prose_words * columns.selected
    selected_location = int(np.bincount(location, selected_words if selected_words.any() else prose_words).argmax())
    main_location = int(np.bincount(location, prose_words).argmax())
    parent = page.markup.containers[0]
    in_main = parent == parent[location == main_location][0]
    selected_in_main = (selected_words * in_main).sum()
    shares = {
        "main_selected": selected_in_main / max((prose_words * in_main).sum(), 1),
        "main_of_selected": selected_in_main / max(selected_words.sum(), 1),
    }
    return steps_from(page, selected_location, "home") | {
        name: np.full(len(location), share) for name, share in shares.items()
    }


def _selection_span(columns: JudgedColumns) -> Columns:
    """Return a block's distance from the first and the last selected paragraph of prose."""
    page = columns.page
    selected_positions = np.flatnonzero((columns.selected > 0) & page.is_prose)
    selected_positions = selected_positions if len(selected_positions) else np.flatnonzero(columns.selected)
    start, end = (
        (int(selected_positions[0]), int(selected_positions[-1]))
        if len(selected_positions)
        else (0, len(page.blocks) - 1)
    )
    positions, selected_words = page.positions, page.words * columns.selected
    return {
        "from_start": signed_log(positions - start),
        "from_end": signed_log(positions - end),
        "inside": (positions >= start) & (positions <= end),
        "selected_before": (np.cumsum(selected_words) - selected_words) / max(selected_words.sum(), 1),
    }


def _selected_neighbours(columns: JudgedColumns) -> Columns:
    features: Columns = {}
    has_phrase_vote, parent = columns.has_phrase_vote, columns.page.markup.containers[0]
    for step in (-2, -1, 1, 2):
        features[f"selected_{step:+d}"] = neighbour_values(columns.selected, step)
        features[f"ruled_{step:+d}"] = neighbour_values(has_phrase_vote, step)
    for step in (-1, 1):
        features[f"judged_{step:+d}"] = neighbour_values(columns.kept_by_rules, step)
    return features | {"up1_ruled": group_means(parent, np.ones(len(parent)), has_phrase_vote)}


def _selection_in_windows(columns: JudgedColumns) -> Columns:
    """Measure the share selected within 5 and 12 blocks, the nearest selected prose, and the heading's selection."""
    page, positions = columns.page, columns.page.positions
    features: Columns = {}
    for reach in (5, 12):
        selected_words = window_sums(page.words * columns.selected, reach)
        features[f"near{reach}_selected"] = selected_words / window_sums(page.words, reach)
    selected_prose, n = (columns.selected > 0) & page.is_prose, len(positions)
    prose_above = previous_marked(selected_prose)
    prose_below = n - 1 - previous_marked(selected_prose[::-1])[::-1]
    features["since_prose"] = np.log1p(np.where(prose_above < 0, _FAR, np.minimum(positions - prose_above, _FAR)))
    features["until_prose"] = np.log1p(np.where(prose_below >= n, _FAR, np.minimum(prose_below - positions, _FAR)))
    heading = previous_marked(page.is_heading)
    return features | {"heading_selected": np.where(heading < 0, -1, columns.selected[heading])}


def _selection_on_page(columns: JudgedColumns) -> Columns:
    page = columns.page
    words, selected_words, prose_words = page.words, page.words * columns.selected, page.words * page.is_prose
    values = {
        "page_selected_words": np.log1p(selected_words.sum()),
        "page_selected": selected_words.sum() / words.sum(),
        "page_prose_selected": (selected_words * page.is_prose).sum() / max(prose_words.sum(), 1),
    }
    return {name: np.full(len(words), value) for name, value in values.items()}
