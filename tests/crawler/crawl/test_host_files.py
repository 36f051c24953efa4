"""Files of a host: its robots.txt, and the usual places of sitemaps and feeds where nothing names any."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from scrapy.http import Response

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.crawler.crawl.host_files import GuessedPlaces, RobotsReader, redirect_target
from broadsheet.crawler.crawl.outcomes import Answer
from broadsheet.crawler.crawl.robots_rules import RobotsRules
from broadsheet.crawler.discovery.found_rows import file_row, urls_from_outlinks
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.discovery.usual_places import usual_urls
from broadsheet.crawler.fetch.faults import Fault, RetryPolicy
from broadsheet.crawler.options import CrawlOptions
from broadsheet.output.archive.page_rows import make_page_rows
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.url_queue import QueuedUrl

HOME = "https://a.example/"
SEED = QueuedUrl(1, HOME, "a.example", "page", 0, 100, 0, "seed", "", "")
ROBOTS_URL = replace(SEED, url=HOME + "robots.txt", kind="robots", found_via="robots")
NO_ROBOTS = RobotsRules.from_response(404, b"", ROBOTS_URL.url)
WITH_SITEMAP = RobotsRules.from_response(200, b"Sitemap: https://a.example/map.xml\n", ROBOTS_URL.url)
UNREACHABLE = RobotsRules.from_response(503, b"", ROBOTS_URL.url)
SITEMAPS, FEEDS = usual_urls("sitemap", HOME), usual_urls("feed", HOME)


def options(**values: Any) -> CrawlOptions:
    return CrawlOptions.from_arguments({"url": HOME, **values})


def guesses(outcome: Outcome, queued_url: QueuedUrl = SEED, robots: Any = NO_ROBOTS, **values: Any) -> list[str]:
    """The URLs guessed after an outcome."""
    extended = GuessedPlaces(options(**values)).extend(outcome, queued_url, robots)
    return [row.url for row in extended.discovered_urls if row.found_via == "guess"]


def start_page(head: str = "", body: str = "") -> Outcome:
    """The outcome of a start page with this in its head and body."""
    html = f"<!DOCTYPE html><html><head><title>x</title>{head}</head><body>{body}<p>Words.</p></body></html>"
    cleaned = clean(Page(HOME, html.encode()))
    rows = urls_from_outlinks(cleaned.outlinks, SEED, Scope.from_seeds((HOME,)), options(), cleaned.is_article).rows
    return Outcome(HOME, "done", "other", page=make_page_rows(cleaned), discovered_urls=rows)


def guessed(url: str) -> QueuedUrl:
    kind = "sitemap" if url in SITEMAPS else "feed"
    return replace(SEED, url=url, kind=kind, found_via="guess")


FEED_LINK = '<link rel="alternate" type="application/rss+xml" href="/news.php">'
COMMENTS_LINK = FEED_LINK.replace("/news.php", "/comments/feed/")


@pytest.mark.parametrize(
    ("head", "body", "robots", "expected"),
    [
        ("", "", NO_ROBOTS, [SITEMAPS[0], FEEDS[0]]),
        ("", "", WITH_SITEMAP, [FEEDS[0]]),
        ("", "", UNREACHABLE, []),
        ("", "", None, []),
        (FEED_LINK, "", NO_ROBOTS, [SITEMAPS[0]]),
        (COMMENTS_LINK, "", NO_ROBOTS, [SITEMAPS[0], FEEDS[0]]),
        ("", '<a href="/news/rss.xml">RSS</a>', NO_ROBOTS, [SITEMAPS[0]]),
        ("", '<a href="/feed/">RSS</a>', NO_ROBOTS, [SITEMAPS[0]]),
        ("", '<a href="/feed/the-pigeons">The pigeons</a>', NO_ROBOTS, [SITEMAPS[0], FEEDS[0]]),
        ('<link rel="sitemap" type="application/xml" href="/places.php">', "", NO_ROBOTS, [FEEDS[0]]),
        ("", '<a href="/sitemap-news.xml">Map</a>', NO_ROBOTS, [FEEDS[0]]),
        ("", '<a href="/sitemap/">Map</a>', NO_ROBOTS, [SITEMAPS[0], FEEDS[0]]),
    ],
)
def test_a_start_page_leads_to_the_first_place_of_what_nothing_names(head, body, robots, expected):
    outcome = start_page(head, body)
    assert guesses(outcome, robots=robots) == expected
    assert guesses(outcome, replace(SEED, found_via="link"), robots) == []
    assert guesses(outcome, robots=robots, feeds=False) == [url for url in expected if url in SITEMAPS]
    assert guesses(outcome, robots=robots, sitemaps=False) == [url for url in expected if url in FEEDS]


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("failed", "http_500", SITEMAPS[:1]), ("skipped", "robots.txt", SITEMAPS[:1]), ("done", "feed", SITEMAPS[:1]),
        *(("done", reason, ()) for reason in ("redirect", "sitemap", "not_modified")), ("queued", "retry:timeout", ()),
    ],
)  # fmt: skip
def test_a_start_url_that_is_no_page_has_a_sitemap_looked_for_unless_it_comes_again(state, reason, expected):
    assert guesses(Outcome(HOME, state, reason)) == [*expected]


def test_a_robots_txt_leads_to_a_sitemap_where_no_start_page_is_awaited():
    places = GuessedPlaces(options())
    outcome = Outcome(ROBOTS_URL.url, "done", "robots", kind="robots")
    assert [row.url for row in places.extend(outcome, ROBOTS_URL, NO_ROBOTS).discovered_urls] == [SITEMAPS[0]]
    assert places.extend(outcome, ROBOTS_URL, WITH_SITEMAP) is outcome
    places.extend(Outcome("https://b.example/", "done", "redirect", location=HOME), SEED, NO_ROBOTS)
    assert places.awaited_hosts == {"a.example"}, "to which a start URL redirects"
    assert places.extend(outcome, ROBOTS_URL, NO_ROBOTS) is outcome


@pytest.mark.parametrize("places", [SITEMAPS, FEEDS])
def test_places_are_tried_in_their_order_until_the_last_or_a_hit(places):
    def after(url: str, state: str, reason: str, **fields: str) -> list[str]:
        return guesses(Outcome(url, state, reason), replace(guessed(url), **fields))

    assert [after(url, "skipped", "not_there") for url in places] == [[url] for url in places[1:]] + [[]]
    first, second = places[:2]
    assert [after(first, "failed", "timeout"), after(first, "skipped", "robots.txt")] == [[second]] * 2
    assert after(first, "queued", "retry:timeout") == []
    assert [after(first, "done", "sitemap:too_large"), after(second, "done", "feed")] == [[], []]
    assert after(first, "failed", "http_404", found_via="robots", found_on=ROBOTS_URL.url) == [], "it was named"


def test_a_redirect_to_a_sitemap_is_a_hit_unless_it_is_not_there_and_the_front_page_is_none():
    target = HOME + "sitemap-main.xml"
    assert guesses(redirect(SITEMAPS[0], target), guessed(SITEMAPS[0])) == []
    assert guesses(redirect(FEEDS[0], HOME), guessed(FEEDS[0])) == [FEEDS[1]]
    followed = replace(guessed(SITEMAPS[0]), url=target, found_via="redirect", found_on=SITEMAPS[0])
    assert guesses(Outcome(target, "done", "sitemap"), followed) == []
    assert guesses(Outcome(target, "failed", "http_404"), followed) == [SITEMAPS[1]]
    other_place = replace(followed, url=SITEMAPS[1])
    assert guesses(Outcome(SITEMAPS[1], "failed", "http_404"), other_place) == [SITEMAPS[2]]


def redirect(url: str, target: str) -> Outcome:
    kind = guessed(url).kind
    row: DiscoveredUrl = file_row(target, kind, "redirect", url)
    return Outcome(url, "done", "redirect", location=target, discovered_urls=(row,))


@pytest.mark.parametrize(
    ("status", "hops", "is_followed"),
    [(301, 4, True), (301, 5, False), (300, 0, True), (299, 0, False), (400, 0, False)],
)
def test_five_redirects_of_a_robots_txt_are_followed(status, hops, is_followed):
    response = Response("https://a.example/robots.txt", status=status, headers={"Location": "/other"})
    assert redirect_target(response, hops) == ("https://a.example/other" if is_followed else "")
    assert redirect_target(Response("https://a.example/robots.txt", status=status), hops) == ""


class Frontier:
    """Frontier that notes what a reader of robots.txt files tells it."""

    def __init__(self, robots: RobotsRules | None = None) -> None:
        self.told: list[tuple[object, ...]] = []
        self.robots = robots

    def robots_for(self, host: str) -> RobotsRules | None:
        return self.robots

    def set_robots(self, host: str, robots: RobotsRules) -> None:
        self.told.append((host, robots.access))

    def retry_robots(self, queued_url: QueuedUrl, wait: float) -> None:
        self.told.append((queued_url.attempts, wait))

    def give_up_host(self, host: str, reason: str) -> None:
        self.told.append((host, str(reason)))


def reader(frontier: Frontier, retries: int = 2) -> RobotsReader:
    return RobotsReader(frontier, RetryPolicy(retries, 5.0), "broadsheet")  # type: ignore[arg-type]


def read(made: RobotsReader, status: int, body: bytes = b"", attempts: int = 0, **headers: str) -> Outcome | None:
    queued = replace(ROBOTS_URL, attempts=attempts)
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    flags = ["download_stopped"] if "Content_Encoding" in headers else []
    response = Response(queued.url, status, fields, body, flags)

    async def build(answer: Answer, robots: RobotsRules) -> Outcome:
        assert answer.robots_id == robots.id
        return Outcome(queued.url, "done", str(robots.access))

    return asyncio.run(made.read_answer(Answer(queued, response, datetime(2026, 3, 1, tzinfo=UTC)), build))


@pytest.mark.parametrize(
    ("status", "headers", "waits"),
    [(503, {}, [(0, 5.0), (1, 30.0)]), (503, {"Retry_After": "40"}, [(0, 40.0), (1, 40.0)]),
     (200, {"Content_Encoding": "gzip"}, [(0, 5.0), (1, 30.0)])],
)  # fmt: skip
def test_a_robots_txt_that_cannot_be_read_is_asked_for_again_until_the_tries_are_used_up(status, headers, waits):
    made = reader(frontier := Frontier())
    assert [read(made, status, attempts=n, **headers) for n in (0, 1)] == [None, None]
    assert frontier.told == waits
    outcome = read(made, status, attempts=2, **headers)
    assert outcome is not None
    assert (outcome.reason, frontier.told) == ("nothing", waits)
    assert outcome.robots_file is not None
    made.apply_stored(outcome.url)
    made.apply_stored(outcome.url)
    assert frontier.told == [*waits, ("a.example", "nothing")]


@pytest.mark.parametrize(
    ("delay", "is_capped"), [("", False), ("30", False), ("600", False), ("601", True), ("86400", True)]
)
def test_a_delay_of_more_than_ten_minutes_is_cut_and_said(delay, is_capped, caplog):
    body = f"User-agent: *\nCrawl-delay: {delay}\nDisallow: /x".encode() if delay else b""
    made = reader(Frontier())
    with caplog.at_level(logging.WARNING):
        outcome = read(made, 200, body)
    assert outcome is not None
    assert outcome.robots_file is not None
    assert outcome.robots_file.reason.endswith(":delay_capped") is is_capped
    line = f"a.example asks for {delay} s between requests; it gets 600 s"
    assert caplog.messages == ([line] if is_capped else [])
    assert made.robots_of(ROBOTS_URL) is not None


@pytest.mark.parametrize(
    ("fault", "attempts", "is_moved", "known", "told", "access"),
    [
        (Fault("timeout", retry=True), 0, False, None, [(0, 5.0)], None),
        (Fault("timeout", retry=True), 2, False, None, [], "nothing"),
        (Fault("dns", retry=False, host_gone=True), 0, False, None, [("a.example", "dns")], ""),
        (Fault("dns", retry=False, host_gone=True), 0, True, None, [], "nothing"),
        (Fault("dns", retry=False, host_gone=True), 0, False, NO_ROBOTS, [], "nothing"),
        (Fault("private_address", retry=False), 0, False, None, [("a.example", "private_address")], ""),
        (Fault("tls", retry=False), 0, False, None, [], "nothing"),
    ],
)
def test_a_host_that_was_never_reached_is_given_up(fault, attempts, is_moved, known, told, access):
    made = reader(frontier := Frontier(known))
    failed = Outcome(ROBOTS_URL.url, "failed", "x")
    outcome = made.read_fault(replace(ROBOTS_URL, attempts=attempts), fault, is_moved, failed)
    assert frontier.told == told
    if access is None:
        assert outcome is None
    else:
        assert outcome is not None
        assert (outcome.robots_file.access if outcome.robots_file else "") == access


def test_the_file_in_force_states_preferences_for_pages_alone():
    stating = RobotsRules.from_response(200, b"User-agent: *\nContent-Usage: train-ai=n\n", ROBOTS_URL.url)
    page_url = replace(SEED, url=HOME + "x")
    assert len(reader(Frontier(stating)).usage_statements(page_url)) == 1
    assert reader(Frontier(stating)).usage_statements(ROBOTS_URL) == ()
    assert reader(Frontier()).usage_statements(page_url) == ()
    assert reader(Frontier(stating)).robots_of(page_url) is stating
