"""Imported by the fork server: loads the modules and data that workers need, which the forked processes then share."""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module

_MODULES = (
    "broadsheet.crawler.crawl.worker_jobs",
    "feedparser",
    "broadsheet.output.settle.site_scan",
)
_TEXT = "The mill by the river was sold on Monday, and nobody in the village had asked what it was worth. "
_BYLINE = "<p>By Jane Miller</p><p>Last updated: 3 March 2024</p>"  # has the long patterns of names and dates compiled
_PAGE = f"<title>The mill</title><h1>The mill is sold</h1><article>{_BYLINE}{f'<p>{_TEXT * 3}</p>' * 4}</article>"


def _warm_up() -> None:
    """Import the modules and clean a page. Garbage collection is off: it would take an eighth of the time and free
    nothing.
    """
    gc.disable()
    for module in _MODULES:
        import_module(module)
    from broadsheet.cleaners.clean import clean
    from broadsheet.cleaners.document import ExtractorUse, Page
    from broadsheet.output.archive.page_rows import make_page_rows

    with suppress(Exception):  # as where the disk is full: what could not be loaded now is loaded when a page needs it
        # this loads the large model that guesses a page's language, trafilatura and the models of blocks, too
        page = Page("https://mill.example/2024/sold.html", _PAGE.encode())
        make_page_rows(clean(page, extractor_use=ExtractorUse.ALWAYS))


_warm_up()
gc.collect()
gc.freeze()  # a garbage collection writes to the objects that it checks, and their memory is no longer shared
gc.enable()
