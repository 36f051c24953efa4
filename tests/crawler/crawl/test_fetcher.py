"""What a fetched URL comes to: its outcome is stored, a robots.txt is followed, and the frontier learns of its host."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from scrapy import signals
from scrapy.exceptions import DownloadTimeoutError
from scrapy.http import Request, Response
from scrapy.statscollectors import StatsCollector
from scrapy.utils.test import get_crawler

from broadsheet.crawler.crawl.fetcher import Fetcher
from broadsheet.crawler.crawl.outcomes import Answer
from broadsheet.crawler.fetch.capacity import ByteBudget
from broadsheet.crawler.fetch.exchange_recorder import ExchangeRecorder
from broadsheet.crawler.fetch.faults import Fault
from broadsheet.crawler.fetch.identity import Identity
from broadsheet.crawler.fetch.requests import RequestBuilder
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.url_queue import QueuedUrl

HEAD = b"HTTP/1.1 301 Moved\r\n\r\n"


def queued(path: str, kind: str = "page") -> QueuedUrl:
    return QueuedUrl(1, f"https://mill.example{path}", "mill.example", kind, 0, 0, 0, "link", "", "")


class Engine:
    """Answers requests with what `answers` has for their URL, and records a head for those that are recorded."""

    running = True

    def __init__(self, answers: dict[str, Response | Exception]) -> None:
        self.answers = answers
        self.urls: list[str] = []

    async def download_async(self, request: Request) -> Response:
        self.urls.append(request.url)
        request.meta["download_latency"] = 0.5
        exchange = request.meta["exchange"]
        exchange.record_received(HEAD)
        exchange.mark_head_end(len(HEAD))
        answer = self.answers[request.url]
        if isinstance(answer, Exception):
            raise answer
        exchange.mark_complete(0)
        return answer


class Outcomes:
    """Makes an outcome whose reason is the status or the fault's."""

    def __init__(self, budget: ByteBudget, frontier: Any) -> None:
        self.answers: list[Answer] = []
        self.captures: list[Any] = []
        self._budget, self._frontier = budget, frontier

    async def from_answer(self, answer: Answer, robots: object = None) -> Outcome:
        assert self._budget._reserved_bytes == len(answer.response.body)
        self.answers.append(answer)
        if answer.response.body == b"breaks us":
            raise ZeroDivisionError
        assert self._frontier.record_arrival.call_count == (answer.queued_url.kind == "page")
        is_wall = answer.response.status == 429
        return Outcome(answer.queued_url.url, "done", "challenged" if is_wall else str(answer.response.status))

    def from_fault(self, queued_url: QueuedUrl, fault: Fault, failed_at: object, capture: object = None) -> Outcome:
        self.captures.append(capture)
        return Outcome(queued_url.url, "failed", fault.reason)


class Fetching:
    """A fetcher on stand-ins, whose robots.txt is requested again while there are `retries`."""

    def __init__(self, answers: dict[str, Response | Exception], retries: int = 0) -> None:
        self.budget, self.retries = ByteBudget(100), retries
        self.guessed = list[tuple[str, str]]()
        self.was_redirected: bool | None = None
        self.frontier = Mock(robots_for=lambda host: SimpleNamespace(id=4) if host == "mill.example" else None)
        self.engine, self.outcomes, self.stored = Engine(answers), Outcomes(self.budget, self.frontier), list[Outcome]()
        identity = Identity("Mill/1")
        parts: Any = SimpleNamespace(
            rendering=None,
            request_builder=RequestBuilder(identity, lambda queued_url: {}, make_recorder=ExchangeRecorder),
            frontier=self.frontier,
            outcomes=self.outcomes,
            robots_reader=self,
            guesses=self,
            byte_budget=self.budget,
        )
        self.crawler = get_crawler()
        self.crawler.stats = StatsCollector(self.crawler)
        self.crawler._engine = self.engine  # type: ignore[assignment]
        self.fetcher = Fetcher(parts, self.crawler, self.store, logging.getLogger("test"))  # type: ignore[arg-type]

    def usage_statements(self, queued_url: QueuedUrl) -> tuple[str, ...]:
        return (f"robots.txt Content-Usage: search={queued_url.host}",)

    def robots_of(self, queued_url: QueuedUrl) -> str:
        return f"rules of {queued_url.host}"

    async def read_answer(self, answer: Answer, make_outcome: Any) -> Outcome | None:
        self.retries -= 1
        return None if self.retries >= 0 else await make_outcome(answer)

    def read_fault(self, queued_url: QueuedUrl, fault: Fault, was_redirected: bool, outcome: Outcome) -> Outcome | None:
        self.was_redirected = was_redirected
        self.retries -= 1
        return None if self.retries >= 0 else outcome

    def extend(self, outcome: Outcome, queued_url: QueuedUrl, robots: str) -> Outcome:
        self.guessed.append((queued_url.url, robots))
        return outcome

    def told(self) -> list[tuple[object, ...]]:
        """What the frontier is told of answers and failures, but for the URL."""
        calls = [call for call in self.frontier.method_calls if call[0] != "record_arrival"]
        return [(name.removeprefix("record_"), *words[1:]) for name, words, _ in calls]

    async def store(self, outcome: Outcome) -> None:
        self.stored.append(outcome)

    def fetch(self, queued_url: QueuedUrl) -> list[tuple[str, str]]:
        asyncio.run(self.fetcher.fetch(queued_url))
        assert self.budget._reserved_bytes == 0
        assert self.guessed == [(queued_url.url, "rules of mill.example")] * len(self.stored)
        return [(outcome.state, outcome.reason) for outcome in self.stored]


