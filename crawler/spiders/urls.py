"""The spider that fetches a list of URLs and discovers no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.spiders.site import SiteSpider


class UrlsSpider(SiteSpider):
    """Fetch the given URLs only: `scrapy crawl urls -a urls_file=FILE [-a db=FILE]`."""

    name = "urls"

    @classmethod
    def options(cls, arguments: dict[str, Any]) -> CrawlOptions:
        """The crawl's options by the spider's arguments, with all discovery off."""
        options = CrawlOptions.from_arguments(arguments)
        return replace(options, discover_sitemaps=False, discover_feeds=False, discover_links=False)
