"""A Dask cluster on loopback, scheduler and workers in processes of their own, to be killed and restarted by tests."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.fleet.dask_engine import connected

_ENVIRONMENT = {
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "200ms",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}


@dataclass
class DaskCluster:
    """Scheduler and workers; `folder` gets their logs."""

    port: int
    folder: Path
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    protocol: str = "tcp"
    variables: dict[str, str] = field(default_factory=dict)
    """Variables that scheduler and workers get besides those of this process."""

    @property
    def address(self) -> str:
        return f"{self.protocol}://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        words = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--no-dashboard"]
        words += ["--port", str(self.port)]
        words += ["--protocol", self.protocol]
        self.scheduler = self._start("scheduler", words)
        deadline = time.monotonic() + 60
        while True:
            with suppress(CommandError):
                connected(self.address).close()
                return
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def start_worker(self, machine: str = "", address: str = "", special: Mapping[str, str] = {}, *more: str) -> None:
        """A worker that is started again when it ends, as a service is; on a machine of its own if none is named."""
        words = [sys.executable, "-m", "distributed.cli.dask_worker", address or self.address, "--nthreads", "2"]
        words += ["--nworkers", "1", "--no-dashboard", "--host", "127.0.0.1", "--memory-limit", "0", *more]
        machine = machine or f"machine-{len(self.workers)}"
        folder = self.folder / machine
        words += ["--local-directory", f"{folder}-scratch", "--death-timeout", "20"]
        loop = f"while :; do {shlex.join(words)}; sleep 0.5; done"
        self.workers.append(self._start(machine, ["sh", "-c", loop], **{"MACHINE": str(folder), **special}))

    def restart_scheduler(self) -> None:
        assert self.scheduler
        self.scheduler.kill()
        self.scheduler.wait()
        self.start_scheduler()

    def worker_pids(self) -> list[int]:
        """The processes of the workers proper, which nannies watch."""
        with connected(self.address) as client:
            return sorted(client.run(os.getpid).values())

    def kill_worker(self, machine: str) -> bool:
        """Kill the worker proper of a machine, which its nanny starts again; tell whether there was one."""
        mark = f"MACHINE={self.folder / machine}".encode()
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if not entry.name.isdigit() or b"spawn_main" not in (entry / "cmdline").read_bytes():
                    continue
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
                    return True
        return False

    def close(self) -> None:
        for process in [*self.workers, *([self.scheduler] if self.scheduler else [])]:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, name: str, words: list[str], **variables: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                words,
                stdout=log,
                stderr=log,
                env={**os.environ, **_ENVIRONMENT, **self.variables, **variables},
                start_new_session=True,
            )
