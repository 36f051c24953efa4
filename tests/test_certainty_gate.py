"""The expected F1 of a text is its real one, on pages of hosts and corpora that no model has seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from broadsheet.cleaners.document import ExtractorUse
from broadsheet.cleaners.judge.certainty import IS_CALIBRATED
from tests.bench.certainty import LOW_F1, ScoredPage, calibration_error, measure, reliability
from tests.bench.corpus import require_corpora

RESULT = Path(__file__).parent / "bench/results/certainty.json"


def page(expected: float, real: float) -> ScoredPage:
    return ScoredPage("dragnet", expected, real, 0.0)


def test_the_stored_measurement_is_calibrated() -> None:
    measured = json.loads(RESULT.read_text("utf-8"))["extractor"][ExtractorUse.IN_DOUBT]
    assert measured["all"]["pages"] > 450
    assert abs(measured["all"]["expected"] - measured["all"]["real"]) < 0.01
    assert measured["all"]["calibration_error"] < 0.02
    assert IS_CALIBRATED  # what readers are told
    high, fair, low = (measured["certainty"][word] for word in ("high", "fair", "low"))
    assert high["real"] > 0.96
    assert high["low"] < 0.05 < fair["low"] < low["low"]


def test_the_table_has_a_row_for_each_class_with_pages_and_the_error_weighs_them() -> None:
    rows = reliability([page(0.5, 0.6), page(0.95, 0.95), page(0.94, 0.9), page(0.94, LOW_F1 - 0.1)])
    assert [(row["from"], row["pages"]) for row in rows] == [(0.0, 1), (0.93, 3)]
    assert rows[1]["low"] == pytest.approx(1 / 3, abs=0.001)
    assert calibration_error([{"pages": 1, "expected": 0.5, "real": 0.6}]) == pytest.approx(0.1)
    assert calibration_error(rows) > calibration_error(reliability([page(0.95, 0.95), page(0.5, 0.5)])) == 0


@pytest.mark.slow
def test_a_sample_is_as_certain_as_it_says() -> None:
    require_corpora()
    measured = measure(24, ExtractorUse.IN_DOUBT)
    assert abs(measured["all"]["expected"] - measured["all"]["real"]) < 0.05
    assert measured["certainty"]["high"]["real"] > 0.93
