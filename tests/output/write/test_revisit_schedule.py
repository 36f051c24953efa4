"""What is queued again, what its row keeps, and what is learned from a look."""

import time
from datetime import datetime, timedelta, timezone

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.crawler.options import WATCHES
from broadsheet.output.archive.stored_values import utc_text
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.read.verify import verify
from broadsheet.output.write.corrections import list_corrections, undo_correction
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.revisit_schedule import (
    RevisitPolicy,
    UpdateRun,
    UrlRow,
    VisitHistory,
    VisitOutlook,
    Watch,
    archive_watch,
    conditional_headers,
    current_interval,
    foresee_visits,
    is_announced,
    is_due,
    next_interval,
    parse_instant,
    queue_due,
    set_watch,
    watched_interval,
)
from broadsheet.output.write.url_queue import Queue, add_urls
from tests.internal_tables import OUTSIDE_HOSTS, URL_PATTERNS
from tests.output.cleaned_pages import page_rows

MIN_INTERVAL, MAX_INTERVAL = 3600, 2_592_000

HOST = "http://a.test/"
STORY, HOME, MAP = HOST + "story", HOST, HOST + "sitemap.xml"
WORDS = "the council of the harbour town voted on tuesday"


@pytest.fixture
def crawled(archive, make):
    """A start page, a sitemap and a story, all done."""
    discovered = (make.discovered(STORY, depth=1), make.discovered(MAP, kind="sitemap"))
    Queue(archive.db, make.clock).add_seeds([make.discovered(HOME, found_via="seed", priority=100)])
    archive.save([
        make.outcome(HOME, page_type=PageType.LIST, discovered_urls=discovered),
        make.outcome(STORY, WORDS),
        Outcome(MAP, "done", "sitemap", 200, make.clock(), kind="sitemap"),
    ])  # fmt: skip
    return archive


def update(
    make, *, interval_seconds=0.0, revisit_all=False, started_at="~", selects_page=lambda url, depth: True, **more
):
    return UpdateRun(RevisitPolicy(interval_seconds, revisit_all), started_at, selects_page, **more)


def queued(archive):
    return dict(archive.db.execute("SELECT url, reason FROM urls WHERE state = 'queued'").fetchall())


def row(archive, url, columns="state, reason, held_reason"):
    return archive.db.execute(f"SELECT {columns} FROM urls WHERE url = ?", [url]).fetchone()


def test_start_page_and_sitemap_are_always_looked_at_a_story_when_it_is_due(crawled, make):
    assert crawled.queue_revisits(update(make)) == 2
    assert queued(crawled) == {HOME: "revisit", MAP: "revisit"}
    make.clock.seconds += MIN_INTERVAL  # the test's clock shows a day's seconds alone: an hour is where it started
    crawled.db.execute("UPDATE urls SET held_at = '2025-12-31T00:00:00Z' WHERE url = ?", [STORY])
    crawled.queue_revisits(update(make))
    assert set(queued(crawled)) == {HOME, MAP, STORY}


@pytest.mark.parametrize(("every", "due"), [(0.0, 3), (2 * 3600, 2), (3 * 3600, 2), (4 * 3600, 1), (6 * 3600, 0)])
def test_where_lists_wait_too_every_holds_for_them_and_for_stories(crawled, make, every, due):
    """They were seen 5, 3 and 1.2 hours ago; what is due after no time of a person's, a list is after an hour."""
    urls = [HOME, MAP, STORY]
    for url, minutes in zip(urls, (300, 180, 72), strict=True):
        at = (datetime.fromisoformat(NOON) - timedelta(minutes=minutes)).isoformat()
        crawled.db.execute("UPDATE urls SET held_at = ?, _revisit_seconds = 3600 WHERE url = ?", [at, url])
    update_run = update(make, interval_seconds=every, listings_always_due=False)
    assert queue_due(crawled.db, update_run, NOON) == due
    assert queued(crawled) == dict.fromkeys(urls[:due], "revisit")
    assert queue_due(crawled.db, update(make, interval_seconds=every), NOON) == max(0, 2 - due)  # lists in any case


def test_lists_go_before_stories_and_new_stories_before_known_ones(crawled, make):
    crawled.queue_revisits(update(make, revisit_all=True))
    add_urls(crawled.db, [make.discovered(HOST + "new", priority=60)], make.clock())
    queued_urls = [queued_url.url for queued_url in Queue(crawled.db, make.clock).take("a.test", 9)]
    assert queued_urls == [MAP, HOME, HOST + "new", STORY]


