"""The queue: its order, what is excluded or waits, and what an earlier run left."""

import itertools

import pytest

from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.write import url_queue as module
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import (
    UNREACHED_HOSTS,
    PassingReason,
    Queue,
    Requeuer,
    add_urls,
    fill_dates,
    give_up_host,
)


def queue_failed(archive, make, count, state="failed", reason="host_failing:http_503", host="a.test"):
    urls = [make.discovered(f"http://{host}/{reason}{n}", state=state, reason=reason) for n in range(count)]
    Queue(archive.db).add_seeds(urls)


def states(archive):
    return dict(archive.db.execute("SELECT state, count(*) FROM urls GROUP BY state").fetchall())


def test_it_goes_on_step_by_step(archive, make):
    queue_failed(archive, make, 7)
    queue_failed(archive, make, 5, reason="dns")
    queue_failed(archive, make, 3, reason="http_404")
    requeuer = Requeuer(archive.db, UNREACHED_HOSTS)
    steps = []
    while requeuer.has_more:
        steps.append(requeuer.step(4))
    assert (max(steps), sum(steps)) == (4, 12)
    assert states(archive) == {"queued": 12, "failed": 3}


def test_what_fails_again_meanwhile_stays_failed(archive, make):
    queue_failed(archive, make, 6)
    requeuer = Requeuer(archive.db, UNREACHED_HOSTS)
    requeuer.step(2)
    with write_transaction(archive.db):
        archive.db.execute("UPDATE urls SET state = 'failed', reason = 'host_failing:http_503'")
    queue_failed(archive, make, 2, host="new.test")
    while requeuer.has_more:
        requeuer.step(2)
    assert states(archive) == {"queued": 4, "failed": 4}


def test_a_killed_run_leaves_the_rest_to_the_next(file, make):
    with Archive.open(file) as archive:
        queue_failed(archive, make, 6)
        Requeuer(archive.db, UNREACHED_HOSTS).step(2)
    with Archive.open(file) as archive:
        assert archive.requeue(UNREACHED_HOSTS) == 4


def test_a_port_comes_back_alone(archive, make):
    for host in ("a.test:8080", "a.test:80801", "b.test:8080", "a.test:9000"):
        queue_failed(archive, make, 1, state="skipped", reason="port", host=host)
    archive.requeue([PassingReason("skipped", "port", 8080)])
    queued = archive.db.execute("SELECT host FROM urls WHERE state = 'queued' ORDER BY 1").fetchall()
    assert queued == [("a.test:8080",), ("b.test:8080",)]


def test_the_queue_is_not_at_its_end_while_more_is_coming(archive, make):
    queue_failed(archive, make, 3)
    queue = Queue(archive.db)
    requeuer = Requeuer(archive.db, UNREACHED_HOSTS)
    queue.is_still_filling = lambda: requeuer.has_more
    assert not queue.is_empty()
    requeuer.drop_rest()
    assert queue.is_empty()


HOST = "a.test"


@pytest.fixture
def queue(archive, make):
    return Queue(archive.db, lambda: "2026-06-01T00:00:00Z")


def add(archive, *discovered_urls):
    with write_transaction(archive.db):
        add_urls(archive.db, discovered_urls, "2026-01-01")
        fill_dates(archive.db, discovered_urls)


def test_order(archive, queue, make):
    add(
        archive,
        make.discovered("http://a.test/low"),
        make.discovered("http://a.test/high", priority=9),
        make.discovered("http://a.test/low2"),
        make.discovered("http://a.test/feed", kind="feed", priority=-5),
        make.discovered("http://a.test/map", kind="sitemap", priority=3),
        make.discovered("http://a.test/robots.txt", kind="robots"),
        make.discovered("http://b.test/x", priority=99),
    )
    taken_urls = [queued_url.url.split("/")[-1] for queued_url in queue.take(HOST, 10)]
    assert taken_urls == ["robots.txt", "map", "feed", "high", "low", "low2"]


