"""Turns of a frontier, with a real queue and a clock that the test moves; how long a reading of robots.txt holds."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from broadsheet.cleaners.document import UrlSource
from broadsheet.crawler.crawl import hosts
from broadsheet.crawler.crawl.frontier import Frontier, PolitenessSettings, Turn, queued_robots_txt
from broadsheet.crawler.crawl.robots_rules import RobotsRules
from broadsheet.crawler.fetch.faults import RetryPolicy
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.url_queue import LONGEST_WAIT, Queue, QueuedUrl

FREE = RobotsRules.from_response(404, b"", "http://a.example/robots.txt")
SILENT = RobotsRules.from_response(None, b"", "http://a.example/robots.txt")


def rules(line: str) -> RobotsRules:
    """A robots.txt that says so to everybody."""
    return RobotsRules.from_response(200, f"User-agent: *\n{line}\n".encode(), "http://a.example/robots.txt")


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class FrontierDriver:
    """Takes turns from a frontier by hand."""

    def __init__(self, archive: Archive, **politeness: object) -> None:
        self.archive = archive
        self.clock = Clock()
        self.loop = asyncio.new_event_loop()
        self.frontier = Frontier(Queue(archive.db), PolitenessSettings(**politeness), self.clock)  # type: ignore[arg-type]

    def add(self, *urls: str, **fields: object) -> None:
        Queue(self.archive.db).add_seeds(DiscoveredUrl(url, url.split("/")[2], **fields) for url in urls)  # type: ignore[arg-type]

    def take(self, wait: float = 0.05) -> Turn | None:
        """The next turn, or None if none comes soon; the clock stands still meanwhile."""

        async def first() -> Turn | None:
            turns = self.frontier.turns()
            try:
                return await asyncio.wait_for(anext(turns, None), wait)
            except TimeoutError:
                return None

        return self.loop.run_until_complete(first())

    def turn(self) -> Turn:
        """The next turn, which has to come."""
        turn = self.take()
        assert turn
        return turn

    def rest(self, wait: float = 0.1, finish: str = "") -> list[Turn]:
        """All turns until it ends; a URL that is under way is finished after a while."""

        async def every() -> list[Turn]:
            if finish:
                asyncio.get_running_loop().call_later(wait, self.finish, finish)
            return [turn async for turn in self.frontier.turns()]

        return self.loop.run_until_complete(asyncio.wait_for(every(), 5))

    def urls(self, count: int) -> list[str]:
        return [turn.queued_url.url if (turn := self.take()) else "" for _ in range(count)]

    def finish(self, url: str) -> None:
        self.archive.save([Outcome(url, "done", "other")])
        self.frontier.mark_stored(url)

    def open(self, host: str, robots: RobotsRules = FREE) -> None:
        """Take and answer a host's robots.txt."""
        turn = self.turn()
        assert turn.queued_url.kind == "robots"
        self.frontier.set_robots(host, robots)
        self.finish(turn.queued_url.url)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "a.db") as opened:
        yield opened


def opened(archive: Archive, pages: int = 9, robots: RobotsRules = FREE, **politeness: object) -> FrontierDriver:
    """A frontier with so many pages of a host, whose robots.txt was answered; without delay unless it is given."""
    hand = FrontierDriver(archive, **({"delay": 0} | politeness))
    hand.add(*(f"http://a.example/{number}" for number in range(pages)))
    hand.open("a.example", robots)
    return hand


def test_the_hosts_that_wait_are_told_with_the_reason_the_longest_first(archive):
    hand = opened(archive, delay=5)
    hand.add("http://b.example/")
    hand.open("b.example", rules("Crawl-delay: 30"))
    assert [(wait.host, round(wait.seconds), str(wait.reason)) for wait in hand.frontier.waits(2)] == [
        ("b.example", 30, "robots_txt"), ("a.example", 5, "pace"),
    ]  # fmt: skip
    hand.clock.now += 4
    assert [wait.host for wait in hand.frontier.waits(2)] == ["b.example"]


