"""What a user of Scrapy expects: limits that stop a crawl, settings that mean what they mean, projects of their own."""

from __future__ import annotations

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.demo.server import DemoServer
from broadsheet.crawler.items import ArticleItem
from tests.crawler.crawls import QUICK as CRAWL_QUICK
from tests.crawler.crawls import Crawl, Serve
from tests.crawler.demo.truth import expected_stories
from tests.crawler.hostile import HostileServer, answer
from tests.crawler.scripted_site import Reply, ScriptedSite, page, stories
from tests.crawler.warm import PATIENCE, REPOSITORY

USER = "tests.crawler.user_components"
NAMES = [f"mill{number}" for number in range(20)]


@pytest.fixture
def chain(serve: Serve) -> ScriptedSite:
    """A start page that links to twenty stories, each of which links to one more that nothing else links to."""
    pages = {f"/{name}": page(name, f"/deep-{name}") for name in NAMES}
    return serve({"/": page("start", *pages), **pages, **stories(*(f"deep-{name}" for name in NAMES))})


@pytest.mark.slow
def test_pagecount_stops_a_crawl_in_time_and_the_next_one_goes_on(crawl, chain):
    result = crawl(f"{chain.url}/", CLOSESPIDER_PAGECOUNT=8, CONCURRENT_REQUESTS=2)
    assert (result.code, result.run()) == (0, ("stopped", "closespider_pagecount"))
    assert len([path for path in chain.paths() if "mill" in path or path == "/"]) < len(NAMES)
    assert crawl(f"{chain.url}/").run() == ("finished", "finished")
    assert len(crawl(f"{chain.url}/").articles()) == 2 * len(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "settings"),
    [
        ("closespider_timeout", {"BROADSHEET_DELAY": 3600, "CLOSESPIDER_TIMEOUT": 1}),
        ("closespider_pagecount_no_item", {"CLOSESPIDER_PAGECOUNT_NO_ITEM": 8, "CONCURRENT_REQUESTS": 2}),
        ("closespider_timeout_no_item", {"BROADSHEET_DELAY": 3600, "CLOSESPIDER_TIMEOUT_NO_ITEM": 1}),
    ],
)
def test_a_crawl_is_stopped_by_a_limit_though_it_waits_for_its_host_or_finds_no_article(crawl, serve, limit, settings):
    lists = {f"/list-{number}": Reply("<p>nothing</p>") for number in range(20)}
    site = serve({"/": page("start", *lists), **lists})
    result = crawl(f"{site.url}/", LOG_LEVEL="INFO", **settings)
    assert (result.run(), logged_stats(result.errors)["finish_reason"]) == (("stopped", limit), limit)


@pytest.mark.slow
@pytest.mark.parametrize("export", ["a.jsonl", ""])
def test_itemcount_counts_stored_articles_and_ends_the_crawl(crawl, chain, tmp_path, export):
    """It once ended the export alone, and without an export nothing."""
    limits: dict[str, Any] = {"CLOSESPIDER_ITEMCOUNT": 3, "BROADSHEET_DELAY": 0.1, "LOG_LEVEL": "INFO"}
    result = crawl(f"{chain.url}/", export=tmp_path / export if export else None, **limits)
    assert (result.code, result.run()) == (0, ("stopped", "closespider_itemcount"))
    assert 3 <= len(result.articles()) < len(NAMES)
    if export:
        assert len((tmp_path / export).read_text("utf-8").splitlines()) == 3


@pytest.mark.slow
def test_itemcount_bounds_the_export_of_a_crawl_that_finds_nothing_new(crawl, serve, tmp_path):
    """It once waited for ever."""
    pages = stories("river", "mill", "weir")
    site = serve({"/": page("start", *pages), **pages})
    crawl(f"{site.url}/")
    result = crawl(f"{site.url}/", export=tmp_path / "a.jsonl", CLOSESPIDER_ITEMCOUNT=2)
    assert (result.code, result.run()) == (0, ("finished", "finished"))
    assert len((tmp_path / "a.jsonl").read_text("utf-8").splitlines()) == 2


def logged_stats(errors: str) -> dict[str, Any]:
    """Scrapy's stats as its log shows them at INFO, dates left out."""
    text = errors.partition("Dumping Scrapy stats:\n")[2].partition("}\n")[0]
    lines = [line.strip(" {},") for line in text.splitlines() if "datetime" not in line and "timezone" not in line]
    return dict(eval("{" + ",".join(filter(None, lines)) + "}"))