@pytest.mark.parametrize("is_resumed", [True, False])
def test_what_was_looked_at_since_the_update_began_is_not_queued(crawled, make, is_resumed):
    """Unless another run fetched it in the second in which the update begins."""
    fetched = row(crawled, STORY, "fetched_at")[0]
    crawled.queue_revisits(update(make, revisit_all=True, started_at=fetched, is_resumed=is_resumed))
    assert (STORY in queued(crawled)) is not is_resumed


def test_not_modified_keeps_the_reason_and_moves_last_seen(crawled, make):
    article_before = crawled.db.execute("SELECT text, capture_id, last_seen FROM articles").fetchone()
    crawled.queue_revisits(update(make, revisit_all=True))
    at = make.clock()
    crawled.save([Outcome(STORY, "done", OutcomeReason.NOT_MODIFIED, 304, at, Capture(STORY, at, 304))])
    values = ("done", "article", "article", at, 304)
    assert row(crawled, STORY, "state, reason, held_reason, held_at, http_status") == values
    article_after = crawled.db.execute("SELECT text, capture_id, last_seen FROM articles").fetchone()
    assert article_after == (*article_before[:2], at)
    assert article_before[2] < at
    assert verify(crawled.db) == []


LOOKS = {
    "another text": (lambda make: make.outcome(STORY, WORDS + " again"), 4, "done article article"),
    "the same text": (lambda make: make.outcome(STORY, WORDS), 12, "done article article"),
    "a page that is gone": (lambda make: make.failure(STORY, "http_404"), 12, "failed http_404 article"),
    "a failure": (lambda make: make.failure(HOME, "timeout"), 8, "failed timeout list"),
    "a list of nothing new": (lambda make: make.outcome(HOME, page_type=PageType.LIST), 12, "done list list"),
    "a list of a new page": (
        lambda make: make.outcome(HOME, page_type=PageType.LIST, discovered_urls=[make.discovered(HOST + "new")]),
        4, "done list list",
    ),
}  # fmt: skip
"""What a look at a page with an interval of eight hours finds, the hours after it, and state and reasons of its URL."""


@pytest.mark.parametrize("name", LOOKS)
def test_the_interval_follows_what_was_found(crawled, make, name):
    look, hours, said = LOOKS[name]
    crawled.db.execute("UPDATE urls SET _revisit_seconds = ?", [8 * MIN_INTERVAL])
    crawled.queue_revisits(update(make, revisit_all=True))
    crawled.save([outcome := look(make)])
    *words, seconds = row(crawled, outcome.url, "state, reason, held_reason, _revisit_seconds")
    assert (" ".join(words), seconds) == (said, hours * MIN_INTERVAL)


def test_what_failed_is_asked_for_as_soon_as_can_be_and_what_is_gone_is_not(crawled, make):
    crawled.queue_revisits(update(make, revisit_all=True))
    crawled.save([make.failure(STORY, "http_404"), make.failure(HOME, "timeout")])
    assert crawled.queue_revisits(update(make)) == 1
    assert queued(crawled) == {HOME: "revisit:timeout", MAP: "revisit"}


@pytest.mark.parametrize(
    ("lastmod", "is_queued"), [("2026-01-02", True), ("2025-12-31", False), ("2026-01-01T00:00:59Z", True), ("", False)]
)
def test_a_sitemap_that_says_a_page_has_changed_has_it_fetched(crawled, make, lastmod, is_queued):
    make.clock.seconds = 120
    crawled.queue_revisits(update(make))
    crawled.save([self_of(MAP, make, DiscoveredUrl(STORY, "a.test", found_via="sitemap", lastmod=lastmod))])
    assert (queued(crawled).get(STORY) == "announced") is is_queued


def self_of(url, make, *discovered):
    return Outcome(url, "done", "sitemap", 200, make.clock(), discovered_urls=discovered, kind="sitemap")


def test_in_a_first_crawl_nobody_announces(crawled, make):
    crawled.save([self_of(MAP, make, DiscoveredUrl(STORY, "a.test", found_via="sitemap", lastmod="2026-01-02"))])
    assert queued(crawled) == {}


def test_announcements_in_vain_are_counted_until_one_is_true(crawled, make):
    for times in (1, 2, 3):
        make.clock.seconds += 30
        crawled.queue_revisits(update(make))
        lastmod = make.clock()
        crawled.save([self_of(MAP, make, DiscoveredUrl(STORY, "a.test", found_via="sitemap", lastmod=lastmod))])
        if times < 3:
            crawled.save([make.outcome(STORY, WORDS)])
            assert row(crawled, STORY, "_unfounded") == (times,)
    crawled.save([make.outcome(STORY, WORDS + " more")])
    assert row(crawled, STORY, "_unfounded") == (0,)


