"""What a user of Scrapy expects: limits that stop a crawl, settings that mean what they mean, projects of their own."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.demo.server import DemoServer
from broadsheet.crawler.demo.truth import expected_stories
from broadsheet.crawler.items import ArticleItem
from tests.crawler.crawls import QUICK as CRAWL_QUICK
from tests.crawler.crawls import Crawl
from tests.crawler.scripted_site import Reply, ScriptedSite, page, stories
from tests.crawler.warm import PATIENCE, REPOSITORY

USER = "tests.crawler.user_components"
NAMES = [f"mill{number}" for number in range(20)]


@pytest.fixture
def chain(serve: Callable[..., ScriptedSite]) -> ScriptedSite:
    """A start page that links to twenty stories, each of which links to one more that nothing else links to."""
    pages = {f"/{name}": page(name, f"/deep-{name}") for name in NAMES}
    return serve({"/": page("start", *pages), **pages, **stories(*(f"deep-{name}" for name in NAMES))})


def fetched_pages(site: ScriptedSite) -> list[str]:
    return [path for path in site.paths() if "mill" in path or path == "/"]


@pytest.mark.slow
def test_pagecount_stops_a_crawl_in_time(crawl: Crawl, chain: ScriptedSite) -> None:
    result = crawl(f"{chain.url}/", CLOSESPIDER_PAGECOUNT=8, CONCURRENT_REQUESTS=2)
    assert result.code == 0
    assert result.run() == ("finished", "closespider_pagecount")
    assert len(fetched_pages(chain)) < len(NAMES)
    assert crawl(f"{chain.url}/").run() == ("finished", "finished")
    assert len(crawl(f"{chain.url}/").articles()) == 2 * len(NAMES)


@pytest.mark.slow
def test_timeout_stops_a_crawl_that_waits_for_its_host(crawl: Crawl, chain: ScriptedSite) -> None:
    result = crawl(f"{chain.url}/", CLOSESPIDER_TIMEOUT=1, BROADSHEET_DELAY=3600)
    assert result.run() == ("finished", "closespider_timeout")


@pytest.mark.slow
def test_itemcount_ends_the_export_and_the_crawl(crawl: Crawl, chain: ScriptedSite, tmp_path: Path) -> None:
    """It once waited for ever."""
    result = crawl(f"{chain.url}/", export=tmp_path / "a.jsonl", CLOSESPIDER_ITEMCOUNT=3)
    assert result.code == 0
    assert len((tmp_path / "a.jsonl").read_text("utf-8").splitlines()) == 3
    assert len(result.articles()) == 2 * len(NAMES)


@pytest.mark.slow
def test_a_pipeline_gets_each_article_while_the_crawl_goes_on(
    crawl: Crawl, chain: ScriptedSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROADSHEET_TEST_NOTES", str(tmp_path / "notes"))
    parts: dict[str, Any] = {
        "DOWNLOADER_MIDDLEWARES": json.dumps({f"{USER}.UserDownloaderMiddleware": 100}),
        "ITEM_PIPELINES": json.dumps({f"{USER}.UserPipeline": 100}),
        "CONCURRENT_REQUESTS": 2,
    }
    result = crawl(f"{chain.url}/", export=tmp_path / "a.jsonl", items="as-fetched", **parts)
    assert (result.code, result.run()) == (0, ("finished", "finished"))
    notes = [line.partition(" ")[::2] for line in (tmp_path / "notes").read_text().splitlines()]
    items = [url for kind, url in notes if kind == "item"]
    assert sorted(items) == sorted(result.articles())
    kinds = [kind for kind, _ in notes]
    last_answer = len(kinds) - 1 - kinds[::-1].index("answer")
    assert kinds.index("item") < last_answer
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert sorted(line["url"] for line in lines) == sorted(items)
    assert all(set(line) == set(ArticleItem.fields) and line["text"] for line in lines)


@pytest.mark.slow
def test_itemcount_stops_a_crawl_whose_items_come_as_they_are_fetched(
    crawl: Crawl, chain: ScriptedSite, tmp_path: Path
) -> None:
    limits = {"CLOSESPIDER_ITEMCOUNT": 3, "CONCURRENT_REQUESTS": 2}
    result = crawl(f"{chain.url}/", export=tmp_path / "a.jsonl", items="as-fetched", **limits)
    assert result.run() == ("finished", "closespider_itemcount")
    assert len(fetched_pages(chain)) < 1 + 2 * len(NAMES)


NO_EFFECT = {
    "REDIRECT_ENABLED": True, "COOKIES_ENABLED": True, "HTTPERROR_ALLOW_ALL": True, "AUTOTHROTTLE_ENABLED": True,
    "AUTOTHROTTLE_START_DELAY": 30, "DUPEFILTER_CLASS": "scrapy.dupefilters.RFPDupeFilter",
    "CLOSESPIDER_ERRORCOUNT": 1,
}  # fmt: skip


@pytest.mark.slow
def test_what_is_said_to_have_no_effect_has_none(crawl: Crawl, serve: Callable[..., ScriptedSite]) -> None:
    """COOKIES_ENABLED sent a site's cookies back, and AUTOTHROTTLE_ENABLED had every request wait a second time."""
    session = {"Set-Cookie": "session=1; Path=/"}
    site = serve({
        "/": Reply(page("start", "/moved", "/gone", "/broken", "/river"), headers=session),
        "/moved": Reply("", 302, {"Location": "/mill", **session}), "/gone": Reply("", 404),
        "/broken": Reply("", 500), **stories("mill", "river"),
    })  # fmt: skip
    options = {"discover_sitemaps": 0, "discover_feeds": 0, "RETRY_TIMES": 0}
    usual = crawl(f"{site.url}/", **options)
    usual_states, usual_log = usual.states(site), sorted(site.paths())
    site.log.clear()
    other = Crawl(crawl.folder / "other")
    other.folder.mkdir()
    result = other(f"{site.url}/", **options, **NO_EFFECT, patience=60)
    assert (result.code, result.run()) == (0, ("finished", "finished"))
    assert (result.states(site), sorted(site.paths())) == (usual_states, usual_log)
    assert {seen.headers["Cookie"] for seen in site.log} == {None}
    assert usual_states["/moved"] == ("done", "redirect")
    assert usual_states["/broken"][0] == "failed"


