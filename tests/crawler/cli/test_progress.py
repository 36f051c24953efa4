"""The display of a crawl, for a log and for a terminal."""

from __future__ import annotations

import asyncio
import io
import json
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from scrapy.exceptions import NotConfigured
from scrapy.settings import Settings
from scrapy.statscollectors import StatsCollector
from scrapy.utils.test import get_crawler

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.crawler.cli import progress_line
from broadsheet.crawler.cli.progress import (
    CrawlTally,
    OutcomeStats,
    ProgressDisplay,
    ProgressLog,
    duration_text,
    render_tally,
    url_line,
)
from broadsheet.crawler.crawl.hosts import HostWait, WaitReason
from broadsheet.output.archive.page_rows import make_page_rows
from broadsheet.output.archive.url_words import count_pages, counts_of_run
from broadsheet.output.write.outcome import Outcome
from tests.crawler.scripted_site import page
from tests.crawler.shell import ACTIVE, crawl

SESSION = SimpleNamespace(queue=SimpleNamespace(counts=lambda: {"queued": 7}))
SPIDER = SimpleNamespace(parts=SimpleNamespace(session=SESSION))
ARTICLE = make_page_rows(clean(Page("https://a.example/x", page("mill").encode())))
OUTCOMES = (
    Outcome("https://a.example/x", "done", "article", 200, page=ARTICLE),
    Outcome("https://a.example/old", "done", "redirect", 301),
    Outcome("https://b.example/a?q=\x1b[2J" + "x" * 300, "failed", "http_404", 404),
)


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(*, terminal: bool) -> str:
    out = io.StringIO()
    progress = ProgressDisplay(Console(file=out, force_terminal=terminal, width=100))
    assert progress._display
    progress._spider = SPIDER
    for outcome in OUTCOMES:
        progress.count(outcome)
    progress._display.show()
    return out.getvalue()


def test_a_log_gets_a_plain_line():
    line = shown(terminal=False)
    assert line.startswith("1 page  1 article page  7 queued  ")
    assert line.endswith("1 failed\n")
    assert "\x1b" not in line


def test_a_program_gets_a_line_of_json_and_a_disk_that_takes_none_costs_no_crawl(tmp_path):
    waits = SimpleNamespace(waits=lambda _: [HostWait("a.example", 3.0, WaitReason.ASKED)])
    for file in (tmp_path / "progress.jsonl", tmp_path / "missing" / "progress.jsonl"):
        log = ProgressLog(file)
        log._spider = SimpleNamespace(parts=SimpleNamespace(session=SESSION, frontier=waits))
        log.tally.count(OUTCOMES[0])
        log.write()
    line = json.loads((tmp_path / "progress.jsonl").read_text())
    assert (line["pages"], line["articles"], line["queued"], line["url"]) == (1, 1, 7, "https://a.example/x")
    assert line["waits"] == [{"host": "a.example", "seconds": 3.0, "reason": "asked"}]


def test_it_counts_only_outcomes_and_only_pages_as_pages():
    tally = CrawlTally(lambda: 7)
    assert tally.status_line() == "0 pages  0 article pages  7 queued  0.0 pages/s  0 failed"


@pytest.mark.parametrize(
    ("kind", "state", "reason", "pages"),
    [
        ("page", "done", "article", 1), ("page", "done", "wall", 1), ("page", "done", "withdrawn", 1),
        ("page", "failed", "challenged", 0), ("page", "skipped", "language", 0), ("page", "done", "not_modified", 0),
        ("page", "done", "redirect", 0), ("page", "done", "feed", 0), ("page", "done", "sitemap:nested_index", 0),
        ("sitemap", "done", "sitemap:nested_index", 0), ("robots", "done", "robots", 0),
        ("sitemap", "done", "empty", 0),
    ],
)  # fmt: skip
def test_a_page_is_what_was_fetched_and_judged_as_one_in_progress_and_counts_of_a_run(kind, state, reason, pages):
    outcome = Outcome("https://a.example/x", state, reason, 200, page=ARTICLE, kind=kind)
    tally = CrawlTally(lambda: 0)
    tally.count(outcome)
    assert (tally.counts["pages"], count_pages(counts_of_run({outcome.count.key: 1}))) == (pages, pages)


def rendered(tally: CrawlTally, columns: int) -> list[str]:
    console = Console(file=io.StringIO(), width=columns, color_system=None, force_terminal=True)
    with console.capture() as capture:
        console.print(render_tally(tally, columns))
    return capture.get().splitlines()


@pytest.mark.parametrize("columns", [40, 59, 80, 160])
def test_a_terminal_gets_bar_time_counts_hosts_and_the_current_address(columns):
    clock = Seconds()
    tally = CrawlTally(lambda: 60, clock)
    for outcome in OUTCOMES:
        clock.now += 20.0
        tally.count(outcome)
    lines = rendered(tally, columns)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= columns
    assert "0:01:00" in text
    assert "about 20 min" in text
    assert "1 article " in text
    assert "a.example" in text
    assert lines[-1].startswith("https://b.example/a?q=[2Jxxx")
    assert not ACTIVE & set(text)
    assert text.count("\n") <= 6