def test_looking_again_counts_neither_links_nor_patterns_twice(crawled, make):
    crawled.save([make.outcome(STORY, WORDS, outside_links={"b.test": 2})])
    counts_before = list(crawled.db[URL_PATTERNS].rows), list(crawled.db[OUTSIDE_HOSTS].rows)
    crawled.queue_revisits(update(make, revisit_all=True))
    crawled.save([make.outcome(STORY, WORDS, outside_links={"b.test": 2})])
    assert (list(crawled.db[URL_PATTERNS].rows), list(crawled.db[OUTSIDE_HOSTS].rows)) == counts_before


def test_the_headers_are_those_of_the_capture_that_is_held(crawled, make):
    at = make.clock()
    good = make.outcome(STORY, WORDS)
    capture = Capture(
        STORY, at, 200, STORY, "text/html", "sha1:x", 9, etag='"one"', last_modified="Sun, 10 May 2026 13:00:00 GMT"
    )
    crawled.save([Outcome(STORY, "done", "article", 200, at, capture, good.page)])
    later = make.clock()
    wall = Capture(STORY, later, 200, STORY, "text/html", "sha1:y", 9, etag='"two"')
    page = page_rows(make.cleaned(STORY, "log in", page_type=PageType.WALL))
    crawled.save([Outcome(STORY, "done", "wall", 200, later, wall, page)])
    (number,) = row(crawled, STORY, "id")
    assert conditional_headers(crawled.db, number, STORY) == {
        "If-None-Match": '"one"', "If-Modified-Since": "Sun, 10 May 2026 13:00:00 GMT",
    }  # fmt: skip


def test_an_hour_old_story_waits_an_hour_and_an_ancient_one_the_longest(crawled, make):
    crawled.db.execute("UPDATE articles SET published_day = '2001-01-01'")
    crawled.queue_revisits(update(make, revisit_all=True))
    crawled.save([make.outcome(STORY, WORDS)])
    assert row(crawled, STORY, "_revisit_seconds") == (MAX_INTERVAL,)


NOON = "2026-05-10T12:00:00Z"
DAY = 86_400


def history(visited_at: str = NOON, **values: object) -> VisitHistory:
    return VisitHistory(visited_at, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("article_date", "hours"),
    [
        ("2026-05-10T11:00:00Z", 1),
        ("2026-05-09T12:00:00Z", 3),
        ("2026-05-02T12:00:00Z", 24),
        ("2010-01-01", 720),
        ("", 24),
    ],
)
def test_the_first_interval_is_an_eighth_of_the_age(article_date, hours):
    assert current_interval(history(article_date=article_date)) == hours * 3600


@pytest.mark.parametrize(
    ("interval", "changed", "following"),
    [
        (28_800, True, 14_400), (28_800, False, 43_200), (7_200, True, 3_600), (7_199, True, 3_600),
        (1_728_000, False, 2_592_000), (1_728_002, False, 2_592_000), (60, False, 5_400), (9_000_000, True, 1_296_000),
    ],
)  # fmt: skip
def test_a_change_halves_the_interval_none_makes_it_half_as_long_again_between_an_hour_and_thirty_days(
    interval, changed, following
):
    assert next_interval(history(interval_seconds=interval), changed=changed) == following


def test_it_grows_where_one_look_in_three_finds_a_change_and_shrinks_where_one_in_two_does():
    for lower, upper, every in ((100, 720, 3), (1, 10, 2)):
        interval = 100 * MIN_INTERVAL
        for number in range(60):
            interval = next_interval(history(interval_seconds=interval), changed=number % every == 0)
        assert lower * MIN_INTERVAL <= interval <= upper * MIN_INTERVAL


WAITS = {"interval_seconds": 10 * 3600}
LONG = {"interval_seconds": MAX_INTERVAL}


@pytest.mark.parametrize(
    ("values", "now", "policy", "due"),
    [
        (WAITS, "2026-05-10T20:59:00Z", {}, False),
        (WAITS, "2026-05-10T21:00:00Z", {}, True),  # a little early
        (LONG, "2026-05-10T18:00:00Z", {}, False),
        (LONG, "2026-05-10T18:00:00Z", {"interval_seconds": 6 * 3600}, True),
        ({"interval_seconds": 3600}, "2026-05-10T18:00:00Z", {"interval_seconds": DAY}, False),
        (LONG, NOON, {"revisit_all": True}, True),
        ({"visited_at": ""}, NOON, {}, True),
        ({"visited_at": "2200-01-01", "interval_seconds": 1}, "", {}, True),
    ],
)
def test_a_page_is_due_after_its_interval_unless_every_or_all_is_asked_for(values, now, policy, due):
    assert is_due(history(**values), now, RevisitPolicy(**policy)) is due


