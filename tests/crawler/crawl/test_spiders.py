"""Whole crawls, each in a process of its own, of sites that the test writes.

Whole crawls, each in a process of its own, of sites that the test writes.

Pages are handed on once they are stored, while the crawl goes on, and none is lost at its end.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from scrapy.crawler import Crawler

from broadsheet.crawler.commands.spider_run import project_settings
from broadsheet.crawler.crawl.spiders import SiteSpider, StoredPages
from broadsheet.output.write.outcome import Outcome
from tests.crawler.crawls import Crawl
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page, stories
from tests.output.conftest import Maker

Serve = Callable[..., ScriptedSite]
SMALL = {"discover_sitemaps": 0, "discover_feeds": 0}
DONE = ("done", "article")
LIST = ("done", "list")
ROBOTS = ("done", "robots")


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


@pytest.mark.parametrize(("setting", "level"), [("FULL", 2), ("full", 2), ("NORMAL", 1)])
def test_the_setting_decides_whether_each_commit_waits_for_the_disk(tmp_path: Path, setting: str, level: int) -> None:
    settings = project_settings()
    settings.set("BROADSHEET_SYNCHRONOUS", setting)
    crawler = Crawler(SiteSpider, settings)
    spider = SiteSpider.from_crawler(crawler, url="https://a.example/", db=str(tmp_path / "a.db"))
    try:
        assert spider.parts.session._archive.db.execute("PRAGMA synchronous").fetchone() == (level,)
    finally:
        spider.parts.session.close("finished", "finished")


@pytest.mark.slow
def test_hosts_are_crawled_side_by_side_each_at_its_pace(crawl: Crawl, serve: Serve) -> None:
    names = [f"s{number}" for number in range(4)]
    sites = [serve({"/": page("home", *(f"/{name}" for name in names)), **stories(*names)}) for _ in range(2)]
    result = crawl(*(site.url + "/" for site in sites), BROADSHEET_DELAY="0.4", **SMALL)
    for site in sites:
        assert set(result.states(site).values()) == {DONE, LIST, ROBOTS}
        assert min(gaps([seen.at for seen in site.log])) >= 0.3  # a request may arrive late, and the next in time
    first, second = ([seen.at for seen in site.log] for site in sites)
    assert first[0] < second[-1]
    assert second[0] < first[-1]
    total = max(first[-1], second[-1]) - min(first[0], second[0])
    assert total < 0.75 * (first[-1] - first[0] + second[-1] - second[0])


@pytest.mark.slow
def test_robots_is_obeyed_whatever_it_answers(crawl: Crawl, serve: Serve) -> None:
    text = {"Content-Type": "text/plain"}
    ruled = serve({
        "/robots.txt": Reply("User-agent: *\nCrawl-delay: 0.5\nDisallow: /no/\n", headers=text),
        "/": page("home", "/one", "/two", "/no/three"), "/no/three": page("three"), **stories("one", "two"),
    })  # fmt: skip
    failing = serve({"/robots.txt": Reply("down", 500), "/": page("unseen")})
    moved = serve({
        "/robots.txt": Reply(status=301, headers={"Location": "/rules/robots.txt"}),
        "/rules/robots.txt": Reply("User-agent: *\nDisallow: /private\n", headers=text),
        "/": page("home", "/private", "/open"), **stories("private", "open"),
    })  # fmt: skip
    home = serve({"/robots.txt": Reply(status=302, headers={"Location": "/"}), "/": page("home")})
    sites = (ruled, failing, moved, home)
    result = crawl(*(site.url + "/" for site in sites), BROADSHEET_RETRY_TIMES=1, **SMALL)

    assert result.states(ruled)["/no/three"] == ("skipped", "robots.txt")
    assert ruled.times("/no/three") == []
    assert min(gaps([seen.at for seen in ruled.log])) > 0.4  # Crawl-delay 0.5, as the server saw it
    assert result.states(failing) == {"/": ("skipped", "robots_unreachable"), "/robots.txt": ("failed", "http_500")}
    assert failing.paths() == ["/robots.txt", "/robots.txt"]
    assert result.states(moved) == {
        "/": LIST, "/open": DONE, "/private": ("skipped", "robots.txt"), "/robots.txt": ROBOTS,
    }  # fmt: skip
    assert result.states(home) == {"/": LIST, "/robots.txt": ROBOTS}
    kinds = result.rows("SELECT DISTINCT kind, found_via FROM urls WHERE url LIKE '%/robots.txt'")
    assert kinds == [("robots", "robots")]


@pytest.mark.slow
def test_a_host_that_failed_is_asked_again_by_the_next_run(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/robots.txt": Reply("down", 500), "/": page("home", "/one"), **stories("one")})
    first = crawl(site.url + "/", BROADSHEET_RETRY_TIMES=0, **SMALL)
    assert first.states(site)["/"] == ("skipped", "robots_unreachable")
    del site.routes["/robots.txt"]
    second = crawl(site.url + "/", **SMALL)
    assert [second.states(site)[path] for path in ("/", "/one", "/robots.txt")] == [LIST, DONE, ROBOTS]


@pytest.mark.slow
def test_retry_after_and_a_passing_failure_are_waited_out(crawl: Crawl, serve: Serve) -> None:
    def busy(seen: Seen) -> Reply:
        first = len(site.times(seen.path)) == 1
        return Reply("later", 429, {"Retry-After": "2"}) if first else Reply(page("busy"))

    def failing(seen: Seen) -> Reply:
        return Reply("oops", 503) if len(site.times(seen.path)) == 1 else Reply(page("failing"))

    site = serve({"/": page("home", "/busy", "/failing"), "/busy": busy, "/failing": failing})
    result = crawl(site.url + "/", **SMALL)
    assert [result.states(site)[path] for path in ("/busy", "/failing")] == [DONE, DONE]
    assert gaps(site.times("/busy"))[0] >= 2
    assert result.rows("SELECT attempts FROM urls WHERE url LIKE '%/busy'") == [(2,)]
    assert result.rows("SELECT count(*) FROM captures WHERE url LIKE '%/busy'") == [(2,)]


@pytest.mark.slow
def test_cookies_go_to_their_host_only_and_none_are_kept(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    jar = tmp_path / "cookies.txt"
    jar.write_text("# Netscape HTTP Cookie File\nlocalhost\tFALSE\t/\tFALSE\t0\tticket\tred\n")
    here, there = serve({}), serve({"/": page("there")})
    here.routes["/"] = Reply(page("here", "/two"), headers={"Set-Cookie": "session=1; Path=/"})
    here.routes["/two"] = page("two")
    named = here.url.replace("127.0.0.1", "localhost")
    crawl(named + "/", there.url + "/", BROADSHEET_COOKIES=jar, **SMALL)
    assert [seen.headers.get("Cookie") for seen in here.log] == ["ticket=red"] * 3
    assert [seen.headers.get("Cookie") for seen in there.log] == [None, None]


def test_redirects_have_rows_and_lead_to_articles(crawl: Crawl, serve: Serve) -> None:
    elsewhere = serve(stories("moved"))
    moves = {"/old": "/new", "/far": elsewhere.url + "/moved", "/a": "/b", "/b": "/a"}
    site = serve({path: Reply(status=301, headers={"Location": to}) for path, to in moves.items()})
    site.routes |= {"/": page("home", *moves), **stories("new")}
    result = crawl(site.url + "/", **SMALL)
    states = result.states(site)
    assert [states[path] for path in ("/old", "/far", "/new")] == [("done", "redirect")] * 2 + [DONE]
    assert {states["/a"], states["/b"]} == {("done", "redirect"), ("failed", "redirect_loop")}
    assert elsewhere.log == []
    assert result.rows("SELECT location FROM urls WHERE url LIKE '%/old'") == [(site.url + "/new",)]
    assert result.rows("SELECT found_via FROM urls WHERE url LIKE '%/new'") == [("redirect",)]


@pytest.mark.slow
def test_a_seed_may_move_to_another_host(crawl: Crawl, serve: Serve) -> None:
    new = serve({"/": page("home", "/one"), **stories("one")})
    old = serve({"/": Reply(status=301, headers={"Location": new.url + "/"})})
    result = crawl(old.url + "/", BROADSHEET_PORTS=new.port, **SMALL)
    assert [result.states(new)[path] for path in ("/", "/one")] == [LIST, DONE]


@pytest.mark.slow
def test_bounds_leave_rows_with_their_reasons(crawl: Crawl, serve: Serve) -> None:
    def dated(name: str, when: str) -> str:
        return page(name, head=f'<meta property="article:published_time" content="{when}T10:00:00Z">')

    links = ("/in/old", "/in/new", "/in/es", "/in/deep", "/out/x", "/in/not")
    spanish = page("es").replace('lang="en"', 'lang="es"')
    site = serve({
        "/": page("home", *links), "/in/old": dated("old", "2019-01-01"), "/in/new": dated("new", "2025-01-01"),
        "/in/es": spanish, "/in/deep": page("deep", "/in/deeper"), "/in/deeper": page("deeper"),
    })  # fmt: skip
    result = crawl(
        site.url + "/", include="/in/", exclude="/not", max_depth=1, since="2020-01-01", language="en", **SMALL
    )
    states = result.states(site)
    del states["/robots.txt"]
    assert states == {
        "/": LIST, "/in/new": DONE, "/in/deep": DONE, "/in/old": ("skipped", "too_old"),
        "/in/es": ("skipped", "language"), "/in/deeper": ("skipped", "depth"), "/out/x": ("skipped", "pattern"),
        "/in/not": ("skipped", "pattern"),
    }  # fmt: skip
    assert {url.removeprefix(site.url) for url in result.articles()} == {"/in/new", "/in/deep"}
    site.log.clear()
    wider = crawl(site.url + "/", include="/in/", max_depth=2, since="2010-01-01", language="en es", **SMALL)
    assert wider.states(site) == states | dict.fromkeys(("/in/old", "/in/es", "/in/deeper"), DONE) | {
        "/in/not": ("failed", "http_404"), "/robots.txt": ("done", "robots"),
    }  # fmt: skip
    assert sorted(site.paths()) == ["/in/deeper", "/in/es", "/in/not", "/in/old", "/robots.txt"]


@pytest.mark.slow
def test_a_page_limit_leaves_rows_that_a_later_run_takes_up(crawl: Crawl, serve: Serve) -> None:
    names = [f"p{number}" for number in range(8)]
    site = serve({"/": page("home", *(f"/{name}" for name in names)), **stories(*names)})
    first = crawl(site.url + "/", max_pages=3, **SMALL)
    pages = [path for path in site.paths() if path != "/robots.txt"]
    assert len(pages) == 3
    states = first.states(site)
    assert sorted(set(states.values())) == [DONE, LIST, ROBOTS, ("skipped", "limit")]
    assert list(states.values()).count(("skipped", "limit")) == 6
    assert first.run() == ("finished", "max_pages")
    first_articles = first.articles()
    second = crawl(site.url + "/", **SMALL)
    assert set(second.states(site).values()) == {DONE, LIST, ROBOTS}
    assert first_articles.items() <= second.articles().items()
    pages = [path for path in site.paths() if path != "/robots.txt"]
    assert len(pages) == len(set(pages)) == 9


@pytest.mark.slow
def test_a_time_limit_ends_the_run(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/": page("home", "/p0")})
    site.routes |= {f"/p{n}": Reply(page(f"p{n}", f"/p{n + 1}"), wait=0.2) for n in range(60)}
    result = crawl(site.url + "/", max_time=1, **SMALL)
    assert result.run() == ("finished", "max_time")
    assert list(result.states(site).values()).count(("skipped", "limit")) == 1
    assert len(site.log) < 60


def test_the_list_spider_fetches_its_urls_and_nothing_else(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = serve({"/one": page("one", "/three"), **stories("two", "three")})
    listed = tmp_path / "urls.txt"
    listed.write_text(f"# two pages\n{site.url}/one\n\n{site.url}/two\n")
    result = crawl(spider="urls", urls_file=listed)
    assert sorted(site.paths()) == ["/one", "/robots.txt", "/two"]
    assert {url.removeprefix(site.url) for url in result.articles()} == {"/one", "/two"}


@pytest.mark.slow
def test_the_export_has_the_archive_s_articles(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    """Two pages carry one text: the archive has it once, and so has the export."""
    copy = page("one").replace("<head>", '<head><link rel="canonical" href="/one">')
    site = serve({"/": page("home", "/one", "/copy", "/two"), "/copy": copy, **stories("one", "two")})
    export = tmp_path / "out.jsonl"
    process = crawl.start(site.url + "/", export=export, **SMALL)
    _, errors = process.communicate(timeout=60)
    result = crawl.result(process, errors)
    rows = [json.loads(line) for line in export.read_text().splitlines()]
    assert {row["url"]: row["text"] for row in rows} == result.articles()
    assert {row["url"].removeprefix(site.url) for row in rows} == {"/one", "/two"}
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_pages": "lots"}, "max_pages must be a number"),
        ({"nonsense": 1}, "unknown argument: nonsense"),
        ({"include": "*"}, "not a regular expression"),
        ({"BROADSHEET_ALLOW_PRIVATE": 0}, "refused: http://127.0.0.1"),
    ],
)
@pytest.mark.slow
def test_scrapy_says_what_is_wrong_with_an_argument(crawl: Crawl, arguments: dict[str, object], message: str) -> None:
    result = crawl("http://127.0.0.1:9/", **arguments)
    assert message in result.errors
    assert result.code != 0
    assert not result.db.exists()


def article(name: str) -> Outcome:
    return Maker().outcome(f"https://a.test/{name}", "one two three")


def test_each_comes_while_the_work_goes_on() -> None:
    async def read() -> list[str]:
        pages, taken, events = StoredPages(), asyncio.Event(), []

        async def work() -> None:
            pages.add(article("1"))
            await taken.wait()
            events.append("work")
            pages.add(article("2"))
            pages.add(Maker().failure("https://a.test/3"))

        async for url in pages.beside(work()):
            events.append(url)
            taken.set()
        return events

    assert asyncio.run(read()) == ["https://a.test/1", "work", "https://a.test/2"]


def test_what_the_work_raises_is_raised_at_its_end() -> None:
    async def read() -> list[str]:
        pages, urls = StoredPages(), []

        async def work() -> None:
            pages.add(article("1"))
            raise ValueError("broken")

        stream = pages.beside(work())
        urls.append(await anext(stream))
        with pytest.raises(ValueError, match="broken"):
            await anext(stream)
        return urls

    assert asyncio.run(read()) == ["https://a.test/1"]


def test_the_work_ends_with_who_reads() -> None:
    async def read() -> bool:
        pages = StoredPages()
        pages.add(article("1"))
        stream = pages.beside(asyncio.sleep(3600))
        await anext(stream)
        await stream.aclose()
        await asyncio.sleep(0)
        return len(asyncio.all_tasks()) == 1

    assert asyncio.run(read())
