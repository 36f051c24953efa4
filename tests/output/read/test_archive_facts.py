"""Facts of an archive, each clause of the queries with a row that misses it."""

from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.url_words import UrlState
from broadsheet.output.read.archive_facts import Example, Sample, SeedOutcome, find_seed_outcome, gather_facts
from broadsheet.output.read.report_figures import EditCount
from tests.internal_tables import IMAGES, SHELF, YIELDS
from tests.output.filled_rows import put

DAY = "2026-01-{:02}T00:00:00Z"
NOW = "2026-02-01T00:00:00Z"


def url(db: Database, number: int, **values: Any) -> None:
    row = {"id": number, "url": f"http://a.test/{number}", "kind": "page", "state": "done", "reason": "article"}
    put(db, "urls", number, **(row | {"location": None} | values))


def article(db: Database, number: int, certainty: float | None = 0.9, **values: Any) -> None:
    row = {"id": number, "page_id": number, "url": f"u{number}", "title": f"t{number}"}
    put(db, "articles", number, **(row | values))
    put(db, "pages", number, id=number, certainty=certainty)


def test_page_urls_are_counted_by_outcome_without_redirects_and_what_waits(db):
    for number, values in enumerate(
        [{}, {}, {"state": "failed", "reason": "http_404"}, {"reason": "redirect"}, {"kind": "feed"},
         {"state": "queued", "reason": ""}, {"state": "skipped", "reason": "robots"}], 1,
    ):  # fmt: skip
        url(db, number, **values)
    facts = gather_facts(db, now=NOW)
    assert facts.outcomes == {("done", "article"): 2, ("failed", "http_404"): 1}
    assert (facts.pages_read, facts.queued) == (2, 1)


@pytest.mark.parametrize("kind", ["empty", "wall", "captcha", "needs_javascript", "soft_404", "error"])
def test_pages_with_nothing_to_read_have_four_examples(db, kind):
    for number in range(1, 6):
        url(db, number, reason=kind)
    url(db, 6, reason=kind, kind="feed")
    url(db, 7, reason=kind, state="failed")
    found = gather_facts(db, now=NOW).unreadable
    urls = [f"http://a.test/{number}" for number in range(1, 5)]
    assert found == {kind: Sample(5, tuple(Example(0, each, each) for each in urls))}


def test_articles_without_a_day_and_of_pictures_have_four_examples(db):
    for number in range(1, 6):
        article(db, number, published_day=None, word_count=29)
        put(db, IMAGES, number, page_id=number)
    article(db, 6, word_count=30)
    put(db, IMAGES, 6, page_id=6)
    article(db, 7, word_count=29)
    facts = gather_facts(db, now=NOW)
    examples = tuple(Example(number, f"t{number}", f"u{number}") for number in range(1, 5))
    assert facts.articles == 7
    assert facts.undated == facts.pictures == Sample(5, examples)


def test_days_that_contradict_urls_and_days_that_a_host_shares(db):
    for number in range(1, 20):
        article(db, number, published_day=DAY.format(3)[:10], host="a.test")
    article(db, 20, published_day=DAY.format(5)[:10], host="a.test", url="http://a.test/2026-01-02-b")
    article(db, 21, published_day=DAY.format(5)[:10], host="a.test", url="http://a.test/2026-01-04-b")
    facts = gather_facts(db, now=NOW)
    assert facts.misdated == Sample(1, (Example(20, "t20", "http://a.test/2026-01-02-b"),))
    assert not facts.shared_day
    article(db, 22, published_day=DAY.format(3)[:10], host="a.test")
    assert gather_facts(db, now=NOW).shared_day == Sample(20, tuple(Example(n, f"t{n}", f"u{n}") for n in range(1, 5)))


def test_a_day_is_wrong_from_two_days_before_or_after_the_one_in_the_url(db):
    for day in range(1, 8):
        article(db, day, published_day=DAY.format(day)[:10], url=f"http://a.test/2026-01-04-{day}")
    assert [example.article_id for example in gather_facts(db, now=NOW).misdated.examples] == [1, 2, 6, 7]


