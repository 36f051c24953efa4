"""The usual places of sitemaps and feeds: tried where nothing names any, one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from scrapy.http import Response

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.crawler.crawl.host_files import GuessedPlaces, redirect_target
from broadsheet.crawler.crawl.robots_rules import RobotsRules
from broadsheet.crawler.discovery.found_rows import file_row, urls_from_outlinks
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.discovery.usual_places import usual_urls
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
def test_a_start_page_leads_to_the_first_place_of_what_nothing_names(
    head: str, body: str, robots: RobotsRules | None, expected: list[str]
) -> None:
    assert guesses(start_page(head, body), robots=robots) == expected


def test_only_a_start_page_does_and_only_what_the_options_want() -> None:
    assert guesses(start_page(), replace(SEED, found_via="link")) == []
    assert guesses(start_page(), discover_feeds=False) == [SITEMAPS[0]]
    assert guesses(start_page(), discover_sitemaps=False) == [FEEDS[0]]


@pytest.mark.parametrize(("state", "reason"), [("failed", "http_500"), ("skipped", "robots.txt"), ("done", "feed")])
def test_a_start_url_that_is_no_page_has_a_sitemap_looked_for(state: str, reason: str) -> None:
    assert guesses(Outcome(HOME, state, reason)) == [SITEMAPS[0]]


@pytest.mark.parametrize(
    ("state", "reason"),
    [("queued", "retry:timeout"), ("done", "redirect"), ("done", "sitemap"), ("done", "not_modified")],
)  # fmt: skip
def test_a_start_url_that_leads_elsewhere_or_comes_again_guesses_nothing(state: str, reason: str) -> None:
    assert guesses(Outcome(HOME, state, reason)) == []


def test_a_robots_txt_leads_to_a_sitemap_where_no_start_page_is_awaited() -> None:
    places = GuessedPlaces(options())
    outcome = Outcome(ROBOTS_URL.url, "done", "robots", kind="robots")
    assert [row.url for row in places.extend(outcome, ROBOTS_URL, NO_ROBOTS).discovered_urls] == [SITEMAPS[0]]
    assert places.extend(outcome, ROBOTS_URL, WITH_SITEMAP) is outcome
    places.awaited_hosts.add("a.example")
    assert places.extend(outcome, ROBOTS_URL, NO_ROBOTS) is outcome


def test_where_a_start_url_redirects_to_its_page_is_awaited() -> None:
    places = GuessedPlaces(options())
    places.extend(Outcome("https://b.example/", "done", "redirect", location=HOME), SEED, NO_ROBOTS)
    assert places.awaited_hosts == {"a.example"}


@pytest.mark.parametrize("places", [SITEMAPS, FEEDS])
def test_places_are_tried_in_their_order_until_the_last(places: tuple[str, ...]) -> None:
    missing = [guesses(Outcome(url, "skipped", "not_there"), guessed(url)) for url in places]
    assert missing == [[url] for url in places[1:]] + [[]]
    assert guesses(Outcome(places[0], "failed", "timeout"), guessed(places[0])) == [places[1]]
    assert guesses(Outcome(places[0], "skipped", "robots.txt"), guessed(places[0])) == [places[1]]
    assert guesses(Outcome(places[0], "queued", "retry:timeout"), guessed(places[0])) == []


def test_a_hit_ends_the_search() -> None:
    assert guesses(Outcome(SITEMAPS[0], "done", "sitemap:too_large"), guessed(SITEMAPS[0])) == []
    assert guesses(Outcome(FEEDS[1], "done", "feed"), guessed(FEEDS[1])) == []


def redirect(url: str, target: str) -> Outcome:
    kind = guessed(url).kind
    row: DiscoveredUrl = file_row(target, kind, "redirect", url)
    return Outcome(url, "done", "redirect", location=target, discovered_urls=(row,))


def test_a_redirect_to_a_sitemap_is_a_hit_unless_it_is_not_there() -> None:
    target = HOME + "sitemap-main.xml"
    assert guesses(redirect(SITEMAPS[0], target), guessed(SITEMAPS[0])) == []
    followed = replace(guessed(SITEMAPS[0]), url=target, found_via="redirect", found_on=SITEMAPS[0])
    assert guesses(Outcome(target, "done", "sitemap"), followed) == []
    assert guesses(Outcome(target, "failed", "http_404"), followed) == [SITEMAPS[1]]
    other_place = replace(followed, url=SITEMAPS[1])
    assert guesses(Outcome(SITEMAPS[1], "failed", "http_404"), other_place) == [SITEMAPS[2]]


def test_a_redirect_to_the_front_page_is_no_hit() -> None:
    assert guesses(redirect(FEEDS[0], HOME), guessed(FEEDS[0])) == [FEEDS[1]]


def test_a_named_sitemap_that_is_not_there_leads_nowhere() -> None:
    named = replace(guessed(SITEMAPS[0]), found_via="robots", found_on=ROBOTS_URL.url)
    assert guesses(Outcome(SITEMAPS[0], "failed", "http_404"), named) == []


@pytest.mark.parametrize(
    ("status", "hops", "is_followed"),
    [(301, 4, True), (301, 5, False), (300, 0, True), (299, 0, False), (400, 0, False)],
)
def test_five_redirects_of_a_robots_txt_are_followed(status: int, hops: int, is_followed: bool) -> None:
    response = Response("https://a.example/robots.txt", status=status, headers={"Location": "/other"})
    assert redirect_target(response, hops) == ("https://a.example/other" if is_followed else "")
    assert redirect_target(Response("https://a.example/robots.txt", status=status), hops) == ""
