"""The spider in a Scrapy process of its own: what is loaded before its first request."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands import spider_run
from broadsheet.crawler.commands.run_summary import RunResult
from broadsheet.crawler.commands.spider_run import lacks_contact, spider_settings
from broadsheet.crawler.crawl.spiders import SiteSpider
from broadsheet.output.raw.warc_folders import Recovery


def test_only_a_crawl_of_public_sites_is_asked_for_a_contact() -> None:
    private = Settings({"BROADSHEET_ALLOW_PRIVATE": True})
    assert lacks_contact(Settings(), {"contact": ""})
    assert not lacks_contact(private, {"contact": ""})
    assert not lacks_contact(Settings(), {"contact": "me@a.example"})
    assert not lacks_contact(Settings(), {})


PLAIN = {
    "allow_private": False, "delay": 1.5, "concurrency": 4, "cookies": None, "quiet": False, "verbose": 0,
    "total_concurrency": None, "headers": (),
}  # fmt: skip
ALWAYS = {
    "BROADSHEET_COMMAND": True, "BROADSHEET_ALLOW_PRIVATE": False, "BROADSHEET_DELAY": 1.5, "BROADSHEET_CONCURRENCY": 4,
    "BROADSHEET_PROGRESS": True, "CONCURRENT_REQUESTS": 0, "LOG_LEVEL": "WARNING",
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({}, {}),
        ({"allow_private": True, "cookies": "a.txt", "total_concurrency": 9},
         {"BROADSHEET_ALLOW_PRIVATE": True, "BROADSHEET_COOKIES": "a.txt", "CONCURRENT_REQUESTS": 9}),
        ({"quiet": True}, {"BROADSHEET_PROGRESS": False, "LOG_LEVEL": "ERROR", "BROADSHEET_URL_LINES": False}),
        ({"verbose": 1}, {"LOG_LEVEL": "WARNING", "BROADSHEET_URL_LINES": True}),
        ({"verbose": 2}, {"LOG_LEVEL": "INFO", "BROADSHEET_URL_LINES": True}),
        ({"verbose": 3}, {"LOG_LEVEL": "DEBUG", "BROADSHEET_URL_LINES": True}),
        ({"verbose": 9}, {"LOG_LEVEL": "DEBUG", "BROADSHEET_URL_LINES": True}),
        ({"ports": (8080, 81), "headers": (("A", "b"),), "browser_no_sandbox": True,
          "header_hosts": ("a.example", "*")},
         {"BROADSHEET_PORTS": (8080, 81), "BROADSHEET_HEADERS": {"A": "b"}, "BROADSHEET_BROWSER_NO_SANDBOX": True,
          "BROADSHEET_HEADER_HOSTS": "a.example *"}),
    ],
)  # fmt: skip
def test_options_become_settings(given: dict[str, Any], changed: dict[str, Any]) -> None:
    assert spider_settings(PLAIN | given) == ALWAYS | changed


class EndedTask:
    def __init__(self, error: Exception | None, *, is_cancelled: bool = False, is_done: bool = True) -> None:
        self.exception = lambda: error
        self.cancelled, self.done = lambda: is_cancelled, lambda: is_done


def spider(due: int, *, contact: str = "", **counts: int) -> Any:
    queue = SimpleNamespace(counts=lambda: {"done": 0, "queued": 0} | counts)
    session = SimpleNamespace(queue=queue, due_count=due, recovery=Recovery("a.db"))
    return SimpleNamespace(parts=SimpleNamespace(session=session, options=SimpleNamespace(contact=contact)))


@pytest.mark.parametrize(
    ("due", "counts", "line"),
    [
        (0, {"done": 1234, "queued": 0}, "Going on: 1,234 URLs done, 0 waiting."),
        (0, {"done": 1, "queued": 5}, "Going on: 1 URL done, 5 waiting."),
        (1, {"queued": 1}, "Looking again: 1 URL is due."),
        (2, {"queued": 2}, "Looking again: 2 URLs are due."),
        (2, {"queued": 1502}, "Looking again: 2 URLs are due, 1,500 more wait."),
    ],
)
def test_a_crawl_that_goes_on_says_where_it_stands(due: int, counts: dict[str, int], line: str) -> None:
    assert spider_run._resume_message(spider(due, **counts)) == line


TIP = "Tip: --contact you@example.org tells sites whom to ask about this crawl."
GOING_ON = "Going on: 0 URLs done, 0 waiting."
STOPPING = "Stopping when what is under way is done; Ctrl-C again stops at once."


@pytest.mark.parametrize(
    ("quiet", "existed", "lacks", "contact", "watched", "lines"),
    [
        (False, True, True, "", False, [TIP, GOING_ON, STOPPING]),
        (False, False, True, "me@a.example", False, [STOPPING]),
        (False, True, False, "", False, [GOING_ON, STOPPING]),
        (True, True, True, "", False, [STOPPING]),
        (True, True, True, "", True, []),
    ],
)
def test_a_crawl_says_what_it_begins_with_and_that_it_stops(quiet, existed, lacks, contact, watched, lines, capsys):
    handled: list[int] = []
    opened: list[Any] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, lambda number, _: handled.append(number))

    async def crawl() -> None:
        watcher = spider_run._CrawlWatcher(quiet=quiet, archive_existed=existed)
        watcher.has_no_contact, watcher.on_opened = lacks, opened.append if watched else None
        watcher.spider_opened(begun)
        signal.raise_signal(signal.SIGTERM)
        assert watcher.signal == signal.SIGTERM
        signal.raise_signal(signal.SIGINT)
        assert watcher.signal == signal.SIGINT
        await asyncio.sleep(0)

    begun = spider(0, contact=contact)
    try:
        asyncio.run(crawl())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (handled, opened) == ([signal.SIGTERM, signal.SIGINT], [begun] if watched else [])
    told = capsys.readouterr().err.splitlines()
    assert told == [*lines, *lines[-1:]] if STOPPING in lines else told == lines


class FakeProcess:
    """Process of Scrapy's that ends as a test says; `made` are the settings and arguments that it was given."""

    made: ClassVar[list[Any]] = []
    spider: ClassVar[Any] = None
    signal_number = 0
    is_done = True
    problem = ""

    def __init__(self, settings: Settings) -> None:
        self.made[:] = [settings]

    def create_crawler(self, spider_class: type) -> Any:
        if self.problem:
            raise UsageError(self.problem)
        self.made.append(spider_class)
        signals = SimpleNamespace(connect=lambda *connected: self.made.append(connected[0].__self__))
        return SimpleNamespace(signals=signals, spider=self.spider, stats=SimpleNamespace(get_stats=lambda: {"a": 1}))

    def crawl(self, crawler: Any, **arguments: Any) -> Any:
        self.made.append(arguments)
        return EndedTask(None, is_done=self.is_done)

    def start(self) -> None:
        pass


