"""Whose turn it is, and when: with a real queue and a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.frontier import Frontier, Manners, Turn
from crawler.robots import Robots
from output.archive import Archive
from output.outcome import Found, Outcome
from output.queue import Queue

FREE = Robots.from_response(404, b"", "http://a.example/robots.txt")
SILENT = Robots.from_response(None, b"", "http://a.example/robots.txt")


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Hand:
    """Takes turns from a frontier by hand."""

    def __init__(self, archive: Archive, **manners: object) -> None:
        self.archive = archive
        self.clock = Clock()
        self.loop = asyncio.new_event_loop()
        self.frontier = Frontier(Queue(archive.db), Manners(**manners), self.clock)  # type: ignore[arg-type]

    def add(self, *urls: str, **fields: object) -> None:
        Queue(self.archive.db).add_seeds(Found(url, url.split("/")[2], **fields) for url in urls)  # type: ignore[arg-type]

    def take(self, wait: float = 0.15) -> Turn | None:
        """The next turn, or None if none comes soon; the clock stands still meanwhile."""

        async def first() -> Turn | None:
            turns = self.frontier.turns()
            try:
                return await asyncio.wait_for(anext(turns, None), wait)
            except TimeoutError:
                return None

        return self.loop.run_until_complete(first())

    def rest(self, wait: float = 0.1, finish: str = "") -> list[Turn]:
        """All turns until it ends; a URL that is under way is finished after a while."""

        async def every() -> list[Turn]:
            if finish:
                asyncio.get_running_loop().call_later(wait, self.finish, finish)
            return [turn async for turn in self.frontier.turns()]

        return self.loop.run_until_complete(asyncio.wait_for(every(), 5))

    def urls(self, count: int) -> list[str]:
        return [turn.queued.url if (turn := self.take()) else "" for _ in range(count)]

    def finish(self, url: str) -> None:
        self.archive.save([Outcome(url, "done", "other")])
        self.frontier.finished(url)

    def open(self, host: str, robots: Robots = FREE) -> None:
        """Take and answer a host's robots.txt."""
        turn = self.take()
        assert turn
        assert turn.queued.kind == "robots"
        self.frontier.set_robots(host, robots)
        self.finish(turn.queued.url)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "a.db") as opened:
        yield opened


def test_robots_goes_first_and_alone(archive: Archive) -> None:
    hand = Hand(archive, delay=0)
    hand.add("http://a.example:81/x")
    assert hand.urls(2) == ["http://a.example:81/robots.txt", ""]
    hand.frontier.set_robots("a.example:81", FREE)
    assert hand.urls(1) == ["http://a.example:81/x"]


def test_a_delay_lies_between_two_requests_to_a_host_and_not_between_hosts(archive: Archive) -> None:
    hand = Hand(archive, delay=1)
    hand.add("http://a.example/1", "http://a.example/2", "http://b.example/1")
    assert sorted(hand.urls(2)) == ["http://a.example/robots.txt", "http://b.example/robots.txt"]
    hand.frontier.set_robots("a.example", FREE)
    hand.frontier.set_robots("b.example", FREE)
    assert hand.urls(1) == [""]
    hand.clock.now += 1.1
    assert sorted(hand.urls(2)) == ["http://a.example/1", "http://b.example/1"]
    assert hand.urls(1) == [""]
    hand.clock.now += 0.9
    assert hand.urls(1) == [""]
    hand.clock.now += 0.2
    assert hand.urls(1) == ["http://a.example/2"]


def test_a_crawl_delay_and_a_request_rate_count(archive: Archive) -> None:
    for text in (b"User-agent: *\nCrawl-delay: 3\n", b"User-agent: *\nRequest-rate: 1/3\n"):
        hand = Hand(archive, delay=0)
        hand.add("http://a.example/1", "http://a.example/2")
        hand.open("a.example", Robots.from_response(200, text, "http://a.example/robots.txt"))
        assert hand.take() is None
        hand.clock.now += 3.1
        assert hand.take()
        hand.clock.now += 2.9
        assert hand.take() is None
        hand.clock.now += 0.2
        assert hand.take()


def test_only_so_many_are_under_way_at_once(archive: Archive) -> None:
    hand = Hand(archive, delay=0, per_host=2, at_once=3)
    hand.add(*(f"http://{host}.example/{n}" for host in "ab" for n in range(4)))
    hand.open("a.example")
    hand.frontier.set_robots("b.example", FREE)
    got = hand.urls(5)
    assert [bool(url) for url in got] == [True, True, True, False, False]
    assert hand.frontier.flying == 3
    hand.finish(got[0])
    assert hand.urls(1) != [""]


