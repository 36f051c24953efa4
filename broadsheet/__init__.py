"""Façade for Python programs: crawl a site, clean a page, and read an archive that a crawl has made or is making.

    import broadsheet

    result = broadsheet.crawl("https://news.example/", "news.db", max_pages=100)
    cleaned = broadsheet.clean(html, "https://news.example/a-story")
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
    from broadsheet.cleaned import Cleaned, CleanedBlock, clean
    from broadsheet.cleaners.document import Metadata
    from broadsheet.crawler.crawl.scrapy_settings import Addon
    from broadsheet.crawler.crawl.spiders import SiteSpider
    from broadsheet.crawler.options import OptionError
    from broadsheet.crawling import CrawlError, CrawlProgress, CrawlResult, crawl
    from broadsheet.output.archive.archive_errors import ArchiveError, NotReachable
    from broadsheet.output.read.edit_history import ListedEdit
    from broadsheet.output.read.page_lookup import StoredBlock, StoredPage
    from broadsheet.output.read.search import SearchHit
    from broadsheet.output.read.stored_articles import Article
    from broadsheet.reader import ArchiveReader, RawResponse, open

_MODULES = {
    "Addon": "crawler.crawl.scrapy_settings",
    "ArchiveError": "output.archive.archive_errors",
    "ArchiveReader": "reader",
    "Article": "output.read.stored_articles",
    "Cleaned": "cleaned",
    "CleanedBlock": "cleaned",
    "CrawlError": "crawling",
    "CrawlProgress": "crawling",
    "CrawlResult": "crawling",
    "ListedEdit": "output.read.edit_history",
    "Metadata": "cleaners.document",
    "NotReachable": "output.archive.archive_errors",
    "OptionError": "crawler.options",
    "RawResponse": "reader",
    "SearchHit": "output.read.search",
    "SiteSpider": "crawler.crawl.spiders",
    "StoredBlock": "output.read.page_lookup",
    "StoredPage": "output.read.page_lookup",
    "clean": "cleaned",
    "crawl": "crawling",
    "open": "reader",
}
"""The module that each public name is loaded from."""

__all__ = [
    "Addon",
    "ArchiveError",
    "ArchiveReader",
    "Article",
    "Cleaned",
    "CleanedBlock",
    "CrawlError",
    "CrawlProgress",
    "CrawlResult",
    "ListedEdit",
    "Metadata",
    "NotReachable",
    "OptionError",
    "RawResponse",
    "SearchHit",
    "SiteSpider",
    "StoredBlock",
    "StoredPage",
    "clean",
    "crawl",
    "open",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load a public name from its module when it is first used (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("broadsheet")
    elif name in _MODULES:
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
