"""Of the blocks removed inside or after an article, few may have a reason that says only where they stand."""

from __future__ import annotations

import pytest

from tests.bench.corpus import require_corpora
from tests.bench.reasons import figures, inside_or_after, pages

EVERY = 24
CEILING = 0.08


def test_only_what_is_removed_inside_or_after_the_article_counts() -> None:
    page = [
        (False, "navigation", "x"),
        (True, "", ""),
        (False, "furniture inside the article", "model/inside-article"),
        (True, "", ""),
    ]
    page += [
        (False, "other articles", "en/related-heading"),
        (False, "date", "any/date-line"),
        (False, "footnotes", "layout/notes"),
    ]
    assert inside_or_after(page) == [page[2], *page[4:]]
    assert figures([page])["unnamed"] == 0.25


@pytest.mark.slow
def test_nearly_every_removed_block_of_the_sample_says_what_it_is() -> None:
    require_corpora("wcxb")
    found = figures(pages(EVERY))
    assert found["removed"] > 2000
    assert found["unnamed"] <= CEILING, found
