"""Hosts of a crawl: their pace, a bounded number of active ones (with URLs to fetch), and idle ones.

The delay between two requests adapts to the host's responses, between a floor and a ceiling. Slow responses, and those
that say "too many requests", make it longer; quick good ones bring it back to the floor. Pure: times are passed in, in
seconds of a monotonic clock.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from broadsheet.output.archive.url_words import (
    NO_REASON,
    OutcomeReason,
    Reason,
    ReasonFamily,
    UrlState,
    compound_reason,
)
from broadsheet.output.write.url_queue import Queue, QueuedUrl

from .robots_rules import GRACE_SECONDS, MAX_AGE_SECONDS, RETRY_SECONDS, Access, RobotsRules

PACE_CEILING = 60.0  # seconds between two requests at the slowest
MAX_ROBOTS_DELAY = 600.0
"""Seconds to which a longer Crawl-delay or Request-rate is cut: six requests an hour."""

MAX_RETRY_AFTER = 3600.0
"""Seconds to which a longer Retry-After is cut."""

_LATENCY_FACTOR = 1.0  # a host that needs L seconds for a response gets a request every L seconds
_BACKOFF_FACTOR = 2.0  # factor on the delay after 429, 503 and time-outs
_LATENCY_WEIGHT = 0.5  # weight of the newest latency


class WaitReason(StrEnum):
    """The reason why a host is not asked yet."""

    PACE = "pace"
    """The delay that the crawl was started with."""
    ROBOTS_TXT = "robots_txt"
    """The delay that robots.txt asks for."""
    SLOW = "slow"
    """Slow or failing answers have made the delay longer."""
    ASKED = "asked"
    """The site said when to come back."""


class HostWait(NamedTuple):
    """A host, the seconds until its next request, and the reason for the wait."""

    host: str
    seconds: float
    reason: WaitReason


@dataclass(frozen=True, slots=True)
class Pace:
    """A host's pace: the `delay` in seconds, its bounds, the smoothed latency, and when the next request may go."""

    floor: float
    ceiling: float = PACE_CEILING
    delay: float = 0.0
    latency: float = 0.0
    next_request_at: float = 0.0

    @classmethod
    def at_floor(cls, floor: float, robots_delay: float | None = None) -> Pace:
        """Make a pace at its floor: the user's delay, or the `robots_delay` that robots.txt asks for if that is longer.

        A floor of 0 turns pacing off; robots.txt still counts then, up to `MAX_ROBOTS_DELAY`.
        """
        min_delay = max(floor, min(robots_delay or 0.0, MAX_ROBOTS_DELAY))
        return cls(floor=min_delay, ceiling=max(PACE_CEILING, min_delay), delay=min_delay)

    def with_floor(self, floor: float, robots_delay: float | None = None) -> Pace:
        """Return this pace with the floor of `at_floor`, as when a robots.txt is read for the first time or again.

        A delay above the old floor is kept, and so is a wait that the host asked for.
        """
        bounds = Pace.at_floor(floor, robots_delay)
        delay = min(bounds.ceiling, max(bounds.floor, self.delay if self.delay > self.floor else bounds.floor))
        return replace(self, floor=bounds.floor, ceiling=bounds.ceiling, delay=delay)

    def after_request(self, now: float) -> Pace:
        """Return the pace after a request was sent."""
        return replace(self, next_request_at=max(self.next_request_at, now + self.delay))

    def after_answer(self, latency: float) -> Pace:
        """Return the pace after a good response that took `latency` seconds."""
        if not self.floor:
            return replace(self, delay=0.0)
        smoothed_latency = self.latency + _LATENCY_WEIGHT * (latency - self.latency) if self.latency else latency
        delay = self._clamped(max(self.delay / _BACKOFF_FACTOR, smoothed_latency * _LATENCY_FACTOR))
        return replace(self, latency=smoothed_latency, delay=delay)

    def after_refusal(self, now: float, retry_after: float | None = None) -> Pace:
        """Return the pace after a time-out or a response "too many requests"; `retry_after` is in seconds."""
        wait = retry_after if retry_after is not None else max(self.delay, 1.0) * _BACKOFF_FACTOR
        slower_delay = self._clamped(max(self.delay, 1.0) * _BACKOFF_FACTOR)
        next_request_at = max(self.next_request_at, now + min(wait, MAX_RETRY_AFTER))
        return replace(self, delay=slower_delay, next_request_at=next_request_at)

    def wait_reason(self, now: float, own_delay: float) -> WaitReason:
        """Return why the next request waits; `own_delay` is the crawl's setting."""
        if self.next_request_at - now > self.delay:
            return WaitReason.ASKED
        if self.delay > self.floor:
            return WaitReason.SLOW
        return WaitReason.ROBOTS_TXT if self.floor > own_delay else WaitReason.PACE

    def _clamped(self, delay: float) -> float:
        return min(self.ceiling, max(self.floor, delay))


