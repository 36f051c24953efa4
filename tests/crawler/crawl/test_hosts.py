"""Which hosts are held in memory, and in what order they come due.

How soon a host may be asked again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from broadsheet.crawler.crawl import hosts
from broadsheet.crawler.crawl.hosts import (
    DueQueue,
    HostRegistry,
    HostState,
    Pace,
    PolitenessSettings,
)
from broadsheet.crawler.crawl.robots_rules import RobotsRules
from broadsheet.output.archive.url_words import NO_REASON, OutcomeReason, Reason
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


def test_a_line_gives_out_who_has_been_due_for_longest() -> None:
    due_queue, one, two, three = DueQueue(), host("one"), host("two"), host("three")
    for due, who in [(5.0, one), (3.0, two), (3.0, three), (9.0, one), (2.0, one)]:
        due_queue.schedule(who, due)
    assert due_queue.next_due_at() == 2.0
    assert due_queue.pop_due(1.0) is None
    due_queue.remove(two)
    assert [due_queue.pop_due(10.0), due_queue.pop_due(10.0), due_queue.pop_due(10.0)] == [one, three, None]
    assert due_queue.next_due_at() is None


def test_a_host_that_is_scheduled_again_for_the_same_time_keeps_its_place() -> None:
    due_queue, one, two = DueQueue(), host("one"), host("two")
    for who in (one, two, one):
        due_queue.schedule(who, 5.0)
    assert len(due_queue) == 2
    assert [due_queue.pop_due(5.0), due_queue.pop_due(5.0), due_queue.pop_due(5.0)] == [one, two, None]


def test_hosts_come_in_as_far_as_there_is_room_and_go_round(registry: HostRegistry) -> None:
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


def test_requests_that_were_under_way_when_a_failure_was_known_are_no_further_failures() -> None:
    state = host("a.example")
    state.in_flight = {"1": 10.0, "2": 11.0, "3": 20.0}
    counted = [state.count_failure(url, "http_503", now, has_retry_after=False) for url, now in [("1", 15), ("2", 16)]]
    assert (counted, state.failure_count, state.failed_at) == ([True, False], 1, 15)
    assert state.count_failure("3", "timeout", 25, has_retry_after=False)
    assert (state.failure_count, state.failed_at, state.failing_since) == (2, 25, 15)
    assert state.count_failure("4", "timeout", 30, has_retry_after=True), "one that is not under way is sent now"
    assert state.failing_since == 30
    state.given_up_reason = "dns"
    assert not state.count_failure("5", "timeout", 40, has_retry_after=False)


def test_a_scan_reads_so_many_hosts_in_all_also_where_it_begins_again(
    registry: HostRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are active but for those that have no room, so that nothing ends the scan but its own bound."""
    monkeypatch.setattr(hosts, "MAX_ACTIVE_HOSTS", 20)
    counts: list[int] = []
    next_hosts = registry._queue.next_hosts
    monkeypatch.setattr(
        registry._queue, "next_hosts", lambda previous, count: counts.append(count) or next_hosts(previous, count)
    )
    assert [activate_due(registry) for _ in range(4)] == ["0123", "4567", "89", ""]
    assert counts == [4, 4, 4, 2, 4], "the third scan comes to the end after two, and reads two from the beginning"


def test_what_is_known_of_a_resting_host_is_kept_for_a_while(registry: HostRegistry) -> None:
    activate_due(registry)
    host_state = registry.get_or_create("h0.example")
    host_state.robots = FREE
    registry.deactivate(host_state, 0)
    assert registry.get_or_create("h0.example").robots is FREE
    for _ in range(50):
        registry.deactivate(next(registry.activate_due(0)), 0)
        assert registry.in_memory <= 3 + 2 + 4 + 1


def test_a_host_that_asked_for_a_wait_is_not_forgotten_before_it_is_over(registry: HostRegistry) -> None:
    activate_due(registry)
    host_state = registry.get_or_create("h0.example")
    host_state.robots, host_state.pace = FREE, host_state.pace.after_refusal(0, 3600)
    registry.deactivate(host_state, 0)
    for _ in range(20):
        registry.deactivate(next(registry.activate_due(1)), 1)
    assert registry.get_or_create("h0.example").pace.next_request_at == 3600


