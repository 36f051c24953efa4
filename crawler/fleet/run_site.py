"""Runs one task as a process on this machine, and says what came of it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from broadsheet.crawler.console.run_command import IN_USE, INTERRUPTED
from broadsheet.crawler.console.terminal import one_line
from broadsheet.crawler.fleet.site_counts import site_counts
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.session.lifeline import Lifeline
from broadsheet.output.db.clock import utc_now

_TERMINATED = 128 + signal.SIGTERM
_ENDS = {0: SiteEnd.DONE, 2: SiteEnd.BAD_OPTIONS, IN_USE: SiteEnd.IN_USE, INTERRUPTED: SiteEnd.STOPPED,
         _TERMINATED: SiteEnd.STOPPED, -signal.SIGTERM: SiteEnd.STOPPED, -signal.SIGINT: SiteEnd.STOPPED}  # fmt: skip
_LOG_END = 4096  # bytes at the end of a log in which its last line is looked for
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class RunningSite:
    """A crawl that was started: its task, process and log, and when it began."""

    task: SiteTask
    process: subprocess.Popen[bytes]
    log: Path
    started_at: str
    started: float

    def stop(self) -> None:
        """Ask the crawl to stop in good order; a second time, at once."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def result(self) -> SiteResult | None:
        """What came of it; None while it is running."""
        code = self.process.poll()
        if code is None:
            return None
        end = end_of(code)
        return SiteResult(
            name=self.task.name,
            end=end,
            exit_code=code,
            archive=self.task.archive,
            counts=SiteCounts() if end is SiteEnd.IN_USE else site_counts(self.task.archive, self.started_at),
            seconds=time.monotonic() - self.started,
            message="" if end is SiteEnd.DONE else _message(end, code, self.log),
        )


def start_site(
    task: SiteTask, lifeline: Lifeline, log: Path, environment: Mapping[str, str] | None = None
) -> RunningSite | SiteResult:
    """Start a task's crawl; its result at once if it cannot be started. What it prints goes to `log`, anew."""
    started_at, started = utc_now(), time.monotonic()
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:  # every writer appends, also one that a killed runner has left
            output.truncate(0)
            process = lifeline.start(task.command(task.archive), output, environment)
    except OSError as error:
        return unstarted(task, f"cannot be started: {error.strerror or error}")
    return RunningSite(task, process, log, started_at, started)


def run_site(
    task: SiteTask,
    lifeline: Lifeline,
    log: Path,
    is_stopped: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> SiteResult:
    """Run a task to its end; it is asked to stop as soon as `is_stopped()` says so."""
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


def unstarted(task: SiteTask, message: str) -> SiteResult:
    """The result of a task that did not run."""
    return SiteResult(task.name, SiteEnd.NOT_STARTED, 1, task.archive, message=message)


def end_of(exit_code: int) -> SiteEnd:
    """How a crawl ended by its exit code; a negative one is the number of the signal that killed it."""
    if exit_code < 0:
        return _ENDS.get(exit_code, SiteEnd.KILLED)
    return _ENDS.get(exit_code, SiteEnd.FAILED)


def _message(end: SiteEnd, exit_code: int, log: Path) -> str:
    """What to say of a crawl that did not end well: its own last words, if it had any."""
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