MAX_ACTIVE_HOSTS = 1024  # hosts with URLs to fetch, in memory at once
MAX_IDLE_HOSTS = 1024  # hosts without such URLs; their robots.txt and pace stay in memory
SCAN_HOSTS = 256  # maximum number of hosts read in one scan of the queue
_MAX_BATCH = 64  # queued URLs of a host read at once, fewer when many hosts are active
_MAX_READ_AHEAD = 4096  # queued URLs in memory, of all hosts together
_SHARE_TURNS = 64  # turns after which a host makes room, if others wait for its place
_SHARE_SECONDS = 600.0  # seconds after which it makes room, whatever its turns


@dataclass(frozen=True, slots=True)
class PolitenessSettings:
    """Pace and persistence of requests to hosts. `delay` is in seconds between two requests to a host.

    `requests_per_host` and `max_requests` bound the requests that have no response yet, to one host and in all.
    """

    delay: float = 1.0
    requests_per_host: int = 4
    max_requests: int = 16
    max_unstored: int = 40  # responses waiting to be cleaned or stored, which a kill would lose
    user_agent: str = "Broadsheet"
    obey_robots: bool = True
    robots_max_age: float = MAX_AGE_SECONDS  # seconds after which a robots.txt is read again
    max_silent_failures: int = 10  # failures in a row, none of them a response, after which a host is given up
    max_failures: int = 20  # the same if some of them were responses, such as 503
    max_failing_seconds: float = 300.0  # after this time the smaller number applies; a Retry-After restarts it


