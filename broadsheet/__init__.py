"""Façade for Python programs: crawl a site, clean pages, and read an archive that a crawl has made or is making.

    import broadsheet

    result = broadsheet.crawl("https://news.example/", "news.db", max_pages=100)
    cleaned = broadsheet.clean(html, "https://news.example/a-story")
    for record in broadsheet.clean_records("crawl.warc.gz"):
        print(record.url, record.state, record.reason)
    with broadsheet.open("news.db") as archive:
        for article in archive.articles(language="en"):
            print(article.published_day, article.title)

A Scrapy project takes `broadsheet.Addon` (`ADDONS = {"broadsheet.Addon": 0}`) and `broadsheet.SiteSpider`. Python loads
each name when it is first used: `import broadsheet` loads no other package, and `clean` no Scrapy.

Only `crawl` writes to an archive, and no other function makes a crawl wait. A file that cannot be read raises
`broadsheet.ArchiveError` with one line. `docs/python.md` shows each function at work.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broadsheet.crawler.bulk.cleaner import Cleaned, CleanedBlock, Cleaner, clean
    from broadsheet.crawler.bulk.record_cleaning import CleanedRecord, clean_records
    from broadsheet.crawler.crawl.scrapy_settings import Addon
    from broadsheet.crawler.crawl.spiders import SiteSpider
    from broadsheet.crawler.options import OptionError
    from broadsheet.crawling import CrawlError, CrawlProgress, CrawlResult, crawl
    from broadsheet.output.archive.archive_errors import ArchiveError, NotReachable
    from broadsheet.output.archive.metadata_columns import StatedMetadata
    from broadsheet.output.read.edit_history import ListedChange, ListedEdit, TextVersion
    from broadsheet.output.read.page_lookup import StoredBlock, StoredPage
    from broadsheet.output.read.search import SearchHit
    from broadsheet.output.read.stored_articles import Article, ArticleLink
    from broadsheet.reader import ArchiveReader, ArticleIterator, RawResponse, open

_MODULES = {
    "crawler.bulk.cleaner": "Cleaned CleanedBlock Cleaner clean",
    "crawler.bulk.record_cleaning": "CleanedRecord clean_records",
    "crawler.crawl.scrapy_settings": "Addon",
    "crawler.crawl.spiders": "SiteSpider",
    "crawler.options": "OptionError",
    "crawling": "CrawlError CrawlProgress CrawlResult crawl",
    "output.archive.archive_errors": "ArchiveError NotReachable",
    "output.archive.metadata_columns": "StatedMetadata",
    "output.read.page_lookup": "StoredBlock StoredPage",
    "output.read.search": "SearchHit",
    "output.read.stored_articles": "Article ArticleLink",
    "output.read.edit_history": "ListedChange ListedEdit TextVersion",
    "reader": "ArchiveReader ArticleIterator RawResponse open",
}
"""Each module with the public names that are loaded from it."""

_MODULE_BY_NAME = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = [
    "Addon", "ArchiveError", "ArchiveReader", "Article", "ArticleIterator", "ArticleLink", "Cleaned",
    "CleanedBlock", "CleanedRecord", "Cleaner", "CrawlError", "CrawlProgress", "CrawlResult", "ListedChange",
    "ListedEdit", "NotReachable", "OptionError", "RawResponse", "SearchHit", "SiteSpider", "StatedMetadata",
    "StoredBlock", "StoredPage", "TextVersion", "clean", "clean_records", "crawl", "open",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load a public name from its module when it is first used (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("broadsheet")
    elif name in _MODULE_BY_NAME:
        value = getattr(import_module(f"{__name__}.{_MODULE_BY_NAME[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
