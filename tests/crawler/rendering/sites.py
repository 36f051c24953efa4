"""Pages for a browser, as functions that answer its requests; and the processes that it leaves behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from broadsheet.crawler.rendering.browser import Browser, RenderLimits
from broadsheet.crawler.rendering.chromium import Chromium, find_program
from broadsheet.crawler.rendering.messages import Failure, Rendering, RenderOrder, ResourceAnswer, ResourceRequest

URL = "https://app.example/story"
TEXT = "The council decided on Tuesday to rebuild the harbour wall before the winter storms. " * 12
SHELL = '<!DOCTYPE html><html lang="en"><head><title>App</title></head><body><div id="root"></div>{}</body></html>'


def chromium() -> Chromium:
    """The Chromium of this machine, without its sandbox where tests run as root; skips a test where there is none."""
    program = find_program()
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    return Chromium(program, has_sandbox=os.geteuid() != 0)


class FakeSite:
    """Answers to requests by URL; all that was asked for is in `asked`."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def fetch(self, request: ResourceRequest) -> ResourceAnswer:
        self.asked.append(request.url)
        body = self._answers.get(request.url)
        if body is None:
            return ResourceAnswer(request.number)
        kind = "text/javascript" if request.url.endswith(".js") else "application/json"
        return ResourceAnswer(request.number, 200, {"content-type": kind}, body.encode())


def shell(script: str, url: str = URL) -> RenderOrder:
    """A page whose text comes by this script, which stands in it."""
    body = SHELL.format(f"<script>{script}</script>").encode()
    return RenderOrder(url, {"content-type": "text/html; charset=utf-8"}, body)


def render(
    *orders: RenderOrder, site: FakeSite | None = None, limits: RenderLimits | None = None
) -> list[Rendering | Failure]:
    """Render pages, one after the other in one browser."""

    async def run() -> list[Rendering | Failure]:
        browser = Browser(chromium(), "Broadsheet-test", limits)
        try:
            return [await browser.render(order, (site or FakeSite({})).fetch) for order in orders]
        finally:
            await browser.close()

    return asyncio.run(run())


@contextmanager
def nothing_left() -> Iterator[None]:
    """Check that no child of this process is left."""
    from broadsheet.crawler.rendering.process_tree import descendants

    before = set(descendants(os.getpid()))
    yield
    assert set(descendants(os.getpid())) <= before