def test_what_is_in_flight_is_left_out_by_id_or_url(archive, queue, make):
    add(archive, *(make.discovered(f"http://a.test/{n}") for n in range(5)))
    first, second = queue.take(HOST, 2)
    assert [queued_url.url[-1] for queued_url in queue.take(HOST, 2, {first.id, second.url})] == ["2", "3"]
    assert queue.take(HOST, 2) == [first, second]


def stored_row(archive, url):
    columns = "host, kind, state, reason, found_via, found_on, depth, _priority, lastmod, first_seen"
    return archive.db.execute(f"SELECT {columns} FROM urls WHERE url = ?", [url]).fetchone()


def test_each_value_of_a_discovered_url_has_its_column(archive, queue, make):
    """With values that all differ, so that none can stand in for another."""
    add(archive, make.discovered(
        "http://a.test/1", kind="feed", state="queued", reason="", found_via="sitemap", found_on="http://a.test/map",
        depth=3, priority=7, lastmod="2026-05-01",
    ))  # fmt: skip
    assert stored_row(archive, "http://a.test/1") == (
        "a.test", "feed", "queued", "", "sitemap", "http://a.test/map", 3, 7, "2026-05-01", "2026-01-01",
    )  # fmt: skip
    [queued_url] = queue.take(HOST, 1)
    assert (queued_url.kind, queued_url.found_via, queued_url.found_on) == ("feed", "sitemap", "http://a.test/map")
    assert (queued_url.depth, queued_url.priority, queued_url.lastmod) == (3, 7, "2026-05-01")
    add(archive, make.discovered("http://a.test/2", state="skipped", reason="depth"))
    assert stored_row(archive, "http://a.test/2") == (
        "a.test", "page", "skipped", "depth", "link", None, 0, 0, None, "2026-01-01",
    )  # fmt: skip


SKIPPED = {"state": "skipped", "reason": "depth"}


@pytest.mark.parametrize(
    ("first", "later", "lastmod"),
    [
        ({"priority": 1, "lastmod": "2026-05-01"}, {"priority": 5, "lastmod": "2026-06-01"}, "2026-06-01"),
        ({"priority": 1, "lastmod": "2026-05-01"}, {"priority": 5}, "2026-05-01"),
        ({"priority": 1, "lastmod": "2026-05-01"}, {"lastmod": "2026-06-01"}, "2026-05-01"),
        ({"priority": 5}, {"priority": 1, "lastmod": "2026-05-01"}, "2026-05-01"),
        ({}, SKIPPED | {"lastmod": "2026-06-01"}, "2026-06-01"),
        ({"lastmod": "2026-05-01"}, SKIPPED | {"lastmod": "2026-06-01"}, "2026-05-01"),
    ],
)
def test_a_better_way_to_a_queued_url_brings_its_date_any_fills_an_empty_one(archive, make, first, later, lastmod):
    """And none takes one away."""
    for values in (first, later):
        add(archive, make.discovered("http://a.test/1", **values))
    assert stored_row(archive, "http://a.test/1")[8] == lastmod


def retry(archive, url, not_before):
    archive.save([Outcome(url, "queued", "timeout", not_before=not_before, is_retry=True)])


def test_a_retry_waits_for_its_time(archive, queue):
    retry(archive, "http://a.test/1", "2026-06-01T01:30:00Z")
    retry(archive, "http://a.test/2", "2026-05-01T00:00:00Z")
    assert [queued_url.url[-1] for queued_url in queue.take(HOST, 5)] == ["2"]
    [first, second] = Queue(archive.db, lambda: "2026-06-01T01:30:01Z").take(HOST, 2)
    assert (first.url[-1], second.url[-1], first.attempts) == ("1", "2", 1)


def test_a_clock_that_was_set_back_does_not_hold_a_retry(archive, make):
    """What waits for longer than any wait can be was put off by a clock that has been set back since."""
    retry(archive, "http://a.test/1", "2026-06-01T00:00:05Z")
    for now, due in [("05-31T00:00:00", True), ("05-31T23:00:00", False), ("06-01T00:00:05", True)]:
        queue = Queue(archive.db, lambda now=now: f"2026-{now}Z")
        assert (len(queue.take(HOST, 5)), queue.next_hosts("", 5)) == (int(due), [(HOST, due)])


