"""The engine for a store and one machine: tasks run side by side here, also beside other machines that do the same."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crawler.fleet.engine.host_queue import HostQueue
from crawler.fleet.run_site import unstarted
from crawler.fleet.site_task import SiteResult, SiteTask
from crawler.fleet.store.task_in_store import StorePlace, run_task
from crawler.session.lifeline import Lifeline


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
        lifeline = Lifeline()
        try:
            while self._tasks:
                self._start_some(results, lifeline)
                if self._stopped.is_set():
                    for task in self._tasks.take_all():
                        on_result(unstarted(task, "stopped before its turn"))
                if self._tasks.running:
                    task, result = results.get()
                    self._tasks.end(task)
                    on_result(result)
        finally:
            lifeline.close()

    def stop(self) -> None:
        """See `Engine.stop`."""
        self._stopped.set()

    def running(self) -> tuple[SiteTask, ...]:
        """See `Engine.running`."""
        return self._tasks.running

    def _start_some(self, results: queue.SimpleQueue[tuple[SiteTask, SiteResult]], lifeline: Lifeline) -> None:
        def work(task: SiteTask) -> None:
            results.put((task, run_task(task, self.store_place, lifeline, self._stopped.is_set)))

        while not self._stopped.is_set() and len(self._tasks.running) < self.parallel:
            task = self._tasks.next_task()
            if task is None:
                return
            threading.Thread(target=work, args=(task,), name=f"site-{task.name}", daemon=True).start()
