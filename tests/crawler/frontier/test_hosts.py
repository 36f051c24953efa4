"""Which hosts are held in memory, and in what order they come due."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.crawler.frontier import hosts
from broadsheet.crawler.frontier.hosts import DueQueue, HostRegistry, HostState
from broadsheet.crawler.frontier.pace import Pace
from broadsheet.crawler.frontier.robots_txt import RobotsRules
from broadsheet.output.outcome import DiscoveredUrl
from broadsheet.output.queue.rows import Queue
from broadsheet.output.write.archive import Archive

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
