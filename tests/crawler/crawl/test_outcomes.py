"""Answers and faults to outcomes, and what a worker makes of a page, whichever pages it has seen before."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.http import Response

from broadsheet.cleaners.document import Metadata, Page, UrlSource
from broadsheet.cleaners.judge import block_features
from broadsheet.cleaners.page import canonical_urls as canonical
from broadsheet.crawler.crawl.outcomes import Answer, OutcomeBuilder, unfetched_outcome
from broadsheet.crawler.crawl.robots_rules import RobotsRules
from broadsheet.crawler.crawl.worker_jobs import (
    CrawlPolicy,
    ListingResult,
    PageJob,
    PageResult,
    process_feed,
    process_page,
    process_sitemap,
)
from broadsheet.crawler.demo.server import ORIGIN, render
from broadsheet.crawler.discovery import feed_reader as comment_feeds
from broadsheet.crawler.discovery import found_rows
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.fetch.faults import Fault, RetryPolicy
from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.workers.pool import WorkerError, WorkerPool
from broadsheet.output.archive import ledger
from broadsheet.output.archive.url_words import UrlKind
from broadsheet.output.raw.raw_exchange import warc_digest
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import QueuedUrl
from tests.crawler.commands.conftest import WorkersHere
from tests.crawler.scripted_site import page

HOME = "https://a.example/"
AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
PAGE = QueuedUrl(1, HOME + "story", "a.example", "page", 1, 0, 0, "link", HOME, "")
SEED = replace(PAGE, url=HOME, found_via="seed", depth=0)
SITEMAP, FEED = replace(PAGE, kind="sitemap"), replace(PAGE, kind="feed", url=HOME + "feed")
GUESSED_SITEMAP, GUESSED_FEED = (replace(queued, found_via="guess") for queued in (SITEMAP, FEED))
PICTURE = replace(PAGE, url=HOME + "a.png", kind=UrlKind.PICTURE)
ROBOTS = replace(PAGE, kind="robots", url=HOME + "robots.txt")
URLSET = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://a.example/one</loc></url><url><loc>https://b.example/x</loc></url></urlset>'
RSS = '<rss version="2.0"><channel><title>t</title><item><link>https://a.example/two</link></item></channel></rss>'
ROBOTS_TXT = "Sitemap: https://a.example/s.xml\n"
FEED_LINKS = "".join(
    f'<link rel="alternate" type="application/rss+xml" href="{href}">' for href in ("/f.xml", "/story/feed/")
)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\x02\0\0\0\x12\x16\xf1\x4d"
CAPTCHA = '<title>Are you a robot?</title><form><div class="g-recaptcha" data-sitekey="x"></div></form>'


@pytest.fixture(scope="module")
def workers() -> Any:
    return WorkersHere(1)


@pytest.fixture
def outcomes(workers: WorkerPool) -> OutcomeBuilder:
    return outcome_builder(workers)


def outcome_builder(workers: WorkerPool, retries: RetryPolicy | None = None, **options: object) -> OutcomeBuilder:
    return OutcomeBuilder(CrawlOptions((HOME,), **options), Scope.from_seeds([HOME]), workers, retries)  # type: ignore[arg-type]


def answer(queued: QueuedUrl, body: bytes | str = b"", status: int = 200, **headers: str) -> Answer:
    fields = {"Content-Type": "text/html"} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body.encode() if isinstance(body, str) else body
    return Answer(queued, Response(queued.url, status=status, headers=fields, body=raw), AT)


def outcome_of(outcomes: OutcomeBuilder, answer: Answer, robots: RobotsRules | None = None) -> Outcome:
    return asyncio.run(outcomes.from_answer(answer, robots))


def told(outcome: Outcome) -> str:
    """Its state and reason, and what it has found: kind, URL, how, at which depth, and why it is not asked for."""
    found = (
        f"{row.kind} {row.url.removeprefix(HOME)} by {row.found_via} at {row.depth} {row.reason}".strip()
        for row in outcome.discovered_urls
    )
    return "; ".join([f"{outcome.state} {outcome.reason}", *found])


XML = {"Content_Type": "text/xml"}

CASES: dict[str, tuple[Answer, dict[str, object], str]] = {
    "a page": (answer(PAGE, page("mill", "/next", "https://b.example/x")), {},
               "done article; page next by link at 2"),
    "an empty page": (answer(PAGE), {}, "done empty"),
    "a document": (answer(PAGE, b"%PDF-1.4"), {}, "skipped media_type"),
    "a picture for a page": (answer(PAGE, b"", Content_Type="image/png"), {}, "skipped media_type"),
    "feeds of a page": (answer(PAGE, page("home", head=FEED_LINKS)), {},
                        "done article; feed f.xml by link at 0; feed story/feed/ by link at 0 comment_feed"),
    "unwanted feeds": (answer(PAGE, page("home", head=FEED_LINKS)), {"feeds": False}, "done article"),
    "moved": (answer(PAGE, "", 301, Location="/moved?utm_source=x"), {},
              "done redirect; page moved by redirect at 1"),
    "moved out of scope": (answer(PAGE, "", 301, Location="https://b.example/"), {}, "done redirect"),
    "moved nowhere": (answer(PAGE, "", 302, Location="mailto:x@example.org"), {}, "failed bad_redirect"),
    "a moved feed": (answer(FEED, "", 301, Location="https://feeds.example/a"), {},
                     "done redirect; feed https://feeds.example/a by redirect at 1"),
    "a sitemap for a page": (answer(PAGE, URLSET, **XML), {}, "done sitemap; page one by sitemap at 1"),
    "a feed for a page": (answer(PAGE, RSS, **XML), {}, "done feed; page two by feed at 1"),
    "a cut sitemap": (answer(SITEMAP, URLSET.replace("</urlset>", "<url><lo"), **XML), {},
                      "done sitemap:broken_xml; page one by sitemap at 1"),
    "a page for a sitemap": (answer(SITEMAP, page("x")), {}, "failed bad_sitemap:html"),
    "a page for a feed": (answer(FEED, page("mill", "/next")), {}, "done article; page next by link at 2"),
    "a page for a feed elsewhere": (answer(replace(FEED, url="https://b.example/f.xml"), page("x")), {},
                                    "failed bad_feed"),
    "a page for a guessed sitemap": (answer(GUESSED_SITEMAP, page("x")), {}, "skipped not_there"),
    "a page for a guessed feed": (answer(GUESSED_FEED, page("x")), {}, "skipped not_there"),
    "no guessed sitemap": (answer(GUESSED_SITEMAP, "", 404), {}, "skipped not_there"),
    "no guessed feed": (answer(GUESSED_FEED, "", 404), {}, "skipped not_there"),
    "a robots.txt": (answer(ROBOTS, ROBOTS_TXT), {}, "done robots; sitemap s.xml by robots at 0"),
    "unwanted sitemaps": (answer(ROBOTS, ROBOTS_TXT), {"sitemaps": False}, "done robots"),
    "a picture": (answer(PICTURE, PNG), {"obey_directives": True}, "done picture"),
    "directives left aside": (answer(PICTURE, PNG, X_Robots_Tag="noindex"), {}, "done picture"),
    "noindex": (answer(PICTURE, PNG, X_Robots_Tag="noindex", Content_Usage="train-ai=n"), {"obey_directives": True},
                "skipped noindex"),
    "usage": (answer(PICTURE, PNG, Content_Usage="train-ai=n"), {"obey_directives": True}, "skipped content_usage"),
    "no picture": (answer(PICTURE, b"no picture"), {}, "skipped no_picture"),
    "not modified": (answer(replace(PAGE, held_at="2026-02-01T12:00:00Z"), status=304), {}, "done not_modified"),
    "nothing held": (answer(PAGE, status=304), {}, "failed http_304"),
    **{f"status {status}": (answer(PAGE, page("x"), status), {}, f"failed http_{status}")
       for status in (404, 410, 403, 400, 451, 100, 199, 300, 302, 399)},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_answer_has_its_state_its_reason_and_what_it_names(workers, name):
    given, options, expected = CASES[name]
    is_robots = given.queued_url.kind == "robots"
    robots = RobotsRules.from_response(200, ROBOTS_TXT.encode(), given.queued_url.url) if is_robots else None
    outcome = outcome_of(outcome_builder(workers, **options), given, robots)
    assert told(outcome) == expected
    assert (outcome.fetched_at, outcome.http_status) == ("2026-03-01T12:00:00Z", given.response.status)
    assert outcome.capture
    assert outcome.capture.http_status == given.response.status
    if given.queued_url.kind == "page" and outcome.state == "done":
        assert (outcome.page is not None) is (outcome.reason in ("article", "empty"))
    size = outcome.picture and (outcome.picture.width, outcome.picture.height)
    assert size == ((3, 2) if outcome.reason == "picture" else None)


def test_a_page_has_its_text_its_links_to_others_and_its_capture(outcomes):
    body, modified = page("mill", "/next", "https://b.example/x"), "Sun, 10 May 2026 13:00:00 GMT"
    outcome = outcome_of(outcomes, answer(PAGE, body, ETag='W/"x"', Last_Modified=modified))
    assert outcome.page
    assert "mill2word3" in outcome.page.text
    assert outcome.outside_links == {"b.example": 1}
    capture = outcome.capture
    assert capture
    assert (capture.payload_length, capture.payload_digest) == (len(body), warc_digest(body.encode()))
    assert (capture.etag, capture.last_modified) == ('W/"x"', modified)
    assert warc_digest(b"") == "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ", "as it is written in WARC"


def test_a_busy_server_or_a_captcha_is_asked_again_until_the_tries_are_used_up(workers):
    outcomes = outcome_builder(workers, RetryPolicy(max_retries=2, first_wait=5))
    for body, status, reason in (("", 503, "http_503"), (CAPTCHA, 200, "challenged")):
        tries = [outcome_of(outcomes, answer(replace(PAGE, attempts=n), body, status)) for n in range(3)]
        assert [(told(outcome), outcome.not_before) for outcome in tries] == [
            (f"queued retry:{reason}", "2026-03-01T12:00:05Z"),
            (f"queued retry:{reason}", "2026-03-01T12:00:30Z"),
            (f"failed {reason}", ""),
        ]
        assert [(outcome.http_status, outcome.capture is not None) for outcome in tries] == [(status, True)] * 3
        assert [outcome.page is not None for outcome in tries] == [False, False, status == 200]
    assert told(outcome_of(outcome_builder(workers, RetryPolicy(0)), answer(PAGE, "", 503))) == "failed http_503"


def test_retry_after_moves_the_next_try(outcomes):
    waits = ("90", "Sun, 01 Mar 2026 12:02:00 GMT")
    again = [outcome_of(outcomes, answer(PAGE, "", 429, Retry_After=wait)).not_before for wait in waits]
    assert again == ["2026-03-01T12:01:30Z", "2026-03-01T12:02:00Z"]


def test_a_fault_is_retried_or_final_and_a_url_that_was_given_up_counts_no_attempt(workers):
    outcomes = outcome_builder(workers, RetryPolicy(max_retries=1, first_wait=5))
    retry = outcomes.from_fault(PAGE, Fault("timeout", retry=True), AT)
    assert (told(retry), retry.is_retry) == ("queued retry:timeout", True)
    assert retry.not_before == "2026-03-01T12:00:05Z"
    assert told(outcomes.from_fault(replace(PAGE, attempts=1), Fault("timeout", retry=True), AT)) == "failed timeout"
    assert told(outcomes.from_fault(PAGE, Fault("dns"), AT)) == "failed dns"
    assert told(outcomes.from_fault(PAGE, Fault("private_address"), AT)) == "skipped private_address"
    given_up = unfetched_outcome(PAGE, "skipped", "robots.txt")
    assert (told(given_up), given_up.is_attempt) == ("skipped robots.txt", False)


def test_a_seed_that_moves_to_another_host_takes_the_scope_along(outcomes):
    outcome = outcome_of(outcomes, answer(SEED, "", 301, Location="https://new.example/"))
    assert told(outcome) == "done redirect; page https://new.example/ by seed at 0"
    assert outcomes.scope.contains("https://new.example/any")
    assert outcomes.scope.contains(HOME + "any")


def test_redirect_loops_and_long_chains_end(outcomes):
    def moved(start: object, end: object) -> str:
        queued = replace(PAGE, url=f"{HOME}{start}")
        return told(outcome_of(outcomes, answer(queued, "", 302, Location=f"{HOME}{end}"))).partition(";")[0]

    assert [moved("l", "r"), moved("r", "l")] == ["done redirect", "failed redirect_loop"]
    assert [moved(n, n + 1) for n in range(12)][9:11] == ["done redirect", "failed too_many_redirects"]


def test_what_earlier_runs_found_out_about_redirects_holds(outcomes):
    outcomes.resume({HOME + "story": (HOME + "first",)}, (HOME + "x", "https://b.example/"))
    assert [outcomes.scope.contains(f"https://{host}.example/z") for host in "abc"] == [True, True, False]
    outcome = outcome_of(outcomes, answer(PAGE, "", 301, Location="/first"))
    assert (told(outcome), outcome.location) == ("failed redirect_loop", HOME + "first")
    outcome = outcome_of(outcomes, answer(PAGE, "", 301, Location="/first"))
    assert (outcome.state, outcome.reason) == ("done", "redirect"), "the chain was for that request"


def test_a_page_that_its_workers_die_of_fails_with_that_reason(monkeypatch, workers, outcomes):
    async def dies(*_: object) -> object:
        raise WorkerError("worker_died")

    with monkeypatch.context() as patch:
        patch.setattr(workers, "run", dies)
        assert told(outcome_of(outcomes, answer(PAGE, page("heavy")))) == "failed worker_died"
    assert told(outcome_of(outcomes, answer(PAGE, page("heavy")))) == "done article", "a failure is not used again"


@pytest.mark.slow
def test_one_killed_worker_does_not_cost_the_page():
    pool = WorkerPool(1, page_seconds=20)
    pid = asyncio.run(pool.run(os.getpid))
    outcomes = outcome_builder(pool)

    async def struck() -> Outcome:
        heavy = "<div>" * 3000 + page("heavy", words=60_000)
        task = asyncio.create_task(outcomes.from_answer(answer(PAGE, heavy)))
        await asyncio.sleep(0.3)
        os.kill(pid, signal.SIGKILL)
        return await task

    assert told(asyncio.run(struck())) == "done article"
    assert told(outcome_of(outcomes, answer(PAGE, page("next")))) == "done article"
    pool.close()


def test_the_same_bytes_in_a_folder_are_cleaned_once_and_are_the_page_of_each_url(outcomes):
    body = page("mill", "next", head='<link rel="canonical" href="/story">')
    urls = ("story", "story?ref=home", "sub/story", "story?deeper")
    rows = [replace(PAGE, url=HOME + url, depth=depth) for url, depth in zip(urls, (2, 1, 1, 3), strict=True)]
    first, again, elsewhere, deeper = (outcome_of(outcomes, answer(row, body)) for row in rows)
    assert outcomes.reused_count == 2
    for outcome, row in ((again, rows[1]), (deeper, rows[3])):
        assert (outcome.page, outcome.capture.url) == (replace(first.page, url=row.url), row.url)
    assert [(row.url, row.found_on, row.depth) for row in again.discovered_urls if "next" in row.url] == [
        (HOME + "next", rows[1].url, 2)
    ]
    assert HOME + "sub/next" in {row.url for row in elsewhere.discovered_urls}
    assert deeper.discovered_urls == (), "all of them are known, from less far away"
    other = outcome_of(outcomes, answer(replace(PAGE, url=HOME + "other"), body, X_Robots_Tag="noindex"))
    assert (outcomes.reused_count, other.capture.directives) == (2, ("noindex",))


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
def test_a_page_comes_out_the_same_whatever_pages_the_worker_has_seen(random):  # type: ignore[no-untyped-def]
    expected = {url: _result_without_memory(url) for url in _pages()}
    assert len(expected) >= 5
    urls = list(expected)
    random.shuffle(urls)
    assert {url: _result(url) for url in urls} == expected


def test_what_a_worker_remembers_is_bounded():
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
def test_options_and_directives_leave_articles_out(html, directives, usage, options, result):
    found = judged(html, directives, usage, **options)
    assert (found.state, found.reason, bool(found.page.metadata.title and found.page.words), found.directives) == result
    if found.state == "skipped":
        evidence = ("own_type=article", f"left_out={found.reason}")
        assert (found.page.verdict.page_type, found.page.verdict.evidence) == ("other", evidence)
    if html is RIVER:
        assert [row.url for row in found.discovered.rows] == ["https://a.example/mill"]


def test_what_is_no_article_is_left_out_for_no_language_and_no_date():
    links = "".join(f'<li><a href="/s{n}">Story number {n} of the harbour town</a></li>' for n in range(40))
    html = f'<html lang="en"><head><title>News</title>{PUBLISHED}</head><body><ul>{links}</ul></body></html>'
    for options in ({"languages": ("de",)}, {"since": date(2025, 1, 1)}, {"languages": ("de",), **OBEY}):
        found = judged(html, ("noindex",), ("train-ai=n",), **options)
        assert (found.state, found.reason, len(found.discovered.rows)) == ("done", "list", 40)


def test_a_captcha_fails_and_links_not_to_be_followed_are_left_where_that_is_obeyed():
    captcha = '<title>Are you a robot?</title><form><div class="g-recaptcha" data-sitekey="x"></div></form>'
    found = judged(captcha)
    assert (found.state, found.reason, found.page.verdict.page_type) == ("failed", "challenged", "captcha")
    assert [(row.state, row.reason) for row in judged(NOFOLLOW).discovered.rows] == [("queued", "")]
    assert [(row.state, row.reason) for row in judged(NOFOLLOW, **OBEY).discovered.rows] == [("skipped", "nofollow")]


def test_the_rules_of_a_page_s_host_are_applied(tmp_path):
    (tmp_path / "a.example.txt").write_text("body: //article\nstrip: //p[2]\n")
    with_rules, without = judged(RIVER, site_rules=str(tmp_path)), judged(RIVER)
    assert with_rules.page.words < without.page.words
    assert (with_rules.page.lineage.site_rules != "", without.page.lineage.site_rules) == (True, "")


FEED_TEXT = """<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>News</title>{}
<item><title>One</title><link>https://a.example/one</link></item></channel></rss>"""
NEXT = '<atom:link rel="next" href="https://a.example/feed?page=2"/>'


def test_an_excluded_article_keeps_its_canonical_address_alone():
    html = RIVER.replace("<head>", '<head><link rel="canonical" href="https://a.example/the-river">')
    kept = judged(html, ("noindex",), **OBEY).page
    assert (kept.metadata, kept.words) == (Metadata(canonical_url="https://a.example/the-river"), 0)


def test_a_feed_lists_its_entries_and_its_next_page_or_is_none():
    url = asked("https://a.example/feed", "feed")
    listing = process_feed(FEED_TEXT.format(NEXT).encode(), url, policy())
    assert (listing.readable, listing.reason) == (True, "")
    assert [(row.url, row.kind, row.found_via, row.found_on) for row in listing.discovered.rows] == [
        ("https://a.example/one", "page", "feed", "https://a.example/feed"),
        ("https://a.example/feed?page=2", "feed", "next", "https://a.example/feed"),
    ]
    assert len(process_feed(FEED_TEXT.format("").encode(), url, policy()).discovered.rows) == 1
    assert process_feed(b"<html>no feed", url, policy()) == ListingResult(False, "not_a_feed")
    assert process_sitemap(b"", url, policy()) == ListingResult(False, "empty")