@pytest.mark.slow
def test_spider_middlewares_of_every_kind_run_in_a_crawl_and_in_scrapy_parse(
    crawl: Crawl, serve: Callable[..., ScriptedSite], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = serve({"/": page("start", "/river"), "/river": page("river", "/next")})
    monkeypatch.setenv("BROADSHEET_TEST_NOTES", str(tmp_path / "notes"))
    kinds = ("AsyncSpiderMiddleware", "BothSpiderMiddleware", "UserSpiderMiddleware")
    middlewares = json.dumps({f"{USER}.{kind}": number for number, kind in enumerate(kinds, 100)})
    result = crawl(f"{site.url}/", export=tmp_path / "a.jsonl", SPIDER_MIDDLEWARES=middlewares)
    assert (result.code, result.errors, list(result.articles())) == (0, "", [f"{site.url}/river"])
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 1
    assert {"start", "async start"} <= {*(tmp_path / "notes").read_text().splitlines()}
    url, db = f"{site.url}/river", tmp_path / "b.db"
    options = ("-a", f"url={site.url}/", "-a", f"db={db}", *QUICK, "-s", f"SPIDER_MIDDLEWARES={middlewares}")
    shown = scrapy(REPOSITORY, "parse", "--spider", "site", *options, url)
    assert "The story of river and the harbour" in shown
    assert "Traceback" not in shown
    notes = {*(tmp_path / "notes").read_text().splitlines()}
    assert {f"input {url}", f"async output {url}", f"both output {url}"} <= notes


@pytest.mark.slow
def test_depth_limit_is_that_of_the_links(crawl: Crawl, chain: ScriptedSite) -> None:
    assert len(crawl(f"{chain.url}/", DEPTH_LIMIT=1).articles()) == len(NAMES)


def test_the_user_agent_is_sent(crawl: Crawl, chain: ScriptedSite) -> None:
    crawl(f"{chain.url}/", USER_AGENT="Own/1.0", max_pages=1)
    assert {seen.headers["User-Agent"] for seen in chain.log} == {"Own/1.0"}


@pytest.mark.slow
def test_retries_are_as_many_as_retry_times(crawl: Crawl, serve: Callable[..., ScriptedSite]) -> None:
    for times in (0, 1):
        (crawl.folder / str(times)).mkdir()
        site = serve({"/": Reply(b"", status=500)})
        Crawl(crawl.folder / str(times))(f"{site.url}/", RETRY_TIMES=times)
        assert site.paths().count("/") == 1 + times


@pytest.mark.slow
def test_robots_txt_is_left_aside_only_where_both_say_so(crawl: Crawl, serve: Callable[..., ScriptedSite]) -> None:
    rules = "User-agent: *\nDisallow: /secret"
    site = serve({"/": page("start", "/secret"), "/secret": page("secret"), "/robots.txt": rules})
    refused = crawl(f"{site.url}/", ROBOTSTXT_OBEY=False)
    assert "say -a ignore_robots=1 too" in refused.errors
    assert refused.errors.count("\n") == 1
    assert site.paths() == []
    result = crawl(f"{site.url}/", ROBOTSTXT_OBEY=False, ignore_robots=1)
    assert list(result.articles()) == [f"{site.url}/secret"]
    [(options,)] = result.rows("SELECT options FROM runs ORDER BY started_at DESC LIMIT 1")
    assert json.loads(options)["ignore_robots"] is True


@pytest.mark.slow
def test_the_commands_that_look_at_a_page(tmp_path: Path, serve: Callable[..., ScriptedSite]) -> None:
    site = serve({"/river": page("river", "/next", "https://elsewhere.example/")})
    url, db = f"{site.url}/river", tmp_path / "a.db"
    shown = scrapy(REPOSITORY, "parse", "--spider", "site", "-a", f"url={site.url}/", "-a", f"db={db}", *QUICK, url)
    assert "The story of river and the harbour" in shown
    assert f"<GET {site.url}/next>" in shown
    assert "elsewhere" not in shown.partition("# Requests")[2]
    ports = ("-s", f"BROADSHEET_PORTS={site.port}")
    assert "200 The story" in scrapy(
        REPOSITORY, "shell", url, *QUICK, *ports, "-c", "f'{response.status} {response.css(\"h1::text\").get()}'"
    )
    assert "The story of river" in scrapy(REPOSITORY, "fetch", url, *QUICK, *ports)
    assert "OK" in scrapy(REPOSITORY, "check")
    assert scrapy(REPOSITORY, "list").splitlines() == ["site", "urls"]
    assert scrapy(REPOSITORY, "settings", "--get", "BROADSHEET_DELAY").strip() == "1.0"


# --- A project of one's own -----------------------------------------------------------------------------------------
DOCUMENT = (REPOSITORY / "docs/scrapy.md").read_text("utf-8")
PLAIN_SPIDER = """
import scrapy


class PlainSpider(scrapy.Spider):
    name = "plain"

    def parse(self, response):
        yield {"url": response.url}
"""


def example(file: str) -> str:
    """The code that docs/scrapy.md shows for a file."""
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


def scrapy(folder: Path, *arguments: object) -> str:
    """What a command of Scrapy's prints and logs; the checkout is on the path as an installed package would be."""
    process = subprocess.run(
        [sys.executable, "-m", "scrapy", *map(str, arguments)],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stdout + process.stderr


PROJECT_QUICK = {**CRAWL_QUICK, "CONCURRENT_REQUESTS_PER_DOMAIN": "8"}  # the template of a project says 1
QUICK = [part for name, value in PROJECT_QUICK.items() for part in ("-s", f"{name}={value}")]


@pytest.mark.slow
def test_the_add_on_crawls_the_sample_site_in_a_project_of_ones_own(project: Path) -> None:
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
def test_a_spider_derived_from_ours_has_its_own_settings_links_and_fields(
    project: Path, serve: Callable[..., ScriptedSite]
) -> None:
    pages = stories("river", "river-two", "tag-river")
    site = serve({"/": page("start", *pages), **pages})
    scrapy(project, "crawl", "river", "-a", f"url={site.url}/", "-a", "db=a.db", *QUICK, "-O", "a.jsonl")
    items = [json.loads(line) for line in (project / "a.jsonl").read_text("utf-8").splitlines()]
    assert {item["url"].removeprefix(site.url) for item in items} == {"/river", "/river-two"}
    assert all(item["reading_minutes"] == max(1, item["word_count"] // 200) for item in items)
    assert {seen.headers["User-Agent"] for seen in site.log} == {"River/1.0"}


@pytest.mark.slow
def test_other_spiders_of_the_project_stay_as_they_are(project: Path, serve: Callable[..., ScriptedSite]) -> None:
    site = serve({"/old": Reply(b"", status=302, headers={"Location": "/new"}), "/new": page("new")})
    spider = project / "proj/spiders/plain.py"
    spider.write_text(PLAIN_SPIDER.replace('name = "plain"', f'name = "plain"\n    start_urls = ["{site.url}/old"]'))
    scrapy(project, "crawl", "plain", "-O", "a.jsonl", "-s", "BROADSHEET_ALLOW_PRIVATE=1", "-s", "DOWNLOAD_DELAY=0")
    assert json.loads((project / "a.jsonl").read_text("utf-8"))["url"] == f"{site.url}/new"
    assert "Scrapy" in {seen.headers["User-Agent"] for seen in site.log}.pop()
