"""Scrapy's CLOSESPIDER_ settings: a crawl of ours that reaches one starts nothing more, settles, and exports."""

from __future__ import annotations

from scrapy.extensions.closespider import CloseSpider

from broadsheet.crawler.spiders.site import SiteSpider


class CrawlLimits(CloseSpider):
    """In place of Scrapy's extension, which waits until a spider has no request under way: ours hands out more."""

    def _close_spider(self, reason: str) -> None:
        """Called by Scrapy's extension when a limit is reached."""
        spider = self.crawler.spider
        if isinstance(spider, SiteSpider):
            spider.stop_at_limit(reason)
        else:
            super()._close_spider(reason)
