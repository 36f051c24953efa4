"""The learned voice on a page's kind: how sure it is of each, and which signs made it so.

Each sign gives points to each kind, by the step that its value falls on; the points add up to log-odds. The table of
steps (`page_weights.json`) is learned by `train_kinds.py`. Since the points only add up, what each sign contributed can
be said, and is.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from cleaners.document import Column

FILE = "page_weights.json"
KINDS = ("article", "list", "forum", "product", "document", "service")
"""What pages are learned to be. `service` is what an organisation says of itself and its offers."""

_LEAST = 0.15  # points; a sign that gives less is not worth naming
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Steps:
    """One sign's table: the points (kind by kind) for values up to each limit, and for those above the last."""

    limits: tuple[float, ...]
    points: Column

    def at(self, value: float) -> Column:
        """The points that a value gives to each kind."""
        found: Column = self.points[bisect_left(self.limits, value)]
        return found


Table = tuple[Column, dict[str, Steps]]
"""The points that every page has, and each sign's steps."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the signs make of a page: the chance of each kind, and the points of each sign."""

    chances: Mapping[str, float]
    points: Mapping[str, Column]
    signs: Mapping[str, float]

    @property
    def best(self) -> str:
        """The kind with the highest chance."""
        return max(self.chances, key=lambda kind: self.chances[kind])

    @property
    def best_other(self) -> str:
        """The kind with the highest chance after the article."""
        return max(KINDS[1:], key=lambda kind: self.chances[kind])

    def reasons(self, kind: str) -> tuple[str, ...]:
        """The signs that spoke most for a kind against its strongest rival, as `name=value`, the heaviest first."""
        rival = max((other for other in KINDS if other != kind), key=lambda other: self.chances[other])
        one, other = KINDS.index(kind), KINDS.index(rival)
        gains = {name: float(points[one] - points[other]) for name, points in self.points.items()}
        heavy = sorted((name for name in gains if gains[name] >= _LEAST), key=lambda name: (-gains[name], name))
        return tuple(f"{name}={self.signs[name]:.3g}" for name in heavy[:_NAMED])


def opinion(signs: Mapping[str, float], steps: Table | None = None) -> Opinion:
    """Weigh a page's signs, by the table that ships with the package or by another."""
    base, table = steps or load_steps()
    points = {name: its.at(signs[name]) for name, its in table.items()}
    odds = base + sum(points.values())
    shares = np.exp(odds - odds.max())
    return Opinion(dict(zip(KINDS, map(float, shares / shares.sum()), strict=True)), points, signs)


@cache
def load_steps() -> Table:
    """Read the table that comes with the package: the points that every page has, and each sign's steps."""
    held = json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    return read_steps(held)


def read_steps(held: dict[str, Any]) -> Table:
    """Return a table as it is written: the points that every page has, and each sign's steps."""
    table = {name: Steps(tuple(steps["limits"]), np.array(steps["points"])) for name, steps in held["signs"].items()}
    return np.array(held["base"]), table
