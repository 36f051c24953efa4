"""Answers and faults to outcomes, with real workers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from scrapy.http import Response

from crawler.answers.outcomes import Answer, Outcomes, given_up
from crawler.discovery.scope import Scope
from crawler.fetch.faults import Fault, Retries
from crawler.frontier.robots_txt import Robots
from crawler.options import CrawlOptions
from crawler.workers.pool import WorkerError, Workers
from output.outcome import Outcome
from output.queue.rows import QueuedUrl
from output.raw.wire import digest
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
def workers() -> Iterator[Workers]:
    pool = Workers(1, seconds=20)
    yield pool
    pool.close()


@pytest.fixture
def outcomes(workers: Workers) -> Outcomes:
    return made(workers)


def made(workers: Workers, retries: Retries | None = None, **options: object) -> Outcomes:
    return Outcomes(CrawlOptions((HOME,), **options), Scope.from_seeds([HOME]), workers, retries)  # type: ignore[arg-type]


def answer(queued: QueuedUrl, body: bytes | str = b"", status: int = 200, **headers: str) -> Answer:
    fields = {"Content-Type": "text/html"} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body.encode() if isinstance(body, str) else body
    return Answer(queued, Response(queued.url, status=status, headers=fields, body=raw), AT)


def of(outcomes: Outcomes, given: Answer, robots: Robots | None = None) -> Outcome:
    return asyncio.run(outcomes.of_answer(given, robots))


def told(outcome: Outcome) -> tuple[str, str]:
    return outcome.state, outcome.reason


def test_an_article_page_has_its_text_its_links_and_its_capture(outcomes: Outcomes) -> None:
    body = page("mill", "/next", "https://b.example/x")
    outcome = of(outcomes, answer(PAGE, body))
    assert told(outcome) == ("done", "article")
    assert outcome.cleaned
    assert "mill2word3" in outcome.cleaned.text
    assert [found.url for found in outcome.found] == [HOME + "next"]
    assert outcome.outside == {"b.example": 1}
    assert outcome.capture
    assert (outcome.capture.payload_length, outcome.capture.payload_digest) == (
        len(body),
        digest(body.encode()),
    )
    assert (outcome.fetched_at, outcome.http_status) == ("2026-03-01T12:00:00+00:00", 200)


def test_the_digest_is_written_as_in_warc() -> None:
    assert digest(b"") == "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"


@pytest.mark.parametrize("status", [404, 410, 403, 400, 451, 100, 304, 302])
def test_other_statuses_fail_with_their_number(outcomes: Outcomes, status: int) -> None:
    outcome = of(outcomes, answer(PAGE, page("x"), status))
    assert told(outcome) == ("failed", f"http_{status}")
    assert outcome.http_status == status
    assert outcome.capture


def test_a_busy_server_is_asked_again_until_the_tries_are_used_up(workers: Workers) -> None:
    outcomes = made(workers, Retries(times=2, wait=5))
    tries = [of(outcomes, answer(replace(PAGE, attempts=n), "", 503)) for n in range(3)]
    assert [told(one) for one in tries] == [("queued", "retry:http_503")] * 2 + [("failed", "http_503")]
    assert [one.not_before for one in tries] == ["2026-03-01T12:00:05+00:00", "2026-03-01T12:00:30+00:00", ""]
    assert [one.http_status for one in tries] == [503] * 3
    assert told(of(made(workers, Retries(0)), answer(PAGE, "", 503))) == ("failed", "http_503")


def test_retry_after_moves_the_next_try(workers: Workers) -> None:
    seconds = of(made(workers), answer(PAGE, "", 429, Retry_After="90"))
    dated = of(made(workers), answer(PAGE, "", 429, Retry_After="Sun, 01 Mar 2026 12:02:00 GMT"))
    assert [seconds.not_before, dated.not_before] == ["2026-03-01T12:01:30+00:00", "2026-03-01T12:02:00+00:00"]


def test_a_fault_is_retried_or_final(workers: Workers) -> None:
    outcomes = made(workers, Retries(times=1, wait=5))
    again = outcomes.of_fault(PAGE, Fault("timeout", retry=True), AT)
    last = outcomes.of_fault(replace(PAGE, attempts=1), Fault("timeout", retry=True), AT)
    assert (told(again), again.retry, again.not_before) == (
        ("queued", "retry:timeout"),
        True,
        "2026-03-01T12:00:05+00:00",
    )
    assert told(last) == ("failed", "timeout")
    assert told(outcomes.of_fault(PAGE, Fault("dns"), AT)) == ("failed", "dns")
    assert told(outcomes.of_fault(PAGE, Fault("private_address"), AT)) == ("skipped", "private_address")


def test_a_url_that_was_given_up_counts_no_attempt() -> None:
    outcome = given_up(PAGE, "skipped", "robots.txt")
    assert told(outcome) == ("skipped", "robots.txt")
    assert not outcome.attempted


def test_a_redirect_leads_on_at_the_page_s_own_depth(outcomes: Outcomes) -> None:
    outcome = of(outcomes, answer(PAGE, "", 301, Location="/moved?utm_source=x"))
    assert told(outcome) == ("done", "redirect")
    assert outcome.location == HOME + "moved"
    assert [(found.url, found.depth, found.via) for found in outcome.found] == [(HOME + "moved", 1, "redirect")]


def test_a_redirect_out_of_scope_is_counted_and_not_followed(outcomes: Outcomes) -> None:
    outcome = of(outcomes, answer(PAGE, "", 301, Location="https://b.example/"))
    assert (told(outcome), outcome.found) == (("done", "redirect"), ())


def test_a_seed_that_moves_to_another_host_takes_the_scope_along(outcomes: Outcomes) -> None:
    outcome = of(outcomes, answer(SEED, "", 301, Location="https://new.example/"))
    assert [(found.url, found.via) for found in outcome.found] == [("https://new.example/", "seed")]
    assert outcomes.scope.contains("https://new.example/any")
    assert outcomes.scope.contains(HOME + "any")


def test_redirect_loops_and_long_chains_end(outcomes: Outcomes) -> None:
    there = of(outcomes, answer(replace(PAGE, url=HOME + "l"), "", 302, Location=HOME + "r"))
    back = of(outcomes, answer(replace(PAGE, url=HOME + "r"), "", 302, Location=HOME + "l"))
    assert [told(there), told(back)] == [("done", "redirect"), ("failed", "redirect_loop")]
    chain = [
        of(outcomes, answer(replace(PAGE, url=f"{HOME}{n}"), "", 302, Location=f"{HOME}{n + 1}")) for n in range(12)
    ]
    assert told(chain[9]) == ("done", "redirect")
    assert told(chain[10]) == ("failed", "too_many_redirects")


def test_a_redirect_to_what_is_no_url_fails(outcomes: Outcomes) -> None:
    assert told(of(outcomes, answer(PAGE, "", 302, Location="mailto:x@example.org"))) == ("failed", "bad_redirect")


def test_a_moved_feed_is_still_a_feed(outcomes: Outcomes) -> None:
    feed = replace(PAGE, kind="feed", url=HOME + "feed")
    outcome = of(outcomes, answer(feed, "", 301, Location="https://feeds.example/a"))
    assert [(found.url, found.kind) for found in outcome.found] == [("https://feeds.example/a", "feed")]


def test_sitemaps_and_feeds_are_read_also_where_a_page_was_expected(outcomes: Outcomes) -> None:
    sitemap = of(outcomes, answer(PAGE, SITEMAP, Content_Type="text/xml"))
    feed = of(outcomes, answer(PAGE, RSS, Content_Type="text/xml"))
    assert [told(sitemap), told(feed)] == [("done", "sitemap"), ("done", "feed")]
    assert [sitemap.found[0].url, feed.found[0].url] == [HOME + "one", HOME + "two"]


def test_a_page_in_a_sitemap_s_or_feed_s_place_is_a_failure_or_a_wrong_guess(outcomes: Outcomes) -> None:
    sitemap, feed = replace(PAGE, kind="sitemap"), replace(PAGE, kind="feed")
    assert told(of(outcomes, answer(sitemap, page("x")))) == ("failed", "bad_sitemap:html")
    assert told(of(outcomes, answer(feed, page("x")))) == ("failed", "bad_feed")
    guessed = [replace(one, found_via="guess") for one in (sitemap, feed)]
    assert [told(of(outcomes, answer(one, page("x")))) for one in guessed] == [("skipped", "not_there")] * 2
    assert [told(of(outcomes, answer(one, "", 404))) for one in guessed] == [("skipped", "not_there")] * 2


def test_a_broken_sitemap_keeps_what_could_be_read_and_says_so(outcomes: Outcomes) -> None:
    outcome = of(
        outcomes,
        answer(replace(PAGE, kind="sitemap"), SITEMAP.replace(b"</urlset>", b"<url><lo"), Content_Type="text/xml"),
    )
    assert told(outcome)[0] == "done"
    assert [found.url for found in outcome.found] == [HOME + "one"]


def test_robots_names_sitemaps_or_they_are_guessed(workers: Workers) -> None:
    asked = replace(PAGE, kind="robots", url=HOME + "robots.txt")
    named = b"Sitemap: https://a.example/s.xml\n"
    outcome = of(made(workers), answer(asked, named), Robots.from_response(200, named, asked.url))
    assert (told(outcome), outcome.kind) == (("done", "robots"), "robots")
    assert [(found.url, found.kind, found.via) for found in outcome.found] == [(HOME + "s.xml", "sitemap", "robots")]
    missing = Robots.from_response(404, b"", asked.url)
    guessed = of(made(workers), answer(asked, b"", 404), missing)
    assert {(found.kind, found.via) for found in guessed.found} == {("sitemap", "guess")}
    assert of(made(workers, discover_sitemaps=False), answer(asked, b"", 404), missing).found == ()


def test_a_start_page_without_feeds_has_them_looked_for(workers: Workers) -> None:
    outcome = of(made(workers), answer(SEED, page("home")))
    assert {found.via for found in outcome.found if found.kind == "feed"} == {"guess"}
    named = page("home", head='<link rel="alternate" type="application/rss+xml" href="/f.xml">')
    outcome = of(made(workers), answer(SEED, named))
    assert [found.url for found in outcome.found if found.kind == "feed"] == [HOME + "f.xml"]
    assert not [
        found for found in of(made(workers, discover_feeds=False), answer(SEED, named)).found if found.kind == "feed"
    ]


def test_an_article_in_another_language_or_from_before_is_left_out_but_its_links_count(workers: Workers) -> None:
    dated = page("old", "/on", head='<meta property="article:published_time" content="2019-05-01T10:00:00Z">')
    outcome = of(made(workers, since=date(2020, 1, 1)), answer(PAGE, dated))
    assert told(outcome) == ("skipped", "too_old")
    assert outcome.cleaned
    assert not outcome.cleaned.is_article
    assert "left_out=too_old" in outcome.cleaned.verdict.evidence
    assert [found.url for found in outcome.found] == [HOME + "on"]
    assert told(of(made(workers, languages=("es",)), answer(PAGE, dated))) == ("skipped", "language")
    assert told(of(made(workers, languages=("en",)), answer(PAGE, dated))) == ("done", "article")


def test_media_are_skipped_and_an_empty_answer_is_a_page_without_text(outcomes: Outcomes) -> None:
    assert told(of(outcomes, answer(PAGE, b"%PDF-1.4"))) == ("skipped", "media_type")
    assert told(of(outcomes, answer(PAGE, b"", Content_Type="image/png"))) == ("skipped", "media_type")
    empty = of(outcomes, answer(PAGE, b""))
    assert told(empty) == ("done", "empty")
    assert empty.cleaned


def test_a_page_that_its_workers_die_of_fails_with_that_reason(
    monkeypatch: pytest.MonkeyPatch, workers: Workers
) -> None:
    async def dies(*_: object) -> object:
        raise WorkerError("worker_died")

    outcomes = made(workers)
    monkeypatch.setattr(workers, "run", dies)
    assert told(of(outcomes, answer(PAGE, page("heavy")))) == ("failed", "worker_died")


def test_one_killed_worker_does_not_cost_the_page() -> None:
    pool = Workers(1, seconds=20)
    pid = asyncio.run(pool.run(os.getpid))
    outcomes = made(pool)

    async def struck() -> Outcome:
        heavy = "<div>" * 3000 + page("heavy", words=60_000)
        waiting = asyncio.create_task(outcomes.of_answer(answer(PAGE, heavy)))
        await asyncio.sleep(0.3)
        os.kill(pid, signal.SIGKILL)
        return await waiting

    assert told(asyncio.run(struck())) == ("done", "article")
    assert told(of(outcomes, answer(PAGE, page("next")))) == ("done", "article")
    pool.close()


def test_what_is_held_and_not_modified_stands(outcomes: Outcomes) -> None:
    held = replace(PAGE, held_at="2026-02-01T12:00:00+00:00")
    outcome = of(outcomes, answer(held, status=304, ETag='"one"'))
    assert told(outcome) == ("done", "not_modified")
    assert outcome.capture
    assert (outcome.capture.http_status, outcome.capture.etag) == (304, '"one"')
    assert told(of(outcomes, answer(PAGE, status=304))) == ("failed", "http_304"), "nothing is held that could stand"


def test_a_capture_has_what_it_can_be_asked_for_again_with(outcomes: Outcomes) -> None:
    capture = of(
        outcomes, answer(PAGE, page("mill"), ETag='W/"x"', Last_Modified="Sun, 10 May 2026 13:00:00 GMT")
    ).capture
    assert capture
    assert (capture.etag, capture.last_modified) == ('W/"x"', "Sun, 10 May 2026 13:00:00 GMT")
