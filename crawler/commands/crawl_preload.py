"""Imported by the fork server of a fleet: loads what crawls need, which its forks then share, and no reactor."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

_COMPONENTS = (
    "downloadermiddlewares.defaultheaders", "downloadermiddlewares.downloadtimeout", "downloadermiddlewares.stats",
    "downloadermiddlewares.useragent", "dupefilters", "extensions.corestats", "extensions.logcount",
    "extensions.logstats", "extensions.memdebug", "extensions.memusage", "extensions.spiderstate", "pqueues",
    "spidermiddlewares.metacopy", "spidermiddlewares.start", "squeues", "statscollectors",
)  # fmt: skip
"""Of Scrapy, what settings name."""
_OWN_MODULES = (
    "crawler.commands.spider_run", "crawler.commands.update", "crawler.cli.progress", "crawler.crawl.early_checks",
    "output.settle.settling",
)  # fmt: skip


def _warm_up() -> None:
    """Import what a crawl imports, and make an archive: its schema is then known."""
    for module in (*(f"broadsheet.{name}" for name in _OWN_MODULES), *(f"scrapy.{name}" for name in _COMPONENTS)):
        import_module(module)
    import_module("encodings.idna")
    from broadsheet.output.write.archive_writer import Archive

    with suppress(Exception), TemporaryDirectory() as folder:  # as where the disk is full: it costs a crawl time
        Archive.open(Path(folder) / "first.db").close()


_warm_up()
