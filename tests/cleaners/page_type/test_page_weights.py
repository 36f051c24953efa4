"""The learned table: steps add up, and what counted most is named."""

from __future__ import annotations

import numpy as np
import pytest

from cleaners.page_type.page_weights import KINDS, load_steps, opinion, read_steps

HELD = {
    "base": [1.0, 0, 0, 0, 0, 0],
    "signs": {
        "prices": {"limits": [0.5, 2.0], "points": [[0, 0, 0, -1, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 4, 0, 0]]},
        "dates": {"limits": [0.5], "points": [[0, 0, 0, 0, 0, 0], [0.5, 0, 0, 0, 0, 0]]},
    },
}


@pytest.mark.parametrize(("value", "points"), [(0, -1), (0.5, -1), (0.6, 1), (2.0, 1), (9, 4)])
def test_a_value_falls_on_its_step(value: float, points: float) -> None:
    _, table = read_steps(HELD)
    assert table["prices"].at(value)[KINDS.index("product")] == points


def test_points_add_up_to_chances_and_reasons() -> None:
    found = opinion({"prices": 3, "dates": 1}, read_steps(HELD))
    assert found.best == found.best_other == "product"
    assert sum(found.chances.values()) == pytest.approx(1)
    odds = np.log(found.chances["product"] / found.chances["article"])
    assert odds == pytest.approx(4 - 1.5)
    assert found.reasons("product") == ("prices=3",)
    assert found.reasons("article") == ("dates=1",)


def test_the_table_that_ships_is_whole() -> None:
    base, table = load_steps()
    assert base.shape == (len(KINDS),)
    for steps in table.values():
        assert steps.points.shape == (len(steps.limits) + 1, len(KINDS))
        assert list(steps.limits) == sorted(steps.limits)
