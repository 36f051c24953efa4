"""The spider in a Scrapy process of its own: what is loaded before its first request."""

from __future__ import annotations

import asyncio
import signal
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy.settings import Settings

from broadsheet.crawler.commands import spider_run
from broadsheet.crawler.commands.spider_run import lacks_contact, spider_settings
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
