"""A fixed sample of texts that other tools left may not be cleaned worse than it was; clean text loses next to nothing.

The learned voice was trained on these pages: the figures say that nothing broke. How good it is on pages that it has
not seen is in `cleaners/judge/models/lines.json`.
"""

from __future__ import annotations

import pytest

from tests.bench.corpus import DIGESTS, SHARED, require_corpora

EVERY = 24
FLOORS = {
    ("full", "news"): 0.875, ("full", "segments"): 0.9, ("full", "wcxb"): 0.895, ("half", "wcxb"): 0.92,
    ("clean", "news"): 0.995, ("clean", "wcxb"): 0.99, ("verse", "news"): 0.98, ("verse", "wcxb"): 0.98,
}  # fmt: skip


@pytest.mark.slow
def test_the_sample_of_dumps_is_cleaned_as_well_as_before() -> None:
    pytest.importorskip("html_text", reason="needs html-text: pip install '.[dev]'")
    require_corpora(*DIGESTS)
    from broadsheet.cleaners.training.line_model import read_dumps
    from tests.bench.textmode import in_sample

    found = in_sample(list(read_dumps(SHARED / "corpus", EVERY)))
    after, before = found["cleaned"], found["as it is"]
    assert {key: after[key[0]][key[1]]["f1"] for key in FLOORS if after[key[0]][key[1]]["f1"] < FLOORS[key]} == {}
    for corpus in DIGESTS:
        assert after["half"][corpus]["f1"] >= before["half"][corpus]["f1"]
