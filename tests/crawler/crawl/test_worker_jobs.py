"""What a worker makes of a page does not depend on which pages it has seen before."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadsheet.cleaners.document import Page
from broadsheet.cleaners.judge import block_features
from broadsheet.cleaners.page import canonical_urls as canonical
from broadsheet.crawler.crawl.worker_jobs import CrawlPolicy, PageJob, PageResult, process_page
from broadsheet.crawler.demo.server import ORIGIN, render
from broadsheet.crawler.discovery import feed_reader as comment_feeds
from broadsheet.crawler.discovery import found_rows
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.options import CrawlOptions
from broadsheet.output.archive import ledger
from broadsheet.output.write.url_queue import QueuedUrl

_SEED = f"{ORIGIN}/"
_POLICY = CrawlPolicy(Scope.from_seeds((_SEED,)), CrawlOptions((_SEED,)), "broadsheet").packed()
_MEMORIES = (
    canonical._remembered_canonical, canonical._remembered_href, found_rows._judge_link, comment_feeds.is_comment_place,
    comment_feeds._own_place, ledger._short_text_row, block_features._words_of,
)  # fmt: skip
"""What a worker remembers of the pages that it has seen."""


@cache
def _pages() -> dict[str, bytes]:
    """Some pages of the sample site, of one frame and of others, by URL."""
    pages = {path: page.body for path, page in render(ORIGIN).items() if page.body.startswith(b"<!DOCTYPE html>")}
    return {ORIGIN + path: body for path, body in list(pages.items())[:: max(1, len(pages) // 5)]}


def _result(url: str) -> PageResult:
    queued_url = QueuedUrl(1, url, ORIGIN.partition("//")[2], "page", 1, 0, 0, "link", "", "")
    return process_page(
        PageJob(Page(url, _pages()[url], "text/html"), queued_url, datetime(2026, 1, 1, tzinfo=UTC)), _POLICY
    )


@cache
def _result_without_memory(url: str) -> PageResult:
    for memory in _MEMORIES:
        memory.cache_clear()
    return _result(url)


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_page_comes_out_the_same_whatever_pages_the_worker_has_seen(random) -> None:  # type: ignore[no-untyped-def]
    expected = {url: _result_without_memory(url) for url in _pages()}
    assert len(expected) >= 5
    urls = list(expected)
    random.shuffle(urls)
    assert {url: _result(url) for url in urls} == expected


def test_what_a_worker_remembers_is_bounded() -> None:
    assert all(0 < (memory.cache_info().maxsize or 0) <= 16_384 for memory in _MEMORIES)