@pytest.mark.parametrize(
    ("status", "headers", "call"),
    [
        (200, {}, ("answer", 0.5)),
        (404, {}, ("answer", 0.5)),
        (500, {}, ("failure", "http_500")),
        (503, {"Retry-After": "30"}, ("refusal", 30.0, "http_503")),
        (429, {}, ("refusal", None, "challenged")),
    ],
)
def test_an_answer_is_stored_and_the_frontier_told(status, headers, call):
    url = queued("/sold")
    fetching = Fetching({url.url: Response(url.url, status, headers, b"mill")})
    assert fetching.fetch(url) == [("done", "challenged" if status == 429 else str(status))]
    assert fetching.told() == [call]
    (answer,) = fetching.outcomes.answers
    assert (answer.queued_url, answer.robots_id) == (url, 4)
    assert answer.usage == ("robots.txt Content-Usage: search=mill.example",)
    assert answer.wire is not None
    assert answer.wire.head == HEAD


def test_a_fault_is_stored_with_what_came_before_it():
    url = queued("/sold")
    fetching = Fetching({url.url: DownloadTimeoutError()})
    assert fetching.fetch(url) == [("failed", "timeout")]
    assert fetching.told() == [("failure", "timeout")]
    (capture,) = fetching.outcomes.captures
    assert (capture.raw.head, capture.http_status, capture.robots_id) == (HEAD, 301, 4)


def test_a_robots_txt_is_followed_and_its_redirects_are_kept_with_it():
    url, there = queued("/robots.txt", "robots"), "https://other.example/robots.txt"
    moved = Response(url.url, 301, {"Location": there})
    fetching = Fetching({url.url: moved, there: Response(there, body=b"User-agent: *\n")})
    assert fetching.fetch(url) == [("done", "200")]
    assert fetching.engine.urls == [url.url, there]
    assert [capture.http_status for capture in fetching.stored[0].extra_captures] == [301]
    assert fetching.told() == [("answer", 0.5)], "a redirect is no answer yet"
    fetching = Fetching({url.url: moved, there: DownloadTimeoutError()})
    assert fetching.fetch(url) == [("failed", "timeout")]
    assert fetching.was_redirected is True


def test_a_robots_txt_that_is_requested_again_has_one_outcome_in_the_end():
    url = queued("/robots.txt", "robots")
    fetching = Fetching({url.url: DownloadTimeoutError()}, retries=2)
    assert fetching.fetch(url) == []
    fetching.engine.answers[url.url] = Response(url.url, 503)
    assert fetching.fetch(url) == []
    fetching.engine.answers[url.url] = Response(url.url, 200)
    assert fetching.fetch(url) == [("done", "200")]
    assert [capture.http_status for capture in fetching.stored[0].extra_captures] == [301, 503]
    assert fetching.was_redirected is False


def test_nothing_is_stored_where_scrapy_stops():
    url = queued("/sold")
    fetching = Fetching({})
    fetching.engine.running = False
    assert fetching.fetch(url) == []
    assert fetching.engine.urls == []


def test_an_exception_of_ours_is_reported_to_scrapy(caplog):
    """It costs its URL alone. CLOSESPIDER_ERRORCOUNT counts the signal; there was none."""
    fetching = Fetching({"https://mill.example/a": Response("https://mill.example/a", body=b"breaks us")})
    seen = []

    def on_error(failure: Any, response: Response) -> None:
        seen.append((failure.type, response.url))

    fetching.crawler.signals.connect(on_error, signals.spider_error)
    assert fetching.fetch(queued("/a")) == [("failed", "error:ZeroDivisionError")]
    assert "Internal error at https://mill.example/a" in caplog.text
    assert seen == [(ZeroDivisionError, "https://mill.example/a")]
    counts = {"spider_exceptions/count": 1, "spider_exceptions/ZeroDivisionError": 1}
    assert fetching.crawler.stats.get_stats() == counts


def test_the_robots_txt_of_a_host_that_a_page_loads_from_names_nothing_to_be_read():
    url = queued("/robots.txt", "robots")
    fetching = Fetching({url.url: Response(url.url, 200, body=b"mill")})
    found = (DiscoveredUrl("https://mill.example/map.xml", "mill.example"),)

    async def from_answer(answer: Answer, robots: object = None) -> Outcome:
        return Outcome(answer.queued_url.url, "done", "robots", discovered_urls=found)

    fetching.outcomes.from_answer = from_answer  # type: ignore[method-assign]
    asyncio.run(fetching.fetcher._fetch_robots_alone(url))
    assert ([outcome.discovered_urls for outcome in fetching.stored], fetching.guessed) == ([()], [])
    asyncio.run(fetching.fetcher.fetch(replace(url)))
    assert fetching.stored[-1].discovered_urls == found
    assert len(fetching.guessed) == 1
