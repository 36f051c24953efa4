"""A fixed sample of texts that other tools left may not be cleaned worse than it was; clean text loses next to nothing.

The learned voice was trained on these pages: the figures say that nothing broke. How good it is on pages that it has
not seen is in `cleaners/judge/models/lines.json`.
"""

from __future__ import annotations

import pytest

from tests.bench.quality import SHARED, corpus_hash

EVERY = 24
CORPORA = {
    "news": "bb076866c83370a1859d71a27300551d54c9779e38263aa7696831375a949cf8",
    "segments": "0d7a59a722604b517acfee079746a0a5129b6cd43891ad611027fdf10907dded",
    "wcxb": "89080d63756cc5dde26a830b6adcf6ac7da7dca460cc587728d9da0045b682f9",
}
FLOORS = {
    ("full", "news"): 0.875, ("full", "segments"): 0.9, ("full", "wcxb"): 0.895, ("half", "wcxb"): 0.92,
    ("clean", "news"): 0.995, ("clean", "wcxb"): 0.99, ("verse", "news"): 0.98, ("verse", "wcxb"): 0.98,
}  # fmt: skip


@pytest.mark.slow
def test_the_sample_of_dumps_is_cleaned_as_well_as_before() -> None:
    pytest.importorskip("html_text", reason="needs html-text: pip install '.[dev]'")
    if not SHARED.is_dir():
        pytest.skip("the annotated pages are not here: ../shared is absent")
    from broadsheet.cleaners.training.line_model import read_dumps
    from tests.bench.textmode import in_sample

    assert {name: corpus_hash(name) for name in CORPORA} == CORPORA, "other pages than the floors were measured on"
    found = in_sample(list(read_dumps(SHARED / "corpus", EVERY)))
    after, before = found["cleaned"], found["as it is"]
    assert {key: after[key[0]][key[1]]["f1"] for key in FLOORS if after[key[0]][key[1]]["f1"] < FLOORS[key]} == {}
    for corpus in CORPORA:
        assert after["half"][corpus]["f1"] >= before["half"][corpus]["f1"]
