"""A bar's parts stand where their values say."""

from broadsheet.output.browse.charts import BarPart, bar_parts


def test_a_bar_is_divided_by_shares():
    parts = bar_parts([("a", 1), ("b", 999), ("c", 0), ("d", 250)])
    assert parts == (
        BarPart("a", 1, 0.0, 0.4), BarPart("b", 999, 0.08, 79.92), BarPart("c", 0, 80.0, 0.0),
        BarPart("d", 250, 80.0, 20.0),
    )  # fmt: skip
    assert bar_parts([("a", 0)]) == (BarPart("a", 0, 0.0, 0.0),)
