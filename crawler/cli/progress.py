"""The progress of a crawl: a few live lines for people, a plain line now and then for logs, JSON for programs."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.statscollectors import StatsCollector

from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.archive.url_words import UrlKind, UrlState
from broadsheet.output.read.plain_words import count_text, reason_text
from broadsheet.output.write.outcome import Outcome

from .progress_line import StatusDisplay
from .terminal import cut_line, one_line

_RATE_OUTCOMES = 100  # outcomes over which the current rate is measured
_MIN_RATE_SECONDS = 5.0  # a rate over a shorter time is noise
_MAX_HOSTS = 6  # hosts with a line of their own, the most recently active
_NARROW_COLUMNS = 60  # below this width the bar has a line to itself
_MAX_BAR_COLUMNS = 40


class CrawlTally:
    """Counts outcomes of the crawl and of each host, the current rate, and the latest URL.

    `clock` returns monotonic seconds; `queued_count` the number of URLs waiting.
    """

    def __init__(self, queued_count: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[str] = Counter()
        """By `UrlState`, and `pages` and `article pages`, from which settling takes copies, further parts and lists."""
        self.counts_by_host: dict[str, Counter[str]] = {}
        """The same by host, the most recently active last."""
        self.latest_url = ""
        self.queued_count = queued_count
        self._clock = clock
        self._started = clock()
        self._times: deque[float] = deque([self._started], maxlen=_RATE_OUTCOMES)

    def count(self, outcome: Outcome) -> None:
        """Count a stored outcome."""
        self.latest_url = outcome.url
        self._times.append(self._clock())
        host = host_of(outcome.url)
        host_counts = self.counts_by_host.pop(host, Counter())
        self.counts_by_host[host] = host_counts
        for counts in (self.counts, host_counts):
            counts[outcome.state] += outcome.kind != UrlKind.ROBOTS or outcome.state == UrlState.FAILED
            counts["pages"] += outcome.count.is_page
            counts["article pages"] += outcome.page is not None and outcome.page.is_article

    @property
    def elapsed(self) -> float:
        """Return the seconds since the beginning."""
        return max(self._clock() - self._started, 0.001)

    @property
    def remaining_seconds(self) -> float | None:
        """Estimate the seconds until the queue is empty at the current rate; None with too few outcomes.

        None too if nothing has come in for that long, for instance while a failed URL waits for its retry.
        """
        now = self._clock()
        seconds = now - self._times[0]
        if len(self._times) < 2 or seconds < _MIN_RATE_SECONDS:
            return None
        remaining = self.queued_count() * seconds / (len(self._times) - 1)
        return remaining if now - self._times[-1] <= max(remaining, _MIN_RATE_SECONDS) else None

    def status_line(self) -> str:
        """Return the counts, the rate and the remaining time, in one line."""
        counts = self.counts
        parts = [
            count_text(counts["pages"], "page"),
            count_text(counts["article pages"], "article page"),
            f"{self.queued_count():,} queued",
        ]
        parts += [f"{counts['pages'] / self.elapsed:.1f} pages/s", f"{counts[UrlState.FAILED]:,} failed"]
        return "  ".join([*parts, *filter(None, [self.remaining_text()])])

    def remaining_text(self) -> str:
        """Return the remaining time, as `about 6 min for what is queued`; empty if unknown or if nothing is queued."""
        seconds = self.remaining_seconds
        return f"about {duration_text(seconds)} for what is queued" if seconds and self.queued_count() else ""


class OutcomeStats:
    """Counter of stored outcomes in Scrapy's stats, under `broadsheet/`: pages, article pages, blocks, bytes."""

    def __init__(self, stats: StatsCollector) -> None:
        self._increase = stats.inc_value  # bound once: Scrapy wraps it anew each time it is looked up

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the extension for Scrapy."""
        extension = cls(crawler.stats)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        return extension

    def spider_opened(self, spider: Spider) -> None:
        """Count the outcomes of a Broadsheet spider; other spiders are ignored."""
        if (callbacks := getattr(spider, "on_stored", None)) is not None:
            callbacks.append(self.count)

    def count(self, outcome: Outcome) -> None:
        """Count a stored outcome."""
        page = outcome.page
        self._add("raw_bytes", outcome.raw_size)
        self._add("retries", int(outcome.is_retry))
        self._add("pages", int(outcome.count.is_page))
        if page is None or not outcome.has_new_article:
            return
        self._add("article_pages", 1)
        self._add("blocks_kept", page.kept)
        self._add("blocks_removed", page.blocks - page.kept)
        names = [reason for reason, _ in page.ledger.reasons]
        removed = Counter([names[reason] for *_, is_kept, reason in page.ledger.blocks if not is_kept])
        for name, count in removed.items():
            self._add(f"blocks_removed/{name}", count)

    def _add(self, name: str, count: int) -> None:
        if count:
            self._increase(f"broadsheet/{name}", count)


class ProgressDisplay:
    """Shows a tally on standard error: live lines on a terminal, elsewhere a line every ten seconds.

    With `has_url_lines`, each outcome is a line too: `200 article 412 words  URL`.
    """

    def __init__(self, console: Console, *, has_url_lines: bool = False, is_shown: bool = True) -> None:
        self._console = console
        self._has_url_lines = has_url_lines
        self._spider: Any = None
        self.tally = CrawlTally(lambda: int(self._spider.parts.session.queue.counts()[UrlState.QUEUED]))
        self._display = StatusDisplay(console, self.tally.status_line, self._render) if is_shown else None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the extension for Scrapy. NotConfigured unless BROADSHEET_PROGRESS or BROADSHEET_URL_LINES is on."""
        is_shown = crawler.settings.getbool("BROADSHEET_PROGRESS")
        has_url_lines = crawler.settings.getbool("BROADSHEET_URL_LINES")
        if not (is_shown or has_url_lines):
            raise NotConfigured
        progress = cls(Console(file=sys.stderr), has_url_lines=has_url_lines, is_shown=is_shown)
        crawler.signals.connect(progress.spider_opened, signals.spider_opened)
        crawler.signals.connect(progress.spider_closed, signals.spider_closed)
        return progress

    def spider_opened(self, spider: Spider) -> None:
        """Start the display."""
        self._spider = spider
        self._spider.on_stored.append(self.count)
        if self._display:
            self._display.start()

    def count(self, outcome: Outcome) -> None:
        """Count a stored outcome, and print its line if there are any."""
        self.tally.count(outcome)
        if self._has_url_lines:
            self._console.print(Text(url_line(outcome)), soft_wrap=True)

    def spider_closed(self) -> None:
        """Stop the display; the summary is printed elsewhere."""
        if self._display:
            self._display.stop()

    def _render(self) -> RenderableType:
        return render_tally(self.tally, self._console.width)