@pytest.mark.parametrize(
    ("robots", "waits"),
    [
        pytest.param(rules("Crawl-delay: 3"), (3.1, 2.9, 0.2), id="crawl-delay"),
        pytest.param(rules("Request-rate: 1/3"), (3.1, 2.9, 0.2), id="request-rate"),
        pytest.param(FREE, (3600, 0.9, 0.2), id="after a stop of an hour"),
    ],
)
def test_the_delay_of_a_user_or_host_lies_between_two_requests(archive, robots, waits):
    hand = opened(archive, robots=robots, delay=1)
    assert hand.take() is None
    for wait, has_turn in zip(waits, (True, False, True), strict=True):
        hand.clock.now += wait
        assert bool(hand.take()) is has_turn


@pytest.mark.parametrize("is_robots", [True, False])
def test_a_wait_that_was_asked_for_holds_the_whole_host(archive, is_robots):
    hand = FrontierDriver(archive, delay=0)
    hand.add("http://a.example/1", "http://a.example/2")
    if not is_robots:
        hand.open("a.example")
    url = hand.turn().queued_url
    hand.frontier.retry_robots(url, 20) if is_robots else hand.frontier.record_refusal(url, 20)
    hand.clock.now += 19
    assert hand.take() is None
    hand.clock.now += 2
    again = hand.turn().queued_url
    assert (again.kind, again.attempts) == (("robots", 1) if is_robots else ("page", 0))


def test_articles_that_are_found_do_not_wait_behind_the_lists_before(archive):
    """What is in memory of the queue is read anew; URLs under way stay so."""
    hand = FrontierDriver(archive, delay=0, requests_per_host=9)
    lists = [f"http://a.example/tag/{n}/" for n in range(20)]
    hand.add(*lists, priority=20)
    hand.open("a.example")
    assert hand.urls(2) == lists[:2]
    found = [DiscoveredUrl(f"http://a.example/story-{n}", "a.example", priority=60) for n in range(2)]
    worse = DiscoveredUrl("http://a.example/author/x/", "a.example", priority=10)
    archive.save([Outcome(lists[0], "done", "list", discovered_urls=(*found, worse))])
    hand.frontier.note_found((*found, worse))
    hand.finish(lists[0])
    assert hand.urls(3) == [found[0].url, found[1].url, lists[2]]
    hand.frontier.note_found((worse,))
    assert hand.urls(1) == [lists[3]]


def test_a_menu_of_sections_and_the_pages_of_no_clear_shape_take_turns(archive):
    hand = FrontierDriver(archive, delay=0, requests_per_host=9)
    hand.add(*(f"http://a.example/{name}/" for name in ("news", "category/sports", "tag/politics")), priority=40)
    hand.add("http://a.example/a", "http://a.example/b", priority=40)
    hand.add("http://a.example/a-better-one", priority=60)
    hand.open("a.example")
    assert [url.removeprefix("http://a.example/") for url in hand.urls(6)] == [
        "a-better-one", "a", "news/", "b", "category/sports/", "tag/politics/",
    ]  # fmt: skip


def test_robots_goes_first_and_alone(archive):
    hand = FrontierDriver(archive, delay=0)
    hand.add("http://a.example:81/x")
    assert hand.urls(2) == ["http://a.example:81/robots.txt", ""]
    hand.frontier.set_robots("a.example:81", FREE)
    assert hand.urls(1) == ["http://a.example:81/x"]


def test_a_delay_lies_between_two_requests_to_a_host_and_not_between_hosts(archive):
    hand = FrontierDriver(archive, delay=1)
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


def open_with_delay(hand: FrontierDriver, host: str, delay: float) -> None:
    """Have a host's robots.txt answered, with a Crawl-delay in seconds from now on."""
    hand.add(f"http://{host}/1")
    hand.open(host, rules(f"Crawl-delay: {delay}"))


def test_only_so_many_are_under_way_at_once(archive):
    hand = FrontierDriver(archive, delay=0, requests_per_host=2, max_requests=3)
    hand.add(*(f"http://{host}.example/{n}" for host in "ab" for n in range(4)))
    hand.open("a.example")
    hand.frontier.set_robots("b.example", FREE)
    got = hand.urls(5)
    assert [bool(url) for url in got] == [True, True, True, False, False]
    assert hand.frontier.in_flight == 3
    assert Queue(archive.db).counts()["queued"] == 8, "what is under way stays queued"
    hand.finish(got[0])
    assert hand.urls(1) != [""]


