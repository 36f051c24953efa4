"""The engine for a Slurm cluster: a scheduler beside the command, workers as one array of jobs; both end with it.

The file `slurm.toml` says how a cluster starts workers. A mistake in it is a line with its place.

[cluster]                    # the scheduler on this machine, and its workers
[sbatch]                     # options of sbatch, by their long names
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from broadsheet.crawler.command_values import CommandError, duration
from broadsheet.crawler.fleet.checked_toml import TomlMistake, check_keys, read_checked, subtable
from broadsheet.crawler.fleet.dask_engine import DaskEngine
from broadsheet.crawler.fleet.site_task import SiteResult, SiteTask
from broadsheet.crawler.fleet.stored_run import StorePlace
from broadsheet.crawler.fleet.worker_loop import stop_process
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.installed_extras import install_command

_LAUNCHERS = ("slurm",)
_DEFAULTS: Mapping[str, Any] = {
    "launcher": "slurm", "host": "", "port": 0, "workers": 1, "crawls": 4, "tls": True, "setup": [], "patience": "12h",
    "python": sys.executable,
}  # fmt: skip
_KINDS: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false", list: "an array of texts"}
_OPTION = re.compile(r"[a-z][a-z0-9-]*")
_TAKEN_OPTIONS = ("array", "parsable", "wait", "wrap")
_MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class SlurmCluster:
    """The terms on which workers are started: so many jobs of so many crawls, reaching the scheduler at `host`.

    `patience` is how many seconds there may be no worker at all; `job_options` are those of `sbatch`, `setup` what a
    job runs first. With `port` 0 the system chooses one.
    """

    host: str
    port: int
    workers: int
    crawls: int
    tls: bool
    setup: tuple[str, ...]
    patience: float
    python: str
    job_options: tuple[tuple[str, str], ...]


def read_cluster(file: Path) -> SlurmCluster:
    """Read and check such a file. CommandError with the file and the line of the first mistake."""
    return read_checked(file, _cluster)


def _cluster(document: Mapping[str, Any]) -> SlurmCluster:
    check_keys(document, ("cluster", "sbatch"))
    table = _checked_table(document)
    host = table["host"]
    is_here = _is_loopback(host)
    return SlurmCluster(
        host=host,
        port=table["port"],
        workers=table["workers"],
        crawls=table["crawls"],
        tls=table["tls"] and not (is_here and "tls" not in document["cluster"]),
        setup=tuple(table["setup"]),
        patience=_seconds(table["patience"]),
        python=table["python"],
        job_options=_job_options(subtable(document, "sbatch")),
    )


def _checked_table(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table [cluster] with its defaults, each value of its kind and within its bounds."""
    own_table = subtable(document, "cluster")
    check_keys(own_table, tuple(_DEFAULTS), "cluster")
    for key, value in own_table.items():
        _check_kind(key, value)
    table = {**_DEFAULTS, **own_table}
    _check_launcher(table["launcher"])
    for key, (least, most) in {"port": (0, _MOST_PORT), "workers": (1, 10_000), "crawls": (1, 1_000)}.items():
        if not least <= table[key] <= most:
            raise TomlMistake(f"{key} must be from {least:,} to {most:,}, not {table[key]}", "cluster", key)
    if not table["host"]:
        path = ("cluster",) if "cluster" in document else ()
        raise TomlMistake("[cluster] needs host: the address of this machine that the nodes reach", *path)
    return table


def _check_kind(key: str, value: object) -> None:
    kind = type(_DEFAULTS[key])
    is_right = type(value) is kind and (not isinstance(value, list) or all(map(_is_line, value)))
    if not is_right or (isinstance(value, str) and not _is_line(value)):
        raise TomlMistake(f"{key} must be {_KINDS[kind]}, not {value!r}", "cluster", key)


def _check_launcher(launcher: str) -> None:
    if launcher not in _LAUNCHERS:
        raise TomlMistake(
            f"the launcher {launcher!r} is not known, only slurm; docs/cluster.md has PBS, LSF and Kubernetes",
            "cluster", "launcher",
        )  # fmt: skip


