"""A user's own middlewares, pipelines and extensions are added to ours; what would take ours away starts no crawl."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.crawler.hostile import HostileServer, answer

USER = "tests.crawler.user_components"


@pytest.fixture
def server() -> Iterator[HostileServer]:
    server = HostileServer({"/": answer(b"inside")})
    yield server
    server.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        (
            "DOWNLOADER_MIDDLEWARES",
            {"broadsheet.crawler.fetch.compression.Decompression": None},
            "must have broadsheet.crawler.fetch.comp",
        ),
        ("DOWNLOADER_MIDDLEWARES_BASE", {}, "DOWNLOADER_MIDDLEWARES must have"),
        ("DOWNLOADER_MIDDLEWARES", {f"{USER}.DecliningDecompression": 590}, "does not run"),
        ("DOWNLOAD_HANDLERS_BASE", {}, "DOWNLOAD_HANDLERS must be"),
        ("SPIDER_MIDDLEWARES", {f"{USER}.SyncSpiderMiddleware": 100}, "is not asynchronous, and Scrapy from 2.19"),
        ("ADDONS", {f"{USER}.RemovingAddOn": 1}, "DOWNLOADER_MIDDLEWARES must have"),
        ("ADDONS", {f"{USER}.OpeningAddOn": 1}, "DOWNLOAD_HANDLERS must be"),
    ],
)
def test_a_crawl_without_ours_says_so_in_one_line_and_asks_for_nothing(crawl, server, name, value, complaint):
    settings = {name: json.dumps(value)}
    if "does not run" in complaint:
        settings["DOWNLOADER_MIDDLEWARES_BASE"] = "{}"
    result = crawl(server.url(), **settings)
    assert complaint in result.errors
    assert result.errors.count("\n") == 1
    assert server.accepted == 0
    assert result.code != 0 or result.run()[0] == "failed"