def test_what_is_answered_holds_no_place_until_much_waits_to_be_stored(archive):
    hand = opened(archive, requests_per_host=2, max_requests=2, max_unstored=7)
    answered = []
    while turn := hand.take():
        hand.frontier.record_answer(turn.queued_url, 0.0)
        answered.append(turn.queued_url.url)
    assert len(answered) == 7
    hand.finish(answered[0])
    assert hand.take()


@pytest.mark.parametrize(
    ("robots", "obey_robots", "given_up"),
    [
        (rules("Disallow: /"), True, ("skipped", "robots.txt")),
        (SILENT, True, ("skipped", "robots_unreachable")),
        (rules("Disallow: /"), False, None),
        (SILENT, False, None),
    ],
)
def test_forbidden_urls_are_given_up_without_a_request_or_a_wait(archive, robots, obey_robots, given_up):
    """Unless a person has it otherwise."""
    hand = opened(archive, robots=robots, delay=5 if obey_robots else 0, obey_robots=obey_robots)
    turn = hand.turn()
    assert ((turn.state, turn.reason) if turn.reason else None) == given_up


def test_a_dead_host_s_urls_fail_with_its_reason(archive):
    hand = FrontierDriver(archive, delay=0)
    hand.add("http://a.example/1", "http://a.example/2")
    hand.take()
    hand.frontier.give_up_host("a.example", "dns")
    for _ in range(2):
        turn = hand.turn()
        assert (turn.state, turn.reason, turn.given_up_host) == ("failed", "dns", "a.example")
        hand.finish(turn.queued_url.url)


def test_a_whole_host_is_given_up_in_few_turns(archive):
    hand = FrontierDriver(archive, delay=0)
    hand.add(*(f"http://{host}.example/{n}" for host in "ab" for n in range(300)))
    hand.take()
    hand.take()
    hand.frontier.give_up_host("a.example", "host_unreachable:timeout")
    hand.frontier.set_robots("b.example", SILENT)
    for _ in range(2):
        turn = hand.turn()
        hand.archive.save([Outcome(turn.queued_url.url, turn.state, turn.reason, given_up_host=turn.given_up_host)])
        hand.frontier.mark_stored(turn.queued_url.url)
    states = archive.db.execute("SELECT state, reason, count(*) FROM urls GROUP BY 1, 2 ORDER BY 1").fetchall()
    assert states == [("failed", "host_unreachable:timeout", 300), ("skipped", "robots_unreachable", 300)]


def test_a_dead_host_s_retries_do_not_hold_the_end(archive):
    hand = FrontierDriver(archive, delay=0)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
    hand.add("http://a.example/1")
    hand.take()
    archive.save([Outcome("http://a.example/1", "queued", "timeout", not_before=soon, is_retry=True)])
    hand.frontier.give_up_host("a.example", "dns")
    hand.frontier.mark_stored("http://a.example/robots.txt")
    assert hand.urls(1) == ["http://a.example/1"]


def fail(hand: FrontierDriver, reason: str = "timeout", wait: float = 121) -> Turn:
    """Take the next turn, however late it comes, and let it fail."""
    hand.clock.now += wait
    turn = hand.turn()
    if not turn.reason:
        hand.frontier.record_failure(turn.queued_url, reason)
        hand.finish(turn.queued_url.url)
    return turn


@pytest.mark.parametrize(
    ("reason", "wait", "bound", "given_up"),
    [
        ("timeout", 121, 10, "host_unreachable:timeout"),
        ("http_500", 16, 20, "host_failing:http_500"),
        ("http_500", 121, 10, "host_failing:http_500"),  # for more than five minutes
        ("challenged", 16, 20, "host_failing:challenged"),
    ],
)
def test_a_host_that_keeps_failing_is_given_up(archive, reason, wait, bound, given_up):
    hand = opened(archive, 40)
    turns = [fail(hand, reason, wait) for _ in range(bound + 1)]
    assert [turn.reason for turn in turns] == [""] * bound + [given_up]


