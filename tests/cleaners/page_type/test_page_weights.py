"""The learned table: steps add up, and what counted most is named."""

from __future__ import annotations

import numpy as np
import pytest

from broadsheet.cleaners.page_type.page_weights import PAGE_KINDS, estimate_kind, load_table, parse_table

RAW_TABLE = {
    "base": [1.0, 0, 0, 0, 0, 0],
    "signs": {
        "prices": {"limits": [0.5, 2.0], "points": [[0, 0, 0, -1, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 4, 0, 0]]},
        "dates": {"limits": [0.5], "points": [[0, 0, 0, 0, 0, 0], [0.5, 0, 0, 0, 0, 0]]},
    },
}


@pytest.mark.parametrize(("value", "points"), [(0, -1), (0.5, -1), (0.6, 1), (2.0, 1), (9, 4)])
def test_a_value_falls_on_its_step(value: float, points: float) -> None:
    _, table = parse_table(RAW_TABLE)
    assert table["prices"].points_for(value)[PAGE_KINDS.index("product")] == points


def test_points_add_up_to_chances_and_reasons() -> None:
    estimate = estimate_kind({"prices": 3, "dates": 1}, parse_table(RAW_TABLE))
    assert estimate.best_kind == estimate.best_kind_but_article == "product"
    assert sum(estimate.chances.values()) == pytest.approx(1)
    odds = np.log(estimate.chances["product"] / estimate.chances["article"])
    assert odds == pytest.approx(4 - 1.5)
    assert estimate.reasons("product") == ("prices=3",)
    assert estimate.reasons("article") == ("dates=1",)


def test_the_table_that_ships_is_whole() -> None:
    base, table = load_table()
    assert base.shape == (len(PAGE_KINDS),)
    for steps in table.values():
        assert steps.points.shape == (len(steps.limits) + 1, len(PAGE_KINDS))
        assert list(steps.limits) == sorted(steps.limits)
