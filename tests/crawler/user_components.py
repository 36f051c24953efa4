"""A user's own parts of a crawl: each notes in the file BROADSHEET_TEST_NOTES that it ran."""

from __future__ import annotations

import os
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import NotConfigured
from scrapy.settings import BaseSettings

from broadsheet.crawler.fetch.compression import Decompression
from broadsheet.crawler.fetch.guard import GuardedDownloadHandler


def note(text: str) -> None:
    with open(os.environ["BROADSHEET_TEST_NOTES"], "a") as file:
        file.write(f"{text}\n")


class UserDownloaderMiddleware:
    def process_response(self, request: Any, response: Any) -> Any:
        note(f"answer {response.url} {response.headers.get('Content-Encoding')}")
        return response


class UserSpiderMiddleware:
    async def process_start(self, start: Any) -> Any:
        note("start")
        async for item in start:
            yield item


class SyncSpiderMiddleware:
    """As they were written before Scrapy had coroutines: what a spider yields comes as an iterator."""

    def process_spider_output(self, response: Any, result: Any) -> Any:
        yield from result


class AsyncSpiderMiddleware:
    """As they are written now: what a spider yields comes as an asynchronous iterator."""

    async def process_start(self, start: Any) -> Any:
        note("async start")
        async for item in start:
            yield item

    async def process_spider_output(self, response: Any, result: Any) -> Any:
        note(f"async output {response.url}")
        async for item in result:
            yield item


class BothSpiderMiddleware:
    """For either, as Scrapy's documentation advises."""

    def process_spider_input(self, response: Any) -> None:
        note(f"input {response.url}")

    def process_spider_output(self, response: Any, result: Any) -> Any:
        yield from result

    async def process_spider_output_async(self, response: Any, result: Any) -> Any:
        note(f"both output {response.url}")
        async for item in result:
            yield item


class UserPipeline:
    def process_item(self, item: Any) -> Any:
        note(f"item {item['url']}")
        return item


class UserExtension:
    """Notes which parts run when the crawl has begun."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        extension.crawler = crawler
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        return extension

    crawler: Crawler

    def spider_opened(self) -> None:
        engine: Any = self.crawler.engine
        for middleware in engine.downloader.middleware.middlewares:
            note(f"middleware {type(middleware).__name__}")
        note(f"handlers {' '.join(sorted(engine.downloader.handlers._schemes))}")


class UserRetry(RetryMiddleware):
    """One of Scrapy's under another name."""


class DecliningDecompression(Decompression):
    """Ours by its class, but it does not run."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        raise NotConfigured


class UserDownloadHandler(GuardedDownloadHandler):
    """Ours with more to it."""


class RemovingAddOn:
    """Takes the decompressor away once the spider is made."""

    def update_settings(self, settings: BaseSettings) -> None:
        settings.set(
            "DOWNLOADER_MIDDLEWARES", {"broadsheet.crawler.fetch.compression.Decompression": None}, priority="cmdline"
        )


class OpeningAddOn:
    """Takes the guard's handler away once the spider is made."""

    def update_settings(self, settings: BaseSettings) -> None:
        handler = "scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler"
        settings.set("DOWNLOAD_HANDLERS", {"http": handler}, priority="cmdline")