def test_what_is_under_way_is_not_handed_out_again_though_it_stays_queued(archive: Archive) -> None:
    hand = Hand(archive, delay=0)
    hand.add("http://a.example/1", "http://a.example/2")
    hand.open("a.example")
    assert sorted(hand.urls(3)) == ["", "http://a.example/1", "http://a.example/2"]
    assert Queue(archive.db).counts()["queued"] == 2


def test_a_queued_row_that_was_not_stored_is_not_lost(archive: Archive) -> None:
    hand = Hand(archive, delay=0)
    hand.add("http://a.example/1")
    hand.open("a.example")
    assert hand.urls(1) == ["http://a.example/1"]
    assert Hand(archive, delay=0).take(), "another frontier on the same file starts with it again"


def test_forbidden_urls_are_given_up_without_a_request_or_a_wait(archive: Archive) -> None:
    hand = Hand(archive, delay=5)
    hand.add("http://a.example/no/1", "http://a.example/no/2")
    hand.open("a.example", Robots.from_response(200, b"User-agent: *\nDisallow: /no/\n", "http://a.example/robots.txt"))
    turns = [hand.take(), hand.take()]
    assert [(turn.state, turn.reason) for turn in turns if turn] == [("skipped", "robots.txt")] * 2


def test_robots_may_be_disobeyed_on_request(archive: Archive) -> None:
    hand = Hand(archive, delay=0, obey_robots=False)
    hand.add("http://a.example/no/1")
    hand.open("a.example", Robots.from_response(200, b"User-agent: *\nDisallow: /\n", "http://a.example/robots.txt"))
    turn = hand.take()
    assert turn
    assert turn.reason == ""


def test_a_host_whose_robots_is_out_of_reach_is_not_asked(archive: Archive) -> None:
    hand = Hand(archive, delay=0)
    hand.add("http://a.example/1")
    hand.open("a.example", SILENT)
    turn = hand.take()
    assert turn
    assert (turn.state, turn.reason) == ("skipped", "robots_unreachable")


def test_robots_is_asked_for_again_after_the_wait(archive: Archive) -> None:
    hand = Hand(archive, delay=0)
    hand.add("http://a.example/1")
    turn = hand.take()
    assert turn
    hand.frontier.ask_robots_again(turn.queued, 5)
    assert hand.take() is None
    hand.clock.now += 5.1
    again = hand.take()
    assert again
    assert (again.queued.kind, again.queued.attempts) == ("robots", 1)


def test_a_dead_host_s_urls_fail_with_its_reason(archive: Archive) -> None:
    hand = Hand(archive, delay=0)
    hand.add("http://a.example/1", "http://a.example/2")
    hand.take()
    hand.frontier.give_up_host("a.example", "dns")
    turns = [hand.take(), hand.take()]
    assert [(turn.state, turn.reason) for turn in turns if turn] == [("failed", "dns")] * 2


def test_retry_after_holds_the_whole_host(archive: Archive) -> None:
    hand = Hand(archive, delay=0)
    hand.add("http://a.example/1", "http://a.example/2")
    hand.open("a.example")
    turn = hand.take()
    assert turn
    hand.frontier.refused(turn.queued, 20)
    hand.clock.now += 19
    assert hand.take() is None
    hand.clock.now += 2
    assert hand.take()


def test_it_ends_when_nothing_is_queued_and_nothing_under_way(archive: Archive) -> None:
    hand = Hand(archive, delay=0)
    hand.add("http://a.example/1")
    hand.open("a.example")
    (url,) = hand.urls(1)
    assert hand.rest(finish=url) == []


def test_stop_ends_at_once_and_drain_waits_for_what_is_under_way(archive: Archive) -> None:
    hand = Hand(archive, delay=0)
    hand.add("http://a.example/1", "http://a.example/2")
    hand.open("a.example")
    (url,) = hand.urls(1)
    hand.frontier.drain()
    assert hand.frontier.flying == 1
    assert hand.rest(finish=url) == []
    assert hand.frontier.flying == 0
    other = Hand(archive, delay=0)
    other.frontier.stop()
    assert other.rest() == []
    assert Queue(archive.db).counts()["queued"] == 1


def test_a_crawl_of_many_hosts_serves_all_of_them(archive: Archive) -> None:
    hand = Hand(archive, delay=0, per_host=1, at_once=8)
    hand.add(*(f"http://h{host}.example/{n}" for host in range(3) for n in range(5)))
    for _ in range(3):
        turn = hand.take()
        assert turn
        hand.frontier.set_robots(turn.queued.host, FREE)
        hand.finish(turn.queued.url)
    assert sorted(url.split("/")[2] for url in hand.urls(3)) == [f"h{n}.example" for n in range(3)]
