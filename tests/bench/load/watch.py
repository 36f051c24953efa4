"""Run a command and measure it with its children: seconds, CPU seconds, peak memory."""

from __future__ import annotations

import os
import pathlib
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOK = 0.2  # seconds between two looks at the processes


@dataclass(frozen=True, slots=True)
class Run:
    """What a command took: wall seconds, CPU seconds of all processes and of the first alone, peak RSS in MB."""

    seconds: float
    cpu: float
    own_cpu: float
    peak_mb: float
    own_peak_mb: float


def watched(command: Sequence[str], cwd: pathlib.Path) -> Run:
    """Run a command to its end. RSS counts pages that processes share once for each."""
    started, cpu, peak, own_peak = time.monotonic(), {}, 0.0, 0.0
    process = subprocess.Popen(
        command, cwd=cwd, env=usual_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        memory = {}
        for pid in _family(process.pid):
            if (seen := _usage(pid)) is not None:
                cpu[pid], memory[pid] = seen
        peak, own_peak = max(peak, sum(memory.values())), max(own_peak, memory.get(process.pid, 0.0))
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK)
    if process.returncode:
        raise SystemExit(f"ended with {process.returncode}: {' '.join(map(str, command))}")
    return Run(time.monotonic() - started, sum(cpu.values()), cpu.get(process.pid, 0.0), peak, own_peak)


def usual_environment() -> dict[str, str]:
    """The environment, in which Python may keep compiled modules: who installs a package has them too."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _family(pid: int) -> list[int]:
    found = [pid]
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            children = pathlib.Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
            found += [each for child in children for each in _family(int(child))]
    except OSError:
        pass
    return found


def _usage(pid: int) -> tuple[float, float] | None:
    """(CPU seconds, RSS in MB) of a process; its ended children that were waited for count too."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return sum(map(int, fields[11:13])) / _TICKS, int(fields[21]) * _PAGE / 2**20
