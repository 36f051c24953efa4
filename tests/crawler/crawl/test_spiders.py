"""Crawls, whole ones of sites that the test writes, and how one ends: its pages are handed on, and none is lost."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider

from broadsheet.cleaners.document import UrlSource
from broadsheet.crawler.commands.spider_run import project_settings
from broadsheet.crawler.crawl import spiders
from broadsheet.crawler.crawl.frontier import Turn
from broadsheet.crawler.crawl.spiders import ITEM_LIMIT, CrawlLimits, SiteSpider, UrlsSpider
from broadsheet.crawler.items import ArticleItem
from broadsheet.crawler.options import CrawlOptions, OptionError
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import QueuedUrl
from tests.crawler.scripted_site import ScriptedSite, page, stories
from tests.output.conftest import Maker

Serve = Callable[..., ScriptedSite]
SMALL = {"sitemaps": 0, "feeds": 0}
DONE = ("done", "article")
LIST = ("done", "list")
ROBOTS = ("done", "robots")


@pytest.mark.parametrize(("setting", "level"), [("FULL", 2), ("full", 2), ("NORMAL", 1)])
def test_the_setting_decides_whether_each_commit_waits_for_the_disk(tmp_path, setting, level):
    settings = project_settings()
    settings.set("BROADSHEET_SYNCHRONOUS", setting)
    crawler = Crawler(SiteSpider, settings)
    spider = SiteSpider.from_crawler(crawler, url="https://a.example/", db=str(tmp_path / "a.db"))
    try:
        assert spider.parts.session._archive.db.execute("PRAGMA synchronous").fetchone() == (level,)
    finally:
        spider.parts.session.close("finished", "finished")


def test_an_option_that_is_wrong_is_raised_to_who_makes_the_spider():
    with pytest.raises(OptionError, match="max_pages must be a number"):
        SiteSpider.from_crawler(Crawler(SiteSpider, project_settings()), url="https://a.example/", max_pages="lots")


@pytest.mark.slow
def test_bounds_leave_rows_with_their_reasons(crawl, serve):
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
def test_the_list_spider_fetches_its_urls_and_nothing_else(crawl, serve, tmp_path):
    site = serve({"/one": page("one", "/three"), **stories("two", "three")})
    listed = tmp_path / "urls.txt"
    listed.write_text(f"# two pages\n{site.url}/one\n\n{site.url}/two\n")
    result = crawl(spider="urls", urls_file=listed)
    assert sorted(site.paths()) == ["/one", "/robots.txt", "/two"]
    assert {url.removeprefix(site.url) for url in result.articles()} == {"/one", "/two"}


def article(name: str) -> Outcome:
    return Maker().outcome(f"https://a.test/{name}", "one two three")


class Frontier:
    """Frontier of turns that a test names. It notes what it is told, and hands out nothing once it is drained."""

    def __init__(self, *turns: Turn) -> None:
        self.turns_left, self.told = list(turns), list[str]()
        self.again: list[Turn] = []

    async def turns(self) -> AsyncIterator[Turn]:
        while self.turns_left and not {"drain", "stop"} & set(self.told):
            yield self.turns_left.pop(0)
            await asyncio.sleep(0)

    def mark_stored(self, url: str) -> None:
        self.told.append(url.rpartition("/")[2])

    def read_again(self, host_name: str) -> None:
        assert host_name == "a.test"

    def note_found(self, found: object) -> None:
        assert found == ()

    def drain(self) -> None:
        self.told.append("drain")

    def stop(self) -> None:
        self.told.append("stop")

    def begin_again(self) -> None:
        self.told, self.turns_left = ["again"], self.again


def turn(name: str, reason: str = "", kind: UrlKind = UrlKind.PAGE) -> Turn:
    queued_url = QueuedUrl(1, f"https://a.test/{name}", "a.test", kind, 0, 0, 0, UrlSource.LINK, "", "")
    return Turn(queued_url, OutcomeReason(reason)) if reason else Turn(queued_url)


class Session:
    """Session of an archive of two articles, of which the test says how large it is and what it refuses."""

    def __init__(self, raw_bytes: int = 0, error: Exception | None = None, pictures: int = 0) -> None:
        self.total_bytes, self.error, self.pictures = raw_bytes, error, pictures
        self.done: list[object] = []
        self.stored_counts, self.batch_count = {"page/done/article": 2}, 1

    async def store(self, outcome: Outcome) -> set[str]:
        if self.error:
            raise self.error
        self.done.append(outcome.url)
        return {"a.test"} if outcome.url.endswith("/1") else set()

    def settle(self) -> None:
        self.done.append("settle")

    def skip_queued(self) -> None:
        self.done.append("skip queued")

    def begin_pictures(self) -> int:
        return self.pictures

    def close(self, outcome: str, reason: str) -> None:
        self.done.append((outcome, reason))
        if self.error:
            raise self.error

    def articles(self) -> Iterator[dict[str, object]]:
        for name in ("1", "2"):
            yield article_values(name)


def article_values(name: str) -> dict[str, object]:
    return dict.fromkeys(ArticleItem.fields) | {"url": f"https://a.test/{name}"}


class Fetcher:
    def __init__(self, spider: SiteSpider) -> None:
        self.fetched, self.given_up, self._spider = list[str](), list[str](), spider

    async def fetch(self, queued_url: QueuedUrl) -> None:
        self.fetched.append(queued_url.url.rpartition("/")[2])
        await self._spider.store(Maker().outcome(queued_url.url, "one two three"))

    async def give_up(self, given: Turn) -> None:
        self.given_up.append(given.queued_url.url.rpartition("/")[2])


def made_spider(frontier: Frontier, session: Session, rendering: object = None, **options: object) -> Any:
    """Return a spider whose parts are the test's: nothing is asked for, and nothing stored."""
    spider: Any = SiteSpider.__new__(SiteSpider)
    waits: list[int | None] = []

    async def wait_for_room(remaining: int | None) -> None:
        waits.append(remaining)

    spider.waits, spider._db = waits, "a.db"
    spider.parts = SimpleNamespace(
        options=replace(CrawlOptions(("https://a.test/",)), **options), session=session, frontier=frontier,
        workers=SimpleNamespace(start=lambda: None, close=lambda: session.done.append("workers closed")),
        outcomes=SimpleNamespace(reads_sitemaps=True, reused_count=0), guesses=SimpleNamespace(is_guessing=True),
        byte_budget=SimpleNamespace(wait_for_room=wait_for_room), rendering=rendering,
        robots_reader=SimpleNamespace(apply_stored=lambda url: session.done.append(f"robots {url[-1]}")),
    )  # fmt: skip
    spider.fetcher, spider.on_stored, spider._running_tasks = Fetcher(spider), [], set()
    spider._storing_tasks = set()
    spider._end_lock, spider.is_closed, spider._is_settling = threading.Lock(), False, False
    spider._has_item_receivers = True
    spider.requested_pages, spider.end_reason, spider._export_end = 0, "", ""
    stats: dict[str, object] = {}
    spider.crawler = SimpleNamespace(stats=SimpleNamespace(set_value=stats.__setitem__), values=stats)
    return spider