def test_a_good_answer_begins_the_count_anew(archive):
    hand = opened(archive, 40)
    for _ in range(3):
        turns = [fail(hand) for _ in range(9)]
        hand.frontier.record_answer(turns[-1].queued_url, 0.1)
        assert not any(turn.reason for turn in turns)


def test_what_failed_together_counts_once(archive):
    """A process that was stopped for an hour finds all its requests timed out."""
    hand = opened(archive, 40, requests_per_host=16)
    turns = [turn for _ in range(16) if (turn := hand.take())]
    hand.clock.now += 3600
    for turn in turns:
        hand.clock.now += 0.001
        hand.frontier.record_failure(turn.queued_url, "timeout")
        hand.finish(turn.queued_url.url)
    assert hand.turn().reason == ""


def test_one_bad_url_does_not_hold_its_host(archive):
    hand = opened(archive, delay=1)
    for number in range(3):
        hand.clock.now += 1.1
        turn = hand.take()
        assert turn, "two failures in a row may be the URLs' own"
        hand.frontier.record_failure(turn.queued_url, "http_500")
        if number < 2:
            hand.finish(turn.queued_url.url)
    hand.clock.now += 1.1
    assert hand.take() is None, "a third one slows the host"
    hand.clock.now += 1
    assert hand.take()


def test_stop_ends_at_once_and_drain_waits_for_what_is_under_way(archive):
    """What is queued after the end is handed out when it begins again."""
    hand = opened(archive, 2)
    (url,) = hand.urls(1)
    hand.frontier.drain()
    hand.add("http://a.example/picture", priority=9)
    assert hand.frontier.in_flight == 1
    assert hand.rest(finish=url) == []
    assert hand.frontier.in_flight == 0
    hand.frontier.begin_again()
    assert hand.urls(3) == ["http://a.example/picture", "http://a.example/1", ""]
    hand.finish("http://a.example/1")
    assert hand.rest(finish="http://a.example/picture") == [], "nothing is queued, and nothing under way"
    other = FrontierDriver(archive, delay=0)
    other.add("http://a.example/2")
    other.frontier.stop()
    assert other.rest() == []
    assert Queue(archive.db).counts()["queued"] == 1


@pytest.mark.parametrize("max_requests", [2, 4, 16])
def test_a_slow_host_leaves_places_to_others(archive, max_requests):
    hand = FrontierDriver(archive, delay=0, requests_per_host=16, max_requests=max_requests)
    hand.add(*(f"http://slow.example/{n}" for n in range(30)))
    hand.open("slow.example")
    hand.add("http://zz.example/1", "http://zz.example/2")
    hand.clock.now += 2
    hand.open("zz.example", rules("Crawl-delay: 60"))
    slow = [turn.queued_url.url for _ in range(max_requests) if (turn := hand.take())]
    assert len(slow) == max_requests - 1, "a place is kept for the other host, though it is not due"
    hand.clock.now += 61
    assert hand.urls(2) == ["http://zz.example/1", ""]


@pytest.mark.parametrize(("max_requests", "count"), [(3, 2), (4, 2), (6, 3), (20, 13)])
def test_half_of_the_places_are_kept_for_many_hosts_that_have_none(archive, max_requests, count):
    hand = FrontierDriver(archive, delay=0, requests_per_host=16, max_requests=max_requests)
    for number in range(7):
        open_with_delay(hand, f"waiting{number}.example", 60)
    hand.add(*(f"http://slow.example/{n}" for n in range(30)))
    hand.clock.now += 2
    hand.open("slow.example")
    assert len([turn for _ in range(max_requests) if (turn := hand.take(0.01))]) == count


def test_hosts_that_do_not_give_their_robots_do_not_hold_others(archive):
    hand = FrontierDriver(archive, delay=0, max_requests=4)
    hand.add("http://a.example/1", "http://a.example/2")
    hand.open("a.example")
    hand.add(*(f"http://silent{n}.example/" for n in range(9)))
    hand.clock.now += 2
    kinds = [turn.queued_url.kind for _ in range(4) if (turn := hand.take())]
    assert sorted(kinds) == ["page", "robots", "robots"], "one place is kept for hosts that have none"