def test_a_dead_host_is_remembered_when_all_else_is_forgotten(registry: HostRegistry) -> None:
    activate_due(registry)
    registry.give_up(registry.get_or_create("h0.example"), "dns")
    registry.deactivate(registry.get_or_create("h0.example"), 0)
    for _ in range(50):
        registry.deactivate(next(registry.activate_due(0)), 0)
    assert registry.get_or_create("h0.example").given_up_reason == "dns"


def test_the_longer_of_the_user_s_and_the_host_s_delay_is_the_floor() -> None:
    assert Pace.at_floor(1.0).after_request(10).next_request_at == 11
    assert Pace.at_floor(1.0, 5.0).after_request(10).next_request_at == 15
    assert Pace.at_floor(3.0, 0.5).after_request(10).next_request_at == 13


def test_zero_turns_pacing_off_but_not_the_host_s_own_word() -> None:
    assert Pace.at_floor(0).after_answer(9.0).after_request(10).next_request_at == 10
    assert Pace.at_floor(0, 2.0).after_request(10).next_request_at == 12


def test_a_slow_host_is_asked_as_often_as_it_answers() -> None:
    pace = Pace.at_floor(1.0)
    for _ in range(6):
        pace = pace.after_answer(4.0)
    assert pace.delay == 4.0


def test_the_pace_follows_the_latency_of_several_answers_not_of_the_newest_alone() -> None:
    """The first counts whole, each later one half; a single slow answer does not set the pace, nor a quick one."""
    pace = Pace.at_floor(1.0).after_answer(8.0)
    assert (pace.latency, pace.delay) == (8.0, 8.0)
    pace = pace.after_answer(4.0)
    assert (pace.latency, pace.delay) == (6.0, 6.0)
    pace = pace.after_answer(20.0)
    assert (pace.latency, pace.delay) == (13.0, 13.0)
    pace = pace.after_answer(1.0)
    assert (pace.latency, pace.delay) == (7.0, 7.0)


def test_a_delay_that_a_refusal_made_long_falls_by_half_with_each_answer_and_not_below_the_latency() -> None:
    pace = Pace.at_floor(1.0).after_answer(6.0)
    for _ in range(3):
        pace = pace.after_refusal(0)
    assert (pace.delay, pace.latency) == (48.0, 6.0)
    delays = []
    for _ in range(4):
        pace = pace.after_answer(6.0)
        delays.append(pace.delay)
    assert delays == [24.0, 12.0, 6.0, 6.0]


def test_quick_answers_bring_the_pace_back_to_the_floor_and_not_below() -> None:
    pace = Pace.at_floor(1.0).after_refusal(0)
    assert pace.delay == 2.0
    for _ in range(8):
        pace = pace.after_answer(0.01)
    assert pace.delay == 1.0


def test_refusals_double_the_delay_up_to_the_ceiling() -> None:
    pace, delays = Pace.at_floor(1.0), []
    for _ in range(8):
        pace = pace.after_refusal(0)
        delays.append(pace.delay)
    assert delays[:3] == [2, 4, 8]
    assert delays[-1] == 60.0


def test_retry_after_holds_the_host_back_for_so_long_up_to_an_hour() -> None:
    assert Pace.at_floor(1.0).after_refusal(100, 30).next_request_at == 130
    assert Pace.at_floor(1.0).after_refusal(100, 1e9).next_request_at == 3700
    assert Pace.at_floor(1.0).after_refusal(100).next_request_at == 102


def test_a_crawl_without_pacing_recovers_from_a_refusal_with_the_next_good_answer() -> None:
    pace = Pace.at_floor(0).after_refusal(100)
    assert pace.after_request(110).next_request_at > 110
    assert pace.after_answer(0.1).after_request(110).next_request_at == 110


def test_a_crawl_delay_longer_than_the_ceiling_is_kept() -> None:
    pace = Pace.at_floor(1.0, 300.0)
    assert pace.after_refusal(0).after_answer(0.1).after_request(1000).next_request_at == 1300


def test_an_absurd_crawl_delay_is_held_to_the_longest() -> None:
    assert Pace.at_floor(1.0, 86_400.0).after_request(0).next_request_at == 600.0
    assert Pace.at_floor(900.0, 86_400.0).after_request(0).next_request_at == 900  # a person may ask less often still