def crawled(spider: Any, monkeypatch: pytest.MonkeyPatch, problem: str = "") -> tuple[list[str], str]:
    """Run a spider as Scrapy does: the URLs of its items, and the reason for which it closes."""
    guarded: list[object] = []
    monkeypatch.setattr(spiders, "guard_reactor", guarded.append)
    monkeypatch.setattr(spiders, "running_problem", lambda _: problem)
    thresholds = gc.get_threshold()

    async def run() -> tuple[list[str], str]:
        items, reason = [], "finished"
        try:
            async for item in spider.start():
                items.append(item["url"].rpartition("/")[2])  # noqa: PERF401 - what came before the end counts
        except CloseSpider as end:
            reason = end.reason
        await spider.closed(reason)
        return items, reason

    try:
        return asyncio.run(run())
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        assert guarded == [spider.crawler]


@pytest.mark.parametrize(
    ("options", "raw_bytes", "fetched", "reason", "waits"),
    [
        ({}, 10**12, "robots.txt 1 2 3", "finished", [None] * 4),
        ({"max_pages": 2}, 0, "robots.txt 1 2", "max_pages", [None] * 3),
        ({"max_pages": 3}, 0, "robots.txt 1 2 3", "finished", [None] * 4),
        ({"max_size": 7}, 6, "robots.txt 1 2 3", "finished", [1] * 4),
        ({"max_size": 7}, 7, "", "max_size", []),
        ({"only_missing": True}, 0, "", "finished", []),
    ],
)
def test_a_crawl_ends_with_its_queue_or_at_a_limit(options, raw_bytes, fetched, reason, waits, monkeypatch):
    turns = [turn("robots.txt", kind=UrlKind.ROBOTS), turn("1"), turn("away", "robots"), turn("2"), turn("3")]
    frontier, session = Frontier(*turns), Session(raw_bytes)
    spider = made_spider(frontier, session, **options)
    assert crawled(spider, monkeypatch) == (["1", "2"], reason)
    assert spider.fetcher.fetched == fetched.split()
    assert spider.fetcher.given_up == (["away"] if "1" in fetched else [])
    assert spider.waits == waits
    is_cut = reason != "finished"
    assert (frontier.told[-1:] == ["drain"]) is is_cut
    stored = [step for step in session.done if not str(step).startswith(("http", "robots"))]
    skipped = ["skip queued"] if is_cut else []
    assert stored == ["workers closed", "settle", *skipped, "workers closed", ("finished", reason)]
    counts = {"broadsheet/urls/page/done/article": 2, "broadsheet/urls/commits/outcomes": 1}
    assert spider.crawler.values == counts | {"broadsheet/outcome": "finished"}
    spider = made_spider(Frontier(), Session())
    spider._has_item_receivers = False
    assert crawled(spider, monkeypatch) == ([], "finished"), "no articles where nothing takes them"


