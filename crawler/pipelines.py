"""The pipeline that stores what the spider makes of a page. An item goes on only when it is committed."""

from __future__ import annotations

from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from crawler.spiders.site import SiteSpider
from output.outcome import Outcome


class ArchivePipeline:
    """Stores each `Outcome` in the archive; other items pass through."""

    def __init__(self, spider: SiteSpider) -> None:
        self._spider = spider

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Made by Scrapy; refuses a spider that has no archive."""
        if not isinstance(crawler.spider, SiteSpider):
            raise NotConfigured("ArchivePipeline works with Broadsheet's spiders only")
        return cls(crawler.spider)

    async def process_item(self, item: Any) -> Any:
        """Return the item once it is committed."""
        if isinstance(item, Outcome):
            await self._spider.stored(item)
        return item