_LOG_SECONDS = 1.0
_LEAST_WAIT = 2.0  # seconds; shorter waits between two requests of a host are its usual pace


class ProgressLog:
    """Appends progress to a file, one JSON object a line, for programs that display it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._spider: Any = None
        self._task: asyncio.Task[None] | None = None
        self.tally = CrawlTally(lambda: int(self._spider.parts.session.queue.counts()[UrlState.QUEUED]))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the extension for Scrapy. NotConfigured unless BROADSHEET_PROGRESS_LOG names a file."""
        if not (name := crawler.settings.get("BROADSHEET_PROGRESS_LOG")):
            raise NotConfigured
        log = cls(Path(name))
        crawler.signals.connect(log.spider_opened, signals.spider_opened)
        crawler.signals.connect(log.spider_closed, signals.spider_closed)
        return log

    def spider_opened(self, spider: Spider) -> None:
        """Begin to write."""
        self._spider = spider
        self._spider.on_stored.append(self.tally.count)
        self._task = asyncio.ensure_future(self._repeat())

    def spider_closed(self) -> None:
        """Stop writing. The final counts are in the archive."""
        if self._task:
            self._task.cancel()

    def write(self) -> None:
        """Append a line. A full disk costs the line, not the crawl."""
        tally, counts = self.tally, self.tally.counts
        waits = self._spider.parts.frontier.waits(_LEAST_WAIT)
        values = {
            "at": utc_now(),
            "pages": counts["pages"],
            "articles": counts["article pages"],
            "queued": tally.queued_count(),
            "failed": counts[UrlState.FAILED],
            "pages_a_second": round(counts["pages"] / tally.elapsed, 2),
            "remaining_seconds": tally.remaining_seconds,
            "url": tally.latest_url,
            "waits": [wait._asdict() for wait in waits[:_MAX_HOSTS]],
        }
        with suppress(OSError), self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(values) + "\n")

    async def _repeat(self) -> None:
        while True:
            self.write()
            await asyncio.sleep(_LOG_SECONDS)


