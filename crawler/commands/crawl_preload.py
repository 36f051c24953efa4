"""Imported by the fork server of a fleet: loads what crawls need, which its forks then share, and no reactor."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

_MODULES = (
    "broadsheet.crawler.cli.progress", "broadsheet.crawler.commands.spider_run", "broadsheet.crawler.commands.update",
    "broadsheet.crawler.crawl.early_checks", "broadsheet.output.settle.settling", "encodings.idna",
)  # fmt: skip
_SCRAPY_MODULES = (
    "downloadermiddlewares.defaultheaders", "downloadermiddlewares.downloadtimeout", "downloadermiddlewares.stats",
    "downloadermiddlewares.useragent", "dupefilters", "extensions.corestats", "extensions.logcount",
    "extensions.logstats", "extensions.memdebug", "extensions.memusage", "extensions.spiderstate", "pqueues",
    "spidermiddlewares.metacopy", "spidermiddlewares.start", "squeues", "statscollectors",
)  # fmt: skip
"""What settings name."""


def _warm_up() -> None:
    """Import what a crawl imports, and make an archive: its schema is then known."""
    for module in (*_MODULES, *(f"scrapy.{name}" for name in _SCRAPY_MODULES)):
        import_module(module)
    from broadsheet.output.write.archive_writer import Archive

    with suppress(Exception), TemporaryDirectory() as folder:  # as where the disk is full: it costs a crawl time
        Archive.open(Path(folder) / "first.db").close()


_warm_up()