@pytest.mark.parametrize(
    ("word", "hours"),
    [(Watch.CLOSE, (1, 6, 22.5, 24)), (Watch.USUAL, (3, 24, 90, 720)), (Watch.RARE, (168, 168, 540, 4320))],
)
def test_a_word_makes_intervals_closer_or_rarer(word, hours):
    """Of a story of yesterday, of last week, a month old, and of one that has not changed for long."""
    ages = [
        history(article_date=day) for day in ("2026-05-09T12:00:00Z", "2026-05-02T12:00:00Z", "2026-04-10T12:00:00Z")
    ]
    for page, expected in zip((*ages, history(**LONG)), hours, strict=True):
        assert watched_interval(page, word) == expected * 3600
        assert watched_interval(page._replace(watch=word), Watch.USUAL) == expected * 3600


def test_a_word_for_an_article_goes_before_that_for_its_archive(crawled, make):
    now = "2026-01-03T12:00:00Z"
    crawled.save([make.outcome(f"{HOST}{n}", f"{WORDS} {n}") for n in range(2)])
    crawled.db.execute("UPDATE urls SET held_at = '2026-01-02T00:00:00Z', _revisit_seconds = 86400 * 20")
    numbers = {url: number for number, url in crawled.db.execute("SELECT id, url FROM urls").fetchall()}
    set_watch(crawled.db, [numbers[STORY]], Watch.CLOSE, now)
    assert foresee_visits(crawled.db, now).due == 1
    crawled.runs.start("update", {"seeds": [HOST], "watch": "close"}, {})
    set_watch(crawled.db, [numbers[f"{HOST}1"]], Watch.RARE, now)
    assert foresee_visits(crawled.db, now).due == 2
    queue_due(crawled.db, UpdateRun(RevisitPolicy(watch=archive_watch(crawled.db)), now, lambda *_: True), now)
    assert set(queued(crawled)) & set(numbers) >= {STORY, f"{HOST}0"}
    assert f"{HOST}1" not in queued(crawled)
    listed = {one.url: one for one in list_corrections(crawled.db)}
    assert {url: one.value for url, one in listed.items()} == {STORY: "close", f"{HOST}1": "rare"}
    assert foresee_visits(crawled.db, now).due == 0
    assert undo_correction(crawled.db, listed[f"{HOST}1"], now)
    assert foresee_visits(crawled.db, now).due == 1


@pytest.mark.parametrize(
    ("kind", "reason", "is_asked_again"),
    [("sitemap", "http_503", True), ("feed", "timeout", True), ("feed", "http_404", False), ("feed", "bad_feed", False),
     ("sitemap", "bad_sitemap:xml", False), ("sitemap", "not_there", False)],
)  # fmt: skip
def test_a_list_that_was_never_read_is_asked_for_where_the_fault_may_pass(archive, make, kind, reason, is_asked_again):
    archive.save([Outcome(f"{HOST}list", "failed", reason, 503, make.clock(), kind=kind)])
    now = "2026-02-01T00:00:00Z"
    queue_due(archive.db, UpdateRun(RevisitPolicy(), now, lambda *_: True), now)
    assert (f"{HOST}list" in queued(archive)) is is_asked_again


def test_the_words_are_those_of_the_options():
    assert ("", *Watch) == WATCHES


MOMENT = "2026-05-10T14:00:00Z"


