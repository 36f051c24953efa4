"""Answers and faults to outcomes, with real workers."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from scrapy.http import Response

from broadsheet.crawler.crawl.outcomes import Answer, OutcomeBuilder, unfetched_outcome
from broadsheet.crawler.crawl.robots_rules import RobotsRules
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.fetch.faults import Fault, RetryPolicy
from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.workers.pool import WorkerError, WorkerPool
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
SITEMAP = (
    b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://a.example/one</loc></url></urlset>'
)
RSS = b'<rss version="2.0"><channel><title>t</title><item><link>https://a.example/two</link></item></channel></rss>'


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


def state_and_reason(outcome: Outcome) -> tuple[str, str]:
    return outcome.state, outcome.reason


def test_an_article_page_has_its_text_its_links_and_its_capture(outcomes: OutcomeBuilder) -> None:
    body = page("mill", "/next", "https://b.example/x")
    outcome = outcome_of(outcomes, answer(PAGE, body))
    assert state_and_reason(outcome) == ("done", "article")
    assert outcome.page
    assert "mill2word3" in outcome.page.text
    assert [row.url for row in outcome.discovered_urls] == [HOME + "next"]
    assert outcome.outside_links == {"b.example": 1}
    assert outcome.capture
    assert (outcome.capture.payload_length, outcome.capture.payload_digest) == (
        len(body),
        warc_digest(body.encode()),
    )
    assert (outcome.fetched_at, outcome.http_status) == ("2026-03-01T12:00:00+00:00", 200)


def test_the_digest_is_written_as_in_warc() -> None:
    assert warc_digest(b"") == "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"


@pytest.mark.parametrize("status", [404, 410, 403, 400, 451, 100, 199, 300, 304, 302, 399])
def test_other_statuses_fail_with_their_number(outcomes: OutcomeBuilder, status: int) -> None:
    outcome = outcome_of(outcomes, answer(PAGE, page("x"), status))
    assert state_and_reason(outcome) == ("failed", f"http_{status}")
    assert outcome.http_status == status
    assert outcome.capture


def test_a_busy_server_is_asked_again_until_the_tries_are_used_up(workers: WorkerPool) -> None:
    outcomes = outcome_builder(workers, RetryPolicy(max_retries=2, first_wait=5))
    tries = [outcome_of(outcomes, answer(replace(PAGE, attempts=n), "", 503)) for n in range(3)]
    assert [state_and_reason(outcome) for outcome in tries] == [("queued", "retry:http_503")] * 2 + [
        ("failed", "http_503")
    ]
    assert [outcome.not_before for outcome in tries] == ["2026-03-01T12:00:05+00:00", "2026-03-01T12:00:30+00:00", ""]
    assert [outcome.http_status for outcome in tries] == [503] * 3
    assert state_and_reason(outcome_of(outcome_builder(workers, RetryPolicy(0)), answer(PAGE, "", 503))) == (
        "failed",
        "http_503",
    )


def test_retry_after_moves_the_next_try(workers: WorkerPool) -> None:
    seconds = outcome_of(outcome_builder(workers), answer(PAGE, "", 429, Retry_After="90"))
    dated = outcome_of(outcome_builder(workers), answer(PAGE, "", 429, Retry_After="Sun, 01 Mar 2026 12:02:00 GMT"))
    assert [seconds.not_before, dated.not_before] == ["2026-03-01T12:01:30+00:00", "2026-03-01T12:02:00+00:00"]


def test_a_fault_is_retried_or_final(workers: WorkerPool) -> None:
    outcomes = outcome_builder(workers, RetryPolicy(max_retries=1, first_wait=5))
    retry = outcomes.from_fault(PAGE, Fault("timeout", retry=True), AT)
    last = outcomes.from_fault(replace(PAGE, attempts=1), Fault("timeout", retry=True), AT)
    assert (state_and_reason(retry), retry.is_retry, retry.not_before) == (
        ("queued", "retry:timeout"),
        True,
        "2026-03-01T12:00:05+00:00",
    )
    assert state_and_reason(last) == ("failed", "timeout")
    assert state_and_reason(outcomes.from_fault(PAGE, Fault("dns"), AT)) == ("failed", "dns")
    assert state_and_reason(outcomes.from_fault(PAGE, Fault("private_address"), AT)) == ("skipped", "private_address")


def test_a_url_that_was_given_up_counts_no_attempt() -> None:
    outcome = unfetched_outcome(PAGE, "skipped", "robots.txt")
    assert state_and_reason(outcome) == ("skipped", "robots.txt")
    assert not outcome.is_attempt


def test_a_redirect_leads_on_at_the_page_s_own_depth(outcomes: OutcomeBuilder) -> None:
    outcome = outcome_of(outcomes, answer(PAGE, "", 301, Location="/moved?utm_source=x"))
    assert state_and_reason(outcome) == ("done", "redirect")
    assert outcome.location == HOME + "moved"
    assert [(row.url, row.depth, row.found_via) for row in outcome.discovered_urls] == [(HOME + "moved", 1, "redirect")]


def test_a_redirect_out_of_scope_is_counted_and_not_followed(outcomes: OutcomeBuilder) -> None:
    outcome = outcome_of(outcomes, answer(PAGE, "", 301, Location="https://b.example/"))
    assert (state_and_reason(outcome), outcome.discovered_urls) == (("done", "redirect"), ())


def test_a_seed_that_moves_to_another_host_takes_the_scope_along(outcomes: OutcomeBuilder) -> None:
    outcome = outcome_of(outcomes, answer(SEED, "", 301, Location="https://new.example/"))
    assert [(row.url, row.found_via) for row in outcome.discovered_urls] == [("https://new.example/", "seed")]
    assert outcomes.scope.contains("https://new.example/any")
    assert outcomes.scope.contains(HOME + "any")


def test_redirect_loops_and_long_chains_end(outcomes: OutcomeBuilder) -> None:
    there = outcome_of(outcomes, answer(replace(PAGE, url=HOME + "l"), "", 302, Location=HOME + "r"))
    back = outcome_of(outcomes, answer(replace(PAGE, url=HOME + "r"), "", 302, Location=HOME + "l"))
    assert [state_and_reason(there), state_and_reason(back)] == [("done", "redirect"), ("failed", "redirect_loop")]
    chain = [
        outcome_of(outcomes, answer(replace(PAGE, url=f"{HOME}{n}"), "", 302, Location=f"{HOME}{n + 1}"))
        for n in range(12)
    ]
    assert state_and_reason(chain[9]) == ("done", "redirect")
    assert state_and_reason(chain[10]) == ("failed", "too_many_redirects")


def test_a_redirect_to_what_is_no_url_fails(outcomes: OutcomeBuilder) -> None:
    assert state_and_reason(outcome_of(outcomes, answer(PAGE, "", 302, Location="mailto:x@example.org"))) == (
        "failed",
        "bad_redirect",
    )


def test_a_moved_feed_is_still_a_feed(outcomes: OutcomeBuilder) -> None:
    feed = replace(PAGE, kind="feed", url=HOME + "feed")
    outcome = outcome_of(outcomes, answer(feed, "", 301, Location="https://feeds.example/a"))
    assert [(row.url, row.kind) for row in outcome.discovered_urls] == [("https://feeds.example/a", "feed")]


def test_sitemaps_and_feeds_are_read_also_where_a_page_was_expected(outcomes: OutcomeBuilder) -> None:
    sitemap = outcome_of(outcomes, answer(PAGE, SITEMAP, Content_Type="text/xml"))
    feed = outcome_of(outcomes, answer(PAGE, RSS, Content_Type="text/xml"))
    assert [state_and_reason(sitemap), state_and_reason(feed)] == [("done", "sitemap"), ("done", "feed")]
    assert [sitemap.discovered_urls[0].url, feed.discovered_urls[0].url] == [HOME + "one", HOME + "two"]


def test_a_page_in_a_sitemap_s_or_feed_s_place_is_a_failure_or_a_wrong_guess(outcomes: OutcomeBuilder) -> None:
    sitemap, feed = replace(PAGE, kind="sitemap"), replace(PAGE, kind="feed")
    assert state_and_reason(outcome_of(outcomes, answer(sitemap, page("x")))) == ("failed", "bad_sitemap:html")
    assert state_and_reason(outcome_of(outcomes, answer(feed, page("x")))) == ("failed", "bad_feed")
    guessed = [replace(guess, found_via="guess") for guess in (sitemap, feed)]
    assert [state_and_reason(outcome_of(outcomes, answer(guess, page("x")))) for guess in guessed] == [
        ("skipped", "not_there")
    ] * 2
    assert [state_and_reason(outcome_of(outcomes, answer(guess, "", 404))) for guess in guessed] == [
        ("skipped", "not_there")
    ] * 2


def test_a_broken_sitemap_keeps_what_could_be_read_and_says_so(outcomes: OutcomeBuilder) -> None:
    outcome = outcome_of(
        outcomes,
        answer(replace(PAGE, kind="sitemap"), SITEMAP.replace(b"</urlset>", b"<url><lo"), Content_Type="text/xml"),
    )
    assert state_and_reason(outcome)[0] == "done"
    assert [row.url for row in outcome.discovered_urls] == [HOME + "one"]


def test_robots_names_sitemaps(workers: WorkerPool) -> None:
    robots_url = replace(PAGE, kind="robots", url=HOME + "robots.txt")
    robots_txt = b"Sitemap: https://a.example/s.xml\n"
    rules = RobotsRules.from_response(200, robots_txt, robots_url.url)
    outcome = outcome_of(outcome_builder(workers), answer(robots_url, robots_txt), rules)
    assert (state_and_reason(outcome), outcome.kind) == (("done", "robots"), "robots")
    assert [(row.url, row.kind, row.found_via) for row in outcome.discovered_urls] == [
        (HOME + "s.xml", "sitemap", "robots")
    ]
    unwanted = outcome_of(outcome_builder(workers, sitemaps=False), answer(robots_url, robots_txt), rules)
    assert unwanted.discovered_urls == ()


def feed_rows(outcome: Outcome) -> list[tuple[str, str]]:
    return [(row.url, row.reason) for row in outcome.discovered_urls if row.kind == "feed"]


def test_a_page_names_feeds_and_those_of_comments_are_not_asked_for(workers: WorkerPool) -> None:
    link = '<link rel="alternate" type="application/rss+xml" href="{}" title="{}">'
    named_feed, own_feed = link.format("/f.xml", "News"), link.format(PAGE.url + "/feed/", "")
    page_with_feeds = page("home", head=named_feed + own_feed)
    outcome = outcome_of(outcome_builder(workers), answer(PAGE, page_with_feeds))
    assert feed_rows(outcome) == [(HOME + "f.xml", ""), (PAGE.url + "/feed/", "comment_feed")]
    assert feed_rows(outcome_of(outcome_builder(workers, feeds=False), answer(PAGE, page_with_feeds))) == []


def test_an_article_in_another_language_or_from_before_is_left_out_but_its_links_count(workers: WorkerPool) -> None:
    dated = page("old", "/on", head='<meta property="article:published_time" content="2019-05-01T10:00:00Z">')
    outcome = outcome_of(outcome_builder(workers, since=date(2020, 1, 1)), answer(PAGE, dated))
    assert state_and_reason(outcome) == ("skipped", "too_old")
    assert outcome.page
    assert not outcome.page.is_article
    assert "left_out=too_old" in outcome.page.verdict.evidence
    assert [row.url for row in outcome.discovered_urls] == [HOME + "on"]
    assert state_and_reason(outcome_of(outcome_builder(workers, languages=("es",)), answer(PAGE, dated))) == (
        "skipped",
        "language",
    )
    assert state_and_reason(outcome_of(outcome_builder(workers, languages=("en",)), answer(PAGE, dated))) == (
        "done",
        "article",
    )


@pytest.mark.parametrize(
    ("stated", "state"),
    [
        ("2020-01-01T00:30:00+05:30", ("done", "article")),  # the day before in UTC
        ("2019-12-31T23:30:00-05:00", ("skipped", "too_old")),  # the day after in UTC
        ("2020-01-01T00:00:00", ("done", "article")),
        ("2019-12-31", ("skipped", "too_old")),
        ("2020-01-01", ("done", "article")),
        ("", ("done", "article")),
    ],
)
def test_an_article_is_too_old_by_the_day_of_its_publisher(
    workers: WorkerPool, stated: str, state: tuple[str, str]
) -> None:
    dated = page("old", "/on", head=f'<meta property="article:published_time" content="{stated}">')
    assert state_and_reason(outcome_of(outcome_builder(workers, since=date(2020, 1, 1)), answer(PAGE, dated))) == state


def test_media_are_skipped_and_an_empty_answer_is_a_page_without_text(outcomes: OutcomeBuilder) -> None:
    assert state_and_reason(outcome_of(outcomes, answer(PAGE, b"%PDF-1.4"))) == ("skipped", "media_type")
    assert state_and_reason(outcome_of(outcomes, answer(PAGE, b"", Content_Type="image/png"))) == (
        "skipped",
        "media_type",
    )
    empty = outcome_of(outcomes, answer(PAGE, b""))
    assert state_and_reason(empty) == ("done", "empty")
    assert empty.page


def test_a_page_that_its_workers_die_of_fails_with_that_reason(
    monkeypatch: pytest.MonkeyPatch, workers: WorkerPool
) -> None:
    async def dies(*_: object) -> object:
        raise WorkerError("worker_died")

    outcomes = outcome_builder(workers)
    monkeypatch.setattr(workers, "run", dies)
    assert state_and_reason(outcome_of(outcomes, answer(PAGE, page("heavy")))) == ("failed", "worker_died")


@pytest.mark.slow
def test_one_killed_worker_does_not_cost_the_page() -> None:
    pool = WorkerPool(1, page_seconds=20)
    pid = asyncio.run(pool.run(os.getpid))
    outcomes = outcome_builder(pool)

    async def struck() -> Outcome:
        heavy = "<div>" * 3000 + page("heavy", words=60_000)
        task = asyncio.create_task(outcomes.from_answer(answer(PAGE, heavy)))
        await asyncio.sleep(0.3)
        os.kill(pid, signal.SIGKILL)
        return await task

    assert state_and_reason(asyncio.run(struck())) == ("done", "article")
    assert state_and_reason(outcome_of(outcomes, answer(PAGE, page("next")))) == ("done", "article")
    pool.close()


def test_what_is_held_and_not_modified_stands(outcomes: OutcomeBuilder) -> None:
    known_page = replace(PAGE, held_at="2026-02-01T12:00:00+00:00")
    outcome = outcome_of(outcomes, answer(known_page, status=304, ETag='"one"'))
    assert state_and_reason(outcome) == ("done", "not_modified")
    assert outcome.capture
    assert (outcome.capture.http_status, outcome.capture.etag) == (304, '"one"')
    assert state_and_reason(outcome_of(outcomes, answer(PAGE, status=304))) == ("failed", "http_304"), (
        "nothing is held that could stand"
    )


def test_a_capture_has_what_it_can_be_asked_for_again_with(outcomes: OutcomeBuilder) -> None:
    capture = outcome_of(
        outcomes, answer(PAGE, page("mill"), ETag='W/"x"', Last_Modified="Sun, 10 May 2026 13:00:00 GMT")
    ).capture
    assert capture
    assert (capture.etag, capture.last_modified) == ('W/"x"', "Sun, 10 May 2026 13:00:00 GMT")


PICTURE = replace(PAGE, url=HOME + "a.png", kind=UrlKind.PICTURE)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\x02\0\0\0\x12\x16\xf1\x4d"


@pytest.mark.parametrize(
    ("body", "headers", "obeys", "expected"),
    [
        (PNG, {}, True, ("done", "picture")),
        (PNG, {"X_Robots_Tag": "noindex"}, False, ("done", "picture")),
        (PNG, {"X_Robots_Tag": "noindex"}, True, ("skipped", "noindex")),
        (PNG, {"Content_Usage": "train-ai=n"}, True, ("skipped", "content_usage")),
        (PNG, {"X_Robots_Tag": "noindex", "Content_Usage": "train-ai=n"}, True, ("skipped", "noindex")),
        (b"no picture", {}, False, ("skipped", "no_picture")),
    ],
)
def test_a_picture_s_file_is_kept_unless_that_is_refused_or_it_is_none(
    workers: WorkerPool, body: bytes, headers: dict[str, str], obeys: bool, expected: tuple[str, str]
) -> None:
    outcome = outcome_of(outcome_builder(workers, obey_directives=obeys), answer(PICTURE, body, **headers))
    assert state_and_reason(outcome) == expected
    assert outcome.capture is not None
    assert (outcome.picture is not None) is (expected == ("done", "picture"))
    if outcome.picture:
        assert (outcome.picture.width, outcome.picture.height) == (3, 2)


def test_what_earlier_runs_found_out_about_redirects_holds(workers: WorkerPool) -> None:
    outcomes = outcome_builder(workers)
    outcomes.resume({HOME + "story": (HOME + "first",)}, (HOME + "x", "https://b.example/"))
    assert [outcomes.scope.contains(f"https://{host}.example/z") for host in "abc"] == [True, True, False]
    outcome = outcome_of(outcomes, answer(PAGE, "", 301, Location="/first"))
    assert (state_and_reason(outcome), outcome.location) == (("failed", "redirect_loop"), HOME + "first")
    outcome = outcome_of(outcomes, answer(PAGE, "", 301, Location="/first"))
    assert state_and_reason(outcome) == ("done", "redirect"), "the chain was for that request"


CAPTCHA = '<title>Are you a robot?</title><form><div class="g-recaptcha" data-sitekey="x"></div></form>'


def test_a_captcha_is_asked_for_again_with_its_capture(workers: WorkerPool) -> None:
    outcomes = outcome_builder(workers, RetryPolicy(max_retries=1, first_wait=5))
    again, last = (outcome_of(outcomes, answer(replace(PAGE, attempts=n), CAPTCHA)) for n in (0, 1))
    assert (state_and_reason(again), state_and_reason(last)) == (
        ("queued", "retry:challenged"),
        ("failed", "challenged"),
    )
    assert (again.capture is not None, again.page, last.page is not None) == (True, None, True)


def test_the_same_bytes_in_a_folder_are_cleaned_once_and_are_the_page_of_each_url(workers: WorkerPool) -> None:
    outcomes = outcome_builder(workers)
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