def test_a_due_retry_has_the_place_of_its_kind_and_priority(archive, queue, make):
    add(archive, make.discovered("http://a.test/high", priority=9), make.discovered("http://a.test/low"))
    add(archive, make.discovered("http://a.test/middle", priority=4))
    retry(archive, "http://a.test/middle", "2026-05-01T00:00:00Z")
    assert [queued_url.url[14:] for queued_url in queue.take(HOST, 2)] == ["high", "middle"]


def test_any_queued_url_of_a_host_is_found_also_one_that_waits(archive, queue, make):
    assert queue.any_queued(HOST) is None
    retry(archive, "http://a.test/1", "2026-06-01T01:30:00Z")
    assert queue.take(HOST, 1) == []
    assert queue.any_queued(HOST).url == "http://a.test/1"
    assert queue.any_queued(HOST, {"http://a.test/1"}) is None


def test_hosts_come_in_order_with_whether_one_is_due(archive, queue, make):
    assert (queue.next_hosts("", 9), queue.is_empty()) == ([], True)
    retry(archive, "http://c.test/1", "2026-06-01T01:00:00Z")
    assert not queue.is_empty()
    add(archive, *(make.discovered(f"http://{host}.test/{n}") for host in "dab" for n in range(3)))
    retry(archive, "http://b.test/1", "2026-06-01T01:00:00Z")
    expected = [("a.test", True), ("b.test", True), ("c.test", False), ("d.test", True)]
    assert queue.next_hosts("", 9) == expected
    assert queue.next_hosts("", 2) + queue.next_hosts("b.test", 2) == expected


def test_counts_are_kept_in_step_with_every_change(archive, queue, make):
    add(archive, *(make.discovered(f"http://b.test/{n}") for n in range(4)), make.discovered("http://a.test/"))
    archive.save([make.outcome("http://c.test/", "text"), make.failure("http://b.test/0")])
    add(archive, make.discovered("http://b.test/9", state="skipped", reason="depth"))
    assert queue.counts() == {"queued": 4, "done": 1, "failed": 1, "skipped": 1}
    add(archive, make.discovered("http://b.test/9"))
    archive.db.execute("DELETE FROM urls WHERE url = 'http://a.test/'")
    archive.db.execute("INSERT OR REPLACE INTO urls SELECT * FROM urls WHERE url = 'http://b.test/1'")
    assert queue.counts() == {"queued": 4, "done": 1, "failed": 1, "skipped": 0}
    assert archive.skip_queued("limit") == 4
    assert queue.counts() == {"queued": 0, "done": 1, "failed": 1, "skipped": 4}


def test_a_host_is_given_up_in_steps_and_taken_up_by_a_later_run(archive, queue, make):
    add(archive, *(make.discovered(f"http://a.test/{n}") for n in range(5)), make.discovered("http://b.test/"))
    retry(archive, "http://a.test/3", "2026-06-01T01:00:00Z")
    with write_transaction(archive.db):
        steps = [give_up_host(archive.db, HOST, "failed", "host_unreachable:timeout", 3) for _ in range(3)]
    assert steps == [{"page": 3}, {"page": 2}, {}]
    assert queue.counts() == {"queued": 1, "done": 0, "failed": 5, "skipped": 0}
    archive.save([make.failure("http://b.test/")])
    assert archive.requeue(UNREACHED_HOSTS) == 5
    assert queue.counts() == {"queued": 5, "done": 0, "failed": 1, "skipped": 0}
    assert [queued_url.attempts for queued_url in queue.take(HOST, 9)] == [0] * 5


def test_seeds_give_failures_another_chance_and_leave_the_done_alone(archive, queue, make):
    archive.save([make.failure("http://a.test/bad"), make.outcome("http://a.test/good", "text")])
    seeds = [make.discovered(f"http://a.test/{name}", found_via="seed") for name in ("bad", "good", "new")]
    queue.add_seeds(seeds)
    queue.add_seeds(seeds)
    assert [(queued_url.url[14:], queued_url.attempts) for queued_url in queue.take(HOST, 5)] == [
        ("bad", 0),
        ("new", 0),
    ]


