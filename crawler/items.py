"""The items that leave the crawl: an article as the archive holds it, by Scrapy's conventions."""

from __future__ import annotations

import scrapy


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
