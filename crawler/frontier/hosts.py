"""The hosts of a crawl: those that have something to do, a bounded number of them, and what is known of the others."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from crawler.frontier.pace import Pace
from crawler.frontier.robots_txt import GRACE, MAX_AGE, TRY_AGAIN, Access, Robots
from output.queue.rows import Queue, QueuedUrl

ACTIVE = 1024  # hosts with something to do that are held at once
REMEMBERED = 1024  # hosts with nothing to do whose robots.txt and pace are kept
WALK = 256  # hosts that one look at the queue passes at most
_AHEAD = 64  # queued URLs of a host read at once, fewer when many hosts are active
_ALL_AHEAD = 4096
_SHARE = 64  # turns after which a host makes room, if others wait for its place
_SHARE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Manners:
    """How politely to ask: seconds between two requests to a host, requests at once to one host and to all."""

    delay: float = 1.0
    per_host: int = 4
    at_once: int = 16
    landed: int = 40  # answers that are being cleaned or stored before more is asked for; a kill costs as many at most
    user_agent: str = "Broadsheet"
    obey_robots: bool = True
    robots_age: float = MAX_AGE  # seconds after which a robots.txt is read again
    silent_bound: int = 10  # failures in a row, none of them an answer, after which a host is given up
    failing_bound: int = 20  # the same when some were answers such as 503
    failing_seconds: float = 300.0  # time after which the smaller number will do, if none said when to come back


@dataclass(slots=True, eq=False)
class Host:
    """What the frontier knows of a host. Times are seconds on a steady clock."""

    name: str
    pace: Pace
    robots: Robots | None = None
    asked_robots: bool = False
    robots_tries: int = 0
    robots_at: float = 0.0  # when to ask for it, at the earliest
    read_at: float = float("-inf")  # when it was last read
    stale_at: float = float("inf")  # when to read it again
    earlier: Robots | None = None  # what it said before, while it is read again
    dead: str = ""  # why it was given up
    giving_up: str = ""  # the URL with which the rest of its queue is given up just now
    failures: int = 0  # one after the other, without a good answer between
    answers: bool = False  # whether one of them was an answer at all
    failed_at: float = float("-inf")
    failing_since: float = 0.0  # when the failures began, or when one last said how long to wait
    flying: dict[str, float] = field(default_factory=dict)  # when each URL under way was sent
    landed: set[str] = field(default_factory=set)  # of those under way: answered, and being cleaned or stored
    ahead: deque[QueuedUrl] = field(default_factory=deque)
    entered: float = 0.0
    turns: int = 0

    @property
    def asking(self) -> int:
        """How many requests to it have no answer yet."""
        return len(self.flying) - len(self.landed)

    def opened(self, robots: Robots, manners: Manners, now: float) -> None:
        """Take note of the robots.txt, and keep the pace that it asks for; it was a request too.

        Where it cannot be read again, what it said before holds for a while.
        """
        in_grace = robots.access is Access.NOTHING and now < self.read_at + manners.robots_age + GRACE
        held = self.earlier if in_grace else None
        self.robots, self.earlier = held or robots, None
        self.read_at = self.read_at if held else now
        self.stale_at = now + (TRY_AGAIN if held else manners.robots_age)
        self.pace = self.pace.from_floor(manners.delay, self.robots.asked_delay(manners.user_agent)).sent(now)

    def grow_old(self, now: float) -> None:
        """Have the robots.txt read again before anything else, if its time is over."""
        if self.robots is not None and now >= self.stale_at and not self.dead:
            self.earlier, self.robots, self.asked_robots, self.robots_tries = self.robots, None, False, 0

    def refusal(self, queued: QueuedUrl, manners: Manners) -> tuple[str, str] | None:
        """(state, reason) when a URL may not be asked for."""
        if self.dead:
            return "failed", self.dead
        if self.robots is None or not manners.obey_robots or self.robots.allowed(queued.url, manners.user_agent):
            return None
        return "skipped", "robots_unreachable" if self.robots.access is Access.NOTHING else "robots.txt"

    def is_shut(self, manners: Manners) -> bool:
        """Whether nothing of the host may be asked for."""
        unreachable = self.robots is not None and self.robots.access is Access.NOTHING
        return bool(self.dead) or (unreachable and manners.obey_robots)

    def count_failure(self, url: str, reason: str, now: float, told: bool = False) -> bool:
        """Whether a failure is news: its request went out after the last failure was known.

        `told` says that the host named a time to come back.
        """
        if self.dead or self.flying.get(url, now) < self.failed_at:
            return False
        self.failing_since = now if told or not self.failures else self.failing_since
        self.failures, self.failed_at = self.failures + 1, now
        self.answers = self.answers or reason.startswith("http_")
        return True

    def given_up_for(self, reason: str, manners: Manners) -> str:
        """Why the host is given up after its latest failure; empty if it is not."""
        long = self.failed_at - self.failing_since >= manners.failing_seconds
        if self.failures < (manners.failing_bound if self.answers and not long else manners.silent_bound):
            return ""
        return f"host_{'failing' if self.answers else 'unreachable'}:{reason}"


class Line:
    """Hosts in the order in which they come due; among equals the one that has waited longer goes first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Host]] = []
        self._places: dict[str, tuple[float, int]] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many are in line."""
        return len(self._places)

    def put(self, host: Host, due: float) -> None:
        """Put a host in, or move it."""
        if host.name in self._places and self._places[host.name][0] == due:
            return
        self._count += 1
        self._places[host.name] = (due, self._count)
        heapq.heappush(self._heap, (due, self._count, host))

    def pop(self, now: float) -> Host | None:
        """Take out the host that has been due for longest; None if none is."""
        due = self.soonest()
        if due is None or due > now:
            return None
        _, _, host = heapq.heappop(self._heap)
        del self._places[host.name]
        return host

    def drop(self, host: Host) -> None:
        """Take a host out, if it is in."""
        self._places.pop(host.name, None)

    def soonest(self) -> float | None:
        """When the first host comes due; None if there is none."""
        while self._heap and self._places.get(self._heap[0][2].name) != self._heap[0][:2]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None


class Hosts:
    """Active hosts, and a bounded memory of those that rest. A host that was given up is never forgotten."""

    def __init__(self, queue: Queue, start: Callable[[], Pace]) -> None:
        self._queue = queue
        self._start = start
        self._active: dict[str, Host] = {}
        self._resting: dict[str, Host] = {}  # the one that rests longest is first
        self._dead: dict[str, str] = {}
        self._at = ""  # the host up to which the queue was looked through

    def __len__(self) -> int:
        """How many are active."""
        return len(self._active)

    @property
    def known(self) -> int:
        """How many are held in memory, active or resting."""
        return len(self._active) + len(self._resting)

    def named(self, name: str) -> Host:
        """The host of this name, active or not."""
        if found := self._active.get(name) or self._resting.get(name):
            return found
        host = self._resting[name] = Host(name, self._start(), dead=self._dead.get(name, ""))
        return host

    def is_active(self, host: Host) -> bool:
        """Whether the host has a place among the active ones."""
        return host.name in self._active

    def bury(self, host: Host, reason: str) -> None:
        """Give a host up for the rest of the run."""
        host.dead = self._dead[host.name] = reason
        host.ahead.clear()

    def come_in(self, now: float) -> Iterator[Host]:
        """Make the next hosts active that have a URL due, as far as there is room and one look goes."""
        left = WALK
        for _ in range(2 if self._at else 1):  # to the end, and once more from the beginning
            found = self._queue.hosts_after(self._at, left)
            for name, due in found:
                if len(self._active) >= ACTIVE:
                    return
                self._at = name
                if (due or name in self._dead) and name not in self._active:
                    yield self._enter(name, now)
            if len(found) == left:
                return
            self._at, left = "", left - len(found)

    def rest(self, host: Host, now: float) -> None:
        """Let a host go that has nothing to do; what is known of it is kept for a while."""
        del self._active[host.name]
        host.ahead.clear()
        self._resting[host.name] = host
        self._forget(now)

    def batch(self) -> int:
        """How many queued URLs of a host to read at once."""
        return max(4, min(_AHEAD, _ALL_AHEAD // max(len(self._active), 1)))

    def has_had_its_share(self, host: Host, now: float) -> bool:
        """Whether a host is to make room for others. It comes back in its turn."""
        if len(self._active) < ACTIVE:
            return False
        return host.turns >= _SHARE or now - host.entered >= _SHARE_SECONDS

    def _enter(self, name: str, now: float) -> Host:
        host = self.named(name)
        del self._resting[name]
        self._active[name] = host
        host.entered, host.turns = now, 0
        return host

    def _forget(self, now: float) -> None:
        """Forget who rests longest. Of a host that asked for a wait its pace is kept until that is over."""
        for name in list(self._resting)[:WALK] if len(self._resting) > REMEMBERED + WALK else ():
            host = self._resting[name]
            if host.pace.next_at <= now and host.robots_at <= now:
                del self._resting[name]
            else:
                host.robots, host.asked_robots = None, False
