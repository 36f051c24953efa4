"""Ends a process that this one has started, in good order or at last by force."""

from __future__ import annotations

import subprocess


def stop_process(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ask a process to end, and kill it if it has not after `patience` seconds. It is gone on return."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
