"""What may be fetched next, and when: the queue in the archive, host by host, at each host's pace.

A URL is handed out only when its host may be asked: its robots.txt is known, it is not too soon, and not too many
requests are under way; what is answered, and being cleaned or stored, is none any more. What is under way is memory
only; the queue's row changes when its outcome is stored.
Hosts take turns in the order in which they come due. One that answers slowly, or has not yet given its robots.txt,
cannot take all places: half of them are kept for hosts that have none under way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from crawler.frontier.hosts import Host, Hosts, Line, Manners
from crawler.frontier.pace import Pace
from crawler.frontier.robots_txt import Robots
from output.queue.rows import Queue, QueuedUrl

__all__ = ["Frontier", "Manners", "Turn"]

_LOOK = 1.0  # seconds after which the queue is looked at again, whatever happened
_ONE_OFF = 2  # failures in a row that may be the URLs' own and do not slow the host
_SLOW_ENOUGH = 10.0  # seconds between two requests; a host that fails without asking for less is not slowed further


@dataclass(frozen=True, slots=True)
class Turn:
    """A URL whose turn it is: to be fetched, or, with a state and `reason`, to be given up without a request.

    With `whole_host`, so is everything else that is queued of that host. Who cannot do it at once gets a turn for
    each.
    """

    queued: QueuedUrl
    reason: str = ""
    state: str = "skipped"
    whole_host: str = ""


class Frontier:
    """Hands out turns until nothing is queued and nothing is under way, or `stop` is called."""

    def __init__(self, queue: Queue, manners: Manners, clock: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._manners = manners
        self._clock = clock
        self._hosts = Hosts(queue, lambda: Pace.start(manners.delay))
        self._line = Line()  # hosts that may be asked for a page at a time
        self._unopened = Line()  # hosts whose robots.txt is to be asked for
        self._crowded: list[Host] = []  # hosts that were due and left the last places to others
        self._touched: dict[str, Host] = {}  # hosts about which something is new
        self._flying: dict[str, Host] = {}  # by URL
        self._busy = 0  # hosts that have not answered yet
        self._landed = 0  # of what is under way: answered, and being cleaned or stored
        self._asking_robots: set[str] = set()
        self._looked_at = -_LOOK
        self._looked_since = False  # whether nothing was stored since the last look
        self._changed = asyncio.Event()
        self._stopped = False
        self._draining = False

    async def turns(self) -> AsyncIterator[Turn]:
        """Yield turns as they come due."""
        while not self._stopped:
            self._changed.clear()
            if turn := self._next():
                yield turn
            elif self._finished():
                return
            else:
                await self._wait()

    def stop(self) -> None:
        """Hand out nothing more; what is under way may finish."""
        self._stopped = True
        self._changed.set()

    def drain(self) -> None:
        """Hand out nothing more, and end when what is under way has finished."""
        self._draining = True
        self._changed.set()

    def finished(self, url: str) -> None:
        """Take note that the outcome of a URL is stored; only then may its row have left the queue."""
        if host := self._flying.pop(url, None):
            del host.flying[url]
            if url in host.landed:
                host.landed.remove(url)
                self._landed -= 1
            else:
                self._busy -= not host.asking
            self._asking_robots.discard(url)
            host.giving_up = "" if host.giving_up == url else host.giving_up
            self._touch(host)
        self._looked_since = False
        self._changed.set()

    def answered(self, queued: QueuedUrl, latency: float) -> None:
        """Take note of a good answer and its latency in seconds."""
        host = self._hosts.named(queued.host)
        host.pace = host.pace.answered(latency)
        host.failures, host.answers = 0, False
        if queued.url in host.flying and queued.url not in host.landed:
            host.landed.add(queued.url)
            self._landed += 1
            self._busy -= not host.asking
            self._touch(host)

    def refused(self, queued: QueuedUrl, retry_after: float | None = None, reason: str = "http_503") -> None:
        """Take note that the host asked for less: it is asked less often from now on."""
        host = self._hosts.named(queued.host)
        host.pace = host.pace.refused(self._clock(), retry_after)
        self._count_failure(host, queued, reason, told=retry_after is not None)
        self._touch(host)

    def failed(self, queued: QueuedUrl, reason: str) -> None:
        """Take note of a failure that may be the URL's own or its host's: 5xx, a time-out, a broken connection.

        Several in a row slow the host down, and many give it up. What was under way together fails together, and
        counts once.
        """
        host = self._hosts.named(queued.host)
        counted = self._count_failure(host, queued, reason)
        if counted and host.failures > _ONE_OFF and host.pace.delay < _SLOW_ENOUGH:
            host.pace = host.pace.refused(self._clock())
            self._touch(host)

    def set_robots(self, host_name: str, robots: Robots) -> None:
        """Take note of a host's robots.txt; from now on its URLs may be asked for."""
        host = self._hosts.named(host_name)
        host.opened(robots, self._manners, self._clock())
        self._touch(host)

    def robots_of(self, host_name: str) -> Robots | None:
        """The robots.txt in force for a host; None if none was read."""
        host = self._hosts.named(host_name)
        return host.robots or host.earlier

    def ask_robots_again(self, queued: QueuedUrl, wait: float) -> None:
        """Ask for a host's robots.txt once more, `wait` seconds from now at the earliest."""
        host = self._hosts.named(queued.host)
        host.robots_tries, host.robots_at, host.asked_robots = queued.attempts + 1, self._clock() + wait, False
        self.finished(queued.url)

    def give_up_host(self, host_name: str, reason: str) -> None:
        """Give up a host that cannot be reached at all; its queued URLs fail with the reason."""
        host = self._hosts.named(host_name)
        self._hosts.bury(host, reason)
        self._touch(host)

    @property
    def flying(self) -> int:
        """How many turns are under way."""
        return len(self._flying)

    @property
    def _asking(self) -> int:
        """How many requests have no answer yet."""
        return len(self._flying) - self._landed

    def _touch(self, host: Host) -> None:
        self._touched[host.name] = host
        self._changed.set()

    def _count_failure(self, host: Host, queued: QueuedUrl, reason: str, told: bool = False) -> bool:
        counted = host.count_failure(queued.url, reason, self._clock(), told)
        if counted and (why := host.given_up_for(reason, self._manners)):
            self.give_up_host(host.name, why)
        return counted

    def _next(self) -> Turn | None:
        if self._draining or self._landed >= self._manners.landed or self._asking >= self._manners.at_once:
            return None
        self._line_up()
        if self._clock() - self._looked_at >= _LOOK:
            self._look()
        turn = self._first_turn()
        if turn is None and not self._looked_since:
            self._look()
            turn = self._first_turn()
        return turn

    def _line_up(self) -> None:
        """Give the hosts about which something is new their place in line."""
        hosts = [*self._crowded, *self._touched.values()]
        self._crowded, self._touched = [], {}
        for host in hosts:
            self._enlist(host)

    def _look(self) -> None:
        """See in the queue which other hosts have something to do."""
        self._looked_at, self._looked_since = self._clock(), True
        for host in self._hosts.come_in(self._looked_at):
            self._enlist(host)

    def _enlist(self, host: Host) -> None:
        """Put a host in line for its next URL, or let it rest if there is none."""
        if not self._hosts.is_active(host):
            return
        self._line.drop(host)
        host.grow_old(self._clock())
        if host.robots is None and not host.dead:
            if not host.asked_robots:
                self._unopened.put(host, max(host.robots_at, host.pace.next_at))
            return
        self._unopened.drop(host)
        now = self._clock()
        if not self._has_next(host, now):
            if not host.flying:
                self._hosts.rest(host, now)
        elif host.refusal(host.ahead[0], self._manners):
            self._line.put(host, float("-inf"))
        elif host.asking < self._manners.per_host:
            self._line.put(host, host.pace.next_at)

    def _has_next(self, host: Host, now: float) -> bool:
        """Whether a host has a URL to be handed out, read from the queue when none is left of those read before."""
        if self._hosts.has_had_its_share(host, now):
            host.ahead.clear()
        elif host.is_shut(self._manners):
            host.ahead.clear()
            if not host.giving_up and (left := self._queue.any_of(host.name, host.flying)):
                host.ahead.append(left)
        elif not host.ahead:
            host.ahead.extend(self._queue.take(host.name, self._hosts.batch(), host.flying))
        return bool(host.ahead)

    def _first_turn(self) -> Turn | None:
        """The turn of the host that has been due for longest; robots.txt goes before pages."""
        now = self._clock()
        while self._may_ask_robots() and (host := self._unopened.pop(now)):
            if turn := self._robots_turn(host):
                return turn
        while host := self._line.pop(now):
            if self._is_crowding(host):
                self._crowded.append(host)
            else:
                return self._turn_of(host)
        return None

    def _may_ask_robots(self) -> bool:
        """Whether another robots.txt may be asked for: where other hosts are open, half of the places are theirs."""
        asking = len(self._asking_robots)
        is_open = len(self._hosts) > len(self._unopened) + asking
        return asking < (max(1, self._manners.at_once // 2) if is_open else self._manners.at_once)

    def _is_crowding(self, host: Host) -> bool:
        """Whether a host that has requests under way would take the last places from hosts that have none."""
        if not host.asking:
            return False
        kept = min(len(self._hosts) - self._busy, self._manners.at_once // 2)
        return self._asking + 1 + kept > self._manners.at_once

    def _turn_of(self, host: Host) -> Turn:
        queued = host.ahead.popleft()
        state, reason = host.refusal(queued, self._manners) or ("queued", "")
        if not reason:
            host.pace = host.pace.sent(self._clock())
        self._launch(host, queued)
        if not host.is_shut(self._manners):
            return Turn(queued, reason, state)
        host.giving_up = queued.url
        return Turn(queued, reason, state, host.name)

    def _robots_turn(self, host: Host) -> Turn | None:
        waiting = self._queue.take(host.name, 1)
        if not waiting:
            self._hosts.rest(host, self._clock())
            return None
        host.asked_robots = True
        robots = robots_of(waiting[0], host.robots_tries)
        host.pace = host.pace.sent(self._clock())
        self._asking_robots.add(robots.url)
        self._launch(host, robots)
        return Turn(robots, state="queued")

    def _launch(self, host: Host, queued: QueuedUrl) -> None:
        self._busy += not host.asking
        host.flying[queued.url] = self._clock()
        host.turns += 1
        self._flying[queued.url] = host
        self._touched[host.name] = host

    def _finished(self) -> bool:
        return not self._flying and (self._draining or self._queue.is_empty())

    async def _wait(self) -> None:
        """Wait until something happens, the next host comes due, or it is time to look again."""
        now = self._clock()
        dues = (due for due in (self._line.soonest(), self._unopened.soonest()) if due is not None and due > now)
        with suppress(TimeoutError):
            async with asyncio.timeout(min([_LOOK, *(due - now for due in dues)])):  # wait_for may lose a cancellation
                await self._changed.wait()


def robots_of(queued: QueuedUrl, tries: int) -> QueuedUrl:
    """The robots.txt that says whether a URL may be asked for, after so many tries. It has no row of its own yet."""
    parts = urlsplit(queued.url)
    url = f"{parts.scheme}://{parts.netloc}/robots.txt"
    return QueuedUrl(0, url, queued.host, "robots", 0, 0, tries, "robots", "", "")
