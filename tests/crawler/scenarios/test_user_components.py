"""A user's own middlewares, pipelines and extensions are added to ours; what would take ours away starts no crawl."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crawler.crawls import Crawl
from tests.crawler.hostile import HostileServer, answer
from tests.crawler.scripted_site import Reply, ScriptedSite, page

USER = "tests.crawler.user_components"
PACKED = Reply(gzip.compress(page("mill").encode()), headers={"Content-Encoding": "gzip"})


@pytest.fixture
def server() -> Iterator[HostileServer]:
    server = HostileServer({"/": answer(b"inside")})
    yield server
    server.close()


def test_they_run_and_find_ours_in_place(
    crawl: Crawl, serve: Callable[..., ScriptedSite], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = serve({"/mill": PACKED})
    monkeypatch.setenv("BROADSHEET_TEST_NOTES", str(tmp_path / "notes"))
    result = crawl(
        f"{site.url}/mill",
        export=tmp_path / "articles.csv",
        DOWNLOADER_MIDDLEWARES=json.dumps({f"{USER}.UserDownloaderMiddleware": 100}),
        SPIDER_MIDDLEWARES=json.dumps({f"{USER}.UserSpiderMiddleware": 100}),
        ITEM_PIPELINES=json.dumps({f"{USER}.UserPipeline": 100}),
        EXTENSIONS=json.dumps({f"{USER}.UserExtension": 100}),
        FEED_EXPORTERS=json.dumps({"other": "scrapy.exporters.JsonItemExporter"}),
    )
    notes = (tmp_path / "notes").read_text().splitlines()
    assert (result.code, result.errors) == (0, "")
    assert {"start", f"answer {site.url}/mill None", f"item {site.url}/mill", "middleware Decompression"} <= {*notes}
    assert "handlers http https" in notes
    assert {line for line in notes if "Redirect" in line or "Retry" in line or "HttpCompression" in line} == set()
    assert "which the council" in (tmp_path / "articles.csv").read_text()


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
def test_a_crawl_without_ours_says_so_in_one_line_and_asks_for_nothing(
    crawl: Crawl, server: HostileServer, name: str, value: dict[str, object], complaint: str
) -> None:
    settings = {name: json.dumps(value)}
    if "does not run" in complaint:
        settings["DOWNLOADER_MIDDLEWARES_BASE"] = "{}"
    result = crawl(server.url(), **settings)
    assert complaint in result.errors
    assert result.errors.count("\n") == 1
    assert server.accepted == 0
    assert result.code != 0 or result.run()[0] == "failed"
