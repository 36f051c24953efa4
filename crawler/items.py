"""The Scrapy items of a crawl: the articles of the settled archive, and their feed export.

`-O file.jsonl` exports articles only, when the crawl has ended: not what pages were classified as before.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import scrapy
from scrapy import Spider
from scrapy.exporters import CsvItemExporter, JsonItemExporter, JsonLinesItemExporter, XmlItemExporter
from scrapy.extensions.feedexport import FeedExporter
from scrapy.utils.serialize import ScrapyJSONEncoder

from output.db.text import escaped_json, inert_text
from output.exports.csv import csv_cell

_XML_NONCHARACTERS = {0xFFFE: None, 0xFFFF: None}


class ArticleItem(scrapy.Item):
    """One row of the archive's `articles`; `authors` and `tags` are lists."""

    id = scrapy.Field()
    url = scrapy.Field()
    canonical_url = scrapy.Field()
    host = scrapy.Field()
    title = scrapy.Field()
    authors = scrapy.Field()
    published = scrapy.Field()
    published_day = scrapy.Field()
    published_raw = scrapy.Field()
    modified = scrapy.Field()
    modified_day = scrapy.Field()
    modified_raw = scrapy.Field()
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
        """Export an item if it is an article."""
        if isinstance(item, ArticleItem):
            super().item_scraped(item, spider)


class CsvArticles(CsvItemExporter):
    """CSV whose cells a spreadsheet does not run as formulas, as `broadsheet export` writes them."""

    def serialize_field(self, field: Any, name: str, value: Any) -> Any:  # noqa: ARG002
        """The value as the text of a cell."""
        return csv_cell(value)


class XmlArticles(XmlItemExporter):
    """XML without the characters that XML does not allow; what is not known is empty."""

    def serialize_field(self, field: Any, name: str, value: Any) -> Any:  # noqa: ARG002
        """The value, or each entry of a list, as text without these characters."""
        return [_xml_text(entry) for entry in value] if isinstance(value, list) else _xml_text(value)


class JsonArticles(JsonItemExporter):
    """JSON whose control characters are escaped, as `broadsheet export` writes them: exact, and inert on a screen."""

    def __init__(self, file: BytesIO, **options: Any) -> None:
        super().__init__(file, **options)
        self.encoder = _InertEncoder(**self._kwargs)


class JsonLinesArticles(JsonLinesItemExporter):
    """The same, an object a line."""

    def __init__(self, file: BytesIO, **options: Any) -> None:
        super().__init__(file, **options)
        self.encoder = _InertEncoder(**self._kwargs)


class _InertEncoder(ScrapyJSONEncoder):
    def encode(self, o: Any) -> str:
        """JSON with the characters escaped that act on a terminal or on the text around them."""
        return escaped_json(super().encode(o))


def _xml_text(value: object) -> str:
    return "" if value is None else inert_text(str(value)).translate(_XML_NONCHARACTERS)