def test_pictures_wait_until_the_queue_turns_to_them(archive, queue, make):
    add(archive, make.discovered("http://a.test/i.png", kind="picture"), make.discovered("http://a.test/page"))
    assert [queued_url.url for queued_url in queue.take(HOST, 5)] == ["http://a.test/page"]
    assert not queue.is_empty()
    archive.save([make.outcome("http://a.test/page", "text")])
    assert queue.is_empty()
    assert queue.next_hosts("", 5) == []
    queue.turn_to_pictures()
    assert not queue.is_empty()
    assert queue.next_hosts("", 5) == [(HOST, True)]
    assert [queued_url.kind for queued_url in queue.take(HOST, 5)] == ["picture"]
    assert archive.skip_queued("limit") == 0


def work(archive, call):
    """How many instructions SQLite ran for a call, and what it returned."""
    count = itertools.count()
    archive.db.conn.set_progress_handler(lambda: next(count) and None, 1)
    try:
        result = call()
    finally:
        archive.db.conn.set_progress_handler(None, 1)
    return next(count), result


@pytest.mark.slow
def test_taking_costs_the_same_however_long_the_queue_and_however_many_wait(archive, queue, make):
    def cost():
        calls = (
            lambda: queue.take(HOST, 8, {"http://a.test/0"}),
            lambda: queue.next_hosts("", 3),
            queue.is_empty,
            queue.counts,
        )
        return [work(archive, call)[0] for call in calls]

    def fill(numbers):
        add(archive, *(make.discovered(f"http://{'abcd'[n % 4]}.test/{n}", priority=n % 7) for n in numbers))
        with write_transaction(archive.db):
            retry_count = "UPDATE urls SET _not_before = '2026-06-01T01:00:00Z' WHERE id % 5 = 0"
            archive.db.execute(retry_count)

    fill(range(200))
    few = cost()
    fill(range(200, 20_000))
    assert all(many <= before < 1000 for many, before in zip(cost(), few, strict=True))


STORED = [
    ("queued", "", "page"), ("queued", "x", "page"), ("queued", "", "picture"), ("done", "article", "page"),
    ("failed", "http_404", "page"), ("skipped", "depth", "page"), ("skipped", "nofollow", "page"),
    ("skipped", "limit", "page"), ("skipped", "media_type", "page"), ("skipped", "media_type", "picture"),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["page", "picture"])
@pytest.mark.parametrize("state", ["queued", "skipped"])
def test_what_is_found_again_is_improved_or_queued_after_all(archive, make, kind, state):
    """Each stored row with each better, equal and worse way to it."""
    ways = list(itertools.product((1, 2, 3), (4, 5, 6)))
    for number, (old_state, reason, old_kind) in enumerate(STORED):
        for depth, priority in ways:
            url = f"http://a.test/{number}/{depth}{priority}"
            values = {"depth": 2, "priority": 5, "state": old_state, "reason": reason, "kind": old_kind}
            add_urls(archive.db, [make.discovered(url, **values)], "2026")
            found = make.discovered(url, depth=depth, priority=priority, state=state, reason="new", kind=kind)
            add_urls(archive.db, [found], "2027")
            row = archive.db["urls"].get(1 + number * len(ways) + ways.index((depth, priority)))
            is_page_shown = (old_kind, kind) == ("page", "picture")  # which stays a page to be fetched
            is_better = old_state == "queued" and (depth < 2 or priority > 5) and not is_page_shown
            is_revived = reason in ("depth", "nofollow")
            is_file_of_picture = (reason, old_kind, kind) == ("media_type", "page", "picture")
            if state == "queued" and (is_better or is_revived or is_file_of_picture):
                values |= {"depth": min(depth, 2), "priority": max(priority, 5), "state": "queued"}
                values |= {"reason": reason if old_state == "queued" else "new"}
                values |= {"kind": "picture" if kind == "picture" else old_kind}
            assert {name: row["_priority" if name == "priority" else name] for name in values} == values
            assert row["first_seen"] == "2026"


def test_the_latest_moment_of_a_retry():
    assert module._latest_due_time("2026-01-01T00:00:00Z") == "2026-01-01T02:00:00Z"
