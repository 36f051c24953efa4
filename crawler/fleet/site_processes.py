"""Processes on this machine that run the tasks of sites, side by side, and the result of each.

The counts of a run are read from its archive: also where the run was killed and could say nothing.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broadsheet.cleaners.compare.edit_kinds import COMPARED_KINDS
from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.stored_text import sql_words
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.archive.url_words import UrlState, count_pages
from broadsheet.output.read.report_figures import read_urls

from ..cli.command_line import IN_USE, INTERRUPTED
from ..cli.terminal import one_line
from ..crawl.processes import Lifeline
from ..fetch.capacity import memory_bytes
from .site_task import SiteCounts, SiteEnd, SiteResult, SiteTask, WorkerLost

_COUNTS = f"""SELECT
    (SELECT count(*) FROM articles a WHERE EXISTS
        (SELECT 1 FROM changes c WHERE c.article_id = a.id AND c.change = 'added' AND c.at >= :since)),
    (SELECT count(DISTINCT article_id) FROM changes WHERE at >= :since AND kind IN {sql_words(COMPARED_KINDS)}),
    (SELECT count(DISTINCT article_id) FROM changes WHERE at >= :since AND kind = 'withdrawn'),
    (SELECT count(*) FROM alarms WHERE at >= :since),
    (SELECT count(*) FROM articles)"""


def site_counts(archive: Path, since: str) -> SiteCounts:
    """Count what an archive stored from a time on (UTC, ISO 8601); zeros if it cannot be read."""
    try:
        with closing(open_database(archive, read_only=True)) as db:
            new, changed, withdrawn, alarms, articles = db.execute(_COUNTS, {"since": since}).fetchone()
            urls = read_urls(db, since)
            failed = sum(count.urls for count in urls if count.state == UrlState.FAILED)
            return SiteCounts(new, changed, withdrawn, alarms, failed, count_pages(urls), articles)
    except (ArchiveError, sqlite3.Error):
        return SiteCounts()


def page_count(archive: Path) -> int:
    """Count the pages of an archive that were fetched, as a running crawl knows it; for a progress line."""
    try:
        with closing(open_database(archive, read_only=True)) as db:
            return count_pages(read_urls(db))
    except (ArchiveError, sqlite3.Error):
        return 0


_COUNT_FACTOR = 50  # of the time that counting an archive's pages took, until they are counted again


class PageCounter:
    """A counter of the pages of archives while they are crawled, which reads a large one more rarely."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[float, int]] = {}

    def count(self, archive: Path) -> int:
        """Return the number of an archive's pages as it was a moment ago."""
        again_at, pages = self._known.get(archive, (0.0, 0))
        if (started := time.monotonic()) >= again_at:
            pages, ended = page_count(archive), time.monotonic()
            self._known[archive] = (ended + _COUNT_FACTOR * (ended - started), pages)
        return pages


_TERMINATED = 128 + signal.SIGTERM
_ENDS = {0: SiteEnd.DONE, 2: SiteEnd.BAD_OPTIONS, IN_USE: SiteEnd.IN_USE, INTERRUPTED: SiteEnd.STOPPED,
         _TERMINATED: SiteEnd.STOPPED, -signal.SIGTERM: SiteEnd.STOPPED, -signal.SIGINT: SiteEnd.STOPPED}  # fmt: skip
_LOG_END = 4096  # bytes at the end of a log in which its last line is looked for
_PAUSE = 0.1
_SERVER_KILLED = 255  # what multiprocessing says of a fork whose server is gone, with which its crawls stop
KILLED_TRIES = 3
"""Crawls of a task that the system may kill, for want of memory for instance, until the task is given up."""


@dataclass(frozen=True, slots=True)
class RunningSite:
    """A crawl that was started: its task, process and log, and the time of its start."""

    task: SiteTask
    process: Any
    log: Path
    started_at: str
    started: float

    def stop(self) -> None:
        """Ask the crawl to stop in good order; a second time, at once."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGTERM)

    def result(self) -> SiteResult | None:
        """Return the result; None while the crawl is running."""
        code = self.process.poll()
        if code is None:
            return None
        code = -signal.SIGKILL if code == _SERVER_KILLED else code
        return site_result(self.task, code, self.log, self.started_at, time.monotonic() - self.started)


def site_result(task: SiteTask, code: int, log: Path, started_at: str, seconds: float) -> SiteResult:
    """Return the result of a task whose process ended with an exit code and printed to a log."""
    end = end_of(code)
    return SiteResult(
        name=task.name,
        end=end,
        exit_code=code,
        archive=task.archive,
        counts=SiteCounts() if end is SiteEnd.IN_USE else site_counts(task.archive, started_at),
        seconds=seconds,
        message="" if end is SiteEnd.DONE else last_words(end, code, log),
    )


def start_site(
    task: SiteTask, lifeline: Lifeline, log: Path, environment: Mapping[str, str] | None = None
) -> RunningSite | SiteResult:
    """Start a task's crawl; return its result at once if it cannot be started. It prints to a new file `log`."""
    started_at, started = utc_now(), time.monotonic()
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:  # every writer appends, also one that a killed runner has left
            output.truncate(0)
            process = lifeline.start(task.command(task.archive), output, environment)
    except (OSError, EOFError) as error:
        return SiteResult.without_run(task, f"cannot be started: {getattr(error, 'strerror', '') or error}")
    return RunningSite(task, process, log, started_at, started)