def _job_options(table: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return options of `sbatch` and their values; empty for a flag."""
    for key, value in table.items():
        if not _OPTION.fullmatch(key) or key in _TAKEN_OPTIONS:
            raise TomlMistake(f"{key} is no long option of sbatch that may stand here", "sbatch", key)
        if value is not True and type(value) is not int and not _is_line(value):
            raise TomlMistake(f"{key} must be a text, a whole number or true, not {value!r}", "sbatch", key)
    return tuple((key, "" if value is True else str(value)) for key, value in table.items())


def _seconds(value: str) -> float:
    try:
        return duration(value)
    except click.ClickException as error:
        raise TomlMistake(f"patience: {error.message}", "cluster", "patience") from error


def _is_line(value: object) -> bool:
    """Tell whether a value is a text of one line that is not empty: it becomes a line of a script."""
    return isinstance(value, str) and bool(value) and value.isprintable()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_IDLE_TIMEOUT = (
    "5 minutes"  # until a scheduler ends whose command was killed: its tasks go with the command's connection
)


@contextmanager
def running_scheduler(cluster: SlurmCluster) -> Iterator[str]:
    """Run a scheduler as the file of the cluster says, within the `with` block, and yield its address.

    CommandError, one line, if it does not start.
    """
    if find_spec("distributed") is None:
        raise CommandError(f"a cluster needs Dask: {install_command('fleet')}")
    with tempfile.TemporaryDirectory(prefix="broadsheet-scheduler-") as folder:
        process = _start(cluster, Path(folder))
        try:
            yield _scheduler_address(process, Path(folder))
        finally:
            stop_process(process, _STOP_SECONDS)


def scheduler_command(cluster: SlurmCluster, address_file: Path) -> list[str]:
    """Return the command of the scheduler, which writes its address into a file."""
    protocol = "tls" if cluster.tls else "tcp"
    words = ["--host", f"{protocol}://{cluster.host}", "--port", str(cluster.port), "--protocol", protocol]
    words += ["--no-dashboard", "--idle-timeout", _IDLE_TIMEOUT, "--scheduler-file", str(address_file)]
    return [sys.executable, "-m", "distributed.cli.dask_scheduler", *words]


def _start(cluster: SlurmCluster, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            scheduler_command(cluster, folder / "address"),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def _scheduler_address(process: subprocess.Popen[bytes], folder: Path) -> str:
    """Wait for the address that the scheduler writes, and return it."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return str(json.loads((folder / "address").read_bytes())["address"])
        except (FileNotFoundError, ValueError):
            time.sleep(_LOOK_SECONDS)
    lines = (folder / "log").read_text("utf-8", "replace").strip().splitlines()
    raise CommandError(f"the scheduler does not start: {lines[-1] if lines else 'no reason given'}")


_SLURM_SECONDS = 120.0  # for an answer of sbatch or scancel
_LOST_SECONDS = 600  # until a worker whose scheduler is gone ends
_FIRST_OPTIONS = {"job-name": "broadsheet", "signal": "B:TERM@120"}
"""Options of a job that the file may set otherwise. With the signal, crawls stop in good order before the time is
over."""


def job_script(cluster: SlurmCluster, address: str, log_folder: Path) -> str:
    """Return the script of a worker's job: its options, its setup, and a worker of the scheduler at `address`."""
    options = {**_FIRST_OPTIONS, "output": str(log_folder / "worker-%a.log"), **dict(cluster.job_options)}
    lines = [f"#SBATCH --{name}" + (f"={_quoted(value)}" if value else "") for name, value in options.items()]
    words = (
        cluster.python,
        "-P",
        "-m",
        "broadsheet.crawler.fleet.worker_loop",
        address,
        cluster.crawls,
        _LOST_SECONDS,
    )
    command = "exec " + shlex.join(map(str, words))
    return "\n".join(["#!/bin/bash", f"#SBATCH --array=1-{cluster.workers}", *lines, *cluster.setup, command, ""])


def submit_jobs(script: Path) -> str:
    """Hand a script to Slurm; return the number of the job. CommandError, one line, if it does not take it."""
    answer = _run_slurm("sbatch", "--parsable", str(script))
    if job := answer.strip().partition(";")[0]:
        return job
    raise CommandError("sbatch named no job")


def cancel_jobs(job: str) -> None:
    """End all jobs of the array, running or waiting. CommandError if Slurm cannot be asked."""
    _run_slurm("scancel", job)


def _run_slurm(*words: str) -> str:
    try:
        process = subprocess.run(words, capture_output=True, text=True, timeout=_SLURM_SECONDS, check=False)
    except FileNotFoundError as error:
        raise CommandError(f"there is no {words[0]} on this machine; --cluster needs Slurm's commands") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"{words[0]} does not answer: {error}") from error
    if process.returncode:
        reason = (process.stderr.strip() or f"exit code {process.returncode}").splitlines()[0]
        raise CommandError(f"{words[0]} failed: {reason}")
    return process.stdout


def _quoted(value: str) -> str:
    """Quote a value for a line of `#SBATCH`: in quotes where there are spaces."""
    return f'"{value}"' if " " in value else value


_LOG = logging.getLogger(__name__)


@dataclass
class SlurmEngine:
    """An engine on workers that `sbatch` starts. `folder` gets the script of the jobs, and their logs."""

    cluster: SlurmCluster
    store_place: StorePlace
    folder: Path
    _engine: DaskEngine | None = field(default=None, init=False)
    _is_stopped: bool = field(default=False, init=False)

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        """Run the tasks: see `Engine.run`. CommandError, one line, if there is no scheduler or no job to be had."""
        with running_scheduler(self.cluster) as address, self._workers(address):
            self._engine = DaskEngine(address, self.store_place, worker_seconds=self.cluster.patience)
            if self._is_stopped:
                self._engine.stop()
            self._engine.run(tasks, on_result)

    def stop(self) -> None:
        """Stop: see `Engine.stop`."""
        self._is_stopped = True
        if self._engine:
            self._engine.stop()

    def running(self) -> tuple[SiteTask, ...]:
        """Return the tasks that are running: see `Engine.running`."""
        return self._engine.running() if self._engine else ()

    @contextmanager
    def _workers(self, address: str) -> Iterator[None]:
        """Start workers of the scheduler, and end them with the `with` block; they may wait for a place on the
        cluster.
        """
        job = submit_jobs(self._write_script(address))
        try:
            yield
        finally:
            try:
                cancel_jobs(job)
            except CommandError as error:
                _LOG.warning("%s; end the workers with: scancel %s", error.message, job)

    def _write_script(self, address: str) -> Path:
        script = self.folder / "worker.sh"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            script.write_text(job_script(self.cluster, address, self.folder), "utf-8")
        except OSError as error:
            raise NotReachable(f"{script} cannot be written: {error.strerror}") from error
        return script
