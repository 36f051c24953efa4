"""What a worker makes of a page does not depend on which pages it has seen before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadsheet.cleaners.document import Metadata, Page, UrlSource
from broadsheet.cleaners.judge import block_features
from broadsheet.cleaners.page import canonical_urls as canonical
from broadsheet.crawler.crawl.worker_jobs import (
    CrawlPolicy,
    ListingResult,
    PageJob,
    PageResult,
    process_empty_page,
    process_feed,
    process_page,
    process_sitemap,
)
from broadsheet.crawler.demo.server import ORIGIN, render
from broadsheet.crawler.discovery import feed_reader as comment_feeds
from broadsheet.crawler.discovery import found_rows
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.options import CrawlOptions
from broadsheet.output.archive import ledger
from broadsheet.output.archive.url_words import UrlKind
from broadsheet.output.write.url_queue import QueuedUrl
from tests.crawler.scripted_site import page

_SEED = f"{ORIGIN}/"
_POLICY = CrawlPolicy(Scope.from_seeds((_SEED,)), CrawlOptions((_SEED,)), "broadsheet").packed()
_MEMORIES = (
    canonical._remembered_canonical, canonical._remembered_href, found_rows._judge_link, comment_feeds.is_comment_place,
    comment_feeds._own_place, ledger._short_text_row, block_features._words_of,
)  # fmt: skip
"""What a worker remembers of the pages that it has seen."""


@cache
def _pages() -> dict[str, bytes]:
    """Some pages of the sample site, of one frame and of others, by URL."""
    pages = {path: page.body for path, page in render(ORIGIN).items() if page.body.startswith(b"<!DOCTYPE html>")}
    return {ORIGIN + path: body for path, body in list(pages.items())[:: max(1, len(pages) // 5)]}


def _result(url: str) -> PageResult:
    queued_url = QueuedUrl(1, url, ORIGIN.partition("//")[2], "page", 1, 0, 0, "link", "", "")
    return process_page(
        PageJob(Page(url, _pages()[url], "text/html"), queued_url, datetime(2026, 1, 1, tzinfo=UTC)), _POLICY
    )


@cache
def _result_without_memory(url: str) -> PageResult:
    for memory in _MEMORIES:
        memory.cache_clear()
    return _result(url)


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_page_comes_out_the_same_whatever_pages_the_worker_has_seen(random) -> None:  # type: ignore[no-untyped-def]
    expected = {url: _result_without_memory(url) for url in _pages()}
    assert len(expected) >= 5
    urls = list(expected)
    random.shuffle(urls)
    assert {url: _result(url) for url in urls} == expected


def test_what_a_worker_remembers_is_bounded() -> None:
    assert all(0 < (memory.cache_info().maxsize or 0) <= 16_384 for memory in _MEMORIES)


def asked(url: str = "https://a.example/river", kind: str = "page") -> QueuedUrl:
    return QueuedUrl(1, url, "a.example", UrlKind(kind), 1, 0, 0, UrlSource.LINK, "", "")


def policy(**options: object) -> bytes:
    seeds = ("https://a.example/",)
    return CrawlPolicy(Scope.from_seeds(seeds), replace(CrawlOptions(seeds), **options), "broadsheet").packed()


def judged(html: str, directives: tuple[str, ...] = (), usage: tuple[str, ...] = (), **options: object) -> PageResult:
    fetched = Page("https://a.example/river", html.encode(), "text/html", directives=directives)
    return process_page(PageJob(fetched, asked(), datetime(2026, 1, 1, tzinfo=UTC), usage), policy(**options))


PUBLISHED = '<meta property="article:published_time" content="2024-02-29T23:30:00-05:00">'
RIVER = page("river", "/mill", "https://b.example/x", head=PUBLISHED)
NOFOLLOW = RIVER.replace('href="/mill"', 'rel="nofollow" href="/mill"')
OBEY = {"obey_directives": True}


@pytest.mark.parametrize(
    ("html", "directives", "usage", "options", "result"),
    [
        (RIVER, (), (), {}, ("done", "article", True, ())),
        (RIVER, ("noindex",), ("train-ai=n",), {}, ("done", "article", True, ("noindex",))),
        (RIVER, ("noindex",), (), OBEY, ("skipped", "noindex", False, ("noindex",))),
        (RIVER, ("otherbot: noindex",), (), OBEY, ("done", "article", True, ("otherbot: noindex",))),
        (RIVER, (), ("train-ai=n",), OBEY, ("skipped", "content_usage", False, ())),
        (RIVER, ("noindex",), ("train-ai=n",), OBEY, ("skipped", "noindex", False, ("noindex",))),
        (RIVER, (), ("train-ai=y",), OBEY, ("done", "article", True, ())),
        (RIVER, (), (), {"languages": ("de", "en")}, ("done", "article", True, ())),
        (RIVER, (), (), {"languages": ("de",)}, ("skipped", "language", True, ())),
        (RIVER, (), (), {"since": date(2024, 2, 29)}, ("done", "article", True, ())),
        (RIVER, (), (), {"since": date(2024, 3, 1)}, ("skipped", "too_old", True, ())),
        (page("river"), (), (), {"since": date(2024, 3, 1)}, ("done", "article", True, ())),
        *((page("river", head=PUBLISHED.replace("2024-02-29T23:30:00-05:00", stated)), (), (),
           {"since": date(2024, 3, 1)}, (*end, True, ()))
          for stated, end in (("2024-03-01T00:30:00+05:30", ("done", "article")), ("2024-03-01", ("done", "article")),
                              ("2024-03-01T00:00:00", ("done", "article")), ("2024-02-29", ("skipped", "too_old")))),
        ("<title>x</title><body></body>", ("noindex",), (), OBEY | {"languages": ("de",), "since": date(2024, 3, 1)},
         ("done", "empty", False, ("noindex",))),
    ],
)  # fmt: skip
def test_options_and_directives_leave_articles_out(html, directives, usage, options, result) -> None:
    found = judged(html, directives, usage, **options)
    assert (found.state, found.reason, bool(found.page.metadata.title and found.page.words), found.directives) == result
    if found.state == "skipped":
        evidence = ("own_type=article", f"left_out={found.reason}")
        assert (found.page.verdict.page_type, found.page.verdict.evidence) == ("other", evidence)
    if html is RIVER:
        assert [row.url for row in found.discovered.rows] == ["https://a.example/mill"]


def test_what_is_no_article_is_left_out_for_no_language_and_no_date() -> None:
    links = "".join(f'<li><a href="/s{n}">Story number {n} of the harbour town</a></li>' for n in range(40))
    html = f'<html lang="en"><head><title>News</title>{PUBLISHED}</head><body><ul>{links}</ul></body></html>'
    for options in ({"languages": ("de",)}, {"since": date(2025, 1, 1)}, {"languages": ("de",), **OBEY}):
        found = judged(html, ("noindex",), ("train-ai=n",), **options)
        assert (found.state, found.reason, len(found.discovered.rows)) == ("done", "list", 40)


def test_a_captcha_fails_and_links_not_to_be_followed_are_left_where_that_is_obeyed() -> None:
    captcha = '<title>Are you a robot?</title><form><div class="g-recaptcha" data-sitekey="x"></div></form>'
    found = judged(captcha)
    assert (found.state, found.reason, found.page.verdict.page_type) == ("failed", "challenged", "captcha")
    assert [(row.state, row.reason) for row in judged(NOFOLLOW).discovered.rows] == [("queued", "")]
    assert [(row.state, row.reason) for row in judged(NOFOLLOW, **OBEY).discovered.rows] == [("skipped", "nofollow")]


def test_an_excluded_article_keeps_its_canonical_address_alone() -> None:
    html = RIVER.replace("<head>", '<head><link rel="canonical" href="https://a.example/the-river">')
    kept = judged(html, ("noindex",), **OBEY).page
    assert kept.metadata == Metadata(canonical_url="https://a.example/the-river")
    assert kept.words == 0


def test_the_rules_of_a_page_s_host_are_applied(tmp_path: Path) -> None:
    (tmp_path / "a.example.txt").write_text("body: //article\nstrip: //p[2]\n")
    with_rules, without = judged(RIVER, site_rules=str(tmp_path)), judged(RIVER)
    assert with_rules.page.words < without.page.words
    assert (with_rules.page.lineage.site_rules != "", without.page.lineage.site_rules) == (True, "")


SITEMAP = "<urlset><url><loc>https://a.example/one</loc></url><url><loc>https://b.example/x</loc></url></urlset>"
FEED = """<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>News</title>{}
<item><title>One</title><link>https://a.example/one</link></item></channel></rss>"""
NEXT = '<atom:link rel="next" href="https://a.example/feed?page=2"/>'


