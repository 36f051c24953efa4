"""The geometry of charts, in the units of their view boxes; templates draw it as SVG. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

CHART_WIDTH, CHART_HEIGHT = 720, 120
_MOST_COLUMNS = 72
_FEWEST_COLUMNS = 12  # columns are no wider than if there were so many
_GAP = 0.2  # of a column's room


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a chart: what it stands for, its value, and where it is drawn; `is_marked` draws attention."""

    label: str
    value: int
    x: float
    y: float
    width: float
    height: float
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """Columns side by side; `unit` is what each stands for, `largest` the largest value."""

    unit: str
    largest: int
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class BarPart:
    """A part of a bar that is 100 wide: its name, its value, where it begins and how wide it is."""

    name: str
    value: int
    x: float
    width: float


def timeline(by_month: Mapping[str, int]) -> ColumnChart:
    """Return a chart of counts by month (`2024-05`), or by year if there are too many months; gaps count 0."""
    months = {month: count for month, count in sorted(by_month.items()) if len(month) == 7}
    if not months:
        return ColumnChart("month", 0, ())
    labels = list(_months_between(min(months), max(months)))
    if len(labels) <= _MOST_COLUMNS:
        return column_chart("month", [(label, months.get(label, 0)) for label in labels])
    years: Counter[str] = Counter()
    for month, count in months.items():
        years[month[:4]] += count
    span = range(int(min(years)), int(max(years)) + 1)
    return column_chart("year", [(str(year), years[str(year)]) for year in span][-_MOST_COLUMNS:])


def column_chart(unit: str, values: Sequence[tuple[str, int]], marked: Sequence[str] = ()) -> ColumnChart:
    """Return a chart of labelled values; the labels in `marked` are drawn to be seen."""
    largest = max((value for _, value in values), default=0)
    room = CHART_WIDTH / max(len(values), _FEWEST_COLUMNS)
    columns = (
        _column(label, value, place * room, room, largest, is_marked=label in marked)
        for place, (label, value) in enumerate(values)
    )
    return ColumnChart(unit, largest, tuple(columns))


def bar_parts(values: Sequence[tuple[str, int]]) -> tuple[BarPart, ...]:
    """Divide a bar by shares; every part above zero is wide enough to be seen."""
    total, x = sum(value for _, value in values), 0.0
    parts = []
    for name, value in values:
        width = round(100 * value / total, 2) if total else 0.0
        parts.append(BarPart(name, value, round(x, 2), max(width, 0.4) if value else 0.0))
        x += width
    return tuple(parts)


def _column(label: str, value: int, x: float, room: float, largest: int, *, is_marked: bool) -> Column:
    height = max(CHART_HEIGHT * value / largest, 1.5) if value else 0.0
    left, width = x + room * _GAP / 2, room * (1 - _GAP)
    return Column(
        label, value, round(left, 2), round(CHART_HEIGHT - height, 2), round(width, 2), round(height, 2), is_marked
    )


def _months_between(first: str, last: str) -> Iterator[str]:
    year, month = int(first[:4]), int(first[5:7])
    while f"{year:04}-{month:02}" <= last:
        yield f"{year:04}-{month:02}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
