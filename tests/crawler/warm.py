"""Commands in forks of a process that has imported all they need (`warmed.py`), and what they say.

Most of the time of a short crawl goes into imports, once for the crawl and once for its workers. A command that is run
here is a process of its own all the same, with its own reactor, workers, signals and exit code. With BROADSHEET_COLD
set, as in `make nightly`, nothing is run here: each command has an interpreter of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds after which a command counts as hung
IMPATIENT = {"BROADSHEET_RETRY_WAIT": "0.2"}  # by default a page that fails is tried for 35 seconds; read when imported


class WarmProcess:
    """The process, seen from the tests."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crawler.warmed", str(theirs.fileno())],
            cwd=REPOSITORY,
            env=IMPATIENT | os.environ,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self._answers = self._channel.makefile()
        atexit.register(self.close)

    def close(self) -> None:
        self._channel.shutdown(socket.SHUT_RDWR)
        self._process.wait()

    def run(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        seconds: float,
    ) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of `python -m module arguments`, run in a folder."""
        request = json.dumps([module, *arguments, str(folder.absolute()), dict(environment)]).encode() + b"\n"
        with self._lock, tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            socket.send_fds(self._channel, [request], [out.fileno(), errors.fileno()])
            code = self._ended(int(self._answers.readline()), seconds)
            out.seek(0)
            errors.seek(0)
            return code, out.read(), errors.read()

    def _ended(self, process: int, seconds: float) -> int:
        overdue = threading.Event()

        def kill() -> None:
            overdue.set()
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(process, signal.SIGKILL)

        timer = threading.Timer(seconds, kill)
        timer.start()
        code = int(self._answers.readline())
        timer.cancel()
        if overdue.is_set():
            raise subprocess.TimeoutExpired("a command", seconds)
        return code


def run(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path = REPOSITORY,
    seconds: float = PATIENCE,
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `python -m module arguments`; it is killed if it hangs."""
    if not is_cold():
        return _warm().run(module, arguments, environment, folder, seconds)
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return process.returncode, out, errors


def is_cold() -> bool:
    """Whether each command is to have an interpreter of its own."""
    return os.environ.get("BROADSHEET_COLD", "") not in ("", "0")


@cache
def _warm() -> WarmProcess:
    """The process, which begins when it is first asked for."""
    return WarmProcess()