@pytest.mark.slow
def test_the_stats_are_scrapys_and_ours(crawl, serve, tmp_path):
    site = serve({"/": page("start", "/river", "/gone"), **stories("river"), "/gone": Reply("", 404)})
    result = crawl(f"{site.url}/", export=tmp_path / "a.jsonl", sitemaps=0, feeds=0, LOG_LEVEL="INFO")
    stats = logged_stats(result.errors)
    requests = len(site.log)
    assert stats["downloader/request_count"] == stats["downloader/request_method_count/GET"] == requests
    assert stats["downloader/response_count"] == stats["response_received_count"] == requests
    assert stats["downloader/response_status_count/404"] == 2  # robots.txt too
    assert stats["downloader/request_bytes"] > 100 * requests
    assert stats["downloader/response_bytes"] > len(page("start")) + len(page("river"))
    assert (stats["item_scraped_count"], stats["finish_reason"]) == (1, "finished")
    ours = {name.removeprefix("broadsheet/"): value for name, value in stats.items() if name.startswith("broadsheet/")}
    assert (ours["pages"], ours["article_pages"], ours["outcome"]) == (2, 1, "finished")
    kept, removed = result.rows("SELECT sum(kept), sum(NOT kept) FROM blocks")[0]
    assert (ours["blocks_kept"], ours["blocks_removed"]) == (kept, removed)
    reasons = dict(result.rows("SELECT reason, count(*) FROM blocks WHERE NOT kept GROUP BY reason"))
    assert {name: value for name, value in ours.items() if name.startswith("blocks_removed/")} == {
        f"blocks_removed/{reason}": count for reason, count in reasons.items()
    }
    [(counts,)] = result.rows("SELECT counts FROM runs")
    assert {name: value for name, value in ours.items() if name.startswith("urls/")} == {
        f"urls/{name}": value for name, value in json.loads(counts).items()
    }
    assert ours["raw_bytes"] > stats["downloader/response_bytes"]


@pytest.mark.slow
def test_one_line_names_the_settings_that_have_no_effect(crawl, chain):
    asked = {"AUTOTHROTTLE_ENABLED": 1, "REDIRECT_ENABLED": 0, "COOKIES_ENABLED": 1}
    result = crawl(f"{chain.url}/", max_pages=1, USER_AGENT="Own/1.0", **asked)
    assert (result.code, result.errors.count("\n")) == (0, 1)
    assert {seen.headers["User-Agent"] for seen in chain.log} == {"Own/1.0"}
    assert "These settings have no effect: AUTOTHROTTLE_ENABLED (each host's pace" in result.errors
    for name in asked:
        assert name in result.errors


@pytest.mark.slow
def test_components_of_a_user_run_beside_ours_and_get_each_article_when_the_crawl_has_ended(
    crawl, serve, tmp_path, monkeypatch
):
    packed = Reply(gzip.compress(page("mill").encode()), headers={"Content-Encoding": "gzip"})
    site = serve({"/": page("start", "/mill", "/river"), "/mill": packed, **stories("river")})
    monkeypatch.setenv("BROADSHEET_TEST_NOTES", str(tmp_path / "notes"))
    kinds = {"AsyncSpiderMiddleware": 100, "BothSpiderMiddleware": 101, "UserSpiderMiddleware": 102}
    result = crawl(
        f"{site.url}/",
        export=tmp_path / "a.jsonl",
        DOWNLOADER_MIDDLEWARES=json.dumps({f"{USER}.UserDownloaderMiddleware": 100}),
        SPIDER_MIDDLEWARES=json.dumps({f"{USER}.{kind}": number for kind, number in kinds.items()}),
        ITEM_PIPELINES=json.dumps({f"{USER}.UserPipeline": 100}),
        EXTENSIONS=json.dumps({f"{USER}.UserExtension": 100}),
        FEED_EXPORTERS=json.dumps({"other": "scrapy.exporters.JsonItemExporter"}),
    )
    assert (result.code, result.errors, result.run()) == (0, "", ("finished", "finished"))
    notes = (tmp_path / "notes").read_text().splitlines()
    expected = {"start", "async start", f"answer {site.url}/mill None", "middleware Decompression"}
    assert expected | {"handlers http https"} <= {*notes}
    assert [line for line in notes if "Redirect" in line or "Retry" in line or "HttpCompression" in line] == []
    kinds = [line.partition(" ")[0] for line in notes]
    assert kinds.index("item") > len(kinds) - 1 - kinds[::-1].index("answer")
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    items = sorted(line.removeprefix("item ") for line in notes if line.startswith("item "))
    assert sorted(line["url"] for line in lines) == items == sorted(result.articles())
    assert all(set(line) == set(ArticleItem.fields) and "which the council" in line["text"] for line in lines)


