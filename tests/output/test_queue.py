from __future__ import annotations

import time

import pytest

from output.outcome import Outcome
from output.queue import _TAKE, Queue, add_found
from output.transaction import writing

HOST = "a.test"


@pytest.fixture
def queue(archive, make):
    return Queue(archive.db, lambda: "2026-06-01")


def add(archive, *found):
    with writing(archive.db):
        add_found(archive.db, found, "2026-01-01")


def test_order(archive, queue, make):
    add(
        archive,
        make.found("http://a.test/low"),
        make.found("http://a.test/high", priority=9),
        make.found("http://a.test/low2"),
        make.found("http://a.test/feed", kind="feed", priority=-5),
        make.found("http://a.test/map", kind="sitemap", priority=3),
        make.found("http://a.test/robots.txt", kind="robots"),
        make.found("http://b.test/x", priority=99),
    )
    taken = [one.url.split("/")[-1] for one in queue.take(HOST, 10)]
    assert taken == ["robots.txt", "map", "feed", "high", "low", "low2"]


def test_what_is_in_flight_is_left_out_by_id_or_url(archive, queue, make):
    add(archive, *(make.found(f"http://a.test/{n}") for n in range(5)))
    first, second = queue.take(HOST, 2)
    assert [one.url[-1] for one in queue.take(HOST, 2, {first.id, second.url})] == ["2", "3"]
    assert queue.take(HOST, 2) == [first, second]


def test_a_retry_waits_for_its_time(archive, queue):
    archive.save([Outcome("http://a.test/1", "queued", "timeout", not_before="2026-07-01", retry=True)])
    archive.save([Outcome("http://a.test/2", "queued", "timeout", not_before="2026-05-01", retry=True)])
    assert [one.url[-1] for one in queue.take(HOST, 5)] == ["2"]
    assert queue.next_due() == "2026-05-01"
    assert Queue(archive.db, lambda: "2026-08-01").take(HOST, 1)[0].attempts == 1


def test_hosts_and_counts(archive, queue, make):
    assert (queue.hosts_with_work(), queue.next_due()) == ([], None)
    add(archive, make.found("http://b.test/"), make.found("http://a.test/"), make.found("http://a.test/2"))
    archive.save([make.outcome("http://c.test/", "text")])
    assert queue.hosts_with_work() == ["a.test", "b.test"]
    assert queue.counts() == {"queued": 3, "done": 1, "failed": 0, "skipped": 0}


def test_a_better_way_improves_a_queued_row_only(archive, queue, make):
    url = "http://a.test/1"
    add(archive, make.found(url, depth=5, priority=1, on="http://a.test/far"))
    add(archive, make.found(url, depth=7, priority=4), make.found(url, depth=2, priority=0))
    [one] = queue.take(HOST, 5)
    assert (one.depth, one.priority, one.found_on) == (2, 4, "http://a.test/far")
    archive.save([make.outcome(url, "text")])
    add(archive, make.found(url, depth=0, priority=99))
    assert archive.db.execute("SELECT state, depth FROM urls").fetchall() == [("done", 2)]


def test_what_was_too_deep_is_queued_on_a_shorter_way(archive, queue, make):
    deep, barred = "http://a.test/deep", "http://a.test/barred"
    add(archive, make.found(deep, depth=9, state="skipped", reason="depth"))
    add(archive, make.found(barred, state="skipped", reason="robots.txt"))
    add(archive, make.found(deep, depth=1), make.found(barred))
    assert [(one.url, one.depth) for one in queue.take(HOST, 5)] == [(deep, 1)]


def test_a_queued_url_is_not_skipped_by_a_longer_way(archive, queue, make):
    add(archive, make.found("http://a.test/1", depth=1))
    add(archive, make.found("http://a.test/1", depth=9, state="skipped", reason="depth"))
    assert queue.counts()["queued"] == 1


def test_seeds_give_failures_another_chance_and_leave_the_done_alone(archive, queue, make):
    archive.save([make.failure("http://a.test/bad"), make.outcome("http://a.test/good", "text")])
    seeds = [make.found(f"http://a.test/{name}", via="seed") for name in ("bad", "good", "new")]
    queue.add_seeds(seeds)
    queue.add_seeds(seeds)
    assert [(one.url[14:], one.attempts) for one in queue.take(HOST, 5)] == [("bad", 0), ("new", 0)]


def test_taking_costs_the_same_however_long_the_queue(archive, queue, make):
    add(archive, *(make.found(f"http://a.test/{n}", priority=n % 7) for n in range(30_000)))
    plan = " ".join(row[3] for row in archive.db.execute("EXPLAIN QUERY PLAN " + _TAKE, [HOST, "", 5]))
    assert "urls_next" in plan
    assert "TEMP B-TREE" not in plan
    started = time.perf_counter()
    for _ in range(100):
        assert len(queue.take(HOST, 10)) == 10
    assert time.perf_counter() - started < 1.0
