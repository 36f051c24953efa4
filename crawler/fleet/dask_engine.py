"""The engine for a cluster: Dask hands tasks to workers; the truth of what was done is in the store.

Nothing depends on a scheduler that lives on. When it is gone, the engine waits for it to come back and hands out
again what has no result yet; a task that was finished meanwhile gives its result at once. Dask's own terms are for
tasks of seconds, and a crawl takes hours: `set_task_terms` changes them. A crawl stops when its worker's process is
gone.
"""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from broadsheet.output.archive.installed_extras import install_command

from ..command_values import CommandError
from ..crawl.processes import Lifeline
from .left_copies import bring_left_copies
from .site_task import SiteEnd, SiteResult, SiteTask
from .slot_grants import granted_slots
from .store_engine import HostQueue
from .stored_run import CrawlHost, StorePlace, run_task

if TYPE_CHECKING:
    from distributed import Client, Future


_LOG = logging.getLogger(__name__)
ALLOWED_FAILURES = 30
"""Workers that may die under a task until Dask gives it up; it blames all tasks of a worker, also those that wait
there. A crawl is a process of its own, so it is hardly the task that kills its worker, and a machine that is lent for
an hour dies of something else."""
WORKER_SECONDS = 300.0
"""Until a worker that is not heard of is given up: longer than the lease of a site, so that who gets its task may take
the site, and longer than a merge of large archives may keep a worker from answering."""


def set_task_terms(client: Client) -> None:
    """Make a scheduler keep tasks at least as long as this module says, whoever started it, and however."""
    allowed_failures, worker_seconds = ALLOWED_FAILURES, WORKER_SECONDS

    def raise_terms(dask_scheduler: Any) -> None:  # goes to the scheduler as it stands, which need not have this module
        dask_scheduler.allowed_failures = max(dask_scheduler.allowed_failures, allowed_failures)
        if dask_scheduler.worker_ttl:
            dask_scheduler.worker_ttl = max(dask_scheduler.worker_ttl, worker_seconds)

    try:
        client.run_on_scheduler(raise_terms)  # type: ignore[no-untyped-call]
    except ValueError as error:  # it was started so that it takes no functions (distributed.scheduler.pickle)
        _LOG.warning("the scheduler keeps its own terms for tasks: %s", f"{error}".partition("\n")[0])


_stopped_turns: set[str] = set()
_stopped_lock = threading.Lock()


def run_on_worker(task: SiteTask, store_place: StorePlace, turn: str) -> SiteResult:
    """Run one task of a turn, in a thread of the worker."""
    with _stopped_lock:
        lifeline, slots = worker_lifeline(), worker_slots(store_place)
    return run_task(task, store_place, CrawlHost(lifeline, lambda: turn in _stopped_turns, slots))


@cache
def worker_lifeline() -> Lifeline:
    """Return the lifeline of this process. The system closes it, however the process ends."""
    return Lifeline()


@cache
def worker_slots(store_place: StorePlace) -> Path | None:
    """Grant this process's crawls slots of the store as long as it lives, having seen to what killed ones left here.

    Returns the folder of the slots; None without a bound.
    """
    for line in bring_left_copies(store_place):
        _LOG.warning("%s", line)
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(granted_slots(store_place))


def stop_turn(turn: str) -> None:
    """Stop the crawls of a turn on this worker in good order; run on every worker."""
    _stopped_turns.add(turn)


_ATTEMPTS = 4
_CONNECT_SECONDS = 10
_LOOK_SECONDS = 0.5  # between two looks at whether the scheduler is there
_CORES_SECONDS = 5.0  # between two looks at how many workers there are
_LEAST_AHEAD = 8  # tasks that are handed to the scheduler beyond what its workers can run


class SchedulerGone(Exception):  # noqa: N818 - named by what it is
    """A scheduler does not answer any more."""


