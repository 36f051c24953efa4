"""Scrapy's feed export (`-O file.jsonl`), for the articles alone: what a page came to on the way is not exported."""

from __future__ import annotations

from typing import Any

from scrapy import Spider
from scrapy.extensions.feedexport import FeedExporter

from crawler.items import ArticleItem


class ArticleFeeds(FeedExporter):
    """Exports the articles that the spider yields at its end, when the archive is settled."""

    def item_scraped(self, item: Any, spider: Spider) -> None:
        """Pass articles on to the exporters."""
        if isinstance(item, ArticleItem):
            super().item_scraped(item, spider)
