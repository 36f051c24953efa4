"""A chart's columns and bars stand where their values say."""

from __future__ import annotations

from broadsheet.output.browse.charts import BarPart, Column, ColumnChart, bar_parts, column_chart, timeline


def test_no_month_is_left_out():
    chart = timeline({"2023-11": 4, "2024-02": 2})
    assert [(column.label, column.value) for column in chart.columns] == [
        ("2023-11", 4), ("2023-12", 0), ("2024-01", 0), ("2024-02", 2),
    ]  # fmt: skip
    assert [(column.height, column.y) for column in chart.columns] == [(120, 0), (0, 120), (0, 120), (60, 60)]


def test_many_months_become_years():
    chart = timeline({"1998-01": 1, "2020-05": 3, "2020-06": 3, "x": 9})
    values = [(column.label, column.value) for column in chart.columns]
    assert (chart.unit, len(values), values[0], values[-1]) == ("year", 23, ("1998", 1), ("2020", 6))
    assert timeline({}).columns == ()


def test_a_chart_has_at_most_72_columns():
    months = [f"{2000 + n // 12}-{n % 12 + 1:02}" for n in range(73)]
    charts = [timeline(dict.fromkeys(months[:count], 1)) for count in (72, 73)]
    assert [(chart.unit, len(chart.columns)) for chart in charts] == [("month", 72), ("year", 7)]
    years = timeline({"1900-01": 1, "1973-05": 2})
    assert (len(years.columns), years.columns[0].label, years.largest) == (72, "1902", 2)


def test_columns_share_the_width_and_marks_are_kept():
    """At most a twelfth of 720 for each, a fifth of it between them."""
    assert column_chart("run", [("a", 1), ("b", 1000), ("c", 0)], ["b"]) == ColumnChart(
        "run", 1000, (
            Column("a", 1, 6.0, 118.5, 48.0, 1.5), Column("b", 1000, 66.0, 0.0, 48.0, 120.0, True),
            Column("c", 0, 126.0, 120, 48.0, 0.0),
        ),
    )  # fmt: skip
    widths = [column_chart("run", [("a", 1)] * count).columns[-1] for count in (12, 13, 24)]
    assert [(column.x, column.width) for column in widths] == [(666.0, 48.0), (670.15, 44.31), (693.0, 24.0)]


def test_a_bar_is_divided_by_shares():
    parts = bar_parts([("a", 1), ("b", 999), ("c", 0), ("d", 250)])
    assert parts == (
        BarPart("a", 1, 0.0, 0.4), BarPart("b", 999, 0.08, 79.92), BarPart("c", 0, 80.0, 0.0),
        BarPart("d", 250, 80.0, 20.0),
    )  # fmt: skip
    assert bar_parts([("a", 0)]) == (BarPart("a", 0, 0.0, 0.0),)