def render_tally(tally: CrawlTally, columns: int) -> RenderableType:
    """Render a tally within a width: bar and time, counts, hosts if there are several, current URL."""
    lines = [_bar_line(tally, columns), _counts_line(tally.counts, tally, columns)]
    if len(tally.counts_by_host) > 1:
        lines += _host_lines(tally, columns)
    return Group(*lines, Text(cut_line(tally.latest_url, columns), style="dim"))


def url_line(outcome: Outcome) -> str:
    """Describe the outcome of a URL, in a line: `200 article 412 words  https://…`."""
    status = str(outcome.http_status or "---")
    words = f" {count_text(outcome.page.words, 'word')}" if outcome.page and outcome.page.is_article else ""
    result = (
        str(outcome.reason) if outcome.state == UrlState.DONE else f"{outcome.state}: {reason_text(outcome.reason)}"
    )
    return one_line(f"{status} {result}{words}") + f"  {one_line(outcome.url)}"


def duration_text(seconds: float) -> str:
    """Format a duration: `40 s`, `6 min`, `2 h 5 min`, `3 days`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"


def _bar_line(tally: CrawlTally, columns: int) -> RenderableType:
    done_count = sum(tally.counts[state] for state in (UrlState.DONE, UrlState.FAILED, UrlState.SKIPPED))
    minutes, rest = divmod(int(tally.elapsed), 60)
    times = "  ".join(filter(None, [f"{minutes // 60}:{minutes % 60:02}:{rest:02}", tally.remaining_text()]))
    room = columns if columns < _NARROW_COLUMNS else columns - len(times) - 2
    bar = ProgressBar(done_count + tally.queued_count(), done_count, width=min(_MAX_BAR_COLUMNS, room))
    grid = Table.grid(padding=(0, 2))
    if columns < _NARROW_COLUMNS:
        grid.add_row(bar)
        return Group(grid, Text(cut_line(times, columns)))
    grid.add_row(bar, times)
    return grid


def _counts_line(counts: Counter[str], tally: CrawlTally, columns: int) -> Text:
    """Render the counts of the crawl, as many as fit."""
    failed_style = "red" if counts[UrlState.FAILED] else ""
    parts = [
        (count_text(counts["article pages"], "article page"), "green"),
        (count_text(counts["pages"], "page"), ""),
        (f"{tally.queued_count():,} queued", ""),
        (f"{counts[UrlState.FAILED]:,} failed", failed_style),
        (f"{counts['pages'] / tally.elapsed:.1f} pages/s", "dim"),
    ]
    line = Text()
    for text, style in parts:
        if len(line) + len(text) + 2 <= columns:
            line.append("  " if line else "").append(text, style=style)
    return line


def _host_lines(tally: CrawlTally, columns: int) -> Iterator[Text]:
    """Yield a line for each of the latest hosts, and one for the number of the others."""
    hosts = list(tally.counts_by_host)
    for host in sorted(hosts[-_MAX_HOSTS:]):
        counts = tally.counts_by_host[host]
        numbers = f"{counts['article pages']:>6,} article pages  {counts['pages']:>6,} pages"
        numbers += f"  {counts[UrlState.FAILED]:,} failed" if counts[UrlState.FAILED] else ""
        yield Text(cut_line(f"{cut_line(host, 30):<30}", 30).ljust(30) + numbers[: max(0, columns - 30)])
    if len(hosts) > _MAX_HOSTS:
        yield Text(f"… and {len(hosts) - _MAX_HOSTS:,} more hosts", style="dim")