@pytest.mark.parametrize(
    ("announced_date", "values", "is_change"),
    [
        ("2026-05-10T12:00:01Z", {}, True),
        ("2026-05-10T14:00:01+02:00", {}, True),
        ("2026-05-10T12:00:00Z", {}, False),
        ("2026-05-10", {}, True),  # some time on that day
        ("2026-05-09", {}, False),
        ("Sun, 10 May 2026 13:00:00 GMT", {}, True),
        ("2026-05", {}, False),
        ("soon", {}, False),
        ("", {}, False),
        (" 2026-05-10 ", {}, True),
        ("2026-05-11", {"unfounded_announcements": 2}, True),
        ("2026-05-11", {"unfounded_announcements": 3}, False),  # in vain three times
        ("2026-05-10", {"lastmod": "2026-05-09"}, True),
        ("2026-05-10", {"lastmod": "2026-05-10"}, False),  # the same day is announced once
        ("2026-05-11", {"lastmod": "2026-05-11"}, True),  # of another day
        (MOMENT, {"lastmod": MOMENT}, True),  # no day alone
        ("2026-05-10", {"visited_at": ""}, False),
        ("2026-05-12T12:00:01Z", {"visited_at": "2026-05-12T12:00:00Z"}, False),  # no more than now
        ("2031-01-01", {"visited_at": "2026-05-12T12:00:00Z"}, False),
    ],
)
def test_a_date_after_our_last_look_announces_a_change(announced_date, values, is_change):
    now = "2026-05-12T00:00:00Z"
    assert is_announced(history(**values), announced_date, now) is is_change


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026", "2026-01-01T00:00:00Z"),
        ("2026-05", "2026-05-01T00:00:00Z"),
        ("2026-05-03", "2026-05-03T00:00:00Z"),
        ("2026-05-03T10:00:00-02:00", "2026-05-03T12:00:00Z"),
        ("Sun, 03 May 2026 10:00:00 GMT", "2026-05-03T10:00:00Z"),
        (" 2026-05-03\n", "2026-05-03T00:00:00Z"),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_dates_as_sitemaps_write_them(text, instant, monkeypatch):
    """In any zone of the machine."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    parsed_instant = parse_instant(text)
    monkeypatch.undo()
    time.tzset()
    assert (utc_text(parsed_instant) if parsed_instant else None) == instant


def test_the_next_visits_are_those_that_an_update_makes(crawled, make):
    now = "2026-01-01T12:00:00Z"
    crawled.save([make.outcome(f"{HOST}{n}", f"{WORDS} {n}") for n in range(2)])
    for url, at, seconds in ((STORY, "00:00", 3600), (f"{HOST}0", "11:00", 86400), (f"{HOST}1", "11:30", 86400)):
        values = [f"2026-01-01T{at}:00Z", seconds, url]
        crawled.db.execute("UPDATE urls SET held_at = ?, _revisit_seconds = ? WHERE url = ?", values)
    outlook = foresee_visits(crawled.db, now)
    assert outlook == VisitOutlook(3, 1, "2026-01-02T08:36:00Z")
    urls = {STORY, f"{HOST}0", f"{HOST}1"}
    queue_due(crawled.db, update(make), now)
    assert set(queued(crawled)) & urls == {STORY}
    assert foresee_visits(crawled.db, now).due == 0
    east = datetime.fromisoformat(now).astimezone(timezone(timedelta(hours=9))).isoformat()
    assert foresee_visits(crawled.db, east) == foresee_visits(crawled.db, now)
    assert queue_due(crawled.db, update(make), outlook.next_at) > 0
    assert set(queued(crawled)) & urls == {STORY, f"{HOST}0"}


def test_an_archive_without_articles_has_no_visits_to_come(archive):
    assert foresee_visits(archive.db, "2026-01-01T12:00:00Z") == VisitOutlook(0, 0, "")


def url_row(**values: object) -> UrlRow:
    row = {"id": 1, "url": STORY, "kind": "page", "state": "done", "reason": "article", "held_at": "h"}
    row |= {"fetched_at": "f", "interval_seconds": 7, "article_date": "d", "unfounded_announcements": 1}
    return UrlRow(**(row | {"lastmod": "l", "held_reason": "article", "depth": 1} | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "visited_at", "was_fetched"),
    [
        ({}, "h", True),
        ({"held_at": ""}, "", False),
        ({"held_at": "", "reason": "revisit:http_404"}, "", True),
        ({"held_at": "", "reason": "announced:dns"}, "", True),
        ({"state": "failed", "reason": "http_404"}, "f", True),
        ({"state": "failed", "reason": "http_451"}, "f", True),
        ({"state": "failed", "reason": "timeout"}, "h", True),
        ({"state": "failed", "reason": "timeout", "held_at": ""}, "f", False),
        ({"state": "queued", "reason": "http_404"}, "h", True),
    ],
)
def test_a_failure_that_says_nothing_of_the_page_is_no_visit(values, visited_at, was_fetched):
    row = url_row(**values)
    assert row.visit_history == VisitHistory(visited_at, 7, "d", 1, "l")
    assert row.was_fetched is was_fetched


@pytest.mark.parametrize(
    ("values", "announces"),
    [
        ({}, False),
        ({"held_reason": "list"}, True),
        ({"held_reason": "list", "depth": 2}, False),
        ({"kind": "feed", "depth": 2}, True),
    ],
)
def test_files_start_pages_and_sections_announce_articles(values, announces):
    assert url_row(**values).announces_articles is announces
