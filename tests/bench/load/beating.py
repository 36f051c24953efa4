"""`broadsheet` with one extension more, which measures how late the event loop runs.

python -m tests.bench.load.beating REPORT.json crawl URL ...

Nothing large is imported here: the crawl begins to start its workers before its own imports, and they import this.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import resource
import sys
import time
from typing import TYPE_CHECKING, Self

from broadsheet.crawler import settings
from broadsheet.crawler.cli import main

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

_BEAT = 0.01  # seconds between two beats
_LOOK = 10  # beats between two looks at the memory, which cost more than a beat


class Heart:
    """Beats on the loop while the spider runs, and reports how late a beat came (ms), at worst and at the 99th %."""

    def __init__(self, spider_crawler: Crawler) -> None:
        self._crawler = spider_crawler
        self._late: list[tuple[float, float]] = []  # ms late, and when
        self._pages = 0  # of memory, at most, while something was under way
        self._born = time.monotonic()

    @classmethod
    def from_crawler(cls, spider_crawler: Crawler) -> Self:
        from scrapy import signals

        heart = cls(spider_crawler)
        spider_crawler.signals.connect(heart.opened, signals.spider_opened)
        spider_crawler.signals.connect(heart.closed, signals.spider_closed)
        return heart

    def opened(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._beat())

    def closed(self) -> None:
        self._task.cancel()
        worst = max(self._late, default=(0.0, 0.0))
        late = sorted(ms for ms, _ in self._late) or [0.0]
        report = {"worst": round(late[-1], 1), "p99": round(late[len(late) * 99 // 100], 1), "beats": len(late)}
        report["fetching_mb"] = round(self._pages * resource.getpagesize() / 2**20, 1)
        report["worst_at_s"] = round(worst[1], 1)
        pathlib.Path(REPORT).write_text(json.dumps(report))

    async def _beat(self) -> None:
        """Only what is late while something is under way counts: at the end the archive is settled in one go."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_BEAT)
            late = time.monotonic() - before - _BEAT
            parts = getattr(self._crawler.spider, "parts", None)  # there once the archive is open
            if parts is not None and parts.frontier.in_flight:
                self._late.append((1000 * late, before - self._born))
                if len(self._late) % _LOOK == 1:
                    self._pages = max(self._pages, int(pathlib.Path("/proc/self/statm").read_text().split()[1]))


if __name__ == "__main__":
    REPORT = sys.argv.pop(1)
    settings.EXTENSIONS_BASE[Heart] = 0  # type: ignore[index]
    main()