def test_the_least_certain_articles_come_first_one_of_each_title(db):
    for number, expected in enumerate((0.79, 0.5, 0.6, 0.8, None, 0.7, 0.75, 0.78), 1):
        article(db, number, expected, title="same" if number in (2, 3) else f"t{number}")
    put(db, "pages", 20, id=20, certainty=0.1)
    found = gather_facts(db, now=NOW).uncertain
    assert found.count == 6
    assert [example.article_id for example in found.examples] == [2, 6, 7, 8]


def test_edits_are_counted_by_kind_and_those_of_the_last_run_apart(db):
    put(db, "runs", 1, options="{}", id=1, started_at=DAY.format(5))
    article(db, 7)
    put(db, SHELF, 8, id=8, page_id=8)
    notes = [(7, "body", 4), (7, "body", 5), (8, "body", 6), (7, "lead", 4), (9, "body", 6), (7, "", 6),
             (7, "cleaner", 6), (7, "withdrawn", 6)]  # fmt: skip
    for seq, (article_id, kind, day) in enumerate(notes, 1):
        put(db, "changes", seq, seq=seq, article_id=article_id, kind=kind, at=DAY.format(day), change="changed")
    assert gather_facts(db, now=NOW).edits == (EditCount("body", 3, 2), EditCount("lead", 1, 0))


@pytest.mark.parametrize(
    ("started", "later_crawl_of", "is_shown"),
    [("2025-01-01", "", True), ("2026-01-30", "a.test", False), ("2025-01-01", "b", True)],
)
def test_an_alarm_is_shown_until_the_host_is_crawled_again(db, started, later_crawl_of, is_shown):
    put(db, "runs", 1, options="{}", id=1, started_at=f"{started}T00:00:00Z")
    put(db, "runs", 2, options="{}", id=2, started_at=DAY.format(31)[:10] + "T23:00:00Z")
    put(db, "alarms", 1, run_id=1, host="a.test", what="yield")
    put(db, YIELDS, 1, run_id=1, host="a.test")
    if later_crawl_of:
        put(db, YIELDS, 2, run_id=2, host=later_crawl_of)
    assert bool(gather_facts(db, now=NOW).alarms) is is_shown


def test_the_last_run_is_the_one_that_began_last(db):
    assert gather_facts(db, now=NOW).last_outcome == "none"
    put(db, "runs", 1, options="{}", id=9, started_at=DAY.format(1), outcome="finished")
    put(db, "runs", 2, options="{}", id=2, started_at=DAY.format(2), outcome=None)
    facts = gather_facts(db, now=NOW)
    assert (facts.last_run_at, facts.last_outcome, facts.visits) == (DAY.format(2), "", None)
    assert facts.is_at_work, "this test owns the archive, and the last run has no outcome"
    db.execute("UPDATE runs SET outcome = 'finished'")
    assert not gather_facts(db, now=NOW).is_at_work


SEED = "http://a.test/1"


@pytest.mark.parametrize(
    ("urls", "state", "reason", "failure"),
    [
        ([{}], "done", "article", ""),
        ([{"state": "failed", "reason": "http_404"}], "failed", "http_404", "http_404"),
        ([{"state": "skipped", "reason": "private_address"}], "skipped", "private_address", "private_address"),
        ([{"state": "skipped", "reason": "depth"}], "skipped", "depth", ""),
        ([{"location": "http://a.test/2"}, {"state": "failed", "reason": "dns"}], "failed", "dns", "dns"),
        ([{"location": "http://a.test/2", "state": "failed", "reason": "dns"}, {}], "failed", "dns", "dns"),
        ([{"location": "http://a.test/none"}], None, "", ""),
        ([{"location": SEED}], None, "", ""),
    ],
)
def test_a_start_url_led_to_what_it_redirects_to(db, urls, state, reason, failure):
    for number, values in enumerate(urls, 1):
        url(db, number, **values)
    found = find_seed_outcome(db, SEED)
    assert found == SeedOutcome(SEED, UrlState(state) if state else None, reason)
    assert found.failure == failure


def test_ten_addresses_are_followed(db):
    for number in range(1, 11):
        url(db, number, location=f"http://a.test/{number + 1}")
    url(db, 11)
    assert [find_seed_outcome(db, f"http://a.test/{number}").state for number in (1, 2)] == [None, UrlState.DONE]
