"""The geometry of charts, in the units of their view boxes; templates draw it as SVG. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class BarPart(NamedTuple):
    """A part of a bar that is 100 wide: its name, its value, where it begins and how wide it is."""

    name: str
    value: int
    x: float
    width: float


def bar_parts(values: Sequence[tuple[str, int]]) -> tuple[BarPart, ...]:
    """Divide a bar by shares; every part above zero is wide enough to be seen."""
    total, x = sum(value for _, value in values), 0.0
    parts = []
    for name, value in values:
        width = round(100 * value / total, 2) if total else 0.0
        parts.append(BarPart(name, value, round(x, 2), max(width, 0.4) if value else 0.0))
        x += width
    return tuple(parts)