NO_EFFECT = {
    "REDIRECT_ENABLED": True, "COOKIES_ENABLED": True, "HTTPERROR_ALLOW_ALL": True, "AUTOTHROTTLE_ENABLED": True,
    "AUTOTHROTTLE_START_DELAY": 30, "DUPEFILTER_CLASS": "scrapy.dupefilters.RFPDupeFilter", "REFERER_ENABLED": True,
    "CLOSESPIDER_ERRORCOUNT": 1, "URLLENGTH_LIMIT": 5, "RETRY_HTTP_CODES": "404", "HTTPAUTH_USER": "me",
}  # fmt: skip


@pytest.mark.slow
def test_what_is_said_to_have_no_effect_has_none(crawl, serve):
    """COOKIES_ENABLED sent a site's cookies back, and AUTOTHROTTLE_ENABLED had every request wait a second time."""
    session = {"Set-Cookie": "session=1; Path=/"}
    site = serve({
        "/": Reply(page("start", "/moved", "/gone", "/broken", "/river"), headers=session),
        "/moved": Reply("", 302, {"Location": "/mill", **session}), "/gone": Reply("", 404),
        "/broken": Reply("", 500), **stories("mill", "river"),
    })  # fmt: skip
    options = {"sitemaps": 0, "feeds": 0, "RETRY_TIMES": 0}
    usual = crawl(f"{site.url}/", **options)
    usual_states, usual_log = usual.states(site), sorted(site.paths())
    site.log.clear()
    other = Crawl(crawl.folder / "other")
    other.folder.mkdir()
    result = other(f"{site.url}/", **options, **NO_EFFECT, patience=60)
    assert (result.code, result.run()) == (0, ("finished", "finished"))
    assert (result.states(site), sorted(site.paths())) == (usual_states, usual_log)
    sent = [seen.headers[name] for seen in site.log for name in ("Cookie", "Referer", "Authorization")]
    assert set(sent) == {None}
    assert usual_states["/moved"] == ("done", "redirect")
    assert usual_states["/broken"][0] == "failed"


@pytest.mark.slow
def test_the_commands_that_look_at_a_page(serve):
    site = serve({"/river": page("river")})
    url = f"{site.url}/river"
    ports = ("-s", f"BROADSHEET_PORTS={site.port}")
    assert "200 The story" in scrapy(
        REPOSITORY, "shell", url, *QUICK, *ports, "-c", "f'{response.status} {response.css(\"h1::text\").get()}'"
    )
    assert "The story of river" in scrapy(REPOSITORY, "fetch", url, *QUICK, *ports)
    assert "OK" in scrapy(REPOSITORY, "check")
    assert scrapy(REPOSITORY, "list").splitlines() == ["site", "urls"]
    assert scrapy(REPOSITORY, "settings", "--get", "BROADSHEET_DELAY").strip() == "1.0"


@pytest.mark.slow
def test_a_crawl_says_where_it_is_kept_if_no_archive_is_named(serve, tmp_path):
    site = serve({"/": page("river")})
    words = ("crawl", "site", "-a", f"url={site.url}/", *QUICK, "-s")
    environment = {"SCRAPY_SETTINGS_MODULE": "broadsheet.crawler.settings"}
    unnamed = scrapy(tmp_path, *words, f"BROADSHEET_PORTS={site.port}", **environment)
    named = scrapy(tmp_path, *words, "BROADSHEET_DB=named.db", **environment)
    line = "no archive is named (-a db=FILE): using archive.db, and going on from what it holds"
    assert (line in unnamed, "no archive is named" in named) == (True, False)
    assert {file.name for file in tmp_path.glob("*.db")} == {"archive.db", "named.db"}


# --- A project of one's own -----------------------------------------------------------------------------------------
DOCUMENT = (REPOSITORY / "docs/python.md").read_text("utf-8")
PLAIN_SPIDER = """
import scrapy


class PlainSpider(scrapy.Spider):
    name = "plain"

    async def start(self):
        if getattr(self, "url", ""):
            yield scrapy.Request(self.url, errback=lambda failure: print("FAILED", failure.value))
        async for request in super().start():
            yield request

    def parse(self, response):
        yield {"url": response.url}
"""


