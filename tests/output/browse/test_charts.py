"""A chart's columns and bars stand where their values say."""

from __future__ import annotations

from broadsheet.output.browse.charts import CHART_HEIGHT, bar_parts, column_chart, timeline


def test_no_month_is_left_out():
    chart = timeline({"2023-11": 4, "2024-02": 2})
    assert [(column.label, column.value) for column in chart.columns] == [
        ("2023-11", 4), ("2023-12", 0), ("2024-01", 0), ("2024-02", 2),
    ]  # fmt: skip
    assert [column.height for column in chart.columns] == [CHART_HEIGHT, 0, 0, CHART_HEIGHT / 2]
    assert all(column.y + column.height == CHART_HEIGHT for column in chart.columns)


def test_many_months_become_years():
    chart = timeline({"1998-01": 1, "2020-05": 3, "2020-06": 3, "x": 9})
    values = [(column.label, column.value) for column in chart.columns]
    assert (chart.unit, len(values), values[0], values[-1]) == ("year", 23, ("1998", 1), ("2020", 6))
    assert timeline({}).columns == ()


def test_few_columns_are_not_broad_and_marks_are_kept():
    first, second = column_chart("run", [("a", 1), ("b", 1000)], ["b"]).columns
    assert first.width < 60
    assert first.height > 1
    assert (first.is_marked, second.is_marked) == (False, True)


def test_a_bar_is_divided_by_shares():
    parts = bar_parts([("a", 1), ("b", 999), ("c", 0)])
    assert [part.width for part in parts] == [0.4, 99.9, 0.0]
    assert bar_parts([("a", 0)])[0].width == 0
