"""What stands around a block on the page alone: its like, its containers, its neighbours, the heading above.

What was chosen around it is for `chosen.py`.
"""

from __future__ import annotations

import numpy as np

from cleaners.document import Column
from cleaners.html.prose import shared_steps
from cleaners.learned.column_math import around, last_before, mean, neighbour, total
from cleaners.learned.page_columns import View

Columns = dict[str, Column]


def surroundings(view: View) -> Columns:
    """All columns of this module, by name."""
    found: Columns = {}
    for group in (_alike, _containers, _main, _neighbours, _stretch):
        found |= group(view)
    return found


def _alike(view: View) -> Columns:
    """The blocks at the same place in the markup: by tags and classes, by tags alone, by their last two steps."""
    found: Columns = {}
    for name, group in (("path", view.markup.path), ("tags", view.markup.tags), ("leaf", view.markup.leaf)):
        sizes = np.bincount(group)
        for what, column in (("links", view.links), ("words", view.log_words)):
            found[f"{name}_{what}"] = (np.bincount(group, column) / sizes)[group]
        found[f"{name}_count"] = np.log1p(sizes - 1)[group]
    return found


def _containers(view: View) -> Columns:
    """The containers around a block, one, two and three steps up."""
    found: Columns = {}
    words = view.words
    for up, group in enumerate(view.markup.containers, 1):
        found[f"up{up}_words"] = (total(group, words) - words) / words.sum()
        found[f"up{up}_links"] = mean(group, words, view.links)
        found[f"up{up}_count"] = np.log1p(np.bincount(group)[group])
    return found


def _main(view: View) -> Columns:
    """The way in the markup to a block from the place of most prose."""
    place = view.markup.place
    home = int(np.bincount(place, view.words * view.prose).argmax())
    depths = np.array([len(steps) for steps in view.markup.steps])
    return {"depth": depths[place]} | way_from(view, home, "main")


def way_from(view: View, home: int, name: str) -> Columns:
    """How many steps it is up from one place to what it shares with a block's, and how many down from there."""
    steps, place = view.markup.steps, view.markup.place
    shared = np.array([shared_steps(each, steps[home]) for each in steps])
    depths = np.array([len(each) for each in steps])
    return {f"{name}_up": (depths[home] - shared)[place], f"{name}_down": (depths - shared)[place]}


def _neighbours(view: View) -> Columns:
    found: Columns = {}
    parent = view.markup.containers[0]
    for step in (-3, -2, -1, 1, 2, 3):
        found[f"words_{step:+d}"] = neighbour(view.log_words, step)
    for step in (-2, -1, 1, 2):
        found[f"links_{step:+d}"] = neighbour(view.links, step)
    for step in (-1, 1):
        found[f"heading_{step:+d}"] = neighbour(view.headings, step)
        found[f"same_parent_{step:+d}"] = neighbour(parent, step, -1) == parent
    return found


def _stretch(view: View) -> Columns:
    """The stretch of the page around a block, and the heading above."""
    found: Columns = {}
    for reach in (5, 12):
        words = around(view.words, reach)
        found[f"near{reach}_words"] = np.log1p(words)
        found[f"near{reach}_links"] = around(view.words * view.links, reach) / words
    heading, places = last_before(view.headings), view.places
    for name, column in (("links", view.links), ("words", view.log_words)):
        found[f"heading_{name}"] = np.where(heading < 0, -1, column[heading])
    found["heading_distance"] = np.where(heading < 0, -1, np.log1p(places - heading))
    return found | {
        "words_before": (np.cumsum(view.words) - view.words) / view.words.sum(),
        "place": places / len(places),
    }
