"""A process ends when it is asked to, or is killed."""

from __future__ import annotations

import signal
import subprocess

import pytest

from broadsheet.crawler.fleet.worker_loop import stop_process


@pytest.mark.parametrize(
    ("trap", "patience", "ending"),
    [("trap 'exit 3' TERM", 60.0, 3), ("trap '' TERM", 0.05, -signal.SIGKILL)],
    ids=["in good order", "deaf"],
)
def test_it_is_gone(trap: str, patience: float, ending: int) -> None:
    process = subprocess.Popen(["sh", "-c", f"{trap}; echo ready; while :; do sleep .02; done"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    stop_process(process, patience)
    process.stdout.close()
    assert process.returncode == ending
