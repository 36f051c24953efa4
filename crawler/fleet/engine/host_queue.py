"""Tasks in their order, of which no two that share a host run at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from broadsheet.crawler.fleet.site_task import SiteTask


class HostQueue:
    """Hands out the first task whose hosts are free. What is handed out is running until it is given back."""

    def __init__(self, tasks: Sequence[SiteTask]) -> None:
        self._waiting = OrderedDict.fromkeys(tasks)  # a dict would look at all that have left its front
        self._running: dict[str, SiteTask] = {}
        self._busy_hosts: set[str] = set()

    @property
    def running(self) -> tuple[SiteTask, ...]:
        """The tasks that were handed out and not given back."""
        return tuple(self._running.values())

    def next_task(self) -> SiteTask | None:
        """The next task to run; None if there is none now."""
        for task in self._waiting:
            if self._busy_hosts.isdisjoint(task.hosts):
                del self._waiting[task]
                self._running[task.name] = task
                self._busy_hosts |= set(task.hosts)
                return task
        return None

    def end(self, task: SiteTask) -> None:
        """A task has its result."""
        if self._running.pop(task.name, None):
            self._busy_hosts -= set(task.hosts)

    def put_back(self, tasks: Iterable[SiteTask]) -> None:
        """Tasks that have no result, and have to run again: they come first."""
        returned_tasks = list(tasks)
        for task in returned_tasks:
            self.end(task)
        for task in reversed(returned_tasks):
            self._waiting[task] = None
            self._waiting.move_to_end(task, last=False)

    def take_all(self) -> list[SiteTask]:
        """All that waits, which then waits no longer."""
        tasks = list(self._waiting)
        self._waiting.clear()
        return tasks

    def __bool__(self) -> bool:
        return bool(self._waiting or self._running)
