"""Jobs of a desk: each is a verb in a process of its own, and some files in the folder that say how far it is.

A job has four files in `.desk` beside the archives, which begin with its id:

- `ID.json`: the order, written once: the verb's words, the archive, and the fleet's task if it is one
- `ID.jsonl`: a line when it begins, lines of a crawl's progress, and a line when it has ended
- `ID.txt`: what the verb prints
- `ID.run.lock`: held by the process while it runs; the system frees the lock of a dead one

So the state of a job is read from its files. Whoever opens the folder next finds it, also after kill -9 of the desk, of
the job, or of both: a job without a beginning waits, one that holds its lock runs, and one that holds none was killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from secrets import token_hex
from typing import Any

from broadsheet.output.archive.archive_errors import InUse
from broadsheet.output.archive.archive_lock import ArchiveLock
from broadsheet.output.archive.atomic_writes import whole_file
from broadsheet.output.archive.stored_values import utc_now

from ..cli.command_line import INTERRUPTED
from ..fleet.fleet_folder import RecordFolder
from ..fleet.fleet_turn import tell
from ..fleet.site_processes import end_of, site_result
from ..fleet.site_task import SiteEnd, SiteTask

FOLDER = ".desk"
"""The folder beside the archives that holds jobs, trial crawls and the desk's settings."""
TRIAL = "trial-"
"""The beginning of the name of a trial crawl's archive in the folder."""
_KEPT = 200  # ended jobs of which the files stay
_TAIL = 65_536  # bytes at the end of a log in which its last lines are looked for
_MOST_OUTPUT = 8_000  # characters of what a verb printed that a page shows
_KILLED = -signal.SIGKILL
READING_VERBS = frozenset(("backup", "export", "verify"))
"""Verbs that read an archive, which they may while it is crawled."""


class JobState(StrEnum):
    """State of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"
    KILLED = "killed"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Tell whether the job has ended."""
        return self not in (JobState.QUEUED, JobState.RUNNING, JobState.STOPPING)


_STATES = {SiteEnd.DONE: JobState.DONE, SiteEnd.STOPPED: JobState.STOPPED, SiteEnd.KILLED: JobState.KILLED}


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a person: `words` after `broadsheet`, on an archive in the folder, called `title`.

    `hosts` are those that it crawls: no two jobs crawl a host at once. `task` is the fleet's, of a site of the list.
    `result` names the file or folder that it makes.
    """

    title: str
    archive: str
    words: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    task: SiteTask | None = None
    result: str = ""
    is_trial: bool = False

    @property
    def verb(self) -> str:
        """Return the verb."""
        return self.words[0]

    @property
    def place(self) -> tuple[str, bool]:
        """Return what no two running jobs may share: the archive that they write or read."""
        return self.archive, self.verb in READING_VERBS


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its files tell it. `progress` is the last line of a crawl's progress; times are UTC, ISO 8601."""

    id: str
    order: Order
    state: JobState = JobState.QUEUED
    process: int = 0
    exit_code: int = 0
    started_at: str = ""
    ended_at: str = ""
    progress: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_stopped_by_person(self) -> bool:
        """Tell whether a person pressed Stop; a machine that is shut down sends another signal."""
        return self.state is JobState.STOPPED and self.exit_code == INTERRUPTED

    @property
    def made_at(self) -> str:
        """Return when the job was ordered; its id begins with that time."""
        return datetime.strptime(self.id[:15], "%Y%m%dT%H%M%S").isoformat() + "Z"


