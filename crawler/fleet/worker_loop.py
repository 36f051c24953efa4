"""A worker of a cluster, started again as long as it is wanted: Dask's own ends when its scheduler is gone.

`python -m broadsheet.crawler.fleet.worker_loop ADDRESS [CRAWLS]` is what a machine of the cluster runs.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from types import FrameType
from urllib.parse import urlsplit


def stop_process(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ask a process to end, and kill it if it has not after `patience` seconds. It is gone on return."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


_PAUSE = 2.0  # seconds between the end of a worker and the next one
_STOP_SECONDS = 60.0  # for a worker to end, with its crawls, before it is killed
_DEFAULT_CRAWLS = 4
_REACH_SECONDS = 5.0  # for a scheduler to take a connection
_JOIN_SECONDS = 60  # for a worker to be taken by its scheduler, before it is started again


def worker_command(address: str, crawls: int, scratch: str) -> list[str]:
    """Return the command of a Dask worker of so many crawls at once, with a nanny that starts it again if it is killed.

    It listens on loopback where its scheduler does. Where the environment names certificates, it speaks TLS.
    """
    words = ["--nthreads", str(crawls), "--nworkers", "1", "--no-dashboard", "--local-directory", scratch]
    words += ["--death-timeout", str(_JOIN_SECONDS)]
    if "//127.0.0.1:" in address:
        words += ["--host", "127.0.0.1"]
    return [sys.executable, "-m", "distributed.cli.dask_worker", address, *words, "--memory-limit", "0"]


def run_worker(address: str, crawls: int) -> None:
    """Run a worker until this process is told to stop by SIGTERM or SIGINT."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with tempfile.TemporaryDirectory(prefix="broadsheet-worker-", ignore_cleanup_errors=True) as scratch:
        command = worker_command(address, crawls, scratch)
        while not stopped.is_set():
            if is_reachable(address):
                _run_once(command, stopped)
            stopped.wait(_PAUSE)


def is_reachable(address: str) -> bool:
    """Tell whether something listens at an address as in `tcp://127.0.0.1:8786`."""
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), _REACH_SECONDS).close()
    except OSError:
        return False
    return True


def _run_once(command: list[str], stopped: threading.Event) -> None:
    process = subprocess.Popen(command, env=os.environ)
    while process.poll() is None and not stopped.is_set():
        stopped.wait(0.5)
    if process.poll() is None:
        stop_process(process, _STOP_SECONDS)


def main() -> None:
    """Run a worker of the scheduler at the address that is the first argument."""
    address, *crawls = sys.argv[1:]
    run_worker(address, int(crawls[0]) if crawls else _DEFAULT_CRAWLS)


if __name__ == "__main__":
    main()
