"""What was chosen around a block, by the extractor and by the named voices: the span, its like, its neighbours."""

from __future__ import annotations

import numpy as np

from cleaners.document import Column
from cleaners.learned.column_math import around, last_before, mean, neighbour, others, signed_log, total
from cleaners.learned.context_features import way_from
from cleaners.learned.page_columns import Heard

Columns = dict[str, Column]

_FAR = 500  # blocks; what is farther away is as far as can be


def chosen_around(heard: Heard) -> Columns:
    """All columns of this module, by name."""
    found: Columns = {}
    for group in (_alike, _containers, _home, _span, _neighbours, _stretch, _page):
        found |= group(heard)
    return found


def _alike(heard: Heard) -> Columns:
    """How much is selected of the other blocks at the same place in the markup."""
    view = heard.view
    found: Columns = {}
    one = np.ones(len(view.words))
    for name, group in (("path", view.markup.path), ("tags", view.markup.tags), ("leaf", view.markup.leaf)):
        found[f"{name}_selected"] = others(group, one, heard.selected)[0]
        found[f"{name}_selected_words"] = others(group, view.words, heard.selected)[0]
    return found | {"path_judged": others(view.markup.path, one, heard.judged)[0]}


def _containers(heard: Heard) -> Columns:
    """How much is selected of the containers around a block, one, two and three steps up."""
    view = heard.view
    found: Columns = {}
    chosen = view.words * heard.selected
    for up, group in enumerate(view.markup.containers, 1):
        found[f"up{up}_selected"] = others(group, view.words, heard.selected)[0]
        found[f"up{up}_share_of_selected"] = total(group, chosen) / max(chosen.sum(), 1)
    return found | {"up1_judged": others(view.markup.containers[0], view.words, heard.judged)[0]}


def _home(heard: Heard) -> Columns:
    """The way to a block from the place of most selected prose; how much of the main prose is selected.

    Where the place of most selected prose is not that of most prose, the selection is in doubt.
    """
    view = heard.view
    place, weights = view.markup.place, view.words * view.prose
    chosen = weights * heard.selected
    home = int(np.bincount(place, chosen if chosen.any() else weights).argmax())
    main = int(np.bincount(place, weights).argmax())
    parent = view.markup.containers[0]
    both, within = (column * (parent == parent[place == main][0]) for column in (chosen, weights))
    shares = {"main_selected": both.sum() / max(within.sum(), 1), "main_of_selected": both.sum() / max(chosen.sum(), 1)}
    return way_from(view, home, "home") | {name: np.full(len(place), share) for name, share in shares.items()}


def _span(heard: Heard) -> Columns:
    """Where a block stands, seen from the first and the last selected paragraph of prose."""
    view = heard.view
    chosen = np.flatnonzero((heard.selected > 0) & view.prose)
    chosen = chosen if len(chosen) else np.flatnonzero(heard.selected)
    start, end = (int(chosen[0]), int(chosen[-1])) if len(chosen) else (0, len(view.blocks) - 1)
    places, weight = view.places, view.words * heard.selected
    return {
        "from_start": signed_log(places - start),
        "from_end": signed_log(places - end),
        "inside": (places >= start) & (places <= end),
        "selected_before": (np.cumsum(weight) - weight) / max(weight.sum(), 1),
    }


def _neighbours(heard: Heard) -> Columns:
    found: Columns = {}
    ruled, parent = heard.ruled, heard.view.markup.containers[0]
    for step in (-2, -1, 1, 2):
        found[f"selected_{step:+d}"] = neighbour(heard.selected, step)
        found[f"ruled_{step:+d}"] = neighbour(ruled, step)
    for step in (-1, 1):
        found[f"judged_{step:+d}"] = neighbour(heard.judged, step)
    return found | {"up1_ruled": mean(parent, np.ones(len(parent)), ruled)}


def _stretch(heard: Heard) -> Columns:
    """How much of the stretch around a block is selected, the nearest selected prose, the heading above."""
    view, places = heard.view, heard.view.places
    found: Columns = {}
    for reach in (5, 12):
        found[f"near{reach}_selected"] = around(view.words * heard.selected, reach) / around(view.words, reach)
    chosen = (heard.selected > 0) & view.prose
    above, below = last_before(chosen), len(places) - 1 - last_before(chosen[::-1])[::-1]
    found["since_prose"] = np.log1p(np.where(above < 0, _FAR, np.minimum(places - above, _FAR)))
    found["until_prose"] = np.log1p(np.where(below >= len(places), _FAR, np.minimum(below - places, _FAR)))
    heading = last_before(view.headings)
    return found | {"heading_selected": np.where(heading < 0, -1, heard.selected[heading])}


def _page(heard: Heard) -> Columns:
    view = heard.view
    words, chosen, prose = view.words, view.words * heard.selected, view.words * view.prose
    facts = {
        "page_selected_words": np.log1p(chosen.sum()),
        "page_selected": chosen.sum() / words.sum(),
        "page_prose_selected": (chosen * view.prose).sum() / max(prose.sum(), 1),
    }
    return {name: np.full(len(words), fact) for name, fact in facts.items()}
