"""A spider that is stopped in the very moment in which it was about to ask for a page."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from broadsheet.crawler.crawl.spiders import SiteSpider

_LAST = 3


class StoppingSpider(SiteSpider):
    """Stopped as Ctrl-C stops it, between a page's turn and its request, while nothing else is on the way."""

    name = "stopping"

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        if self.requested_pages == _LAST and not self.end_reason:
            self.end_reason = "stopped by the test"
            self.stopping = asyncio.get_running_loop().create_task(self.crawler.engine.stop_async())
        super()._start_task(work)