def example(file: str) -> str:
    """The code that docs/python.md shows for a file."""
    return str(re.findall(rf"^```python\n(# {re.escape(file)}\n.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)[0])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project as `scrapy startproject` makes it, with the add-on."""
    scrapy(tmp_path, "startproject", "proj")
    settings = tmp_path / "proj/proj/settings.py"
    text = settings.read_text("utf-8")
    assert "ADDONS = {}" in text
    settings.write_text(text.replace("ADDONS = {}", 'ADDONS = {"broadsheet.Addon": 0}'), "utf-8")
    for file in ("spiders/river.py", "items.py", "pipelines.py"):
        (tmp_path / "proj/proj" / file).write_text(example(f"proj/{file}"), "utf-8")
    (tmp_path / "proj/proj/spiders/plain.py").write_text(PLAIN_SPIDER, "utf-8")
    return tmp_path / "proj"


def scrapy(folder: Path, *arguments: object, **environment: str) -> str:
    """What a command of Scrapy's prints and logs; the checkout is on the path as an installed package would be."""
    command = [sys.executable, "-m", "scrapy", *map(str, arguments)]
    paths = os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment
    process = subprocess.run(
        command, cwd=folder, env=paths, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout + process.stderr


PROJECT_QUICK = {**CRAWL_QUICK, "CONCURRENT_REQUESTS_PER_DOMAIN": "8"}  # the template of a project says 1
QUICK = [part for name, value in PROJECT_QUICK.items() for part in ("-s", f"{name}={value}")]


@pytest.mark.slow
def test_the_add_on_crawls_the_sample_site_in_a_project_of_ones_own(project):
    with DemoServer() as server:
        scrapy(project, "crawl", "site", "-a", f"url={server.url}/", "-a", "db=news.db", *QUICK, "-O", "articles.jsonl")
    titles = sorted(story.title for story in expected_stories())
    with sqlite3.connect(project / "news.db") as db:
        assert [title for (title,) in db.execute("SELECT title FROM articles ORDER BY title")] == titles
    db.close()
    lines = (project / "articles.jsonl").read_text("utf-8").splitlines()
    assert sorted(json.loads(line)["title"] for line in lines) == titles
    assert list((project / "news.db.warc").glob("*.warc.gz"))


@pytest.mark.slow
def test_another_spider_of_the_project_is_told_why_a_name_has_no_address_for_it(project, serve):
    site = serve(stories("river"))
    url = f"http://localhost:{site.port}/river"
    said = scrapy(project, "crawl", "plain", "-a", f"url={url}", "-s", "ROBOTSTXT_OBEY=0")
    assert f"FAILED {url}: refused, loopback address" in said
    assert (site.paths(), "Retrying" in said, "DNS lookup failed" in said.split("FAILED")[1][:200]) == (
        [],
        False,
        False,
    )
    allowed = scrapy(project, "crawl", "plain", "-a", f"url={url}", "-s", "BROADSHEET_ALLOW_PRIVATE=1", *QUICK)
    assert ("FAILED" in allowed, site.paths()[-1]) == (False, "/river")


@pytest.mark.slow
def test_a_spider_derived_from_ours_has_its_own_settings_links_and_fields(project, serve):
    pages = stories("river", "river-two", "tag-river")
    site = serve({"/": page("start", *pages), **pages})
    scrapy(project, "crawl", "river", "-a", f"url={site.url}/", "-a", "db=a.db", *QUICK, "-O", "a.jsonl")
    items = [json.loads(line) for line in (project / "a.jsonl").read_text("utf-8").splitlines()]
    assert {item["url"].removeprefix(site.url) for item in items} == {"/river", "/river-two"}
    assert all(item["reading_minutes"] == max(1, item["word_count"] // 200) for item in items)
    assert {seen.headers["User-Agent"] for seen in site.log} == {"River/1.0"}


@pytest.mark.slow
def test_other_spiders_of_the_project_stay_as_they_are(project, serve):
    site = serve({"/old": Reply(b"", status=302, headers={"Location": "/new"}), "/new": page("new")})
    spider = project / "proj/spiders/plain.py"
    spider.write_text(PLAIN_SPIDER.replace('name = "plain"', f'name = "plain"\n    start_urls = ["{site.url}/old"]'))
    scrapy(project, "crawl", "plain", "-O", "a.jsonl", "-s", "BROADSHEET_ALLOW_PRIVATE=1", "-s", "DOWNLOAD_DELAY=0")
    assert json.loads((project / "a.jsonl").read_text("utf-8"))["url"] == f"{site.url}/new"
    assert "Scrapy" in {seen.headers["User-Agent"] for seen in site.log}.pop()


# --- A script of one's own ------------------------------------------------------------------------------------------
SCRIPT = """
import sys

from scrapy import crawler

import broadsheet

print("runs", __name__)
process = getattr(crawler, sys.argv[1])({
    "BROADSHEET_ALLOW_PRIVATE": True, "BROADSHEET_DELAY": 0, "BROADSHEET_WORKERS": 1, "LOG_LEVEL": "WARNING",
    "FEEDS": {"a.jsonl": {"format": "jsonlines"}},
})
process.crawl(broadsheet.SiteSpider, url=sys.argv[2], db="a.db")
process.start()
print("ends")
"""


@pytest.mark.slow
@pytest.mark.parametrize("process_class", ["AsyncCrawlerProcess", "CrawlerProcess"])
def test_a_script_of_ones_own_crawls_without_settings_of_ours(tmp_path, serve, process_class):
    """The spider once found no guard, and left an empty file with exit code 0; each worker ran the script again."""
    pages = stories("river", "mill")
    site = serve({"/": page("start", *pages), **pages})
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    result = run_python(tmp_path, "script.py", process_class, f"{site.url}/")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["runs __main__", "ends"]
    items = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert {item["url"].removeprefix(site.url) for item in items} == {*pages}


@pytest.mark.slow
def test_a_script_of_ones_own_is_guarded(tmp_path, chain):
    """By the addresses of names: `inside.example` is this machine."""
    script = SCRIPT.replace('"BROADSHEET_ALLOW_PRIVATE": True, ', "")
    (tmp_path / "script.py").write_text(INSIDE + script, "utf-8")
    run_python(tmp_path, "script.py", "CrawlerProcess", f"{chain.url.replace('127.0.0.1', 'inside.example')}/")
    assert chain.log == []
    with sqlite3.connect(tmp_path / "a.db") as db:
        assert db.execute("SELECT DISTINCT reason FROM urls").fetchall() == [("private_address",)]
    db.close()


INSIDE = """
import socket

ask = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: ask("127.0.0.1" if "inside" in str(host) else host, *rest, **more)
"""


def run_python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


# --- scrapyd --------------------------------------------------------------------------------------------------------
RUNNER = """
import os
import sys
from importlib.metadata import distributions

egg = sys.argv.pop(1)
sys.path.insert(0, egg)
[distribution] = distributions(path=[egg])
[settings] = distribution.entry_points.select(group="scrapy", name="settings")
os.environ["SCRAPY_SETTINGS_MODULE"] = settings.module
from scrapy.cmdline import execute

execute()
"""
"""What `python -m scrapyd.runner` does with the egg of a project (scrapyd 1.6); that needs setuptools before 82."""


def make_egg(file: Path, settings: str) -> None:
    """Write an egg as `scrapyd-deploy` builds it of a project, whose settings it names by an entry point."""
    with zipfile.ZipFile(file, "w") as egg:
        egg.writestr("EGG-INFO/PKG-INFO", "Metadata-Version: 2.1\nName: project\nVersion: 1.0\n")
        egg.writestr("EGG-INFO/entry_points.txt", "[scrapy]\nsettings = proj.settings\n")
        egg.writestr("proj/__init__.py", "")
        egg.writestr("proj/settings.py", settings)


@pytest.mark.slow
def test_scrapyd_finds_the_spider_in_an_egg_and_runs_it(tmp_path, serve):
    """It found none by the add-on alone, and its `_job` was refused as an unknown argument."""
    site = serve({"/": page("start", "/river"), **stories("river")})
    make_egg(tmp_path / "project.egg", example("proj/settings.py, for scrapyd"))
    (tmp_path / "runner.py").write_text(RUNNER, "utf-8")
    listed = run_python(tmp_path, "runner.py", "project.egg", "list", "-s", "LOG_STDOUT=0")
    assert (listed.stdout.splitlines(), listed.stderr) == (["site", "urls"], "")
    job = ("-a", "_job=4f0", "-a", f"url={site.url}/", "-a", "db=news.db", *QUICK, "-s", "LOG_FILE=job.log")
    done = run_python(tmp_path, "runner.py", "project.egg", "crawl", "site", *job, "-s", "JOBDIR=jobs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "JOBDIR is ignored" in (tmp_path / "job.log").read_text("utf-8")
    with sqlite3.connect(tmp_path / "news.db") as db:
        assert db.execute("SELECT url FROM articles").fetchall() == [(f"{site.url}/river",)]
    db.close()


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
