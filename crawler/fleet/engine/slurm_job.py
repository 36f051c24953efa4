"""Workers as one array of Slurm jobs: the script of a job, `sbatch` to start them, `scancel` to end them."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from broadsheet.crawler.console.option_types import CommandError
from broadsheet.crawler.fleet.engine.cluster_file import SlurmCluster

_SLURM_SECONDS = 120.0  # for an answer of sbatch or scancel
_LOST_SECONDS = 600  # until a worker whose scheduler is gone ends
_FIRST_OPTIONS = {"job-name": "broadsheet", "signal": "B:TERM@120"}
"""Options of a job that the file may set otherwise. With the signal, crawls stop in good order before the time is
over."""


def job_script(cluster: SlurmCluster, address: str, log_folder: Path) -> str:
    """The script of a worker's job: its options, what it sets up, and a worker of the scheduler at `address`."""
    options = {**_FIRST_OPTIONS, "output": str(log_folder / "worker-%a.log"), **dict(cluster.job_options)}
    lines = [f"#SBATCH --{name}" + (f"={_quoted(value)}" if value else "") for name, value in options.items()]
    words = (
        cluster.python,
        "-P",
        "-m",
        "broadsheet.crawler.fleet.engine.worker_loop",
        address,
        cluster.crawls,
        _LOST_SECONDS,
    )
    command = "exec " + shlex.join(map(str, words))
    return "\n".join(["#!/bin/bash", f"#SBATCH --array=1-{cluster.workers}", *lines, *cluster.setup, command, ""])


def submit_jobs(script: Path) -> str:
    """Hand a script to Slurm; returns the number of the job. CommandError, one line, if it does not take it."""
    answer = _run("sbatch", "--parsable", str(script))
    if job := answer.strip().partition(";")[0]:
        return job
    raise CommandError("sbatch named no job")


def cancel_jobs(job: str) -> None:
    """End all jobs of the array, running or waiting. CommandError if Slurm cannot be asked."""
    _run("scancel", job)


def _run(*words: str) -> str:
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
    """A value as a line of `#SBATCH` has it: in quotes where there are spaces."""
    return f'"{value}"' if " " in value else value