def test_where_no_host_is_open_a_silent_one_does_not_keep_others_from_being_opened(archive):
    hand = FrontierDriver(archive, delay=0, max_requests=2)
    hand.add("http://a.example/", "http://b.example/", "http://c.example/")
    assert hand.urls(3) == ["http://a.example/robots.txt", "http://b.example/robots.txt", ""]


def test_turns_go_round_by_the_time_they_are_due_not_by_name(archive):
    hand = FrontierDriver(archive, delay=0, requests_per_host=1)
    hand.add(*(f"http://{host}.example/{n}" for host in "abc" for n in range(3)))
    for _ in range(3):
        turn = hand.turn()
        hand.frontier.set_robots(turn.queued_url.host, FREE)
        hand.clock.now += 0.01
        hand.finish(turn.queued_url.url)
    order = []
    for _ in range(9):
        (url,) = hand.urls(1)
        order.append(url.split("/")[2][0])
        hand.finish(url)
        hand.clock.now += 0.01
    assert "".join(order) == "abc" * 3


@pytest.mark.parametrize("end", ["stop", "drain", "cancel"])
def test_a_long_crawl_delay_does_not_hold_the_end(archive, end):
    """The clock stands still, so nothing but the call itself can end the waiting. Scrapy cancels a spider so; one that
    went on, where something changes at once, would ask for pages whose answers nobody stores."""
    hand = opened(archive, robots=rules("Crawl-delay: 60"))

    async def turns() -> list[Turn]:
        return [turn async for turn in hand.frontier.turns()]

    async def ended(steps: int) -> bool:
        waiting = asyncio.ensure_future(turns())
        await asyncio.sleep(0.01)
        if end == "cancel":
            hand.frontier.set_robots("a.example", SILENT)
            for _ in range(steps):
                await asyncio.sleep(0)
            waiting.cancel()
        else:
            getattr(hand.frontier, end)()
        await asyncio.wait([waiting], timeout=30)
        return waiting.cancelled() if end == "cancel" else waiting.result() == []

    for steps in range(4 if end == "cancel" else 1):
        hand.frontier.set_robots("a.example", rules("Crawl-delay: 60"))
        assert hand.loop.run_until_complete(ended(steps))


def test_no_retry_waits_longer_than_the_queue_believes():
    longest = RetryPolicy(max_retries=99).wait_before(99, retry_after=10.0**9)
    assert timedelta(seconds=longest) <= LONGEST_WAIT


def test_many_hosts_are_served_in_turn_with_few_in_memory(archive, monkeypatch):
    for name, value in {"MAX_ACTIVE_HOSTS": 4, "MAX_IDLE_HOSTS": 4, "SCAN_HOSTS": 3, "_SHARE_TURNS": 2}.items():
        monkeypatch.setattr(hosts, name, value)
    hand = FrontierDriver(archive, delay=0)
    hand.add(*(f"http://h{host:02}.example/{n}" for host in range(30) for n in range(3)))
    served = []
    for _ in range(1000):
        turn = hand.take(0.01)
        hand.clock.now += 1
        if turn is None:
            if Queue(archive.db).is_empty():
                break
            continue
        served.append(turn.queued_url.url)
        if turn.queued_url.kind == "robots":
            hand.frontier.set_robots(turn.queued_url.host, FREE)
            hand.frontier.mark_stored(turn.queued_url.url)
        else:
            hand.finish(turn.queued_url.url)
        assert hand.frontier._hosts.in_memory <= 4 + 4 + 3 + 1
    pages = [url for url in served if "robots" not in url]
    assert len(set(pages)) == len(pages) == 90
    first, last = pages.index("http://h29.example/0"), pages.index("http://h00.example/2")
    assert first < last, "a host with more to do made room for those that had none"


def test_an_answer_makes_room_for_the_next_request_before_it_is_stored(archive):
    hand = opened(archive, 4, requests_per_host=1, max_requests=2)
    first = hand.turn()
    assert hand.take() is None, "one request at once"
    hand.frontier.record_answer(first.queued_url, 0.1)
    assert hand.urls(2) == ["http://a.example/1", ""], "no more are under way, answered or not, than all hosts may have"