@pytest.mark.parametrize(
    ("options", "end", "count", "raw_bytes", "fetched", "told"),
    [
        ({"keep": "pictures"}, "", 1, 0, ["a", "b"], ["again"]),
        ({"keep": "pictures", "max_pages": 1}, "max_pages", 1, 0, ["a", "b"], ["again"]),
        ({"keep": "pictures"}, "max_time", 1, 0, [], []),
        ({"keep": "pictures"}, "", 0, 0, [], []),
        ({"keep": "text"}, "", 1, 0, [], []),
        ({"keep": "pictures", "max_size": 5}, "", 1, 5, [], ["again", "a", "drain"]),
    ],
)
def test_pictures_are_fetched_after_the_pages(options, end, count, raw_bytes, fetched, told):
    frontier, session = Frontier(), Session(raw_bytes, pictures=count)
    frontier.again = [turn("away", "robots"), turn("a"), turn("b")]
    spider = made_spider(frontier, session, **options)
    spider.end_reason = end
    asyncio.run(spider._settle_beside())
    begun = bool(told)
    assert (spider.fetcher.fetched, spider.fetcher.given_up) == (fetched, ["away"] if begun else [])
    assert [step for step in frontier.told if step not in fetched] == told
    assert spider.parts.outcomes.reads_sitemaps is spider.parts.guesses.is_guessing is not begun
    assert spider._is_settling
    assert spider.waits == ([None, None] if fetched else [])
    assert spider.end_reason == ("max_size" if raw_bytes else end)


def test_an_archive_that_cannot_be_written_ends_the_crawl(monkeypatch):
    frontier, session = Frontier(turn("1"), turn("2"), turn("3")), Session(error=sqlite3.OperationalError("disk full"))
    spider = made_spider(frontier, session)
    assert crawled(spider, monkeypatch) == ([], "archive: disk full")
    assert frontier.told[:2] == ["stop", "1"]
    assert session.done[-1] == ("failed", "archive: disk full")
    assert "settle" not in session.done


def test_a_fault_of_ours_is_logged_and_ends_the_crawl(monkeypatch, caplog):
    async def fetch(_: QueuedUrl) -> None:
        raise KeyError("ours")

    spider = made_spider(frontier := Frontier(turn("1")), session := Session())
    spider.fetcher.fetch = fetch
    assert crawled(spider, monkeypatch)[1] == "fault: KeyError: 'ours'"
    assert frontier.told == ["stop"]
    assert session.done[-1] == ("failed", "fault: KeyError: 'ours'")
    [logged] = [entry for entry in caplog.records if entry.levelname == "ERROR"]
    assert (logged.getMessage(), logged.exc_info is not None) == ("Internal error", True)


def test_a_fault_while_it_closes_is_raised_and_an_archive_s_is_the_reason(monkeypatch):
    spider = made_spider(Frontier(), Session(error=KeyError("ours")))
    with pytest.raises(KeyError, match="ours"):
        crawled(spider, monkeypatch)
    assert spider.is_closed
    spider = made_spider(Frontier(), Session(error=OSError("no room")))
    assert crawled(spider, monkeypatch) == (["1", "2"], "finished")
    assert spider.end_reason == "archive: no room"
    spider = made_spider(Frontier(), Session(error=OSError("no room")))
    spider.end_reason = "max_time"
    asyncio.run(spider.closed("shutdown"))
    assert spider.end_reason == "max_time"


def test_a_crawl_without_its_own_parts_of_scrapy_asks_for_nothing(monkeypatch, caplog):
    spider = made_spider(Frontier(turn("1")), session := Session())
    assert crawled(spider, monkeypatch, "no guard") == ([], "fault: no guard")
    assert spider.fetcher.fetched == []
    assert "no guard" in caplog.messages
    assert session.done == ["workers closed", ("failed", "fault: no guard")]


