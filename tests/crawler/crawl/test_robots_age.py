"""How long a reading of robots.txt holds, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.crawler.crawl.robots_rules import RobotsRules
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.url_queue import Queue
from tests.crawler.crawl.test_frontier import FrontierDriver

HOUR, DAY = 3_600.0, 86_400.0

HOST, ROBOTS = "a.example", "http://a.example/robots.txt"
FIRST = RobotsRules.from_response(200, b"User-agent: *\nDisallow: /no\n", ROBOTS)
SECOND = RobotsRules.from_response(200, b"User-agent: *\nDisallow: /n\nCrawl-delay: 7\n", ROBOTS)
DOWN = RobotsRules.from_response(503, b"", ROBOTS)


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[FrontierDriver]:
    """A host with many pages, whose robots.txt was just read."""
    with Archive.open(tmp_path / "a.db") as archive:
        hand = FrontierDriver(archive, requests_per_host=1)
        hand.add(*(f"http://{HOST}/{n}" for n in range(20)))
        hand.open(HOST, FIRST)
        yield hand


def ask(hand: FrontierDriver, later: float) -> str:
    """The URL that is asked for after so many seconds, its outcome stored."""
    hand.clock.now += later
    turn = hand.take()
    assert turn
    if turn.queued_url.kind == "page":
        hand.finish(turn.queued_url.url)
    return turn.queued_url.url


def answer(hand: FrontierDriver, robots: RobotsRules) -> None:
    hand.frontier.set_robots(HOST, robots)
    hand.finish(ROBOTS)


def test_it_is_read_again_after_a_day_and_not_before(hand: FrontierDriver) -> None:
    assert ask(hand, DAY - 10) != ROBOTS
    assert ask(hand, 11) == ROBOTS
    assert hand.take() is None  # nothing else meanwhile
    assert hand.frontier.robots_for(HOST) is FIRST
    answer(hand, SECOND)
    assert hand.frontier.robots_for(HOST) is SECOND
    assert hand.take() is None
    assert ask(hand, 7) != ROBOTS
    assert ask(hand, DAY) == ROBOTS


def test_it_holds_for_another_day_while_it_cannot_be_read(hand: FrontierDriver) -> None:
    assert ask(hand, DAY) == ROBOTS
    answer(hand, DOWN)
    assert hand.frontier.robots_for(HOST) is FIRST
    assert ask(hand, 10) != ROBOTS
    assert ask(hand, HOUR) == ROBOTS
    answer(hand, DOWN)
    assert ask(hand, 10) != ROBOTS
    assert ask(hand, DAY - HOUR) == ROBOTS
    answer(hand, DOWN)
    assert hand.frontier.robots_for(HOST) is DOWN
    turn = hand.take()
    assert turn
    assert (turn.state, turn.reason) == ("skipped", "robots_unreachable")


def test_a_later_reading_ends_the_wait(hand: FrontierDriver) -> None:
    ask(hand, DAY)
    answer(hand, DOWN)
    assert ask(hand, HOUR) == ROBOTS
    answer(hand, SECOND)
    assert hand.frontier.robots_for(HOST) is SECOND
    assert ask(hand, HOUR * 2) != ROBOTS


def test_a_wait_that_the_host_asked_for_holds_for_its_robots_txt_too(hand: FrontierDriver) -> None:
    (page,) = Queue(hand.archive.db).take(HOST, 1)
    hand.clock.now += DAY
    hand.frontier.record_refusal(page, 900)
    assert hand.take() is None
    assert ask(hand, 900) == ROBOTS
