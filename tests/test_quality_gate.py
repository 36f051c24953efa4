"""A fixed sample of annotated pages may not be cleaned worse than it was. Floors may be raised, never lowered.

The learned voice was trained on these pages, so the figures say that nothing broke, not how good it is on pages that it
has not seen: that is in `cleaners/judge/models/model.json`.
"""

from __future__ import annotations

import statistics

import pytest

from tests.bench.corpus import require_corpora
from tests.bench.quality import _score, articles, figures

EVERY = 16  # of wcxb's and segments' article pages
FLOORS = {"wcxb": ("pages", 0.979, 0.02), "segments": ("segments", 0.993, 0.012)}


@pytest.mark.slow
@pytest.mark.parametrize("corpus", FLOORS)
def test_the_sample_is_cleaned_as_well_as_before(corpus: str) -> None:
    require_corpora(corpus)
    kind, least, most = FLOORS[corpus]
    rows = [_score((kind, "broadsheet.cleaners.clean:article_text", *item)) for item in articles(corpus, EVERY)]
    found = figures(kind, rows)
    assert found["failed"] == 0
    assert found["f1"] >= least, found
    assert found["boilerplate_kept"] <= most, found
    assert statistics.fmean(bool(row["text"]) for row in rows) > 0.9
