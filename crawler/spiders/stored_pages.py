"""The articles' pages of a crawl in the order in which they are stored, for who takes them while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from broadsheet.output.outcome import Outcome


class StoredPages:
    """The URLs of pages that are stored as articles: `add` takes outcomes, and `beside` yields what they added."""

    def __init__(self) -> None:
        self._urls: asyncio.Queue[str | None] = asyncio.Queue()

    def add(self, outcome: Outcome) -> None:
        """Take the URL of an outcome that is in the archive, if its page is an article."""
        if outcome.page is not None and outcome.page.is_article and not outcome.is_older:
            self._urls.put_nowait(outcome.url)

    async def beside(self, work: Coroutine[Any, Any, None]) -> AsyncGenerator[str, None]:
        """Yield each URL once it is added, while the work goes on; raises what the work raises, at its end."""
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda _: self._urls.put_nowait(None))
        try:
            while (url := await self._urls.get()) is not None:
                yield url
            await task
        finally:
            task.cancel()
