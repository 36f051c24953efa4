"""Page verdicts and metadata on a fixed sample of the annotated pages may not fall below what they were.

Like `test_quality_gate.py`: the learned table has seen these pages, so the floors say that nothing broke, not how good
the verdicts are on other pages. That is in `tests/bench/results/verdicts.json`, where no page was seen.
"""

from __future__ import annotations

from itertools import islice

import pytest

from tests.bench import metadata, verdicts
from tests.bench.corpus import require_corpora

EVERY = {"wcxb": 16, "news": 10}
METADATA = {
    "news": {"title": 0.86, "authors": 0.85, "published": 0.99},
    "wcxb": {"title": 0.74, "authors": 0.82, "published": 0.91},
}


def sample(corpus: str) -> int:
    """Skip where the corpus is not here; else how few of its pages are looked at."""
    require_corpora(corpus)
    return EVERY[corpus]


@pytest.mark.slow
def test_the_sample_gets_the_types_that_it_had() -> None:
    found = verdicts.figures([(page.truth, page.verdict()) for page in verdicts.pages("wcxb", sample("wcxb"))])
    assert found["article_or_not_right"] >= 0.95, found
    assert found["type_right"] >= 0.92, found
    assert found["types"]["article"]["recall"] >= 0.98, found


@pytest.mark.slow
def test_news_pages_are_articles() -> None:
    kinds = [page.verdict() for page in verdicts.pages("news", sample("news"))]
    assert [kind for kind in kinds if not verdicts.is_article(kind)] == []


@pytest.mark.slow
@pytest.mark.parametrize("corpus", METADATA)
def test_the_sample_says_what_it_said(corpus: str) -> None:
    pages = islice(metadata.samples(corpus), 0, None, sample(corpus) // 2)
    table = metadata.run(pages, {"broadsheet": metadata.ours})
    means = {field: sum(values) / len(values) for (_, field), values in table.items()}
    low = {field: means[field] for field, floor in METADATA[corpus].items() if means[field] < floor}
    assert low == {}
