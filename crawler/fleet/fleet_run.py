"""A run of a list: the sites that are due, their tasks on an engine, and what comes of each.

The records of the sites are read once, and then kept: each result says when its site is due again.
"""

from __future__ import annotations

import heapq
import queue
import socket
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import CommandError
from ..fetch.address_slots import exempt_network, most_hosts
from .fleet_turn import QUIET_ENDS, result_line, running_text, site_task, tell
from .object_store import ObjectStore, StoreError, StoreRefused
from .site_head import SiteAttempt, read_head
from .site_records import (
    SAYS_NOTHING,
    SiteRecord,
    next_due,
    next_record,
    parse_record,
    put_index,
    read_states,
    record_values,
)
from .site_task import Engine, SiteEnd, SiteResult, SiteTask, WorkerLost
from .sites_file import Site, SiteList
from .store_address import check_writable
from .stored_run import runner_name

_LOOKUPS = 32  # of addresses at once
_INDEX_SECONDS = 60.0
_LOOK_SECONDS = 0.5  # between two looks at what there is to do
_TRIES = 4  # of a task whose worker was lost, or whose site was published by somebody else
_AGAIN = timedelta(minutes=5)  # until a waiting run tries a site again that did not end well
_AT_ONCE = datetime.min.replace(tzinfo=UTC)


class HostQueue:
    """A queue that hands out the first task whose hosts are free. A task is running until it is given back."""

    def __init__(self, tasks: Sequence[SiteTask] = ()) -> None:
        self._waiting = OrderedDict.fromkeys(tasks)  # a dict would look at all that have left its front
        self._running: dict[str, SiteTask] = {}
        self._busy_hosts: set[str] = set()

    @property
    def running(self) -> tuple[SiteTask, ...]:
        """Return the tasks that were handed out and not given back."""
        return tuple(self._running.copy().values())

    def next_task(self) -> SiteTask | None:
        """Take the next task to run; None if there is none now."""
        for task in self._waiting:
            if self._busy_hosts.isdisjoint(task.hosts):
                del self._waiting[task]
                self._running[task.name] = task
                self._busy_hosts |= set(task.hosts)
                return task
        return None

    def end(self, task: SiteTask) -> None:
        """Note that a task has its result."""
        if self._running.pop(task.name, None):
            self._busy_hosts -= set(task.hosts)

    def add(self, tasks: Iterable[SiteTask]) -> None:
        """Queue tasks behind the others."""
        self._waiting.update(OrderedDict.fromkeys(tasks))

    def take_all(self) -> list[SiteTask]:
        """Take all tasks that wait out of the queue."""
        tasks = list(self._waiting)
        self._waiting.clear()
        return tasks

    def __bool__(self) -> bool:
        return bool(self._waiting or self._running)


class StartAddresses:
    """The addresses that tasks share: to a run on several machines they are what hosts are, and crawled one at a time.

    Addresses of content delivery networks and of large hosters count for none (`exempt_networks.toml`).
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def added_to(self, tasks: Sequence[SiteTask]) -> list[SiteTask]:
        """Return the tasks with the addresses of their hosts among these; a host without an address is kept alone."""
        hosts = list(dict.fromkeys(host for task in tasks for host in task.hosts))
        with ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="addresses") as pool:
            self._known |= dict(zip(hosts, pool.map(_address_of, hosts), strict=True))
        counts = Counter(self._known.values())
        shared = {
            host: address for host, address in self._known.items()
            if address and not exempt_network(address) and counts[address] <= most_hosts()
        }  # fmt: skip
        return [
            replace(task, hosts=(*task.hosts, *sorted({shared[host] for host in task.hosts if host in shared})))
            for task in tasks
        ]


def _address_of(host: str) -> str:
    """Look up the first address of a host, which may have a port; empty if there is none."""
    with suppress(OSError, ValueError):
        return str(socket.getaddrinfo(urlsplit(f"//{host}").hostname, None)[0][4][0])
    return ""


class Records(Protocol):
    """The records of sites, which a run reads and writes."""

    def read(self, site_name: str) -> SiteRecord | None:
        """Return the record of a site; None without one."""

    def note(self, task: SiteTask, result: SiteResult) -> None:
        """Note a result. OSError or StoreError if that cannot be."""

    def refused(self) -> str:
        """Return why nothing can be stored any more, for whichever site; empty if it can."""


class StoredRecords:
    """The records of sites in the heads of a store, read once. StoreError."""

    def __init__(self, store: ObjectStore, names: Sequence[str]) -> None:
        self._store = store
        states = read_states(store, names)
        self._records = {name: state.record for name, state in states.items()}
        self._damaged = frozenset(name for name, state in states.items() if state.problem)

    def read(self, site_name: str) -> SiteRecord | None:
        """Return the record as it was read, or made of a result since."""
        return self._records.get(site_name)

    def note(self, task: SiteTask, result: SiteResult) -> None:
        """Note a result, and publish it where the turn has not: a site's head is read anew only for that."""
        if result.end is SiteEnd.OVERTAKEN:
            self._records[task.name] = parse_record(read_head(self._store, task.name).turn)
        if result.end in SAYS_NOTHING:
            return
        record = next_record(task, result, self._records.get(task.name), runner_name())
        self._records[task.name] = record
        if not result.is_published:
            SiteAttempt(self._store, task.name).publish(turn=record_values(record))

    def keep_index(self, store: ObjectStore, part: str, has_ended: threading.Event) -> None:
        """Put the records into the store's index each minute in which one has changed, and at the end.

        `store` is one without patience: an index that is not written is a bit old.
        """
        told: Mapping[str, SiteRecord | None] = {}
        while True:
            is_over = has_ended.wait(_INDEX_SECONDS)
            records = {name: record for name, record in self._records.copy().items() if name not in self._damaged}
            if records != told:
                with suppress(StoreError):
                    put_index(store, part, records)
                    told = records
            if is_over:
                return

    def refused(self) -> str:
        """Return why the store takes nothing; empty also where it does not answer now."""
        try:
            check_writable(self._store)
        except StoreRefused as error:
            return str(error)
        except StoreError:
            return ""
        return ""


