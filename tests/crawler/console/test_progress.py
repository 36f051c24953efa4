"""The display of a crawl, for a log and for a terminal."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console
from scrapy.exceptions import NotConfigured
from scrapy.settings import Settings

from cleaners.clean import clean
from cleaners.document import Page
from crawler.console.progress import ProgressDisplay
from output.outcome import Outcome
from output.store.page_rows import make_page_rows
from tests.crawler.scripted_site import page

SPIDER = SimpleNamespace(session=SimpleNamespace(queue=SimpleNamespace(counts=lambda: {"queued": 7})))
ARTICLE = make_page_rows(clean(Page("https://a.example/x", page("mill").encode())))


def shown(*, terminal: bool) -> str:
    out = io.StringIO()
    progress = ProgressDisplay(Console(file=out, force_terminal=terminal, width=100))
    progress._spider = SPIDER
    for item in (
        Outcome("a", "done", "article", page=ARTICLE),
        Outcome("b", "done", "redirect"),
        Outcome("c", "failed", "http_404"),
    ):
        progress.count(item)
    progress.show()
    return out.getvalue()


def test_a_log_gets_a_plain_line() -> None:
    line = shown(terminal=False)
    assert line.startswith("1 pages  1 articles  7 queued  ")
    assert line.endswith("1 failed\n")
    assert "\x1b" not in line


def test_it_counts_only_outcomes_and_only_pages_as_pages() -> None:
    progress = ProgressDisplay(Console(file=io.StringIO()))
    progress._spider = SPIDER
    assert progress.status_line().startswith("0 pages  0 articles  7 queued  0.0 pages/s  0 failed")


def test_it_is_off_unless_asked_for() -> None:
    with pytest.raises(NotConfigured):
        ProgressDisplay.from_crawler(SimpleNamespace(settings=Settings({"BROADSHEET_PROGRESS": False})))  # type: ignore[arg-type]
