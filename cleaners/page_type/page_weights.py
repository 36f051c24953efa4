"""The learned model of a page's kind: the chance of each kind, and which signs contributed most.

An additive model: each sign gives points to each kind, by the step that its value falls into; the points add up to
log-odds. The table of steps (`page_weights.json`) is learned by `broadsheet.cleaners.training.page_type_model`. As
points are only added, each sign's contribution is known and is stored as evidence.
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

from broadsheet.cleaners.document import Column

TABLE_FILE = "page_weights.json"
PAGE_KINDS = ("article", "list", "forum", "product", "document", "service")
"""The kinds that the model knows. `service` is an organisation's page about itself and its offers."""

_MIN_REASON_POINTS = 0.15  # a sign that contributes fewer points is not given as a reason
_MAX_REASONS = 4


@dataclass(frozen=True, slots=True)
class SignSteps:
    """One sign's steps: `points` has a row a step (up to each limit, and above the last) and a column a kind."""

    limits: tuple[float, ...]
    points: Column

    def points_for(self, value: float) -> Column:
        """The points that a value of the sign gives to each kind."""
        step_points: Column = self.points[bisect_left(self.limits, value)]
        return step_points


PointsTable = tuple[Column, dict[str, SignSteps]]
"""The base points of each kind that every page gets, and the steps by sign."""


@dataclass(frozen=True, slots=True)
class KindEstimate:
    """The model's estimate of a page: the chance of each kind, and the points and value of each sign."""

    chances: Mapping[str, float]
    points: Mapping[str, Column]
    signs: Mapping[str, float]

    @property
    def best_kind(self) -> str:
        """The kind with the highest chance."""
        return max(self.chances, key=lambda kind: self.chances[kind])

    @property
    def best_kind_but_article(self) -> str:
        """The kind with the highest chance, the article left out."""
        return max(PAGE_KINDS[1:], key=lambda kind: self.chances[kind])

    def reasons(self, kind: str) -> tuple[str, ...]:
        """The signs with the most points for a kind over its likeliest rival, as `name=value`, the heaviest first."""
        rival = max(
            (rival_index for rival_index in PAGE_KINDS if rival_index != kind),
            key=lambda rival_index: self.chances[rival_index],
        )
        kind_index, rival_index = PAGE_KINDS.index(kind), PAGE_KINDS.index(rival)
        gains = {name: float(points[kind_index] - points[rival_index]) for name, points in self.points.items()}
        heaviest_signs = sorted(
            (name for name in gains if gains[name] >= _MIN_REASON_POINTS), key=lambda name: (-gains[name], name)
        )
        return tuple(f"{name}={self.signs[name]:.3g}" for name in heaviest_signs[:_MAX_REASONS])


def estimate_kind(signs: Mapping[str, float], table: PointsTable | None = None) -> KindEstimate:
    """Estimate the kind of a page from its signs, by the table that comes with the package or by another."""
    base_points, steps_by_sign = table or load_table()
    points = {name: sign_steps.points_for(signs[name]) for name, sign_steps in steps_by_sign.items()}
    odds = base_points + sum(points.values())
    shares = np.exp(odds - odds.max())
    return KindEstimate(dict(zip(PAGE_KINDS, map(float, shares / shares.sum()), strict=True)), points, signs)


@cache
def load_table() -> PointsTable:
    """Read the table that comes with the package."""
    raw_table = json.loads(files(__package__).joinpath(TABLE_FILE).read_text(encoding="utf-8"))
    return parse_table(raw_table)


def parse_table(raw_table: dict[str, Any]) -> PointsTable:
    """Make a table of its JSON form (`base`, and `signs` with `limits` and `points`)."""
    steps_by_sign = {
        name: SignSteps(tuple(steps["limits"]), np.array(steps["points"])) for name, steps in raw_table["signs"].items()
    }
    return np.array(raw_table["base"]), steps_by_sign
