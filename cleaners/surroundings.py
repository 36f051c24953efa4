"""What stands around a block: its like, its containers, the selected span, its neighbours, the heading above."""

from __future__ import annotations

import numpy as np

from cleaners.columns import Column, around, last_before, mean, neighbour, others, signed_log, total
from cleaners.prose import shared_steps
from cleaners.view import View

Columns = dict[str, Column]

_FAR = 500  # blocks; what is farther away is as far as can be


def surroundings(view: View) -> Columns:
    """All columns of this module, by name."""
    found: Columns = {}
    for group in (_alike, _containers, _span, _neighbours, _stretch):
        found |= group(view)
    return found


def _alike(view: View) -> Columns:
    """The blocks at the same place in the markup: by tags and classes, by tags alone, by their last two steps."""
    found: dict[str, Column] = {}
    one = np.ones(len(view.words))
    for name, group in (("path", view.markup.path), ("tags", view.markup.tags), ("leaf", view.markup.leaf)):
        share, count = others(group, one, view.selected)
        found |= {f"{name}_selected": share, f"{name}_count": np.log1p(count)}
        found[f"{name}_selected_words"] = others(group, view.words, view.selected)[0]
        found[f"{name}_links"] = mean(group, one, view.links)
        found[f"{name}_words"] = mean(group, one, np.log1p(view.words))
    return found | {"path_judged": others(view.markup.path, one, view.judged)[0]}


def _containers(view: View) -> Columns:
    """The containers around a block, one, two and three steps up."""
    found: dict[str, Column] = {}
    words, chosen = view.words, view.words * view.selected
    for up, group in enumerate(view.markup.containers, 1):
        share, weight = others(group, words, view.selected)
        found[f"up{up}_selected"] = share
        found[f"up{up}_words"] = weight / words.sum()
        found[f"up{up}_share_of_selected"] = total(group, chosen) / max(chosen.sum(), 1)
        found[f"up{up}_links"] = mean(group, words, view.links)
        found[f"up{up}_count"] = np.log1p(np.bincount(group)[group])
    parent = view.markup.containers[0]
    return found | {"up1_judged": others(parent, words, view.judged)[0]} | _home(view)


def _home(view: View) -> Columns:
    """The ways in the markup to a block, from the place of most selected prose and from the place of most prose.

    Where the two are not the same, the selection is in doubt.
    """
    steps, place = view.markup.steps, view.markup.place
    weights = view.words * view.prose
    chosen = weights * view.selected
    home = int(np.bincount(place, chosen if chosen.any() else weights).argmax())
    main = int(np.bincount(place, weights).argmax())
    depths = np.array([len(each) for each in steps])
    found: dict[str, Column] = {"depth": depths[place]}
    for name, at in (("home", home), ("main", main)):
        shared = np.array([shared_steps(each, steps[at]) for each in steps])
        found |= {f"{name}_up": (depths[at] - shared)[place], f"{name}_down": (depths - shared)[place]}
    parent = view.markup.containers[0]
    both = chosen * (parent == parent[place == main][0])
    within = weights * (parent == parent[place == main][0])
    shares = {"main_selected": both.sum() / max(within.sum(), 1), "main_of_selected": both.sum() / max(chosen.sum(), 1)}
    return found | {name: np.full(len(place), share) for name, share in shares.items()}


def _span(view: View) -> Columns:
    """Where a block stands, seen from the first and the last selected paragraph of prose."""
    chosen = np.flatnonzero((view.selected > 0) & view.prose)
    chosen = chosen if len(chosen) else np.flatnonzero(view.selected)
    start, end = (int(chosen[0]), int(chosen[-1])) if len(chosen) else (0, len(view.blocks) - 1)
    places, weight = view.places, view.words * view.selected
    return {
        "from_start": signed_log(places - start),
        "from_end": signed_log(places - end),
        "inside": (places >= start) & (places <= end),
        "selected_before": (np.cumsum(weight) - weight) / max(weight.sum(), 1),
        "words_before": (np.cumsum(view.words) - view.words) / view.words.sum(),
        "place": places / len(places),
    }


def _neighbours(view: View) -> Columns:
    found: dict[str, Column] = {}
    ruled, words, parent = view.ruled, np.log1p(view.words), view.markup.containers[0]
    for step in (-3, -2, -1, 1, 2, 3):
        found[f"words_{step:+d}"] = neighbour(words, step)
    for step in (-2, -1, 1, 2):
        found[f"selected_{step:+d}"] = neighbour(view.selected, step)
        found[f"links_{step:+d}"] = neighbour(view.links, step)
        found[f"ruled_{step:+d}"] = neighbour(ruled, step)
    for step in (-1, 1):
        found[f"judged_{step:+d}"] = neighbour(view.judged, step)
        found[f"heading_{step:+d}"] = neighbour(view.headings, step)
        found[f"same_parent_{step:+d}"] = neighbour(parent, step, -1) == parent
    return found | {"up1_ruled": mean(parent, np.ones(len(words)), ruled)}


def _stretch(view: View) -> Columns:
    """The stretch of the page around a block, the nearest selected prose, and the heading above."""
    found: dict[str, Column] = {}
    for reach in (5, 12):
        words = around(view.words, reach)
        found[f"near{reach}_words"] = np.log1p(words)
        found[f"near{reach}_selected"] = around(view.words * view.selected, reach) / words
        found[f"near{reach}_links"] = around(view.words * view.links, reach) / words
    chosen, places = (view.selected > 0) & view.prose, view.places
    above, below = last_before(chosen), len(places) - 1 - last_before(chosen[::-1])[::-1]
    found["since_prose"] = np.log1p(np.where(above < 0, _FAR, np.minimum(places - above, _FAR)))
    found["until_prose"] = np.log1p(np.where(below >= len(places), _FAR, np.minimum(below - places, _FAR)))
    heading = last_before(view.headings)
    for name, column in (("selected", view.selected), ("links", view.links), ("words", np.log1p(view.words))):
        found[f"heading_{name}"] = np.where(heading < 0, -1, column[heading])
    found["heading_distance"] = np.where(heading < 0, -1, np.log1p(places - heading))
    return found
