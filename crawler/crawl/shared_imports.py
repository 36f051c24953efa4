"""Imported by the fork server of crawls: loads the modules and the schema that each crawl needs, which its forks share.

None of it installs a reactor. What a list lacks, each fork imports for itself.
"""

from __future__ import annotations

from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.archive.foreign_schema import refuse_replaced_objects
from broadsheet.output.archive.migrations import MIGRATIONS

_MODULES = (
    "broadsheet.crawler.cli.progress", "broadsheet.crawler.commands.spider_run", "broadsheet.crawler.commands.update",
    "broadsheet.crawler.crawl.page_rendering", "broadsheet.crawler.crawl.processes",
    "broadsheet.output.settle.settling", "encodings.charmap", "encodings.idna", "resource",
)  # fmt: skip
_SCRAPY_MODULES = (
    "downloadermiddlewares.defaultheaders", "downloadermiddlewares.downloadtimeout", "downloadermiddlewares.stats",
    "downloadermiddlewares.useragent", "dupefilters", "extensions.corestats", "extensions.logcount",
    "extensions.logstats", "extensions.memdebug", "extensions.memusage", "extensions.spiderstate", "pqueues",
    "spidermiddlewares.metacopy", "spidermiddlewares.start", "squeues", "utils.engine",
)  # fmt: skip


def _load() -> None:
    for name in (*_MODULES, *(f"scrapy.{name}" for name in _SCRAPY_MODULES)):
        with suppress(ImportError):  # as with another version of Scrapy
            import_module(name)
    with closing(Database(memory=True)) as nothing:  # makes the schema once, which opening an archive compares
        refuse_replaced_objects(nothing, Path(), MIGRATIONS)


_load()