@pytest.mark.slow
@pytest.mark.parametrize(("retry_after", "bound", "minutes"), [(None, 10, 9), (30.0, 20, 20)])
def test_503_is_borne_for_minutes_or_as_long_as_the_host_says_when_to_come_back(archive, retry_after, bound, minutes):
    """Each time the frontier is asked as soon as it has a turn; the waits are its own."""
    hand = opened(archive, 40, delay=1)
    start, asked = hand.clock.now, 0
    while asked < 40:
        hand.clock.now += 3
        turn = hand.take(0.001)
        if turn is None:
            continue
        if turn.reason:
            break
        asked += 1
        hand.frontier.record_refusal(turn.queued_url, retry_after)
        hand.finish(turn.queued_url.url)
    assert turn is not None
    assert (asked, turn.reason) == (bound, "host_failing:http_503")
    assert hand.clock.now - start <= minutes * 60


class CountedFrontier(RuleBasedStateMachine):
    """Any order of turns, answers, failures and stored outcomes, with an account of its own beside the frontier's."""

    HOSTS = ("a.example", "b.example", "c.example")

    @initialize(requests_per_host=st.integers(1, 3), max_requests=st.integers(1, 5), max_unstored=st.integers(1, 4))
    def begin(self, **bounds: int) -> None:
        self.folder = TemporaryDirectory()
        self.archive = Archive.open(Path(self.folder.name) / "a.db")
        self.bounds = PolitenessSettings(delay=0, max_silent_failures=3, max_failures=4, **bounds)
        self.clock, self.number = Clock(), 0
        self.frontier = Frontier(Queue(self.archive.db), self.bounds, self.clock)
        self.pending: dict[str, QueuedUrl] = {}
        self.answered: dict[str, QueuedUrl] = {}
        for host in self.HOSTS[:2]:
            self.queue_urls(host, 6)
            self.frontier.set_robots(host, FREE)

    @rule(host=st.sampled_from(HOSTS), count=st.integers(1, 3))
    def queue_urls(self, host: str, count: int) -> None:
        Queue(self.archive.db).add_seeds(DiscoveredUrl(f"http://{host}/{self.number + n}", host) for n in range(count))
        self.number += count

    @rule(seconds=st.sampled_from([0.1, 2.0, 90.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(count=st.integers(2, 8))
    def take_turns(self, count: int) -> None:
        for _ in range(count):
            if turn := self.frontier._next_turn():
                url = turn.queued_url.url
                assert url not in self.pending, "handed out twice"
                assert url not in self.answered, "handed out twice"
                self.pending[url] = turn.queued_url
                if turn.reason:
                    self.store(url, turn.given_up_host)

    def store(self, url: str, given_up_host: str = "") -> None:
        self.archive.save([Outcome(url, "failed", "dns", given_up_host=given_up_host)])
        self.pending.pop(url, None)
        self.answered.pop(url, None)
        self.frontier.mark_stored(url)

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), latency=st.sampled_from([0.01, 3.0]))
    def answer(self, data: st.DataObject, latency: float) -> None:
        url = data.draw(st.sampled_from(sorted(self.pending)))
        queued_url = self.answered[url] = self.pending.pop(url)
        if queued_url.kind == "robots":
            self.frontier.set_robots(queued_url.host, FREE)
        self.frontier.record_answer(queued_url, latency)
        self.frontier.record_answer(queued_url, latency)  # of a redirect too, one answer is counted once

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), is_refusal=st.booleans())
    def fail(self, data: st.DataObject, is_refusal: bool) -> None:
        queued_url = self.pending[data.draw(st.sampled_from(sorted(self.pending)))]
        if queued_url.kind == "robots":
            self.pending.pop(queued_url.url)
            self.frontier.retry_robots(queued_url, 1.0)
        elif is_refusal:
            self.frontier.record_refusal(queued_url, 2.0)
        else:
            self.frontier.record_failure(queued_url, "timeout")

    @precondition(lambda self: self.pending or self.answered)
    @rule(data=st.data())
    def store_an_outcome(self, data: st.DataObject) -> None:
        self.store(data.draw(st.sampled_from(sorted([*self.pending, *self.answered]))))

    @invariant()
    def counters_are_what_a_recount_gives(self) -> None:
        if not hasattr(self, "frontier"):
            return
        pending_by_host = Counter(queued_url.host for queued_url in self.pending.values())
        assert self.frontier.in_flight == len(self.pending) + len(self.answered)
        assert self.frontier._unstored_count == len(self.answered)
        assert self.frontier._pending_requests == len(self.pending)
        assert self.frontier._busy_host_count == len(pending_by_host)
        robots_urls = {
            url for url, queued_url in [*self.pending.items(), *self.answered.items()] if queued_url.kind == "robots"
        }
        assert self.frontier._pending_robots_urls == robots_urls
        for host in self.HOSTS:
            state = self.frontier._hosts.get_or_create(host)
            assert state.pending_requests == pending_by_host[host]
            assert state.pending_requests <= self.bounds.requests_per_host
        assert len(self.pending) <= self.bounds.max_requests

    def teardown(self) -> None:
        if hasattr(self, "archive"):
            self.archive.close()
            self.folder.cleanup()


