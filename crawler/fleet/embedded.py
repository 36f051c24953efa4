"""The engine that needs nothing: it runs the crawls as processes on this machine, side by side."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from broadsheet.crawler.fetch.capacity import memory_bytes
from broadsheet.crawler.fleet.records import RecordFolder
from broadsheet.crawler.fleet.run_site import RunningSite, start_site, unstarted
from broadsheet.crawler.fleet.site_task import SiteResult, SiteTask
from broadsheet.crawler.session.lifeline import Lifeline

_CRAWL_BYTES = 600_000_000  # of a crawl with one worker process and large pages
_PER_CORE = 4  # crawls that a core has room for: each of them waits most of the time, politely
_PAUSE = 0.1


def default_parallel() -> int:
    """How many crawls this machine has room for, by its cores and its memory."""
    by_cores = _PER_CORE * (os.cpu_count() or 1)
    memory = memory_bytes()
    return max(1, min(by_cores, memory // _CRAWL_BYTES)) if memory else by_cores


@dataclass
class EmbeddedEngine:
    """Runs at most `parallel` crawls at once, and never two of one host. What they print goes to a log each."""

    records: RecordFolder
    parallel: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that the crawls get besides those of this process."""
    _sites: dict[str, RunningSite] = field(default_factory=dict, init=False)
    _stops_asked: int = field(default=0, init=False)
    _stops_passed_on: int = field(default=0, init=False)

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        """See `Engine.run`."""
        queue = deque(tasks)
        parallel = self.parallel or default_parallel()
        lifeline = Lifeline()
        try:
            while queue or self._sites:
                self._pass_stops_on()
                while queue and self._stops_asked:
                    on_result(unstarted(queue.popleft(), "stopped before its turn"))
                self._start_some(queue, parallel, lifeline, on_result)
                self._collect(on_result)
                time.sleep(_PAUSE)
        finally:
            lifeline.close()

    def stop(self) -> None:
        """See `Engine.stop`. Called again, crawls stop at once."""
        self._stops_asked += 1

    def running(self) -> tuple[SiteTask, ...]:
        """See `Engine.running`."""
        return tuple(site.task for site in list(self._sites.values()))

    def _start_some(
        self, queue: deque[SiteTask], parallel: int, lifeline: Lifeline, on_result: Callable[[SiteResult], None]
    ) -> None:
        """Start what there is room for; a task whose host is being crawled keeps its place in the queue."""
        busy_tasks: list[SiteTask] = []
        while queue and len(self._sites) < parallel:
            task = queue.popleft()
            if self._is_host_busy(task):
                busy_tasks.append(task)
                continue
            site = start_site(task, lifeline, self.records.log(task.name), self.environment)
            if isinstance(site, SiteResult):
                on_result(site)
            else:
                self._sites[task.name] = site
        queue.extendleft(reversed(busy_tasks))

    def _is_host_busy(self, task: SiteTask) -> bool:
        busy_hosts = {host for site in self._sites.values() for host in site.task.hosts}
        return not busy_hosts.isdisjoint(task.hosts)

    def _collect(self, on_result: Callable[[SiteResult], None]) -> None:
        for name, site in list(self._sites.items()):
            if (result := site.result()) is not None:
                del self._sites[name]
                on_result(result)

    def _pass_stops_on(self) -> None:
        while self._stops_passed_on < self._stops_asked:
            self._stops_passed_on += 1
            for site in self._sites.values():
                site.stop()
