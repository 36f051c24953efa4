"""Hosts: which are held in memory, in what order they come due, and how soon one may be asked again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from broadsheet.crawler.crawl import hosts
from broadsheet.crawler.crawl.hosts import DueQueue, HostRegistry, HostState, Pace, PolitenessSettings
from broadsheet.crawler.crawl.robots_rules import RobotsRules
from broadsheet.output.archive.url_words import NO_REASON, OutcomeReason
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl
from broadsheet.output.write.url_queue import Queue

FREE = RobotsRules.from_response(404, b"", "http://a.example/robots.txt")


def host(name: str) -> HostState:
    return HostState(name, Pace.at_floor(0))


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostRegistry]:
    """Room for three active hosts; the queue holds one URL of each of ten."""
    for name, value in {"MAX_ACTIVE_HOSTS": 3, "MAX_IDLE_HOSTS": 2, "SCAN_HOSTS": 4}.items():
        monkeypatch.setattr(hosts, name, value)
    with Archive.open(tmp_path / "a.db") as archive:
        queue = Queue(archive.db)
        queue.add_seeds(DiscoveredUrl(f"http://h{number}.example/", f"h{number}.example") for number in range(10))
        yield HostRegistry(queue, lambda: Pace.at_floor(0))


def activate_due(registry: HostRegistry, now: float = 0.0) -> str:
    return "".join(host_state.name[1] for host_state in registry.activate_due(now))


def test_a_line_gives_out_who_has_been_due_for_longest():
    """One that is scheduled again for the same time keeps its place."""
    due_queue, one, two, three = DueQueue(), host("one"), host("two"), host("three")
    for due, who in [(5.0, one), (3.0, two), (3.0, three), (9.0, one), (2.0, one)]:
        due_queue.schedule(who, due)
    assert due_queue.next_due_at() == 2.0
    assert due_queue.pop_due(1.0) is None
    due_queue.remove(two)
    assert [due_queue.pop_due(10.0), due_queue.pop_due(10.0), due_queue.pop_due(10.0)] == [one, three, None]
    assert due_queue.next_due_at() is None
    for who in (one, two, one):
        due_queue.schedule(who, 5.0)
    assert len(due_queue) == 2
    assert [due_queue.pop_due(5.0), due_queue.pop_due(5.0), due_queue.pop_due(5.0)] == [one, two, None]


def test_hosts_come_in_as_far_as_there_is_room_and_go_round(registry):
    assert (activate_due(registry), activate_due(registry)) == ("012", "")
    registry.deactivate(registry.get_or_create("h1.example"), 0)
    assert activate_due(registry) == "3"
    active, order = deque("023"), ""
    for _ in range(20):
        registry.deactivate(registry.get_or_create(f"h{active.popleft()}.example"), 0)
        activated = activate_due(registry)
        active.extend(activated)
        order += activated
    assert order == "45678901234567890123"


def test_what_is_known_of_a_resting_host_is_kept_for_a_while(registry):
    """Of one that asked for a wait until it is over, of a dead one for ever."""
    activate_due(registry)
    kept, waiting, dead = (registry.get_or_create(f"h{number}.example") for number in range(3))
    kept.robots, waiting.pace = FREE, waiting.pace.after_refusal(0, 3600)
    registry.give_up(dead, "dns")
    for host_state in (kept, waiting, dead):
        registry.deactivate(host_state, 0)
    assert registry.get_or_create("h0.example").robots is FREE
    for _ in range(50):
        registry.deactivate(next(registry.activate_due(1)), 1)
        assert registry.in_memory <= 3 + 2 + 4 + 1
    assert registry.get_or_create("h1.example").pace.next_request_at == 3600
    assert registry.get_or_create("h2.example").given_up_reason == "dns"


REFUSED, ASKED = ("refusal", 0), ("request", 10)


@pytest.mark.parametrize(
    ("floor", "steps", "delay", "next_at"),
    [
        ((1.0,), [ASKED], 1, 11),
        ((1.0, 5.0), [ASKED], 5, 15),
        ((3.0, 0.5), [ASKED], 3, 13),
        ((0,), [("answer", 9.0), ASKED], 0, 10),
        ((0, 2.0), [ASKED], 2, 12),
        ((1.0,), [("answer", 4.0)] * 6, 4, None),
        ((1.0,), [("answer", 8.0), ("answer", 4.0)], 6, None),
        ((1.0,), [("answer", 8.0), ("answer", 4.0), ("answer", 20.0)], 13, None),
        ((1.0,), [("answer", 8.0), ("answer", 4.0), ("answer", 20.0), ("answer", 1.0)], 7, None),
        *(((1.0,), [("answer", 6.0), *[REFUSED] * 3, *[("answer", 6.0)] * answers], delay, None)
          for answers, delay in enumerate((48, 24, 12, 6, 6))),
        *(((1.0,), [REFUSED] * times, delay, None) for times, delay in ((1, 2), (2, 4), (3, 8), (8, 60))),
        ((1.0,), [REFUSED, *[("answer", 0.01)] * 8], 1, None),
        ((1.0,), [("refusal", 100)], 2, 102),
        ((1.0,), [("refusal", 100, 30)], 2, 130),
        ((1.0,), [("refusal", 100, 30), ("request", 100)], 2, 130),
        ((1.0,), [("refusal", 100, 1e9)], 2, 3700),
        ((0,), [("refusal", 100), ("request", 110)], 2, 112),
        ((0,), [("refusal", 100), ("answer", 0.1), ("request", 110)], 0, 110),
        ((1.0, 300.0), [REFUSED, ("answer", 0.1), ("request", 1000)], 300, 1300),
        ((1.0, 86_400.0), [("request", 0)], 600, 600),
        ((900.0, 86_400.0), [("request", 0)], 900, 900),
    ],
)  # fmt: skip
def test_the_longer_of_the_user_s_and_the_host_s_delay_is_the_floor_and_answers_set_the_pace(
    floor, steps, delay, next_at
):
    """The first latency counts whole, each later one half. A refusal doubles the delay, and answers take half of it
    away, down to the latency or the floor. A wait that was asked for holds."""
    pace = Pace.at_floor(*floor)
    for name, *values in steps:
        pace = getattr(pace, f"after_{name}")(*values)
    assert pace.delay == pytest.approx(delay)
    assert next_at in (None, pace.next_request_at)


def test_a_new_robots_txt_moves_the_floor_and_keeps_what_was_learnt():
    slow = Pace.at_floor(1.0).after_refusal(100, 30)
    assert slow.with_floor(1.0, 0.0) == slow
    assert slow.with_floor(1.0, 5.0).delay == 5
    assert Pace.at_floor(1.0, 10.0).with_floor(1.0, 2.0) == Pace.at_floor(1.0, 2.0)
    assert slow.with_floor(1.0, 5.0).next_request_at == 130


@pytest.mark.parametrize(
    ("active", "turns", "seconds", "is_over"),
    [(1023, 999, 9_999.0, False), (1024, 64, 0.0, True), (1024, 63, 599.9, False), (1024, 0, 600.0, True)],
)
def test_a_host_makes_room_after_its_share_where_others_wait(active, turns, seconds, is_over):
    registry = HostRegistry(None, lambda: Pace(0))  # type: ignore[arg-type]
    registry._active = {str(number): host(str(number)) for number in range(active)}
    served = registry._active["0"]
    served.active_since, served.turn_count = 1000.0, turns
    assert registry.has_had_its_share(served, 1000.0 + seconds) is is_over


@pytest.mark.parametrize(
    ("count", "is_answering", "seconds", "reason"),
    [
        (9, False, 0, None), (10, False, 0, "host_unreachable:timeout"), (10, False, 301, "host_unreachable:timeout"),
        (19, True, 299, None), (20, True, 0, "host_failing:timeout"), (9, True, 301, None),
        (10, True, 299.9, None), (10, True, 300, "host_failing:timeout"),
    ],
)  # fmt: skip
def test_a_host_is_given_up_sooner_where_it_never_answers_or_fails_for_long(count, is_answering, seconds, reason):
    failing = host("a.example")
    failing.failure_count, failing.has_error_status = count, is_answering
    failing.failing_since, failing.failed_at = 50.0, 50.0 + seconds
    assert failing.reason_to_give_up("timeout", PolitenessSettings()) == reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "has_retry_after", "is_answer", "since"),
    [("timeout", False, False, 10.0), ("http_503", False, True, 10.0), ("challenged", True, True, 20.0)],
)
def test_each_failure_counts_from_the_first_or_from_the_latest_wait_that_was_asked_for(
    reason, has_retry_after, is_answer, since
):
    failing = host("a.example")
    failing.count_failure("u", "timeout", 10.0, has_retry_after=False)  # type: ignore[arg-type]
    assert failing.count_failure("u", reason, 20.0, has_retry_after=has_retry_after)  # type: ignore[arg-type]
    assert (failing.failure_count, failing.failed_at) == (2, 20.0)
    assert (failing.failing_since, failing.has_error_status) == (since, is_answer)
    failing.in_flight["early"] = 19.9
    assert not failing.count_failure("early", reason, 30.0, has_retry_after=False)  # type: ignore[arg-type]
    failing.given_up_reason = OutcomeReason.DNS
    assert not failing.count_failure("u", reason, 30.0, has_retry_after=False)  # type: ignore[arg-type]


DAY = 86_400.0


@pytest.mark.parametrize(("age", "holds"), [(DAY, True), (2 * DAY - 1, True), (2 * DAY, False), (3 * DAY, False)])
def test_an_expired_robots_txt_holds_for_a_day_more_where_it_cannot_be_read_again(age, holds):
    served, silent = host("a.example"), RobotsRules.from_response(503, b"", "http://a.example/robots.txt")
    served.set_robots(FREE, PolitenessSettings(), 0.0)
    assert (served.robots_read_at, served.robots_stale_at) == (0.0, DAY)
    served.expire_robots(DAY - 1)
    assert served.robots is FREE
    served.robots_attempts, served.is_robots_requested = 2, True
    served.expire_robots(age)
    assert (served.robots, served.previous_robots) == (None, FREE)
    assert (served.robots_attempts, served.is_robots_requested) == (0, False)
    served.set_robots(silent, PolitenessSettings(), age)
    assert served.robots is (FREE if holds else silent)
    assert served.previous_robots is None
    assert served.robots_read_at == (0.0 if holds else age)
    assert served.robots_stale_at == age + (3600.0 if holds else DAY)


def test_hosts_are_asked_as_gently_as_the_documentation_says_unless_a_user_wants_it_otherwise():
    """A host may ask for an hour at the longest, and its robots.txt for ten minutes between two requests."""
    given = {"delay": 1.0, "requests_per_host": 4, "max_requests": 16, "max_unstored": 40, "user_agent": "Broadsheet",
             "obey_robots": True, "robots_max_age": 86_400.0, "max_silent_failures": 10, "max_failures": 20,
             "max_failing_seconds": 300.0}  # fmt: skip
    assert asdict(PolitenessSettings()) == given
    pace = Pace.at_floor(1.0)
    assert [pace.after_refusal(0.0, wait).next_request_at for wait in (3599.0, 3601.0, 0.0)] == [3599.0, 3600.0, 0.0]
    assert [Pace.at_floor(1.0, delay).delay for delay in (0.5, 599.0, 601.0)] == [1.0, 599.0, 600.0]
    assert (pace.ceiling, Pace.at_floor(1.0, 599.0).ceiling) == (60.0, 599.0)


@pytest.mark.parametrize(
    ("status", "obeys", "reason", "is_closed"),
    [(None, True, NO_REASON, False), (404, True, NO_REASON, False), (503, True, NO_REASON, True),
     (503, False, NO_REASON, False), (404, False, OutcomeReason.DNS, True)],
)  # fmt: skip
def test_a_host_is_closed_where_it_is_given_up_or_its_robots_txt_permits_nothing(status, obeys, reason, is_closed):
    state = host("a.example")
    state.robots = RobotsRules.from_response(status, b"", "http://a.example/robots.txt") if status else None
    state.given_up_reason = reason
    assert state.is_closed(PolitenessSettings(obey_robots=obeys)) is is_closed


@pytest.mark.parametrize(
    ("pace", "reason"),
    [
        (Pace(floor=1.0, delay=1.0, next_request_at=1.0), "pace"),
        (Pace(floor=5.0, delay=5.0, next_request_at=5.0), "robots_txt"),
        (Pace(floor=1.0, delay=4.0, next_request_at=4.0), "slow"),
        (Pace(floor=1.0, delay=2.0, next_request_at=90.0), "asked"),
    ],
)
def test_a_wait_has_its_reason(pace, reason):
    assert pace.wait_reason(0.0, own_delay=1.0) == reason