def test_the_counters_of_a_frontier_are_what_a_recount_gives():
    run_state_machine_as_test(
        CountedFrontier,
        settings=settings(
            max_examples=4, stateful_step_count=25, deadline=None, derandomize=True, phases=[Phase.generate]
        ),
    )


@pytest.mark.nightly
def test_the_counters_of_a_frontier_are_what_a_recount_gives_at_length():
    run_state_machine_as_test(
        CountedFrontier, settings=settings(max_examples=150, stateful_step_count=60, deadline=None)
    )


LOADED = QueuedUrl(9, "http://a.example/style.css", "a.example", UrlKind.PAGE, 1, 0, 0, UrlSource.LINK, "", "")


def waited(hand: FrontierDriver, queued_url: QueuedUrl = LOADED, seconds: float = 0.0) -> str | None:
    """Wait for a turn of what a page loads while the clock goes on by so many seconds."""

    async def wait() -> str | None:
        waiting = asyncio.ensure_future(hand.frontier.wait_for_turn(queued_url))
        await asyncio.sleep(0.01)
        assert waiting.done() is (seconds == 0)
        hand.clock.now += seconds
        return await asyncio.wait_for(waiting, 5)

    return hand.loop.run_until_complete(wait())


def test_what_a_page_loads_waits_for_its_host_and_counts_as_a_request(archive):
    hand = FrontierDriver(archive, delay=0.3)
    assert waited(hand) == "robots_unreachable"
    hand.add("http://a.example/x", "http://a.example/y")
    hand.open("a.example", rules("Disallow: /private"))
    hand.clock.now += 1
    assert waited(hand) is None
    assert hand.take() is None, "the request that was not in the queue counts"
    assert waited(hand, seconds=0.3) is None
    assert waited(hand, replace(LOADED, url="http://a.example/private/a")) == "robots.txt"
    hand.clock.now += 0.3
    assert hand.turn().queued_url.url == "http://a.example/x"
    hand.frontier.give_up_host("a.example", OutcomeReason.DNS)
    assert waited(hand) == "dns"
    hand.frontier.stop()
    assert waited(hand) == "limit"


@pytest.mark.parametrize(
    ("url", "robots"),
    [
        ("https://a.test:8443/news/1?page=2#top", "https://a.test:8443/robots.txt"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]/robots.txt"),
    ],
)
def test_robots_txt_of_a_url_is_queued_with_the_requests_made_for_it(url, robots):
    page = QueuedUrl(7, url, "a.test", UrlKind.PAGE, 4, 3, 2, UrlSource.FEED, "http://a.test/feed", "2026", "2026")
    queued = QueuedUrl(0, robots, "a.test", UrlKind.ROBOTS, 0, 0, 5, UrlSource.ROBOTS, "", "")
    assert queued_robots_txt(page, 5) == queued