@dataclass
class TaskTurn:
    """The work of an engine: its tasks, their results so far, and whether it was told to stop."""

    tasks: HostQueue
    on_result: Callable[[SiteResult], None]
    name: str = field(default_factory=lambda: token_hex(8))
    attempts: Counter[str] = field(default_factory=Counter)
    stops: int = 0
    """How often it was asked to stop: once for good order, twice for at once."""

    @property
    def is_stopped(self) -> bool:
        """Tell whether nothing more is to start."""
        return self.stops > 0

    def end(self, task: SiteTask, result: SiteResult) -> None:
        """Note the result of a task."""
        self.tasks.end(task)
        self.on_result(result)

    def fail(self, task: SiteTask, error: BaseException) -> None:
        """Note that a worker did not bring a task to an end; it is tried again some times."""
        self.attempts[task.name] += 1
        if self.attempts[task.name] < _ATTEMPTS and not self.is_stopped:
            self.tasks.put_back([task])
            return
        message = f"{type(error).__name__}: {error}".partition("\n")[0]
        self.end(task, SiteResult(task.name, SiteEnd.KILLED, 1, task.archive, message=message))

    def leave_waiting(self, message: str) -> None:
        """Give the tasks that wait a result: they do not run any more."""
        for task in self.tasks.take_all():
            self.on_result(SiteResult.without_run(task, message))

    def leave_all(self, message: str) -> None:
        """Give the tasks that have been handed out one too; whoever has them goes on or stops by itself."""
        self.tasks.put_back(self.tasks.running)
        self.leave_waiting(message)


@dataclass
class DaskEngine:
    """An engine that runs tasks on the workers of the Dask scheduler at `address`, as in `tcp://127.0.0.1:8786`.

    `scheduler_seconds` is how long to wait for a scheduler that is gone, `worker_seconds` how long while there is no
    worker at all. `function` is what a worker runs.
    """

    address: str
    store_place: StorePlace
    scheduler_seconds: float = 600.0
    worker_seconds: float = 600.0
    function: Callable[[SiteTask, StorePlace, str], SiteResult] = run_on_worker
    _turn: TaskTurn = field(default_factory=lambda: TaskTurn(HostQueue(()), print), init=False)

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        """Run the tasks: see `Engine.run`. CommandError if there is no scheduler at the beginning."""
        self._turn = TaskTurn(HostQueue(tasks), on_result, stops=self._turn.stops)
        client: Client | None = connected(self.address)
        while client and self._turn.tasks:
            try:
                SchedulerSession(self, self._turn, client).run()
            except SchedulerGone:
                self._turn.tasks.put_back(self._turn.tasks.running)
                client = self._reconnected()
        if client:
            _close(client)
        self._turn.leave_waiting(f"the scheduler at {self.address} is gone")

    def stop(self) -> None:
        """Stop: see `Engine.stop`."""
        self._turn.stops += 1

    def running(self) -> tuple[SiteTask, ...]:
        """Return the tasks that are running (see `Engine.running`), or wait for a place on a worker."""
        return self._turn.tasks.running

    def _reconnected(self) -> Client | None:
        deadline = time.monotonic() + self.scheduler_seconds
        _LOG.warning("the scheduler at %s is gone; waiting for it", self.address)
        while time.monotonic() < deadline and not self._turn.is_stopped:
            with suppress(CommandError):
                return connected(self.address)
            time.sleep(_LOOK_SECONDS)
        return None


