"""What may be fetched next, and when: the queue in the archive, host by host, at each host's pace.

A URL is handed out only when its host may be asked: its robots.txt is known, it is not too soon, and not too many
requests to it are under way. What is under way is memory only; the queue's row changes when its outcome is stored.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from crawler.politeness import Pace
from crawler.robots import Access, Robots
from output.queue import Queue, QueuedUrl

_AHEAD = 64  # queued URLs of a host read at once
_LOOK = 1.0  # seconds after which the queue is looked at again, whatever happened


@dataclass(frozen=True, slots=True)
class Manners:
    """How politely to ask: seconds between two requests to a host, requests at once to one host and to all."""

    delay: float = 1.0
    per_host: int = 4
    at_once: int = 16
    user_agent: str = "Broadsheet"
    obey_robots: bool = True


@dataclass(frozen=True, slots=True)
class Turn:
    """A URL whose turn it is: to be fetched, or, with a state and `reason`, to be given up without a request."""

    queued: QueuedUrl
    reason: str = ""
    state: str = "skipped"


@dataclass(slots=True)
class _Host:
    name: str
    pace: Pace
    robots: Robots | None = None
    asked_robots: bool = False
    robots_tries: int = 0
    robots_at: float = 0.0  # when to ask for it, at the earliest
    dead: str = ""
    flying: int = 0
    ahead: deque[QueuedUrl] = field(default_factory=deque)


class Frontier:
    """Hands out turns until nothing is queued and nothing is under way, or `stop` is called."""

    def __init__(self, queue: Queue, manners: Manners, clock: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._manners = manners
        self._clock = clock
        self._hosts: dict[str, _Host] = {}
        self._flying: dict[str, tuple[_Host, int]] = {}  # by URL: its host and its row
        self._flying_ids: set[int] = set()
        self._working: list[str] = []  # the hosts that had something queued when the queue was looked at
        self._looked_at = -_LOOK
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
        if flight := self._flying.pop(url, None):
            host, row_id = flight
            self._flying_ids.discard(row_id)
            host.flying -= 1
        self._changed.set()

    def answered(self, queued: QueuedUrl, latency: float) -> None:
        """Take note of a good answer and its latency in seconds."""
        host = self._host(queued.host)
        host.pace = host.pace.answered(latency)

    def refused(self, queued: QueuedUrl, retry_after: float | None = None) -> None:
        """Take note that the host asked for less, or did not answer in time."""
        host = self._host(queued.host)
        host.pace = host.pace.refused(self._clock(), retry_after)

    def set_robots(self, host_name: str, robots: Robots) -> None:
        """Take note of a host's robots.txt; from now on its URLs may be asked for."""
        host = self._host(host_name)
        host.robots = robots
        asked = robots.crawl_delay(self._manners.user_agent)
        rate = robots.request_rate(self._manners.user_agent)
        waits = [asked or 0.0, 1 / rate if rate else 0.0]
        host.pace = Pace.start(self._manners.delay, max(waits)).sent(self._clock())  # robots.txt was a request too
        self._changed.set()

    def ask_robots_again(self, queued: QueuedUrl, wait: float) -> None:
        """Ask for a host's robots.txt once more, `wait` seconds from now at the earliest."""
        host = self._host(queued.host)
        host.robots_tries, host.robots_at, host.asked_robots = queued.attempts + 1, self._clock() + wait, False
        self.finished(queued.url)

    def give_up_host(self, host_name: str, reason: str) -> None:
        """Give up a host that cannot be reached at all; its queued URLs fail with the reason."""
        self._host(host_name).dead = reason
        self._changed.set()

    @property
    def flying(self) -> int:
        """How many turns are under way."""
        return len(self._flying)

    def _host(self, name: str) -> _Host:
        if name not in self._hosts:
            self._hosts[name] = _Host(name, Pace.start(self._manners.delay))
        return self._hosts[name]

    def _next(self) -> Turn | None:
        if self._draining or len(self._flying) >= self._manners.at_once:
            return None
        if self._clock() - self._looked_at < _LOOK and (turn := self._first_turn()):
            return turn
        self._working, self._looked_at = self._queue.hosts_with_work(), self._clock()
        return self._first_turn()

    def _first_turn(self) -> Turn | None:
        """A turn of any host with something to do, of those with the fewest requests under way first."""
        hosts = sorted(map(self._host, self._working), key=lambda host: host.flying)
        return next((turn for host in hosts if (turn := self._turn_of(host))), None)

    def _turn_of(self, host: _Host) -> Turn | None:
        if host.robots is None and not host.dead:
            return self._robots_turn(host)
        if not host.ahead:
            host.ahead.extend(self._queue.take(host.name, _AHEAD, self._flying_ids))
        if not host.ahead:
            return None
        if reason := self._refusal(host, host.ahead[0]):
            return self._launch(host, host.ahead.popleft(), reason)
        if host.flying >= self._manners.per_host or self._clock() < host.pace.next_at:
            return None
        host.pace = host.pace.sent(self._clock())
        return self._launch(host, host.ahead.popleft(), ("", ""))

    def _robots_turn(self, host: _Host) -> Turn | None:
        if host.asked_robots or self._clock() < host.robots_at:
            return None
        waiting = self._queue.take(host.name, 1)
        if not waiting:
            return None
        host.asked_robots = True
        parts = urlsplit(waiting[0].url)
        url = f"{parts.scheme}://{parts.netloc}/robots.txt"
        robots = QueuedUrl(0, url, host.name, "robots", 0, 0, host.robots_tries, "robots", "", "")
        host.pace = host.pace.sent(self._clock())
        return self._launch(host, robots, ("", ""))

    def _refusal(self, host: _Host, queued: QueuedUrl) -> tuple[str, str] | None:
        """(state, reason) when a URL may not be asked for."""
        if host.dead:
            return "failed", host.dead
        robots = host.robots
        if robots is None or not self._manners.obey_robots or robots.allowed(queued.url, self._manners.user_agent):
            return None
        return "skipped", "robots_unreachable" if robots.access is Access.NOTHING else "robots.txt"

    def _launch(self, host: _Host, queued: QueuedUrl, refusal: tuple[str, str]) -> Turn:
        self._flying[queued.url] = (host, queued.id)
        self._flying_ids.add(queued.id)
        host.flying += 1
        return Turn(queued, refusal[1], refusal[0] or "queued")

    def _finished(self) -> bool:
        return not self._flying and (self._draining or not self._queue.hosts_with_work())

    async def _wait(self) -> None:
        now = self._clock()
        soonest = min((h.pace.next_at - now for h in self._hosts.values() if h.pace.next_at > now), default=_LOOK)
        try:
            await asyncio.wait_for(self._changed.wait(), min(soonest, _LOOK))
        except TimeoutError:
            return