@pytest.mark.parametrize("end", ["known", "deadline", "stop", "given up", "nobody asked"])
def test_what_a_page_loads_waits_for_a_robots_txt_that_was_asked_for(archive, end):
    hand = FrontierDriver(archive, delay=0)
    hand.add("http://a.example/x")
    if end != "nobody asked":
        assert hand.urls(1) == ["http://a.example/robots.txt"]

    async def wait() -> None:
        waiting = asyncio.ensure_future(hand.frontier.wait_for_robots("a.example", 30))
        await asyncio.sleep(0.01)
        assert waiting.done() is (end == "nobody asked")
        hand.clock.now += 29.9
        await asyncio.sleep(0.15)
        assert waiting.done() is (end == "nobody asked")
        match end:
            case "known":
                hand.frontier.set_robots("a.example", FREE)
            case "deadline":
                hand.clock.now += 0.1
            case "stop":
                hand.frontier.stop()
            case "given up":
                hand.frontier.give_up_host("a.example", OutcomeReason.DNS)
        await asyncio.wait_for(waiting, 5)

    hand.loop.run_until_complete(wait())


HOUR, DAY = 3_600.0, 86_400.0
HOST, ROBOTS = "a.example", "http://a.example/robots.txt"
FIRST = RobotsRules.from_response(200, b"User-agent: *\nDisallow: /no\n", ROBOTS)
SECOND = RobotsRules.from_response(200, b"User-agent: *\nDisallow: /n\nCrawl-delay: 7\n", ROBOTS)
DOWN = RobotsRules.from_response(503, b"", ROBOTS)


@pytest.fixture
def aged(archive: Archive) -> FrontierDriver:
    """A host with many pages, whose robots.txt was just read."""
    return opened(archive, 20, FIRST, delay=1, requests_per_host=1)


def ask(aged: FrontierDriver, later: float) -> str:
    """The URL that is asked for after so many seconds, its outcome stored."""
    aged.clock.now += later
    turn = aged.take()
    assert turn
    if turn.queued_url.kind == "page":
        aged.finish(turn.queued_url.url)
    return turn.queued_url.url


def answer(aged: FrontierDriver, robots: RobotsRules) -> None:
    aged.frontier.set_robots(HOST, robots)
    aged.finish(ROBOTS)


def test_it_is_read_again_after_a_day_and_not_before(aged):
    assert ask(aged, DAY - 10) != ROBOTS
    assert ask(aged, 11) == ROBOTS
    assert aged.take() is None  # nothing else meanwhile
    assert aged.frontier.robots_for(HOST) is FIRST
    answer(aged, SECOND)
    assert aged.frontier.robots_for(HOST) is SECOND
    assert aged.take() is None
    assert ask(aged, 7) != ROBOTS
    assert ask(aged, DAY) == ROBOTS


def test_it_holds_for_another_day_while_it_cannot_be_read(aged):
    assert ask(aged, DAY) == ROBOTS
    answer(aged, DOWN)
    assert aged.frontier.robots_for(HOST) is FIRST
    assert ask(aged, 10) != ROBOTS
    assert ask(aged, HOUR) == ROBOTS
    answer(aged, DOWN)
    assert ask(aged, 10) != ROBOTS
    assert ask(aged, DAY - HOUR) == ROBOTS
    answer(aged, DOWN)
    assert aged.frontier.robots_for(HOST) is DOWN
    turn = aged.take()
    assert turn
    assert (turn.state, turn.reason) == ("skipped", "robots_unreachable")


def test_a_later_reading_ends_the_wait(aged):
    ask(aged, DAY)
    answer(aged, DOWN)
    assert ask(aged, HOUR) == ROBOTS
    answer(aged, SECOND)
    assert aged.frontier.robots_for(HOST) is SECOND
    assert ask(aged, HOUR * 2) != ROBOTS


def test_a_wait_that_the_host_asked_for_holds_for_its_robots_txt_too(aged):
    (page,) = Queue(aged.archive.db).take(HOST, 1)
    aged.clock.now += DAY
    aged.frontier.record_refusal(page, 900)
    assert aged.take() is None
    assert ask(aged, 900) == ROBOTS
