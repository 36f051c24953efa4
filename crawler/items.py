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

from broadsheet.output.archive.metadata_columns import STATED_COLUMNS
from broadsheet.output.archive.stored_text import escaped_json, inert_text
from broadsheet.output.read.article_rows import csv_cell

_FIRST_COLUMNS = ("id", "url", "canonical_url", "host")
_ITEM_COLUMNS = (
    *_FIRST_COLUMNS,
    *(name for name in STATED_COLUMNS if name not in _FIRST_COLUMNS),
    *("text", "markdown", "word_count", "page_type", "first_seen", "last_seen", "cleaner_version"),
)

_XML_NONCHARACTERS = {0xFFFE: None, 0xFFFF: None}


class ArticleItem(scrapy.Item):
    """One row of the archive's `articles`; `authors`, `tags` and other lists are lists."""

    vars().update({name: scrapy.Field() for name in _ITEM_COLUMNS})


class ArticleFeeds(FeedExporter):
    """Exports the articles that the spider yields at its end, when the archive is settled."""

    def item_scraped(self, item: Any, spider: Spider) -> None:
        """Export an item if it is an article."""
        if isinstance(item, ArticleItem):
            super().item_scraped(item, spider)


class CsvArticles(CsvItemExporter):
    """CSV whose cells a spreadsheet does not run as formulas, as `broadsheet export` writes them."""

    def serialize_field(self, field: Any, name: str, value: Any) -> Any:  # noqa: ARG002
        """Return the value as the text of a cell."""
        return csv_cell(value)


class XmlArticles(XmlItemExporter):
    """XML without the characters that XML forbids; unknown values are empty."""

    def serialize_field(self, field: Any, name: str, value: Any) -> Any:  # noqa: ARG002
        """Return the value, or each entry of a list, as text without these characters."""
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
        """Encode JSON with the characters escaped that act on a terminal or on the text around them."""
        return escaped_json(super().encode(o))


def _xml_text(value: object) -> str:
    return "" if value is None else inert_text(str(value)).translate(_XML_NONCHARACTERS)
