"""Run a command to its end and say what it cost with every process that it ever started.

    python -m tests.bench.load.session_cpu REPORT.json COMMAND ...

The processes of a crawl do not stay children of the command: a worker's parent is the server that forked it. This
process therefore adopts what is left behind (Linux, `PR_SET_CHILD_SUBREAPER`) and waits for it; what the kernel then
counts for its children is the CPU of all of them, to the last tick, without looking at any while they run.
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class SessionCost:
    """What a command took: seconds until it exited, CPU seconds of all its processes, and its exit code."""

    seconds: float
    cpu: float
    exit_code: int


def adopt_orphans() -> None:
    """Have orphans below this process become its children. OSError where the system has no such thing."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "orphans cannot be adopted")


def run(command: Sequence[str]) -> SessionCost:
    """Run the command and wait for it, and for all that it leaves behind. Only for a process that runs nothing else."""
    adopt_orphans()
    cpu_before, started = _children_cpu(), time.monotonic()
    exit_code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    seconds = time.monotonic() - started
    _wait_for_orphans()
    return SessionCost(seconds, _children_cpu() - cpu_before, exit_code)


def _wait_for_orphans() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(json.dumps(asdict(run(sys.argv[2:]))), encoding="utf-8")
