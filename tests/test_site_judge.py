"""The second judge is kept only where it costs no site anything beyond its bounds, and their mean gains, judged by
models that had not seen the site."""

from __future__ import annotations

import json
import statistics

from broadsheet.cleaners.training.block_model import corpus_digest
from broadsheet.cleaners.training.corpora import SITES as CORPUS_SITES
from tests.bench.archives import site_judge
from tests.bench.corpus import SHARED, require_corpora
from tests.bench.site_pages import names

_MANY_PAGES = 100
SITES = json.loads(site_judge.RESULTS.read_text("utf-8"))


def test_no_site_loses_and_their_mean_gains() -> None:
    """The more the first judge finds, the less is left to gain: what both reach together is the floor.

    On a site of fifty pages one page moves the lower bound by .001, so that says little; a loss beyond the bounds is
    one whose upper bound is below 0.
    """
    assert all(site["gain"] >= -0.00015 for site in SITES["sites"].values())
    assert all(site["bounds"][1] >= 0 for site in SITES["sites"].values())
    assert all(site["bounds"][0] >= -0.0005 for site in SITES["sites"].values() if site["pages"] > _MANY_PAGES)
    assert statistics.fmean(site["gain"] for site in SITES["sites"].values()) > 0.001
    assert statistics.fmean(site["with"] for site in SITES["sites"].values()) > 0.992


def test_the_model_was_trained_on_the_sites_of_the_corpus() -> None:
    require_corpora()
    assert sorted(SITES["trained_on"]["pages"]) == sorted(SITES["sites"]) == names()
    assert SITES["trained_on"]["corpus"] == {CORPUS_SITES: corpus_digest(SHARED / "corpus", CORPUS_SITES)}