@dataclass
class FleetRun:
    """A run of the due sites of a list, each with its record as soon as it ended.

    `make_engine` is asked for an engine once anything is due. With `is_waiting` the run goes on for ever, and says each
    result. `lines` gets lines for a person, with `is_quiet` only those that a person should see in any case.
    """

    fleet: SiteList
    sites: Sequence[Site]
    records: Records
    make_engine: Callable[[], Engine]
    addresses: StartAddresses | None = None
    """The addresses of which no two sites are crawled at once, where crawls are on several machines."""
    is_waiting: bool = False
    everything: bool = False
    is_quiet: bool = False
    lines: list[str] = field(default_factory=list, init=False)
    results: list[SiteResult] = field(default_factory=list, init=False)
    """The results of all sites, unless it goes on for ever."""
    ends: Counter[SiteEnd] = field(default_factory=Counter, init=False)
    refusal: str = field(default="", init=False)
    """Why the store takes nothing; then the run is stopped, since every further site would fail likewise."""
    stops: int = field(default=0, init=False)
    """How often it was asked to stop: once for good order, twice for at once."""
    _engine: Engine | None = field(default=None, init=False)
    _queue: HostQueue = field(default_factory=HostQueue, init=False)
    _due: list[tuple[datetime, int]] = field(default_factory=list, init=False)
    _lost: list[tuple[float, SiteTask]] = field(default_factory=list, init=False)
    _started: set[str] = field(default_factory=set, init=False)
    _tries: Counter[str] = field(default_factory=Counter, init=False)
    _total: int = field(default=0, init=False)
    _numbers: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._numbers = {site.name: number for number, site in enumerate(self.sites)}
        now = datetime.now(UTC)
        for number, site in enumerate(self.sites):
            due = _AT_ONCE if self.everything else self._due_at(site)
            if self.is_waiting or due <= now:
                heapq.heappush(self._due, (due, number))
        self._total = len(self._due)

    def due_tasks(self) -> list[SiteTask]:
        """Return the tasks of what is due now, in their order."""
        now = datetime.now(UTC)
        return [self._task(number, now) for due, number in sorted(self._due) if due <= now]

    def run(self) -> None:
        """Run until nothing is due, or until it is stopped. The engine is let go of."""
        ends: queue.SimpleQueue[tuple[SiteTask, SiteResult | WorkerLost]] = queue.SimpleQueue()
        if not self._due:
            return
        self._engine = engine = self.make_engine()
        try:
            while (self._due or self._queue or self._lost) and self.stops < 2:
                self._take_due()
                self._start_some(engine, ends)
                with suppress(queue.Empty):
                    self._take(engine, *ends.get(timeout=_LOOK_SECONDS))
        finally:
            for task in [*self._queue.running, *self._queue.take_all()]:
                self._end(task, SiteResult.without_run(task, "ended at once; the next run goes on from what is there"))
            engine.close()

    def stop(self) -> None:
        """Stop in good order; called again, at once. It may be called from any thread, and from a signal handler."""
        self.stops += 1
        if self._engine:
            self._engine.stop()

    def running(self) -> tuple[SiteTask, ...]:
        """Return the tasks that an engine was given and has not ended."""
        return tuple(task for task in self._queue.running if task.name in self._started)

    def waiting(self) -> tuple[SiteTask, ...]:
        """Return the tasks whose worker was lost, and that wait until it has surely stopped."""
        return tuple(task for _, task in self._lost.copy())

    def running_pages(self) -> dict[str, int]:
        """Return the pages that the archive of each running site has by now."""
        return {task.name: self._count_pages(task) for task in self.running()}

    def progress_line(self) -> str:
        """Say in one line how far the run is, and what is running."""
        count = self.ends.total()
        failed_count = count - sum(self.ends[end] for end in QUIET_ENDS)
        done = count_text(count, "site") if self.is_waiting else f"{count:,} of {self._total:,} sites"
        failures = f", {failed_count:,} of them not well" if failed_count else ""
        used_count = self.ends[SiteEnd.IN_USE] + self.ends[SiteEnd.OVERTAKEN]
        used = f", {used_count:,} in use elsewhere" if used_count else ""
        lost = f"; {len(self._lost):,} waiting after a loss" if self._lost else ""
        return f"{done}{failures}{used}; running: {running_text(self.running(), self._count_pages)}{lost}"

    def _count_pages(self, task: SiteTask) -> int:
        return self._engine.pages(task) if self._engine else 0

    def _due_at(self, site: Site) -> datetime:
        return next_due(site, self.records.read(site.name)) or _AT_ONCE

    def _task(self, number: int, now: datetime) -> SiteTask:
        return site_task(self.fleet, self.sites[number], self.records.read(self.sites[number].name), now)

    def _take_due(self) -> None:
        """Queue what is due by now, and what was lost long enough ago; nothing of it where the run is stopped."""
        if self.stops:
            self._due.clear()
            for task in [*self._queue.take_all(), *(task for _, task in self._lost)]:
                self._end(task, SiteResult.without_run(task, "stopped before its turn"))
            self._lost.clear()
        now = datetime.now(UTC)
        tasks = []
        while self._due and self._due[0][0] <= now:
            tasks.append(self._task(heapq.heappop(self._due)[1], now))
        if tasks:
            self._queue.add(self.addresses.added_to(tasks) if self.addresses else tasks)

    def _start_some(self, engine: Engine, ends: queue.SimpleQueue[tuple[SiteTask, SiteResult | WorkerLost]]) -> None:
        try:
            room = engine.room() - len(self._started)
        except CommandError as error:
            self._give_up(error.message)
            return
        for _ in range(room):
            task = None if self.stops else self._lost_task() or self._queue.next_task()
            if task is None:
                return
            self._started.add(task.name)
            engine.start(task, lambda end, task=task: ends.put((task, end)))  # type: ignore[misc]

    def _lost_task(self) -> SiteTask | None:
        """Return a task whose worker was lost and has stopped by now. Its hosts were kept from others."""
        for lost in self._lost:
            if lost[0] <= time.monotonic():
                self._lost.remove(lost)
                return lost[1]
        return None

    def _give_up(self, message: str) -> None:
        """Give all tasks a result that have none: there is nothing to run them any more."""
        self._due.clear()
        self._lost.clear()
        for task in [*self._queue.running, *self._queue.take_all()]:
            self._end(task, SiteResult.without_run(task, message))
        self._started.clear()

    def _take(self, engine: Engine, task: SiteTask, end: SiteResult | WorkerLost) -> None:
        self._started.discard(task.name)
        if task not in self._queue.running:
            return  # given up before
        is_cut = isinstance(end, WorkerLost) or end.end is SiteEnd.STOPPED
        if is_cut and not self.stops and self._tries[task.name] < _TRIES - 1:
            self._tries[task.name] += 1
            self._lost.append((time.monotonic() + engine.lost_seconds, task))
            return
        if isinstance(end, WorkerLost):
            end = SiteResult(task.name, SiteEnd.KILLED, 1, task.archive, message=str(end))
        self._end(task, end)

    def _end(self, task: SiteTask, result: SiteResult) -> None:
        self._queue.end(task)
        try:
            self.records.note(task, result)
        except (StoreError, OSError) as error:
            why = getattr(error, "strerror", "") or error
            self.lines.append(f"{task.name}: the record cannot be written, so its next turn comes early: {why}")
        if self._comes_again(task, result):
            return
        self.ends[result.end] += 1
        if not self.is_waiting:
            self.results.append(result)
        elif not self.is_quiet or result.end not in QUIET_ENDS:
            self.lines.append(result_line(result))
        self.lines += tell(task, result)
        if result.end is SiteEnd.FAILED and not self.refusal and (refusal := self.records.refused()):
            self.refusal = refusal
            self.stop()

    def _comes_again(self, task: SiteTask, result: SiteResult) -> bool:
        """Queue a site again that somebody else published, and with `is_waiting` any; tell whether it is not over."""
        if self.stops:
            return False
        number, now = self._numbers[task.name], datetime.now(UTC)
        due = self._due_at(self.sites[number])
        self._tries[task.name] = self._tries[task.name] + 1 if result.end is SiteEnd.OVERTAKEN else 0
        is_open = self.everything or due <= now
        if result.end is SiteEnd.OVERTAKEN and is_open and self._tries[task.name] < _TRIES:
            heapq.heappush(self._due, (now, number))
            return True
        if self.is_waiting:
            heapq.heappush(self._due, (due if result.end is SiteEnd.DONE else max(due, now + _AGAIN), number))
        return False
