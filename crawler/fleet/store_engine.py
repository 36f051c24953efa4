"""The engine for a store and one machine, and the queue in which no two tasks share a host.

Tasks run side by side here, also beside other machines that do the same.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Protocol

from ..crawl.processes import Lifeline
from .left_copies import bring_left_copies
from .object_store import StoreError
from .site_lease import LeaseWatch, read_site
from .site_processes import page_count
from .site_task import SiteResult, SiteTask
from .slot_grants import granted_slots
from .store_address import store_at
from .stored_run import CrawlHost, StorePlace, run_task

_LOG = logging.getLogger(__name__)


class HostQueue:
    """A queue that hands out the first task whose hosts are free. A task is running until it is given back."""

    def __init__(self, tasks: Sequence[SiteTask]) -> None:
        self._waiting = OrderedDict.fromkeys(tasks)  # a dict would look at all that have left its front
        self._running: dict[str, SiteTask] = {}
        self._busy_hosts: set[str] = set()

    @property
    def running(self) -> tuple[SiteTask, ...]:
        """Return the tasks that were handed out and not given back."""
        return tuple(self._running.values())

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

    def put_back(self, tasks: Iterable[SiteTask]) -> None:
        """Queue tasks that have no result and have to run again: they come first."""
        returned_tasks = list(tasks)
        for task in returned_tasks:
            self.end(task)
        for task in reversed(returned_tasks):
            self._waiting[task] = None
            self._waiting.move_to_end(task, last=False)

    def take_all(self) -> list[SiteTask]:
        """Take all tasks that wait out of the queue."""
        tasks = list(self._waiting)
        self._waiting.clear()
        return tasks

    def __bool__(self) -> bool:
        return bool(self._waiting or self._running)


class TaskSource(Protocol):
    """A giver of tasks while others run. StoreError where it cannot know of any."""

    def take(self) -> Sequence[SiteTask]:
        """Return tasks to run now; a task is given again only when it has had its result."""

    def is_over(self) -> bool:
        """Tell whether there will be no more."""


class NoMoreTasks:
    """A source that gives none: the tasks that an engine was started with are all."""

    def take(self) -> Sequence[SiteTask]:
        """Return no task."""
        return ()

    def is_over(self) -> bool:
        """Return True."""
        return True


_LOOK_SECONDS = 0.5  # between two looks at what there is to do


@dataclass
class StoreEngine:
    """An engine of at most `parallel` tasks at once, each in a thread that waits for its crawl."""

    store_place: StorePlace
    parallel: int
    source: TaskSource = field(default_factory=NoMoreTasks)
    watch: LeaseWatch | None = None
    _tasks: HostQueue = field(default_factory=lambda: HostQueue(()), init=False)
    _stops: int = field(default=0, init=False)

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        """Run the tasks, and those that the source gives: see `Engine.run`."""
        self._tasks = HostQueue(tasks)
        for line in bring_left_copies(self.store_place, self._is_stopped):
            _LOG.warning("%s", line)
        results: queue.SimpleQueue[tuple[SiteTask, SiteResult]] = queue.SimpleQueue()
        with closing(Lifeline()) as lifeline, granted_slots(self.store_place) as slots:
            host = CrawlHost(lifeline, self._is_stopped, slots, self.watch)

            def work(task: SiteTask) -> None:
                results.put((task, run_task(task, self.store_place, host)))

            while (self._tasks or not (self._stops or self.source.is_over())) and self._stops < 2:
                self._start_some(work)
                if self._stops:
                    self._leave(self._tasks.take_all(), "stopped before its turn", on_result)
                with suppress(queue.Empty):
                    task, result = results.get(timeout=_LOOK_SECONDS)
                    self._tasks.end(task)
                    on_result(result)
            folder = self.store_place.local_folder
            self._leave(self._tasks.take_all(), "stopped before its turn", on_result)
            self._leave(self._tasks.running, f"ended at once; what it has is in {folder}, for the next run", on_result)

    def stop(self) -> None:
        """Stop: see `Engine.stop`. Called again, `run` returns at once; crawls then stop by themselves."""
        self._stops += 1

    def running(self) -> tuple[SiteTask, ...]:
        """Return the tasks that are running: see `Engine.running`."""
        return self._tasks.running

    def _is_stopped(self) -> bool:
        return self._stops > 0

    def _start_some(self, work: Callable[[SiteTask], None]) -> None:
        while not self._stops and len(self._tasks.running) < self.parallel:
            task = self._tasks.next_task() or self._new_task()
            if task is None:
                return
            threading.Thread(target=work, args=(task,), name=f"site-{task.name}", daemon=True).start()

    def _new_task(self) -> SiteTask | None:
        self._tasks.add(self.source.take())
        return self._tasks.next_task()

    def _leave(self, tasks: Iterable[SiteTask], message: str, on_result: Callable[[SiteResult], None]) -> None:
        for task in tasks:
            self._tasks.end(task)
            on_result(SiteResult.without_run(task, message))


_PAGES_SECONDS = 10.0  # between two looks at the pages of a site that runs elsewhere


class StoredPageCounter:
    """Counter of the pages of running tasks, for a progress line: of a local copy, or as the site's lease says.

    The store is asked beside the caller, who gets what was known last.
    """

    def __init__(self, store_place: StorePlace) -> None:
        self._store_place = store_place
        self._pages: dict[str, int] = {}
        self._asked_at: dict[str, float] = {}

    def __call__(self, task: SiteTask) -> int:
        """Return the number of URLs that a task's archive has asked for."""
        archive = self._store_place.local_folder / task.name / f"{task.name}.db"
        if archive.is_file():
            return page_count(archive)
        if time.monotonic() - self._asked_at.get(task.name, -_PAGES_SECONDS) >= _PAGES_SECONDS:
            self._asked_at[task.name] = time.monotonic()
            threading.Thread(target=self._ask, args=(task.name,), name="pages", daemon=True).start()
        return self._pages.get(task.name, 0)

    def _ask(self, name: str) -> None:
        with suppress(StoreError):
            self._pages[name] = read_site(store_at(self._store_place.address), name).pages