@dataclass(slots=True, eq=False)
class HostState:
    """State of a host in the frontier. Times are seconds of a monotonic clock."""

    name: str
    pace: Pace
    robots: RobotsRules | None = None
    is_robots_requested: bool = False
    robots_attempts: int = 0
    robots_due_at: float = 0.0  # when to request it, at the earliest
    robots_read_at: float = float("-inf")  # when it was last read
    robots_stale_at: float = float("inf")  # when to read it again
    previous_robots: RobotsRules | None = None  # the expired one, while it is read again
    given_up_reason: Reason = NO_REASON  # empty if it was not
    giving_up_url: str = ""  # the URL with whose outcome the rest of the host's queue is being given up
    failure_count: int = 0  # in a row, without a good response between
    has_error_status: bool = False  # whether one of the failures was a response, such as 503
    failed_at: float = float("-inf")
    failing_since: float = 0.0  # the time of the first failure, or of the last Retry-After
    in_flight: dict[str, float] = field(default_factory=dict)  # when each URL was requested whose outcome is not stored
    answered_urls: set[str] = field(default_factory=set)  # those in flight that have a response
    read_ahead: deque[QueuedUrl] = field(default_factory=deque)  # read from the queue, to be handed out next
    active_since: float = 0.0
    turn_count: int = 0

    @property
    def pending_requests(self) -> int:
        """Count the requests to the host that have no response yet."""
        return len(self.in_flight) - len(self.answered_urls)

    def set_robots(self, robots: RobotsRules, politeness: PolitenessSettings, now: float) -> None:
        """Put a robots.txt in force, with the delay that it asks for. Fetching it counts as a request.

        Where it cannot be read again, the previous one holds for `GRACE_SECONDS` more.
        """
        grace_end = self.robots_read_at + politeness.robots_max_age + GRACE_SECONDS
        in_grace = robots.access is Access.NOTHING and now < grace_end
        still_valid_robots = self.previous_robots if in_grace else None
        self.robots, self.previous_robots = still_valid_robots or robots, None
        self.robots_read_at = self.robots_read_at if still_valid_robots else now
        self.robots_stale_at = now + (RETRY_SECONDS if still_valid_robots else politeness.robots_max_age)
        robots_delay = self.robots.requested_delay(politeness.user_agent)
        self.pace = self.pace.with_floor(politeness.delay, robots_delay).after_request(now)

    def expire_robots(self, now: float) -> None:
        """Have the robots.txt read again before any page is requested, if it is too old."""
        if self.robots is not None and now >= self.robots_stale_at and not self.given_up_reason:
            self.previous_robots, self.robots = self.robots, None
            self.is_robots_requested, self.robots_attempts = False, 0

    def refusal(self, queued_url: QueuedUrl, politeness: PolitenessSettings) -> tuple[UrlState, Reason] | None:
        """Return the (state, reason) of a URL that may not be requested; None if it may."""
        if self.given_up_reason:
            return UrlState.FAILED, self.given_up_reason
        if (
            self.robots is None
            or not politeness.obey_robots
            or self.robots.allows(queued_url.url, politeness.user_agent)
        ):
            return None
        is_unreachable = self.robots.access is Access.NOTHING
        return UrlState.SKIPPED, OutcomeReason.ROBOTS_UNREACHABLE if is_unreachable else OutcomeReason.ROBOTS_TXT

    def is_closed(self, politeness: PolitenessSettings) -> bool:
        """Return whether no URL of the host may be requested."""
        is_unreachable = self.robots is not None and self.robots.access is Access.NOTHING
        return bool(self.given_up_reason) or (is_unreachable and politeness.obey_robots)

    def count_failure(self, url: str, reason: Reason, now: float, *, has_retry_after: bool) -> bool:
        """Count a failure, and return whether it was counted.

        It is not if its request was sent before the previous failure was known. `has_retry_after`: the host said when
        to come back.
        """
        if self.given_up_reason or self.in_flight.get(url, now) < self.failed_at:
            return False
        self.failing_since = now if has_retry_after or not self.failure_count else self.failing_since
        self.failure_count, self.failed_at = self.failure_count + 1, now
        is_response = reason.startswith("http_") or reason == OutcomeReason.CHALLENGED
        self.has_error_status = self.has_error_status or is_response
        return True

    def reason_to_give_up(self, failure_reason: Reason, politeness: PolitenessSettings) -> Reason | None:
        """Return the reason to give the host up after its latest failure; None to go on."""
        has_failed_long = self.failed_at - self.failing_since >= politeness.max_failing_seconds
        may_recover = self.has_error_status and not has_failed_long
        if self.failure_count < (politeness.max_failures if may_recover else politeness.max_silent_failures):
            return None
        family = ReasonFamily.HOST_FAILING if self.has_error_status else ReasonFamily.HOST_UNREACHABLE
        return compound_reason(family, failure_reason)