def test_a_wait_that_was_asked_for_is_not_shortened_by_another_request() -> None:
    assert Pace.at_floor(1.0).after_refusal(100, 30).after_request(100).next_request_at == 130


def test_a_new_robots_txt_moves_the_floor_and_keeps_what_was_learnt() -> None:
    slow = Pace.at_floor(1.0).after_refusal(100, 30)
    assert slow.with_floor(1.0, 0.0) == slow
    assert slow.with_floor(1.0, 5.0).delay == 5
    assert Pace.at_floor(1.0, 10.0).with_floor(1.0, 2.0) == Pace.at_floor(1.0, 2.0)
    assert slow.with_floor(1.0, 5.0).next_request_at == 130


def test_the_delay_stays_between_floor_and_ceiling_whatever_happens() -> None:
    pace = Pace.at_floor(1.0, 3.0)
    for step in range(60):
        pace = pace.after_refusal(step) if step % 7 < 4 else pace.after_answer(float(step % 5) * 40)
        assert 3.0 <= pace.delay <= 60.0


@pytest.mark.parametrize(("active", "size"), [(0, 64), (1, 64), (64, 64), (65, 63), (512, 8), (1024, 4), (5000, 4)])
def test_fewer_urls_are_read_ahead_where_many_hosts_are_active(active: int, size: int) -> None:
    registry = HostRegistry(None, lambda: Pace(0))  # type: ignore[arg-type]
    registry._active = {str(number): host(str(number)) for number in range(active)}
    assert registry.batch_size() == size


@pytest.mark.parametrize(
    ("active", "turns", "seconds", "is_over"),
    [(1023, 999, 9_999.0, False), (1024, 64, 0.0, True), (1024, 63, 599.9, False), (1024, 0, 600.0, True)],
)
def test_a_host_makes_room_after_its_share_where_others_wait(
    active: int, turns: int, seconds: float, is_over: bool
) -> None:
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
def test_a_host_is_given_up_sooner_where_it_never_answers_or_fails_for_long(
    count: int, is_answering: bool, seconds: float, reason: str | None
) -> None:
    failing = host("a.example")
    failing.failure_count, failing.has_error_status = count, is_answering
    failing.failing_since, failing.failed_at = 50.0, 50.0 + seconds
    assert failing.reason_to_give_up("timeout", PolitenessSettings()) == reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "has_retry_after", "is_answer", "since"),
    [("timeout", False, False, 10.0), ("http_503", False, True, 10.0), ("challenged", True, True, 20.0)],
)
def test_each_failure_counts_from_the_first_or_from_the_latest_wait_that_was_asked_for(
    reason: str, has_retry_after: bool, is_answer: bool, since: float
) -> None:
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
def test_an_expired_robots_txt_holds_for_a_day_more_where_it_cannot_be_read_again(age: float, holds: bool) -> None:
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


def test_only_hosts_that_wait_for_nothing_are_forgotten(registry: HostRegistry) -> None:
    for number in range(7):
        idle = registry.get_or_create(f"idle{number}.example")
        idle.robots = FREE
    registry._idle["idle0.example"].robots_due_at = 11.0
    registry._idle["idle1.example"].pace = Pace(0, next_request_at=11.0)
    registry._idle["idle2.example"].robots_due_at = 10.0
    registry._idle["idle3.example"].pace = Pace(0, next_request_at=10.0)
    kept = [registry._idle[f"idle{number}.example"] for number in range(2)]
    registry._forget_idle(10.0)
    assert sorted(registry._idle) == [f"idle{number}.example" for number in (0, 1, 4, 5, 6)]
    assert [(each.robots, each.is_robots_requested) for each in kept] == [(None, False)] * 2
    registry._forget_idle(10.0)
    assert len(registry._idle) == 5, "no more than there is room for, and so many as a scan reads"


def test_hosts_are_asked_as_gently_as_the_documentation_says_unless_a_user_wants_it_otherwise() -> None:
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
def test_a_host_is_closed_where_it_is_given_up_or_its_robots_txt_permits_nothing(
    status: int | None, obeys: bool, reason: Reason, is_closed: bool
) -> None:
    state = host("a.example")
    state.robots = RobotsRules.from_response(status, b"", "http://a.example/robots.txt") if status else None
    state.given_up_reason = reason
    assert state.is_closed(PolitenessSettings(obey_robots=obeys)) is is_closed
