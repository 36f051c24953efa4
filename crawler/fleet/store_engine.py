"""The engine for a store and one machine, and the queue in which no two tasks share a host.

Tasks run side by side here, also beside other machines that do the same.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from broadsheet.crawler.crawl.processes import Lifeline
from broadsheet.crawler.fleet.site_task import SiteResult, SiteTask
from broadsheet.crawler.fleet.slot_grants import granted_slots
from broadsheet.crawler.fleet.stored_run import StorePlace, run_task


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


@dataclass
class StoreEngine:
    """An engine of at most `parallel` tasks at once, each in a thread that waits for its crawl."""

    store_place: StorePlace
    parallel: int
    _tasks: HostQueue = field(default_factory=lambda: HostQueue(()), init=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        """Run the tasks: see `Engine.run`."""
        self._tasks = HostQueue(tasks)
        results: queue.SimpleQueue[tuple[SiteTask, SiteResult]] = queue.SimpleQueue()
        with closing(Lifeline()) as lifeline, granted_slots(self.store_place) as slots:

            def work(task: SiteTask) -> None:
                results.put((task, run_task(task, self.store_place, lifeline, self._stopped.is_set, slots)))

            while self._tasks:
                self._start_some(work)
                if self._stopped.is_set():
                    for task in self._tasks.take_all():
                        on_result(SiteResult.without_run(task, "stopped before its turn"))
                if self._tasks.running:
                    task, result = results.get()
                    self._tasks.end(task)
                    on_result(result)

    def stop(self) -> None:
        """Stop: see `Engine.stop`."""
        self._stopped.set()

    def running(self) -> tuple[SiteTask, ...]:
        """Return the tasks that are running: see `Engine.running`."""
        return self._tasks.running

    def _start_some(self, work: Callable[[SiteTask], None]) -> None:
        while not self._stopped.is_set() and len(self._tasks.running) < self.parallel:
            task = self._tasks.next_task()
            if task is None:
                return
            threading.Thread(target=work, args=(task,), name=f"site-{task.name}", daemon=True).start()
