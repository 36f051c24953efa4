"""The committed measurement of pages of extreme shapes: every shape was measured, and none grows too much."""

from __future__ import annotations

import json

import pytest

from broadsheet.cleaners.clean import clean
from tests.bench.shapes import GROWTH, MOST_GROWTH, RESULT, SHAPES, page

MEASURED = json.loads(RESULT.read_text("utf-8"))


def test_every_shape_was_measured() -> None:
    assert list(MEASURED["shapes"]) == list(SHAPES)
    assert MEASURED["times"] == GROWTH


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_grows_as_its_size_does(shape: str) -> None:
    assert MEASURED["shapes"][shape]["growth"] <= MOST_GROWTH


@pytest.mark.parametrize("shape", SHAPES)
def test_a_page_of_a_shape_is_read(shape: str) -> None:
    assert "bridge 1 in the spring of 1" in clean(page(shape, 12)).text