@pytest.mark.parametrize(
    ("is_settling", "reason", "end", "export_end", "told"),
    [
        (False, "closespider_itemcount", "closespider_itemcount", "", ["drain"]),
        (False, "closespider_timeout", "closespider_timeout", "", ["drain"]),
        (True, "closespider_itemcount", "", "closespider_itemcount", []),
        (True, "closespider_timeout", "", "", []),
    ],
)
def test_a_limit_of_scrapy_s_ends_the_crawl_or_its_items(is_settling, reason, end, export_end, told):
    spider = made_spider(frontier := Frontier(), Session())
    spider._is_settling = is_settling

    async def stop() -> None:
        spider.stop_at_limit(reason)

    asyncio.run(stop())
    assert (spider.end_reason, spider._export_end, frontier.told) == (end, export_end, told)
    spider.end_reason = "max_pages"
    asyncio.run(stop())
    assert spider.end_reason == "max_pages"


@pytest.mark.parametrize(
    ("end", "export_end", "reason", "outcome"),
    [
        ("", "", "finished", "finished"),
        ("", "", "shutdown", "stopped"),
        ("max_pages", "", "max_pages", "finished"),
        ("max_time", "", "max_time", "finished"),
        ("max_size", "", "max_size", "finished"),
        ("archive: full", "", "archive: full", "failed"),
        ("fault: x", "", "finished", "failed"),
        ("", "closespider_itemcount", "closespider_itemcount", "finished"),
        ("closespider_timeout", "closespider_itemcount", "closespider_itemcount", "stopped"),
    ],
)
def test_a_run_is_finished_stopped_or_failed(end, export_end, reason, outcome):
    spider = made_spider(Frontier(), Session())
    spider.end_reason, spider._export_end = end, export_end
    assert spider._run_outcome(reason) == outcome
    asyncio.run(spider.closed(reason))
    said = end or ("finished" if outcome == "finished" else reason)
    assert spider.parts.session.done[-1] == (outcome, said)


def test_items_end_at_their_limit(monkeypatch):
    spider = made_spider(Frontier(), Session())

    async def first() -> list[str]:
        urls = []
        async for item in spider._settled_articles():
            urls.append(item["url"])
            spider.stop_at_limit(ITEM_LIMIT)
        return urls

    assert asyncio.run(first()) == ["https://a.test/1"]
    spider.is_closed = True
    spider._export_end = ""
    assert asyncio.run(first()) == []
    assert spider._begin_pictures() == 0
    done = len(spider.parts.session.done)
    spider._settle()
    assert len(spider.parts.session.done) == done


def test_the_time_limit_ends_a_crawl_and_its_rendering_but_no_settling(monkeypatch):
    told: list[str] = []

    async def close() -> None:
        told.append("closed")

    rendering = SimpleNamespace(stop=lambda: told.append("stop"), close=close, counts={"gained": 3})
    spider = made_spider(frontier := Frontier(), Session(), rendering, max_time=0.01)

    async def endless() -> AsyncIterator[Turn]:
        while not frontier.told:
            await asyncio.sleep(0.001)
        return
        yield

    frontier.turns = endless  # type: ignore[method-assign]
    assert crawled(spider, monkeypatch) == (["1", "2"], "max_time")
    assert (frontier.told, told) == (["drain"], ["stop", "closed", "closed"])
    assert spider.crawler.values["broadsheet/browser/gained"] == 3
    spider._on_max_time()
    assert (frontier.told, told) == (["drain"], ["stop", "closed", "closed"])


def test_each_new_article_counts_towards_the_limits_of_items():
    limits, stopped = CrawlLimits.__new__(CrawlLimits), list[str]()
    limits.counter, limits.close_on = Counter(pagecount_since_last_item=9), {"itemcount": 2}
    spider = made_spider(Frontier(), Session())
    spider.stop_at_limit = stopped.append
    limits.crawler = SimpleNamespace(spider=spider)  # type: ignore[assignment]
    limits._watch_articles(spider)
    [count] = spider.on_stored
    count(Maker().failure("https://a.test/0"))
    assert limits.counter == {"pagecount_since_last_item": 9}
    count(article("1"))
    assert (limits.counter, limits.items_in_period, stopped) == (
        {"pagecount_since_last_item": 0, "articles": 1}, 1, [],
    )  # fmt: skip
    count(article("2"))
    count(article("3"))
    assert (limits.items_in_period, stopped) == (3, ["closespider_itemcount"])
    limits._watch_articles(SimpleNamespace(on_stored=spider.on_stored))  # type: ignore[arg-type]
    assert spider.on_stored == [count]


def test_the_list_spider_discovers_nothing():
    options = UrlsSpider.options({"url": "https://a.test/", "max_pages": "3"})
    assert options == CrawlOptions(("https://a.test/",), max_pages=3, sitemaps=False, feeds=False, links=False)