class JobFolder:
    """The jobs of a folder of archives, and their processes. One desk at a time has it.

    `environment` are variables that each job gets in addition. At most `parallel` jobs run at once.
    """

    def __init__(self, archives: Path, environment: Mapping[str, str]) -> None:
        self.archives = archives
        self.parallel = 2
        self._folder = archives / FOLDER
        self._environment = environment
        self._lock = threading.RLock()
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._stops: dict[str, int] = {}
        self._over: dict[str, Job] = {}  # jobs that have ended, which change no more

    def file(self, job_id: str, ending: str) -> Path:
        """Return a file of a job."""
        return self._folder / f"{job_id}.{ending}"

    def add(self, order: Order) -> Job:
        """Queue an order. OSError if the disk refuses it."""
        with self._lock:
            job = Job(f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{token_hex(4)}", order)
            with whole_file(self.file(job.id, "json")) as stream:
                stream.write(json.dumps(asdict(order), indent=1, default=str).encode())
            self.forget_old()
            self.turn()
            return job

    def jobs(self) -> list[Job]:
        """Return all jobs, latest first."""
        with self._lock:
            names = sorted((path.stem for path in self._folder.glob("*.json") if "-" in path.stem), reverse=True)
            return [job for name in names if (job := self.job(name))]

    def job(self, job_id: str) -> Job | None:
        """Return a job as it is now; None for an invalid id, or if its order cannot be read."""
        with self._lock:
            if job := self._over.get(job_id):
                return job
            order = _read_order(self.file(job_id, "json")) if _is_id(job_id) else None
            if order is None:
                return None
            job = self._known(Job(job_id, order))
            if job.state.is_over:
                self._over[job_id] = job
                self._started.pop(job_id, None)
            return job

    def output(self, job: Job) -> str:
        """Return the end of what a job's verb printed."""
        text = _tail(self.file(job.id, "txt")).decode("utf-8", "replace").partition("\nNext:\n")[0]
        return text if len(text) <= _MOST_OUTPUT else "…" + text[-_MOST_OUTPUT:]

    def stop(self, job: Job) -> None:
        """Stop a job as Ctrl-C does, a second time at once; one that waits never begins."""
        with self._lock:
            now = self.job(job.id)
            if now is None or now.state.is_over:
                return
            if now.process and is_running(self.file(job.id, "run")):  # its number is its own while it holds the lock
                self._stops[job.id] = self._stops.get(job.id, 0) + 1
                with suppress(ProcessLookupError):
                    os.kill(now.process, signal.SIGINT)
            elif now.state is JobState.QUEUED:
                self._end(replace(now, started_at=utc_now()), INTERRUPTED)

    def turn(self) -> None:
        """Start what may run now, the oldest first."""
        with self._lock:
            jobs = self.jobs()
            running = [job for job in jobs if job.state in (JobState.RUNNING, JobState.STOPPING)]
            for job in reversed(jobs):
                if job.state is JobState.QUEUED and len(running) < self.parallel and _is_free(job, running):
                    self._start(job)
                    running.append(job)

    def forget_old(self) -> None:
        """Remove the files of all jobs but the latest, with the archives of trial crawls."""
        with self._lock:
            over = [job for job in self.jobs() if job.state.is_over]
            for job in over[_KEPT:]:
                self.remove(job)

    def remove(self, job: Job) -> None:
        """Remove the files of a job that has ended."""
        self._over.pop(job.id, None)
        trial = self.archives / job.order.archive
        for path in [
            *self._folder.glob(f"{job.id}.*"),
            *(trial.parent.glob(f"{trial.name}*") if job.order.is_trial else ()),
        ]:
            path.unlink(missing_ok=True)

    def _known(self, job: Job) -> Job:
        """Read a job's log. A job that neither runs nor has ended gets its end here."""
        lines = _read_lines(self.file(job.id, "jsonl"))
        begin = next((line for line in lines if isinstance(line.get("process"), int)), None)
        end = next((line for line in reversed(lines) if isinstance(line.get("code"), int)), None)
        if begin:
            job = replace(job, process=begin["process"], started_at=str(begin["at"]))
        job = replace(job, progress=next((line for line in reversed(lines) if "pages" in line), {}))
        if end:
            state = _STATES.get(end_of(end["code"]), JobState.FAILED)
            return replace(job, state=state, exit_code=end["code"], ended_at=str(end["at"]))
        starter = self._started.get(job.id)
        is_starting = starter is not None and starter.poll() is None
        if is_starting or is_running(self.file(job.id, "run")):
            return replace(job, state=JobState.STOPPING if job.id in self._stops else JobState.RUNNING)
        if begin or starter:
            return self._end(job, _KILLED if starter is None or not starter.returncode else starter.returncode)
        return job

    def _end(self, job: Job, code: int) -> Job:
        end_job(self.archives, job, code)
        return self._known(job)

    def _start(self, job: Job) -> None:
        """Start the process of a job. One that cannot be started has ended."""
        environment = {
            **os.environ, **self._environment, "BROADSHEET_PROGRESS_LOG": str(self.file(job.id, "jsonl")),
            "PYTHONUNBUFFERED": "1", "COLUMNS": "100",
        }  # fmt: skip
        module = f"{__package__}.job_process"
        try:
            with self.file(job.id, "txt").open("ab") as output:
                self._started[job.id] = subprocess.Popen(
                    [sys.executable, "-P", "-m", module, str(self.archives), job.id],
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.archives, env=environment,
                    start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            self.file(job.id, "txt").write_text(f"broadsheet: cannot be started: {error.strerror}\n", "utf-8")
            self._end(replace(job, started_at=utc_now()), 1)


def _is_free(job: Job, running: Sequence[Job]) -> bool:
    """Tell whether no other job uses its archive or one of its hosts."""
    hosts = set(job.order.hosts)
    return all(other.order.place != job.order.place and hosts.isdisjoint(other.order.hosts) for other in running)


def _is_id(text: str) -> bool:
    """Tell whether a text from a URL may be the id of a job."""
    return text.isascii() and len(text) == 30 and text.replace("-", "").isalnum()


def is_running(file: Path) -> bool:
    """Tell whether a process holds the lock of a file. The one who asks must be the only one who does."""
    if not Path(f"{file}.lock").exists():
        return False
    lock = ArchiveLock(file)
    try:
        lock.acquire()
    except InUse:
        return True
    lock.release()
    return False


def add_line(log: Path, **values: object) -> None:
    """Append a line to a job's log."""
    with log.open("ab") as stream:
        stream.write(json.dumps(values).encode() + b"\n")


def end_job(archives: Path, job: Job, code: int) -> None:
    """Write down how a job ended, and in the fleet's records what that says of its site.

    The job's own process does so, and of a killed one the desk that finds it.
    """
    folder = archives / FOLDER
    started_at, now = job.started_at or utc_now(), utc_now()
    if (task := job.order.task) is not None:
        seconds = (datetime.fromisoformat(now) - datetime.fromisoformat(started_at)).total_seconds()
        result = site_result(task, code, folder / f"{job.id}.txt", started_at, seconds)
        RecordFolder(archives).note(task, result)
        for line in tell(task, result):
            print(f"broadsheet: {line}", file=sys.stderr)
    if job.order.verb == "forget" and not code:
        # Output of jobs may name the article that was taken down, and trial crawls may hold its text.
        for file in folder.glob("*-*.json"):
            order, output = _read_order(file), file.with_suffix(".txt")
            if file.stem == job.id:
                output.write_bytes(_tail(output).rstrip().rpartition(b"\n")[2] + b"\n")
            elif order and (order.is_trial or order.archive == job.order.archive):
                output.unlink(missing_ok=True)
        for file in folder.glob(f"{TRIAL}*"):
            file.unlink(missing_ok=True)
    _write_end(folder / f"{job.id}.jsonl", {"event": "ended", "at": now, "code": code})


def _write_end(log: Path, end: Mapping[str, object]) -> None:
    """Write a log's last line. Its last progress stays, without the URL, which may be taken down one day."""
    lines = _read_lines(log)
    begin = [line for line in lines if line.get("event") == "started"][:1]
    progress = [{name: value for name, value in line.items() if name != "url"} for line in lines if "pages" in line]
    with whole_file(log) as stream:
        stream.writelines(json.dumps(line).encode() + b"\n" for line in [*begin, *progress[-1:], end])


def read_job(archives: Path, job_id: str) -> Job | None:
    """Read an order for the process that carries it out; None where one has begun before."""
    folder = archives / FOLDER
    order = _read_order(folder / f"{job_id}.json")
    if order is None or any("event" in line for line in _read_lines(folder / f"{job_id}.jsonl")):
        return None
    return Job(job_id, order, JobState.RUNNING, os.getpid(), started_at=utc_now())


def _read_order(file: Path) -> Order | None:
    try:
        values = _with_tuples(json.loads(file.read_bytes()))
        if values["task"]:
            task = _with_tuples(values["task"])
            values["task"] = SiteTask(**{**task, "archive": Path(task["archive"])})
        return Order(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _read_lines(log: Path) -> list[dict[str, Any]]:
    """Read the first line of a log and some of its last ones, without lines that were cut off."""
    with suppress(OSError):
        with log.open("rb") as stream:
            first = stream.readline()
        return list(_objects([first, *_tail(log).split(b"\n")]))
    return []


def _objects(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        with suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                yield value


def _tail(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - _TAIL))
            return stream.read()
    except OSError:
        return b""
