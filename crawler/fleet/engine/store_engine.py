"""The engine for a store and one machine: tasks run side by side here, also beside other machines that do the same."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from broadsheet.crawler.fleet.engine.host_queue import HostQueue
from broadsheet.crawler.fleet.engine.store_grants import granted_slots
from broadsheet.crawler.fleet.run_site import unstarted
from broadsheet.crawler.fleet.site_task import SiteResult, SiteTask
from broadsheet.crawler.fleet.store.task_in_store import StorePlace, run_task
from broadsheet.crawler.session.lifeline import Lifeline


@dataclass
class StoreEngine:
    """Runs at most `parallel` tasks at once, each in a thread that waits for its crawl."""

    store_place: StorePlace
    parallel: int
    _tasks: HostQueue = field(default_factory=lambda: HostQueue(()), init=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        """See `Engine.run`."""
        self._tasks = HostQueue(tasks)
        results: queue.SimpleQueue[tuple[SiteTask, SiteResult]] = queue.SimpleQueue()
        with closing(Lifeline()) as lifeline, granted_slots(self.store_place) as slots:

            def work(task: SiteTask) -> None:
                results.put((task, run_task(task, self.store_place, lifeline, self._stopped.is_set, slots)))

            while self._tasks:
                self._start_some(work)
                if self._stopped.is_set():
                    for task in self._tasks.take_all():
                        on_result(unstarted(task, "stopped before its turn"))
                if self._tasks.running:
                    task, result = results.get()
                    self._tasks.end(task)
                    on_result(result)

    def stop(self) -> None:
        """See `Engine.stop`."""
        self._stopped.set()

    def running(self) -> tuple[SiteTask, ...]:
        """See `Engine.running`."""
        return self._tasks.running

    def _start_some(self, work: Callable[[SiteTask], None]) -> None:
        while not self._stopped.is_set() and len(self._tasks.running) < self.parallel:
            task = self._tasks.next_task()
            if task is None:
                return
            threading.Thread(target=work, args=(task,), name=f"site-{task.name}", daemon=True).start()
