"""The scheduler of the crawl: takes URLs from the archive's queue, host by host, at each host's pace.

A URL is handed out when its host's robots.txt is known, the delay since the host's last request is over, and not too
many requests are pending. A request is pending until it has a response; its URL is in flight until its outcome is
stored. Which URLs are in flight is in memory only: the queue's row changes when the outcome is stored.
Hosts take turns in the order in which they are due. One that responds slowly, or whose robots.txt is still requested,
cannot take all places: half of them are kept for hosts without pending requests.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, zip_longest
from urllib.parse import urlsplit

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.page.url_shapes import UrlShape, shape_of
from broadsheet.output.archive.url_words import NO_REASON, OutcomeReason, Reason, UrlKind, UrlState, http_reason
from broadsheet.output.write.outcome import DiscoveredUrl
from broadsheet.output.write.url_queue import Queue, QueuedUrl

from .hosts import DueQueue, HostRegistry, HostState, HostWait, Pace, PolitenessSettings
from .robots_rules import RobotsRules

_SERVICE_UNAVAILABLE = http_reason(503)
_SCAN_SECONDS = 1.0  # maximum time between two scans of the queue for hosts with a due URL
_ROBOTS_LOOK_SECONDS = 0.1  # between two looks at whether a robots.txt is known
_TOLERATED_FAILURES = 2  # failures in a row that may be the URLs' own and do not slow the host
_LIST_SHAPES = (UrlShape.LIST, UrlShape.DEEP_LIST)
_SLOW_ENOUGH_DELAY = 10.0  # seconds between two requests: failures that ask for no more slow a host no further


@dataclass(frozen=True, slots=True)
class Turn:
    """A URL to fetch, or, with a `reason`, one to give up without a request.

    `given_up_host`: all that is queued of this host is given up with it.
    """

    queued_url: QueuedUrl
    reason: Reason = NO_REASON
    state: UrlState = UrlState.SKIPPED
    given_up_host: str = ""


class Frontier:
    """Hands out turns until nothing is queued or in flight, or `stop` is called."""

    def __init__(
        self, queue: Queue, politeness: PolitenessSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._queue = queue
        self._politeness = politeness
        self._clock = clock
        self._hosts = HostRegistry(queue, lambda: Pace.at_floor(politeness.delay))
        self._due_hosts = DueQueue()  # hosts with a URL to be handed out
        self._robots_due_hosts = DueQueue()  # hosts whose robots.txt will be requested
        self._deferred_hosts: list[HostState] = []  # hosts that were due, but left the last places to others
        self._changed_hosts: dict[str, HostState] = {}  # hosts to reschedule, by name
        self._in_flight: dict[str, HostState] = {}  # by URL
        self._busy_host_count = 0  # hosts with pending requests
        self._unstored_count = 0  # URLs in flight that have a response: being cleaned or stored
        self._pending_robots_urls: set[str] = set()
        self._scanned_at = -_SCAN_SECONDS
        self._is_scan_fresh = False  # whether nothing was stored since the last scan
        self._change_event = asyncio.Event()
        self._is_stopped = False
        self._is_draining = False

    async def turns(self) -> AsyncIterator[Turn]:
        """Yield turns when they are due."""
        while not self._is_stopped:
            self._change_event.clear()
            if turn := self._next_turn():
                yield turn
            elif not self._in_flight and (self._is_draining or self._queue.is_empty()):
                return
            else:
                await self._wait_for_change()

    def stop(self) -> None:
        """Stop handing out turns, and end `turns` at once."""
        self._is_stopped = True
        self._change_event.set()

    def drain(self) -> None:
        """Stop handing out turns, and end `turns` when nothing is in flight."""
        self._is_draining = True
        self._change_event.set()

    def begin_again(self) -> None:
        """Drop what was read ahead, and start over from the present queue."""
        self._is_draining = self._is_scan_fresh = False
        self._scanned_at = -_SCAN_SECONDS
        for host in self._hosts.drop_read_ahead():
            self._mark_changed(host)

    def read_again(self, host_name: str) -> None:
        """Discard a host's read-ahead URLs: its queue has changed."""
        host = self._hosts.get_or_create(host_name)
        host.read_ahead.clear()
        self._mark_changed(host)

    def note_found(self, found: Iterable[DiscoveredUrl]) -> None:
        """Note the URLs that a stored page names: if one goes before all that was read ahead of its host's queue, the
        queue is read anew. So the articles of a page do not wait behind the lists of the one before.
        """
        best = dict[str, int]()
        for url in found:
            if url.state == UrlState.QUEUED and url.kind == UrlKind.PAGE:
                best[url.host] = max(best.get(url.host, 0), url.priority)
        for host_name, priority in best.items():
            host = self._hosts.find_active(host_name)
            if host and host.read_ahead and priority > max(queued.priority for queued in host.read_ahead):
                self.read_again(host_name)

    def mark_stored(self, url: str) -> None:
        """Note that a URL's outcome is stored: it is no longer in flight, and its row may have left the queue."""
        if host := self._in_flight.pop(url, None):
            del host.in_flight[url]
            if url in host.answered_urls:
                host.answered_urls.remove(url)
                self._unstored_count -= 1
            else:
                self._busy_host_count -= not host.pending_requests
            self._pending_robots_urls.discard(url)
            host.giving_up_url = "" if host.giving_up_url == url else host.giving_up_url
            self._mark_changed(host)
        self._is_scan_fresh = False
        self._change_event.set()

    def record_answer(self, queued_url: QueuedUrl, latency: float) -> None:
        """Record a good response, with its latency in seconds."""
        host = self._hosts.get_or_create(queued_url.host)
        host.pace = host.pace.after_answer(latency)
        host.failure_count, host.has_error_status = 0, False
        self.record_arrival(queued_url)

    def record_arrival(self, queued_url: QueuedUrl) -> None:
        """Record that a response arrived, before it is judged: the request no longer counts as pending."""
        host = self._hosts.get_or_create(queued_url.host)
        if queued_url.url in host.in_flight and queued_url.url not in host.answered_urls:
            host.answered_urls.add(queued_url.url)
            self._unstored_count += 1
            self._busy_host_count -= not host.pending_requests
            self._mark_changed(host)

    def record_refusal(
        self, queued_url: QueuedUrl, retry_after: float | None = None, reason: Reason = _SERVICE_UNAVAILABLE
    ) -> None:
        """Record a response that says "too many requests" (503, a wall): its host gets fewer from now on."""
        host = self._hosts.get_or_create(queued_url.host)
        host.pace = host.pace.after_refusal(self._clock(), retry_after)
        self._count_failure(host, queued_url, reason, has_retry_after=retry_after is not None)
        self._mark_changed(host)

    def record_failure(self, queued_url: QueuedUrl, reason: Reason) -> None:
        """Record a failure that the URL or its host may have caused: 5xx, a timeout, a broken connection.

        Several in a row slow the host down, many give it up. Requests pending at the same time count as one failure.
        """
        host = self._hosts.get_or_create(queued_url.host)
        is_new_failure = self._count_failure(host, queued_url, reason)
        if is_new_failure and host.failure_count > _TOLERATED_FAILURES and host.pace.delay < _SLOW_ENOUGH_DELAY:
            host.pace = host.pace.after_refusal(self._clock())
            self._mark_changed(host)

    def set_robots(self, host_name: str, robots: RobotsRules) -> None:
        """Put a host's robots.txt in force; from now on its URLs may be handed out."""
        host = self._hosts.get_or_create(host_name)
        host.set_robots(robots, self._politeness, self._clock())
        self._mark_changed(host)

    def robots_for(self, host_name: str) -> RobotsRules | None:
        """Return the robots.txt in force for a host; None before it was read."""
        host = self._hosts.get_or_create(host_name)
        return host.robots or host.previous_robots

    def retry_robots(self, queued_url: QueuedUrl, wait: float) -> None:
        """Schedule a robots.txt for another request, after at least `wait` seconds."""
        host = self._hosts.get_or_create(queued_url.host)
        host.robots_attempts, host.robots_due_at = queued_url.attempts + 1, self._clock() + wait
        host.is_robots_requested = False
        self.mark_stored(queued_url.url)

    def give_up_host(self, host_name: str, reason: Reason) -> None:
        """Give up a host that cannot be reached at all; its queued URLs fail with the reason."""
        host = self._hosts.get_or_create(host_name)
        self._hosts.give_up(host, reason)
        self._mark_changed(host)

    def begin_robots(self, queued_url: QueuedUrl) -> QueuedUrl | None:
        """Return the robots.txt of a URL's host to be requested now; None if it is known, or requested already."""
        host = self._hosts.get_or_create(queued_url.host)
        if host.robots or host.previous_robots or host.is_robots_requested or host.given_up_reason:
            return None
        host.is_robots_requested = True
        host.pace = host.pace.after_request(self._clock())
        return queued_robots_txt(queued_url, host.robots_attempts)

    async def wait_for_robots(self, host_name: str, seconds: float) -> None:
        """Wait until a requested robots.txt is known, or the time is over."""
        deadline = self._clock() + seconds
        host = self._hosts.get_or_create(host_name)
        while host.is_robots_requested and not (host.robots or host.previous_robots or host.given_up_reason):
            if self._is_stopped or self._clock() >= deadline:
                return
            await asyncio.sleep(_ROBOTS_LOOK_SECONDS)

    async def wait_for_turn(self, queued_url: QueuedUrl) -> Reason | None:
        """Wait until a URL that is not in the queue may be requested, and count its request.

        Returns a reason if it may not: robots.txt unknown or against it, host given up, crawl stopped.
        """
        host = self._hosts.get_or_create(queued_url.host)
        while True:
            if self._is_stopped:
                return OutcomeReason.LIMIT
            if host.robots is None and host.previous_robots is None:
                return host.given_up_reason or OutcomeReason.ROBOTS_UNREACHABLE
            if refusal := host.refusal(queued_url, self._politeness):
                return refusal[1]
            wait = host.pace.next_request_at - self._clock()
            if wait <= 0:
                break
            await asyncio.sleep(min(wait, _SCAN_SECONDS))
        host.pace = host.pace.after_request(self._clock())
        self._mark_changed(host)
        return None

    def waits(self, least_seconds: float) -> list[HostWait]:
        """Return the active hosts that wait at least this long for their next request, the longest wait first."""
        now, own_delay = self._clock(), self._politeness.delay
        waits = [
            HostWait(host.name, host.pace.next_request_at - now, host.pace.wait_reason(now, own_delay))
            for host in self._hosts.active()
        ]
        return sorted((wait for wait in waits if wait.seconds >= least_seconds), key=lambda wait: -wait.seconds)

    @property
    def in_flight(self) -> int:
        """Count the URLs that were handed out whose outcomes are not stored."""
        return len(self._in_flight)

    @property
    def _pending_requests(self) -> int:
        """Count the requests that have no response yet."""
        return len(self._in_flight) - self._unstored_count

    def _mark_changed(self, host: HostState) -> None:
        self._changed_hosts[host.name] = host
        self._change_event.set()

    def _count_failure(
        self, host: HostState, queued_url: QueuedUrl, reason: Reason, has_retry_after: bool = False
    ) -> bool:
        is_new_failure = host.count_failure(queued_url.url, reason, self._clock(), has_retry_after=has_retry_after)
        if is_new_failure and (give_up_reason := host.reason_to_give_up(reason, self._politeness)):
            self.give_up_host(host.name, give_up_reason)
        return is_new_failure

    def _next_turn(self) -> Turn | None:
        if self._is_draining or self._unstored_count >= self._politeness.max_unstored:
            return None
        if self._pending_requests >= self._politeness.max_requests:
            return None
        hosts = [*self._deferred_hosts, *self._changed_hosts.values()]
        self._deferred_hosts, self._changed_hosts = [], {}
        for host in hosts:
            self._schedule_host(host)
        if self._clock() - self._scanned_at >= _SCAN_SECONDS:
            self._scan_queue()
        turn = self._first_turn()
        if turn is None and not self._is_scan_fresh:
            self._scan_queue()
            turn = self._first_turn()
        return turn

    def _scan_queue(self) -> None:
        """Make hosts active that have a URL due in the queue, and schedule them."""
        self._scanned_at, self._is_scan_fresh = self._clock(), True
        for host in self._hosts.activate_due(self._scanned_at):
            self._schedule_host(host)

    def _schedule_host(self, host: HostState) -> None:
        """Schedule a host for its robots.txt or its next URL; without either it becomes idle."""
        if not self._hosts.is_active(host):
            return
        self._due_hosts.remove(host)
        host.expire_robots(self._clock())
        if host.robots is None and not host.given_up_reason:
            if not host.is_robots_requested:
                self._robots_due_hosts.schedule(host, max(host.robots_due_at, host.pace.next_request_at))
            return
        self._robots_due_hosts.remove(host)
        now = self._clock()
        if not self._has_next(host, now):
            if not host.in_flight:
                self._hosts.deactivate(host, now)
        elif host.refusal(host.read_ahead[0], self._politeness):
            self._due_hosts.schedule(host, float("-inf"))
        elif host.pending_requests < self._politeness.requests_per_host:
            self._due_hosts.schedule(host, host.pace.next_request_at)

    def _has_next(self, host: HostState, now: float) -> bool:
        """Return whether a host has a URL to hand out; when memory has none, read more from the queue."""
        if self._hosts.has_had_its_share(host, now):
            host.read_ahead.clear()
        elif host.is_closed(self._politeness):
            host.read_ahead.clear()
            if not host.giving_up_url and (queued_url := self._queue.any_queued(host.name, host.in_flight)):
                host.read_ahead.append(queued_url)
        elif not host.read_ahead:
            host.read_ahead.extend(alternated(self._queue.take(host.name, self._hosts.batch_size(), host.in_flight)))
        return bool(host.read_ahead)

    def _first_turn(self) -> Turn | None:
        """Take the turn of the host that has been due longest, robots.txt before pages; None if no host is due."""
        now = self._clock()
        while self._may_request_robots() and (host := self._robots_due_hosts.pop_due(now)):
            if turn := self._robots_turn(host):
                return turn
        while host := self._due_hosts.pop_due(now):
            if self._is_crowding(host):
                self._deferred_hosts.append(host)
            else:
                return self._page_turn(host)
        return None

    def _may_request_robots(self) -> bool:
        """Return whether another robots.txt may be requested: hosts whose one is known keep half of the places."""
        pending_count = len(self._pending_robots_urls)
        has_open_hosts = len(self._hosts) > len(self._robots_due_hosts) + pending_count
        max_requests = self._politeness.max_requests
        return pending_count < (max(1, max_requests // 2) if has_open_hosts else max_requests)

    def _is_crowding(self, host: HostState) -> bool:
        """Return whether a host with pending requests would take the last places from hosts without any."""
        if not host.pending_requests:
            return False
        reserved_places = min(len(self._hosts) - self._busy_host_count, self._politeness.max_requests // 2)
        return self._pending_requests + 1 + reserved_places > self._politeness.max_requests

    def _page_turn(self, host: HostState) -> Turn:
        """Take the turn of a host's next URL, which is in flight from now on."""
        queued_url = host.read_ahead.popleft()
        state, reason = host.refusal(queued_url, self._politeness) or (UrlState.QUEUED, NO_REASON)
        if not reason:
            host.pace = host.pace.after_request(self._clock())
        self._launch(host, queued_url)
        if not host.is_closed(self._politeness):
            return Turn(queued_url, reason, state)
        host.giving_up_url = queued_url.url
        return Turn(queued_url, reason, state, host.name)

    def _robots_turn(self, host: HostState) -> Turn | None:
        """Take the turn of a host's robots.txt. None if none of the host's URLs is due any more: it is made idle."""
        queued_urls = self._queue.take(host.name, 1)
        if not queued_urls:
            self._hosts.deactivate(host, self._clock())
            return None
        host.is_robots_requested = True
        robots = queued_robots_txt(queued_urls[0], host.robots_attempts)
        host.pace = host.pace.after_request(self._clock())
        self._pending_robots_urls.add(robots.url)
        self._launch(host, robots)
        return Turn(robots, state=UrlState.QUEUED)

    def _launch(self, host: HostState, queued_url: QueuedUrl) -> None:
        self._busy_host_count += not host.pending_requests
        host.in_flight[queued_url.url] = self._clock()
        host.turn_count += 1
        self._in_flight[queued_url.url] = host
        self._changed_hosts[host.name] = host

    async def _wait_for_change(self) -> None:
        """Wait until something changes, the next host is due, or it is time for the next scan."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds_to_wait()):  # wait_for may lose a cancellation
                await self._change_event.wait()

    def _seconds_to_wait(self) -> float:
        """Return the seconds until the next host becomes due, or until the next scan if that is sooner."""
        now = self._clock()
        due_times = (self._due_hosts.next_due_at(), self._robots_due_hosts.next_due_at())
        return min([_SCAN_SECONDS, *(due_at - now for due_at in due_times if due_at is not None and due_at > now)])


def alternated(batch: Sequence[QueuedUrl]) -> Iterator[QueuedUrl]:
    """Yield URLs of a host, pages of one priority in turns: one that may be an article, one that looks like a list.

    So a crawl that ends early has seen more than the site's menu, which each page names first.
    """
    for _, group in groupby(batch, key=lambda queued: (queued.kind == UrlKind.PAGE, queued.priority)):
        articles, lists = list[QueuedUrl](), list[QueuedUrl]()
        for queued in group:
            (lists if shape_of(queued.url) in _LIST_SHAPES else articles).append(queued)
        yield from (queued for pair in zip_longest(articles, lists) for queued in pair if queued)


def queued_robots_txt(queued_url: QueuedUrl, attempts: int) -> QueuedUrl:
    """Return the robots.txt of a URL's host as a queued URL, after `attempts` requests for it. It has no row yet."""
    parts = urlsplit(queued_url.url)
    url = f"{parts.scheme}://{parts.netloc}/robots.txt"
    return QueuedUrl(0, url, queued_url.host, UrlKind.ROBOTS, 0, 0, attempts, UrlSource.ROBOTS, "", "")
