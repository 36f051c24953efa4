"""Which hosts are held in memory, and in what order they come due."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.frontier import hosts
from crawler.frontier.hosts import Host, Hosts, Line
from crawler.frontier.pace import Pace
from crawler.frontier.robots_txt import Robots
from output.outcome import Found
from output.queue.rows import Queue
from output.write.archive import Archive

FREE = Robots.from_response(404, b"", "http://a.example/robots.txt")


def host(name: str) -> Host:
    return Host(name, Pace.start(0))


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    """Room for three active hosts; the queue holds one URL of each of ten."""
    for name, value in {"ACTIVE": 3, "REMEMBERED": 2, "WALK": 4}.items():
        monkeypatch.setattr(hosts, name, value)
    with Archive.open(tmp_path / "a.db") as archive:
        queue = Queue(archive.db)
        queue.add_seeds(Found(f"http://h{number}.example/", f"h{number}.example") for number in range(10))
        yield Hosts(queue, lambda: Pace.start(0))


def come(few: Hosts, now: float = 0.0) -> str:
    return "".join(one.name[1] for one in few.come_in(now))


def test_a_line_gives_out_who_has_been_due_for_longest() -> None:
    line, one, two, three = Line(), host("one"), host("two"), host("three")
    for due, who in [(5.0, one), (3.0, two), (3.0, three), (9.0, one), (2.0, one)]:
        line.put(who, due)
    assert line.soonest() == 2.0
    assert line.pop(1.0) is None
    line.drop(two)
    assert [line.pop(10.0), line.pop(10.0), line.pop(10.0)] == [one, three, None]
    assert line.soonest() is None


def test_hosts_come_in_as_far_as_there_is_room_and_go_round(few: Hosts) -> None:
    assert (come(few), come(few)) == ("012", "")
    few.rest(few.named("h1.example"), 0)
    assert come(few) == "3"
    here, seen = deque("023"), ""
    for _ in range(20):
        few.rest(few.named(f"h{here.popleft()}.example"), 0)
        came = come(few)
        here.extend(came)
        seen += came
    assert seen == "45678901234567890123"


def test_what_is_known_of_a_resting_host_is_kept_for_a_while(few: Hosts) -> None:
    come(few)
    known = few.named("h0.example")
    known.robots = FREE
    few.rest(known, 0)
    assert few.named("h0.example").robots is FREE
    for _ in range(50):
        few.rest(next(few.come_in(0)), 0)
        assert few.known <= 3 + 2 + 4 + 1


def test_a_host_that_asked_for_a_wait_is_not_forgotten_before_it_is_over(few: Hosts) -> None:
    come(few)
    asked = few.named("h0.example")
    asked.robots, asked.pace = FREE, asked.pace.refused(0, 3600)
    few.rest(asked, 0)
    for _ in range(20):
        few.rest(next(few.come_in(1)), 1)
    assert few.named("h0.example").pace.next_at == 3600


def test_a_dead_host_is_remembered_when_all_else_is_forgotten(few: Hosts) -> None:
    come(few)
    few.bury(few.named("h0.example"), "dns")
    few.rest(few.named("h0.example"), 0)
    for _ in range(50):
        few.rest(next(few.come_in(0)), 0)
    assert few.named("h0.example").dead == "dns"
