"""The progress display of a crawl: one live line for people, a plain line now and then for logs."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text
from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from twisted.internet.task import LoopingCall

from output.db.url_words import UrlState
from output.outcome import Outcome

_LIVE_SECONDS = 0.25
_PLAIN_SECONDS = 10.0


class ProgressDisplay:
    """Counts outcomes and shows them on standard error: pages, articles, queue, rate, failures."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._counts: Counter[str] = Counter()
        self._started = time.monotonic()
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._spider: Any = None
        self._loop = LoopingCall(self.show)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Made by Scrapy where BROADSHEET_PROGRESS is on."""
        if not crawler.settings.getbool("BROADSHEET_PROGRESS"):
            raise NotConfigured
        progress = cls(Console(file=sys.stderr))
        crawler.signals.connect(progress.spider_opened, signals.spider_opened)
        crawler.signals.connect(progress.spider_closed, signals.spider_closed)
        return progress

    def spider_opened(self, spider: Spider) -> None:
        """Start the display."""
        self._spider = spider
        self._spider.on_stored.append(self.count)
        if self._live:
            self._live.start()
        self._loop.start(_LIVE_SECONDS if self._live else _PLAIN_SECONDS, now=False)

    def count(self, outcome: Outcome) -> None:
        """Count a stored outcome."""
        self._counts[outcome.state] += 1
        self._counts["pages"] += outcome.page is not None
        self._counts["articles"] += outcome.page is not None and outcome.page.is_article

    def spider_closed(self) -> None:
        """Stop the display; the summary is printed elsewhere."""
        if self._loop.running:
            self._loop.stop()
        if self._live:
            self._live.stop()

    def show(self) -> None:
        """Show the current counts."""
        if self._live:
            self._live.update(Text(self.status_line()), refresh=True)
        else:
            self._console.print(Text(self.status_line()))

    def status_line(self) -> str:
        """The current counts and the rate, in one line."""
        seconds = max(time.monotonic() - self._started, 0.001)
        counts = self._counts
        queued = self._spider.session.queue.counts()[UrlState.QUEUED]
        return (
            f"{counts['pages']} pages  {counts['articles']} articles  {queued} queued  "
            f"{counts['pages'] / seconds:.1f} pages/s  {counts['failed']} failed"
        )