def run_site(
    task: SiteTask,
    lifeline: Lifeline,
    log: Path,
    is_stopped: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> SiteResult:
    """Run a task to its end, again some times if the system kills it.

    It is asked to stop as soon as `is_stopped()` says so.
    """
    for _ in range(KILLED_TRIES):
        result = _run_once(task, lifeline, log, is_stopped, environment)
        if result.end is not SiteEnd.KILLED or is_stopped():
            break
    return result


def _run_once(
    task: SiteTask, lifeline: Lifeline, log: Path, is_stopped: Callable[[], bool],
    environment: Mapping[str, str] | None,
) -> SiteResult:  # fmt: skip
    running = start_site(task, lifeline, log, environment)
    if isinstance(running, SiteResult):
        return running
    is_asked = False
    while (result := running.result()) is None:
        if not is_asked and is_stopped():
            is_asked = True
            running.stop()
        time.sleep(_PAUSE)
    return result


def end_of(exit_code: int) -> SiteEnd:
    """Return how a crawl ended by its exit code; a negative one is the number of the signal that killed it."""
    if exit_code < 0:
        return _ENDS.get(exit_code, SiteEnd.KILLED)
    return _ENDS.get(exit_code, SiteEnd.FAILED)


def last_words(end: SiteEnd, exit_code: int, log: Path) -> str:
    """Say why a crawl did not end well: its own last words, if it had any."""
    if end is SiteEnd.KILLED:
        return f"killed by signal {-exit_code}; the same command goes on from there"
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _LOG_END))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    own_lines = [line for line in lines if line.startswith("broadsheet: ")] or [line for line in lines if line.strip()]
    return one_line(own_lines[-1].removeprefix("broadsheet: ")) if own_lines else ""


_CRAWL_BYTES = 600_000_000  # of a crawl with one worker process and large pages
_PER_CORE = 4  # crawls that a core has room for: each of them waits most of the time, politely


def default_parallel() -> int:
    """Return the number of crawls that this machine has room for, by its cores and its memory."""
    by_cores = _PER_CORE * (os.cpu_count() or 1)
    memory = memory_bytes()
    return max(1, min(by_cores, memory // _CRAWL_BYTES)) if memory else by_cores


def crawl_environment(per_address: int, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that each crawl of a fleet gets; one that the environment has wins.

    Crawls run side by side, so each has one worker process. `folder` is where those of a machine share their slots of
    addresses.
    """
    chosen = {
        "BROADSHEET_WORKERS": "1",
        "BROADSHEET_PER_ADDRESS": str(per_address),
        "BROADSHEET_ADDRESS_FOLDER": str(folder),
    }
    return {name: value for name, value in chosen.items() if name not in environment}


class LocalEngine:
    """An engine of at most `parallel` tasks at once on this machine, each in a thread that waits for its crawl.

    `run` runs one task: it gets the lifeline that its crawl is to hang on, and what says that it is to stop.
    `archive_of` returns the file that the crawl of a task writes.
    """

    lost_seconds = 0.0

    def __init__(
        self,
        run: Callable[[SiteTask, Lifeline, Callable[[], bool]], SiteResult],
        parallel: int,
        archive_of: Callable[[SiteTask], Path] = lambda task: task.archive,
    ) -> None:
        self._run = run
        self._parallel = parallel
        self._archive_of = archive_of
        self._counter = PageCounter()
        self._lifeline = Lifeline()
        self._is_stopped = False

    def room(self) -> int:
        """Return how many tasks may be under way: see `Engine.room`."""
        return self._parallel

    def start(self, task: SiteTask, on_end: Callable[[SiteResult | WorkerLost], object]) -> None:
        """Start a task in a thread of its own: see `Engine.start`."""

        def work() -> None:
            try:
                on_end(self._run(task, self._lifeline, lambda: self._is_stopped))
            except Exception as error:  # noqa: BLE001 - a fault of ours, which is not to stop the others
                on_end(SiteResult.without_run(task, f"{type(error).__name__}: {error}", SiteEnd.FAILED))

        threading.Thread(target=work, name=f"site-{task.name}", daemon=True).start()

    def pages(self, task: SiteTask) -> int:
        """Return the pages of a running task: see `Engine.pages`."""
        return self._counter.count(self._archive_of(task))

    def stop(self) -> None:
        """Stop: see `Engine.stop`."""
        self._is_stopped = True

    def close(self) -> None:
        """Let go: see `Engine.close`."""
        self._lifeline.close()
