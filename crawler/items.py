"""The items that leave the crawl: an article as the archive holds it, by Scrapy's conventions; and their feed export.

`-O file.jsonl` exports articles alone: what a page came to on the way is not exported.
"""

from __future__ import annotations

from typing import Any

import scrapy
from scrapy import Spider
from scrapy.exporters import CsvItemExporter, XmlItemExporter
from scrapy.extensions.feedexport import FeedExporter

from output.db.text import inert
from output.exports.csv import cell


class ArticleItem(scrapy.Item):
    """One row of `articles`. Lists (authors, tags) are lists."""

    id = scrapy.Field()
    url = scrapy.Field()
    canonical_url = scrapy.Field()
    host = scrapy.Field()
    title = scrapy.Field()
    authors = scrapy.Field()
    published = scrapy.Field()
    modified = scrapy.Field()
    language = scrapy.Field()
    description = scrapy.Field()
    section = scrapy.Field()
    tags = scrapy.Field()
    licence = scrapy.Field()
    sitename = scrapy.Field()
    image = scrapy.Field()
    text = scrapy.Field()
    markdown = scrapy.Field()
    word_count = scrapy.Field()
    page_type = scrapy.Field()
    first_seen = scrapy.Field()
    last_seen = scrapy.Field()
    cleaner_version = scrapy.Field()


class ArticleFeeds(FeedExporter):
    """Exports the articles that the spider yields at its end, when the archive is settled."""

    def item_scraped(self, item: Any, spider: Spider) -> None:
        """Pass articles on to the exporters."""
        if isinstance(item, ArticleItem):
            super().item_scraped(item, spider)


class CsvArticles(CsvItemExporter):
    """CSV whose cells a spreadsheet does not run, as `broadsheet export` writes them."""

    def serialize_field(self, field: Any, name: str, value: Any) -> Any:  # noqa: ARG002
        """The value as a cell."""
        return cell(value)


class XmlArticles(XmlItemExporter):
    """XML without the characters that it cannot hold."""

    def serialize_field(self, field: Any, name: str, value: Any) -> Any:  # noqa: ARG002
        """The value with its texts inert."""
        return [inert(str(each)) for each in value] if isinstance(value, list) else inert(str(value))