def test_a_sitemap_lists_urls_in_scope_or_is_none() -> None:
    url = asked("https://a.example/sitemap.xml", "sitemap")
    listing = process_sitemap(SITEMAP.encode(), url, policy())
    assert (listing.readable, listing.reason) == (True, "")
    assert [(row.url, row.kind, row.found_via) for row in listing.discovered.rows] == [
        ("https://a.example/one", "page", "sitemap")
    ]
    assert process_sitemap(b"", url, policy()) == ListingResult(False, "empty")


def test_a_feed_lists_its_entries_and_its_next_page_or_is_none() -> None:
    url = asked("https://a.example/feed", "feed")
    listing = process_feed(FEED.format(NEXT).encode(), url, policy())
    assert (listing.readable, listing.reason) == (True, "")
    assert [(row.url, row.kind, row.found_via, row.found_on) for row in listing.discovered.rows] == [
        ("https://a.example/one", "page", "feed", "https://a.example/feed"),
        ("https://a.example/feed?page=2", "feed", "next", "https://a.example/feed"),
    ]
    assert len(process_feed(FEED.format("").encode(), url, policy()).discovered.rows) == 1
    assert process_feed(b"<html>no feed", url, policy()) == ListingResult(False, "not_a_feed")


def test_an_answer_without_a_body_is_an_empty_page() -> None:
    rows = process_empty_page(Page("https://a.example/river", b"", "text/html"))
    assert (rows.verdict.page_type, rows.words) == ("empty", 0)