def test_one_host_has_no_line_of_its_own_and_many_are_counted():
    tally = CrawlTally(lambda: 1)
    tally.count(OUTCOMES[0])
    assert len(rendered(tally, 80)) == 3
    for number in range(9):
        tally.count(Outcome(f"https://h{number}.example/", "done", "list", 200))
    lines = rendered(tally, 80)
    assert "… and 4 more hosts" in lines
    assert any(line.startswith("h8.example ") for line in lines)


@pytest.mark.parametrize(
    ("outcomes", "seconds", "waiting", "said"),
    [
        (0, 0.0, 30, ""),
        (10, 10.0, 30, "about 30 s for what is queued"),
        (10, 10.0, 0, ""),
        (1, 4.9, 10, ""),
        (1, 5.0, 10, "about 50 s for what is queued"),
        (10, 10.0, 1, "about 1 s for what is queued"),
    ],
)
def test_what_remains_is_said_once_there_is_a_rate_and_something_to_do(outcomes, seconds, waiting, said):
    clock = Seconds()
    tally = CrawlTally(lambda: waiting, clock)
    for _ in range(outcomes):
        clock.now += seconds / outcomes
        tally.count(OUTCOMES[0])
    assert tally.remaining_text() == said
    assert tally.status_line().endswith(f"0 failed  {said}".rstrip())
    clock.now += 10.0 * (waiting == 1)
    assert waiting != 1 or tally.remaining_text() == "", "an estimate that has passed is not repeated"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (89, "89 s"), (360, "6 min"), (3600, "1 h"), (7500, "2 h 5 min"), (4 * 86400, "4 days")],
)
def test_times_are_said_as_people_say_them(seconds, text):
    assert duration_text(seconds) == text


def test_a_url_has_a_line_with_what_came_of_it():
    assert url_line(OUTCOMES[0]) == f"200 article {ARTICLE.words} words  https://a.example/x"
    assert url_line(OUTCOMES[2]).startswith("404 failed: HTTP 404 Not Found  https://b.example/a?q=[2Jx")
    assert url_line(Outcome("https://c.example/", "failed", "dns")).startswith("--- failed: no such host")


@pytest.mark.slow
def test_verbose_prints_a_line_for_each_url(serve, tmp_path):
    site = serve({"/": page("home", "/one", "/missing"), "/one": page("one")})
    _, _, errors = crawl(site, tmp_path / "a.db", "-v", "--no-sitemaps", "--no-feeds")
    lines = errors.splitlines()
    assert any(line.startswith("200 article ") and line.endswith(f"{site.url}/one") for line in lines)
    assert f"404 failed: HTTP 404 Not Found  {site.url}/missing" in lines
    assert not any("INFO" in line for line in lines)
    _, _, errors = crawl(site, tmp_path / "b.db", "-v", "-q", "--no-sitemaps", "--no-feeds")
    assert f"404 failed: HTTP 404 Not Found  {site.url}/missing" in errors.splitlines()


def test_it_is_off_unless_asked_for():
    with pytest.raises(NotConfigured):
        ProgressDisplay.from_crawler(SimpleNamespace(settings=Settings({"BROADSHEET_PROGRESS": False})))  # type: ignore[arg-type]


def test_what_is_stored_is_counted_in_scrapys_stats():
    stats = StatsCollector(get_crawler())
    counting = OutcomeStats(stats)
    for outcome in (*OUTCOMES, replace(OUTCOMES[0], is_older=True), replace(OUTCOMES[1], is_retry=True)):
        counting.count(outcome)
    blocks = ARTICLE.ledger.blocks
    removed = Counter(ARTICLE.ledger.reasons[block[4]][0] for block in blocks if not block[3])
    assert removed
    assert stats.get_stats() == {
        "broadsheet/pages": 2, "broadsheet/article_pages": 1, "broadsheet/retries": 1,
        "broadsheet/blocks_kept": ARTICLE.kept, "broadsheet/blocks_removed": removed.total(),
        **{f"broadsheet/blocks_removed/{reason}": count for reason, count in removed.items()},
    }  # fmt: skip


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("has_url_lines", [True, False])
@pytest.mark.parametrize("is_shown", [True, False])
def test_a_display_is_live_on_a_terminal_and_lines_in_a_log(is_terminal, has_url_lines, is_shown, monkeypatch):
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=200, color_system=None)
    display = ProgressDisplay(console, has_url_lines=has_url_lines, is_shown=is_shown)
    queue = SimpleNamespace(counts=lambda: {"queued": 7})
    spider: Any = SimpleNamespace(on_stored=[], parts=SimpleNamespace(session=SimpleNamespace(queue=queue)))
    for name in ("_LIVE_SECONDS", "_PLAIN_SECONDS"):
        monkeypatch.setattr(progress_line, name, 0.001)

    async def crawl() -> None:
        display.spider_opened(spider)
        [count] = spider.on_stored
        count(OUTCOMES[0])
        await asyncio.sleep(0.02)
        display.spider_closed()

    asyncio.run(crawl())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert (url_line(OUTCOMES[0]) in shown) is has_url_lines
    is_live = is_terminal and is_shown
    assert ("7 queued" in shown) is is_shown
    assert ("\x1b[?25l" in shown, shown.endswith("\x1b[2K")) == (is_live, is_live)
    assert display.tally.queued_count() == 7
