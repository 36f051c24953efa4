"""The engine for a cluster: Dask hands tasks to workers; the truth of what was done is in the store.

A task is a crawl of hours that must not run twice at once, so Dask's own terms for tasks of seconds are changed. It
runs no lost worker's task again: that is submitted here, once the worker has surely stopped (`dask_worker.py`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from broadsheet.output.archive.installed_extras import install_command

from ..cli.command_line import CommandError
from ..cli.lazy_modules import lazy_imports
from .site_task import SiteResult, SiteTask, WorkerLost
from .stored_run import StorePlace

if TYPE_CHECKING:
    from distributed import Client, Future

with lazy_imports():
    from . import dask_worker

_LOG = logging.getLogger(__name__)
_LOST_FACTOR = 2.0
"""Until the task of a worker that was lost runs again, in times after which a worker without scheduler stops."""


def set_terms(client: Client, address: str) -> None:
    """Make a scheduler give up the task of a worker that dies, whoever started it.

    CommandError if it takes no such setting.
    """

    def give_up(dask_scheduler: Any) -> None:  # goes to the scheduler as it stands, which need not have this module
        dask_scheduler.allowed_failures = 0

    try:
        client.run_on_scheduler(give_up)  # type: ignore[no-untyped-call]
    except ValueError as error:  # it was started so that it takes no functions
        raise CommandError(
            f"the scheduler at {address} takes no settings (distributed.scheduler.pickle), and would run the sites of "
            "a lost worker twice at once"
        ) from error


SCHEDULER_SECONDS = 600.0
"""How long a run waits for a scheduler that is gone."""

_CONNECT_SECONDS = 10
_CORES_SECONDS = 5.0  # between two looks at how many workers there are


class DaskEngine:
    """An engine that runs tasks on the workers of the Dask scheduler at `address`, as in `tcp://127.0.0.1:8786`.

    `scheduler_seconds` is how long to wait for a scheduler that is gone, `worker_seconds` how long while there is no
    worker at all. `function` is what a worker runs. CommandError if there is no scheduler at the beginning.
    """

    def __init__(
        self,
        address: str,
        place: StorePlace,
        scheduler_seconds: float = SCHEDULER_SECONDS,
        worker_seconds: float = 600.0,
        function: Callable[[SiteTask, StorePlace], SiteResult | None] | None = None,
    ) -> None:
        self.lost_seconds = _LOST_FACTOR * place.lost_seconds
        self._address = address
        self._place = place
        self._scheduler_seconds = scheduler_seconds
        self._worker_seconds = worker_seconds
        self._function = function or dask_worker.run_on_worker
        self._futures: set[Future[Any]] = set()
        self._pages: dict[str, int] = {}
        self._is_stopped = False
        self._gone_at: float | None = None
        self._worker_at = time.monotonic()
        self._looked_at = 0.0
        self._room = 0
        self._has_earlier = True
        self._client: Client | None = None
        self._begin(connected(address))

    def room(self) -> int:
        """Return the threads of all workers: see `Engine.room`. CommandError without any of them for too long."""
        if self._client is None or self._client.status != "running":
            self._reconnect()
        elif time.monotonic() - self._looked_at > _CORES_SECONDS:
            with suppress(OSError, TimeoutError):
                self._room = self._counted_threads(self._client)
        return self._room if self._client else 0

    def start(self, task: SiteTask, on_end: Callable[[SiteResult | WorkerLost], object]) -> None:
        """Submit a task: see `Engine.start`."""
        try:
            assert self._client
            key = f"{task.name}-{token_hex(8)}"
            future = self._client.submit(self._function, task, self._place, key=key, pure=False)
        except (OSError, TimeoutError, AssertionError) as error:
            on_end(WorkerLost(f"the scheduler at {self._address} is gone: {error}"))
            return
        self._pages.pop(task.name, None)
        self._futures.add(future)
        future.add_done_callback(partial(self._end, on_end))  # type: ignore[no-untyped-call]

    def pages(self, task: SiteTask) -> int:
        """Return the pages of a running task, as its worker told a few seconds ago: see `Engine.pages`."""
        return self._pages.get(task.name, 0)

    def stop(self) -> None:
        """Stop: see `Engine.stop`."""
        self._is_stopped = True
        threading.Thread(target=self._pass_stop_on, name="stop", daemon=True).start()

    def close(self) -> None:
        """Let go of the scheduler: see `Engine.close`."""
        if self._client:
            with suppress(Exception):
                self._client.close(timeout=2)  # type: ignore[no-untyped-call]
            self._client = None

    def _pass_stop_on(self) -> None:
        with suppress(Exception):  # without a scheduler they stop by themselves
            if self._client:
                self._client.run(dask_worker.stop_run, self._place)

    def _end(self, on_end: Callable[[SiteResult | WorkerLost], object], future: Future[Any]) -> None:
        """Hand on what came of a future: a result, a failure, or nothing where its worker or the scheduler is gone."""
        self._futures.discard(future)
        end: SiteResult | WorkerLost = WorkerLost(f"its worker was lost ({future.status})")
        try:
            if future.status in ("finished", "error"):
                end = future.result() or WorkerLost("a crawl of it goes on on another worker")
        except Exception as error:  # noqa: BLE001 - the worker's, or of a connection that broke
            end = WorkerLost(f"{type(error).__name__}: {error}".partition("\n")[0])
        on_end(end)

    def _begin(self, client: Client) -> None:
        """Set the terms of a scheduler that was connected to, have each worker stop the crawls of other runs, and tell
        the pages of ours.
        """
        set_terms(client, self._address)
        topic = dask_worker.pages_topic(self._place.identity)
        client.subscribe_topic(topic, lambda event: self._pages.update(event[1]))  # type: ignore[no-untyped-call]
        client.register_plugin(dask_worker.CrawlGuard(self._place.lost_seconds))
        self._client, self._gone_at, self._looked_at, self._has_earlier = client, None, 0.0, True

    def _reconnect(self) -> None:
        self.close()
        if self._gone_at is None:
            self._gone_at = time.monotonic()
            _LOG.warning("the scheduler at %s is gone; waiting for it", self._address)
        try:
            self._begin(connected(self._address))
        except (CommandError, OSError, TimeoutError) as error:
            self.close()
            if self._is_stopped or time.monotonic() - self._gone_at > self._scheduler_seconds:
                raise CommandError(f"the scheduler at {self._address} is gone") from error

    def _counted_threads(self, client: Client) -> int:
        """Count the threads of the workers; none while a crawl of another run is still under way there."""
        self._looked_at, count = time.monotonic(), sum(client.ncores().values())  # type: ignore[no-untyped-call]
        if count:
            self._worker_at = self._looked_at
            if self._has_earlier:
                counts = client.run(dask_worker.stop_earlier_runs, self._place, on_error="ignore")
                self._has_earlier = sum(counts.values()) > 0
            return 0 if self._has_earlier else count
        if self._looked_at - self._worker_at > self._worker_seconds:
            raise CommandError("there was no worker for too long")
        if self._room or self._worker_at + 2 * _CORES_SECONDS > self._looked_at:
            _LOG.warning(
                "the scheduler at %s has no worker; start one: dask worker %s --nworkers 1 --no-nanny --nthreads 4 "
                "(waiting %.0f minutes for it; Ctrl-C ends, and the same command goes on later)",
                self._address, self._address, self._worker_seconds / 60,
            )  # fmt: skip
        return 0


def connected(address: str) -> Client:
    """Return a client of the scheduler at an address, or in a scheduler file. CommandError if there is none."""
    try:
        from distributed import Client
    except ImportError as error:
        raise CommandError(f"a scheduler needs Dask: {install_command('fleet')}") from error
    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is said in our words
    place: dict[str, str] = {"address": address} if "://" in address else {"scheduler_file": address}
    try:
        return Client(**place, timeout=_CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise CommandError(f"there is no Dask scheduler at {address}") from error
