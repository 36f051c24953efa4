"""A fixed sample of annotated pages may not be cleaned worse than it was. Floors may be raised, never lowered.

The learned voice was trained on these pages, so the figures say that nothing broke, not how good it is on pages that it
has not seen: that is in `cleaners/judge/models/model.json`.
"""

from __future__ import annotations

import statistics

import pytest

from tests.bench.quality import SHARED, _score, corpus_hash, figures, scorer

EVERY = 16  # of wcxb's and segments' article pages
CORPORA = {
    "wcxb": ("pages", "89080d63756cc5dde26a830b6adcf6ac7da7dca460cc587728d9da0045b682f9"),
    "segments": ("segments", "0d7a59a722604b517acfee079746a0a5129b6cd43891ad611027fdf10907dded"),
}
FLOORS = {"wcxb": (0.975, 0.02), "segments": (0.985, 0.02)}


@pytest.mark.slow
@pytest.mark.parametrize("corpus", CORPORA)
def test_the_sample_is_cleaned_as_well_as_before(corpus: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("the annotated pages are not here: ../shared is absent")
    kind, digest = CORPORA[corpus]
    assert corpus_hash(corpus) == digest, "other pages than the floors were measured on"
    module = scorer()
    data = [item for item in module.load(corpus) if item[0].get("page_type", "article") == "article"][::EVERY]
    rows = [_score((kind, "broadsheet.cleaners.clean:article_text", *item)) for item in data]
    found = figures(kind, rows)
    least, most = FLOORS[corpus]
    assert found["failed"] == 0
    assert found["f1"] >= least, found
    assert found["boilerplate_kept"] <= most, found
    assert statistics.fmean(bool(row["text"]) for row in rows) > 0.9