class DueQueue:
    """Hosts by the time at which they are due; among equals the one that was scheduled first.

    An entry of the heap that is not the host's one in `_entries` is outdated and passed over.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, HostState]] = []
        self._entries: dict[str, tuple[float, int]] = {}
        self._sequence_number = 0

    def __len__(self) -> int:
        """Count the hosts that are scheduled."""
        return len(self._entries)

    def schedule(self, host: HostState, due_at: float) -> None:
        """Add a host, or change its time."""
        if host.name in self._entries and self._entries[host.name][0] == due_at:
            return
        self._sequence_number += 1
        self._entries[host.name] = (due_at, self._sequence_number)
        heapq.heappush(self._heap, (due_at, self._sequence_number, host))

    def pop_due(self, now: float) -> HostState | None:
        """Remove and return the host that has been due longest; None if no host is due."""
        due_at = self.next_due_at()
        if due_at is None or due_at > now:
            return None
        _, _, host = heapq.heappop(self._heap)
        del self._entries[host.name]
        return host

    def remove(self, host: HostState) -> None:
        """Remove a host, if it is scheduled."""
        self._entries.pop(host.name, None)

    def next_due_at(self) -> float | None:
        """Return when the first host is due; None without scheduled hosts."""
        while self._heap and self._entries.get(self._heap[0][2].name) != self._heap[0][:2]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None


class HostRegistry:
    """The active hosts and a bounded number of idle ones. A host that was given up is never forgotten."""

    def __init__(self, queue: Queue, new_pace: Callable[[], Pace]) -> None:
        self._queue = queue
        self._new_pace = new_pace
        self._active: dict[str, HostState] = {}
        self._idle: dict[str, HostState] = {}  # the one that is idle for longest is first
        self._given_up_reasons: dict[str, Reason] = {}
        self._scan_position = ""  # the host up to which the queue was scanned

    def __len__(self) -> int:
        """Count the active hosts."""
        return len(self._active)

    @property
    def in_memory(self) -> int:
        """Count the hosts in memory, active or idle."""
        return len(self._active) + len(self._idle)

    def get_or_create(self, name: str) -> HostState:
        """Return the host of this name, active or idle; a new idle one if it is not in memory."""
        if known_host := self._active.get(name) or self._idle.get(name):
            return known_host
        given_up_reason = self._given_up_reasons.get(name, NO_REASON)
        host = self._idle[name] = HostState(name, self._new_pace(), given_up_reason=given_up_reason)
        return host

    def active(self) -> tuple[HostState, ...]:
        """Return the hosts with URLs to fetch."""
        return tuple(self._active.values())

    def find_active(self, name: str) -> HostState | None:
        """Find an active host by name; None if it is not active."""
        return self._active.get(name)

    def is_active(self, host: HostState) -> bool:
        """Return whether the host is active."""
        return host.name in self._active

    def give_up(self, host: HostState, reason: Reason) -> None:
        """Give a host up for the rest of the run."""
        host.given_up_reason = self._given_up_reasons[host.name] = reason
        host.read_ahead.clear()

    def activate_due(self, now: float) -> Iterator[HostState]:
        """Scan the queue once, and yield each host with a URL due that is made active, while there is room."""
        scan_limit = SCAN_HOSTS
        for _ in range(2 if self._scan_position else 1):  # to the end, and once more from the beginning
            scanned_hosts = self._queue.next_hosts(self._scan_position, scan_limit)
            for name, is_due in scanned_hosts:
                if len(self._active) >= MAX_ACTIVE_HOSTS:
                    return
                self._scan_position = name
                if (is_due or name in self._given_up_reasons) and name not in self._active:
                    host = self.get_or_create(name)
                    del self._idle[name]
                    self._active[name] = host
                    host.active_since, host.turn_count = now, 0
                    yield host
            if len(scanned_hosts) == scan_limit:
                return
            self._scan_position, scan_limit = "", scan_limit - len(scanned_hosts)

    def deactivate(self, host: HostState, now: float) -> None:
        """Make a host without URLs to fetch idle; its state is kept for a while."""
        del self._active[host.name]
        host.read_ahead.clear()
        self._idle[host.name] = host
        self._forget_idle(now)

    def drop_read_ahead(self) -> list[HostState]:
        """Forget the URLs that were read from the queue ahead; return the active hosts."""
        hosts = list(self._active.values())
        for host in hosts:
            host.read_ahead.clear()
        return hosts

    def batch_size(self) -> int:
        """Return how many queued URLs of a host to read from the queue at once."""
        return max(4, min(_MAX_BATCH, _MAX_READ_AHEAD // max(len(self._active), 1)))

    def has_had_its_share(self, host: HostState, now: float) -> bool:
        """Return whether an active host is to make room for others. It becomes active again in its turn."""
        if len(self._active) < MAX_ACTIVE_HOSTS:
            return False
        return host.turn_count >= _SHARE_TURNS or now - host.active_since >= _SHARE_SECONDS

    def _forget_idle(self, now: float) -> None:
        """Forget hosts that are idle for longest. One that asked for a wait keeps its pace until that is over."""
        for name in list(self._idle)[:SCAN_HOSTS] if len(self._idle) > MAX_IDLE_HOSTS + SCAN_HOSTS else ():
            host = self._idle[name]
            if host.pace.next_request_at <= now and host.robots_due_at <= now:
                del self._idle[name]
            else:
                host.robots, host.is_robots_requested = None, False
