"""Calls a page stay within the budget of each stage."""

import pytest

from tests import call_budget
from tests.call_budget import (
    AXES,
    MOST_GROWTH,
    ODD_AXES,
    count_apart,
    over_budget,
    over_growth,
    seconds_by_size,
    stored,
    versions,
)


@pytest.fixture(scope="module")
def counted() -> dict[str, float]:
    """The calls of the code as it is, where the budget can be compared with it."""
    here, there = versions(), stored()["versions"]
    different = [f"{name} {here[name]} instead of {there[name]}" for name in there if here[name] != there[name]]
    if different:
        pytest.skip(f"calls are counted with the pinned versions: needs a count of its own for {', '.join(different)}")
    return count_apart()


def test_no_stage_calls_more_than_its_budget(counted):
    problems = over_budget(counted, stored()["calls"])
    assert list(stored()["calls"]) == list(counted)
    assert problems == [], "what does it buy? Then: python -m tests.call_budget --write"


@pytest.mark.slow
@pytest.mark.parametrize("axis", [*AXES, *ODD_AXES])
def test_no_stage_takes_more_cpu_than_the_page_has_grown(axis):
    problems: list[str] = []
    for _ in range(3):  # what else the machine does counts as well
        problems = over_growth(axis, seconds_by_size(axis))
        if not problems:
            break
    assert problems == []


def test_many_small_rises_are_over_budget_together(monkeypatch):
    monkeypatch.setattr(call_budget, "MOST_GROWTH", 0.5)
    assert over_budget({"a": 149.0, "b": 149.0, "c": 160.0}, {"a": 100.0, "b": 100.0, "c": 100.0}) == [
        "c: 160 calls a page, 100 in the budget",
        "in all: 458 calls a page, 300 in the budget",
    ]
    assert MOST_GROWTH == 0.03
