"""Costs of processes: seconds, CPU seconds and peak memory of a command with its children, or of one process."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from tests.bench.load.session_cpu import SessionCost

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK = 0.5  # seconds between two looks at the processes


@dataclass(frozen=True, slots=True)
class Run:
    """What a command took: wall seconds, CPU seconds of all processes and of the first alone, peak memory in MB."""

    seconds: float
    cpu: float
    own_cpu: float
    peak_mb: float
    own_peak_mb: float


def watched(command: Sequence[str], cwd: pathlib.Path) -> Run:
    """Run a command to its end. Memory that processes share counts once: theirs is the proportional set size."""
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


def session_cost(command: Sequence[str], cwd: pathlib.Path) -> SessionCost:
    """Run a command to its end, with all that it leaves behind. SystemExit where it ends badly."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "cost.json"
        launcher = [sys.executable, "-m", "tests.bench.load.session_cpu", str(report)]
        subprocess.run([*launcher, *command], cwd=cwd, env=usual_environment(), check=True)
        cost = SessionCost(**json.loads(report.read_text("utf-8")))
    if cost.exit_code:
        raise SystemExit(f"ended with {cost.exit_code}: {' '.join(command)}")
    return cost


def peak_kilobytes(pid: int | str = "self") -> int:
    """The most memory that a process has held. `getrusage` would count that of the process that started it."""
    return int(pathlib.Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0])


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
    """(CPU seconds, proportional set size in MB) of a process; its ended children that were waited for count too."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    return sum(map(int, fields[11:13])) / _TICKS, int(rollup.partition("\nPss:")[2].split()[0]) / 1024
