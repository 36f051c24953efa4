"""Pages are handed on once they are stored, while the crawl goes on, and none is lost at its end."""

from __future__ import annotations

import asyncio

import pytest

from broadsheet.crawler.spiders.stored_pages import StoredPages
from broadsheet.output.outcome import Outcome
from tests.output.conftest import Maker


def article(name: str) -> Outcome:
    return Maker().outcome(f"https://a.test/{name}", "one two three")


def test_each_comes_while_the_work_goes_on() -> None:
    async def read() -> list[str]:
        pages, taken, events = StoredPages(), asyncio.Event(), []

        async def work() -> None:
            pages.add(article("1"))
            await taken.wait()
            events.append("work")
            pages.add(article("2"))
            pages.add(Maker().failure("https://a.test/3"))

        async for url in pages.beside(work()):
            events.append(url)
            taken.set()
        return events

    assert asyncio.run(read()) == ["https://a.test/1", "work", "https://a.test/2"]


def test_what_the_work_raises_is_raised_at_its_end() -> None:
    async def read() -> list[str]:
        pages, urls = StoredPages(), []

        async def work() -> None:
            pages.add(article("1"))
            raise ValueError("broken")

        stream = pages.beside(work())
        urls.append(await anext(stream))
        with pytest.raises(ValueError, match="broken"):
            await anext(stream)
        return urls

    assert asyncio.run(read()) == ["https://a.test/1"]


def test_the_work_ends_with_who_reads() -> None:
    async def read() -> bool:
        pages = StoredPages()
        pages.add(article("1"))
        stream = pages.beside(asyncio.sleep(3600))
        await anext(stream)
        await stream.aclose()
        await asyncio.sleep(0)
        return len(asyncio.all_tasks()) == 1

    assert asyncio.run(read())
