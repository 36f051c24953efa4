"""Descendants of a process: their memory, and how to kill them, including those in other sessions. Linux only."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def descendants(pid: int) -> list[int]:
    """Return a process with its children, their children, and so on, except those that another parent has adopted."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            # The name, in brackets, may have anything in it.
            parent = int((folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for process in found:
        found += children.get(process, ())
    return found


def private_bytes(pids: list[int]) -> int:
    """Return the private memory of these processes in bytes: shared with no file and no other process."""
    total = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            _, resident, shared, *_ = map(int, (_PROC / str(pid) / "statm").read_text().split())
            total += max(0, resident - shared) * _PAGE_SIZE
    return total


def kill_all(pids: list[int]) -> None:
    """Kill processes; ignore those that have already exited."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
