"""A worker of a cluster, started again as long as it is wanted: Dask's own ends when its scheduler is gone.

`python -m crawler.fleet.engine.worker_loop ADDRESS [CRAWLS]` is what a job script and a container run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from types import FrameType

_PAUSE = 2.0  # seconds between the end of a worker and the next one
_STOP_SECONDS = 60.0  # for a worker to end, with its crawls, before it is killed
_DEFAULT_CRAWLS = 4


def worker_command(address: str, crawls: int, scratch: str) -> list[str]:
    """The command of a Dask worker that runs so many crawls at once, with a nanny that starts it again if it is killed.

    It listens on loopback where its scheduler does. Where the environment names certificates, it speaks TLS.
    """
    words = ["--nthreads", str(crawls), "--nworkers", "1", "--no-dashboard", "--local-directory", scratch]
    if "//127.0.0.1:" in address:
        words += ["--host", "127.0.0.1"]
    return [sys.executable, "-m", "distributed.cli.dask_worker", address, *words, "--memory-limit", "0"]


def run_worker(address: str, crawls: int) -> int:
    """Run a worker until this process is told to stop by SIGTERM or SIGINT. Returns the exit code."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with tempfile.TemporaryDirectory(prefix="broadsheet-worker-", ignore_cleanup_errors=True) as scratch:
        while not stopped.is_set():
            _run_once(worker_command(address, crawls, scratch), stopped)
            stopped.wait(_PAUSE)
    return 0


def _run_once(command: list[str], stopped: threading.Event) -> None:
    process = subprocess.Popen(command, env=os.environ)
    while process.poll() is None and not stopped.is_set():
        stopped.wait(0.5)
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(run_worker(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else _DEFAULT_CRAWLS))
