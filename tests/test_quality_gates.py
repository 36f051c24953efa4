"""Annotated pages may not be cleaned worse than they were. Floors may be raised, never lowered.

The models were trained on these pages, so a fixed sample of them says that nothing broke, not how good the cleaner is
on pages that it has not seen: that is in `cleaners/judge/models` and `tests/bench/results`.
"""

import json
import statistics
from itertools import islice

import pytest

from broadsheet.cleaners.judge.certainty import IS_CALIBRATED
from tests.bench import metadata, quality, reasons, verdicts
from tests.bench.corpus import DIGESTS, ROOT, SHARED, require_corpora

TEXT_FLOORS = {
    ("full", "news"): 0.875, ("full", "segments"): 0.9, ("full", "wcxb"): 0.895, ("half", "wcxb"): 0.92,
    ("clean", "news"): 0.995, ("clean", "wcxb"): 0.99, ("verse", "news"): 0.98, ("verse", "wcxb"): 0.98,
}  # fmt: skip

FOLD_FLOORS = {"dragnet": 0.966, "news": 0.9795, "segments": 0.955, "sites": 0.987, "wcxb": 0.965, "zh69": 0.924}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("corpus", "kind", "least", "most"), [("wcxb", "pages", 0.979, 0.02), ("segments", "segments", 0.993, 0.012)]
)
def test_pages(corpus, kind, least, most):
    require_corpora(corpus)
    pages = quality.articles(corpus, 16)
    rows = [quality._score((kind, "broadsheet.cleaners.clean:article_text", *item)) for item in pages]
    found = quality.figures(kind, rows)
    assert (found["failed"], found["f1"] >= least, found["boilerplate_kept"] <= most) == (0, True, True), found
    assert statistics.fmean(bool(row["text"]) for row in rows) > 0.9


@pytest.mark.slow
def test_texts_that_other_tools_left_and_clean_text_loses_next_to_nothing():
    pytest.importorskip("html_text", reason="needs html-text: pip install '.[dev]'")
    require_corpora(*DIGESTS)
    from tests.bench.textmode import in_sample
    from tests.training.line_model import read_dumps

    found = in_sample(list(read_dumps(SHARED / "corpus", 24)))
    after, before = found["cleaned"], found["as it is"]
    f1 = {(kind, corpus): after[kind][corpus]["f1"] for kind, corpus in TEXT_FLOORS}
    assert {key: f1[key] for key, floor in TEXT_FLOORS.items() if f1[key] < floor} == {}
    assert all(after["half"][corpus]["f1"] >= before["half"][corpus]["f1"] for corpus in DIGESTS)


@pytest.mark.slow
def test_page_types():
    require_corpora("wcxb", "news")
    found = verdicts.figures([(page.truth, page.verdict()) for page in verdicts.pages("wcxb", 16)])
    assert found["article_or_not_right"] >= 0.95, found
    assert found["type_right"] >= 0.92, found
    assert found["types"]["article"]["recall"] >= 0.98, found
    kinds = [page.verdict() for page in verdicts.pages("news", 10)]
    assert [kind for kind in kinds if not verdicts.is_article(kind)] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("corpus", "every", "floors"),
    [
        ("news", 5, {"title": 0.86, "authors": 0.85, "published": 0.99}),
        ("wcxb", 8, {"title": 0.74, "authors": 0.82, "published": 0.91}),
    ],
)
def test_metadata(corpus, every, floors):
    require_corpora(corpus)
    table = metadata.run(islice(metadata.samples(corpus), 0, None, every), {"broadsheet": metadata.ours})
    means = {field: statistics.fmean(values) for (_, field), values in table.items()}
    assert {field: means[field] for field, floor in floors.items() if means[field] < floor} == {}


@pytest.mark.slow
def test_nearly_every_removed_block_says_what_it_is():
    require_corpora("wcxb")
    found = reasons.figures(reasons.pages(24))
    assert (found["removed"] > 2000, found["unnamed"] <= 0.08) == (True, True), found


def test_what_readers_are_told_of_certainty_was_measured_on_hosts_that_no_model_has_seen():
    measured = json.loads((ROOT / "cleaners/judge/models/judge.json").read_text("utf-8"))["certainty"]
    assert IS_CALIBRATED
    assert measured["all"]["pages"] > 2400
    assert abs(measured["all"]["expected"] - measured["all"]["real"]) < 0.01
    high, fair, low = (measured[word] for word in ("high", "fair", "low"))
    assert high["real"] > 0.96
    assert high["low"] < 0.05 < fair["low"] < low["low"]


def test_models_that_saw_no_page_of_a_host_clean_it_no_worse_than_they_did():
    scores = json.loads((ROOT / "cleaners/judge/models/judge.json").read_text("utf-8"))["cross_validated"]
    assert {corpus: scores[corpus]["f1"] for corpus, floor in FOLD_FLOORS.items() if scores[corpus]["f1"] < floor} == {}