@pytest.mark.parametrize(
    ("is_done", "signal_number", "end"), [(True, 0, "max_pages"), (True, 15, "max_pages"), (False, 2, "killed")]
)
def test_a_crawl_that_ran_is_told_with_its_counts_and_its_end(is_done, signal_number, end, monkeypatch, tmp_path):
    closed: list[str] = []
    ran: Any = SiteSpider.__new__(SiteSpider)
    ran.end_reason = "max_pages"
    ran.parts = SimpleNamespace(
        seeds=("https://a.example/",), session=SimpleNamespace(stored_counts={"done/article": 3}),
        workers=SimpleNamespace(close=lambda: closed.append("workers")),
    )  # fmt: skip
    monkeypatch.setattr(FakeProcess, "spider", ran)
    monkeypatch.setattr(FakeProcess, "is_done", is_done)
    monkeypatch.setattr(FakeProcess, "signal_number", signal_number)
    monkeypatch.setattr(spider_run, "_SpiderProcess", FakeProcess)
    db = tmp_path / "a.db"
    db.write_bytes(b"x")
    opened: list[Any] = []
    result = spider_run.run_spider(str(db), {"contact": "", "seeds": 1}, {"BROADSHEET_PROGRESS": True}, opened.append)
    assert replace(result, seconds=0.0) == RunResult(
        str(db), ("https://a.example/",), 0.0, {"done/article": 3}, end, signal_number, stats={"a": 1}
    )
    assert (0 <= result.seconds < 60, closed) == (True, ["workers"])
    settings, spider_class, watcher, arguments = FakeProcess.made
    assert (settings["BROADSHEET_PROGRESS"], settings.getpriority("BROADSHEET_PROGRESS")) == (True, 40)
    assert (spider_class, arguments) == (SiteSpider, {"db": str(db), "contact": "", "seeds": 1})
    assert (watcher._quiet, watcher._archive_existed, watcher.has_no_contact) == (False, True, True)
    watcher.on_opened("it")
    assert opened == ["it"]


def test_a_crawl_that_was_stopped_while_it_began_is_killed_and_what_keeps_it_is_an_error(monkeypatch):
    monkeypatch.setattr(spider_run, "_SpiderProcess", FakeProcess)
    monkeypatch.setattr(FakeProcess, "signal_number", 15)
    result = spider_run.run_spider("a.db", {}, {})
    assert replace(result, seconds=0.0) == RunResult("a.db", (), 0.0, {}, "killed", 15)
    monkeypatch.setattr(FakeProcess, "problem", "no such spider")
    with pytest.raises(CommandError, match="no such spider"):
        spider_run.run_spider("a.db", {}, {})
    monkeypatch.setattr(spider_run, "ENVIRONMENT_PROBLEMS", ["the environment is wrong"])
    with pytest.raises(CommandError, match="the environment is wrong"):
        spider_run.run_spider("a.db", {}, {})


def test_a_signal_that_scrapy_handles_is_noted_and_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    handled: list[Any] = []
    monkeypatch.setattr(AsyncCrawlerProcess, "_signal_shutdown", lambda _, *words: handled.append(words))
    process = spider_run._SpiderProcess.__new__(spider_run._SpiderProcess)
    process._signal_shutdown(15, None)
    assert (process.signal_number, handled) == (15, [(15, None)])