class SchedulerSession:
    """A connection to a scheduler, and the futures of the tasks that were handed to it."""

    def __init__(self, engine: DaskEngine, turn: TaskTurn, client: Client) -> None:
        self._engine = engine
        self._turn = turn
        self._client = client
        self._tasks: dict[str, tuple[SiteTask, Future[Any]]] = {}
        self._ended_keys: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._room = _LEAST_AHEAD
        self._looked_at = 0.0
        self._worker_at = time.monotonic()
        self._has_workers = True
        self._is_stop_passed_on = False

    def run(self) -> None:
        """Hand out tasks and take results until all have one. Raises SchedulerGone."""
        try:
            self._call(lambda: set_task_terms(self._client))
            while self._turn.tasks:
                self._check()
                if not self._turn.tasks:
                    return
                self._hand_out()
                with suppress(queue.Empty):
                    self._take(self._ended_keys.get(timeout=_LOOK_SECONDS))
        except SchedulerGone:
            _close(self._client)
            raise

    def _check(self) -> None:
        if self._client.status != "running":
            raise SchedulerGone
        if self._turn.is_stopped and not self._is_stop_passed_on:
            self._is_stop_passed_on = True
            self._turn.leave_waiting("stopped before its turn")
            self._call(lambda: self._client.run(stop_turn, self._turn.name))
        if self._turn.stops > 1:
            self._turn.leave_all("ended at once; its worker stops it and brings it home")
            return
        if time.monotonic() - self._looked_at > _CORES_SECONDS:
            self._looked_at = time.monotonic()
            self._note_workers(sum(self._call(self._client.ncores).values()))

    def _note_workers(self, crawl_count: int) -> None:
        """Note how many crawls the workers can run; where there has been none for too long, stop waiting for any."""
        self._room = 2 * crawl_count + _LEAST_AHEAD
        if crawl_count:
            self._worker_at = self._looked_at
        elif self._looked_at - self._worker_at > self._engine.worker_seconds:
            self._turn.leave_all("there was no worker for too long")
        elif self._has_workers:
            _LOG.warning(
                "the scheduler at %s has no worker; start one: python -m broadsheet.crawler.fleet.worker_loop %s "
                "(waiting %.0f minutes for it; Ctrl-C ends, and the same command goes on later)",
                self._engine.address, self._engine.address, self._engine.worker_seconds / 60,
            )  # fmt: skip
        self._has_workers = bool(crawl_count)

    def _hand_out(self) -> None:
        while not self._turn.is_stopped and len(self._tasks) < self._room:
            task = self._turn.tasks.next_task()
            if task is None:
                return
            key = f"{task.name}-{self._turn.name}-{token_hex(4)}"
            future = self._call(partial(self._submit, task, key))
            self._tasks[key] = (task, future)
            future.add_done_callback(lambda future: self._ended_keys.put(future.key))

    def _submit(self, task: SiteTask, key: str) -> Future[Any]:
        words = (task, self._engine.store_place, self._turn.name)
        return self._client.submit(self._engine.function, *words, key=key, pure=False)

    def _take(self, key: str) -> None:
        """Take what came of a future: a result, a failure, or nothing where the scheduler was restarted."""
        task, future = self._tasks.pop(key)
        if future.status == "finished":
            self._turn.end(task, self._call(future.result))
        elif future.status == "error":
            self._turn.fail(task, self._call(future.exception))
        elif self._turn.is_stopped:
            self._turn.end(task, SiteResult.without_run(task, "stopped before its turn"))
        else:
            self._turn.tasks.put_back([task])

    def _call(self, function: Callable[[], Any]) -> Any:
        """Return the result of a call of the client; SchedulerGone if its connection breaks."""
        from distributed.comm.core import CommClosedError

        try:
            return function()
        except (CommClosedError, OSError, TimeoutError) as error:
            raise SchedulerGone from error


def connected(address: str) -> Client:
    """Return a client of the scheduler at an address. CommandError if there is none or Dask is not installed."""
    try:
        from distributed import Client
    except ImportError as error:
        raise CommandError(f"a scheduler needs Dask: {install_command('fleet')}") from error
    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is said in our words
    try:
        return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise CommandError(f"there is no Dask scheduler at {address}") from error


def _close(client: Client) -> None:
    with suppress(Exception):
        client.close(timeout=2)  # type: ignore[no-untyped-call]
